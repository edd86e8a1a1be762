package b24

import "context"

// An Employee is a user of the portal.
type Employee struct {
	ID        int64
	Name      string
	Extension string   // inner number, may be empty, not certain to be unique
	Phones    []string // own numbers as they were entered; empty without the scope user_basic
	Active    bool
}

// Employees returns the active employees of the portal, all pages.
//
// https://apidocs.bitrix24.com/api-reference/user/user-get.html
func (c *Client) Employees(ctx context.Context) ([]Employee, error) { return nil, nil }
