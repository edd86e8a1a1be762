package b24sim

import (
	"cmp"
	"slices"
	"time"

	"callwise/app/crm"
)

// An activity is an Activity with what only REST shows.
type activity struct {
	Activity
	phone   string
	created time.Time
}

var activityMethods = map[string]method{
	"crm.activity.get":            {scope: "crm", run: (*call).activityGet},
	"crm.activity.list":           {scope: "crm", run: (*call).activityList},
	"crm.activity.todo.add":       {scope: "crm", run: (*call).todoAdd},
	"crm.activity.add":            {scope: "crm", run: (*call).activityAdd},
	"crm.activity.binding.add":    {scope: "crm", run: (*call).bindingAdd},
	"crm.activity.binding.list":   {scope: "crm", run: (*call).bindingList},
	"crm.activity.binding.delete": {scope: "crm", run: (*call).bindingDelete},
	"crm.activity.binding.move":   {scope: "crm", run: (*call).bindingMove},
	"crm.timeline.note.save":      {scope: "crm", run: (*call).noteSave},
	"crm.timeline.comment.add":    {scope: "crm", run: (*call).commentAdd},
}

func (s *store) activity(id int64) *activity {
	i := slices.IndexFunc(s.activities, func(a *activity) bool { return a.ID == id })
	if i < 0 {
		return nil
	}
	return s.activities[i]
}

// recordCall writes the activity of a finished call. Without anything to bind
// it to there is none, and a problem to report.
func (p *Portal) recordCall(k *phoneCall, s Statistic) (id int64, problem string) {
	bindings := slices.DeleteFunc(slices.Clone(k.bindings), func(ref crm.Ref) bool { return p.crm.find(ref) == nil })
	if len(bindings) == 0 {
		return 0, "Could not find associated crm entity for the call"
	}
	missed := k.isMissed(s.Status)
	if k.callType == callOutgoing && s.Status == "200" {
		p.closeMissed(k.phone)
	}
	a := p.addActivity(Activity{
		Owner: bindings[0], Bindings: bindings, Provider: "VOXIMPLANT_CALL", Kind: "CALL",
		Subject: k.title() + " " + p.nameOf(k), Direction: 1, Completed: !missed, Missed: missed,
		ResponsibleID: s.UserID, CallID: k.id, StartedAt: k.startedAt,
		EndedAt: k.startedAt.Add(time.Duration(s.Duration) * time.Second),
	}, k.phone)
	if k.callType == callOutgoing {
		a.Direction = 2
	}
	if k.callType == callCallback {
		a.Kind = "CALLBACK"
	}
	return a.ID, ""
}

func (p *Portal) nameOf(k *phoneCall) string {
	if r := p.crm.find(k.primary); r != nil && r.ref.Type != crm.TypeLead {
		return cmp.Or(r.title(), k.phone)
	}
	return k.phone
}

// closeMissed completes the missed calls of a number once it was reached.
func (p *Portal) closeMissed(phone string) {
	for _, a := range p.crm.activities {
		if a.Missed && a.phone == phone {
			a.Completed = true
		}
	}
}

func (p *Portal) addActivity(a Activity, phone string) *activity {
	a.ID = int64(len(p.crm.activities) + 1)
	added := &activity{Activity: a, phone: phone, created: p.now()}
	p.crm.activities = append(p.crm.activities, added)
	for _, ref := range a.Bindings {
		if r := p.crm.find(ref); r != nil {
			r.set("LAST_ACTIVITY_TIME", p.now())
		}
	}
	return added
}

// activityRow is an activity as crm.activity.get shows it.
func activityRow(a *activity) *array {
	typeID, status := 2, 1
	if a.Completed {
		status = 2
	}
	settings := obj()
	if a.Missed {
		settings.set("MISSED_CALL", true)
	}
	deadline := a.EndedAt
	if a.Provider == "CRM_TODO" {
		typeID, deadline = 6, a.Deadline
	}
	at := func(t time.Time) string { return t.Format(time.RFC3339) }
	return obj(
		"ID", text(a.ID), "OWNER_ID", text(a.Owner.ID), "OWNER_TYPE_ID", text(int64(a.Owner.Type)), "TYPE_ID", text(typeID),
		"PROVIDER_ID", a.Provider, "PROVIDER_TYPE_ID", a.Kind, "PROVIDER_GROUP_ID", nil, "ASSOCIATED_ENTITY_ID", "0",
		"SUBJECT", a.Subject, "CREATED", at(a.created), "LAST_UPDATED", at(a.created), "START_TIME", at(a.StartedAt),
		"END_TIME", at(a.EndedAt), "DEADLINE", at(deadline), "COMPLETED", flag(a.Completed), "STATUS", text(status),
		"RESPONSIBLE_ID", text(a.ResponsibleID), "PRIORITY", "2", "NOTIFY_TYPE", "0", "NOTIFY_VALUE", "0",
		"DESCRIPTION", a.Description, "DESCRIPTION_TYPE", "1", "DIRECTION", text(a.Direction), "LOCATION", "",
		"SETTINGS", settings, "ORIGINATOR_ID", orNull(a.OriginatorID), "ORIGIN_ID", orNull(a.OriginID),
		"AUTHOR_ID", text(a.ResponsibleID), "EDITOR_ID", text(a.ResponsibleID), "PROVIDER_PARAMS", obj(), "PROVIDER_DATA", nil,
		"RESULT_MARK", "0", "RESULT_VALUE", nil, "RESULT_STATUS", "0", "RESULT_STREAM", "0", "AUTOCOMPLETE_RULE", "0",
	)
}

