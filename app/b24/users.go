package b24

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
)

// profileOf reads a user; an inactive one arrives as an empty object or list.
func profileOf(user Map[json.RawMessage]) (Profile, error) {
	var id ID
	var admin YN
	if json.Unmarshal(orNull(user["ID"]), &id) != nil || id == 0 {
		return Profile{}, ErrForged
	}
	_ = admin.UnmarshalJSON(orNull(user["ADMIN"]))
	name := strings.TrimSpace(scalar(user["NAME"]) + " " + scalar(user["LAST_NAME"]))
	return Profile{UserID: int64(id), Admin: bool(admin), Name: name, TimeZone: scalar(user["TIME_ZONE"])}, nil
}

// Profile asks the portal what a user is by now, with the user's own pair of
// tokens. ErrNeedsAuth means that there is no such pair that works, ErrForged
// that the user is not active any more.
//
// https://apidocs.bitrix24.com/api-reference/common/users/profile.html
func (c *Client) Profile(ctx context.Context, userID int64) (Profile, error) {
	user, err := invoke[Map[json.RawMessage]](ctx, c, "profile", nil, only(userID), Repeatable(), Prompt())
	if err != nil {
		return Profile{}, err
	}
	profile, err := profileOf(user)
	if err == nil && profile.UserID != userID {
		err = ErrForged
	}
	return profile, err
}

// An Employee is a user of the portal.
type Employee struct {
	ID        int64
	Name      string
	Extension string   // inner number, may be empty, not certain to be unique
	Phones    []string // own numbers as they were entered; empty without the scope user_basic
	TimeZone  string   // IANA name, empty if it is left to the browser
	Active    bool
}

// maxEmployees are more than any portal has.
const maxEmployees = 50_000

// Employees returns the active employees of the portal, one request for every
// 50 of them.
//
// https://apidocs.bitrix24.com/api-reference/user/user-get.html
func (c *Client) Employees(ctx context.Context) ([]Employee, error) {
	const method = "user.get"
	params := Params{
		"FILTER": Params{"ACTIVE": true, "USER_TYPE": "employee"},
		"sort":   "ID", "order": "ASC", "start": 0,
	}
	var employees []Employee
	seen := map[int64]bool{}
	for {
		page, err := c.call(ctx, method, params, Repeatable())
		if err != nil {
			return nil, err
		}
		var rows List[userRow]
		if err := decode(method, page.Result, &rows); err != nil {
			return nil, err
		}
		if len(rows) > 0 && seen[int64(rows[0].ID)] {
			return nil, &Failure{Method: method, Status: http.StatusOK, Sent: true, Err: oddAnswer("the same page twice")}
		}
		for _, row := range rows {
			seen[int64(row.ID)] = true
			employees = append(employees, row.employees()...)
		}
		if page.Next == nil || len(rows) == 0 {
			return employees, nil
		}
		if len(seen) > maxEmployees {
			return nil, &Failure{Method: method, Status: http.StatusOK, Sent: true, Err: oddAnswer("more employees than there can be")}
		}
		params["start"] = int(*page.Next)
	}
}

type userRow struct {
	ID             ID   `json:"ID"`
	Active         *YN  `json:"ACTIVE"`
	Name           Text `json:"NAME"`
	LastName       Text `json:"LAST_NAME"`
	Extension      Text `json:"UF_PHONE_INNER"`
	WorkPhone      Text `json:"WORK_PHONE"`
	PersonalMobile Text `json:"PERSONAL_MOBILE"`
	PersonalPhone  Text `json:"PERSONAL_PHONE"`
	TimeZone       Text `json:"TIME_ZONE"`
}

// employees is the row as an employee, or nothing for a row that is none.
func (r userRow) employees() []Employee {
	if r.ID <= 0 || r.Active != nil && !bool(*r.Active) {
		return nil
	}
	e := Employee{
		ID: int64(r.ID), Active: true, Extension: string(r.Extension), TimeZone: string(r.TimeZone),
		Name: strings.TrimSpace(string(r.Name) + " " + string(r.LastName)),
	}
	for _, phone := range []Text{r.WorkPhone, r.PersonalMobile, r.PersonalPhone} {
		if phone != "" {
			e.Phones = append(e.Phones, string(phone))
		}
	}
	return []Employee{e}
}
