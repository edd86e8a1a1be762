package demo

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/app/call"
	"callwise/app/crm"
)

// An entity is a lead, deal, contact or company of the portal's CRM.
type entity struct {
	ref         crm.Ref
	title       string
	stage       string
	semantics   string // P, S or F; "" for cards
	repeat      bool
	phones      []string // a deal has those of its client
	links       []crm.Ref
	responsible int64
	created     time.Time
}

// entities are all objects of the CRM: leads, deals, contacts, companies.
func entities(p *b24sim.Portal) []entity {
	var all []entity
	phones := map[crm.Ref][]string{}
	for _, c := range p.Contacts() {
		e := entity{ref: crm.Ref{Type: crm.TypeContact, ID: c.ID}, title: name(c.Name, c.LastName), phones: c.Phones, responsible: c.ResponsibleID, created: c.CreatedAt}
		e.links = links(0, c.LeadID, 0)
		phones[e.ref] = c.Phones
		all = append(all, e)
	}
	for _, c := range p.Companies() {
		e := entity{ref: crm.Ref{Type: crm.TypeCompany, ID: c.ID}, title: c.Title, phones: c.Phones, responsible: c.ResponsibleID, created: c.CreatedAt}
		phones[e.ref] = c.Phones
		all = append(all, e)
	}
	for _, l := range p.Leads() {
		all = append(all, entity{
			ref: crm.Ref{Type: crm.TypeLead, ID: l.ID}, title: l.Title, stage: leadStages[l.StatusID], semantics: l.Semantics,
			repeat: l.ReturnCustomer, phones: l.Phones, links: links(l.ContactID, 0, l.CompanyID), responsible: l.ResponsibleID, created: l.CreatedAt,
		})
	}
	for _, deal := range p.Deals() {
		e := entity{
			ref: crm.Ref{Type: crm.TypeDeal, ID: deal.ID}, title: deal.Title, stage: dealStages[deal.StageID], semantics: deal.Semantics,
			repeat: deal.ReturnCustomer, responsible: deal.ResponsibleID, created: deal.CreatedAt,
		}
		for _, id := range deal.ContactIDs {
			e.links = append(e.links, links(id, 0, 0)...)
		}
		e.links = append(e.links, links(0, deal.LeadID, deal.CompanyID)...)
		for _, ref := range e.links {
			e.phones = append(e.phones, phones[ref]...)
		}
		all = append(all, e)
	}
	return all
}

var (
	leadStages = map[string]string{
		"NEW": "Unassigned", "IN_PROCESS": "In progress", "PROCESSED": "Processed", "CONVERTED": "Good lead", "JUNK": "Junk lead",
	}
	dealStages = map[string]string{
		"NEW": "New", "PREPARATION": "Preparing documents", "PREPAYMENT_INVOICE": "Prepayment invoice",
		"EXECUTING": "In progress", "FINAL_INVOICE": "Final invoice", "WON": "Deal won", "LOSE": "Deal lost", "APOLOGY": "Deal lost",
	}
)

func name(first, last string) string { return strings.TrimSpace(first + " " + last) }

// links are the objects with these ids; 0 is none.
func links(contact, lead, company int64) []crm.Ref {
	all := []crm.Ref{{Type: crm.TypeContact, ID: contact}, {Type: crm.TypeLead, ID: lead}, {Type: crm.TypeCompany, ID: company}}
	return slices.DeleteFunc(all, func(r crm.Ref) bool { return r.ID == 0 })
}

func sameNumber(phones []string, number string) bool {
	return slices.ContainsFunc(phones, func(p string) bool { return key(p) == key(number) })
}

func key(number string) string { return call.ParsePhone(number, "DE").Key() }

func pretty(number string) string {
	if number == hiddenNumber {
		return "Hidden number"
	}
	return call.ParsePhone(number, "DE").Pretty()
}

// words for people

func title(ref crm.Ref) string {
	kind := ref.Type.String()
	return strings.ToUpper(kind[:1]) + kind[1:] + " #" + strconv.FormatInt(ref.ID, 10)
}

func cardID(ref crm.Ref) string { return ref.Type.String() + "-" + strconv.FormatInt(ref.ID, 10) }

// parseRef reads what cardID writes.
func parseRef(text string) (crm.Ref, bool) {
	kind, number, _ := strings.Cut(text, "-")
	typ, known := crm.ParseCode(strings.ToUpper(kind))
	id, err := strconv.ParseInt(number, 10, 64)
	if !known || err != nil || id <= 0 {
		return crm.Ref{}, false
	}
	return crm.Ref{Type: typ, ID: id}, true
}

