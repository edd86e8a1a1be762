package b24

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"callwise/app/crm"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var (
	closedAt = time.Date(2026, 7, 16, 13, 43, 44, 0, time.UTC)
	numbers  = []string{"+4930123456", "4930123456", "030123456"}
)

func lead(id int64, stage crm.Semantics, contact, company int64) row {
	r := row{"id": id, "title": fmt.Sprint("lead ", id), "stageSemanticId": string(stage), "contactId": contact, "companyId": company,
		"isReturnCustomer": "N", "assignedById": 17, "createdTime": "2026-05-31T15:10:16+02:00"}
	if stage != crm.Open {
		r["dateClosed"] = closedAt.Format(time.RFC3339)
	}
	return r
}

func deal(id int64, stage crm.Semantics, leadID int64, company int64, contacts ...int64) row {
	r := row{"id": id, "title": fmt.Sprint("deal ", id), "stageSemanticId": string(stage), "companyId": company, "leadId": leadID,
		"isRecurring": "N", "contactIds": contacts, "contactId": 0, "assignedById": 17, "movedTime": closedAt.Format(time.RFC3339)}
	if len(contacts) > 0 {
		r["contactId"] = contacts[0]
	}
	return r
}

func contact(id, leadID int64) row {
	return row{"id": id, "name": "Anna", "lastName": fmt.Sprint(id), "leadId": leadID, "companyId": nil, "assignedById": 17}
}

func company(id, leadID int64) row {
	return row{"id": id, "title": "Acme", "leadId": leadID, "assignedById": 17, "isMyCompany": "N"}
}

func with(r row, name string, value any) row { r[name] = value; return r }

// rowsOf are the rows of a CRM by kind.
type rowsOf = map[crm.EntityType][]row

type idsOf = map[crm.EntityType][]int64

