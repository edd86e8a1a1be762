package main

import (
	"fmt"
	"strings"
	"testing"

	"callwise/app/b24/b24sim"
	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
)

func TestACallbackRingsTheCardsOwnerOnDutyElseTheDutyList(t *testing.T) {
	form := func(r *rig, owner int64) {
		made := r.portal.AddLead(b24sim.Lead{Title: "Form", Phones: []string{"+4930901829"}, ResponsibleID: owner})
		r.portal.OrderCallback(b24sim.Callback{Phone: "+4930901829", Entity: lead(made), Line: "4930901820", Text: "Connecting you"})
	}
	duty := func(users ...string) func(*rig) {
		return func(r *rig) { r.set("callbacks/duty", strings.Join(users, "\n")) }
	}
	for _, test := range []struct {
		name   string
		before []func(*rig)
		want   string // the extension that is rung
		says   string // in the call log's details
	}{
		{"the owner works", []func(*rig){duty("17")}, "105", "Callback: the owner of the card is rung"},
		{"nobody is on the list", []func(*rig){closed(omar, "CLOSED")}, "105", "Callback"},
		{"the owner has gone home", []func(*rig){duty("17"), closed(omar, "CLOSED")}, "104", "Callback: an employee of the duty list is rung"},
		{"the owner has gone home and is on the list", []func(*rig){duty("18", "17"), closed(omar, "CLOSED")}, "104", "Callback: an employee of the duty list is rung"},
		{"the owner has a break", []func(*rig){duty("17"), closed(omar, "PAUSED")}, "104", "Callback: an employee of the duty list is rung"},
		{"the portal does not track time", []func(*rig){duty("17"), closed(omar, "NOT_INSTALLED")}, "105", "Callback: the owner of the card is rung"},
		{"the first of the list has left, and the second talks", []func(*rig){duty("4711", "17", "1"), closed(omar, "CLOSED"), talks("104")}, "101", "Callback: an employee of the duty list is rung"},
		{"all of the list talk", []func(*rig){duty("17"), closed(omar, "EXPIRED"), talks("104")}, "104", "Callback: an employee of the duty list is rung"},
		{"the portal does not say who works", []func(*rig){duty("17"), closed(omar, "CLOSED"), silent}, "105", "Callback: the owner of the card is rung"},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, address string) {
				r := newRig(t, address, classic)
				r.switches("crb")
				for _, prepare := range test.before {
					prepare(r)
				}
				form(r, omar)
				r.eventually("command", func() bool { return len(r.pbx.taken()) == 1 })
				command := r.pbx.taken()[0]
				if command["extension"] != test.want || command["announce"] != "Connecting you" {
					t.Errorf("command = %v, want extension %s and the form's text", command, test.want)
				}
				r.tell(started("p8", "callback", "+4930901829", map[string]any{"extensions": []string{test.want}}),
					answered("p8", test.want), ended("p8", "answered", 5))
				r.eventually("end", func() bool {
					c := r.row("p8")
					return c != nil && c.State == models.CallFinished
				})
				statistics := r.portal.Statistics()
				if len(statistics) != 1 || statistics[0].Type != 4 {
					t.Errorf("statistics = %+v, want one callback", statistics)
				}
				wants(t, r.page(fmt.Sprintf("/calls/%d", r.row("p8").ID)), test.says)
			})
		})
	}
}

// closed has the portal's time tracking say something of an employee.
func closed(user int64, status string) func(*rig) {
	return func(r *rig) { r.portal.SetWorkDay(user, status) }
}

// talks has somebody talk with another customer.
func talks(extension string) func(*rig) {
	return func(r *rig) {
		r.tell(started("t1", "incoming", "+4930901877", map[string]any{"extensions": []string{extension}}), answered("t1", extension))
		r.registered(1)
		r.eventually("talk", func() bool { return r.row("t1").AnsweredAt != nil })
	}
}

// silent has the portal not say who works.
func silent(r *rig) {
	r.sim.Inject(b24sim.Fault{Portal: "acme", Method: "telephony.externalCall.searchCrmEntities", Act: b24sim.ServerError, Times: -1})
}

