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
	contacts, companies := r.cards(crm.TypeContact), r.cards(crm.TypeCompany)
	leads := map[int64]bool{}
	for _, id := range r.found[crm.TypeLead] {
		leads[id] = true // its deals count even if a simple portal hides the lead
	}
	for _, l := range r.sorted(crm.TypeLead) {
		id := int64(l.ID)
		if !r.isMatched(crm.TypeLead, id) && !contacts[int64(l.ContactID)] && !companies[int64(l.CompanyID)] {
			continue
		}
		leads[id] = true
		out.Leads = append(out.Leads, l.lead(r.byPhone(crm.TypeLead, id)))
	}
	for _, d := range r.sorted(crm.TypeDeal) {
		byContact := slices.ContainsFunc(d.contacts(), func(id int64) bool { return contacts[id] })
		related := byContact || companies[int64(d.CompanyID)] || leads[int64(d.LeadID)] || r.isMatched(crm.TypeDeal, int64(d.ID))
		if related && !bool(d.Recurring) {
			out.Deals = append(out.Deals, d.deal())
		}
	}
	for _, c := range r.sorted(crm.TypeContact) {
		if contacts[int64(c.ID)] || r.tells(c) {
			out.Contacts = append(out.Contacts, c.contactCard(r.byPhone(crm.TypeContact, int64(c.ID))))
		}
	}
	for _, c := range r.sorted(crm.TypeCompany) {
		if companies[int64(c.ID)] || r.tells(c) {
			out.Companies = append(out.Companies, c.companyCard(r.byPhone(crm.TypeCompany, int64(c.ID))))
		}
	}
	return out
}

// cards are the contacts or companies that count as the customer and exist.
func (r *reading) cards(kind crm.EntityType) map[int64]bool {
	cards := map[int64]bool{}
	for _, id := range r.wanted(kind) {
		if r.exists(kind, id) {
			cards[id] = true
		}
	}
	return cards
}

// tells reports whether a contact or company tells what became of a lead that
// carries the number, and nothing else does.
func (r *reading) tells(card item) bool {
	lead := int64(card.LeadID)
	return r.isMatched(crm.TypeLead, lead) && r.exists(crm.TypeLead, lead) && !r.outcomeKnown(lead) && !bool(card.MyCompany)
}

func (r *reading) byPhone(kind crm.EntityType, id int64) bool {
	return slices.Contains(r.found[kind], id)
}

func (r *reading) sorted(kind crm.EntityType) []item {
	rows := make([]item, 0, len(r.items[kind]))
	for _, id := range slices.Sorted(maps.Keys(r.items[kind])) {
		rows = append(rows, r.items[kind][id])
	}
	return rows
}
