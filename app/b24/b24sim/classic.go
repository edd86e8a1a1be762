package b24sim

import (
	"slices"

	"callwise/app/crm"
)

var classicMethods = classicFamily()

// classicFamily are crm.lead.*, crm.deal.*, crm.contact.* and crm.company.*.
func classicFamily() map[string]method {
	all := map[string]method{
		"crm.deal.contact.items.get":    {scope: "crm", run: linkedContacts(crm.TypeDeal)},
		"crm.lead.contact.items.get":    {scope: "crm", run: linkedContacts(crm.TypeLead)},
		"crm.deal.contact.add":          {scope: "crm", run: (*call).dealContactAdd},
		"crm.contact.company.items.get": {scope: "crm", run: (*call).contactCompanies},
	}
	for _, typ := range []crm.EntityType{crm.TypeLead, crm.TypeDeal, crm.TypeContact, crm.TypeCompany} {
		prefix := "crm." + typ.String() + "."
		all[prefix+"list"] = method{scope: "crm", run: func(c *call) (any, error) { return c.classicList(typ) }}
		all[prefix+"get"] = method{scope: "crm", run: func(c *call) (any, error) { return c.classicGet(typ) }}
		all[prefix+"add"] = method{scope: "crm", run: func(c *call) (any, error) { return c.classicAdd(typ) }}
		all[prefix+"update"] = method{scope: "crm", run: func(c *call) (any, error) { return c.classicUpdate(typ) }}
	}
	return all
}

func (c *call) classicList(typ crm.EntityType) (any, error) {
	if v, given := c.params.get("filter"); given && c.array("filter") == nil && text(v) != "" {
		return nil, refuse("", "Parameter 'filter' must be array.")
	}
	found, counted, err := c.listRecords(typ, classic)
	if err != nil {
		return nil, err
	}
	wanted := c.listParam("select")
	rows := list[any]()
	for _, r := range found {
		rows.push(selectedClassic(r, wanted))
	}
	counted.rows = rows
	return counted, nil
}

// classicRecord finds the record that id (or ID) names.
func (c *call) classicRecord(typ crm.EntityType) (*record, error) {
	id, given := c.int("id")
	if !given {
		id, given = c.int("ID")
	}
	if !given || id <= 0 {
		return nil, refuse("", "ID is not defined or invalid.")
	}
	r := c.p.crm.find(crm.Ref{Type: typ, ID: id})
	if r == nil {
		return nil, refuse("", "Not found")
	}
	return r, nil
}

func (c *call) classicGet(typ crm.EntityType) (any, error) {
	r, err := c.classicRecord(typ)
	if err != nil {
		return nil, err
	}
	row := classicRow(r)
	addMultifield(row, r, "PHONE")
	addMultifield(row, r, "EMAIL")
	return row, nil
}

func (c *call) classicAdd(typ crm.EntityType) (any, error) {
	sent := c.anyCase("FIELDS", "fields")
	if sent == nil {
		return nil, refuse("", "Parameter 'fields' must be array.")
	}
	r, err := c.create(typ, classic, sent)
	if err != nil {
		return nil, err
	}
	return r.ref.ID, nil
}

func (c *call) classicUpdate(typ crm.EntityType) (any, error) {
	r, err := c.classicRecord(typ)
	if err != nil {
		return nil, err
	}
	sent := c.anyCase("FIELDS", "fields")
	if sent == nil {
		return nil, refuse("", "Parameter 'fields' must be array.")
	}
	return true, c.update(r, classic, sent)
}

// linkedContacts lists the contacts of a deal or lead, the main one first.
func linkedContacts(typ crm.EntityType) func(*call) (any, error) {
	return func(c *call) (any, error) {
		r, err := c.classicRecord(typ)
		if err != nil {
			return nil, err
		}
		return links("CONTACT_ID", r.ids("CONTACT_IDS")), nil
	}
}

func (c *call) contactCompanies() (any, error) {
	r, err := c.classicRecord(crm.TypeContact)
	if err != nil {
		return nil, err
	}
	return links("COMPANY_ID", r.ids("COMPANY_IDS")), nil
}

func links(name string, ids []int64) *array {
	rows := list[any]()
	for i, id := range ids {
		rows.push(obj(name, id, "SORT", (i+1)*10, "ROLE_ID", 0, "IS_PRIMARY", flag(i == 0)))
	}
	return rows
}

// dealContactAdd links one more contact; false if it is linked already.
func (c *call) dealContactAdd() (any, error) {
	r, err := c.classicRecord(crm.TypeDeal)
	if err != nil {
		return nil, err
	}
	id, given := integer(param(c.anyCase("FIELDS", "fields"), "CONTACT_ID"))
	if !given || c.p.crm.find(crm.Ref{Type: crm.TypeContact, ID: id}) == nil {
		return nil, refuse("", "The parameter 'CONTACT_ID' is invalid or not defined.")
	}
	if slices.Contains(r.ids("CONTACT_IDS"), id) {
		return false, nil
	}
	r.values["CONTACT_IDS"] = append(slices.Clone(r.ids("CONTACT_IDS")), id)
	return true, nil
}
