package b24sim

import (
	"slices"
	"strings"
	"time"

	"callwise/app/crm"
)

// Leads are all leads by ascending id.
func (p *Portal) Leads() []Lead {
	defer p.lock()()
	return p.leads()
}

// Deals are all deals, templates included, by ascending id.
func (p *Portal) Deals() []Deal {
	defer p.lock()()
	return p.deals()
}

// Contacts are all contacts by ascending id.
func (p *Portal) Contacts() []Contact {
	defer p.lock()()
	return p.contacts()
}

// Companies are all companies by ascending id.
func (p *Portal) Companies() []Company {
	defer p.lock()()
	return p.companies()
}

// Activities are all activities in the order they were made.
func (p *Portal) Activities() []Activity {
	defer p.lock()()
	return p.activityList(func(*activity) bool { return true })
}

// ActivitiesOf are the activities in the timeline of an object, oldest first.
func (p *Portal) ActivitiesOf(ref crm.Ref) []Activity {
	defer p.lock()()
	return p.activityList(func(a *activity) bool { return slices.Contains(a.Bindings, ref) })
}

// Comments are the comments in the timeline of an object, oldest first.
func (p *Portal) Comments(ref crm.Ref) []string {
	defer p.lock()()
	var texts []string
	for _, c := range p.crm.comments {
		if c.on == ref {
			texts = append(texts, c.text)
		}
	}
	return texts
}

func (p *Portal) leads() []Lead {
	var all []Lead
	for _, r := range p.crm.all(crm.TypeLead) {
		all = append(all, Lead{
			ID: r.ref.ID, Title: r.str("TITLE"), Name: r.str("NAME"), LastName: r.str("LAST_NAME"),
			StatusID: r.str("STATUS_ID"), Semantics: r.semantics(),
			ContactID: r.num("CONTACT_ID"), CompanyID: r.num("COMPANY_ID"), ReturnCustomer: r.on("IS_RETURN_CUSTOMER"),
			Phones: r.phoneNumbers(), ResponsibleID: r.num("ASSIGNED_BY_ID"), SourceID: r.str("SOURCE_ID"),
			OriginatorID: r.str("ORIGINATOR_ID"), OriginID: r.str("ORIGIN_ID"),
			CreatedAt: r.at("DATE_CREATE"), ClosedAt: r.at("DATE_CLOSED"),
		})
	}
	return all
}

func (p *Portal) deals() []Deal {
	var all []Deal
	for _, r := range p.crm.all(crm.TypeDeal) {
		all = append(all, Deal{
			ID: r.ref.ID, Title: r.str("TITLE"), CategoryID: r.num("CATEGORY_ID"),
			StageID: r.str("STAGE_ID"), Semantics: r.semantics(),
			ContactIDs: slices.Clone(r.ids("CONTACT_IDS")), CompanyID: r.num("COMPANY_ID"), LeadID: r.num("LEAD_ID"),
			Recurring: r.on("IS_RECURRING"), ReturnCustomer: r.on("IS_RETURN_CUSTOMER"),
			ResponsibleID: r.num("ASSIGNED_BY_ID"), SourceID: r.str("SOURCE_ID"),
			OriginatorID: r.str("ORIGINATOR_ID"), OriginID: r.str("ORIGIN_ID"),
			CreatedAt: r.at("DATE_CREATE"), ClosedAt: r.at("DATE_CLOSED"),
		})
	}
	return all
}

func (p *Portal) contacts() []Contact {
	var all []Contact
	for _, r := range p.crm.all(crm.TypeContact) {
		all = append(all, Contact{
			ID: r.ref.ID, Name: r.str("NAME"), LastName: r.str("LAST_NAME"), Phones: r.phoneNumbers(),
			CompanyIDs: slices.Clone(r.ids("COMPANY_IDS")), LeadID: r.num("LEAD_ID"),
			ResponsibleID: r.num("ASSIGNED_BY_ID"), SourceID: r.str("SOURCE_ID"),
			OriginatorID: r.str("ORIGINATOR_ID"), OriginID: r.str("ORIGIN_ID"), CreatedAt: r.at("DATE_CREATE"),
		})
	}
	return all
}

