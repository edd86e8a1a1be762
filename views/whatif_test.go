package views

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheWhatIfCountsWhatThereWouldBeMoreAndLessOf(t *testing.T) {
	pair := func(direction string, before, after PreviewCell) WhatIfPair {
		return WhatIfPair{ID: 9, Direction: direction, Phone: "+49 30 901820", Before: before, After: after}
	}
	named := pair("outgoing", lead, nothingTo("NEW_OUTGOING_OFF"))
	named.Customer = "Müller GmbH"
	got := NewWhatIf(Localizer{}, 500, []WhatIfPair{
		pair("incoming", known("REPEAT_OFF_PBX"), repeated("REPEAT_CONTACT")),
		pair("incoming", known("REPEAT_OFF_PBX"), repeated("REPEAT_CONTACT")),
		named, pair("incoming", openOne, openTwo),
	}, true)
	want := WhatIf{
		Total: 500, Differ: 4, All: true, Kinds: []string{"Incoming: 3", "Outgoing: 1"},
		Counters: []WhatIfCounter{{Text: "+2 repeated leads", More: true}, {Text: "−1 new lead", Less: true}, {Text: "1 to other cards"}},
		Calls: []WhatIfCall{
			{ID: 9, Direction: "incoming", Call: "Incoming", Who: "+49 30 901820", Before: "Nothing", After: "Repeated lead", Why: "Only a contact"},
			{ID: 9, Direction: "incoming", Call: "Incoming", Who: "+49 30 901820", Before: "Nothing", After: "Repeated lead", Why: "Only a contact"},
			{ID: 9, Direction: "outgoing", Call: "Outgoing", Who: "Müller GmbH", Before: "New lead", After: "Nothing", Why: "New number: off for outgoing calls"},
			{ID: 9, Direction: "incoming", Call: "Incoming", Who: "+49 30 901820", Before: "All open", After: "All open + Contact, company", Why: "Something is open"},
		},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Localizer{})); diff != "" {
		t.Errorf("what-if (-want +got):\n%s", diff)
	}
}

func TestTheWhatIfListsAFewCallsAtFirst(t *testing.T) {
	for _, tt := range []struct {
		differ int
		all    bool
		listed int
		whole  bool
	}{{0, false, 0, true}, {3, false, 3, true}, {4, false, 3, false}, {4, true, 4, true}} {
		got := whatIfOf(Localizer{}, tt.differ, tt.all)
		if len(got.Calls) != tt.listed || got.All != tt.whole {
			t.Errorf("%d differ: %d are listed, all %v", tt.differ, len(got.Calls), got.All)
		}
	}
}

func TestEveryStepOfATrialHasWordsInEveryLanguage(t *testing.T) {
	var keys []string
	for _, code := range SetupCodes {
		keys = append(keys, "setup."+string(code), "setup."+string(code)+".mend")
	}
	for _, code := range TestCodes {
		keys = append(keys, "testcall."+string(code))
	}
	for _, state := range []TestState{TestFine, TestFailed, TestWaiting, TestSkipped} {
		keys = append(keys, "testcall.state."+string(state))
	}
	for _, why := range []string{"access.mend", "access.suspended", "key.mend", "number.mend", "number.hidden", "stored.late", "worker.late",
		"crm.refused", "crm.late", "crm.unread", "decided.ignored", "sent.ignored", "sent.nothing", "sent.unmapped", "command.none", "command.mend",
		"sent.card.ring", "sent.card.answer", "sent.card.never"} {
		keys = append(keys, "testcall."+why)
	}
	for _, create := range CreateCodes[1:] {
		keys = append(keys, "whatif.more."+create, "whatif.less."+create)
	}
	for _, part := range []string{"", ".admin", ".employee", ".off"} {
		keys = append(keys, "banner."+string(DryRun)+part)
	}
	for _, err := range []FieldError{ErrNumberMissing, ErrNumberTooLong} {
		keys = append(keys, "error."+string(err))
	}
	for _, lang := range []string{"en", "ru"} {
		texts := words(t, lang)
		for _, key := range keys {
			if _, ok := texts[key]; !ok {
				t.Errorf("%s: %s has no words", lang, key)
			}
		}
	}
}
