package main

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"
)

func TestALostAnswerIsAskedForInTheSameWordsWhateverIsLearntMeanwhile(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		lost := r.sim.Inject(b24sim.Fault{Portal: "acme", Method: "telephony.externalCall.register", Times: -1, Act: b24sim.Drop, After: true})
		end := with(ended("c1", "answered", 5), "extension", "")
		r.tell(with(with(end, "direction", "incoming"), "phone", "+4930901821"))
		r.retrying("c1")
		lost.Remove()
		// Only now it is known on which line the call came, and to whom.
		r.tell(started("c1", "incoming", "+4930901821", map[string]any{"extensions": []string{"105"}}))
		r.worked("c1")
		r.leaves(trace{
			Calls:      map[string]outcome{"c1": {State: models.CallFinished, Reason: rules.NewCreated}},
			Statistics: []ending{{omar, "+4930901821", "200", 5}},
			Logged:     [][]crm.Ref{{lead(1)}}, Leads: 1,
		}, "c1")
	})
}

func TestALostAnswerIsAskedForInTheSameWordsAlthoughTheNextAttemptsWereRefused(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		r.sim.Inject(b24sim.Fault{Portal: "acme", Method: "telephony.externalCall.register", Act: b24sim.Drop, After: true})
		full := b24sim.QueryLimit("acme", "telephony.externalCall.register")
		full.Nth, full.Times = 2, -1
		refused := r.sim.Inject(full)
		end := with(ended("c1", "answered", 5), "extension", "")
		r.tell(with(with(end, "direction", "incoming"), "phone", "+4930901821"))
		r.retrying("c1")
		// Only now it is known on which line the call came, and to whom.
		r.tell(started("c1", "incoming", "+4930901821", map[string]any{"extensions": []string{"105"}}))
		r.eventually("it is refused once more", func() bool { return r.row("c1").Attempts == 2 })
		refused.Remove()
		r.again("c1")
		r.worked("c1")
		r.leaves(trace{
			Calls:      map[string]outcome{"c1": {State: models.CallFinished, Reason: rules.NewCreated}},
			Statistics: []ending{{omar, "+4930901821", "200", 5}},
			Logged:     [][]crm.Ref{{lead(1)}}, Leads: 1,
		}, "c1")
	})
}

func TestACardThatRefusesTheCallIsNamedAndOneThatIsGoneIsNot(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		known := r.mia("+4930901821")
		locked := lead(r.portal.AddLead(b24sim.Lead{Title: "One", Phones: []string{"+4930901821"}}))
		gone := lead(r.portal.AddLead(b24sim.Lead{Title: "Two", Phones: []string{"+4930901821"}}))
		r.tell(started("c1", "incoming", "+4930901821"))
		r.registered(1)
		r.portal.Delete(gone)
		r.sim.Inject(b24sim.Fault{Portal: "acme", Method: "crm.activity.binding.add", Act: b24sim.Refuse, Code: "ACCESS_DENIED"})
		r.tell(ended("c1", "answered", 5))
		r.worked("c1")
		r.leaves(trace{
			Calls: map[string]outcome{"c1": {
				State: models.CallFinished, Reason: rules.OpenEntity, Notes: []rules.Note{rules.BindPartial},
				Failed: []models.BindFailure{{Ref: locked, Code: "ACCESS_DENIED"}},
			}},
			Statistics: []ending{{anna, "+4930901821", "200", 5}},
			Logged:     [][]crm.Ref{{known}}, Leads: 1,
		}, "c1")
		if n := r.sim.Count("acme", "crm.activity.binding.add"); n != 3 {
			t.Errorf("bound %d times, want once for each of the three", n)
		}
	})
}

func TestACallStaysOnItsLeadWhenTheDealItWasMeantForIsGone(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		from := r.portal.AddLead(b24sim.Lead{Title: "Old", Phones: []string{"+4930901890"}, StatusID: "CONVERTED"})
		open := r.portal.AddDeal(b24sim.Deal{Title: "Roof", LeadID: from})
		r.tell(started("c1", "incoming", "+4930901890"))
		r.registered(1)
		r.portal.Delete(deal(open))
		r.tell(ended("c1", "answered", 5))
		r.worked("c1")
		r.leaves(trace{
			Calls:      map[string]outcome{"c1": {State: models.CallFinished, Reason: rules.OpenEntity}},
			Statistics: []ending{{anna, "+4930901890", "200", 5}},
			Logged:     [][]crm.Ref{{lead(from)}}, Leads: 1,
		}, "c1")
	})
}

