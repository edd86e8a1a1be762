package b24sim

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"callwise/app/crm"
)

// Types of a call (TYPE of register, CALL_TYPE of the events).
const (
	callOutgoing    = 1
	callIncoming    = 2
	callRedirected  = 3
	callCallback    = 4
	callInformation = 5
)

// telephony is the telephony of one portal.
type telephony struct {
	calls       map[string]*phoneCall // not finished
	statistics  []*Statistic
	lines       []Line
	cards       []Card
	uploads     map[string]upload // by upload token
	files       map[int64][]byte  // recordings by FILE_ID
	lastFile    int64
	transcripts int64
	serial      int64 // of the call ids
}

func newTelephony() telephony {
	return telephony{calls: map[string]*phoneCall{}, uploads: map[string]upload{}, files: map[int64][]byte{}}
}

// A phoneCall is a call that is going on.
type phoneCall struct {
	id            string
	serial        int64
	appID         int64 // REST_APP_ID; 0 = a line of Bitrix24 itself
	callType      int
	userID        int64
	phone         string
	line          string
	external      string // EXTERNAL_CALL_ID
	registeredAt  time.Time
	startedAt     time.Time
	primary       crm.Ref
	bindings      []crm.Ref // of the activity to come, the owner first
	created       []crm.Ref // by Bitrix24, for this call
	named         []crm.Ref // in the place of created, to the application; nil for these
	creationError string
	noCRM         bool // an extension or an exception: the CRM is left out
}

// title is what the call is named in the CRM.
func (k *phoneCall) title() string {
	if k.callType == callOutgoing {
		return "Outgoing call"
	}
	if k.callType == callCallback {
		return "Callback"
	}
	return "Incoming call"
}

// isMissed reports what counts as a missed call: 304 and incoming, nothing else.
func (k *phoneCall) isMissed(status string) bool {
	return status == "304" && (k.callType == callIncoming || k.callType == callRedirected)
}

// newCallID is an id as the calls of telephony applications have it.
func (p *Portal) newCallID() string {
	p.phone.serial++
	return fmt.Sprintf("externalCall.%s.%d", digest(32, "call", p.config.MemberID, p.phone.serial), p.now().Unix())
}

// announce raises ONVOXIMPLANTCALLINIT as it looks for an application's call.
// All subscribers get it, the application itself included.
func (p *Portal) announce(k *phoneCall, callID string) {
	p.raise(event{name: "ONVOXIMPLANTCALLINIT", data: obj(
		"CALL_ID", callID, "CALL_TYPE", k.callType, "CALLER_ID", k.phone, "REST_APP_ID", k.appID,
	)})
}

func (p *Portal) raiseStart(k *phoneCall) {
	p.raise(event{name: "ONVOXIMPLANTCALLSTART", data: obj("CALL_ID", k.id, "USER_ID", k.userID)})
}

func (p *Portal) raiseEnd(s *Statistic) {
	data := obj(
		"CALL_ID", s.CallID, "CALL_TYPE", s.Type, "PHONE_NUMBER", s.Phone, "PORTAL_NUMBER", s.portalNumber(),
		"PORTAL_USER_ID", s.UserID, "CALL_DURATION", s.Duration, "CALL_START_DATE", s.StartedAt.Format(time.RFC3339),
		"COST", "0", "COST_CURRENCY", "", "CALL_FAILED_CODE", s.Status, "CALL_FAILED_REASON", s.Reason,
		"CRM_ACTIVITY_ID", nil,
	)
	if s.ActivityID != 0 {
		data.set("CRM_ACTIVITY_ID", s.ActivityID)
	}
	p.raise(event{name: "ONVOXIMPLANTCALLEND", data: data})
}

// end finishes a call: cards are hidden, the activity written, what was
// created for the call given to the employee, the statistics row added.
func (p *Portal) end(k *phoneCall, s Statistic) (*Statistic, string) {
	delete(p.phone.calls, k.id)
	p.phone.cards = slices.DeleteFunc(p.phone.cards, func(c Card) bool { return c.CallID == k.id })
	for _, ref := range k.created {
		if r := p.crm.find(ref); r != nil {
			r.set("ASSIGNED_BY_ID", s.UserID)
		}
	}
	if len(k.bindings) == 0 && !k.noCRM && !p.crm.isExcluded(k.phone) {
		m := p.search(k.phone)
		k.primary, k.bindings = m.primary(), m.bindings()
	}
	s.ID = int64(len(p.phone.statistics) + 1)
	s.CallID, s.ExternalCallID, s.Type, s.AppID = k.id, k.external, k.callType, k.appID
	s.Phone, s.Line, s.Entity, s.StartedAt = k.phone, k.line, k.primary, k.startedAt
	activityID, problem := p.recordCall(k, s)
	s.ActivityID = activityID
	row := &s
	p.phone.statistics = append(p.phone.statistics, row)
	p.raiseEnd(row)
	return row, problem
}

// A Card is a call card that an employee sees.
type Card struct {
	CallID string
	UserID int64
}

// Cards are the call cards shown now, in the order they were opened.
func (p *Portal) Cards() []Card {
	defer p.lock()()
	return slices.Clone(p.phone.cards)
}

func (p *Portal) showCard(callID string, userID int64) {
	card := Card{callID, userID}
	if p.user(userID) != nil && !slices.Contains(p.phone.cards, card) {
		p.phone.cards = append(p.phone.cards, card)
	}
}

func (p *Portal) hideCard(callID string, userID int64) {
	card := Card{callID, userID}
	p.phone.cards = slices.DeleteFunc(p.phone.cards, func(c Card) bool { return c == card })
}

// Unfinished are the ids of the calls that were registered and not finished,
// the oldest first.
func (p *Portal) Unfinished() []string {
	defer p.lock()()
	var ids []string
	for _, k := range p.unfinished() {
		ids = append(ids, k.id)
	}
	return ids
}

func (p *Portal) unfinished() []*phoneCall {
	return slices.SortedFunc(maps.Values(p.phone.calls), func(a, b *phoneCall) int { return int(a.serial - b.serial) })
}