func (c *call) activityGet() (any, error) {
	id, given := c.int("id")
	if !given {
		id, _ = c.int("ID")
	}
	a := c.p.crm.activity(id)
	if a == nil {
		return nil, refuse("", "Activity is not found")
	}
	return activityRow(a), nil
}

// activityList filters by BINDINGS, which finds what OWNER_ID does not.
func (c *call) activityList() (any, error) {
	filter := c.listParam("filter")
	var found []*activity
	for _, a := range c.p.crm.activities {
		if a.boundTo(filter) && rowMatches(activityRow(a), filter) {
			found = append(found, a)
		}
	}
	order := c.listParam("order")
	for _, key := range order.keysOf() {
		slices.SortStableFunc(found, func(a, b *activity) int {
			return compareTexts(param(activityRow(a), key), param(activityRow(b), key))
		})
		if param(order, key) == "DESC" {
			slices.Reverse(found)
		}
	}
	return paged(c, found, func(a *activity) any { return selectKeys(activityRow(a), c.listParam("select")) }), nil
}

func (a *activity) boundTo(filter *array) bool {
	v, given := filter.get("BINDINGS")
	wanted, isList := v.(*array)
	if !given || !isList {
		return true
	}
	return slices.ContainsFunc(wanted.items(), func(item any) bool {
		row, _ := item.(*array)
		return slices.Contains(a.Bindings, refOf(row, "OWNER_TYPE_ID", "OWNER_ID"))
	})
}

func refOf(row *array, typeName, idName string) crm.Ref {
	typ, _ := integer(param(row, typeName))
	id, _ := integer(param(row, idName))
	if typ < 1 || typ > 4 {
		return crm.Ref{}
	}
	return crm.Ref{Type: crm.EntityType(typ), ID: id}
}

// activityAdd is crm.activity.add for a call, the fallback of
// bitrix24-telephony-crm.md 9.3.
func (c *call) activityAdd() (any, error) {
	sent := c.anyCase("FIELDS", "fields")
	owner := refOf(sent, "OWNER_TYPE_ID", "OWNER_ID")
	communications, _ := sent.get("COMMUNICATIONS")
	rows, _ := communications.(*array)
	responsible, _ := integer(param(sent, "RESPONSIBLE_ID"))
	start, startErr := parseTime(param(sent, "START_TIME"))
	end, endErr := parseTime(param(sent, "END_TIME"))
	switch {
	case sent == nil:
		return nil, refuse("", "Parameter 'fields' must be array.")
	case c.p.crm.find(owner) == nil:
		return nil, refuse("", "The field OWNER_ID is not defined or invalid.")
	case param(sent, "TYPE_ID") != "2":
		return nil, refuse("", "The field TYPE_ID is not defined or invalid.")
	case param(sent, "SUBJECT") == "":
		return nil, refuse("", "The field SUBJECT is not defined or invalid.")
	case responsible == 0:
		return nil, refuse("", "The field RESPONSIBLE_ID is not defined or invalid.")
	case rows.len() != 1:
		return nil, refuse("", "The only one communication is allowed for activity of specified type.")
	case startErr != nil || endErr != nil:
		return nil, refuse("", "The field START_TIME or END_TIME is invalid.")
	}
	direction, _ := integer(param(sent, "DIRECTION"))
	first, _ := rows.items()[0].(*array)
	a := c.p.addActivity(Activity{
		Owner: owner, Bindings: []crm.Ref{owner}, Provider: "CRM_CALL", Kind: "CALL", Subject: param(sent, "SUBJECT"),
		Direction: int(direction), Completed: param(sent, "COMPLETED") == "Y", ResponsibleID: responsible,
		Description: param(sent, "DESCRIPTION"), OriginatorID: param(sent, "ORIGINATOR_ID"), OriginID: param(sent, "ORIGIN_ID"),
		StartedAt: start, EndedAt: end,
	}, param(first, "VALUE"))
	c.p.bindCommunication(a, first)
	return a.ID, nil
}

// bindCommunication binds an activity also to the client it was made with.
func (p *Portal) bindCommunication(a *activity, row *array) {
	client := refOf(row, "ENTITY_TYPE_ID", "ENTITY_ID")
	if p.crm.find(client) != nil && !slices.Contains(a.Bindings, client) {
		a.Bindings = append(a.Bindings, client)
	}
}
