package b24sim

import (
	"slices"

	"callwise/app/crm"
)

// A match is what the CRM finds for a number, or around an object: the one
// client with what is open on it, or, when there is no client, one lead
// (decision.md F.1, bitrix24-telephony-crm.md 10.1).
type match struct {
	client *record   // a contact or a company
	deals  []*record // its open deals, newest first
	leads  []*record // its open repeated leads, newest first
	lead   *record
	deal   *record // a deal that was named; search never finds one
}

// search looks a number up as Bitrix24 does for a call. Contacts and companies
// are ranked by their newest open deal, then by their newest open repeated
// lead; then a contact comes before a company and the older before the newer.
// Leads count only when there is no client, and only open ones, unless the
// portal uses finished leads.
func (p *Portal) search(number string) match {
	clients := append(p.crm.carrying(crm.TypeContact, number), p.crm.carrying(crm.TypeCompany, number)...)
	clients = slices.DeleteFunc(clients, func(r *record) bool { return r.on("IS_MY_COMPANY") })
	best := match{}
	for _, client := range clients {
		if m := p.around(client); best.client == nil || m.outranks(best) {
			best = m
		}
	}
	if best.client != nil {
		return best
	}
	leads := newestFirst(p.crm.carrying(crm.TypeLead, number))
	if i := slices.IndexFunc(leads, (*record).isOpen); i >= 0 {
		return match{lead: leads[i]}
	}
	if p.config.UseFinishedLead && len(leads) > 0 {
		return match{lead: leads[0]}
	}
	return match{}
}

// around is a client with its open deals and open repeated leads.
func (p *Portal) around(client *record) match {
	m := match{client: client}
	m.deals = newestFirst(p.crm.where(crm.TypeDeal, func(r *record) bool { return r.isOpen() && r.belongsTo(client.ref) }))
	m.leads = newestFirst(p.crm.where(crm.TypeLead, func(r *record) bool {
		return r.isOpen() && r.on("IS_RETURN_CUSTOMER") && r.belongsTo(client.ref)
	}))
	return m
}

func (r *record) belongsTo(client crm.Ref) bool {
	if client.Type == crm.TypeCompany {
		return r.num("COMPANY_ID") == client.ID
	}
	return slices.Contains(r.ids("CONTACT_IDS"), client.ID)
}

func (m match) outranks(other match) bool {
	if n := newer(m.deals, other.deals); n != 0 {
		return n > 0
	}
	return newer(m.leads, other.leads) > 0
}

// newer compares two lists by their newest record; having one wins.
func newer(a, b []*record) int {
	switch {
	case len(a) == 0 || len(b) == 0:
		return len(a) - len(b)
	case a[0] == b[0]:
		return 0
	}
	return byAge(b[0], a[0])
}

// byAge puts the newer record first.
func byAge(a, b *record) int {
	if n := b.at("DATE_CREATE").Compare(a.at("DATE_CREATE")); n != 0 {
		return n
	}
	return int(b.ref.ID - a.ref.ID)
}

func newestFirst(records []*record) []*record {
	slices.SortFunc(records, byAge)
	return records
}

// named is the match for an object that was passed instead of a search.
func (p *Portal) named(ref crm.Ref) match {
	r := p.crm.find(ref)
	switch {
	case r == nil:
		return match{}
	case ref.Type == crm.TypeLead:
		return match{lead: r}
	case ref.Type == crm.TypeDeal:
		return match{deal: r, client: p.clientOf(r)}
	}
	return p.around(r)
}

// clientOf is a deal's main contact, else its company, nil without either.
func (p *Portal) clientOf(deal *record) *record {
	if contact := p.crm.find(crm.Ref{Type: crm.TypeContact, ID: deal.num("CONTACT_ID")}); contact != nil {
		return contact
	}
	return p.crm.find(crm.Ref{Type: crm.TypeCompany, ID: deal.num("COMPANY_ID")})
}

// primary is the object a call is about.
func (m match) primary() crm.Ref {
	switch {
	case m.client != nil:
		return m.client.ref
	case m.lead != nil:
		return m.lead.ref
	case m.deal != nil:
		return m.deal.ref
	}
	return crm.Ref{}
}

// bindings are the objects the call's activity is bound to, the owner first:
// the client's open deals, or else its open repeated leads, then the client; a
// lead only without a client. A deal that was clicked brings its client only.
func (m match) bindings() []crm.Ref {
	var refs []crm.Ref
	add := func(records ...*record) {
		for _, r := range records {
			if r != nil {
				refs = append(refs, r.ref)
			}
		}
	}
	switch {
	case m.deal != nil:
		add(m.deal, m.client)
	case m.client == nil:
		add(m.lead)
	case len(m.deals) > 0:
		add(append(slices.Clone(m.deals), m.client)...)
	default:
		add(append(slices.Clone(m.leads), m.client)...)
	}
	return refs
}

// isEmpty reports that there is nothing to bind a call to.
func (m match) isEmpty() bool { return m.client == nil && m.lead == nil && m.deal == nil }

// wantsNew reports whether a call of this type creates something beside what
// was found (decision.md F.1). Outgoing calls create only when there is
// nothing to bind to. The repeat switch counts in classic mode only.
func (p *Portal) wantsNew(callType int, m match) bool {
	switch {
	case m.isEmpty():
		return true
	case callType == callOutgoing || m.client == nil || m.deal != nil:
		return false
	case len(m.deals) > 0 || len(m.leads) > 0:
		return false
	}
	return p.config.Mode == crm.Simple || p.config.RepeatSales
}
