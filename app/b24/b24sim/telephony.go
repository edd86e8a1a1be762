package b24sim

import (
	"cmp"
	"strings"
	"time"

	"callwise/app/crm"
)

var telephonyMethods = map[string]method{
	"telephony.externalCall.register":          {scope: "telephony", app: true, run: (*call).register},
	"telephony.externalCall.finish":            {scope: "telephony", app: true, run: (*call).finish},
	"telephony.externalCall.show":              {scope: "telephony", run: (*call).show},
	"telephony.externalCall.hide":              {scope: "telephony", run: (*call).hide},
	"telephony.externalCall.attachRecord":      {scope: "telephony", run: (*call).attachRecord},
	"telephony.externalCall.searchCrmEntities": {scope: "telephony", run: (*call).searchCRM},
	"telephony.call.attachTranscription":       {scope: "telephony", run: (*call).attachTranscription},
	"telephony.externalLine.add":               {scope: "telephony", app: true, run: (*call).lineAdd},
	"telephony.externalLine.update":            {scope: "telephony", app: true, run: (*call).lineUpdate},
	"telephony.externalLine.get":               {scope: "telephony", app: true, run: (*call).lineGet},
	"telephony.externalLine.delete":            {scope: "telephony", app: true, run: (*call).lineDelete},
	"voximplant.statistic.get":                 {scope: "telephony", run: (*call).statisticGet},
}

func errorCore(text string) error { return refuse("ERROR_CORE", text) }

// sentUser is the active employee of USER_ID, which wins, or USER_PHONE_INNER.
func (c *call) sentUser() (*User, error) {
	id, byID := c.int("USER_ID")
	extension := c.text("USER_PHONE_INNER")
	switch {
	case (!byID || id == 0) && extension == "":
		return nil, errorCore("USER_ID or USER_PHONE_INNER should be set")
	case byID && id != 0:
		if u := c.p.user(id); u != nil && !u.Dismissed {
			return u, nil
		}
	default:
		if u := c.p.byExtension(extension); u != nil {
			return u, nil
		}
	}
	return nil, errorCore("User is not found or is not active")
}

// register is telephony.externalCall.register (bitrix24-telephony-crm.md, 1.2).
func (c *call) register() (any, error) {
	k, err := c.readCall()
	if err != nil {
		return nil, err
	}
	p := c.p
	k.id, k.serial = p.newCallID(), p.phone.serial
	p.announce(k, k.id)
	_, lineSent := c.params.get("LINE_NUMBER")
	if old := p.registered(k, lineSent); old != nil {
		return old.answer(), nil
	}
	p.knowLine(k.line)
	p.phone.calls[k.id] = k
	create, _ := c.int("CRM_CREATE")
	named := c.sentEntity()
	p.attach(k, named, create == 1 && p.lineAllows(k), c.text("CRM_SOURCE"))
	if named.Type == crm.TypeDeal {
		k.primary = named // undocumented: the type is not validated
	}
	p.raiseStart(k)
	if show, given := c.int("SHOW"); !given || show != 0 {
		p.showCard(k.id, k.userID)
	}
	return k.answer(), nil
}

// readCall checks the parameters of register.
func (c *call) readCall() (*phoneCall, error) {
	user, err := c.sentUser()
	if err != nil {
		return nil, err
	}
	callType, ok := c.int("TYPE")
	if !ok || callType < callOutgoing || callType > callInformation {
		return nil, errorCore("Unknown TYPE")
	}
	started := c.p.now()
	if sent := c.text("CALL_START_DATE"); sent != "" {
		started, err = parseTime(sent)
		if err != nil {
			return nil, errorCore("CALL_START_DATE should be in the ISO-8601 format")
		}
	}
	phone, ok := dialled(c.text("PHONE_NUMBER"))
	if !ok {
		return nil, errorCore("Unsupported phone number format")
	}
	line := strings.TrimSpace(c.text("LINE_NUMBER"))
	return &phoneCall{
		appID: AppID, callType: int(callType), userID: user.ID, phone: phone, line: line[:min(len(line), 50)],
		external: c.text("EXTERNAL_CALL_ID"), registeredAt: c.p.now(), startedAt: started.In(c.p.zone),
	}, nil
}

// sentEntity is CRM_ENTITY_TYPE with CRM_ENTITY_ID; one without the other is
// nothing. The type is not validated, as in Bitrix24.
func (c *call) sentEntity() crm.Ref {
	typ, known := crm.ParseCode(c.text("CRM_ENTITY_TYPE"))
	id, _ := c.int("CRM_ENTITY_ID")
	if !known || id <= 0 {
		return crm.Ref{}
	}
	return crm.Ref{Type: typ, ID: id}
}

// registered is the unfinished call that a repeated register means: the same
// number, type and user within 30 minutes, and the same line and external id
// where they were sent (bitrix24-telephony-crm.md, 1.2.1).
func (p *Portal) registered(k *phoneCall, lineSent bool) *phoneCall {
	for _, old := range p.unfinished() {
		same := old.appID == k.appID && old.phone == k.phone && old.callType == k.callType && old.userID == k.userID &&
			(!lineSent || old.line == k.line) && (k.external == "" || old.external == k.external)
		if same && p.now().Sub(old.registeredAt) < 30*time.Minute {
			return old
		}
	}
	return nil
}

// answer is the result of register.
func (k *phoneCall) answer() *array {
	a := obj("CALL_ID", k.id)
	k.tellCreated(a)
	a.set("CRM_ENTITY_TYPE", k.primary.Type.Code())
	a.set("CRM_ENTITY_ID", nil)
	if k.primary.ID != 0 {
		a.set("CRM_ENTITY_ID", k.primary.ID)
	}
	if k.creationError != "" {
		a.set("LEAD_CREATION_ERROR", k.creationError)
	}
	return a
}

