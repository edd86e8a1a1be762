package b24

import (
	"context"

	"callwise/app/crm"
)

// LinkTo makes a contact, with its company if it has one, or a company the
// client of a lead or deal, in the place of whoever was. Repeating it changes
// nothing.
//
// https://apidocs.bitrix24.com/api-reference/crm/universal/crm-item-update.html
func (c *Client) LinkTo(ctx context.Context, item, card crm.Ref, company int64) error {
	fields := Params{"contactIds": []int64{}, "companyId": company}
	if card.Type == crm.TypeContact {
		fields["contactIds"] = []int64{card.ID}
	} else {
		fields["companyId"] = card.ID
	}
	return c.Call(ctx, "crm.item.update", Params{
		"entityTypeId": int(item.Type), "id": item.ID, "fields": fields,
	}, nil, Repeatable())
}
