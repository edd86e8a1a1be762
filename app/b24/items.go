package b24

import (
	"slices"
	"strings"
	"time"

	"callwise/app/crm"
)

// Fields that are read of each kind of object.
//
// https://apidocs.bitrix24.com/api-reference/crm/universal/object-fields.html
var (
	leadFields = []string{"id", "title", "stageSemanticId", "contactId", "contactIds", "companyId", "isReturnCustomer",
		"assignedById", "createdTime", "dateClosed", "movedTime"}
	dealFields = []string{"id", "title", "stageSemanticId", "closed", "contactId", "contactIds", "companyId", "leadId",
		"isRecurring", "assignedById", "createdTime", "movedTime"}
	contactFields = []string{"id", "name", "lastName", "leadId", "companyId", "assignedById", "createdTime"}
	companyFields = []string{"id", "title", "leadId", "assignedById", "isMyCompany", "createdTime"}
)

func fieldsOf(kind crm.EntityType) []string {
	switch kind {
	case crm.TypeLead:
		return leadFields
	case crm.TypeDeal:
		return dealFields
	case crm.TypeContact:
		return contactFields
	}
	return companyFields
}

type itemList struct {
	Items List[item] `json:"items"`
}

// An item is a row of any of the four kinds; which fields are filled depends
// on the kind.
type item struct {
	ID          ID       `json:"id"`
	Title       Text     `json:"title"`
	Name        Text     `json:"name"`
	LastName    Text     `json:"lastName"`
	Semantics   Text     `json:"stageSemanticId"`
	ContactID   ID       `json:"contactId"`
	ContactIDs  List[ID] `json:"contactIds"`
	CompanyID   ID       `json:"companyId"`
	LeadID      ID       `json:"leadId"`
	Repeated    YN       `json:"isReturnCustomer"`
	Recurring   YN       `json:"isRecurring"`
	MyCompany   YN       `json:"isMyCompany"`
	Responsible ID       `json:"assignedById"`
	Created     Time     `json:"createdTime"`
	Closed      Time     `json:"dateClosed"`
	Moved       Time     `json:"movedTime"`
	OriginID    Text     `json:"originId"`
}

// contacts are all contacts of a row, the main one first.
func (i item) contacts() []int64 {
	var ids []int64
	for _, id := range append(List[ID]{i.ContactID}, i.ContactIDs...) {
		if id > 0 && !slices.Contains(ids, int64(id)) {
			ids = append(ids, int64(id))
		}
	}
	return ids
}

// contact is the main contact, 0 for none.
func (i item) contact() int64 {
	if all := i.contacts(); len(all) > 0 {
		return all[0]
	}
	return 0
}

func (i item) semantics() crm.Semantics {
	return crm.Semantics(strings.ToUpper(string(i.Semantics)))
}

// closedAt is when the row reached its last stage, zero while it is open.
func (i item) closedAt() time.Time {
	switch {
	case i.semantics() == crm.Open:
		return time.Time{}
	case !i.Closed.IsZero():
		return i.Closed.Time
	}
	return i.Moved.Time
}

func (i item) lead(found match) crm.Lead {
	return crm.Lead{
		ID: int64(i.ID), Title: string(i.Title), Semantics: i.semantics(), ContactID: i.contact(),
		CompanyID: int64(i.CompanyID), Repeated: bool(i.Repeated), ResponsibleID: int64(i.Responsible),
		CreatedAt: i.Created.Time, ClosedAt: i.closedAt(), ByPhone: found.byPhone, OtherSpelling: found.otherSpelling,
	}
}

func (i item) deal() crm.Deal {
	return crm.Deal{
		ID: int64(i.ID), Title: string(i.Title), Semantics: i.semantics(), ContactIDs: i.contacts(),
		CompanyID: int64(i.CompanyID), LeadID: int64(i.LeadID), ResponsibleID: int64(i.Responsible),
		CreatedAt: i.Created.Time, ClosedAt: i.closedAt(),
	}
}

func (i item) contactCard(found match) crm.Contact {
	name := strings.TrimSpace(string(i.Name) + " " + string(i.LastName))
	return crm.Contact{
		ID: int64(i.ID), Name: name, LeadID: int64(i.LeadID), CompanyID: int64(i.CompanyID),
		ResponsibleID: int64(i.Responsible), CreatedAt: i.Created.Time,
		ByPhone: found.byPhone, OtherSpelling: found.otherSpelling, Evidence: found.evidence,
	}
}

func (i item) companyCard(found match) crm.Company {
	return crm.Company{
		ID: int64(i.ID), Title: string(i.Title), LeadID: int64(i.LeadID),
		ResponsibleID: int64(i.Responsible), CreatedAt: i.Created.Time,
		ByPhone: found.byPhone, OtherSpelling: found.otherSpelling, Evidence: found.evidence,
	}
}