var snapshotTests = []struct {
	name     string
	rows     rowsOf
	phone    idsOf
	origin   *crm.Ref
	want     crm.Snapshot
	requests int // 0 means 1
	blind    int // requests when the portal does not resolve references; 0 means 2
}{
	{name: "nothing known", blind: 1, rows: rowsOf{crm.TypeContact: {contact(1, 0)}, crm.TypeLead: {lead(1, "P", 1, 0)}, crm.TypeDeal: {deal(1, "P", 1, 0, 1)}}},
	{
		name: "a known customer with an open lead, a closed lead that became a deal, an open and a closed deal",
		rows: rowsOf{
			crm.TypeContact: {contact(412, 31), contact(5, 0)}, crm.TypeCompany: {company(90, 0), company(6, 0)},
			crm.TypeLead: {lead(31, "S", 412, 0), lead(32, "P", 412, 0), lead(7, "P", 5, 6)},
			crm.TypeDeal: {deal(9, "S", 31, 0, 412), deal(10, "P", 0, 90), deal(11, "P", 0, 6, 5)},
		},
		phone: idsOf{crm.TypeContact: {412}, crm.TypeCompany: {90}, crm.TypeLead: {31, 32}},
		want: crm.Snapshot{OpenLeads: []int64{32}, OpenDeals: []int64{10}, Contacts: []int64{412}, Companies: []int64{90},
			ClosedLeads: []crm.ClosedLead{{ID: 31, Outcome: crm.OutcomeDeal}}, ClosedDeals: []int64{9}},
	},
	{
		name:  "an open deal in which the contact is not the main one",
		rows:  rowsOf{crm.TypeContact: {contact(412, 0)}, crm.TypeDeal: {deal(10, "P", 0, 0, 5, 412), deal(11, "P", 0, 0, 5)}},
		phone: idsOf{crm.TypeContact: {412}},
		want:  crm.Snapshot{OpenDeals: []int64{10}, Contacts: []int64{412}},
	},
	{
		name: "a recurring deal is a template, our own company no customer",
		rows: rowsOf{crm.TypeContact: {contact(412, 0)}, crm.TypeCompany: {with(company(90, 0), "isMyCompany", "Y")},
			crm.TypeDeal: {with(deal(10, "P", 0, 0, 412), "isRecurring", "Y"), deal(11, "P", 0, 90)}},
		phone: idsOf{crm.TypeContact: {412}, crm.TypeCompany: {90}},
		want:  crm.Snapshot{Contacts: []int64{412}},
	},
	{
		name:  "an open deal that descends from a closed lead and has no contact",
		rows:  rowsOf{crm.TypeLead: {lead(31, "S", 0, 0)}, crm.TypeDeal: {deal(9, "P", 31, 0)}},
		phone: idsOf{crm.TypeLead: {31}},
		want:  crm.Snapshot{OpenDeals: []int64{9}, ClosedLeads: []crm.ClosedLead{{ID: 31, Outcome: crm.OutcomeDeal}}},
	},
	{
		name:  "a repeated lead that does not carry the number itself",
		rows:  rowsOf{crm.TypeContact: {contact(412, 0)}, crm.TypeLead: {with(lead(33, "P", 412, 0), "isReturnCustomer", "Y")}},
		phone: idsOf{crm.TypeContact: {412}},
		want:  crm.Snapshot{OpenLeads: []int64{33}, Contacts: []int64{412}},
	},
	{
		name: "a card known only through a lead, with its open deal",
		rows: rowsOf{crm.TypeContact: {contact(412, 31)}, crm.TypeCompany: {company(90, 0)}, crm.TypeLead: {lead(31, "S", 412, 90)},
			crm.TypeDeal: {deal(9, "P", 0, 0, 1, 412)}},
		phone:    idsOf{crm.TypeLead: {31}},
		requests: 2, blind: 3,
		want: crm.Snapshot{OpenDeals: []int64{9}, Contacts: []int64{412}, Companies: []int64{90},
			ClosedLeads: []crm.ClosedLead{{ID: 31, Outcome: crm.OutcomeContact}}},
	},
	{
		name: "a closed lead whose contact was deleted is lost", requests: 2, blind: 3,
		rows:  rowsOf{crm.TypeLead: {lead(31, "S", 412, 0)}},
		phone: idsOf{crm.TypeLead: {31}},
		want:  crm.Snapshot{ClosedLeads: []crm.ClosedLead{{ID: 31, Outcome: crm.OutcomeLost}}},
	},
	{
		name: "unless a company or contact names it", requests: 2, blind: 3,
		rows:  rowsOf{crm.TypeLead: {lead(31, "S", 412, 0)}, crm.TypeCompany: {company(90, 31)}},
		phone: idsOf{crm.TypeLead: {31}},
		want:  crm.Snapshot{ClosedLeads: []crm.ClosedLead{{ID: 31, Outcome: crm.OutcomeContact}}},
	},
	{
		name:  "a repeated lead names its customer, not what became of it",
		rows:  rowsOf{crm.TypeContact: {contact(412, 0)}, crm.TypeLead: {with(lead(31, "S", 412, 0), "isReturnCustomer", "Y")}},
		phone: idsOf{crm.TypeContact: {412}, crm.TypeLead: {31}},
		want:  crm.Snapshot{Contacts: []int64{412}, ClosedLeads: []crm.ClosedLead{{ID: 31, Outcome: crm.OutcomeLost}}},
	},
	{
		name: "nor does a contact that names it", blind: 2,
		rows:  rowsOf{crm.TypeContact: {contact(5, 31)}, crm.TypeLead: {with(lead(31, "S", 0, 0), "isReturnCustomer", "Y")}},
		phone: idsOf{crm.TypeLead: {31}},
		want:  crm.Snapshot{ClosedLeads: []crm.ClosedLead{{ID: 31, Outcome: crm.OutcomeLost}}},
	},
	{
		name: "a closed repeated lead without number whose deal hangs on nobody", requests: 2, blind: 3,
		rows: rowsOf{crm.TypeContact: {contact(412, 0)}, crm.TypeLead: {with(lead(31, "S", 412, 0), "isReturnCustomer", "Y")},
			crm.TypeDeal: {deal(9, "S", 31, 0)}},
		phone: idsOf{crm.TypeContact: {412}},
		want: crm.Snapshot{Contacts: []int64{412}, ClosedLeads: []crm.ClosedLead{{ID: 31, Outcome: crm.OutcomeDeal}},
			ClosedDeals: []int64{9}},
	},
	{
		name: "an object the search still knows is deleted", requests: 2,
		rows:  rowsOf{crm.TypeContact: {contact(412, 0)}},
		phone: idsOf{crm.TypeContact: {411, 412}},
		want:  crm.Snapshot{Contacts: []int64{412}},
	},
	{
		name: "everything the search still knows is deleted", requests: 2, blind: 2,
		phone: idsOf{crm.TypeContact: {411}, crm.TypeLead: {1, 2, 3}},
	},
	{
		name: "the card of the clicked deal counts, though it does not carry the number", origin: &crm.Ref{Type: crm.TypeDeal, ID: 9}, requests: 2,
		rows:  rowsOf{crm.TypeContact: {contact(412, 0)}, crm.TypeDeal: {deal(9, "S", 0, 0, 412), deal(10, "P", 0, 0, 412)}},
		blind: 2,
		want:  crm.Snapshot{OpenDeals: []int64{10}, Contacts: []int64{412}, ClosedDeals: []int64{9}},
	},
	{
		name: "a clicked contact needs no second request", origin: &crm.Ref{Type: crm.TypeContact, ID: 412}, blind: 1,
		rows: rowsOf{crm.TypeContact: {contact(412, 0)}, crm.TypeDeal: {deal(10, "P", 0, 0, 412)}, crm.TypeLead: {lead(5, "P", 412, 0)}},
		want: crm.Snapshot{OpenLeads: []int64{5}, OpenDeals: []int64{10}, Contacts: []int64{412}},
	},
	{
		name: "a clicked lead brings its card", origin: &crm.Ref{Type: crm.TypeLead, ID: 5}, requests: 2,
		rows: rowsOf{crm.TypeCompany: {company(90, 0)}, crm.TypeLead: {lead(5, "P", 0, 90), lead(6, "P", 0, 90)}},
		want: crm.Snapshot{OpenLeads: []int64{5, 6}, Companies: []int64{90}},
	},
	{
		name: "a clicked card that was deleted is not there", origin: &crm.Ref{Type: crm.TypeLead, ID: 5}, blind: 1,
	},
}

