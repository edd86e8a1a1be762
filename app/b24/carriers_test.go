package b24

import (
	"testing"

	"callwise/app/b24/b24sim"
	"callwise/app/crm"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// A search tells the twenty oldest of a kind, and nothing of the rest.
func TestOfANumberThatManyCarryTheOpenAndTheNewestAreKnown(t *testing.T) {
	for name, stored := range map[string]string{"as it is dialled": numbers[0], "in another spelling": numbers[2]} {
		t.Run(name, func(t *testing.T) {
			o := open(t, b24sim.PortalConfig{})
			o.install(t)
			junk := func(n int) {
				for range n {
					o.portal.AddLead(b24sim.Lead{Phones: []string{stored}, StatusID: "JUNK"})
				}
			}
			junk(20)
			want := crm.Snapshot{OpenLeads: []int64{o.portal.AddLead(b24sim.Lead{Phones: []string{stored}})}}
			junk(50)
			for range 30 {
				want.Contacts = append(want.Contacts, o.portal.AddContact(b24sim.Contact{Phones: []string{stored}}))
			}
			want.OpenDeals = []int64{o.portal.AddDeal(b24sim.Deal{ContactIDs: want.Contacts[29:]})}
			o.portal.AddContact(b24sim.Contact{Phones: []string{"+4930999999"}})

			got, err := o.Snapshot(t.Context(), Query{Phones: numbers})
			if err != nil {
				t.Fatal(err)
			}
			snapshot := got.Snapshot()
			if len(snapshot.ClosedLeads) != 20+50 {
				t.Errorf("%d closed leads, want the twenty oldest and the fifty newest", len(snapshot.ClosedLeads))
			}
			snapshot.ClosedLeads = nil
			if diff := cmp.Diff(want, snapshot, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, l := range got.Leads {
				if l.OtherSpelling != (stored != numbers[0]) {
					t.Errorf("lead %d counts as found by another spelling: %t", l.ID, l.OtherSpelling)
				}
			}
		})
	}
}

func TestAListThatDoesNotKnowItsFilterMakesNobodyACustomer(t *testing.T) {
	var found []row
	p := newTinyPortal()
	for id := int64(1); id <= 20; id++ {
		p.phone[crm.TypeContact] = append(p.phone[crm.TypeContact], id)
		p.rows[crm.TypeContact] = append(p.rows[crm.TypeContact], contact(id, 0))
	}
	for id := int64(21); id <= 40; id++ {
		p.rows[crm.TypeContact] = append(p.rows[crm.TypeContact], contact(id, 0))
		found = append(found, row{"ID": id, "PHONE": []row{{"VALUE": "+4930999999"}}})
	}
	p.classic = append(found, row{"ID": 41, "PHONE": []row{}}, row{"ID": 42})
	got, err := p.desk(t).Snapshot(t.Context(), Query{Phones: numbers})
	if err != nil || len(got.Contacts) != 20 {
		t.Errorf("%d contacts, %v", len(got.Contacts), err)
	}
}

func TestWhoIsNotToldWhoElseCarriesANumberIsToldNothing(t *testing.T) {
	p := newTinyPortal()
	for id := int64(1); id <= 20; id++ {
		p.phone[crm.TypeLead] = append(p.phone[crm.TypeLead], id)
		p.rows[crm.TypeLead] = append(p.rows[crm.TypeLead], lead(id, "F", 0, 0))
	}
	p.refused["due0"] = " Access denied."
	if got, err := p.desk(t).Snapshot(t.Context(), Query{Phones: numbers}); err == nil {
		t.Errorf("%v", got)
	}
}
