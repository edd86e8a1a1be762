package b24

import (
	"context"

	"callwise/app/crm"
)

// A Customer is somebody whom Bitrix24 finds by a phone number, and who looks
// after them.
type Customer struct {
	Ref         crm.Ref
	Name        string
	Responsible Duty
}

// Duty is an employee as routing needs to know them.
type Duty struct {
	UserID    int64
	Extension string
	OnDuty    bool // at work by Bitrix24's time tracking, or not tracked at all
}

// Customers asks whom a number belongs to, the most important first. Leads
// come whatever their state, and deals never: it is enough for routing a call,
// not for deciding about it.
//
// https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-call-search-crm-entities.html
func (c *Client) Customers(ctx context.Context, phone string) ([]Customer, error) {
	rows, err := invoke[List[customerRow]](ctx, c, "telephony.externalCall.searchCrmEntities", Params{"PHONE_NUMBER": phone}, Repeatable())
	if err != nil {
		return nil, err
	}
	var customers []Customer
	for _, row := range rows {
		ref := refOf(string(row.Type), int64(row.ID))
		if ref == nil {
			continue
		}
		customers = append(customers, Customer{Ref: *ref, Name: string(row.Name), Responsible: Duty{
			UserID: int64(row.ResponsibleID), Extension: string(row.Responsible.Extension), OnDuty: atWork(string(row.Responsible.State)),
		}})
	}
	return customers, nil
}

type customerRow struct {
	Type          Text `json:"CRM_ENTITY_TYPE"`
	ID            ID   `json:"CRM_ENTITY_ID"`
	Name          Text `json:"NAME"`
	ResponsibleID ID   `json:"ASSIGNED_BY_ID"`
	Responsible   struct {
		State     Text `json:"TIMEMAN_STATUS"`
		Extension Text `json:"USER_PHONE_INNER"`
	} `json:"ASSIGNED_BY"`
}

// atWork reads a state of time tracking. Nobody is off duty where it is not
// used.
func atWork(state string) bool {
	switch state {
	case "CLOSED", "PAUSED", "EXPIRED":
		return false
	}
	return true
}
