package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/app/callflow"
	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
)

func TestWhatBitrix24CreatesForAClickAgainstTheRulesIsKeptAndNamed(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("cob")
		junk(r.portal, "+4930901851", nobody)
		id := r.click(b24sim.Click{UserID: omar, Phone: "+4930901851", Line: "callwise"})
		r.tell(clicked("p7", id, "+4930901851"), omars(ended("p7", "answered", 3)))
		r.worked("p7")
		r.leaves(trace{
			Calls: map[string]outcome{"p7": {
				State: models.CallFinished, Reason: rules.RepeatOffPBX, Notes: []rules.Note{rules.PlatformCreated},
			}},
			Statistics: []ending{{omar, "+4930901851", "200", 3}},
			Logged:     [][]crm.Ref{{lead(2)}}, Leads: 2,
		}, "p7")
	})
}

func TestWhatIsNotShownYetIsNotCreatedAgain(t *testing.T) {
	const phone = "+4930901850"
	eachDatabase(t, func(t *testing.T, _ string) {
		t.Run("for the click it was made for", func(t *testing.T) {
			r := newRig(t, freshDatabase(t), classic)
			r.switches("cob")
			reading := r.holding("crm.duplicate.findbycomm")
			id := r.portal.Click(b24sim.Click{UserID: omar, Phone: phone, Line: "callwise"})
			<-reading.Reached()
			r.portal.Delete(lead(1)) // as if the search did not find it yet
			reading.Release()
			r.tell(clicked("p7", id, phone), omars(ended("p7", "answered", 3)))
			r.worked("p7")
			r.leaves(trace{
				Calls:      map[string]outcome{"p7": {State: models.CallFinished, Reason: rules.NewCreated}},
				Statistics: []ending{{omar, phone, "200", 3}},
			}, "p7")
		})
		t.Run("for the next call of the number", func(t *testing.T) {
			r := newRig(t, freshDatabase(t), classic)
			r.switches("c")
			r.tell(started("c1", "incoming", phone), ended("c1", "answered", 5))
			r.worked("c1")
			r.portal.Delete(lead(1))
			r.tell(started("c2", "incoming", phone), ended("c2", "answered", 7))
			r.worked("c2")
			r.leaves(trace{
				Calls: map[string]outcome{
					"c1": {State: models.CallFinished, Reason: rules.NewCreated},
					"c2": {State: models.CallFinished, Reason: rules.OpenEntity, Notes: []rules.Note{rules.DuplicateSuppressed}},
				},
				Statistics: []ending{{anna, phone, "200", 5}, {anna, phone, "200", 7}},
				Logged:     [][]crm.Ref{{lead(1)}},
			}, "c1", "c2")
		})
	})
}

func TestACreationThatWasPutOffIsDecidedAnewWhenAnotherCallMayHaveDoneIt(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		var ahead atomic.Int64
		r := tuned(t, address, classic, func(h *house) {
			now := clockAhead(&ahead)
			h.flow.Now, h.store.Now, h.flow.Bitrix24.Now = now, now, now
		})
		r.switches("corb")
		known := r.mia("+4930901821")
		refused := r.refusing("crm.lead.add", 500, "INTERNAL_SERVER_ERROR")
		r.tell(started("c1", "outgoing", "+4930901821"))
		r.retrying("c1")
		r.take("c1")
		refused.Remove()
		r.tell(started("c2", "outgoing", "+4930901821", map[string]any{"extensions": []string{"105"}}))
		r.registered(2)
		r.deliver()
		r.worked("c2")
		ahead.Store(int64(2 * time.Minute))            // longer than what was created is remembered
		r.sql("UPDATE recent_creations SET until = 0") // PostgreSQL's clock cannot be moved
		r.tell(ended("c1", "answered", 5))
		r.worked("c1")
		r.tell(omars(ended("c2", "answered", 7)))
		r.worked("c2")
		r.leaves(trace{
			Calls: map[string]outcome{
				"c1": {State: models.CallFinished, Reason: rules.OpenEntity},
				"c2": {State: models.CallFinished, Reason: rules.RepeatContact},
			},
			Statistics: []ending{{anna, "+4930901821", "200", 5}, {omar, "+4930901821", "200", 7}},
			Logged:     [][]crm.Ref{{lead(1), known}, {lead(1), known}}, Leads: 1,
		}, "c1", "c2")
	})
}

