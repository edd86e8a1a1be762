package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"
)

func TestADecidedCallThatIsRegisteredLateCreatesItsLeadBeforeTheEnd(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := tuned(t, address, classic, impatient)
		r.switches("c")
		refused := r.refusing("telephony.externalCall.register", 500, "INTERNAL_SERVER_ERROR")
		r.tell(started("c1", "incoming", "+4930901871"))
		r.retrying("c1")
		refused.Remove()
		reading := r.holding("crm.duplicate.findbycomm") // c2 has the number
		r.tell(started("c2", "outgoing", "+4930901871", map[string]any{"extensions": []string{"105"}}))
		<-reading.Reached()
		r.tell(answered("c1", "104"))
		r.registered(1)
		reading.Release()
		r.registered(2)
		r.tell(with(ended("c2", "answered", 3), "extension", "105"))
		r.worked("c2")
		r.tell(ended("c1", "answered", 5))
		r.worked("c1")
		r.leaves(trace{
			Calls: map[string]outcome{
				"c1": {State: models.CallFinished, Reason: rules.NewCreated, Notes: []rules.Note{rules.SnapshotFailed}},
				"c2": {State: models.CallFinished, Reason: rules.NewOutgoingOff},
			},
			Statistics: []ending{{omar, "+4930901871", "200", 3}, {anna, "+4930901871", "200", 5}},
			Logged:     [][]crm.Ref{{lead(1)}}, Leads: 1,
		}, "c1", "c2")
	})
}

func TestWhatALostAnswerToldIsTheCallsOwnAlthoughTheNumberIsBusyThen(t *testing.T) {
	const phone = "+4930901871"
	late := []rules.Note{rules.SnapshotFailed}
	tests := []struct {
		name   string
		known  func(r *rig)
		calls  map[string]outcome
		logged crm.Ref
	}{
		{
			"a lead that Bitrix24 was asked for", func(*rig) {},
			map[string]outcome{
				"c1": {State: models.CallFinished, Reason: rules.NewCreated, Notes: late},
				"c2": {State: models.CallFinished, Reason: rules.OpenEntity},
			}, lead(1),
		},
		{
			"the lead that a deal came from, which only held the call",
			func(r *rig) {
				from := r.portal.AddLead(b24sim.Lead{Title: "Request", StatusID: "CONVERTED", Phones: []string{phone}})
				r.portal.AddDeal(b24sim.Deal{Title: "Roof", LeadID: from})
			},
			map[string]outcome{
				"c1": {State: models.CallFinished, Reason: rules.OpenEntity, Notes: late},
				"c2": {State: models.CallFinished, Reason: rules.OpenEntity},
			}, deal(1),
		},
	}
	eachDatabase(t, func(t *testing.T, _ string) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				r := tuned(t, freshDatabase(t), classic, impatient)
				r.switches("c")
				tt.known(r)
				lost := r.sim.Inject(b24sim.Fault{Portal: "acme", Method: "telephony.externalCall.register", Times: -1, Act: b24sim.Drop, After: true})
				r.tell(started("c1", "incoming", phone))
				r.retrying("c1")
				lost.Remove()
				reading := r.holding("crm.duplicate.findbycomm") // c2 has the number
				r.tell(started("c2", "incoming", phone, map[string]any{"extensions": []string{"105"}}))
				<-reading.Reached()
				r.tell(answered("c1", "104"))
				r.eventually("c1 is registered", func() bool { return r.row("c1").B24CallID != nil })
				if asked := r.asked("c1"); len(asked) < 2 || len(slices.Compact(asked)) != 1 {
					t.Errorf("Bitrix24 was asked about %q", asked)
				}
				reading.Release()
				r.registered(2)
				r.tell(ended("c1", "answered", 5))
				r.worked("c1")
				r.tell(with(ended("c2", "answered", 3), "extension", "105"))
				r.worked("c2")
				r.leaves(trace{
					Calls: tt.calls, Statistics: []ending{{anna, phone, "200", 5}, {omar, phone, "200", 3}},
					Logged: [][]crm.Ref{{tt.logged}, {tt.logged}}, Leads: 1,
				}, "c1", "c2")
			})
		}
	})
}

// asked tells of each registration of a call what Bitrix24 was told it is about.
func (r *rig) asked(external string) []string {
	var told []string
	about := regexp.MustCompile(`CRM_ENTITY_\w+.\w+`)
	for _, q := range r.sim.Requests() {
		if text := fmt.Sprint(q.Params); strings.Contains(text, "EXTERNAL_CALL_ID="+external) {
			told = append(told, strings.Join(about.FindAllString(text, -1), " "))
		}
	}
	return told
}

