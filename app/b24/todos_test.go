package b24

import (
	"errors"
	"strings"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/app/crm"

	"github.com/google/go-cmp/cmp"
)

func TestATodoIsFoundAgainByItsText(t *testing.T) {
	o := open(t, b24sim.PortalConfig{})
	o.install(t)
	ctx := t.Context()
	card := crm.Ref{Type: crm.TypeContact, ID: o.portal.AddContact(b24sim.Contact{Name: "Anna", Phones: []string{customer}})}
	todo := Todo{Card: card, Deadline: noon.Add(time.Hour), Title: "Call back " + customer, Text: "Missed (Callwise #12)", UserID: 1}
	if _, found, err := o.FindTodo(ctx, card, "(Callwise #12)"); found || err != nil {
		t.Errorf("before: %t %v", found, err)
	}
	id, err := o.AddTodo(ctx, todo)
	if err != nil {
		t.Fatal(err)
	}
	for mark, want := range map[string]bool{"(Callwise #12)": true, "(Callwise #1)": false, "(Callwise #123)": false, "": false} {
		if got, found, err := o.FindTodo(ctx, card, mark); found != want || want && got != id || err != nil {
			t.Errorf("%q: %d %t %v", mark, got, found, err)
		}
	}
	want := []b24sim.Activity{{
		ID: id, Owner: card, Bindings: []crm.Ref{card}, Provider: "CRM_TODO", Kind: "TODO", Subject: todo.Title, Description: todo.Text,
		ResponsibleID: 1, Deadline: todo.Deadline, StartedAt: todo.Deadline, EndedAt: todo.Deadline,
	}}
	if diff := cmp.Diff(want, o.portal.Activities()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	todo.Card.ID = 99999
	if _, err := o.AddTodo(ctx, todo); !errors.Is(err, OwnerNotFound) {
		t.Errorf("on a card that is gone: %v", err)
	}
	for _, entry := range o.keeper.logged() {
		if strings.Contains(string(entry.Params), customer) {
			t.Errorf("logged %s", entry.Params)
		}
	}
}

func TestObjectsAreAssignedInOneRequest(t *testing.T) {
	o := open(t, b24sim.PortalConfig{Users: []b24sim.User{{ID: 1, Admin: true}, {ID: 17}}})
	o.install(t)
	ctx := t.Context()
	deal := crm.Ref{Type: crm.TypeDeal, ID: o.portal.AddDeal(b24sim.Deal{Title: "Roof", ResponsibleID: 1})}
	contact := crm.Ref{Type: crm.TypeContact, ID: o.portal.AddContact(b24sim.Contact{Name: "Anna", ResponsibleID: 1})}
	gone := crm.Ref{Type: crm.TypeLead, ID: 99999}
	for range 2 {
		o.sim.ClearRequests()
		if err := o.Assign(ctx, []crm.Ref{gone, deal, contact}, 17); err != nil || len(o.sim.Requests()) != 1 {
			t.Errorf("%v, %d requests", err, len(o.sim.Requests()))
		}
	}
	if d, c := o.portal.Deals()[0], o.portal.Contacts()[0]; d.ResponsibleID != 17 || c.ResponsibleID != 17 {
		t.Errorf("%+v %+v", d, c)
	}
	o.sim.Inject(b24sim.Fault{Method: "crm.item.update", Act: b24sim.Refuse, Code: "ACCESS_DENIED"})
	if err := o.Assign(ctx, []crm.Ref{deal, contact}, 1); !errors.Is(err, AccessDenied) {
		t.Errorf("refused: %v", err)
	}
	if c := o.portal.Contacts()[0]; c.ResponsibleID != 1 {
		t.Error("a refusal of one kept the other from being assigned")
	}
}
