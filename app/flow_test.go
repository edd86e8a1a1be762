package main

import (
	"strings"
	"testing"

	"callwise/app/b24/b24sim"
	"callwise/app/crm"

	"github.com/google/go-cmp/cmp"
)

// The four kinds of call, from HTTP through the store and River to the portal and
// the call log: PBX calls, clicks, callbacks and calls of Bitrix24's own lines.

// classic is a portal with leads and repeat sales switched on.
var classic = b24sim.PortalConfig{RepeatSales: true}

func TestAnIncomingCallOfANewNumberBecomesALeadAndIsLoggedToIt(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		r.sim.ClearRequests()
		r.tell(started("c1", "incoming", "+49 30 901820"))
		r.registered(1)
		if cards := r.portal.Cards(); len(cards) != 1 || cards[0].UserID != anna {
			t.Errorf("cards = %v, want one for the extension that rings", cards)
		}
		r.tell(answered("c1", "104"), ended("c1", "answered", 65))
		r.finished(1)
		leads := r.portal.Leads()
		if len(leads) != 1 || leads[0].ResponsibleID != anna {
			t.Fatalf("leads = %+v, want one of Anna's", leads)
		}
		r.logged(lead(leads[0].ID))
		r.atMost(3)
		r.logSays("Lead #", "This number was not in the CRM, so a new lead was created.", "+49 30 901820", "Anna Brandt", "1:05")
	})
}

func TestACallOfAKnownCustomerIsLoggedToEveryCardInThreeRequests(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("crb")
		phone := "+4930901821"
		first := r.portal.AddContact(b24sim.Contact{Name: "Mia", LastName: "Vogt", Phones: []string{phone}})
		second := r.portal.AddContact(b24sim.Contact{Name: "Jan", LastName: "Vogt", Phones: []string{"030 901821"}})
		var want []crm.Ref
		for range 20 {
			want = append(want, deal(r.portal.AddDeal(b24sim.Deal{Title: "Roof", ContactIDs: []int64{first}})))
		}
		want = append(want, deal(r.portal.AddDeal(b24sim.Deal{Title: "Door", ContactIDs: []int64{second}})))
		want = append(want, lead(r.portal.AddLead(b24sim.Lead{Title: "Request", Phones: []string{phone}})), contact(first), contact(second))
		r.sim.ClearRequests()

		r.tell(started("c1", "incoming", phone), answered("c1", "104"), ended("c1", "answered", 12))
		r.finished(1)
		r.logged(want...)
		r.atMost(3)
		r.logSays("The customer already has an open lead or deal, so nothing new was created.")
	})
}

func TestAClickIsNeverRegisteredAgainAndReachesThePBX(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("corb")
		id := r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
		closed := r.portal.AddDeal(b24sim.Deal{ContactIDs: []int64{id}, StageID: "WON"})
		callID := r.portal.Click(b24sim.Click{UserID: omar, Phone: "+4930901821", Entity: deal(closed), Line: "callwise"})
		r.eventually("command", func() bool { return len(r.pbx.taken()) == 1 })
		want := map[string]any{
			"type": "call.originate", "bitrix24_call_id": callID, "phone": "+4930901821", "dtmf_after_connect": "",
			"extension": "105", "user_id": float64(omar), "line": "callwise",
			"crm_entity": map[string]any{"type": "contact", "id": float64(id)},
		}
		if diff := cmp.Diff(want, r.pbx.taken()[0]); diff != "" {
			t.Errorf("command (-want +got):\n%s", diff)
		}
		r.tell(
			started("p7", "outgoing", "+4930901821", map[string]any{"bitrix24_call_id": callID, "extensions": []string{"105"}}),
			answered("p7", "105"), ended("p7", "answered", 30),
		)
		r.finished(1)
		if n := r.sim.Count("acme", "telephony.externalCall.register"); n != 0 {
			t.Errorf("a click was registered %d times again", n)
		}
		leads := r.portal.Leads()
		if len(leads) != 1 {
			t.Fatalf("leads = %+v, want the repeated lead", leads)
		}
		r.logged(lead(leads[0].ID), deal(closed), contact(id))
	})
}

func TestACallbackIsRegisteredOnceForTheFormsObject(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("crb")
		made := r.portal.OrderCallback(b24sim.Callback{Phone: "+4930901829", Name: "Noor", Line: "4930901820", Text: "Connecting you"})
		r.eventually("command", func() bool { return len(r.pbx.taken()) == 1 })
		command := r.pbx.taken()[0]
		if command["type"] != "callback.originate" || command["phone"] != "+4930901829" || command["announce"] != "Connecting you" {
			t.Errorf("command = %v", command)
		}
		r.tell(started("p8", "callback", "+49 30 901829"), answered("p8", "104"), ended("p8", "answered", 20))
		r.finished(1)
		if n := r.sim.Count("acme", "telephony.externalCall.register"); n != 1 {
			t.Errorf("registered %d times", n)
		}
		statistics := r.portal.Statistics()
		if len(statistics) != 1 || statistics[0].Type != 4 || statistics[0].Entity != made {
			t.Errorf("statistics = %+v, want one callback of %v", statistics, made)
		}
		r.logged(made)
	})
}

