package b24

import (
	"context"
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

// Customers finds whose number it is, most important first, in one request that
// overtakes what else waits for the portal. It
// knows neither deals nor whether a lead is closed; a decision needs
// [Client.Snapshot].
//
// https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-call-search-crm-entities.html
func (c *Client) Customers(ctx context.Context, phone string) ([]Customer, error) {
	rows, err := invoke[List[customerRow]](ctx, c, "telephony.externalCall.searchCrmEntities",
		Params{"PHONE_NUMBER": phone}, Repeatable(), Prompt())
	if err != nil {
		return nil, err
	}
	var customers []Customer
	for _, row := range rows {
		if ref := refOf(string(row.Type), int64(row.ID)); ref != nil {
			customers = append(customers, Customer{*ref, string(row.Name), row.responsible()})
		}
	}
	return customers, nil
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
