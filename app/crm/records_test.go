package crm

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func day(n int) time.Time { return time.Date(2026, 8, n, 12, 0, 0, 0, time.UTC) }

func TestSnapshot(t *testing.T) {
	won := Lead{ID: 9, Semantics: Won, ClosedAt: day(9), ByPhone: true}
	with := func(l Lead, change func(*Lead)) Lead {
		change(&l)
		return l
	}
	empty := Snapshot{
		OpenLeads: []int64{}, OpenDeals: []int64{}, Contacts: []int64{}, Companies: []int64{},
		ClosedLeads: []ClosedLead{}, ClosedDeals: []int64{},
	}
	and := func(change func(*Snapshot)) Snapshot {
		s := empty
		change(&s)
		return s
	}
	tests := []struct {
		name    string
		records Records
		want    Snapshot
	}{
		{"nothing known", Records{}, empty},
		{"ids ascend, whatever order they were read in", Records{
			Leads:     []Lead{{ID: 2, Semantics: Open}, {ID: 1, Semantics: Open}},
			Deals:     []Deal{{ID: 4, Semantics: Open}, {ID: 3, Semantics: Open}, {ID: 6, Semantics: Lost}, {ID: 5, Semantics: Won}},
			Contacts:  []Contact{{ID: 8, ByPhone: true}, {ID: 7, ByPhone: true}},
			Companies: []Company{{ID: 10, ByPhone: true}, {ID: 9, ByPhone: true}},
		}, Snapshot{
			OpenLeads: []int64{1, 2}, OpenDeals: []int64{3, 4}, ClosedDeals: []int64{5, 6},
			Contacts: []int64{7, 8}, Companies: []int64{9, 10}, ClosedLeads: []ClosedLead{},
		}},
		{"a junk lead is lost, whatever names it", Records{
			Leads: []Lead{{ID: 9, Semantics: Lost}}, Deals: []Deal{{ID: 1, LeadID: 9, Semantics: Won}},
		}, and(func(s *Snapshot) { s.ClosedLeads, s.ClosedDeals = []ClosedLead{{9, OutcomeLost}}, []int64{1} })},
		{"a deal that names the lead outranks its contact", Records{
			Leads: []Lead{won}, Deals: []Deal{{ID: 1, LeadID: 9, Semantics: Open}}, Contacts: []Contact{{ID: 2, LeadID: 9, ByPhone: true}},
		}, and(func(s *Snapshot) {
			s.ClosedLeads, s.OpenDeals, s.Contacts = []ClosedLead{{9, OutcomeDeal}}, []int64{1}, []int64{2}
		})},
		{"a lead became a contact that carries the number", Records{
			Leads: []Lead{won}, Contacts: []Contact{{ID: 2, LeadID: 9, ByPhone: true}},
		}, and(func(s *Snapshot) { s.ClosedLeads, s.Contacts = []ClosedLead{{9, OutcomeContact}}, []int64{2} })},
		{"a lead became a contact; one that only tells so is no card", Records{
			Leads: []Lead{won}, Contacts: []Contact{{ID: 2, LeadID: 9, Evidence: true}}, Companies: []Company{{ID: 3, LeadID: 9, Evidence: true}},
		}, and(func(s *Snapshot) { s.ClosedLeads = []ClosedLead{{9, OutcomeContact}} })},
		{"a lead became a company only", Records{
			Leads: []Lead{won}, Companies: []Company{{ID: 3, LeadID: 9, ByPhone: true}},
		}, and(func(s *Snapshot) { s.ClosedLeads, s.Companies = []ClosedLead{{9, OutcomeContact}}, []int64{3} })},
		{"the card a lead names is a card, and its result", Records{
			Leads: []Lead{with(won, func(l *Lead) { l.ContactID = 2 })}, Contacts: []Contact{{ID: 2, LeadID: 9}},
		}, and(func(s *Snapshot) { s.ClosedLeads, s.Contacts = []ClosedLead{{9, OutcomeContact}}, []int64{2} })},
		{"a contact that vanished leaves a lost lead", Records{
			Leads: []Lead{with(won, func(l *Lead) { l.ContactID = 2 })},
		}, and(func(s *Snapshot) { s.ClosedLeads = []ClosedLead{{9, OutcomeLost}} })},
		{"a repeated lead names its customer, not a result", Records{
			Leads: []Lead{with(won, func(l *Lead) { l.ContactID, l.Repeated = 2, true })}, Contacts: []Contact{{ID: 2, ByPhone: true}},
		}, and(func(s *Snapshot) { s.ClosedLeads, s.Contacts = []ClosedLead{{9, OutcomeLost}}, []int64{2} })},
		{"closed leads come newest first by date, then by id", Records{Leads: []Lead{
			{ID: 1, Semantics: Lost, ClosedAt: day(1)}, {ID: 3, Semantics: Lost, ClosedAt: day(2)},
			{ID: 2, Semantics: Lost, ClosedAt: day(3)}, {ID: 4, Semantics: Lost, ClosedAt: day(2)},
		}}, and(func(s *Snapshot) {
			s.ClosedLeads = []ClosedLead{{2, OutcomeLost}, {4, OutcomeLost}, {3, OutcomeLost}, {1, OutcomeLost}}
		})},
		{"a contact that was clicked is a card although the lead that became it does not name it", Records{
			Leads: []Lead{won}, Contacts: []Contact{{ID: 2, LeadID: 9}},
		}, and(func(s *Snapshot) { s.ClosedLeads, s.Contacts = []ClosedLead{{9, OutcomeContact}}, []int64{2} })},
		{"the origin's contact is a card although it lacks the number", Records{
			Deals: []Deal{{ID: 1, Semantics: Open, ContactIDs: []int64{2}}}, Contacts: []Contact{{ID: 2}},
		}, and(func(s *Snapshot) { s.OpenDeals, s.Contacts = []int64{1}, []int64{2} })},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.records.Snapshot()); diff != "" {
				t.Errorf("Snapshot (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLinkCard(t *testing.T) {
	contacts := []Contact{{ID: 7, ByPhone: true}, {ID: 5, ByPhone: true}, {ID: 6, ByPhone: true}}
	companies := []Company{{ID: 3, ByPhone: true}, {ID: 2, ByPhone: true}}
	tests := []struct {
		name    string
		records Records
		origin  *Ref
		want    Ref
	}{
		{"no card", Records{}, nil, Ref{}},
		{"the lowest contact", Records{Contacts: contacts, Companies: companies}, nil, Ref{TypeContact, 5}},
		{"the lowest company where there is no contact", Records{Companies: companies}, nil, Ref{TypeCompany, 2}},
		{"the contact where the number was clicked", Records{Contacts: contacts}, &Ref{TypeContact, 7}, Ref{TypeContact, 7}},
		{"the main contact of the clicked deal", Records{
			Contacts: contacts, Deals: []Deal{{ID: 1, Semantics: Won, ContactIDs: []int64{6, 5}}},
		}, &Ref{TypeDeal, 1}, Ref{TypeContact, 6}},
		{"the contact of the clicked lead", Records{
			Contacts: contacts, Leads: []Lead{{ID: 1, Semantics: Won, ContactID: 6}},
		}, &Ref{TypeLead, 1}, Ref{TypeContact, 6}},
		{"a clicked company has no contact of its own", Records{Contacts: contacts, Companies: companies}, &Ref{TypeCompany, 3}, Ref{TypeContact, 5}},
		{"the contact of the deal closed last", Records{Contacts: contacts, Deals: []Deal{
			{ID: 1, Semantics: Won, ContactIDs: []int64{5}, ClosedAt: day(1)},
			{ID: 2, Semantics: Lost, ContactIDs: []int64{6}, ClosedAt: day(2)},
			{ID: 3, Semantics: Open, ContactIDs: []int64{7}},
		}}, nil, Ref{TypeContact, 6}},
		{"the contact of the lead closed last", Records{Contacts: contacts,
			Deals: []Deal{{ID: 1, Semantics: Won, ContactIDs: []int64{5}, ClosedAt: day(1)}},
			Leads: []Lead{{ID: 2, Semantics: Lost, ContactID: 7, ClosedAt: day(2)}},
		}, nil, Ref{TypeContact, 7}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.records.LinkCard(tt.origin)); diff != "" {
				t.Errorf("LinkCard (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTitleAndResponsible(t *testing.T) {
	r := Records{
		Leads:     []Lead{{ID: 1, Title: "Lead", Semantics: Open, ResponsibleID: 11}},
		Deals:     []Deal{{ID: 3, Title: "Later", Semantics: Open, ResponsibleID: 14}, {ID: 2, Title: "Deal", Semantics: Open, ResponsibleID: 12}, {ID: 1, Semantics: Won, ResponsibleID: 19}},
		Contacts:  []Contact{{ID: 1, Name: "Ann", ResponsibleID: 13, ByPhone: true}},
		Companies: []Company{{ID: 1, Title: "Firm", ResponsibleID: 15, ByPhone: true}},
	}
	for ref, want := range map[Ref]string{
		{TypeLead, 1}: "Lead", {TypeDeal, 2}: "Deal", {TypeContact, 1}: "Ann", {TypeCompany, 1}: "Firm", {TypeDeal, 7}: "", {}: "",
	} {
		if got := r.Title(ref); got != want {
			t.Errorf("title of %v = %q, want %q", ref, got, want)
		}
	}
	owners := []int64{}
	for _, gone := range [][]Ref{{}, {{TypeDeal, 2}, {TypeDeal, 3}}, {{TypeLead, 1}}, {{TypeContact, 1}}, {{TypeCompany, 1}}} {
		r = r.Without(gone...)
		owners = append(owners, r.Responsible())
	}
	if diff := cmp.Diff([]int64{12, 11, 13, 15, 0}, owners); diff != "" {
		t.Errorf("responsible of deal, lead, contact, company, nothing (-want +got):\n%s", diff)
	}
}

func TestWithoutADealTheLeadThatItWasMadeOfIsGone(t *testing.T) {
	r := Records{Leads: []Lead{{ID: 7}, {ID: 8}}, Deals: []Deal{{ID: 1, LeadID: 7}, {ID: 2, LeadID: 8}}}
	want := Records{Leads: []Lead{{ID: 8}}, Deals: []Deal{{ID: 2, LeadID: 8}}}
	if diff := cmp.Diff(want, r.Without(Ref{TypeDeal, 1}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("Without (-want +got):\n%s", diff)
	}
}

func TestWithoutLeavesTheRecordsAlone(t *testing.T) {
	r := Records{Leads: []Lead{{ID: 1}, {ID: 2}}, Deals: []Deal{{ID: 1}}}
	want := Records{Leads: []Lead{{ID: 2}}, Deals: []Deal{{ID: 1}}}
	if diff := cmp.Diff(want.Leads, r.Without(Ref{TypeLead, 1}).Leads); diff != "" {
		t.Errorf("Without (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Lead{{ID: 1}, {ID: 2}}, r.Leads); diff != "" {
		t.Errorf("records afterwards (-want +got):\n%s", diff)
	}
}

func TestEntityTypeWords(t *testing.T) {
	for _, typ := range []EntityType{TypeLead, TypeDeal, TypeContact, TypeCompany} {
		if got, ok := ParseCode(typ.Code()); got != typ || !ok {
			t.Errorf("ParseCode(%q) = %v, %v", typ.Code(), got, ok)
		}
		text, err := json.Marshal(Ref{typ, 5})
		if err != nil {
			t.Fatal(err)
		}
		var got Ref
		if err := json.Unmarshal(text, &got); err != nil || got != (Ref{typ, 5}) {
			t.Errorf("%s read back = %v, %v", text, got, err)
		}
	}
	if _, ok := ParseCode(""); ok {
		t.Error("an empty code is a type")
	}
	var typ EntityType
	if err := typ.UnmarshalText([]byte("order")); err == nil {
		t.Error("order is a type")
	}
	if _, err := EntityType(9).MarshalText(); err == nil {
		t.Error("type 9 has a text")
	}
}
