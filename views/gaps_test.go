package views

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestASpanOfTimeNamesItsDayOnce(t *testing.T) {
	today := time.Date(2026, 3, 4, 12, 0, 0, 0, berlin)
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 3, day, hour, minute, 7, 0, berlin) }
	for _, tt := range []struct {
		name     string
		from, to time.Time
		en, ru   string
	}{
		{"today", at(4, 9, 10), at(4, 9, 42), "Today, 09:10–09:42", "Сегодня, 09:10–09:42"},
		{"one minute", at(4, 9, 10), at(4, 9, 10), "Today, 09:10", "Сегодня, 09:10"},
		{"over midnight", at(3, 23, 50), at(4, 0, 5), "Yesterday, 23:50 – Today, 00:05", "Вчера, 23:50 – Сегодня, 00:05"},
		{"an earlier day", at(2, 9, 10), at(2, 9, 42), "2 Mar, 09:10–09:42", "2 марта, 09:10–09:42"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := []string{Localizer{}.Span(tt.from, tt.to, today, berlin), russian.Span(tt.from, tt.to, today, berlin)}
			if diff := cmp.Diff([]string{tt.en, tt.ru}, got); diff != "" {
				t.Errorf("span (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAGapSaysHowManyCallsAreMissing(t *testing.T) {
	for n, want := range map[int][2]string{
		1:  {"Today, 09:10: 1 call is missing.", "Today, 09:10: не хватает 1 звонка."},
		2:  {"Today, 09:10: 2 calls are missing.", "Today, 09:10: не хватает 2 звонков."},
		12: {"Today, 09:10: 12 calls are missing.", "Today, 09:10: не хватает 12 звонков."},
		21: {"Today, 09:10: 21 calls are missing.", "Today, 09:10: не хватает 21 звонка."},
	} {
		got := [2]string{Localizer{}.N("gap.missing", n, "When", "Today, 09:10"), russian.N("gap.missing", n, "When", "Today, 09:10")}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d (-want +got):\n%s", n, diff)
		}
	}
}

func TestWhatIsMissingIsRecoveredByAClickOnlyWhereThatWasChosen(t *testing.T) {
	missing, filled := Gap{When: "Today", Missing: 2}, Gap{When: "Today", Recovered: 2}
	for _, tt := range []struct {
		name         string
		gaps         Gaps
		told, button bool
		tone         string
	}{
		{"none", Gaps{Click: true}, false, false, ""},
		{"missing, after a click", Gaps{List: []Gap{filled, missing}, Click: true}, true, true, "alert-warning"},
		{"missing, by itself", Gaps{List: []Gap{missing}}, true, false, "alert-warning"},
		{"filled", Gaps{List: []Gap{filled}, Click: true}, true, false, "alert-info"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := callLog(Localizer{})
			p.Gaps = tt.gaps
			var out strings.Builder
			if err := Calls(p).Render(t.Context(), &out); err != nil {
				t.Fatal(err)
			}
			got := []bool{strings.Contains(out.String(), `id="gaps"`), strings.Contains(out.String(), `action="/calls/recover"`), strings.Contains(out.String(), tt.tone)}
			if diff := cmp.Diff([]bool{tt.told, tt.button, true}, got); diff != "" {
				t.Errorf("told, button, tone (-want +got):\n%s", diff)
			}
		})
	}
}
