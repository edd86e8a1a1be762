package b24sim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"callwise/app/crm"
)

// create adds a record from the fields of a request and does what the CRM does
// about new records: defaults, stage, repeat flags and, in simple mode, the
// conversion of a lead that has a name.
func (c *call) create(typ crm.EntityType, fam family, sent *array) (*record, error) {
	if err := required(typ, fam, sent); err != nil {
		return nil, err
	}
	r := c.p.crm.insert(typ, 0)
	c.p.stamp(r, c.user.ID, c.p.now())
	if err := c.write(r, fam, sent, true); err != nil {
		c.p.crm.remove(r.ref)
		c.p.crm.last[typ]--
		return nil, err
	}
	c.p.settle(r)
	if typ != crm.TypeLead || c.p.config.Mode != crm.Simple || r.str("NAME") == "" {
		return r, nil
	}
	if c.p.config.ConvertsLate {
		c.p.waiting = append(c.p.waiting, r)
		return r, nil
	}
	c.p.convert(r)
	return r, nil
}

func required(typ crm.EntityType, fam family, sent *array) error {
	filled := func(upper string) bool {
		f := slices.IndexFunc(fields[typ], func(f field) bool { return f.upper == upper })
		return strings.TrimSpace(param(sent, fields[typ][f].name(fam))) != ""
	}
	code := ""
	if fam == universal {
		code = "CRM_FIELD_ERROR_REQUIRED"
	}
	switch {
	case typ == crm.TypeContact && !filled("NAME") && !filled("LAST_NAME"):
		return refuse(code, "The fields \"First name\" and \"Last name\" are empty")
	case typ == crm.TypeCompany && !filled("TITLE"):
		return refuse(code, "The field \"Company name\" is required")
	}
	return nil
}

// settle gives a new record what follows from its fields.
func (p *Portal) settle(r *record) {
	switch r.ref.Type {
	case crm.TypeLead:
		if r.str("STATUS_ID") == "" {
			p.move(r, "NEW")
		}
		if r.str("TITLE") == "" {
			r.set("TITLE", fmt.Sprintf("Lead #%d", r.ref.ID))
		}
		p.flagReturning(r)
	case crm.TypeDeal:
		if r.str("STAGE_ID") == "" {
			p.move(r, dealStageID("NEW", r.num("CATEGORY_ID")))
		}
		if r.str("TITLE") == "" {
			r.set("TITLE", fmt.Sprintf("Deal #%d", r.ref.ID))
		}
		p.flagDeal(r)
	}
}

// flagReturning computes the repeated-lead flag: a lead with a client is one,
// if repeat sales mode is on.
func (p *Portal) flagReturning(r *record) {
	hasClient := r.num("CONTACT_ID") != 0 || r.num("COMPANY_ID") != 0
	r.set("IS_RETURN_CUSTOMER", flag(hasClient && p.config.RepeatSales))
}

// flagDeal computes the two flags of a deal from the client's earlier deals: a
// returning customer has won one, a repeated approach has only others.
func (p *Portal) flagDeal(r *record) {
	earlier := p.crm.where(crm.TypeDeal, func(d *record) bool {
		return d.ref.ID < r.ref.ID && !d.on("IS_RECURRING") && sharesClient(d, r)
	})
	won := slices.ContainsFunc(earlier, func(d *record) bool { return d.semantics() == "S" })
	r.set("IS_RETURN_CUSTOMER", flag(won))
	r.set("IS_REPEATED_APPROACH", flag(len(earlier) > 0 && !won))
}

func sharesClient(a, b *record) bool {
	if company := a.num("COMPANY_ID"); company != 0 && company == b.num("COMPANY_ID") {
		return true
	}
	return slices.ContainsFunc(a.ids("CONTACT_IDS"), func(id int64) bool { return slices.Contains(b.ids("CONTACT_IDS"), id) })
}

// write sets the fields of a request. Names that are unknown or read-only are
// ignored, in either family.
func (c *call) write(r *record, fam family, sent *array, isNew bool) error {
	if v, ok := sent.get(categoryName(fam)); ok && r.ref.Type == crm.TypeDeal && (isNew || fam == universal) {
		n, _ := integer(v)
		r.set("CATEGORY_ID", n)
	}
	for _, key := range sent.keysOf() {
		if err := c.writeField(r, fam, key, sent.values[key]); err != nil {
			return err
		}
	}
	r.set("DATE_MODIFY", c.p.now())
	return nil
}

