package handlers

import (
	"testing"
	"time"

	"callwise/app/call"
	"callwise/models"
	"callwise/views"

	"github.com/google/go-cmp/cmp"
)

func TestAMaskedNumberShowsItsLastDigitsOnly(t *testing.T) {
	for number, want := range map[string]string{
		"+49 30 901820": "+49 ••• 18 20", "+7 495 123-45-67": "+7 ••• 45 67", "+1 212-555-0123": "+1 ••• 01 23",
		"030 901820": "••• 18 20", "9018201": "••• 01", "105": "105", "": "",
	} {
		if got := maskNumber(number); got != want {
			t.Errorf("%q is shown as %q, want %q", number, got, want)
		}
	}
	for text, want := range map[string]string{
		"+4930901820": "••• 18 20", "Anna Müller": "Anna Müller", "Call from +49 30 901820": "Call from +49 ••• 18 20", "Studio 54": "Studio 54",
		"8\u00a0495\u00a0123\u00a045\u00a067": "••• 45 67", "+7\u2011495\u2011123\u201145\u201167": "••• 45 67", "+7 495 123–45–67": "+7 ••• 45 67",
		"+49\u202f30\u202f90\u202f18\u202f20": "••• 18 20", "8_495,123•45•67": "••• 45 67",
	} {
		if got := maskText(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
}

func TestOnlyWhoIsNoAdministratorSeesMaskedNumbers(t *testing.T) {
	row := models.CallRow{Phone: "+4930901820", CustomerName: "+4930901820", Direction: call.Incoming}
	for _, tt := range []struct {
		name        string
		mask, admin bool
		want        string
	}{
		{"an employee where numbers are masked", true, false, "+49 ••• 18 20"},
		{"an administrator where numbers are masked", true, true, "+49 30 901820"},
		{"an employee where numbers are not masked", false, false, "+49 30 901820"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := &Handlers{Now: time.Now}
			portal := &models.Portal{Settings: models.Settings{MaskNumbers: tt.mask}}
			w := h.words(view{portal: portal, visitor: Visitor{Admin: tt.admin}, zone: time.UTC}, nil)
			if got := w.row(row).Phone; got != tt.want {
				t.Errorf("number %q, want %q", got, tt.want)
			}
		})
	}
}

func TestPeriodsAreDaysOfThePortal(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 29, 22, 30, 0, 0, time.UTC) // 30 March there, a day after the clocks changed
	day := func(m time.Month, d int) time.Time { return time.Date(2026, m, d, 0, 0, 0, 0, zone) }
	for _, tt := range []struct {
		name     string
		values   views.FilterValues
		from, to time.Time
	}{
		{"any time", views.FilterValues{}, time.Time{}, time.Time{}},
		{"today", views.FilterValues{Period: "today"}, day(3, 30), time.Time{}},
		{"yesterday, of 23 hours", views.FilterValues{Period: "yesterday"}, day(3, 29), day(3, 30)},
		{"7 days", views.FilterValues{Period: "7days"}, day(3, 24), time.Time{}},
		{"30 days", views.FilterValues{Period: "30days"}, day(3, 1), time.Time{}},
		{"this month", views.FilterValues{Period: "this_month"}, day(3, 1), time.Time{}},
		{"from a day to a day", views.FilterValues{Period: "custom", From: "2026-02-01", To: "2026-03-29"}, day(2, 1), day(3, 30)},
		{"the wrong way round", views.FilterValues{Period: "custom", From: "2026-03-29", To: "2026-02-01"}.Known(), day(2, 1), day(3, 30)},
		{"since a day", views.FilterValues{Period: "custom", From: "2026-02-01"}, day(2, 1), time.Time{}},
		{"until a day", views.FilterValues{Period: "custom", To: "2026-02-01"}, time.Time{}, day(2, 2)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			from, to := period(tt.values, now, zone)
			if !from.Equal(tt.from) || !to.Equal(tt.to) {
				t.Errorf("from %v to %v, want %v to %v", from, to, tt.from, tt.to)
			}
		})
	}
}

// What is stored as missed was not answered, whoever called, until missed calls had a
// choice of their own.
func TestAStoredFilterForUnansweredCallsThatGoOutStillFindsThem(t *testing.T) {
	for direction, want := range map[string]string{"": "missed", "incoming": "missed", "redirected": "missed", "outgoing": "unanswered", "callback": "unanswered"} {
		values := views.FilterValues{Direction: direction, Outcome: "missed"}.Known()
		if values.Outcome != want || values.Direction != direction {
			t.Errorf("%q: %s of %q, want %s", direction, values.Outcome, values.Direction, want)
		}
	}
}

func TestTheOverviewHasABoundedNumberOfBars(t *testing.T) {
	now := time.Date(2026, 3, 4, 14, 0, 0, 0, time.UTC)
	day := func(m time.Month, d int) time.Time { return time.Date(2026, m, d, 0, 0, 0, 0, time.UTC) }
	for _, tt := range []struct {
		name        string
		from, to    time.Time
		bars        int
		first, last time.Time
	}{
		{"without a period: 30 days", time.Time{}, time.Time{}, 30, day(2, 3), day(3, 5)},
		{"a day", day(3, 1), day(3, 2), 1, day(3, 1), day(3, 2)},
		{"31 days are drawn one by one", day(2, 2), time.Time{}, 31, day(2, 2), day(3, 5)},
		{"more are weeks", day(2, 1), time.Time{}, 5, day(2, 1), day(3, 5)},
		{"years are a quarter", day(3, 1).AddDate(-5, 0, 0), time.Time{}, 14, day(3, 5).AddDate(0, 0, -92), day(3, 5)},
		{"what is to come is left out", day(3, 1), day(3, 1).AddDate(5, 0, 0), 4, day(3, 1), day(3, 5)},
		{"nothing but what is to come", day(4, 1), day(5, 1), 0, day(3, 5), day(3, 5)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bounds := overviewBounds(tt.from, tt.to, now)
			got := []any{len(bounds) - 1, bounds[0], bounds[len(bounds)-1]}
			if diff := cmp.Diff([]any{tt.bars, tt.first, tt.last}, got); diff != "" {
				t.Errorf("bars, from, to (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCellsAreNoFormulas(t *testing.T) {
	got := safeCells([]string{"=1+1", "+4930", "-1", "@x", "\tx", "\rx", "x=1", "", "Müller", "\n=1", "＝1"})
	want := []string{"'=1+1", "'+4930", "'-1", "'@x", "'\tx", "'\rx", "x=1", "", "Müller", "'\n=1", "'＝1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("cells (-want +got):\n%s", diff)
	}
}
