package handlers

import (
	"slices"
	"testing"
	"time"

	"callwise/app/call"
	"callwise/app/callflow"
	"callwise/app/rules"
	"callwise/models"
	"callwise/views"

	"github.com/google/go-cmp/cmp"
)

func texts[T ~string](codes []T) []string {
	all := make([]string, len(codes))
	for i, code := range codes {
		all[i] = string(code)
	}
	return all
}

func TestThePagesKnowExactlyTheCodesOfTheRules(t *testing.T) {
	creates := []rules.Create{
		rules.None, rules.Lead, rules.DealContact,
		rules.RepeatedLead, rules.RepeatedDeal, rules.RepeatedDealContact,
	}
	got := map[string][]string{"reasons": views.ReasonCodes, "notes": views.NoteCodes, "creates": views.CreateCodes}
	want := map[string][]string{"reasons": texts(rules.Reasons), "notes": texts(rules.Notes), "creates": texts(creates)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("codes (-rules +views):\n%s", diff)
	}
}

// states are calls in every state that an error may be shown with.
func states() []models.CallRow {
	soon := time.Now()
	return []models.CallRow{
		{State: models.CallOpen}, {State: models.CallOpen, RetryAt: &soon}, {State: models.CallFailed},
		{State: models.CallFinished}, {State: models.CallIgnored},
	}
}

func TestEveryKeyThatIsPutTogetherHasATextInEveryLanguage(t *testing.T) {
	var keys []string
	for _, row := range states() {
		keys = append(keys, "problem."+mishap(row))
	}
	for _, column := range factColumns {
		keys = append(keys, "column."+column)
	}
	for _, step := range callflow.Steps {
		keys = append(keys, "step."+string(step), "step."+string(step)+".mend")
	}
	for _, source := range []models.Source{models.SourceBitrix24, models.SourcePBX, models.SourceCallwise} {
		keys = append(keys, "source."+string(source))
	}
	for _, d := range []call.Direction{call.Incoming, call.Outgoing, call.Redirected, call.Callback, call.Info, call.Internal} {
		keys = append(keys, "direction."+string(d), "call.name."+string(d))
	}
	for _, kind := range plain {
		keys = append(keys, "plain."+string(kind), "plain."+string(kind)+".text", "plain."+string(kind)+".mend")
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	for _, lang := range []string{"en", "ru"} {
		l := views.ForLang(lang)
		for _, key := range keys {
			if l.T(key) == key {
				t.Errorf("%s has no text in %q", key, lang)
			}
		}
	}
}

func TestWithinASecondTheTimelineGoesByArrival(t *testing.T) {
	second := time.Date(2026, 8, 21, 10, 20, 30, 0, time.UTC)
	event := func(source models.Source, kind string, happened, arrived time.Duration) models.Event {
		return models.Event{Source: source, Type: kind, HappenedAt: second.Add(happened), ArrivedAt: second.Add(arrived)}
	}
	w := words{l: views.ForLang("en"), zone: time.UTC}
	shown := w.timeline(models.KindPBX, []models.Event{
		event(models.SourceBitrix24, "ONVOXIMPLANTCALLINIT", 0, 700*time.Millisecond),
		event(models.SourceBitrix24, "ONVOXIMPLANTCALLSTART", 0, 710*time.Millisecond),
		event(models.SourcePBX, "call.started", 400*time.Millisecond, 450*time.Millisecond),
		event(models.SourcePBX, "call.ended", 5*time.Second, 6*time.Second),
		event(models.SourcePBX, "call.answered", 2*time.Second, 8*time.Second),
	})
	var got []string
	for _, e := range shown {
		got = append(got, e.Event)
	}
	want := []string{"Call started", "Call appeared in Bitrix24", "Registered in Bitrix24", "Answered", "Call ended"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("timeline (-want +got):\n%s", diff)
	}
}
