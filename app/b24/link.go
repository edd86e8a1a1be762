package b24

import (
	"context"
	"strings"

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

// MissingPlacements returns which of these placements are not bound to handler
// alone, with these titles: one request.
//
// https://apidocs.bitrix24.com/api-reference/widgets/placement-get.html
func (c *Client) MissingPlacements(ctx context.Context, codes []string, handler string, titles map[string]string) ([]string, error) {
	have, err := invoke[List[boundPlacement]](ctx, c, "placement.get", nil, AsAdmin(), Repeatable())
	if err != nil {
		return nil, err
	}
	return missingPlacements(have, codes, handler, titles), nil
}

func missingPlacements(have []boundPlacement, codes []string, handler string, titles map[string]string) []string {
	var missing []string
	for _, code := range codes {
		good, bad := 0, 0
		for _, p := range have {
			switch {
			case !strings.EqualFold(string(p.Placement), code):
			case string(p.Handler) == handler && p.titled(titles):
				good++
			default:
				bad++
			}
		}
		if good == 0 || bad > 0 {
			missing = append(missing, code)
		}
	}
	return missing
}
