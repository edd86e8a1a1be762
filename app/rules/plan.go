package rules

import (
	"callwise/app/call"
	"callwise/app/crm"
)

// A Creator says who makes the entity of a decision; empty when none is made.
// Never both (decision.md F.3).
type Creator string

// Creators.
const (
	ByPlatform Creator = "platform" // Bitrix24, asked by register's CRM_CREATE=1
	ByApp      Creator = "app"      // this program, over REST
)

// A Way says how far a call is known to Bitrix24 when it is decided.
type Way string

// Ways of a call.
const (
	WayRegister Way = "register" // the app registers it: PBX calls and form callbacks
	WayClick    Way = "click"    // click-to-call: Bitrix24 registered it, without looking at the exceptions list
	WayForeign  Way = "foreign"  // another line's or app's call that is over (F.7)
	WayLate     Way = "late"     // the app registered it with CRM_CREATE=0 before the CRM could be read (B.5-21)
)

// A Plan says how a decision is carried out. The zero Plan registers the call
// and lets nothing be created.
type Plan struct {
	Creator   Creator  `json:"creator"`
	CRMCreate bool     `json:"crm_create"` // what register sends as CRM_CREATE
	Primary   *crm.Ref `json:"primary"`    // what register sends as CRM_ENTITY_TYPE and _ID; normally nil
	Anchor    *crm.Ref `json:"anchor"`     // lead to take off the activity once everything else is bound
	Link      crm.Ref  `json:"link"`       // card that an app-created lead or deal is linked to; zero when none
	MustFind  bool     `json:"must_find"`  // if Bitrix24 names no entity for the call, the number is in its exceptions (F.5)
}

// PlanFor says who creates what decision d asks for, and what Bitrix24 is told
// (decision.md F.3, F.5, F.7). r is what c.CRM was read from.
func PlanFor(c Case, d Decision, r crm.Records, way Way) Plan {
	switch d.Reason {
	case InternalCall, HiddenNumber, ExcludedNumber:
		return Plan{}
	}
	p := Plan{}
	if way == WayRegister {
		p.Primary, p.Anchor = primary(c, r)
	}
	p.MustFind = p.Primary == nil && way != WayClick && d.Reason != EmployeeNumber && findable(r)
	if d.Create == None {
		return p
	}
	p.Creator = creator(c, way)
	p.CRMCreate = p.Creator == ByPlatform
	if p.Creator == ByApp {
		p.Link = r.LinkCard(c.origin())
	}
	return p
}

// creator is who creates: Bitrix24 wherever it can. It cannot when the call is
// registered already, and it never does on an outgoing call to a known card.
func creator(c Case, way Way) Creator {
	f := factsOf(&c)
	if way != WayRegister || f.outgoing && f.card {
		return ByApp
	}
	return ByPlatform
}

func (c Case) origin() *crm.Ref {
	if c.Call.Origin == nil {
		return nil
	}
	ref := c.Call.Origin.Ref()
	return &ref
}

// findable reports whether Bitrix24's own search by phone finds something: it
// looks at cards and open leads that carry the number as it is dialled.
func findable(r crm.Records) bool {
	for _, l := range r.Leads {
		if l.ByPhone && !l.OtherSpelling && l.Semantics == crm.Open {
			return true
		}
	}
	for _, c := range r.Contacts {
		if c.ByPhone && !c.OtherSpelling {
			return true
		}
	}
	for _, c := range r.Companies {
		if c.ByPhone && !c.OtherSpelling {
			return true
		}
	}
	return false
}

// primary is the entity that register has to be told, nil when Bitrix24 finds
// one by phone or there is none. Naming one switches off that search, and with
// it the exceptions list, so it is named only where the search fails.
func primary(c Case, r crm.Records) (named, anchor *crm.Ref) {
	if ordered := orderedOn(c, r); ordered != nil {
		return ordered, nil
	}
	if findable(r) {
		return nil, nil
	}
	if card := r.LinkCard(c.origin()); card != (crm.Ref{}) {
		return &card, nil
	}
	if lead := openLead(r); lead != nil {
		return lead, nil
	}
	lead := anchorOf(r)
	return lead, lead
}

// openLead is the open lead with the lowest id, nil without one.
func openLead(r crm.Records) *crm.Ref {
	var lowest *crm.Ref
	for _, l := range r.Leads {
		if l.Semantics == crm.Open && (lowest == nil || l.ID < lowest.ID) {
			lowest = &crm.Ref{Type: crm.TypeLead, ID: l.ID}
		}
	}
	return lowest
}

// orderedOn is the entity a callback form named, as register takes it: a closed
// lead cannot hold an activity, and a deal is no documented type, so its
// contact or company stands for it. One that is not among the records is gone,
// deleted or merged: named all the same, it would keep Bitrix24 from looking for
// the number and from creating.
//
// https://apidocs.bitrix24.com/api-reference/telephony/events/on-external-call-back-start.html
func orderedOn(c Case, r crm.Records) *crm.Ref {
	o := c.Call.Origin
	if o == nil || c.Call.Direction != call.Callback {
		return nil
	}
	switch {
	case o.Type == crm.TypeDeal:
		return cardOfDeal(r, o.ID)
	case o.Type == crm.TypeLead && o.Closed, !r.Has(o.Ref()):
		return nil
	}
	return c.origin()
}

func cardOfDeal(r crm.Records, id int64) *crm.Ref {
	for _, d := range r.Deals {
		switch {
		case d.ID != id:
		case len(d.ContactIDs) > 0:
			return &crm.Ref{Type: crm.TypeContact, ID: d.ContactIDs[0]}
		case d.CompanyID != 0:
			return &crm.Ref{Type: crm.TypeCompany, ID: d.CompanyID}
		}
	}
	return nil
}

// anchorOf is the closed lead that an open deal without a card came from: as
// primary entity it gives the call an activity, which is then moved to the deal.
func anchorOf(r crm.Records) *crm.Ref {
	for _, d := range r.Deals {
		if d.Semantics != crm.Open {
			continue
		}
		for _, l := range r.Leads {
			if l.ID == d.LeadID && l.Semantics != crm.Open {
				return &crm.Ref{Type: crm.TypeLead, ID: l.ID}
			}
		}
	}
	return nil
}
