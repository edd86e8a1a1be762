package b24

import (
	"errors"
	"testing"

	"callwise/app/b24/b24sim"
	"callwise/app/call"
	"callwise/app/crm"

	"github.com/google/go-cmp/cmp"
)

func TestALeadIsCreatedWithItsCallAndNeverWithoutOne(t *testing.T) {
	type made struct{ Calls, Leads, Deals, Requests int }
	for _, tt := range []struct {
		name    string
		portal  b24sim.PortalConfig
		prepare func(p *b24sim.Portal, s *LeadStart)
		refused bool
		want    made
	}{
		{
			name: "for a contact",
			want: made{Calls: 1, Leads: 1, Requests: 1},
		},
		{
			name: "in simple mode, where it becomes a deal", portal: b24sim.PortalConfig{Mode: crm.Simple},
			prepare: func(_ *b24sim.Portal, s *LeadStart) { s.Converts = true },
			want:    made{Calls: 1, Leads: 1, Deals: 1, Requests: 1},
		},
		{
			name:    "with a line that is new",
			prepare: func(_ *b24sim.Portal, s *LeadStart) { s.Call.NewLine = &Line{Number: "1", Name: "1"} },
			want:    made{Calls: 1, Leads: 1, Requests: 1},
		},
		{
			name:    "not with a line that the portal refuses",
			prepare: func(_ *b24sim.Portal, s *LeadStart) { s.Call.NewLine = &Line{Name: "without a number"} },
			want:    made{Calls: 1, Requests: 2},
		},
		{
			name:    "not for an exception",
			prepare: func(p *b24sim.Portal, _ *LeadStart) { p.Exclude(customer) },
			want:    made{Calls: 1, Requests: 1},
		},
		{
			name:    "not for a card of another kind than was expected",
			prepare: func(_ *b24sim.Portal, s *LeadStart) { s.Card = crm.TypeCompany },
			want:    made{Calls: 1, Requests: 1},
		},
		{
			name:    "not without a call",
			prepare: func(_ *b24sim.Portal, s *LeadStart) { s.Call.UserID = 999 },
			refused: true, want: made{Requests: 1},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := open(t, tt.portal)
			o.install(t)
			contact := o.portal.AddContact(b24sim.Contact{Name: "Anna", Phones: []string{customer}})
			start := LeadStart{
				Call: CallStart{ExternalID: "pbx-1", UserID: 1, Phone: customer, Direction: call.Outgoing, Line: "1"},
				Lead: NewLead{Title: "again", Name: "Anna", ContactID: contact, OriginID: "pbx-1"}, Card: crm.TypeContact,
			}
			if tt.prepare != nil {
				tt.prepare(o.portal, &start)
			}
			o.sim.ClearRequests()
			started, lead, err := o.StartCallWithLead(t.Context(), start)
			if _, refused := errors.AsType[*Error](err); refused != tt.refused || !refused && err != nil {
				t.Fatal(err)
			}
			got := made{Requests: len(o.sim.Requests())}
			for _, present := range []struct {
				is bool
				n  *int
			}{{started.CallID != "", &got.Calls}, {lead.ID != 0, &got.Leads}, {lead.Deal != 0 && lead.Contact == contact, &got.Deals}} {
				if present.is {
					*present.n = 1
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if n := len(o.portal.Leads()); n != tt.want.Leads {
				t.Errorf("the portal has %d leads, want %d", n, tt.want.Leads)
			}
		})
	}
}

func TestTheLeadOfAClientTellsInTheSameRequestWhetherItIsARepeatedOne(t *testing.T) {
	type told struct {
		Repeated string
		Requests int
	}
	on := b24sim.PortalConfig{RepeatSales: true}
	ways := map[string]func(*office, NewLead) (MadeLead, error){
		"alone": func(o *office, l NewLead) (MadeLead, error) { return o.AddLead(t.Context(), l) },
		"with its call": func(o *office, l NewLead) (MadeLead, error) {
			start := CallStart{ExternalID: "pbx-1", UserID: 1, Phone: customer, Direction: call.Outgoing, Line: "1"}
			_, lead, err := o.StartCallWithLead(t.Context(), LeadStart{Call: start, Lead: l, Converts: l.Name != ""})
			return lead, err
		},
	}
	for _, tt := range []struct {
		name   string
		portal b24sim.PortalConfig
		lead   NewLead
		hidden bool
		want   string
	}{
		{name: "repeat sales mode is on", portal: on, lead: NewLead{ContactID: 1}, want: "yes"},
		{name: "it is off", lead: NewLead{ContactID: 1}, want: "no"},
		{name: "the client is a company", portal: on, lead: NewLead{CompanyID: 1}, want: "yes"},
		{name: "the portal does not show the lead", portal: on, lead: NewLead{ContactID: 1}, hidden: true, want: "not told"},
		{name: "in simple mode nobody asks", portal: b24sim.PortalConfig{Mode: crm.Simple}, lead: NewLead{ContactID: 1, Name: "Anna"}, want: "not told"},
		{name: "nor without a client", portal: on, lead: NewLead{Phone: customer}, want: "not told"},
	} {
		for way, add := range ways {
			t.Run(tt.name+", "+way, func(t *testing.T) {
				o := open(t, tt.portal)
				o.install(t)
				o.portal.AddContact(b24sim.Contact{ID: 1, Name: "Anna", Phones: []string{customer}})
				o.portal.AddCompany(b24sim.Company{ID: 1, Title: "Mill"})
				if tt.hidden {
					o.sim.Inject(b24sim.Fault{Method: methodItemGet, Act: b24sim.Refuse})
				}
				o.sim.ClearRequests()
				lead, err := add(o, tt.lead)
				if err != nil || lead.ID == 0 {
					t.Fatal(lead, err)
				}
				got := told{"not told", len(o.sim.Requests())}
				if lead.Repeated != nil {
					got.Repeated = map[bool]string{true: "yes", false: "no"}[*lead.Repeated]
				}
				if diff := cmp.Diff(told{tt.want, 1}, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
}