func (p *Portal) companies() []Company {
	var all []Company
	for _, r := range p.crm.all(crm.TypeCompany) {
		all = append(all, Company{
			ID: r.ref.ID, Title: r.str("TITLE"), Phones: r.phoneNumbers(), LeadID: r.num("LEAD_ID"),
			My: r.on("IS_MY_COMPANY"), ResponsibleID: r.num("ASSIGNED_BY_ID"),
			OriginatorID: r.str("ORIGINATOR_ID"), OriginID: r.str("ORIGIN_ID"), CreatedAt: r.at("DATE_CREATE"),
		})
	}
	return all
}

func (r *record) phoneNumbers() []string {
	var all []string
	for _, row := range r.phones {
		all = append(all, row.value)
	}
	return all
}

func (p *Portal) activityList(holds func(*activity) bool) []Activity {
	var all []Activity
	for _, a := range p.crm.activities {
		if !holds(a) {
			continue
		}
		copied := a.Activity
		copied.Bindings = slices.Clone(a.Bindings)
		all = append(all, copied)
	}
	return all
}

// A Snapshot is everything a call may leave behind, without times and call
// ids, in a stable order: two of them can be compared with go-cmp.
type Snapshot struct {
	Leads      []Lead
	Deals      []Deal
	Contacts   []Contact
	Companies  []Company
	Activities []Activity
	Statistics []Statistic
	Unfinished int // registered calls without an end
}

// Snapshot is the portal's CRM and telephony as they are now, for "the CRM
// ends as if nothing had happened".
func (p *Portal) Snapshot() Snapshot {
	defer p.lock()()
	s := Snapshot{
		Leads: p.leads(), Deals: p.deals(), Contacts: p.contacts(), Companies: p.companies(),
		Activities: p.activityList(func(*activity) bool { return true }),
		Statistics: p.statistics(), Unfinished: len(p.phone.calls),
	}
	for i := range s.Leads {
		s.Leads[i].CreatedAt, s.Leads[i].ClosedAt = time.Time{}, time.Time{}
	}
	for i := range s.Deals {
		s.Deals[i].CreatedAt, s.Deals[i].ClosedAt = time.Time{}, time.Time{}
	}
	for i := range s.Contacts {
		s.Contacts[i].CreatedAt = time.Time{}
	}
	for i := range s.Companies {
		s.Companies[i].CreatedAt = time.Time{}
	}
	for i := range s.Activities {
		a := &s.Activities[i]
		a.StartedAt, a.EndedAt, a.CallID = time.Time{}, time.Time{}, ""
		slices.SortFunc(a.Bindings, compareRefs)
	}
	for i := range s.Statistics {
		s.Statistics[i].StartedAt, s.Statistics[i].CallID = time.Time{}, ""
	}
	return s
}

func compareRefs(a, b crm.Ref) int {
	if a.Type != b.Type {
		return int(a.Type) - int(b.Type)
	}
	return int(a.ID - b.ID)
}

// Totals count what calls have left behind.
type Totals struct {
	Going      int // registered calls without an end
	Calls      int // that ended
	Leads      int
	Numbers    int // different numbers of the leads
	Activities int
	Bindings   int // of the activities
}

// Overrun is how many requests met a full bucket.
func (p *Portal) Overrun() int {
	defer p.lock()()
	return p.overrun
}

// Totals is a small [Portal.Snapshot].
func (p *Portal) Totals() Totals {
	defer p.lock()()
	leads, numbers := p.leads(), map[string]bool{}
	for _, lead := range leads {
		numbers[strings.Join(lead.Phones, " ")] = true
	}
	totals := Totals{
		Going: len(p.phone.calls), Calls: len(p.statistics()), Leads: len(leads), Numbers: len(numbers),
	}
	for _, a := range p.activityList(func(*activity) bool { return true }) {
		totals.Activities++
		totals.Bindings += len(a.Bindings)
	}
	return totals
}
