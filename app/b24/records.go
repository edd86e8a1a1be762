package b24

import (
	"maps"
	"slices"

	"callwise/app/crm"
)

// records puts together what belongs to the customer. The company we are, a
// customer's company is not; recurring deals are templates and no deals.
func (r *reading) records() crm.Records {
	out := crm.Records{Mode: r.mode}
	evidence := map[ID]bool{} // leads whose deals tell their outcome, whoever they belong to
	for _, l := range r.sorted(crm.TypeLead) {
		id := int64(l.ID)
		if !r.isMatched(crm.TypeLead, id) && !r.isCard(crm.TypeContact, int64(l.ContactID)) && !r.isCard(crm.TypeCompany, int64(l.CompanyID)) {
			continue
		}
		evidence[l.ID] = r.unexplained(l)
		out.Leads = append(out.Leads, l.lead(r.match(crm.TypeLead, id)))
	}
	for _, d := range r.sorted(crm.TypeDeal) {
		if r.own(d) || evidence[d.LeadID] && !bool(d.Recurring) {
			out.Deals = append(out.Deals, d.deal())
		}
	}
	for _, c := range r.sorted(crm.TypeContact) {
		if found := r.matchCard(crm.TypeContact, int64(c.ID)); !found.evidence || r.tells(c) {
			out.Contacts = append(out.Contacts, c.contactCard(found))
		}
	}
	for _, c := range r.sorted(crm.TypeCompany) {
		if found := r.matchCard(crm.TypeCompany, int64(c.ID)); !found.evidence || r.tells(c) {
			out.Companies = append(out.Companies, c.companyCard(found))
		}
	}
	return out
}

// tells reports whether a contact or company tells what became of a lead that
// carries the number, and nothing else does.
func (r *reading) tells(card item) bool {
	lead := int64(card.LeadID)
	return r.isMatched(crm.TypeLead, lead) && r.exists(crm.TypeLead, lead) && !r.outcomeKnown(lead) && !bool(card.MyCompany)
}

// A match is how an object was found.
type match struct {
	byPhone       bool
	otherSpelling bool // only under another spelling than the one dialled
	evidence      bool // a contact or company that is no client card
}

func (r *reading) match(kind crm.EntityType, id int64) match {
	found := slices.Contains(r.found[kind], id)
	respelled := len(r.respelled()) > 0 && !slices.Contains(r.dialed[kind], id)
	return match{byPhone: found, otherSpelling: found && respelled}
}

func (r *reading) matchCard(kind crm.EntityType, id int64) match {
	found := r.match(kind, id)
	found.evidence = !r.isCard(kind, id)
	return found
}

func (r *reading) sorted(kind crm.EntityType) []item {
	rows := make([]item, 0, len(r.items[kind]))
	for _, id := range slices.Sorted(maps.Keys(r.items[kind])) {
		rows = append(rows, r.items[kind][id])
	}
	return rows
}
