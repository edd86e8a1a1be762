package b24sim

import (
	"cmp"
	"fmt"
	"time"

	"callwise/app/crm"
)

// AddLead puts a lead into the CRM as it is, without what Bitrix24 does about
// new leads, and returns its id. It panics on an unknown status.
func (p *Portal) AddLead(l Lead) int64 {
	defer p.lock()()
	r := p.crm.insert(crm.TypeLead, l.ID)
	p.stamp(r, l.ResponsibleID, l.CreatedAt)
	r.set("TITLE", cmp.Or(l.Title, fmt.Sprintf("Lead #%d", r.ref.ID)))
	r.set("NAME", l.Name)
	r.set("LAST_NAME", l.LastName)
	r.set("CONTACT_ID", l.ContactID)
	r.set("COMPANY_ID", l.CompanyID)
	r.set("IS_RETURN_CUSTOMER", flag(l.ReturnCustomer))
	r.set("SOURCE_ID", l.SourceID)
	r.set("ORIGINATOR_ID", l.OriginatorID)
	r.set("ORIGIN_ID", l.OriginID)
	p.addPhones(r, l.Phones)
	p.mustMove(r, cmp.Or(l.StatusID, "NEW"), l.ClosedAt)
	return r.ref.ID
}

// AddDeal puts a deal into the CRM as it is and returns its id. It panics on
// a stage its funnel does not have.
func (p *Portal) AddDeal(d Deal) int64 {
	defer p.lock()()
	r := p.crm.insert(crm.TypeDeal, d.ID)
	p.stamp(r, d.ResponsibleID, d.CreatedAt)
	r.set("TITLE", cmp.Or(d.Title, fmt.Sprintf("Deal #%d", r.ref.ID)))
	r.set("CATEGORY_ID", d.CategoryID)
	r.values["CONTACT_IDS"] = append([]int64(nil), d.ContactIDs...)
	r.set("COMPANY_ID", d.CompanyID)
	r.set("LEAD_ID", d.LeadID)
	r.set("IS_RECURRING", flag(d.Recurring))
	r.set("IS_RETURN_CUSTOMER", flag(d.ReturnCustomer))
	r.set("SOURCE_ID", d.SourceID)
	r.set("ORIGINATOR_ID", d.OriginatorID)
	r.set("ORIGIN_ID", d.OriginID)
	p.mustMove(r, cmp.Or(d.StageID, dealStageID("NEW", d.CategoryID)), d.ClosedAt)
	return r.ref.ID
}

// AddContact puts a contact into the CRM as it is and returns its id.
func (p *Portal) AddContact(c Contact) int64 {
	defer p.lock()()
	r := p.crm.insert(crm.TypeContact, c.ID)
	p.stamp(r, c.ResponsibleID, c.CreatedAt)
	r.set("NAME", c.Name)
	r.set("LAST_NAME", c.LastName)
	r.values["COMPANY_IDS"] = append([]int64(nil), c.CompanyIDs...)
	r.set("LEAD_ID", c.LeadID)
	r.set("SOURCE_ID", c.SourceID)
	r.set("ORIGINATOR_ID", c.OriginatorID)
	r.set("ORIGIN_ID", c.OriginID)
	p.addPhones(r, c.Phones)
	return r.ref.ID
}

// AddCompany puts a company into the CRM as it is and returns its id.
func (p *Portal) AddCompany(c Company) int64 {
	defer p.lock()()
	r := p.crm.insert(crm.TypeCompany, c.ID)
	p.stamp(r, c.ResponsibleID, c.CreatedAt)
	r.set("TITLE", c.Title)
	r.set("LEAD_ID", c.LeadID)
	r.set("IS_MY_COMPANY", flag(c.My))
	r.set("ORIGINATOR_ID", c.OriginatorID)
	r.set("ORIGIN_ID", c.OriginID)
	p.addPhones(r, c.Phones)
	return r.ref.ID
}

// stamp fills what every new record has.
func (p *Portal) stamp(r *record, responsible int64, created time.Time) {
	if created.IsZero() {
		created = p.now()
	}
	responsible = cmp.Or(responsible, p.users[0].ID)
	r.set("ASSIGNED_BY_ID", responsible)
	r.set("CREATED_BY_ID", responsible)
	r.set("OPENED", "Y")
	for _, name := range []string{"DATE_CREATE", "DATE_MODIFY", "MOVED_TIME", "LAST_ACTIVITY_TIME"} {
		r.set(name, created.In(p.zone))
	}
}

func (p *Portal) addPhones(r *record, phones []string) {
	for _, phone := range phones {
		r.phones = p.crm.addRow(r.phones, phone, "WORK")
	}
}

func (p *Portal) mustMove(r *record, stageID string, closed time.Time) {
	if !p.move(r, stageID) {
		panic(fmt.Sprintf("b24sim: %s %d has no stage %q", r.ref.Type, r.ref.ID, stageID))
	}
	if r.semantics() == "P" || closed.IsZero() {
		return
	}
	r.set("DATE_CLOSED", closed.In(p.zone))
	r.set("MOVED_TIME", closed.In(p.zone))
}

// SetStage moves a lead or deal to another stage, as an employee does in its
// card. Moving a lead to CONVERTED converts it into nothing. It panics when
// there is no such object or stage.
func (p *Portal) SetStage(ref crm.Ref, stageID string) {
	defer p.lock()()
	r := p.crm.find(ref)
	if r == nil {
		panic(fmt.Sprintf("b24sim: no %s %d", ref.Type, ref.ID))
	}
	p.mustMove(r, stageID, time.Time{})
	r.set("DATE_MODIFY", p.now())
}

// Delete removes an object. Its activities stay with what else they are bound to.
func (p *Portal) Delete(ref crm.Ref) {
	defer p.lock()()
	p.crm.remove(ref)
}

// Exclude puts a number on the list of exceptions: Bitrix24 creates nothing
// and looks for nobody when it calls.
func (p *Portal) Exclude(phone string) {
	defer p.lock()()
	p.crm.excluded = append(p.crm.excluded, normalise(phone))
}
