package b24

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"callwise/app/crm"
)

// A Customer is a lead, contact or company that carries a number, and whom to
// ring for it.
type Customer struct {
	Ref         crm.Ref
	Name        string
	Responsible Responsible
}

// A Responsible is the employee who looks after a customer.
type Responsible struct {
	UserID    int64  // 0 when there is nobody
	Extension string // inner number, may be empty
	// OnDuty is false when the portal's time tracking says that the employee
	// does not work now; true where nobody tracks time.
	OnDuty bool
}

const methodSearch = "telephony.externalCall.searchCrmEntities"

// Customers finds whose number it is, most important first: contacts, leads,
// companies. phones are the spellings of the number, the one dialled first: the
// CRM may know it by any of them. It takes one request, which overtakes what
// else waits for the portal. It knows neither deals nor whether a lead is
// closed; a decision needs [Client.Snapshot].
//
// https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-call-search-crm-entities.html
func (c *Client) Customers(ctx context.Context, phones []string) ([]Customer, error) {
	var batch Batch
	for i, phone := range phones[:min(len(phones), maxPhones)] {
		batch.Add(spelledKey(i), methodSearch, Params{"PHONE_NUMBER": phone})
	}
	answers, err := c.Batch(ctx, batch, Repeatable(), Prompt())
	if err != nil {
		return nil, err
	}
	var customers []Customer
	for i := range batch.Commands {
		var rows List[customerRow]
		if err := answers.Decode(spelledKey(i), &rows); err != nil {
			return nil, err
		}
		customers = addCustomers(customers, rows)
	}
	slices.SortStableFunc(customers, func(a, b Customer) int {
		return cmp.Compare(slices.Index(ranked, a.Ref.Type), slices.Index(ranked, b.Ref.Type))
	})
	return customers, nil
}

// ranked are the kinds of customers, the most important first.
var ranked = []crm.EntityType{crm.TypeContact, crm.TypeLead, crm.TypeCompany}

func spelledKey(i int) string { return "spelled_" + strconv.Itoa(i) }

// addCustomers adds those of rows who are not among customers.
func addCustomers(customers []Customer, rows []customerRow) []Customer {
	for _, row := range rows {
		ref := refOf(string(row.Type), int64(row.ID))
		if ref == nil || slices.ContainsFunc(customers, func(c Customer) bool { return c.Ref == *ref }) {
			continue
		}
		customers = append(customers, Customer{*ref, string(row.Name), row.responsible()})
	}
	return customers
}

type customerRow struct {
	Type        Text      `json:"CRM_ENTITY_TYPE"`
	ID          ID        `json:"CRM_ENTITY_ID"`
	Name        Text      `json:"NAME"`
	Responsible ID        `json:"ASSIGNED_BY_ID"`
	Employee    Map[Text] `json:"ASSIGNED_BY"`
}

func (r customerRow) responsible() Responsible {
	if r.Responsible <= 0 {
		return Responsible{}
	}
	return Responsible{
		UserID: int64(r.Responsible), Extension: string(r.Employee["USER_PHONE_INNER"]),
		OnDuty: onDuty(string(r.Employee["TIMEMAN_STATUS"])),
	}
}

// onDuty reads the state of a working day: closed, paused, or never closed.
func onDuty(status string) bool {
	switch strings.ToUpper(status) {
	case "CLOSED", "PAUSED", "EXPIRED":
		return false
	}
	return true
}