func TestSnapshot(t *testing.T) {
	for name, refs := range map[string]references{"references resolved": resolved, "references as text": literal, "references lost": dropped} {
		t.Run(name, func(t *testing.T) {
			for _, tt := range snapshotTests {
				t.Run(tt.name, func(t *testing.T) {
					p := newTinyPortal()
					p.refs, p.phone = refs, tt.phone
					if tt.rows != nil {
						p.rows = tt.rows
					}
					got, err := p.desk(t).Snapshot(t.Context(), Query{Phones: numbers, Origin: tt.origin})
					if err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(tt.want, got.Snapshot(), cmpopts.EquateEmpty()); diff != "" {
						t.Errorf("(-want +got):\n%s", diff)
					}
					requests := max(tt.requests, 1)
					if refs == literal {
						requests = tt.blind
						if requests == 0 {
							requests = 2
						}
					}
					if refs != dropped && p.requests != requests {
						t.Errorf("%d requests instead of %d: %v", p.requests, requests, p.commands)
					}
				})
			}
		})
	}
}

func TestSnapshotReadsAllPagesOfOpenDeals(t *testing.T) {
	for _, refs := range []references{resolved, literal, dropped, mixed} {
		p := newTinyPortal()
		p.refs = refs
		p.phone = idsOf{crm.TypeContact: {412}}
		p.rows[crm.TypeContact] = []row{contact(412, 0), contact(5, 0)}
		var want []int64
		for id := int64(1); id <= 130; id++ {
			p.rows[crm.TypeDeal] = append(p.rows[crm.TypeDeal], deal(id, "P", 0, 0, 5, 412), deal(1000+id, "F", 0, 0, 412))
			want = append(want, id)
		}
		got, err := p.desk(t).Snapshot(t.Context(), Query{Phones: numbers})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.Snapshot().OpenDeals); diff != "" {
			t.Errorf("%d: (-want +got):\n%s", refs, diff)
		}
		if refs == resolved && p.requests != 2 || p.requests > 3 {
			t.Errorf("%d: %d requests", refs, p.requests)
		}
	}
}

