package b24

import (
	"context"

	"callwise/app/crm"
)

// Originator marks what we created in a portal's CRM.
const Originator = "callwise"

// A NewLead is a lead to be created. With a contact or company it becomes a
// repeated lead and Phone must be empty: the number stands on the card.
type NewLead struct {
	Title         string
	Name          string // needed in simple mode, or the lead is not converted
	Phone         string
	ContactID     int64
	CompanyID     int64
	ResponsibleID int64
	Source        string // STATUS_ID of the source, may be empty
	OriginID      string // finds the lead again after a lost answer
}

// AddLead creates a lead and returns its id. After an [Unsure] error look with
// [Client.FindByOrigin] before repeating.
//
// https://apidocs.bitrix24.com/api-reference/crm/leads/crm-lead-add.html
func (c *Client) AddLead(ctx context.Context, l NewLead) (int64, error) { return 0, nil }

// A NewDeal is a deal to be created.
type NewDeal struct {
	Title         string
	ContactID     int64
	CompanyID     int64
	LeadID        int64 // lead it came from
	ResponsibleID int64
	Source        string
	OriginID      string
}

// AddDeal creates a deal in the default pipeline and returns its id. After an
// [Unsure] error look with [Client.FindByOrigin] before repeating.
//
// https://apidocs.bitrix24.com/api-reference/crm/universal/crm-item-add.html
func (c *Client) AddDeal(ctx context.Context, d NewDeal) (int64, error) { return 0, nil }

// A NewContact is a contact to be created.
type NewContact struct {
	Name          string // must not be empty
	Phone         string
	ResponsibleID int64
	Source        string
	OriginID      string
}

// AddContact creates a contact and returns its id. After an [Unsure] error
// look with [Client.FindByOrigin] before repeating.
//
// https://apidocs.bitrix24.com/api-reference/crm/contacts/crm-contact-add.html
func (c *Client) AddContact(ctx context.Context, n NewContact) (int64, error) { return 0, nil }

// FindByOrigin finds what we created with an OriginID; the oldest if a lost
// answer made two.
//
// https://apidocs.bitrix24.com/api-reference/crm/universal/crm-item-list.html
func (c *Client) FindByOrigin(ctx context.Context, kind crm.EntityType, originID string) (int64, bool, error) {
	return 0, false, nil
}

// DealOfLead finds the deal, and its contact, that a lead was converted into.
// A contact of 0 means the deal has none.
func (c *Client) DealOfLead(ctx context.Context, leadID int64) (deal, contact int64, ok bool, err error) {
	return 0, 0, false, nil
}
