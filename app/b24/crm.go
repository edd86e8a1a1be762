package b24

import (
	"context"
	"errors"

	"callwise/app/crm"
)

// Originator marks what we created in a portal's CRM.
const Originator = "callwise"

const (
	methodItemList = "crm.item.list"
	methodItemGet  = "crm.item.get"
	methodItemAdd  = "crm.item.add"
	methodAddLead  = "crm.lead.add"
)

// A NewLead is a lead to be created. With a contact or company it becomes a
// repeated lead and needs no Phone: the number stands on the card, and a second
// place for it would show up in searches.
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

// AddLead creates a lead, and reads in the same request whether it is a repeated
// one if it was to be. After an [Unsure] error look with [Client.FindByOrigin]
// before repeating.
//
// https://apidocs.bitrix24.com/api-reference/crm/leads/crm-lead-add.html
func (c *Client) AddLead(ctx context.Context, l NewLead) (MadeLead, error) {
	if !l.repeats() {
		return c.addAlone(ctx, l)
	}
	b := Batch{Halt: true}
	l.addTo(&b)
	answers, err := c.Batch(ctx, b)
	if err != nil {
		return MadeLead{}, err
	}
	var id ID
	err = answers.Decode("lead", &id)
	if _, refused := errors.AsType[*Error](err); refused && !Unsure(err) {
		return c.addAlone(ctx, l) // for what the refusal says of the portal, and how long it lasts
	}
	if _, err := newID(methodAddLead, id, err); err != nil {
		return MadeLead{}, err
	}
	return answers.madeLead(), nil
}

func (c *Client) addAlone(ctx context.Context, l NewLead) (MadeLead, error) {
	id, err := c.add(ctx, methodAddLead, l.fields())
	return MadeLead{ID: id}, err
}

// repeats reports a lead that Bitrix24 flags as a repeated one while its repeat
// sales mode is on. Simple mode, which alone needs a name, makes a deal of it.
//
// https://apidocs.bitrix24.com/tutorials/crm/how-to-add-crm-objects/how-to-add-repeat-lead.html
func (l NewLead) repeats() bool { return l.Name == "" && (l.ContactID != 0 || l.CompanyID != 0) }

// addTo has a batch create the lead and, last, read it if it is to be a repeated
// one: the flag cannot be set, only read.
func (l NewLead) addTo(b *Batch) {
	b.Add("lead", methodAddLead, Params{"fields": l.fields()})
	if l.repeats() {
		b.Add("made", methodItemGet, Params{"entityTypeId": int(crm.TypeLead), "id": Ref("lead")})
	}
}

func (l NewLead) fields() Params {
	fields := created(l.OriginID, l.ResponsibleID, l.Source)
	set(fields, "TITLE", l.Title)
	set(fields, "NAME", l.Name)
	set(fields, "CONTACT_ID", l.ContactID)
	set(fields, "COMPANY_ID", l.CompanyID)
	if l.Phone != "" {
		fields["PHONE"] = []Params{{"VALUE": l.Phone, "VALUE_TYPE": "WORK"}}
	}
	return fields
}

// A NewDeal is a deal to be created.
type NewDeal struct {
	Title         string
	ContactID     int64
	CompanyID     int64
	ResponsibleID int64
	Source        string
	OriginID      string
}

// AddDeal creates a deal in the default pipeline and returns its id. After an
// [Unsure] error look with [Client.FindByOrigin] before repeating.
//
// https://apidocs.bitrix24.com/api-reference/crm/universal/crm-item-add.html
func (c *Client) AddDeal(ctx context.Context, d NewDeal) (int64, error) {
	fields := Params{"originatorId": Originator}
	set(fields, "originId", d.OriginID)
	set(fields, "assignedById", d.ResponsibleID)
	set(fields, "sourceId", d.Source)
	set(fields, "title", d.Title)
	set(fields, "companyId", d.CompanyID)
	if d.ContactID != 0 {
		fields["contactIds"] = []int64{d.ContactID}
	}
	answer, err := invoke[struct {
		Item struct {
			ID ID `json:"id"`
		} `json:"item"`
	}](ctx, c, methodItemAdd, Params{"entityTypeId": int(crm.TypeDeal), "fields": fields}, slow())
	return newID(methodItemAdd, answer.Item.ID, err)
}

// created are the fields that everything we create has in common.
func created(originID string, responsible int64, source string) Params {
	fields := Params{"ORIGINATOR_ID": Originator}
	set(fields, "ORIGIN_ID", originID)
	set(fields, "ASSIGNED_BY_ID", responsible)
	set(fields, "SOURCE_ID", source)
	return fields
}

// set leaves a field out that has no value, so that the portal's default holds.
func set[T comparable](fields Params, name string, value T) {
	var none T
	if value != none {
		fields[name] = value
	}
}

func (c *Client) add(ctx context.Context, method string, fields Params) (int64, error) {
	id, err := invoke[ID](ctx, c, method, Params{"fields": fields}, slow())
	return newID(method, id, err)
}

// newID refuses an answer that creates nothing.
func newID(method string, id ID, err error) (int64, error) {
	if err == nil && id <= 0 {
		return 0, &Failure{Method: method, Sent: true, Err: oddAnswer("answer without an id")}
	}
	return int64(id), err
}

// FindByOrigin finds what we created with an OriginID; the oldest if a lost
// answer made two.
//
// https://apidocs.bitrix24.com/api-reference/crm/universal/crm-item-list.html
func (c *Client) FindByOrigin(ctx context.Context, kind crm.EntityType, originID string) (int64, bool, error) {
	if originID == "" {
		return 0, false, nil
	}
	rows, err := invoke[itemList](ctx, c, methodItemList, Params{
		"entityTypeId": int(kind), "select": []string{"id", "originId"},
		"filter": Params{"=originatorId": Originator, "=originId": originID},
		"order":  Params{"id": "ASC"},
	}, Repeatable())
	if err != nil {
		return 0, false, err
	}
	for _, row := range rows.Items {
		if string(row.OriginID) == originID {
			return int64(row.ID), true, nil
		}
	}
	return 0, false, nil
}

// DealOfLead finds the deal, and its contact, that a lead was converted into:
// the newest if there are several. A contact of 0 means the deal has none.
//
// https://apidocs.bitrix24.com/api-reference/crm/universal/crm-item-list.html
func (c *Client) DealOfLead(ctx context.Context, leadID int64) (deal, contact int64, ok bool, err error) {
	rows, err := invoke[itemList](ctx, c, methodItemList, dealsOfLead(leadID), Repeatable())
	if err != nil {
		return 0, 0, false, err
	}
	deal, contact = rows.dealOf(leadID)
	return deal, contact, deal != 0, nil
}

// dealsOfLead asks for the deals of a lead, which is an id or a reference to
// it, the newest first.
func dealsOfLead[Lead int64 | string](lead Lead) Params {
	return Params{
		"entityTypeId": int(crm.TypeDeal), "select": dealFields,
		"filter": Params{"@leadId": []Lead{lead}}, "order": Params{"id": "DESC"},
	}
}

// dealOf is the first deal of a lead, and its contact; 0 for none.
func (l itemList) dealOf(leadID int64) (deal, contact int64) {
	for _, row := range l.Items {
		if int64(row.LeadID) == leadID {
			return int64(row.ID), row.contact()
		}
	}
	return 0, 0
}
