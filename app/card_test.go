package main

import (
	"slices"
	"testing"

	"callwise/app/b24/b24sim"

	"github.com/google/go-cmp/cmp"
)

func TestTheCallCardIsShownWhenTheAdministratorWants(t *testing.T) {
	for _, test := range []struct {
		name     string
		settings []string
		by       string // extension that answers
		ringing  []int64
		talking  []int64
		requests int // show
	}{
		{"on ring", nil, "104", []int64{anna}, []int64{anna}, 0},
		{"on answer", []string{"card/when", "answer"}, "104", nil, []int64{anna}, 1},
		{"on answer, of somebody else", []string{"card/when", "answer"}, "105", nil, []int64{omar}, 1},
		{"on answer, of nobody we know", []string{"card/when", "answer"}, "999", nil, []int64{anna}, 1},
		{"never", []string{"card/when", "never"}, "104", nil, nil, 0},
		{"on ring, of whom nobody rang", nil, "105", []int64{anna}, []int64{omar}, 1},
		{"on ring, but not for her", []string{"card/employees/17", "never"}, "104", nil, nil, 0},
		{"never, but for her on ring", []string{"card/when", "never", "card/employees/17", "ring"}, "105", []int64{anna}, nil, 0},
		{"on ring, but on answer for him who answers", []string{"card/employees/18", "answer"}, "105", []int64{anna}, []int64{omar}, 1},
		{"on answer, but never for him who answers", []string{"card/when", "answer", "card/employees/18", "never"}, "105", nil, nil, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, address string) {
				r := newRig(t, address, classic)
				if test.settings != nil {
					r.set(test.settings...)
				}
				r.tell(started("c1", "incoming", "+4930901820"))
				r.registered(1)
				r.expectCards(test.ringing)
				r.tell(answered("c1", test.by))
				r.eventually("answered", func() bool { return r.call("pbx:c1").AnsweredAt != nil && r.idle("pbx:c1") })
				r.expectCards(test.talking)
				r.tell(ended("c1", "answered", 5))
				r.finished(1)
				r.expectCards(nil)
				if n := r.sim.Count("acme", "telephony.externalCall.show"); n != test.requests {
					t.Errorf("show was called %d times, want %d", n, test.requests)
				}
			})
		})
	}
}

func TestACardThatIsNotShownIsNoReasonToGiveTheCallUp(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.set("card/when", "answer")
		r.sim.Inject(b24sim.Fault{Portal: "acme", Method: "telephony.externalCall.show", Act: b24sim.Refuse, Code: "ACCESS_DENIED"})
		r.tell(started("c1", "incoming", "+4930901820"), answered("c1", "104"))
		r.registered(1)
		r.eventually("tried", func() bool { return r.idle("pbx:c1") && slices.Contains(r.call("pbx:c1").Progress.Popup.Users, anna) })
		r.tell(ended("c1", "answered", 5))
		r.finished(1)
		if got := r.call("pbx:c1").State; got != "finished" {
			t.Errorf("state = %s", got)
		}
	})
}

// idle reports that all events of a call were worked on.
func (r *rig) idle(key string) bool {
	r.t.Helper()
	return r.allDone(r.call(key))
}

func (r *rig) expectCards(users []int64) {
	r.t.Helper()
	var got []int64
	for _, card := range r.portal.Cards() {
		got = append(got, card.UserID)
	}
	if diff := cmp.Diff(users, got); diff != "" {
		r.t.Errorf("cards (-want +got):\n%s", diff)
	}
}
