package b24sim

import (
	"time"

	"callwise/app/crm"
)

// todoAdd is crm.activity.todo.add (bitrix24-telephony-crm.md 9.3): a to-do in
// the timeline of one object.
func (c *call) todoAdd() (any, error) {
	owner, err := c.sentRef("ownerTypeId", "ownerId")
	if err != nil {
		return nil, err
	}
	sent := c.text("deadline")
	if sent == "" {
		return nil, missing("deadline")
	}
	deadline, err := c.p.parseDeadline(sent)
	if err != nil {
		return nil, refuse("WRONG_DATETIME_FORMAT", "Wrong datetime format")
	}
	if c.p.crm.find(owner) == nil {
		return nil, refuse("OWNER_NOT_FOUND", "Owner not found")
	}
	responsible, given := c.int("responsibleId")
	if !given {
		responsible = c.user.ID
	}
	a := c.p.addActivity(Activity{
		Owner: owner, Bindings: []crm.Ref{owner}, Provider: "CRM_TODO", Kind: "TODO", Subject: c.text("title"),
		Description: c.text("description"), ResponsibleID: responsible, Deadline: deadline, StartedAt: deadline, EndedAt: deadline,
	}, "")
	return obj("id", a.ID), nil
}

// parseDeadline reads a time with its zone, or without one as of the portal's.
func (p *Portal) parseDeadline(s string) (time.Time, error) {
	if t, err := parseTime(s); err == nil {
		return t, nil
	}
	return time.ParseInLocation("2006-01-02T15:04:05", s, p.zone)
}