// TestACallbackIsOfTheFormsObjectAlthoughItIsNotDecidedYet has the lead of the form
// carry the number in a spelling that Bitrix24 does not find.
func TestACallbackIsOfTheFormsObjectAlthoughItIsNotDecidedYet(t *testing.T) {
	const number = "+4930901829"
	undecided := map[string]func(r *rig) (over func()){
		"since the CRM cannot be read": func(r *rig) func() {
			return r.refusing("crm.duplicate.findbycomm", 403, "ACCESS_DENIED").Remove
		},
		"since another call of the number is being decided": func(r *rig) func() {
			reading := r.holding("crm.duplicate.findbycomm")
			r.tell(started("c1", "incoming", number), ended("c1", "answered", 3))
			<-reading.Reached()
			return reading.Release
		},
	}
	eachDatabase(t, func(t *testing.T, _ string) {
		for name, keep := range undecided {
			t.Run(name, func(t *testing.T) {
				r := tuned(t, freshDatabase(t), classic, impatient)
				r.switches("crb")
				made := lead(r.portal.AddLead(b24sim.Lead{Title: "Form", Phones: []string{"030 901829"}}))
				over := keep(r)
				r.portal.OrderCallback(b24sim.Callback{Phone: number, Entity: made, Line: "4930901820"})
				r.registered(1)
				over()
				r.eventually("command", func() bool { return len(r.pbx.taken()) == 1 })
				r.tell(started("p8", "callback", number), answered("p8", "104"), ended("p8", "answered", 20))
				r.worked("p8")
				r.eventually("the callback is over", func() bool { return r.portal.Snapshot().Unfinished == 0 })
				statistics := r.portal.Statistics()
				if last := statistics[len(statistics)-1]; last.Type != 4 || last.Entity != made {
					t.Errorf("statistics = %+v, want a callback of %v at last", statistics, made)
				}
				want := outcome{State: models.CallFinished, Reason: rules.OpenEntity, Notes: []rules.Note{rules.SnapshotFailed}}
				if diff := cmp.Diff(want, outcomeOf(r.row("p8"))); diff != "" {
					t.Errorf("the log (-want +got):\n%s", diff)
				}
			})
		}
	})
}

// TestACallbackWhoseObjectIsGoneIsDecidedAsIfItHadNone is about an object that was
// deleted, or merged into another, after the form was sent.
func TestACallbackWhoseObjectIsGoneIsDecidedAsIfItHadNone(t *testing.T) {
	const number = "+4930901829"
	tests := []struct {
		name   string
		object func(r *rig) crm.Ref
		reason rules.Reason
		logged []crm.Ref
	}{
		{
			"a lead that was deleted",
			func(r *rig) crm.Ref {
				return lead(r.portal.AddLead(b24sim.Lead{Title: "Form", Phones: []string{number}}))
			},
			rules.NewCreated, []crm.Ref{lead(2)},
		},
		{
			"a contact that was merged into another",
			func(r *rig) crm.Ref { r.mia(number); return r.mia(number) },
			rules.RepeatContact, []crm.Ref{lead(1), contact(1)},
		},
	}
	eachDatabase(t, func(t *testing.T, _ string) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				r := newRig(t, freshDatabase(t), classic)
				r.switches("crb")
				gone := tt.object(r)
				r.portal.Delete(gone)
				r.portal.OrderCallback(b24sim.Callback{Phone: number, Entity: gone, Line: "4930901820"})
				r.eventually("command", func() bool { return len(r.pbx.taken()) == 1 })
				r.tell(started("p8", "callback", number), answered("p8", "104"), ended("p8", "answered", 20))
				r.worked("p8")
				r.leaves(trace{
					Calls:      map[string]outcome{"p8": {State: models.CallFinished, Reason: tt.reason}},
					Statistics: []ending{{anna, number, "200", 20}},
					Logged:     [][]crm.Ref{tt.logged}, Leads: 1,
				}, "p8")
			})
		}
	})
}
