package main

import (
	"encoding/json"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
)

func TestACallWhoseActivityBitrix24DoesNotWriteGetsOneOfTheApp(t *testing.T) {
	const phone = "+4930901890"
	ended := func(r *rig) string {
		r.tell(started("c1", "incoming", phone), ended("c1", "answered", 5))
		return "c1"
	}
	contactless := func(r *rig) crm.Ref {
		from := r.portal.AddLead(b24sim.Lead{Title: "Old", Phones: []string{phone}, StatusID: "CONVERTED"})
		return deal(r.portal.AddDeal(b24sim.Deal{Title: "Roof", LeadID: from, CreatedAt: time.Now().Add(-time.Hour)}))
	}
	tests := []struct {
		name    string
		prepare func(r *rig) crm.Ref
		call    func(r *rig) string
		want    outcome
		leads   int
	}{
		{
			name:    "a contact whose number is written as at home",
			prepare: func(r *rig) crm.Ref { return r.mia("030 901890") },
			call:    ended,
			want:    outcome{State: models.CallFinished, Reason: rules.KnownCreateOff},
		},
		{
			name: "the card that is left of two",
			prepare: func(r *rig) crm.Ref {
				r.mia("030 901890")
				return r.mia("030 901890")
			},
			call: func(r *rig) string {
				r.tell(started("c1", "incoming", phone))
				r.registered(1)
				r.portal.Delete(contact(1))
				return ended(r)
			},
			want: outcome{State: models.CallFinished, Reason: rules.KnownCreateOff},
		},
		{
			name:    "a deal without a contact, whose lead is deleted during the call",
			prepare: contactless,
			call: func(r *rig) string {
				r.tell(started("c1", "incoming", phone))
				r.registered(1)
				r.portal.Delete(lead(1))
				return ended(r)
			},
			want: outcome{State: models.CallFinished, Reason: rules.OpenEntity},
		},
		{
			name:    "a deal without a contact, found late",
			prepare: contactless,
			call: func(r *rig) string {
				r.unread("c1", phone)
				return ended(r)
			},
			want:  outcome{State: models.CallFinished, Reason: rules.OpenEntity, Notes: []rules.Note{rules.SnapshotFailed}},
			leads: 1,
		},
		{
			name:    "a deal without a contact, called on Bitrix24's own line",
			prepare: contactless,
			call: func(r *rig) string {
				c := r.portal.StartCall(b24sim.BuiltinCall{Incoming: true, Phone: phone, Line: "4930901800", UserID: anna})
				c.End("200", 5)
				r.deliver()
				return c.ID
			},
			want:  outcome{State: models.CallFinished, Reason: rules.OpenEntity},
			leads: 1,
		},
	}
	eachDatabase(t, func(t *testing.T, address string) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				r := newRig(t, freshDatabase(t), classic)
				target := tt.prepare(r)
				id := tt.call(r)
				r.worked(id)
				r.leaves(trace{
					Calls:      map[string]outcome{id: tt.want},
					Statistics: []ending{{anna, phone, "200", 5}},
					Logged:     [][]crm.Ref{{target}}, Leads: tt.leads,
				}, id)
			})
		}
	})
}

func TestAnActivityOfTheAppIsACallWithTheClientWhoeverOwnsIt(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("corb")
		known := r.mia("030 901890")
		c := r.portal.StartCall(b24sim.BuiltinCall{Phone: "+4930901890", Line: "4930901800", UserID: anna})
		c.End("200", 5)
		r.deliver()
		r.worked(c.ID)
		r.logged(lead(1), known)
		var named []any
		for _, request := range r.sim.Requests() {
			if request.Method == "crm.activity.add" {
				named = append(named, request.Params.(map[string]any)["fields"].(map[string]any)["COMMUNICATIONS"])
			}
		}
		want := []any{[]any{map[string]any{"VALUE": "+4930901890", "TYPE": "PHONE", "ENTITY_TYPE_ID": json.Number("3"), "ENTITY_ID": json.Number("1")}}}
		if diff := cmp.Diff(want, named); diff != "" {
			t.Errorf("the client of the activity (-want +got):\n%s", diff)
		}
	})
}

// TestAnActivityOfTheAppGoesOnBeingBoundWhereItStopped is a call of a line of
// Bitrix24's own that Bitrix24 has logged to nothing.
func TestAnActivityOfTheAppGoesOnBeingBoundWhereItStopped(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		from := r.portal.AddLead(b24sim.Lead{Title: "Old", StatusID: "CONVERTED", Phones: []string{"+4930901890"}})
		var deals []crm.Ref
		for range 3 {
			deals = append(deals, deal(r.portal.AddDeal(b24sim.Deal{Title: "Roof", LeadID: from, CreatedAt: time.Now().Add(-time.Hour)})))
		}
		broken := r.sim.Inject(b24sim.Fault{Portal: "acme", Method: "crm.activity.binding.add", Times: -1, Act: b24sim.Drop})
		id := r.builtin("+4930901890")
		r.retrying(id)
		broken.Remove()
		r.again(id)
		r.eventually("the call is done", func() bool { return r.row(id).State == models.CallFinished })
		r.leaves(trace{
			Calls:      map[string]outcome{id: {State: models.CallFinished, Reason: rules.OpenEntity}},
			Statistics: []ending{{anna, "+4930901890", "200", 5}},
			Logged:     [][]crm.Ref{deals}, Leads: 1,
		}, id)
	})
}

func TestTheTitleOfTheAppsActivityTellsAMissedCall(t *testing.T) {
	for _, test := range []struct {
		name, code, title string
		incoming, open    bool // an open one is shown as missed
	}{
		{"answered", "200", "Incoming call, +49 30 901890", true, false},
		{"missed", "304", "Missed call, +49 30 901890", true, true},
		{"not reached", "480", "Outgoing call, +49 30 901890", false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, address string) {
				r := newRig(t, address, classic)
				r.switches("corb")
				r.mia("030 901890") // Bitrix24 does not find the contact by what is dialled
				c := r.portal.StartCall(b24sim.BuiltinCall{Incoming: test.incoming, Phone: "+4930901890", Line: "4930901800", UserID: anna})
				c.End(test.code, 5)
				r.deliver()
				r.worked(c.ID)
				open := map[string]bool{}
				for _, a := range r.portal.Activities() {
					if a.Kind == "CALL" {
						open[a.Subject] = !a.Completed
					}
				}
				if diff := cmp.Diff(map[string]bool{test.title: test.open}, open); diff != "" {
					t.Errorf("titles of activities, and whether they are open (-want +got):\n%s", diff)
				}
			})
		})
	}
}
