package b24sim

import (
	"fmt"
	"slices"
	"strings"

	"callwise/app/crm"
)

var dictionaryMethods = map[string]method{
	"crm.duplicate.findbycomm": {scope: "crm", run: (*call).findByComm},
	"crm.settings.mode.get":    {scope: "crm", run: (*call).modeGet},
	"crm.status.list":          {scope: "crm", run: (*call).statusList},
	"crm.category.list":        {scope: "crm", run: (*call).categoryList},
}

const (
	commLimit  = 20 // ids per type, and hits that leave out the next types
	maxNumbers = 20
)

// findByComm is crm.duplicate.findbycomm (bitrix24-telephony-crm.md, 4.1):
// only types with hits are present, and nothing found is an empty list. A type
// with 20 hits leaves out those that follow.
func (c *call) findByComm() (any, error) {
	kind := strings.ToUpper(c.text("type"))
	values := c.array("values")
	switch {
	case kind == "":
		return nil, refuse("", "Communication type is not defined")
	case kind != "PHONE" && kind != "EMAIL":
		return nil, refuse("", "Communication type '"+kind+"' is not supported in current context")
	case values.len() == 0:
		return nil, refuse("", "Communication values is not defined")
	}
	found := obj()
	for _, typ := range c.sentTypes() {
		ids := c.p.crm.havingComm(typ, kind, searched(values))
		if len(ids) > 0 {
			found.set(typ.Code(), list(ids...))
		}
		if len(ids) >= commLimit {
			break
		}
	}
	return found, nil
}

// sentTypes are the types to search, in the order of the answer.
func (c *call) sentTypes() []crm.EntityType {
	all := []crm.EntityType{crm.TypeLead, crm.TypeContact, crm.TypeCompany}
	only := strings.ToUpper(c.text("entity_type"))
	if only == "" {
		return all
	}
	return slices.DeleteFunc(all, func(t crm.EntityType) bool { return t.Code() != only })
}

// searched are the first twenty values that are strings; numbers are skipped.
func searched(values *array) []string {
	var all []string
	for _, v := range values.items() {
		if s, isText := v.(string); isText && len(all) < maxNumbers {
			all = append(all, s)
		}
	}
	return all
}

// havingComm are the ids of the oldest records with one of the values.
func (s *store) havingComm(typ crm.EntityType, kind string, values []string) []int64 {
	records := s.carrying(typ, values...)
	if kind == "EMAIL" {
		records = s.where(typ, func(r *record) bool {
			return slices.ContainsFunc(r.emails, func(row multi) bool { return slices.Contains(values, row.value) })
		})
	}
	var ids []int64
	for _, r := range records[:min(len(records), commLimit)] {
		ids = append(ids, r.ref.ID)
	}
	return ids
}

func (c *call) modeGet() (any, error) {
	if c.p.config.Mode == crm.Simple {
		return 2, nil
	}
	return 1, nil
}

// statusList is crm.status.list: one dictionary at a time, by ENTITY_ID.
func (c *call) statusList() (any, error) {
	filter := c.listParam("filter")
	v, _ := filter.get("ENTITY_ID")
	if _, isArray := v.(*array); isArray {
		return nil, refuse("", "Filter by ENTITY_ID must be a string")
	}
	rows := list[any]()
	for _, dictionary := range c.p.dictionaries(text(v)) {
		stages, prefix := dictionaryStages(dictionary)
		for i, s := range stages {
			rows.push(statusRow(dictionary, prefix+s.id, i, s))
		}
	}
	return &page{rows: rows, total: rows.len()}, nil
}

// dictionaries are the one wanted, or all of them.
func (p *Portal) dictionaries(only string) []string {
	if only != "" {
		return []string{only}
	}
	all := []string{"STATUS", "SOURCE", "DEAL_STAGE"}
	for _, id := range p.categories()[1:] {
		all = append(all, fmt.Sprintf("DEAL_STAGE_%d", id))
	}
	return all
}

func dictionaryStages(name string) (stages []stage, prefix string) {
	switch name {
	case "STATUS":
		return leadStages, ""
	case "SOURCE":
		return sources, ""
	case "DEAL_STAGE":
		return dealStages, ""
	}
	category, found := strings.CutPrefix(name, "DEAL_STAGE_")
	if !found {
		return nil, ""
	}
	return dealStages, "C" + category + ":"
}

func statusRow(dictionary, id string, i int, s stage) *array {
	row := obj(
		"ID", text(100+i), "ENTITY_ID", dictionary, "STATUS_ID", id, "NAME", s.name, "NAME_INIT", s.name,
		"SORT", text((i+1)*10), "SYSTEM", "Y", "CATEGORY_ID", nil, "COLOR", "#39A8EF", "SEMANTICS", orNull(s.semantics),
	)
	if dictionary == "SOURCE" {
		return row
	}
	meaning := map[string]string{"": "process", "S": "success", "F": "failure"}[s.semantics]
	if strings.HasSuffix(id, "APOLOGY") {
		meaning = "apology"
	}
	row.set("EXTRA", obj("SEMANTICS", meaning, "COLOR", "#39A8EF"))
	return row
}

// categories are the funnels in use, the default one first.
func (p *Portal) categories() []int64 {
	ids := []int64{0}
	for _, d := range p.crm.all(crm.TypeDeal) {
		if id := d.num("CATEGORY_ID"); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (c *call) categoryList() (any, error) {
	typ, err := c.itemType()
	if err != nil {
		return nil, err
	}
	if typ != crm.TypeDeal {
		return nil, refuse("ENTITY_TYPE_NOT_SUPPORTED", "Entity type is not supported")
	}
	rows := list[any]()
	for i, id := range c.p.categories() {
		name := "General"
		if id != 0 {
			name = fmt.Sprintf("Pipeline %d", id)
		}
		rows.push(obj("id", id, "name", name, "sort", (i+1)*100, "entityTypeId", 2, "isDefault", flag(id == 0)))
	}
	return obj("categories", rows), nil
}
