package b24sim

import "callwise/app/crm"

// A kind says what a field holds and how it is written on the wire.
type kind int

const (
	kindText  kind = iota // string
	kindID                // int64
	kindIDs               // []int64
	kindFlag              // "Y" or "N"
	kindMoney             // float64
	kindTime              // time.Time
)

// A lock says which family of methods may not write a field.
type lock int

const (
	open        lock = iota
	readOnly         // computed by the CRM
	classicLock      // writable through crm.item.* only
)

// A field has one name in the classic methods and one in crm.item.*.
type field struct {
	upper, camel string
	kind         kind
	lock         lock
}

// fields are the fields of each type that this CRM keeps
// (bitrix24-telephony-crm.md, sections 5 to 8).
var fields = map[crm.EntityType][]field{
	crm.TypeLead: join([]field{
		{"ID", "id", kindID, readOnly},
		{"TITLE", "title", kindText, open},
		{"NAME", "name", kindText, open},
		{"SECOND_NAME", "secondName", kindText, open},
		{"LAST_NAME", "lastName", kindText, open},
		{"COMPANY_TITLE", "companyTitle", kindText, open},
		{"STATUS_ID", "stageId", kindText, open},
		{"STATUS_SEMANTIC_ID", "stageSemanticId", kindText, readOnly},
		{"CONTACT_ID", "contactId", kindID, open},
		{"CONTACT_IDS", "contactIds", kindIDs, open},
		{"COMPANY_ID", "companyId", kindID, open},
		{"IS_RETURN_CUSTOMER", "isReturnCustomer", kindFlag, readOnly},
		{"DATE_CLOSED", "dateClosed", kindTime, readOnly},
		{"MOVED_TIME", "movedTime", kindTime, readOnly},
		{"HAS_PHONE", "hasPhone", kindFlag, readOnly},
	}, money, common),
	crm.TypeDeal: join([]field{
		{"ID", "id", kindID, readOnly},
		{"TITLE", "title", kindText, open},
		{"CATEGORY_ID", "categoryId", kindID, open},
		{"STAGE_ID", "stageId", kindText, open},
		{"STAGE_SEMANTIC_ID", "stageSemanticId", kindText, readOnly},
		{"CLOSED", "closed", kindFlag, readOnly},
		{"CONTACT_ID", "contactId", kindID, open},
		{"CONTACT_IDS", "contactIds", kindIDs, open},
		{"COMPANY_ID", "companyId", kindID, open},
		{"LEAD_ID", "leadId", kindID, classicLock},
		{"IS_RETURN_CUSTOMER", "isReturnCustomer", kindFlag, readOnly},
		{"IS_REPEATED_APPROACH", "isRepeatedApproach", kindFlag, readOnly},
		{"IS_RECURRING", "isRecurring", kindFlag, readOnly},
		{"TYPE_ID", "typeId", kindText, open},
		{"BEGINDATE", "begindate", kindTime, open},
		{"CLOSEDATE", "closedate", kindTime, open},
		{"MOVED_TIME", "movedTime", kindTime, readOnly},
	}, money, common),
	crm.TypeContact: join([]field{
		{"ID", "id", kindID, readOnly},
		{"NAME", "name", kindText, open},
		{"SECOND_NAME", "secondName", kindText, open},
		{"LAST_NAME", "lastName", kindText, open},
		{"COMPANY_ID", "companyId", kindID, open},
		{"COMPANY_IDS", "companyIds", kindIDs, open},
		{"LEAD_ID", "leadId", kindID, classicLock},
		{"TYPE_ID", "typeId", kindText, open},
		{"POST", "post", kindText, open},
		{"EXPORT", "export", kindFlag, open},
		{"HAS_PHONE", "hasPhone", kindFlag, readOnly},
	}, common),
	crm.TypeCompany: join([]field{
		{"ID", "id", kindID, readOnly},
		{"TITLE", "title", kindText, open},
		{"COMPANY_TYPE", "typeId", kindText, open},
		{"INDUSTRY", "industry", kindText, open},
		{"LEAD_ID", "leadId", kindID, classicLock},
		{"IS_MY_COMPANY", "isMyCompany", kindFlag, open},
		{"HAS_PHONE", "hasPhone", kindFlag, readOnly},
	}, common),
}

var money = []field{
	{"OPPORTUNITY", "opportunity", kindMoney, open},
	{"CURRENCY_ID", "currencyId", kindText, open},
	{"IS_MANUAL_OPPORTUNITY", "isManualOpportunity", kindFlag, open},
}

var common = []field{
	{"OPENED", "opened", kindFlag, open},
	{"ASSIGNED_BY_ID", "assignedById", kindID, open},
	{"SOURCE_ID", "sourceId", kindText, open},
	{"SOURCE_DESCRIPTION", "sourceDescription", kindText, open},
	{"COMMENTS", "comments", kindText, open},
	{"ORIGINATOR_ID", "originatorId", kindText, open},
	{"ORIGIN_ID", "originId", kindText, open},
	{"UTM_SOURCE", "utmSource", kindText, open},
	{"UTM_MEDIUM", "utmMedium", kindText, open},
	{"UTM_CAMPAIGN", "utmCampaign", kindText, open},
	{"CREATED_BY_ID", "createdBy", kindID, readOnly},
	{"DATE_CREATE", "createdTime", kindTime, readOnly},
	{"DATE_MODIFY", "updatedTime", kindTime, readOnly},
	{"LAST_ACTIVITY_TIME", "lastActivityTime", kindTime, readOnly},
}

func join(groups ...[]field) []field {
	var all []field
	for _, g := range groups {
		all = append(all, g...)
	}
	return all
}

// A family is one of the two ways to name and write the same fields.
type family int

const (
	classic   family = iota // crm.lead.*, crm.deal.* …: upper case, values as strings
	universal               // crm.item.*: camel case, numbers as numbers
)

func (f field) name(fam family) string {
	if fam == classic {
		return f.upper
	}
	return f.camel
}

// listed reports whether a list of this family knows the field: the contacts
// of a deal or lead are unknown to the classic lists.
func (f field) listed(fam family) bool {
	return fam == universal || f.kind != kindIDs
}

func (f field) writable(fam family) bool {
	return f.lock == open || f.lock == classicLock && fam == universal
}

func fieldNamed(typ crm.EntityType, fam family, name string) (field, bool) {
	for _, f := range fields[typ] {
		if f.name(fam) == name {
			return f, true
		}
	}
	return field{}, false
}
