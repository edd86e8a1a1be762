package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/app/crm"
)

func TestAMissedCallIsRemindedOfOnTheCardThatPeopleWorkIn(t *testing.T) {
	for _, test := range []struct {
		name    string
		prepare func(r *rig) crm.Ref
	}{
		{"the open deal", func(r *rig) crm.Ref {
			id := r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
			r.portal.AddLead(b24sim.Lead{Title: "Request", Phones: []string{"+4930901821"}})
			return deal(r.portal.AddDeal(b24sim.Deal{Title: "Roof", ContactIDs: []int64{id}}))
		}},
		{"the lead it creates", func(r *rig) crm.Ref { r.switches("c"); return lead(1) }},
		{"the contact", func(r *rig) crm.Ref {
			return contact(r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}}))
		}},
		{"the company", func(r *rig) crm.Ref {
			return company(r.portal.AddCompany(b24sim.Company{Title: "Roofs", Phones: []string{"+4930901821"}}))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, address string) {
				r := newRig(t, address, classic)
				card := test.prepare(r)
				r.set("missed/todo", "on", "missed/deadline", "45", "lines/"+berlinLine+"/name", "Berlin office")
				r.sim.ClearRequests()
				r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "missed", 0))
				r.finished(1)
				r.atMost(4)
				row := r.call("pbx:c1")
				todos := r.todos()
				if len(todos) != 1 {
					t.Fatalf("todos = %+v, want one", todos)
				}
				got := todos[0]
				if got.Owner != card || got.ResponsibleID != anna || !got.Deadline.Equal(row.EndedAt.Add(45*time.Minute).Truncate(time.Second)) {
					t.Errorf("todo = %+v, want one of Anna's on %v, 45 minutes after %v", got, card, row.EndedAt)
				}
				if !strings.HasPrefix(got.Subject, "Call back ") || !strings.Contains(got.Subject, "+49 30 901821") ||
					!strings.Contains(got.Description, "Berlin office") || !strings.HasSuffix(got.Description, fmt.Sprintf(" (Callwise #%d)", row.ID)) {
					t.Errorf("todo says %q, %q", got.Subject, got.Description)
				}
			})
		})
	}
}

func TestOnlyMissedCallsAreRemindedOf(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
		r.tell(started("before", "incoming", "+4930901821"), ended("before", "missed", 0))
		r.finished(1)
		r.set("missed/todo", "on")
		r.tell(started("c1", "incoming", "+4930901821"), answered("c1", "104"), ended("c1", "answered", 5))
		r.tell(started("c2", "outgoing", "+4930901821"), ended("c2", "no_answer", 0))
		r.tell(started("c3", "incoming", "+4930901821"), ended("c3", "declined", 0))
		r.tell(started("c4", "incoming", "+4930901899"), ended("c4", "missed", 0)) // logged to nothing
		r.tell(recording("before", r.pbx.url+"/a.mp3"))                            // a voice message: it is long over
		r.tell(started("c5", "incoming", "anonymous"), ended("c5", "missed", 0))
		r.tell(started("c6", "internal", "105"), ended("c6", "missed", 0))
		r.finished(7)
		r.eventually("recording seen", func() bool { return r.idle("pbx:before") })
		if todos := r.todos(); len(todos) != 0 {
			t.Errorf("todos = %+v, want none", todos)
		}
		for id, want := range map[string]string{"c4": "todo_nowhere", "c5": "todo_nowhere", "c6": "decide"} {
			steps := r.call("pbx:" + id).Progress.Steps
			if got := steps[len(steps)-1].Name; got != want {
				t.Errorf("the last step of %s is %q, want %q", id, got, want)
			}
		}
	})
}

func TestATodoWhoseAnswerIsLostIsNotMadeAgain(t *testing.T) {
	for _, after := range []bool{true, false} {
		t.Run(fmt.Sprintf("carried out %t", after), func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, address string) {
				r := newRig(t, address, classic)
				r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
				r.set("missed/todo", "on")
				r.sim.Inject(b24sim.Fault{Portal: "acme", Method: "crm.activity.todo.add", Act: b24sim.Drop, After: after})
				r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "missed", 0))
				r.finished(1)
				r.tell(started("c2", "incoming", "+4930901821"), ended("c2", "missed", 0))
				r.finished(2)
				if todos := r.todos(); len(todos) != 2 || todos[0].Description == todos[1].Description {
					t.Errorf("todos = %+v, want one of each call", todos)
				}
			})
		})
	}
}

func TestATodoThatIsRefusedDoesNotStopTheCall(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		id := r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
		r.portal.AddDeal(b24sim.Deal{Title: "Roof", ContactIDs: []int64{id}})
		r.set("missed/todo", "on")
		r.sim.Inject(b24sim.Fault{Portal: "acme", Method: "crm.activity.todo.add", Act: b24sim.Refuse, Code: "OWNER_NOT_FOUND"})
		r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "missed", 0))
		r.finished(1)
		if todos := r.todos(); len(todos) != 1 || todos[0].Owner != contact(id) {
			t.Errorf("todos = %+v, want one on the next card: the deal is gone", todos)
		}
		r.sim.Inject(b24sim.Fault{Portal: "acme", Method: "crm.activity.todo.add", Act: b24sim.Refuse, Code: "ACCESS_DENIED"})
		r.tell(started("c2", "incoming", "+4930901821"), ended("c2", "missed", 0))
		r.finished(2)
		if got := r.call("pbx:c2").Progress.Todo; !got.Done || got.Code != "ACCESS_DENIED" {
			t.Errorf("todo = %+v", got)
		}
	})
}

func TestAMissedCallOfBitrix24sOwnLineIsRemindedOf(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.set("missed/todo", "on", "responsible/missed/who", "employee", "responsible/missed/employee", "18")
		id := r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
		c := r.portal.StartCall(b24sim.BuiltinCall{Incoming: true, Phone: "+4930901821", Line: "4930901800", UserID: anna})
		c.End("304", 0)
		r.deliver()
		r.finished(1)
		if todos := r.todos(); len(todos) != 1 || todos[0].Owner != contact(id) || todos[0].ResponsibleID != omar {
			t.Errorf("todos = %+v, want one of Omar's on the contact", todos)
		}
	})
}

// todos are the to-dos in the portal.
func (r *rig) todos() []b24sim.Activity {
	var all []b24sim.Activity
	for _, a := range r.portal.Activities() {
		if a.Provider == "CRM_TODO" {
			all = append(all, a)
		}
	}
	return all
}