func TestACallOfBitrix24sOwnLineIsDecidedOnceAtItsEnd(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("crb")
		id := r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
		extra := r.portal.AddContact(b24sim.Contact{Name: "Jan", Phones: []string{"+4930901821"}})
		c := r.portal.StartCall(b24sim.BuiltinCall{Incoming: true, Phone: "+4930901821", Line: "4930901800", UserID: anna})
		c.Answer()
		c.End("200", 40)
		r.deliver()
		r.finished(1)
		leads := r.portal.Leads()
		if len(leads) != 1 || leads[0].ContactID != id {
			t.Fatalf("leads = %+v, want one repeated lead", leads)
		}
		r.logged(lead(leads[0].ID), contact(id), contact(extra))
		for _, method := range []string{"register", "finish", "show", "hide"} {
			if n := r.sim.Count("acme", "telephony.externalCall."+method); n != 0 {
				t.Errorf("%s was called %d times for a call that is not ours", method, n)
			}
		}
	})
}

func TestAMissedCallIsMissedInTheCRM(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		id := r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
		r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "missed", 0))
		r.finished(1)
		r.logged(contact(id))
		if a := r.portal.Activities()[0]; !a.Missed {
			t.Errorf("activity = %+v, want a missed call", a)
		}
	})
}

func TestAnOutgoingCallToAKnownCustomerGetsItsRepeatedLeadFromTheApp(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("corb")
		id := r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
		r.sim.ClearRequests()
		r.tell(started("c1", "outgoing", "+4930901821"), answered("c1", "104"), ended("c1", "answered", 5))
		r.finished(1)
		r.atMost(3)
		leads := r.portal.Leads()
		if len(leads) != 1 || !leads[0].ReturnCustomer || leads[0].ContactID != id || leads[0].OriginatorID != "callwise" {
			t.Fatalf("leads = %+v, want a repeated lead of the contact, marked as ours", leads)
		}
		r.logged(lead(leads[0].ID), contact(id))
	})
}

func TestARepeatedLeadOfACompanyTakesNoMoreRequests(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("corb")
		r.portal.AddCompany(b24sim.Company{Title: "Bricks", Phones: []string{"+4930901899"}})
		firm := r.portal.AddCompany(b24sim.Company{Title: "Roofs", Phones: []string{"+4930901821"}})
		other := r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"030 901821"}}) // not what is dialled
		r.sim.ClearRequests()
		r.tell(started("c1", "outgoing", "+4930901821"), ended("c1", "answered", 5))
		r.finished(1)
		r.atMost(3)
		leads := r.portal.Leads()
		if len(leads) != 1 || leads[0].OriginatorID != "callwise" {
			t.Fatalf("leads = %+v, want one of ours", leads)
		}
		r.logged(lead(leads[0].ID), company(firm), contact(other))
	})
}

func TestInSimpleModeARepeatedDealFollowsThePortalsOwnConversion(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, b24sim.PortalConfig{Mode: crm.Simple})
		r.switches("corb")
		id := r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
		r.sim.ClearRequests()
		r.tell(started("c1", "outgoing", "+4930901821"), ended("c1", "no_answer", 0))
		r.finished(1)
		r.atMost(3)
		deals := r.portal.Deals()
		if len(deals) != 1 || !cmp.Equal(deals[0].ContactIDs, []int64{id}) || len(r.portal.Contacts()) != 1 {
			t.Fatalf("deals = %+v, want one of the only contact", deals)
		}
		r.logged(deal(deals[0].ID), contact(id))
	})
}

func TestInSimpleModeANewNumberBecomesADealWithAContact(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, b24sim.PortalConfig{Mode: crm.Simple})
		r.switches("c")
		r.tell(started("c1", "incoming", "+4930901820"), ended("c1", "missed", 0))
		r.finished(1)
		deals, contacts := r.portal.Deals(), r.portal.Contacts()
		if len(deals) != 1 || len(contacts) != 1 {
			t.Fatalf("deals = %+v, contacts = %+v, want one each", deals, contacts)
		}
		r.logged(deal(deals[0].ID), contact(contacts[0].ID))
	})
}

func TestADealWithoutAContactGetsTheCallOfTheLeadItCameFrom(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("corb")
		from := r.portal.AddLead(b24sim.Lead{Title: "Request", StatusID: "CONVERTED", Phones: []string{"+4930901820"}})
		open := r.portal.AddDeal(b24sim.Deal{Title: "Roof", LeadID: from})
		r.tell(started("c1", "incoming", "+4930901820"), ended("c1", "answered", 5))
		r.finished(1)
		if n := len(r.portal.Leads()); n != 1 {
			t.Errorf("%d leads, want none beside the old one", n)
		}
		r.logged(deal(open))
	})
}

// logged expects the calls so far to be logged to exactly these cards.
func (r *rig) logged(want ...crm.Ref) {
	r.t.Helper()
	activities := r.portal.Activities()
	if len(activities) != 1 {
		r.t.Fatalf("activities = %+v, want one", activities)
	}
	if diff := cmp.Diff(asSet(want), asSet(activities[0].Bindings)); diff != "" {
		r.t.Errorf("logged to (-want +got):\n%s", diff)
	}
}

func asSet(refs []crm.Ref) map[crm.Ref]bool {
	set := map[crm.Ref]bool{}
	for _, ref := range refs {
		set[ref] = true
	}
	return set
}

// atMost bounds the requests the portal received.
func (r *rig) atMost(n int) {
	r.t.Helper()
	if got := r.sim.Count("acme", ""); got > n {
		r.t.Errorf("%d requests, want at most %d: %v", got, n, methods(r.sim))
	}
}

// methods are the requests a portal received, for messages.
func methods(sim *b24sim.Sim) []string {
	var all []string
	for _, r := range sim.Requests() {
		all = append(all, r.Method+" "+strings.Join(r.Commands, ","))
	}
	return all
}

func (r *rig) logSays(texts ...string) {
	r.t.Helper()
	page := r.page("/calls")
	for _, text := range texts {
		if !strings.Contains(page, text) {
			r.t.Errorf("the call log does not say %q", text)
		}
	}
}
