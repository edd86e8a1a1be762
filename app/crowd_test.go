package main

import (
	"slices"
	"testing"

	"callwise/app/b24/b24sim"
	"callwise/app/crm"

	"github.com/google/go-cmp/cmp"
)

// Bitrix24's search tells the twenty oldest leads of a number, and nothing of the rest.
func TestANumberThatManyLeadsCarryGetsNoneBesideItsOpenOne(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("corb")
		const phone = "+4930901877"
		for range 20 {
			r.portal.AddLead(b24sim.Lead{Phones: []string{phone}, StatusID: "JUNK"})
		}
		r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{phone}})
		open := r.portal.AddLead(b24sim.Lead{Phones: []string{phone}})
		before := r.portal.Leads()

		builtin := r.portal.StartCall(b24sim.BuiltinCall{Incoming: true, Phone: phone, Line: "4930111", UserID: anna})
		builtin.Answer()
		builtin.End("200", 10)
		r.tell(started("c1", "incoming", phone), answered("c1", "104"), ended("c1", "answered", 12))
		r.finished(2)
		if diff := cmp.Diff(before, r.portal.Leads()); diff != "" {
			t.Errorf("leads before and after (-before +after):\n%s", diff)
		}
		for _, a := range r.portal.Activities() {
			if !slices.Contains(a.Bindings, crm.Ref{Type: crm.TypeLead, ID: open}) {
				t.Errorf("activity %d is bound to %v, want lead %d among them", a.ID, a.Bindings, open)
			}
		}
	})
}
