package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/models"
)

func TestAnExcludedNumberIsNeverHandled(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("corb")
		r.set("exclusions/numbers", "+4930901820\n+4989*")
		r.sim.ClearRequests()
		r.tell(started("c1", "incoming", "030 901820"), answered("c1", "104"), ended("c1", "answered", 5))
		r.tell(started("c2", "incoming", "+4989123456"), ended("c2", "missed", 0))
		r.finished(2)
		r.atMost(0)
		for _, key := range []string{"pbx:c1", "pbx:c2"} {
			if row := r.call(key); row.Result != models.ResultIgnored || row.Progress.Steps[0].Name != "excluded_number" {
				t.Errorf("call = %+v, want an ignored one that says why", row)
			}
		}
	})
}

func TestACallIsExcludedUntilAnotherExtensionTakesPart(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		r.set("exclusions/extensions", "104")
		r.sim.ClearRequests()
		r.tell(started("c1", "incoming", "+4930901820"), answered("c1", "104"), ended("c1", "answered", 5))
		r.finished(1)
		r.atMost(0)
		r.tell(started("c2", "incoming", "+4930901821"), answered("c2", "104"))
		r.eventually("ignored", func() bool { return r.allFinished(2) })
		r.tell(map[string]any{"id": "c2-t", "type": "call.transferred", "call": "c2", "at": now(), "from": "104", "to": "105"})
		r.registered(1)
		r.tell(ended("c2", "answered", 9))
		r.finished(2)
		if leads := r.portal.Leads(); len(leads) != 1 {
			t.Errorf("leads = %+v, want that of the call that was transferred", leads)
		}
	})
}

// Events may come in any order (interface.md §4).
func TestACallThatIsOverIsExcludedUntilItIsHeardThatAnotherExtensionTookPart(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		r.set("exclusions/extensions", "104")
		rang := time.Now().Add(-time.Minute).UTC().Format(time.RFC3339)
		for _, id := range []string{"c1", "c2"} {
			r.tell(started(id, "incoming", "+493090182"+id[1:]), ended(id, "missed", 0))
		}
		r.finished(2)
		r.tell(map[string]any{"id": "c1-r", "type": "call.ringing", "call": "c1", "at": rang, "extensions": []string{"105"}})
		r.eventually("taken up", func() bool { return r.call("pbx:c1").State == models.CallFinished })
		r.set("exclusions/extensions", "")
		r.tell(recording("c2", "https://pbx.example/a.mp3"))
		r.done("pbx:c2")
		if row := r.call("pbx:c2"); row.Result != models.ResultIgnored {
			t.Errorf("result = %q, want the call left out for which a recording came late", row.Result)
		}
		if leads := r.portal.Leads(); len(leads) != 1 {
			t.Errorf("leads = %+v, want that of the call that also rang at 105", leads)
		}
	})
}

func TestAnExcludedClickReachesThePBXAndIsFinishedWithoutALead(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("corb")
		r.set("exclusions/numbers", "+4930901821")
		id := r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
		closed := r.portal.AddDeal(b24sim.Deal{ContactIDs: []int64{id}, StageID: "WON"})
		callID := r.portal.Click(b24sim.Click{UserID: omar, Phone: "+4930901821", Entity: deal(closed), Line: "callwise"})
		r.eventually("command", func() bool { return len(r.pbx.taken()) == 1 })
		r.tell(
			started("p7", "outgoing", "+4930901821", map[string]any{"bitrix24_call_id": callID, "extensions": []string{"105"}}),
			answered("p7", "105"), ended("p7", "answered", 30), recording("p7", "https://pbx.example/a.mp3"),
		)
		r.finished(1)
		if s := r.portal.Snapshot(); s.Unfinished != 0 || len(s.Statistics) != 1 || len(s.Leads) != 0 {
			t.Errorf("portal = %+v, want one finished call and no lead", s)
		}
		for _, method := range []string{"telephony.externalCall.register", "telephony.externalCall.attachRecord", "crm.activity.binding.add"} {
			if n := r.sim.Count("acme", method); n != 0 {
				t.Errorf("%s was called %d times for an excluded number", method, n)
			}
		}
		if row := r.call("b24:" + callID); row.Result != models.ResultIgnored {
			t.Errorf("result = %q", row.Result)
		}
	})
}

func TestAClickAndABuiltinCallOfAnExcludedExtensionAreNotHandled(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("crb")
		r.set("exclusions/extensions", "105")
		r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
		callID := r.portal.Click(b24sim.Click{UserID: omar, Phone: "+4930901821", Line: "callwise"})
		r.eventually("command", func() bool { return len(r.pbx.taken()) == 1 })
		begin, end := started("p7", "outgoing", "+4930901821"), ended("p7", "answered", 5)
		begin["bitrix24_call_id"], begin["extensions"], end["extension"] = callID, []string{"105"}, "105"
		r.tell(begin, end)
		c := r.portal.StartCall(b24sim.BuiltinCall{Incoming: true, Phone: "+4930901821", Line: "4930901800", UserID: omar})
		c.Answer()
		c.End("200", 40)
		r.deliver()
		r.finished(2)
		r.eventually("both ignored", func() bool { return r.call("b24:"+callID).Result == models.ResultIgnored })
		if leads := r.portal.Leads(); len(leads) != 0 {
			t.Errorf("leads = %+v, want none", leads)
		}
		if s := r.portal.Snapshot(); s.Unfinished != 0 {
			t.Errorf("%d calls are not finished", s.Unfinished)
		}
		if n := r.sim.Count("acme", "crm.duplicate.findbycomm"); n != 0 {
			t.Errorf("the CRM was searched %d times for calls that are not handled", n)
		}
	})
}

func TestAnExtensionBelongsToWhomTheAdministratorSays(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		r.set("extensions/104", "18", "extensions/777", "17", "extensions/101", "4711") // 4711 is nobody
		r.tell(started("c1", "incoming", "+4930901820"))
		r.registered(1)
		if cards := r.portal.Cards(); len(cards) != 1 || cards[0].UserID != omar {
			t.Errorf("cards = %v, want one for Omar, who has 104 now", cards)
		}
		r.tell(answered("c1", "777"), map[string]any{
			"id": "c1-ended", "type": "call.ended", "call": "c1", "at": now(), "status": "answered", "duration": 5, "extension": "777",
		})
		r.finished(1)
		if s := r.portal.Statistics(); len(s) != 1 || s[0].UserID != anna {
			t.Errorf("statistics = %+v, want a call of Anna's, who has 777", s)
		}
		r.portal.Click(b24sim.Click{UserID: anna, Phone: "+4930901830"})
		r.portal.Click(b24sim.Click{UserID: admin, Phone: "+4930901831"})
		r.eventually("commands", func() bool { return len(r.pbx.taken()) == 2 })
		got := map[any]any{}
		for _, c := range r.pbx.taken() {
			got[c["user_id"]] = c["extension"]
		}
		if got[float64(anna)] != "777" || got[float64(admin)] != "101" {
			t.Errorf("extensions by user = %v", got)
		}
		r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901840"}, ResponsibleID: anna})
		request := r.request(http.MethodGet, "/pbx/v1/customers?phone=%2B4930901840", "", "")
		request.Header.Set("Authorization", "Bearer "+r.key)
		if answer := r.send(request); !strings.Contains(answer.body, `"extension":"777"`) {
			t.Errorf("customers: %d %s, want Anna's extension", answer.status, answer.body)
		}
	})
}