func categoryName(fam family) string {
	f, _ := fieldNamed(crm.TypeDeal, classic, "CATEGORY_ID")
	return f.name(fam)
}

func (c *call) writeField(r *record, fam family, key string, value any) error {
	switch {
	case fam == universal && key == "fm":
		return c.writeRows(r, value)
	case fam == classic && (key == "PHONE" || key == "EMAIL"):
		c.writeClassicRows(r, key, value)
		return nil
	}
	f, known := fieldNamed(r.ref.Type, fam, key)
	switch {
	case !known || !f.writable(fam) || f.upper == "CATEGORY_ID":
		return nil
	case f.upper == "STATUS_ID" || f.upper == "STAGE_ID":
		return c.writeStage(r, fam, text(value))
	}
	v, err := f.parse(value)
	if err != nil {
		return err
	}
	r.set(f.upper, v)
	return nil
}

func (c *call) writeStage(r *record, fam family, stageID string) error {
	if stageID == "" || c.p.move(r, stageID) {
		return nil
	}
	if fam == universal {
		return refuse("CRM_FIELD_ERROR_VALUE_NOT_VALID", "Invalid value of the field \"Stage\"")
	}
	return refuse("", "Invalid value of the field \"Stage\"")
}

// parse reads a value as the field keeps it.
func (f field) parse(value any) (any, error) {
	switch f.kind {
	case kindID:
		n, ok := integer(value)
		if !ok && text(value) != "" {
			return nil, refuse("CRM_FIELD_ERROR_VALUE_NOT_VALID", "Invalid value of the field \""+f.camel+"\"")
		}
		return n, nil
	case kindIDs:
		return idList(value), nil
	case kindMoney:
		sum, _ := strconv.ParseFloat(text(value), 64)
		return sum, nil
	case kindTime:
		t, err := parseTime(text(value))
		if err != nil {
			return nil, nil
		}
		return t, nil
	case kindFlag:
		s := text(value)
		return flag(s == "Y" || s == "1"), nil
	}
	return text(value), nil
}

func idList(value any) []int64 {
	var ids []int64
	a, isArray := value.(*array)
	if !isArray {
		a = list(value)
	}
	for _, item := range a.items() {
		if id, ok := integer(item); ok && id != 0 && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// writeClassicRows writes PHONE or EMAIL: a row without ID always adds, one
// with ID changes, one with DELETE or without a value removes.
func (c *call) writeClassicRows(r *record, name string, value any) {
	rows, _ := value.(*array)
	for _, item := range rows.items() {
		row, isRow := item.(*array)
		if !isRow {
			continue
		}
		id, _ := integer(param(row, "ID"))
		if param(row, "DELETE") == "Y" {
			c.changeRow(r, name, id, "", "")
			continue
		}
		c.changeRow(r, name, id, param(row, "VALUE"), param(row, "VALUE_TYPE"))
	}
}

// writeRows writes fm: on update the keys are row ids or n0, n1…; a row
// without typeId does nothing.
func (c *call) writeRows(r *record, value any) error {
	rows, isArray := value.(*array)
	if !isArray {
		return refuse("100", "Invalid value {fm}: array expected")
	}
	for _, key := range rows.keys {
		row, isRow := rows.values[key].(*array)
		if !isRow {
			continue
		}
		id, _ := integer(key)
		if !slices.ContainsFunc(append(r.phones, r.emails...), func(m multi) bool { return m.id == id }) {
			id = 0
		}
		c.changeRow(r, param(row, "typeId"), id, param(row, "value"), param(row, "valueType"))
	}
	return nil
}

func (c *call) changeRow(r *record, typeID string, id int64, value, valueType string) {
	rows := &r.phones
	switch typeID {
	case "PHONE":
	case "EMAIL":
		rows = &r.emails
	default:
		return
	}
	i := slices.IndexFunc(*rows, func(m multi) bool { return m.id == id })
	switch {
	case i < 0 && value != "":
		*rows = c.p.crm.addRow(*rows, value, valueType)
	case i >= 0 && value == "":
		*rows = slices.Delete(*rows, i, i+1)
	case i >= 0:
		(*rows)[i].value = value
	}
}
