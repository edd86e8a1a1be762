package b24

import "context"

// A Status is an entry of one of the portal's dictionaries.
type Status struct{ ID, Name string }

// Sources returns the portal's dictionary of sources, in its order.
//
// https://apidocs.bitrix24.com/api-reference/crm/status/crm-status-list.html
func (c *Client) Sources(ctx context.Context) ([]Status, error) {
	rows, err := invoke[List[struct {
		ID   Text `json:"STATUS_ID"`
		Name Text `json:"NAME"`
	}]](ctx, c, "crm.status.list", Params{
		"filter": Params{"ENTITY_ID": "SOURCE"}, "order": Params{"SORT": "ASC"},
	}, Repeatable())
	if err != nil {
		return nil, err
	}
	all := make([]Status, 0, len(rows))
	for _, row := range rows {
		if row.ID != "" {
			all = append(all, Status{string(row.ID), string(row.Name)})
		}
	}
	return all, nil
}
