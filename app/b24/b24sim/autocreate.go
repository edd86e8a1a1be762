package b24sim

import (
	"slices"

	"callwise/app/crm"
)

// attach finds what a call is about and, if asked to, creates what Bitrix24
// would create for it. A named object skips the search and with it the list
// of exceptions.
func (p *Portal) attach(k *phoneCall, named crm.Ref, create bool, source string) {
	m := match{}
	switch {
	case p.byExtension(k.phone) != nil:
		k.noCRM = true
		return
	case named.ID != 0:
		m = p.named(named)
	case p.crm.isExcluded(k.phone):
		k.noCRM = true
		return
	default:
		m = p.search(k.phone)
	}
	k.bindings = m.bindings()
	k.primary = m.primary()
	if named.ID != 0 && m.isEmpty() {
		k.primary = named
		return
	}
	if !create || !p.wantsNew(k.callType, m) {
		return
	}
	if p.isEmployees(k.phone) {
		k.creationError = "Lead creation is disabled for local users"
		return
	}
	p.autoCreate(k, m, source)
}

// autoCreate makes a lead, a repeated lead, a deal with a contact or a repeated
// deal, as mode and client say.
func (p *Portal) autoCreate(k *phoneCall, m match, source string) {
	if m.client != nil {
		p.createRepeated(k, m.client, source)
		return
	}
	lead := p.newRecord(crm.TypeLead, k, k.userID, source)
	p.addPhones(lead, []string{k.phone})
	p.settle(lead)
	k.created = []crm.Ref{lead.ref}
	k.primary, k.bindings = lead.ref, k.created
	if p.config.Mode == crm.Classic {
		return
	}
	if p.config.ConvertsLate {
		p.waiting = append(p.waiting, lead)
		return
	}
	contact, deal := p.convert(lead)
	k.created = []crm.Ref{contact.ref, deal.ref}
	if p.config.NamesLead {
		k.named = []crm.Ref{lead.ref}
	}
	k.primary, k.bindings = contact.ref, []crm.Ref{deal.ref, contact.ref}
}

// createRepeated makes a lead (simple mode: a deal) of a client who is known.
// It goes to the client's responsible.
func (p *Portal) createRepeated(k *phoneCall, client *record, source string) {
	typ := crm.TypeLead
	if p.config.Mode == crm.Simple {
		typ = crm.TypeDeal
	}
	r := p.newRecord(typ, k, client.num("ASSIGNED_BY_ID"), source)
	r.set(client.ref.Type.Code()+"_ID", client.ref.ID)
	p.settle(r)
	k.created = []crm.Ref{r.ref}
	k.bindings = []crm.Ref{r.ref, client.ref}
}

func (p *Portal) newRecord(typ crm.EntityType, k *phoneCall, responsible int64, source string) *record {
	r := p.crm.insert(typ, 0)
	p.stamp(r, responsible, p.now())
	r.set("TITLE", k.phone+" - "+k.title())
	r.set("SOURCE_ID", validSource(source))
	return r
}

// validSource is the source that was asked for if the dictionary has it.
func validSource(id string) string {
	if slices.ContainsFunc(sources, func(s stage) bool { return s.id == id }) {
		return id
	}
	return "CALL"
}

// ConvertLeads converts what a portal that [PortalConfig.ConvertsLate] has left to
// convert, and returns how many leads those were.
func (p *Portal) ConvertLeads() int {
	defer p.lock()()
	waiting := p.waiting
	p.waiting = nil
	for _, lead := range waiting {
		p.convert(lead)
		p.crm.remove(lead.ref)
	}
	return len(waiting)
}

// convert turns a lead into a deal, and into a contact unless the lead has a
// client already. A contact without a name gets the number.
func (p *Portal) convert(lead *record) (contact, deal *record) {
	hasClient := lead.num("CONTACT_ID") != 0 || lead.num("COMPANY_ID") != 0
	if !hasClient {
		contact = p.contactOf(lead)
		lead.set("CONTACT_ID", contact.ref.ID)
	}
	deal = p.crm.insert(crm.TypeDeal, 0)
	p.stamp(deal, lead.num("ASSIGNED_BY_ID"), p.now())
	for _, name := range []string{"TITLE", "SOURCE_ID", "COMPANY_ID", "OPPORTUNITY", "CURRENCY_ID"} {
		if v := lead.value(name); v != nil {
			deal.set(name, v)
		}
	}
	deal.values["CONTACT_IDS"] = slices.Clone(lead.ids("CONTACT_IDS"))
	deal.set("LEAD_ID", lead.ref.ID)
	p.settle(deal)
	p.move(lead, "CONVERTED")
	return contact, deal
}

func (p *Portal) contactOf(lead *record) *record {
	contact := p.crm.insert(crm.TypeContact, 0)
	p.stamp(contact, lead.num("ASSIGNED_BY_ID"), p.now())
	contact.set("NAME", lead.str("NAME"))
	contact.set("LAST_NAME", lead.str("LAST_NAME"))
	contact.set("SOURCE_ID", lead.str("SOURCE_ID"))
	contact.set("LEAD_ID", lead.ref.ID)
	p.addPhones(contact, lead.phoneNumbers())
	if contact.title() == "" && len(contact.phones) > 0 {
		contact.set("NAME", contact.phones[0].value)
	}
	return contact
}
