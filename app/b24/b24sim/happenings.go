package b24sim

import (
	"cmp"
	"fmt"
	"strings"

	"callwise/app/crm"
)

// A Click is an employee's click on a phone number while the application is
// the number for outgoing calls.
type Click struct {
	UserID int64
	Phone  string
	Entity crm.Ref // the card it was clicked in; zero = the dial pad
	Line   string  // "" = the application was chosen without a line
	Mobile bool    // clicked in the mobile application
	// Extension is dialled once connected; CallListID is the call list that is
	// worked through, 0 for none.
	Extension  string
	CallListID int64
}

// Click registers the call as Bitrix24 does: an outgoing call is found, bound
// and, if the line allows it, created for; the card opens, INIT, START and
// ONEXTERNALCALLSTART are sent. A deal that was clicked is not in the event,
// its client is; only the activity shows the deal. Nothing happens, and the
// id is empty, before the installation is finished or for a number that
// cannot be dialled.
func (p *Portal) Click(click Click) (callID string) {
	defer p.lock()()
	phone, ok := dialled(click.Phone)
	if !ok || !p.app.installed {
		return ""
	}
	k := &phoneCall{
		id: p.newCallID(), serial: p.phone.serial, appID: AppID, callType: callOutgoing, userID: click.UserID, phone: phone, line: click.Line,
		registeredAt: p.now(), startedAt: p.now(),
	}
	p.phone.calls[k.id] = k
	p.announce(k, k.id)
	p.attach(k, click.Entity, p.lineAllows(k), "")
	p.raiseStart(k)
	p.showCard(k.id, k.userID)
	data := obj(
		"PHONE_NUMBER", click.Phone, "PHONE_NUMBER_INTERNATIONAL", phone, "EXTENSION", click.Extension, "USER_ID", click.UserID,
		"CALL_LIST_ID", click.CallListID, "LINE_NUMBER", click.Line, "IS_MOBILE", click.Mobile, "CALL_ID", k.id,
		"CRM_ENTITY_TYPE", k.primary.Type.Code(), "CRM_ENTITY_ID", nil,
	)
	if k.primary.ID != 0 {
		data.set("CRM_ENTITY_ID", k.primary.ID)
	}
	if len(k.created) > 0 {
		k.tellCreated(data)
	}
	p.raise(event{name: "ONEXTERNALCALLSTART", data: data, userID: click.UserID})
	return k.id
}

// A Callback is a callback form sent on the company's site.
type Callback struct {
	Phone  string
	Name   string
	Entity crm.Ref // what the form found; zero = it makes a lead (simple mode: a contact with a deal)
	Line   string
	Text   string // to be said to the employee
}

// OrderCallback takes a form: the CRM object is there before the event, which
// names it and is sent without a token. No call is registered. It returns the
// object.
func (p *Portal) OrderCallback(o Callback) crm.Ref {
	defer p.lock()()
	if o.Entity.ID == 0 {
		o.Entity = p.formResult(o)
	}
	p.raise(event{name: "ONEXTERNALCALLBACKSTART", data: obj(
		"PHONE_NUMBER", o.Phone, "TEXT", cmp.Or(o.Text, "A call back was requested on the site, connecting you"),
		"VOICE", "ruinternalfemale", "CRM_ENTITY_TYPE", o.Entity.Type.Code(), "CRM_ENTITY_ID", o.Entity.ID,
		"LINE_NUMBER", o.Line,
	)})
	return o.Entity
}

// formResult is what a form without a known client makes.
func (p *Portal) formResult(o Callback) crm.Ref {
	lead := p.crm.insert(crm.TypeLead, 0)
	p.stamp(lead, 0, p.now())
	lead.set("TITLE", "Callback form")
	lead.set("NAME", o.Name)
	lead.set("SOURCE_ID", "CALLBACK")
	p.addPhones(lead, []string{o.Phone})
	p.settle(lead)
	if p.config.Mode == crm.Classic {
		return lead.ref
	}
	contact, _ := p.convert(lead)
	return contact.ref
}

// A BuiltinCall is a call on a line of Bitrix24 itself, or of another
// telephony application.
type BuiltinCall struct {
	Incoming bool
	Phone    string // the client's
	Line     string // digits of a rented number, regN or sipN
	UserID   int64
	Create   bool  // whether the line creates CRM objects itself
	OtherApp int64 // REST_APP_ID of another application; 0 = Bitrix24's own line
}

// A LiveCall is a call that is going on without our application.
type LiveCall struct {
	ID string // CALL_ID

	portal *Portal
	call   *phoneCall
}

// StartCall begins such a call: INIT is sent and the CRM searched. START
// follows at once for an application's call, and with [LiveCall.Answer] for
// one of Bitrix24 itself.
func (p *Portal) StartCall(b BuiltinCall) *LiveCall {
	defer p.lock()()
	k := &phoneCall{
		id: p.newCallID(), serial: p.phone.serial, appID: b.OtherApp, callType: callOutgoing, userID: b.UserID, phone: b.Phone, line: b.Line,
		registeredAt: p.now(), startedAt: p.now(),
	}
	if b.Incoming {
		k.callType = callIncoming
	}
	if b.OtherApp == 0 {
		k.id = fmt.Sprintf("%s.%d.1004%d", strings.ToUpper(digest(16, "builtin", k.serial)), p.now().Unix(), k.serial)
		p.raise(event{name: "ONVOXIMPLANTCALLINIT", data: k.builtinInit()})
	} else {
		p.announce(k, k.id)
	}
	p.phone.calls[k.id] = k
	p.attach(k, crm.Ref{}, b.Create, "")
	if b.OtherApp != 0 {
		p.raiseStart(k)
	}
	return &LiveCall{ID: k.id, portal: p, call: k}
}

// builtinInit is INIT of a rented or SIP line: CALLER_ID is the client of an
// incoming call and the line of an outgoing one, PHONE_NUMBER the reverse.
func (k *phoneCall) builtinInit() *array {
	dialled, caller := k.phone, k.line
	if k.callType == callIncoming {
		dialled, caller = k.line, k.phone
	}
	return obj(
		"CALL_ID", k.id, "CALL_TYPE", k.callType, "ACCOUNT_SEARCH_ID", k.line, "PHONE_NUMBER", dialled, "CALLER_ID", caller,
	)
}

// Answer is the moment the conversation begins: START of a built-in call.
func (c *LiveCall) Answer() {
	defer c.portal.lock()()
	if c.call.appID == 0 {
		c.portal.raiseStart(c.call)
	}
}

// End finishes the call: the activity and the statistics row are there when
// END is sent. status is a code such as 200, 304 or 603-S.
func (c *LiveCall) End(status string, seconds int) Statistic {
	defer c.portal.lock()()
	row, _ := c.portal.end(c.call, Statistic{UserID: c.call.userID, Status: status, Duration: seconds})
	return *row
}