func TestADecisionThatNothingWasAskedForIsMadeAnew(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		refused := r.refusing("telephony.externalCall.register", 400, "CONNECTION_ERROR")
		r.tell(started("c1", "incoming", "+4930901871"))
		r.retrying("c1")
		refused.Remove()
		r.tell(started("c2", "incoming", "+4930901871", map[string]any{"extensions": []string{"105"}}))
		r.registered(1) // with the number's lead
		r.tell(ended("c1", "answered", 5))
		r.worked("c1")
		r.tell(with(ended("c2", "answered", 3), "extension", "105"))
		r.worked("c2")
		r.leaves(trace{
			Calls: map[string]outcome{
				"c1": {State: models.CallFinished, Reason: rules.OpenEntity},
				"c2": {State: models.CallFinished, Reason: rules.NewCreated},
			},
			Statistics: []ending{{anna, "+4930901871", "200", 5}, {omar, "+4930901871", "200", 3}},
			Logged:     [][]crm.Ref{{lead(1)}, {lead(1)}}, Leads: 1,
		}, "c1", "c2")
	})
}

func TestACallIsFinishedThoughTheCRMIsNeverShown(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		r.refusing("crm.duplicate.findbycomm", 403, "ACCESS_DENIED")
		r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
		r.worked("c1")
		r.leaves(trace{
			Calls:      map[string]outcome{"c1": {State: models.CallFinished, Notes: []rules.Note{rules.SnapshotFailed}}},
			Statistics: []ending{{anna, "+4930901821", "200", 5}},
		}, "c1")
	})
}

func TestACallThatIsDecidedBeforeItsEndAfterAllDoesNotSayOtherwise(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		blocked := r.sim.Inject(b24sim.Fault{Portal: "acme", Times: -1, Act: b24sim.Refuse, Status: 503, Code: "OVERLOAD_LIMIT"})
		r.tell(started("c1", "incoming", "+4930901821"))
		r.retrying("c1")
		blocked.Remove()
		r.open(r.frame(admin, "DEFAULT")) // the call itself asks nobody while the portal is suspended
		r.registered(1)
		r.tell(ended("c1", "answered", 5))
		r.finished(1)
		r.leaves(trace{
			Calls:      map[string]outcome{"c1": {State: models.CallFinished, Reason: rules.NewCreated}},
			Statistics: []ending{{anna, "+4930901821", "200", 5}},
			Logged:     [][]crm.Ref{{lead(1)}}, Leads: 1,
		}, "c1")
	})
}

func TestALateDecisionTakesNoNewLeadForTheExceptionsList(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := tuned(t, address, classic, impatient)
		r.switches("c")
		registering := r.holding("telephony.externalCall.register")
		r.tell(started("c1", "incoming", "+4930901870"))
		<-registering.Reached()
		r.tell(started("c2", "incoming", "+4930901870", map[string]any{"extensions": []string{"105"}}))
		r.registered(1) // before the first call's lead is there
		registering.Release()
		r.registered(2)
		r.tell(ended("c1", "answered", 5))
		r.worked("c1")
		r.tell(with(ended("c2", "answered", 7), "extension", "105"))
		r.worked("c2")
		r.leaves(trace{
			Calls: map[string]outcome{
				"c1": {State: models.CallFinished, Reason: rules.NewCreated},
				"c2": {State: models.CallFinished, Reason: rules.OpenEntity, Notes: []rules.Note{rules.SnapshotFailed}},
			},
			Statistics: []ending{{anna, "+4930901870", "200", 5}, {omar, "+4930901870", "200", 7}},
			Logged:     [][]crm.Ref{{lead(1)}, {lead(1)}}, Leads: 1,
		}, "c1", "c2")
	})
}

// unread tells of a call that is registered while the CRM cannot be read.
func (r *rig) unread(id, phone string) {
	r.t.Helper()
	refused := r.refusing("crm.duplicate.findbycomm", 403, "ACCESS_DENIED")
	r.tell(started(id, "incoming", phone))
	r.worked(id)
	refused.Remove()
}

