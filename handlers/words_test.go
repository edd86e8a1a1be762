package handlers

import (
	"encoding/json"
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

// What became of a call from before the app was removed, in the words of the log.
func TestOfACallThatOnlyItsOutcomeIsKnownOfNothingElseIsSaid(t *testing.T) {
	created := &rules.Decision{Create: rules.Lead, Reason: rules.NewCreated}
	removed := func(row models.CallRow) models.CallRow { row.Progress.Removed = true; return row }
	for _, tt := range []struct {
		name string
		row  models.CallRow
		want [3]string // number, result, why
	}{
		{"created", removed(models.CallRow{State: models.CallFinished, Result: models.ResultCreated, Decision: created}), [3]string{"Number removed with the app", "Something was created; the link to it was removed with the app", "This number was not in the CRM, so a new lead was created."}},
		{"added", removed(models.CallRow{State: models.CallFinished, Result: models.ResultAdded}), [3]string{"Number removed with the app", "Added to cards; the links were removed with the app", ""}},
		{"refused", removed(models.CallRow{State: models.CallFinished, Result: models.ResultNothing, Decision: created, Progress: models.Progress{Notes: []rules.Note{rules.CreateFailed}, CreateDone: true}}), [3]string{"Number removed with the app", "Nothing created", "Creating the lead failed: Bitrix24 refused it."}},
		{"broken off", removed(models.CallRow{State: models.CallFailed, Result: models.ResultFailed, Decision: created, Progress: models.Progress{Notes: []rules.Note{rules.CreateFailed}}}), [3]string{"Number removed with the app", "Could not be completed", "Creating the lead failed and is not tried again: the app was removed since."}},
		{"of a hidden number, and not removed", models.CallRow{State: models.CallFinished}, [3]string{"Hidden number", "Nothing created", ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			row := words{zone: time.UTC}.row(tt.row)
			if diff := cmp.Diff(tt.want, [3]string{row.Phone, row.Result.Text(), row.Why}); diff != "" {
				t.Errorf("words (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWithinASecondTheTimelineGoesByArrival(t *testing.T) {
	second := time.Date(2026, 8, 21, 10, 20, 30, 0, time.UTC)
	event := func(source models.Source, kind string, happened, arrived time.Duration) models.Event {
		return models.Event{Source: source, Type: kind, HappenedAt: second.Add(happened), ArrivedAt: second.Add(arrived)}
	}
	w := words{l: views.ForLang("en"), zone: time.UTC}
	shown := w.timeline(models.Call{Kind: models.KindPBX}, []models.Event{
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

// A call goes on whose command the PBX answers late.
func TestTheTimelineTellsThatThePBXDidNotTakeACommandFromTheEndOfTheCall(t *testing.T) {
	c := models.Call{ID: 7, Kind: models.KindClick}
	ended := models.Event{Type: "call.ended", Source: models.SourceCallwise, Payload: json.RawMessage(`{"type":"call.ended","status":"failed"}`)}
	untaken, stale := ended, ended
	untaken.EventKey, stale.EventKey = models.OwnEventKey("command.untaken", 7), models.OwnEventKey("call.ended", 7)
	for lang, want := range map[string][2]string{
		"en": {"Cloud PBX did not accept the call order", "Call ended (failed)"},
		"ru": {"Облачная АТС не приняла заказ звонка", "Звонок завершён (сбой)"},
	} {
		var got [2]string
		for i, e := range (words{l: views.ForLang(lang), zone: time.UTC}).timeline(c, []models.Event{untaken, stale}) {
			if got[i] = e.Event; e.Detail != "" {
				got[i] += " (" + e.Detail + ")"
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", lang, diff)
		}
	}
}