// tellCreated adds CRM_CREATED_LEAD and CRM_CREATED_ENTITIES.
func (k *phoneCall) tellCreated(a *array) {
	a.set("CRM_CREATED_LEAD", nil)
	entities := list[any]()
	told := k.named
	if told == nil {
		told = k.created
	}
	for _, ref := range told {
		if ref.Type == crm.TypeLead {
			a.set("CRM_CREATED_LEAD", ref.ID)
		}
		entities.push(obj("ENTITY_TYPE", ref.Type.Code(), "ENTITY_ID", ref.ID))
	}
	a.set("CRM_CREATED_ENTITIES", entities)
}

// sentCall is the unfinished call of the application that CALL_ID names.
func (c *call) sentCall() *phoneCall {
	k := c.p.phone.calls[c.text("CALL_ID")]
	if k == nil || k.appID != AppID {
		return nil
	}
	return k
}

// finish is telephony.externalCall.finish (bitrix24-telephony-crm.md, 1.3).
func (c *call) finish() (any, error) {
	if v, given := c.params.get("CALL_ID"); given {
		if _, isText := v.(string); !isText {
			return nil, refuse("INVALID_ARGUMENT", "CALL_ID must be a string")
		}
	}
	_, byID := c.int("USER_ID")
	if !byID && c.text("USER_PHONE_INNER") == "" {
		return nil, errorCore("USER_ID or USER_PHONE_INNER should be set")
	}
	k := c.sentCall()
	if k == nil {
		return nil, errorCore("Call is not found (call should be registered prior to finishing)")
	}
	user, err := c.sentUser()
	if err != nil {
		return nil, err
	}
	duration, _ := c.int("DURATION")
	status := c.text("STATUS_CODE")
	if status == "" {
		status = defaultStatus(duration)
	}
	vote, _ := c.int("VOTE")
	row, problem := c.p.end(k, Statistic{
		UserID: user.ID, Duration: int(duration), Status: status, Reason: c.text("FAILED_REASON"), Vote: int(vote),
	})
	return c.p.finished(row, problem), nil
}

func defaultStatus(duration int64) string {
	if duration > 0 {
		return "200"
	}
	return "304"
}

// finished is the result of finish.
func (p *Portal) finished(s *Statistic, problem string) *array {
	a := obj(
		"CALL_ID", s.CallID, "EXTERNAL_CALL_ID", orNull(s.ExternalCallID), "PORTAL_USER_ID", s.UserID, "PHONE_NUMBER", s.Phone,
		"PORTAL_NUMBER", s.portalNumber(), "INCOMING", text(s.Type), "CALL_DURATION", s.Duration, "CALL_START_DATE", emptyObject{},
		"CALL_STATUS", min(s.Duration, 1), "CALL_VOTE", s.Vote, "COST", 0, "COST_CURRENCY", "",
		"CALL_FAILED_CODE", s.Status, "CALL_FAILED_REASON", s.Reason, "REST_APP_ID", text(s.AppID),
		"REST_APP_NAME", p.sim.config.Code, "CRM_ACTIVITY_ID", s.ActivityID, "COMMENT", nil,
	)
	if s.Entity.ID != 0 {
		a.set("CRM_ENTITY_TYPE", s.Entity.Type.Code())
		a.set("CRM_ENTITY_ID", s.Entity.ID)
	}
	a.set("ID", s.ID)
	if problem != "" {
		a.set("ERRORS", obj("ACTIVITY_CREATION", problem))
	}
	return a
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// show and hide answer false for a call that is unknown or finished.
func (c *call) show() (any, error) { return c.eachCard((*Portal).showCard), nil }

func (c *call) hide() (any, error) { return c.eachCard((*Portal).hideCard), nil }

func (c *call) eachCard(do func(p *Portal, callID string, userID int64)) bool {
	k := c.sentCall()
	if k == nil {
		return false
	}
	users := []int64{k.userID}
	if v, given := c.params.get("USER_ID"); given {
		users = idList(v)
	}
	for _, id := range users {
		do(c.p, k.id, id)
	}
	return true
}

// searchCRM is telephony.externalCall.searchCrmEntities: contacts, leads of
// any status, companies; never deals.
func (c *call) searchCRM() (any, error) {
	number := c.text("PHONE_NUMBER")
	if number == "" {
		return nil, errorCore("PHONE_NUMBER is empty")
	}
	rows := list[any]()
	for _, typ := range []crm.EntityType{crm.TypeContact, crm.TypeLead, crm.TypeCompany} {
		for _, r := range c.p.crm.carrying(typ, number) {
			rows.push(c.p.routed(r))
		}
	}
	return rows, nil
}

func (p *Portal) routed(r *record) *array {
	responsible := r.num("ASSIGNED_BY_ID")
	row := obj("CRM_ENTITY_TYPE", r.ref.Type.Code(), "CRM_ENTITY_ID", r.ref.ID, "ASSIGNED_BY_ID", responsible, "NAME", r.title())
	if u := p.user(responsible); u != nil {
		row.set("ASSIGNED_BY", obj(
			"ID", text(u.ID), "TIMEMAN_STATUS", cmp.Or(u.WorkDay, "OPENED"), "USER_PHONE_INNER", orNull(u.Extension),
			"WORK_PHONE", orNull(u.WorkPhone), "PERSONAL_PHONE", nil, "PERSONAL_MOBILE", orNull(u.Mobile),
		))
	}
	return row
}
