package crm_test

import (
	"testing"
	"time"

	"callwise/app/crm"

	"github.com/google/go-cmp/cmp"
)

func TestWhatWasJustCreatedCountsAsOpenUntilThePortalShowsIt(t *testing.T) {
	seen := crm.Records{Leads: []crm.Lead{{ID: 7, Semantics: crm.Lost}}}
	tests := []struct {
		name  string
		refs  []crm.Ref
		added bool
		want  crm.Snapshot
	}{
		{"a lead that is not shown yet", []crm.Ref{{Type: crm.TypeLead, ID: 8}}, true,
			crm.Snapshot{OpenLeads: []int64{8}, ClosedLeads: []crm.ClosedLead{{ID: 7, Outcome: crm.OutcomeLost}}}},
		{"a deal that is not shown yet", []crm.Ref{{Type: crm.TypeDeal, ID: 9}, {Type: crm.TypeContact, ID: 3}}, true,
			crm.Snapshot{OpenDeals: []int64{9}, ClosedLeads: []crm.ClosedLead{{ID: 7, Outcome: crm.OutcomeLost}}}},
		{"a lead the portal shows as closed stays closed", []crm.Ref{{Type: crm.TypeLead, ID: 7}}, false,
			crm.Snapshot{ClosedLeads: []crm.ClosedLead{{ID: 7, Outcome: crm.OutcomeLost}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, added := seen.WithOpen(tt.refs)
			if added != tt.added {
				t.Errorf("added = %v", added)
			}
			if diff := cmp.Diff(filled(tt.want), got.Snapshot()); diff != "" {
				t.Errorf("Snapshot (-want +got):\n%s", diff)
			}
		})
	}
}

// filled makes nil lists empty, as Snapshot does.
func filled(s crm.Snapshot) crm.Snapshot {
	for _, ids := range []*[]int64{&s.OpenLeads, &s.OpenDeals, &s.Contacts, &s.Companies, &s.ClosedDeals} {
		if *ids == nil {
			*ids = []int64{}
		}
	}
	return s
}

func TestOnlyLeadsAndDealsClose(t *testing.T) {
	r := crm.Records{
		Leads:    []crm.Lead{{ID: 1, Semantics: crm.Won}, {ID: 2, Semantics: crm.Open}},
		Deals:    []crm.Deal{{ID: 3, Semantics: crm.Lost}},
		Contacts: []crm.Contact{{ID: 4}},
	}
	for ref, want := range map[crm.Ref]bool{
		{Type: crm.TypeLead, ID: 1}: true, {Type: crm.TypeLead, ID: 2}: false, {Type: crm.TypeDeal, ID: 3}: true,
		{Type: crm.TypeContact, ID: 4}: false, {Type: crm.TypeDeal, ID: 99}: false,
	} {
		if got := r.Closed(ref); got != want {
			t.Errorf("Closed(%v) = %v", ref, got)
		}
	}
}

func TestTheClientIsNamedByItsCardFirst(t *testing.T) {
	r := crm.Records{
		Leads:    []crm.Lead{{ID: 1, Title: "Request", Semantics: crm.Open}},
		Contacts: []crm.Contact{{ID: 4, ByPhone: true}, {ID: 5, Name: "Vera Stein", ByPhone: true}},
	}
	if got := r.Name(); got != "Vera Stein" {
		t.Errorf("Name = %q", got)
	}
	r.Contacts = nil
	if got := r.Name(); got != "Request" {
		t.Errorf("Name without a card = %q", got)
	}
}

func TestAnEntityMadeDuringTheCallIsNoticed(t *testing.T) {
	start := time.Date(2026, 8, 21, 10, 20, 30, 0, time.UTC)
	r := crm.Records{Deals: []crm.Deal{{ID: 1, Semantics: crm.Open, CreatedAt: start}, {ID: 2, Semantics: crm.Won, CreatedAt: start.Add(time.Hour)}}}
	late := start.Add(2 * time.Hour)
	if !r.CreatedBetween(start, late) || !r.CreatedBetween(start.Add(-time.Hour), start) {
		t.Error("the open deal does not count in its own second")
	}
	if r.CreatedBetween(start.Add(time.Second), late) || r.CreatedBetween(start.Add(-time.Hour), start.Add(-time.Second)) {
		t.Error("more counts than the open deal, in its own second")
	}
}
