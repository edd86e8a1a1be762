package b24

import (
	"slices"

	"callwise/app/crm"
)

// A relation is a way from objects of one kind to objects that name them.
type relation struct {
	name   string // key of its command
	kind   crm.EntityType
	parent crm.EntityType
	field  string   // by which the objects name their parents
	stages []string // semantics of interest, nil for all
	whole  bool     // all pages are needed; otherwise the newest 50 will do
	late   bool     // read only when the outcome of a lead depends on it
}

var (
	openStages   = []string{string(crm.Open)}
	closedStages = []string{string(crm.Won), string(crm.Lost)}
)

// relations are the ways of decision.md F.4. Open objects are read apart from
// closed ones, so that a long history does not hide them.
var relations = []relation{
	{name: "contact_deals", kind: crm.TypeDeal, parent: crm.TypeContact, field: "contactIds", stages: openStages, whole: true},
	{name: "contact_closed_deals", kind: crm.TypeDeal, parent: crm.TypeContact, field: "contactIds", stages: closedStages},
	{name: "company_deals", kind: crm.TypeDeal, parent: crm.TypeCompany, field: "companyId", stages: openStages, whole: true},
	{name: "company_closed_deals", kind: crm.TypeDeal, parent: crm.TypeCompany, field: "companyId", stages: closedStages},
	{name: "lead_deals", kind: crm.TypeDeal, parent: crm.TypeLead, field: "leadId", whole: true},
	{name: "contact_leads", kind: crm.TypeLead, parent: crm.TypeContact, field: "contactId", stages: openStages, whole: true},
	{name: "contact_closed_leads", kind: crm.TypeLead, parent: crm.TypeContact, field: "contactId", stages: closedStages},
	{name: "company_leads", kind: crm.TypeLead, parent: crm.TypeCompany, field: "companyId", stages: openStages, whole: true},
	{name: "company_closed_leads", kind: crm.TypeLead, parent: crm.TypeCompany, field: "companyId", stages: closedStages},
	{name: "lead_contacts", kind: crm.TypeContact, parent: crm.TypeLead, field: "leadId", late: true},
	{name: "lead_companies", kind: crm.TypeCompany, parent: crm.TypeLead, field: "leadId", late: true},
}

// command reads the objects that name parents, which are ids or a reference
// to them.
func (rel relation) command(key string, parents any, start int) Command {
	filter := Params{"@" + rel.field: parents}
	if len(rel.stages) > 0 {
		filter["@stageSemanticId"] = rel.stages
	}
	if rel.kind == crm.TypeDeal {
		filter["isRecurring"] = "N"
	}
	return listCommand(key, rel.kind, filter, start)
}

// holds reports whether every row names one of the parents. A portal that does
// not know a filter, or lost the reference in it, brings others as well.
func (rel relation) holds(rows []item, parents []int64) bool {
	for _, row := range rows {
		if !slices.ContainsFunc(rel.named(row), func(id int64) bool { return slices.Contains(parents, id) }) {
			return false
		}
	}
	return true
}

// named are the parents that a row names.
func (rel relation) named(row item) []int64 {
	switch rel.field {
	case "contactIds":
		return row.contacts()
	case "contactId":
		return []int64{int64(row.ContactID)}
	case "companyId":
		return []int64{int64(row.CompanyID)}
	}
	return []int64{int64(row.LeadID)}
}

// byMainContact is the relation for portals that cannot filter deals by all
// of their contacts.
func (rel relation) byMainContact() relation {
	rel.field = "contactId"
	return rel
}
