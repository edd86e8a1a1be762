package b24sim

import (
	"slices"

	"callwise/app/crm"
)

var itemMethods = map[string]method{
	"crm.item.list":   {scope: "crm", run: (*call).itemList},
	"crm.item.get":    {scope: "crm", run: (*call).itemGet},
	"crm.item.add":    {scope: "crm", run: (*call).itemAdd},
	"crm.item.update": {scope: "crm", run: (*call).itemUpdate},
	"crm.item.fields": {scope: "crm", run: (*call).itemFields},
}

// itemType is entityTypeId of a request; only leads, deals, contacts and
// companies exist here.
func (c *call) itemType() (crm.EntityType, error) {
	n, given := c.int("entityTypeId")
	if !given {
		return 0, missing("entityTypeId")
	}
	if n < 1 || n > 4 {
		return 0, refuse("ENTITY_TYPE_NOT_SUPPORTED", "Entity type is not supported")
	}
	return crm.EntityType(n), nil
}

func (c *call) itemList() (any, error) {
	typ, err := c.itemType()
	if err != nil {
		return nil, err
	}
	found, counted, err := c.listRecords(typ, universal)
	if err != nil {
		return nil, err
	}
	rows := list[any]()
	for _, r := range found {
		rows.push(selectedItem(r, c.array("select")))
	}
	counted.rows = obj("items", rows)
	return counted, nil
}

// item finds the record that entityTypeId and id name.
func (c *call) item() (*record, error) {
	typ, err := c.itemType()
	if err != nil {
		return nil, err
	}
	id, given := c.int("id")
	if !given {
		return nil, missing("id")
	}
	r := c.p.crm.find(crm.Ref{Type: typ, ID: id})
	if r == nil {
		return nil, refuse("NOT_FOUND", "Element not found")
	}
	return r, nil
}

func wholeItem(r *record) *array { return obj("item", withMultifields(itemRow(r), r)) }

func (c *call) itemGet() (any, error) {
	r, err := c.item()
	if err != nil {
		return nil, err
	}
	return wholeItem(r), nil
}

func (c *call) itemAdd() (any, error) {
	typ, err := c.itemType()
	if err != nil {
		return nil, err
	}
	sent := c.array("fields")
	if sent == nil {
		return nil, missing("fields")
	}
	r, err := c.create(typ, universal, sent)
	if err != nil {
		return nil, err
	}
	return wholeItem(r), nil
}

func (c *call) itemUpdate() (any, error) {
	r, err := c.item()
	if err != nil {
		return nil, err
	}
	sent := c.array("fields")
	if sent == nil {
		return nil, missing("fields")
	}
	if err := c.update(r, universal, sent); err != nil {
		return nil, err
	}
	return wholeItem(r), nil
}

// update writes fields and recomputes what depends on them.
func (c *call) update(r *record, fam family, sent *array) error {
	if err := c.write(r, fam, sent, false); err != nil {
		return err
	}
	if r.ref.Type == crm.TypeLead && namesClient(fam, sent) {
		c.p.flagReturning(r)
	}
	return nil
}

func namesClient(fam family, sent *array) bool {
	return slices.ContainsFunc(sent.keys, func(key string) bool {
		f, _ := fieldNamed(crm.TypeLead, fam, key)
		return f.upper == "CONTACT_ID" || f.upper == "CONTACT_IDS" || f.upper == "COMPANY_ID"
	})
}

func (c *call) itemFields() (any, error) {
	typ, err := c.itemType()
	if err != nil {
		return nil, err
	}
	described := obj()
	for _, f := range fields[typ] {
		described.set(f.camel, obj(
			"type", f.typeName(), "isRequired", false, "isReadOnly", !f.writable(universal), "isMultiple", f.kind == kindIDs,
			"title", f.camel, "upperName", f.upper,
		))
	}
	return obj("fields", described), nil
}

func (f field) typeName() string {
	return [...]string{kindText: "string", kindID: "integer", kindIDs: "integer", kindFlag: "boolean", kindMoney: "double", kindTime: "datetime"}[f.kind]
}