// TestALeadOfTheAppWhoseAnswerWasLostIsLookedForHoweverLate has a manager close the
// lead before the portal can be reached again. The call came on a line that Bitrix24
// knows: the adding of another would be refused, and stop the request.
func TestALeadOfTheAppWhoseAnswerWasLostIsLookedForHoweverLate(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		var ahead atomic.Int64
		r := tuned(t, address, classic, func(h *house) {
			now := clockAhead(&ahead)
			h.flow.Now, h.store.Now, h.flow.Bitrix24.Now = now, now, now
		})
		r.switches("corb")
		known := r.mia("+4930901821")
		const register = "telephony.externalCall.register"
		r.sim.Inject(b24sim.Fault{Portal: "acme", Method: register, Act: b24sim.Drop, After: true})
		down := r.sim.Inject(b24sim.Fault{Portal: "acme", Method: register, Nth: 2, Times: -1, Act: b24sim.Drop})
		r.tell(started("c1", "outgoing", "+4930901821", map[string]any{"line": callflow.DefaultLine}))
		r.retrying("c1")
		r.portal.SetStage(lead(1), "JUNK")
		ahead.Store(int64(26 * time.Minute)) // after that a registration is not repeated any more
		down.Remove()
		r.tell(ended("c1", "answered", 5))
		r.worked("c1")
		r.leaves(trace{
			Calls:      map[string]outcome{"c1": {State: models.CallFinished, Reason: rules.RepeatLeadLost}},
			Statistics: []ending{{anna, "+4930901821", "200", 5}},
			Logged:     [][]crm.Ref{{lead(1), known}}, Leads: 1,
		}, "c1")
	})
}

func TestALeadOfTheAppIsNotLookedForWhenItsRegistrationWasRefused(t *testing.T) {
	refusals := map[string]func(*rig){
		"for its user":   func(r *rig) { r.portal.Dismiss(anna) }, // the list of employees still has her
		"for the moment": func(r *rig) { r.sim.Inject(b24sim.QueryLimit("acme", "telephony.externalCall.register")) },
	}
	looks := func(q b24sim.Request) bool { return strings.Contains(fmt.Sprint(q.Params), "originId:c1") }
	eachDatabase(t, func(t *testing.T, _ string) {
		for name, refuse := range refusals {
			t.Run(name, func(t *testing.T) {
				r := newRig(t, freshDatabase(t), classic)
				r.switches("corb")
				r.mia("+4930901821")
				refuse(r)
				r.tell(started("c1", "outgoing", "+4930901821", map[string]any{"line": callflow.DefaultLine}))
				r.worked("c1")
				if n := len(r.portal.Leads()); n != 1 || slices.ContainsFunc(r.sim.Requests(), looks) {
					t.Errorf("%d leads, want one that was not looked for: %v", n, methods(r.sim))
				}
			})
		}
	})
}

// take keeps a call from the program for a while, as a process that died does.
func (r *rig) take(id string) {
	r.t.Helper()
	lease := fmt.Sprintf("call:%d", r.row(id).ID)
	r.eventually("nobody works on "+id, func() bool {
		taken, err := r.house.store.Acquire(r.t.Context(), lease, "test", 25*time.Second)
		if err != nil {
			r.t.Fatal(err)
		}
		return taken
	})
}

func TestInSimpleModeTheAppCreatesADealAndItsContact(t *testing.T) {
	const phone = "+4930901861"
	tests := []struct {
		name  string
		call  func(r *rig) string
		want  outcome
		leads int
	}{
		{
			name: "for a number of a junk lead on Bitrix24's own line",
			call: func(r *rig) string {
				junk(r.portal, phone, nobody)
				c := r.portal.StartCall(b24sim.BuiltinCall{Phone: phone, Line: "4930901800", UserID: anna})
				c.End("200", 5)
				r.deliver()
				return c.ID
			},
			want:  outcome{State: models.CallFinished, Reason: rules.RepeatLeadLost},
			leads: 2,
		},
		{
			name: "for a new number that is decided late",
			call: func(r *rig) string {
				r.unread("c1", phone)
				r.tell(ended("c1", "answered", 5))
				return "c1"
			},
			want:  outcome{State: models.CallFinished, Reason: rules.NewCreated, Notes: []rules.Note{rules.SnapshotFailed}},
			leads: 1,
		},
	}
	eachDatabase(t, func(t *testing.T, _ string) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				r := newRig(t, freshDatabase(t), b24sim.PortalConfig{Mode: crm.Simple})
				r.switches("corb")
				id := tt.call(r)
				r.worked(id)
				r.leaves(trace{
					Calls:      map[string]outcome{id: tt.want},
					Statistics: []ending{{anna, phone, "200", 5}},
					Logged:     [][]crm.Ref{{deal(1), contact(1)}}, Leads: tt.leads,
				}, id)
			})
		}
	})
}

