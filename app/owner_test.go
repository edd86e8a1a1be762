package main

import (
	"testing"

	"callwise/app/b24/b24sim"
	"callwise/app/crm"
	"callwise/models"
)

func TestWhatACallCreatesBelongsToWhomTheAdministratorChose(t *testing.T) {
	for _, test := range []struct {
		name     string
		settings []string
		want     int64
		requests int
	}{
		{"who took it", nil, anna, 3},
		{"a named employee", []string{"responsible/created/who", "employee", "responsible/created/employee", "18"}, omar, 4},
		{"the employee of its line", []string{"lines/4930901820/responsible", "18"}, omar, 4},
		{"the employee of another line", []string{"lines/4930901821/responsible", "18"}, anna, 3},
		{"the employee of its line before another one", []string{
			"responsible/created/who", "employee", "responsible/created/employee", "17", "lines/4930901820/responsible", "18"}, omar, 4},
		{"one who has left, or the fall-back", []string{
			"responsible/created/who", "employee", "responsible/created/employee", "4711", "responsible/created/fallback", "18"}, omar, 4},
		{"one who has left, without a fall-back", []string{"responsible/created/who", "employee", "responsible/created/employee", "4711"}, anna, 4},
		{"the card's owner, where there is no card, or the fall-back", []string{"responsible/created/who", "card", "responsible/created/fallback", "18"}, omar, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, address string) {
				r := newRig(t, address, classic)
				r.switches("c")
				if test.settings != nil {
					r.set(test.settings...)
				}
				r.sim.ClearRequests()
				r.tell(started("c1", "incoming", "+4930901820"), answered("c1", "104"), ended("c1", "answered", 5))
				r.finished(1)
				r.atMost(test.requests)
				leads := r.portal.Leads()
				if len(leads) != 1 || leads[0].ResponsibleID != test.want {
					t.Errorf("leads = %+v, want one of %d", leads, test.want)
				}
				if s := r.portal.Statistics(); len(s) != 1 || s[0].UserID != anna {
					t.Errorf("statistics = %+v, want a call of Anna's", s)
				}
			})
		})
	}
}

func TestWhatTheAppCreatesBelongsToTheCardsOwnerIfThatIsChosen(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("corb")
		r.set("responsible/created/who", "card")
		r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}, ResponsibleID: omar})
		r.tell(started("c1", "outgoing", "+4930901821"), answered("c1", "104"), ended("c1", "answered", 5))
		r.finished(1)
		if leads := r.portal.Leads(); len(leads) != 1 || leads[0].ResponsibleID != omar || leads[0].OriginatorID != "callwise" {
			t.Errorf("leads = %+v, want one of ours for Omar", leads)
		}
	})
}

func TestInSimpleModeDealAndContactBelongToWhomTheAdministratorChose(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, b24sim.PortalConfig{Mode: crm.Simple})
		r.switches("c")
		r.set("responsible/created/who", "employee", "responsible/created/employee", "18")
		r.tell(started("c1", "incoming", "+4930901820"), answered("c1", "104"), ended("c1", "answered", 5))
		r.finished(1)
		deals, contacts := r.portal.Deals(), r.portal.Contacts()
		if len(deals) != 1 || deals[0].ResponsibleID != omar || len(contacts) != 1 || contacts[0].ResponsibleID != omar {
			t.Errorf("deals = %+v, contacts = %+v, want one each of Omar's", deals, contacts)
		}
	})
}

func TestAnOwnerIsSetOnceAndAnOwnerThatIsRefusedDoesNotStopTheCall(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		r.set("responsible/created/who", "employee", "responsible/created/employee", "18")
		r.sim.Inject(b24sim.Fault{Portal: "acme", Method: "crm.item.update", Act: b24sim.Drop, After: true})
		r.tell(started("c1", "incoming", "+4930901820"), ended("c1", "answered", 5))
		r.finished(1)
		if leads := r.portal.Leads(); len(leads) != 1 || leads[0].ResponsibleID != omar {
			t.Errorf("leads = %+v, want one of Omar's", leads)
		}
		before := r.sim.Count("acme", "crm.item.update")
		r.tell(recording("c1", r.pbx.url+"/a.mp3")) // the call is worked on again
		r.eventually("recording seen", func() bool { return r.call("pbx:c1").Progress.Recording.URL != "" && r.idle("pbx:c1") })
		if n := r.sim.Count("acme", "crm.item.update"); n != before {
			t.Errorf("the owner was set %d times more", n-before)
		}
		r.sim.Inject(b24sim.Fault{Portal: "acme", Method: "crm.item.update", Act: b24sim.Refuse, Code: "ACCESS_DENIED"})
		r.tell(started("c2", "incoming", "+4930901830"), ended("c2", "answered", 5))
		r.finished(2)
		if got := r.call("pbx:c2").Progress.Assigned; got != (models.Assigned{Done: true, Code: "ACCESS_DENIED"}) {
			t.Errorf("assigned = %+v", got)
		}
	})
}

func TestAMissedCallBelongsToWhomTheAdministratorChose(t *testing.T) {
	for _, test := range []struct {
		name     string
		settings []string
		want     int64
	}{
		{"who was rung", nil, anna},
		{"the card's owner", []string{"responsible/missed/who", "card"}, admin},
		{"who last talked", []string{"responsible/missed/who", "last_talked"}, omar},
		{"a named employee", []string{"responsible/missed/who", "employee", "responsible/missed/employee", "18"}, omar},
		{"one who has left, or the fall-back", []string{
			"responsible/missed/who", "employee", "responsible/missed/employee", "4711", "responsible/missed/fallback", "1"}, admin},
		{"one who has left", []string{"responsible/missed/who", "employee", "responsible/missed/employee", "4711"}, anna},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, address string) {
				r := newRig(t, address, classic)
				r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}, ResponsibleID: admin})
				r.tell(started("t", "incoming", "+4930901821"), answered("t", "105"), map[string]any{
					"id": "t-ended", "type": "call.ended", "call": "t", "at": now(), "status": "answered", "duration": 5, "extension": "105",
				})
				r.finished(1)
				if test.settings != nil {
					r.set(test.settings...)
				}
				r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "missed", 0))
				r.finished(2)
				s := r.portal.Statistics()
				if len(s) != 2 || s[1].UserID != test.want || s[1].Status != "304" {
					t.Errorf("statistics = %+v, want the missed call to be %d's", s, test.want)
				}
			})
		})
	}
}