func TestABindingThatFailsAfterTheFinishGoesOnWhereItStopped(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		known := r.mia("+4930901821") // all that Bitrix24 finds by itself
		from := r.portal.AddLead(b24sim.Lead{Title: "Old", StatusID: "CONVERTED", Phones: []string{"+4930901821"}})
		var deals []crm.Ref
		for range 60 {
			deals = append(deals, deal(r.portal.AddDeal(b24sim.Deal{Title: "Roof", LeadID: from})))
		}
		r.tell(started("c1", "incoming", "+4930901821"))
		r.registered(1)
		broken := r.sim.Inject(b24sim.Fault{Portal: "acme", Method: "crm.activity.binding.add", Nth: 2, Times: -1, Act: b24sim.Drop})
		r.tell(ended("c1", "answered", 5))
		r.retrying("c1")
		want := trace{
			Calls:      map[string]outcome{"c1": {State: models.CallOpen, Reason: rules.OpenEntity}},
			Statistics: []ending{{anna, "+4930901821", "200", 5}},
			Logged:     [][]crm.Ref{append(deals[:48:48], known)}, Leads: 1,
		}
		r.leaves(want, "c1")
		broken.Remove()
		r.sim.ClearRequests()
		r.again("c1")
		r.worked("c1")
		want.Calls = map[string]outcome{"c1": {State: models.CallFinished, Reason: rules.OpenEntity}}
		want.Logged = [][]crm.Ref{append(deals, known)}
		r.leaves(want, "c1")
		r.atMost(1)
	})
}

func TestACardThatDoesNotTakeTheCallNowIsAskedAgain(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		known := r.mia("+4930901890") // all that Bitrix24 finds by itself
		open := r.portal.AddLead(b24sim.Lead{Title: "Roof", Phones: []string{"+4930901890"}, CreatedAt: time.Now().Add(-time.Hour)})
		refused := r.refusing("crm.activity.binding.add", 500, "INTERNAL_SERVER_ERROR")
		id := r.builtin("+4930901890")
		r.retrying(id)
		refused.Remove()
		r.again(id)
		r.eventually("the call is done", func() bool { return r.row(id).State == models.CallFinished })
		r.leaves(trace{
			Calls:      map[string]outcome{id: {State: models.CallFinished, Reason: rules.OpenEntity}},
			Statistics: []ending{{anna, "+4930901890", "200", 5}},
			Logged:     [][]crm.Ref{{lead(open), known}}, Leads: 1,
		}, id)
	})
}

func TestRepeatsThatNobodyTurnedOffAreOnInSimpleMode(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, b24sim.PortalConfig{Mode: crm.Simple})
		known := r.mia("+4930901821")
		r.save(url.Values{"create_entities": {"on"}, "repeated_leads": {"on"}})
		r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
		r.worked("c1")
		r.leaves(trace{
			Calls:      map[string]outcome{"c1": {State: models.CallFinished, Reason: rules.RepeatContact}},
			Statistics: []ending{{anna, "+4930901821", "200", 5}},
			Logged:     [][]crm.Ref{{deal(1), known}},
		}, "c1")
	})
}

func TestThePreviewTakesRepeatsAsTheCRMModeMeansThem(t *testing.T) {
	tests := []struct {
		name   string
		mode   crm.Mode
		repeat string
		off    bool
	}{
		{"nobody has told in classic mode", crm.Classic, "unknown", true},
		{"nobody has told in simple mode", crm.Simple, "unknown", false},
		{"the administrator turned them off in simple mode", crm.Simple, "off", true},
	}
	eachDatabase(t, func(t *testing.T, address string) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				r := newRig(t, freshDatabase(t), b24sim.PortalConfig{Mode: tt.mode})
				page := r.post("/settings/preview", url.Values{
					"create_entities": {"on"}, "outgoing_calls": {"on"}, "repeated_leads": {"on"}, "repeat_in_bitrix24": {tt.repeat},
				})
				if got := strings.Contains(page, "Repeats are not on in Bitrix24"); got != tt.off {
					t.Errorf("the preview says that repeats are not on: %t\n%s", got, page)
				}
			})
		}
	})
}

// TestACallHasItsOwnTimesInTheCRM: the PBX, the portal and we live in different
// zones.
func TestACallHasItsOwnTimesInTheCRM(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.mia("+4930901890")
		tokyo := time.FixedZone("", 9*3600)
		began := time.Now().Add(-2 * time.Hour).Truncate(time.Second)
		r.tell(with(started("c1", "incoming", "+4930901890"), "at", began.In(tokyo).Format(time.RFC3339)),
			with(ended("c1", "answered", 65), "at", began.Add(80*time.Second).In(tokyo).Format(time.RFC3339)))
		r.worked("c1")
		a, s := r.portal.Activities()[0], r.portal.Statistics()[0]
		if !a.StartedAt.Equal(began) || !s.StartedAt.Equal(began) || s.Duration != 65 || a.EndedAt.Sub(a.StartedAt) != 65*time.Second {
			t.Errorf("activity = %+v, statistics = %+v, want 65 s of talk from %v", a, s, began)
		}
	})
}