func TestTheCallOfAnotherAppIsHandledWhereThatIsWantedAndOursOnlyOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		r.save(url.Values{"other_apps": {"on"}})
		r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
		r.worked("c1")
		c := r.portal.StartCall(b24sim.BuiltinCall{Incoming: true, Phone: "+4930901899", UserID: anna, OtherApp: 99})
		c.End("200", 10)
		r.deliver()
		r.worked("c1", c.ID)
		r.leaves(trace{
			Calls: map[string]outcome{
				"c1": {State: models.CallFinished, Reason: rules.NewCreated},
				c.ID: {State: models.CallFinished, Reason: rules.NewCreated},
			},
			Statistics: []ending{{anna, "+4930901821", "200", 5}, {anna, "+4930901899", "200", 10}},
			Logged:     [][]crm.Ref{{lead(1)}, {lead(2)}}, Leads: 2,
		}, "c1", c.ID)
	})
}

func TestABeginningThatIsReportedAfterTheEndChangesNothing(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		c := r.portal.StartCall(b24sim.BuiltinCall{Incoming: true, Phone: "+4930901860", Line: "4930901800", UserID: anna})
		c.End("200", 40)
		r.deliver()
		r.worked(c.ID)
		before := r.portal.Snapshot()
		r.sim.ClearRequests()
		c.Answer()
		r.deliver()
		r.worked(c.ID)
		if diff := cmp.Diff(before, r.portal.Snapshot()); diff != "" {
			t.Errorf("the portal changed (-before +after):\n%s", diff)
		}
		r.atMost(0)
	})
}

// TestInSimpleModeTheDealIsLookedUpWhenOnlyTheLeadIsNamed has a portal tell of
// the technical lead alone that it converts into a deal with a contact.
func TestInSimpleModeTheDealIsLookedUpWhenOnlyTheLeadIsNamed(t *testing.T) {
	const phone = "+4930901861"
	calls := map[string]func(*rig) string{
		"of a call": func(r *rig) string {
			r.tell(started("c1", "incoming", phone), ended("c1", "answered", 5))
			return "c1"
		},
		"of a click": func(r *rig) string {
			id := r.click(b24sim.Click{UserID: anna, Phone: phone, Line: "callwise"})
			r.tell(clicked("p1", id, phone), ended("p1", "answered", 5))
			return id
		},
	}
	eachDatabase(t, func(t *testing.T, _ string) {
		for name, begin := range calls {
			t.Run(name, func(t *testing.T) {
				r := newRig(t, freshDatabase(t), b24sim.PortalConfig{Mode: crm.Simple, NamesLead: true})
				r.switches("cob")
				id := begin(r)
				r.finished(1)
				r.logged(deal(1), contact(1))
				c := r.row(id)
				if diff := cmp.Diff([]crm.Ref{deal(1), contact(1)}, c.Progress.Created); diff != "" {
					t.Errorf("created (-want +got):\n%s", diff)
				}
				if c.Decision.Reason != rules.NewCreated || len(c.Progress.Notes) != 0 {
					t.Errorf("%s, notes %v; want a new number's", c.Decision.Reason, c.Progress.Notes)
				}
			})
		}
	})
}

// What another call of the number created a moment ago holds back only who did not know
// of it (decision.md F.6).
func TestALeadThatWasClosedAtOnceDoesNotHoldBackTheNextOne(t *testing.T) {
	const phone = "+4930901821"
	for name, again := range map[string]func(*rig) string{
		"of a call": func(r *rig) string {
			r.tell(started("c2", "outgoing", phone), ended("c2", "answered", 5))
			return "c2"
		},
		"of a click": func(r *rig) string {
			id := r.click(b24sim.Click{UserID: anna, Phone: phone, Line: "callwise"})
			r.tell(clicked("p2", id, phone), ended("p2", "answered", 5))
			return id
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, address string) {
				r := newRig(t, address, classic)
				r.switches("corb")
				mia := r.mia(phone)
				r.tell(started("c1", "outgoing", phone), ended("c1", "answered", 5))
				r.finished(1)
				r.portal.SetStage(lead(1), "JUNK")
				id := again(r)
				r.finished(2)
				r.leaves(trace{
					Calls: map[string]outcome{
						"c1": {State: models.CallFinished, Reason: rules.RepeatContact},
						id:   {State: models.CallFinished, Reason: rules.RepeatLeadLost},
					},
					Statistics: []ending{{anna, phone, "200", 5}, {anna, phone, "200", 5}},
					Logged:     [][]crm.Ref{{lead(1), mia}, {lead(2), mia}}, Leads: 2,
				}, "c1", id)
			})
		})
	}
}