// A column is one kind of object, the new ones first.
type column struct {
	id, title string
	cards     []card
}

// A card is an object as the CRM shows it.
type card struct {
	ref           crm.Ref
	title         string
	stage, tone   string
	repeat, fresh bool
	shows         []string // which rows of the decision tables it belongs to
	phones        []string
	links         []crm.Ref
	responsible   string
	calls         []cardCall
}

// A cardCall is a call in the timeline of an object.
type cardCall struct {
	text, at string
	bound    []crm.Ref // what else it is logged to
	missed   bool
	fresh    bool
}

// newFor is how long something counts as new.
const newFor = 90 * time.Second

func (d *Demo) board() []column {
	columns := []column{{id: "leads", title: "Leads"}, {id: "deals", title: "Deals"}, {id: "clients", title: "Contacts and companies"}}
	calls := d.callsOf()
	for _, e := range entities(d.portal) {
		c := d.card(e, calls[e.ref])
		switch e.ref.Type {
		case crm.TypeLead:
			columns[0].cards = append(columns[0].cards, c)
		case crm.TypeDeal:
			columns[1].cards = append(columns[1].cards, c)
		default:
			columns[2].cards = append(columns[2].cards, c)
		}
	}
	for i := range columns {
		slices.SortStableFunc(columns[i].cards, d.newestFirst)
	}
	return columns
}

// newestFirst puts what came since the beginning on top and leaves the seeded
// customers in the order of their rows.
func (d *Demo) newestFirst(a, b card) int {
	switch newA, newB := d.seeded.isNew(a.ref), d.seeded.isNew(b.ref); {
	case newA && newB:
		return int(b.ref.ID - a.ref.ID)
	case newA:
		return -1
	case newB:
		return 1
	}
	return 0
}

func (d *Demo) card(e entity, calls []cardCall) card {
	c := card{
		ref: e.ref, title: e.title, stage: e.stage, tone: tones[e.semantics], repeat: e.repeat,
		fresh: d.seeded.isNew(e.ref) && d.isRecent(e.created), phones: e.phones, links: e.links,
		responsible: d.employee(e.responsible), calls: calls,
	}
	for _, customer := range d.customers {
		if !slices.Contains(customer.refs, e.ref) {
			continue
		}
		label := customer.shows
		if customer.row != "" {
			label = "Row " + customer.row + ": " + label
		}
		c.shows = append(c.shows, label)
	}
	return c
}

var tones = map[string]string{"P": "open", "S": "won", "F": "lost"}

func (d *Demo) isRecent(at time.Time) bool { return d.config.Now().Sub(at) < newFor }

func (d *Demo) employee(id int64) string {
	for _, u := range d.portal.Users() {
		if u.ID == id {
			return u.Title()
		}
	}
	return ""
}

// callsOf are the calls of each object, the newest first.
func (d *Demo) callsOf() map[crm.Ref][]cardCall {
	calls := map[crm.Ref][]cardCall{}
	all := d.portal.Activities()
	for _, a := range slices.Backward(all) {
		for _, ref := range a.Bindings {
			others := slices.DeleteFunc(slices.Clone(a.Bindings), func(o crm.Ref) bool { return o == ref })
			calls[ref] = append(calls[ref], cardCall{
				text: d.callText(a), at: a.StartedAt.Format("15:04:05"), bound: others,
				missed: a.Missed && !a.Completed, fresh: d.isRecent(a.StartedAt),
			})
		}
	}
	return calls
}

func (d *Demo) callText(a b24sim.Activity) string {
	way := "Incoming call"
	switch {
	case a.Kind == "CALLBACK":
		way = "Callback"
	case a.Direction == 2:
		way = "Outgoing call"
	}
	how := "not answered"
	switch length := a.EndedAt.Sub(a.StartedAt); {
	case length > 0:
		how = clock(length)
	case a.Missed:
		how = "missed"
	}
	return fmt.Sprintf("%s, %s, %s", way, how, d.employee(a.ResponsibleID))
}

// refs names objects: "Lead #4, Contact #9".
func refs(all []crm.Ref) string {
	var names []string
	for _, r := range all {
		names = append(names, title(r))
	}
	return strings.Join(names, ", ")
}