func TestAContactSavedDuringALateCallIsNoException(t *testing.T) {
	for _, ahead := range []time.Duration{0, -time.Minute} {
		t.Run(ahead.String(), func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, address string) {
				r := bareRig(t, address, classic)
				r.later(ahead) // by the portal's clock
				r.start()
				r.install()
				r.switches("c")
				r.unread("c1", "+4930901821")
				saved := r.mia("+4930901821")
				r.tell(ended("c1", "answered", 5))
				r.worked("c1")
				r.leaves(trace{
					Calls:      map[string]outcome{"c1": {State: models.CallFinished, Reason: rules.RepeatOffPBX, Notes: []rules.Note{rules.SnapshotFailed}}},
					Statistics: []ending{{anna, "+4930901821", "200", 5}},
					Logged:     [][]crm.Ref{{saved}},
				}, "c1")
			})
		})
	}
}

func TestALateDecisionLeavesAnExceptionAlone(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("crb")
		r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}, CreatedAt: time.Now().Add(-time.Hour)})
		r.portal.Exclude("+4930901821")
		r.unread("c1", "+4930901821")
		r.tell(ended("c1", "answered", 5))
		r.worked("c1")
		r.leaves(trace{
			Calls:      map[string]outcome{"c1": {State: models.CallFinished, Reason: rules.ExcludedNumber, Notes: []rules.Note{rules.SnapshotFailed}}},
			Statistics: []ending{{anna, "+4930901821", "200", 5}},
		}, "c1")
	})
}

func TestTheSecondOfTwoBuiltInCallsOfOneNewNumberIsNoException(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		line := b24sim.BuiltinCall{Incoming: true, Phone: "+4930901860", Line: "4930901800", UserID: anna}
		first, second := r.portal.StartCall(line), r.portal.StartCall(line)
		reading := r.holding("crm.duplicate.findbycomm")
		first.End("200", 5)
		r.deliver()
		<-reading.Reached()
		second.End("304", 0) // before the first call's lead is there
		r.deliver()
		reading.Release()
		r.worked(first.ID, second.ID)
		r.leaves(trace{
			Calls: map[string]outcome{
				first.ID:  {State: models.CallFinished, Reason: rules.NewCreated},
				second.ID: {State: models.CallFinished, Reason: rules.OpenEntity},
			},
			Statistics: []ending{{anna, "+4930901860", "200", 5}, {anna, "+4930901860", "304", 0}},
			Logged:     [][]crm.Ref{{lead(1)}, {lead(1)}}, Leads: 1,
		}, first.ID, second.ID)
	})
}

func TestACallThatIsReportedHoursLateIsNotClosedAsForgotten(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		known := r.mia("+4930901821")
		r.tell(with(started("c1", "incoming", "+4930901821"), "at", ago(4*time.Hour)))
		r.registered(1)
		if err := r.house.flow.CloseStale(t.Context(), 3*time.Hour); err != nil {
			t.Fatal(err)
		}
		r.worked("c1")
		r.registered(1)
		r.tell(with(ended("c1", "answered", 65), "at", ago(4*time.Hour-70*time.Second)))
		r.worked("c1")
		r.leaves(trace{
			Calls:      map[string]outcome{"c1": {State: models.CallFinished, Reason: rules.KnownCreateOff}},
			Statistics: []ending{{anna, "+4930901821", "200", 65}},
			Logged:     [][]crm.Ref{{known}},
		}, "c1")
	})
}

func TestACardDoesNotHangWhileTheCRMIsThrottledAndTheRestFollows(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		var ahead atomic.Int64
		r := tuned(t, address, classic, func(h *house) {
			h.flow.Bitrix24.Now = clockAhead(&ahead)
		})
		r.switches("c")
		throttled := r.refusing("crm.duplicate.findbycomm", 429, "OPERATION_TIME_LIMIT")
		r.tell(started("c1", "incoming", "+4930901821"))
		r.registered(1)
		r.tell(ended("c1", "answered", 5))
		r.eventually("the card is closed", func() bool { return r.portal.Snapshot().Unfinished == 0 })
		r.retrying("c1")
		notes := []rules.Note{rules.SnapshotFailed}
		r.leaves(trace{
			Calls:      map[string]outcome{"c1": {State: models.CallOpen, Notes: notes}},
			Statistics: []ending{{anna, "+4930901821", "200", 5}},
		}, "c1")
		throttled.Remove()
		ahead.Store(int64(11 * time.Minute))
		r.again("c1")
		r.worked("c1")
		r.leaves(trace{
			Calls:      map[string]outcome{"c1": {State: models.CallFinished, Reason: rules.NewCreated, Notes: notes}},
			Statistics: []ending{{anna, "+4930901821", "200", 5}},
			Logged:     [][]crm.Ref{{lead(1)}}, Leads: 1,
		}, "c1")
	})
}