func TestForeignDealsDoNotHideThoseOfTheCustomer(t *testing.T) {
	for _, refs := range []references{resolved, literal, dropped} {
		p := newTinyPortal()
		p.refs = refs
		p.phone = idsOf{crm.TypeContact: {412}}
		p.rows[crm.TypeContact] = []row{contact(412, 0)}
		p.rows[crm.TypeDeal] = []row{deal(1, "P", 0, 0, 412)}
		for id := int64(2); id <= 70; id++ {
			p.rows[crm.TypeDeal] = append(p.rows[crm.TypeDeal], deal(id, "P", 0, 0, 5), with(deal(100+id, "P", 0, 0, 412), "isRecurring", "Y"))
		}
		got, err := p.desk(t).Snapshot(t.Context(), Query{Phones: numbers})
		if err != nil || !slices.Equal(got.Snapshot().OpenDeals, []int64{1}) || refs == resolved && p.requests != 1 {
			t.Errorf("%d: %v %v after %d requests", refs, got.Snapshot(), err, p.requests)
		}
	}
}

func TestManyObjectsTakeTwoRequestsAtMost(t *testing.T) {
	for _, refs := range []references{resolved, literal, dropped, mixed} {
		p := newTinyPortal()
		p.refs = refs
		for id := int64(1); id <= 20; id++ {
			for _, kind := range searched {
				p.phone[kind] = append(p.phone[kind], id)
			}
			p.rows[crm.TypeLead] = append(p.rows[crm.TypeLead], lead(id, "F", 0, 0))
			p.rows[crm.TypeContact] = append(p.rows[crm.TypeContact], contact(id, 0), contact(id+100, 0))
			p.rows[crm.TypeCompany] = append(p.rows[crm.TypeCompany], company(id, 0))
		}
		got, err := p.desk(t).Snapshot(t.Context(), Query{Phones: numbers})
		if err != nil || len(got.Leads)+len(got.Contacts)+len(got.Companies) != 60 || p.requests > 2 {
			t.Errorf("%d: %v after %d requests", refs, err, p.requests)
		}
	}
}

func TestSnapshotStopsAtWhatItMayNotRead(t *testing.T) {
	d := serve(t, func(w http.ResponseWriter, r *http.Request) {
		cmd, _ := readRequest(r).Params["cmd"].(map[string]any)
		if _, first := cmd["mode"]; first {
			write(w, `{"result":{"result":{"mode":1,"find_lead":[],"find_contact":{"CONTACT":[412]},"find_company":[],"dial_lead":[],"dial_contact":{"CONTACT":[412]},"dial_company":[],"found_contact":{"items":[]}}}}`)
			return
		}
		write(w, `{"result":{"result":[],"result_error":{"due0":{"error":"ACCESS_DENIED"}}}}`)
	})
	if got, err := d.Snapshot(t.Context(), Query{Phones: numbers}); !errors.Is(err, ErrUnreadable) {
		t.Errorf("%v %v", got, err)
	}
}

