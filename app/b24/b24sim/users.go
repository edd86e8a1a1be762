package b24sim

import (
	"cmp"
	"slices"
	"strings"
)

var userMethods = map[string]method{
	"profile":      {run: (*call).profile},
	"user.admin":   {run: (*call).userAdmin},
	"user.current": {scope: "user_brief", run: (*call).userCurrent},
	"user.get":     {scope: "user_brief", run: (*call).userGet},
}

// userScope is the widest of the three user scopes that was granted.
func (p *Portal) userScope() string {
	for _, scope := range []string{"user", "user_basic", "user_brief"} {
		if slices.Contains(p.config.Scopes, scope) {
			return scope
		}
	}
	return ""
}

func (c *call) profile() (any, error) {
	return obj(
		"ID", text(c.user.ID), "ADMIN", c.user.Admin, "NAME", c.user.Name, "LAST_NAME", c.user.LastName,
		"PERSONAL_GENDER", "", "TIME_ZONE", cmp.Or(c.user.TimeZone, c.p.config.TimeZone),
	), nil
}

func (c *call) userAdmin() (any, error) { return c.user.Admin, nil }

func (c *call) userCurrent() (any, error) { return c.p.userRow(c.user), nil }

// userRow is a user as user.get shows it: what the scope hides is not there
// (bitrix24-platform.md, 9.2).
func (p *Portal) userRow(u *User) *array {
	row := obj(
		"ID", text(u.ID), "ACTIVE", !u.Dismissed, "NAME", u.Name, "LAST_NAME", u.LastName, "SECOND_NAME", "",
		"IS_ONLINE", "Y", "TIMESTAMP_X", emptyObject{}, "LAST_ACTIVITY_DATE", emptyObject{},
		"WORK_POSITION", u.Position, "TIME_ZONE", cmp.Or(u.TimeZone, p.config.TimeZone), "UF_DEPARTMENT", list(1),
		"UF_PHONE_INNER", u.Extension, "USER_TYPE", "employee",
	)
	if p.userScope() != "user_brief" {
		row.set("EMAIL", u.Email)
		row.set("PERSONAL_PHONE", "")
		row.set("PERSONAL_MOBILE", u.Mobile)
		row.set("WORK_PHONE", u.WorkPhone)
	}
	return row
}

// userGet lists employees, the dismissed included, the system user never.
func (c *call) userGet() (any, error) {
	filter := c.anyCase("FILTER", "filter")
	if filter == nil {
		filter = c.params
	}
	var found []*User
	for _, u := range c.p.users {
		if !u.System && c.p.userMatches(u, filter) {
			found = append(found, u)
		}
	}
	c.sortUsers(found)
	wanted := c.anyCase("SELECT", "select")
	return paged(c, found, func(u *User) any { return selectKeys(c.p.userRow(u), wanted) }), nil
}

func (c *call) sortUsers(users []*User) {
	by := cmp.Or(c.text("sort"), c.text("SORT"), "ID")
	slices.SortStableFunc(users, func(a, b *User) int {
		if by == "ID" {
			return cmp.Compare(a.ID, b.ID)
		}
		return strings.Compare(param(c.p.userRow(a), by), param(c.p.userRow(b), by))
	})
	if strings.EqualFold(cmp.Or(c.text("order"), c.text("ORDER")), "DESC") {
		slices.Reverse(users)
	}
}

// userMatches applies the filter; keys that are no field of a user (start,
// sort, a typo) are not looked at.
func (p *Portal) userMatches(u *User, filter *array) bool {
	row := p.userRow(u)
	for _, key := range filter.keysOf() {
		op, name := splitOperator(key)
		value, known := row.get(strings.ToUpper(name))
		if !known {
			continue
		}
		if !matchText(op, userText(value), userTexts(filter.values[key])) {
			return false
		}
	}
	return true
}

// userText makes flags comparable: true, "true", 1 and "Y" are the same.
func userText(v any) string {
	switch s := text(v); s {
	case "true", "Y", "1":
		return "1"
	case "false", "N", "0", "":
		return ""
	default:
		return s
	}
}

func userTexts(v any) []string {
	a, isArray := v.(*array)
	if !isArray {
		return []string{userText(v)}
	}
	var all []string
	for _, item := range a.items() {
		all = append(all, userText(item))
	}
	return all
}

// selectKeys keeps the wanted keys of a row; * keeps all, UF_* those that
// begin so, unknown ones are ignored.
func selectKeys(row, wanted *array) *array {
	if wanted.len() == 0 {
		return row
	}
	kept := &array{}
	for _, k := range row.keys {
		if slices.ContainsFunc(wanted.items(), func(w any) bool { return maskMatches(text(w), k) }) {
			kept.set(k, row.values[k])
		}
	}
	return kept
}

func maskMatches(mask, name string) bool {
	prefix, isMask := strings.CutSuffix(mask, "*")
	if isMask {
		return strings.HasPrefix(name, prefix)
	}
	return mask == name
}
