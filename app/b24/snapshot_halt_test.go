package b24

import (
	"testing"

	"callwise/app/crm"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestASearchThatFindsNothingEndsTheBatch(t *testing.T) {
	for name, tt := range map[string]struct {
		refs   references
		origin *crm.Ref
		want   []string
	}{
		"references resolved": {resolved, nil, nil},
		"references as text":  {literal, nil, nil},
		"references lost":     {dropped, nil, nil},
		"a card was clicked": {resolved, &crm.Ref{Type: crm.TypeLead, ID: 5}, []string{
			"found_contact", "contact_deals", "contact_closed_deals", "contact_leads", "contact_closed_leads",
			"found_company", "company_deals", "company_closed_deals", "company_leads", "company_closed_leads",
			"found_lead", "lead_deals", "due0", "due1", "due2", "due3"}},
	} {
		p := newTinyPortal()
		p.refs = tt.refs
		if _, err := p.desk(t).Snapshot(t.Context(), Query{Phones: numbers, Origin: tt.origin}); err != nil {
			t.Fatal(err)
		}
		want := []string{"mode", "find_lead", "find_contact", "find_company", "dial_lead", "dial_contact", "dial_company"}
		if tt.origin == nil {
			want = append(want, "find_any", "found_any")
		}
		if diff := cmp.Diff([][]string{append(want, tt.want...)}, p.commands); diff != "" {
			t.Errorf("%s: commands (-want +got):\n%s", name, diff)
		}
	}
}

func TestSnapshotOnPortalsThatRefuseFiltersByNothing(t *testing.T) {
	for name, tt := range map[string]struct {
		phone    idsOf
		want     crm.Snapshot
		requests int
	}{
		"nobody":                {nil, crm.Snapshot{}, 1},
		"a contact":             {idsOf{crm.TypeContact: {412}}, crm.Snapshot{OpenDeals: []int64{10}, Contacts: []int64{412}}, 1},
		"a contact and company": {idsOf{crm.TypeContact: {412}, crm.TypeCompany: {90}}, crm.Snapshot{OpenDeals: []int64{10, 11}, Contacts: []int64{412}, Companies: []int64{90}}, 1},
		"a company":             {idsOf{crm.TypeCompany: {90}}, crm.Snapshot{OpenDeals: []int64{11}, Companies: []int64{90}}, 2},
		"a lead":                {idsOf{crm.TypeLead: {31}}, crm.Snapshot{OpenLeads: []int64{31}}, 2},
	} {
		p := newTinyPortal()
		p.noEmptyLists, p.phone = true, tt.phone
		p.rows = rowsOf{crm.TypeContact: {contact(412, 0)}, crm.TypeCompany: {company(90, 0)}, crm.TypeLead: {lead(31, "P", 0, 0)},
			crm.TypeDeal: {deal(10, "P", 0, 0, 412), deal(11, "P", 0, 90)}}
		got, err := p.desk(t).Snapshot(t.Context(), Query{Phones: numbers[:1]})
		if diff := cmp.Diff(tt.want, got.Snapshot(), cmpopts.EquateEmpty()); err != nil || diff != "" || p.requests != tt.requests {
			t.Errorf("%s: %v after %d requests, want %d (-want +got):\n%s", name, err, p.requests, tt.requests, diff)
		}
	}
}