func TestSnapshotNeverSaysNothingIsKnownWhenSomethingFailed(t *testing.T) {
	customer := func() *tinyPortal {
		p := newTinyPortal()
		p.phone = idsOf{crm.TypeContact: {412}, crm.TypeLead: {31}}
		p.rows = rowsOf{crm.TypeContact: {contact(412, 0), contact(413, 0)}, crm.TypeLead: {lead(31, "P", 413, 0)}, crm.TypeDeal: {deal(10, "P", 0, 0, 412)}}
		return p
	}
	for _, key := range []string{"mode", "find_lead", "find_contact", "find_company", "dial_lead", "dial_contact", "dial_company", "due0", "due1", "due2"} {
		p := customer()
		p.refused[key] = "ACCESS_DENIED no"
		if got, err := p.desk(t).Snapshot(t.Context(), Query{Phones: numbers}); !errors.Is(err, AccessDenied) {
			t.Errorf("%s refused: %v %v", key, got, err)
		}
	}
	for _, key := range []string{"find_any", "found_any", "found_lead", "found_contact", "contact_deals", "lead_deals", "contact_leads"} {
		p := customer()
		p.refused[key] = "ERROR_CORE no"
		got, err := p.desk(t).Snapshot(t.Context(), Query{Phones: numbers})
		want := crm.Snapshot{OpenLeads: []int64{31}, OpenDeals: []int64{10}, Contacts: []int64{412, 413}}
		if diff := cmp.Diff(want, got.Snapshot(), cmpopts.EquateEmpty()); err != nil || diff != "" || p.requests > 3 {
			t.Errorf("%s refused: %v after %d requests (-want +got):\n%s", key, err, p.requests, diff)
		}
	}
	for _, answer := range []string{`502 <html>`, `{"result":[]}`, `{"result":{"result":[]}}`, `{"result":{"result":{"mode":1},"result_error":[]}}`,
		`{"result":{"result":{"mode":3,"find_lead":[],"find_contact":[],"find_company":[]}}}`,
		`{"result":{"result":{"mode":1,"find_lead":[],"find_contact":"x","find_company":[]}}}`} {
		d, _ := scripted(t, answer)
		if got, err := d.Snapshot(t.Context(), Query{Phones: numbers}); err == nil {
			t.Errorf("%s: %v", answer, got)
		}
	}
}

func TestSnapshotOnPortalsThatCannotFilterByAllContacts(t *testing.T) {
	p := newTinyPortal()
	p.noContactIDs = true
	p.phone = idsOf{crm.TypeContact: {412}, crm.TypeCompany: {90}, crm.TypeLead: {31}}
	p.rows = rowsOf{crm.TypeContact: {contact(412, 0)}, crm.TypeCompany: {company(90, 0)}, crm.TypeLead: {lead(31, "P", 0, 0)},
		crm.TypeDeal: {deal(10, "P", 0, 0, 412), deal(11, "P", 0, 0, 5), deal(12, "P", 0, 90)}}
	got, err := p.desk(t).Snapshot(t.Context(), Query{Phones: numbers})
	if err != nil || !slices.Equal(got.Snapshot().OpenDeals, []int64{10, 12}) || p.requests != 2 {
		t.Errorf("%v %v after %d requests", got, err, p.requests)
	}
}

func TestSnapshotTellsTheRecordsAsTheyAre(t *testing.T) {
	p := newTinyPortal()
	p.mode = 2
	p.phone = idsOf{crm.TypeContact: {412}}
	p.rows = rowsOf{crm.TypeContact: {contact(412, 0)}, crm.TypeDeal: {deal(9, "S", 31, 90, 412, 5)}}
	got, err := p.desk(t).Snapshot(t.Context(), Query{Phones: numbers})
	want := crm.Records{
		Mode:     crm.Simple,
		Contacts: []crm.Contact{{ID: 412, Name: "Anna 412", ResponsibleID: 17, ByPhone: true}},
		Deals: []crm.Deal{{ID: 9, Title: "deal 9", Semantics: crm.Won, ContactIDs: []int64{412, 5}, CompanyID: 90, LeadID: 31,
			ResponsibleID: 17, ClosedAt: closedAt}},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestSnapshotOnPortalsThatCannotFilterTakesOneRequestMoreOnly(t *testing.T) {
	p := newTinyPortal()
	p.noContactIDs, p.refs = true, literal
	p.phone = idsOf{crm.TypeContact: {412}}
	p.rows = rowsOf{crm.TypeContact: {contact(412, 0)}, crm.TypeDeal: {deal(10, "P", 0, 0, 412)}}
	got, err := p.desk(t).Snapshot(t.Context(), Query{Phones: numbers})
	if err != nil || !slices.Equal(got.Snapshot().OpenDeals, []int64{10}) || p.requests != 3 {
		t.Errorf("%v %v after %d requests", got, err, p.requests)
	}
}

func TestSnapshotWithoutANumber(t *testing.T) {
	p := newTinyPortal()
	got, err := p.desk(t).Snapshot(t.Context(), Query{})
	if diff := cmp.Diff(crm.Records{Mode: crm.Classic}, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}
