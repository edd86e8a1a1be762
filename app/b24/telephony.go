package b24

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"callwise/app/call"
	"callwise/app/crm"
)

// A StatusCode is how a call ended, in the words of Bitrix24.
//
// https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-call-finish.html
type StatusCode string

// Only Missed of an incoming call counts as a missed call in Bitrix24.
const (
	Succeeded     StatusCode = "200"
	Missed        StatusCode = "304"
	NoFunds       StatusCode = "402"
	Forbidden     StatusCode = "403"
	WrongNumber   StatusCode = "404"
	Blocked       StatusCode = "423"
	NoAnswer      StatusCode = "480"
	NoDirection   StatusCode = "484"
	Busy          StatusCode = "486"
	Unavailable   StatusCode = "503"
	Declined      StatusCode = "603"
	Cancelled     StatusCode = "603-S"
	UndefinedCode StatusCode = "OTHER"
)

// A CallStart is a call that begins.
type CallStart struct {
	ExternalID string // the PBX's name of the physical call; makes a retry safe
	UserID     int64  // employee who gets the card
	Phone      string // the client's number in international form
	Direction  call.Direction
	StartedAt  time.Time // zero means now
	Create     bool      // Bitrix24 may create a lead, or a deal with a contact
	Source     string    // STATUS_ID of the source of what Bitrix24 creates; may be empty
	Primary    *crm.Ref  // lead, contact or company of the call; nil lets Bitrix24 search by phone
	Show       bool      // open the card on the employee's screen
	Line       string    // external line; an unknown one is created silently
	NewLine    *Line     // the line, if it is to be added first; nil if the portal has it
}

// A StartedCall is the portal's answer to a [CallStart].
type StartedCall struct {
	At      time.Time // when the portal answered, by its own clock if it tells
	CallID  string    // the portal's name of the call
	Primary *crm.Ref  // object the call belongs to, nil when Bitrix24 found none
	Created []crm.Ref // what Bitrix24 created for the call
	// CreationError is the portal's text when it was to create something and
	// could not; the call is registered all the same. It may quote the number.
	CreationError string
}

// StartCall registers a call and returns the portal's name for it. Until the
// call is finished, and for 30 minutes, the same user, phone, line and
// ExternalID get the same answer, so a retry is safe. The call appears in the
// CRM only after [Client.FinishCall].
//
// https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-call-register.html
func (c *Client) StartCall(ctx context.Context, s CallStart) (StartedCall, error) {
	if s.NewLine != nil {
		return c.startOnNewLine(ctx, s)
	}
	opts := []Option{slow()} // sent again while it may still run, it could create twice
	if s.ExternalID != "" {
		opts = append(opts, Repeatable())
	}
	got, err := c.call(ctx, methodRegister, s.params(), opts...)
	if err != nil {
		return StartedCall{}, err
	}
	var answer startAnswer
	if err := decode(methodRegister, got.Result, &answer); err != nil {
		return StartedCall{}, err
	}
	return answer.started(got.Time.at(c.app.now()))
}

// startOnNewLine adds the line and registers the call in one request. A line
// that the portal has already, or does not want, does not keep the call from
// being registered.
func (c *Client) startOnNewLine(ctx context.Context, s CallStart) (StartedCall, error) {
	answers, err := c.Batch(ctx, Batch{Commands: []Command{
		{"line", methodAddLine, s.NewLine.params()}, {"call", methodRegister, s.params()},
	}})
	if err != nil {
		return StartedCall{}, err
	}
	var answer startAnswer
	if err := answers.Decode("call", &answer); err != nil {
		return StartedCall{}, err
	}
	return answer.started(answers.At)
}

const methodRegister = "telephony.externalCall.register"

func (s CallStart) params() Params {
	params := Params{
		"USER_ID":          s.UserID,
		"PHONE_NUMBER":     s.Phone,
		"TYPE":             callType(s.Direction),
		"CRM_CREATE":       oneOrZero(s.Create),
		"SHOW":             oneOrZero(s.Show),
		"ADD_TO_CHAT":      0, // nothing to the employee's chat: what is left out may mean yes
		"LINE_NUMBER":      s.Line,
		"EXTERNAL_CALL_ID": s.ExternalID,
	}
	if !s.StartedAt.IsZero() {
		params["CALL_START_DATE"] = s.StartedAt.Format(time.RFC3339)
	}
	if s.Source != "" {
		params["CRM_SOURCE"] = s.Source
	}
	if s.Primary != nil {
		params["CRM_ENTITY_TYPE"], params["CRM_ENTITY_ID"] = s.Primary.Type.Code(), s.Primary.ID
	}
	return params
}

type startAnswer struct {
	CallID        Text                `json:"CALL_ID"`
	CreatedLead   ID                  `json:"CRM_CREATED_LEAD"`
	Created       List[createdEntity] `json:"CRM_CREATED_ENTITIES"`
	EntityType    Text                `json:"CRM_ENTITY_TYPE"`
	EntityID      ID                  `json:"CRM_ENTITY_ID"`
	CreationError Text                `json:"LEAD_CREATION_ERROR"`
}

type createdEntity struct {
	Type Text `json:"ENTITY_TYPE"`
	ID   ID   `json:"ENTITY_ID"`
}

func (a startAnswer) started(at time.Time) (StartedCall, error) {
	if a.CallID == "" {
		return StartedCall{}, &Failure{Method: "telephony.externalCall.register", Sent: true, Err: oddAnswer("answer without CALL_ID")}
	}
	started := StartedCall{
		At:            at,
		CallID:        string(a.CallID),
		Primary:       refOf(string(a.EntityType), int64(a.EntityID)),
		CreationError: string(a.CreationError),
	}
	for _, e := range a.Created {
		started.add(refOf(string(e.Type), int64(e.ID)))
	}
	started.add(refOf("LEAD", int64(a.CreatedLead)))
	return started, nil
}

func (s *StartedCall) add(ref *crm.Ref) {
	if ref == nil {
		return
	}
	for _, known := range s.Created {
		if known == *ref {
			return
		}
	}
	s.Created = append(s.Created, *ref)
}

// refOf makes a reference of Bitrix24's type code and id, nil for none.
func refOf(code string, id int64) *crm.Ref {
	kind, ok := crm.ParseCode(strings.ToUpper(code))
	if !ok || id <= 0 {
		return nil
	}
	return &crm.Ref{Type: kind, ID: id}
}

// callType is the TYPE of a call: it is fixed when the call is registered.
func callType(d call.Direction) int {
	switch d {
	case call.Outgoing:
		return 1
	case call.Redirected:
		return 3
	case call.Callback:
		return 4
	case call.Info:
		return 5
	}
	return 2
}

func oneOrZero(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// ShowCard opens the call's card for users. It reports whether the call is
// still going on.
//
// https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-call-show.html
func (c *Client) ShowCard(ctx context.Context, callID string, users []int64) (bool, error) {
	return c.card(ctx, "telephony.externalCall.show", callID, users)
}

// HideCard closes the call's card for users; the end of the call closes it for
// everybody. It reports whether the call is still going on.
//
// https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-call-hide.html
func (c *Client) HideCard(ctx context.Context, callID string, users []int64) (bool, error) {
	return c.card(ctx, "telephony.externalCall.hide", callID, users)
}

func (c *Client) card(ctx context.Context, method, callID string, users []int64) (bool, error) {
	if len(users) == 0 {
		return true, nil
	}
	sent, err := invoke[YN](ctx, c, method, Params{"CALL_ID": callID, "USER_ID": users}, Repeatable())
	return bool(sent), err
}

// AttachRecord lets Bitrix24 fetch a recording from url and returns the id of
// the file. The call must be finished; a second record replaces the first, so it
// may be repeated. That is left to the caller, after a while: a portal that has not
// answered may be fetching the file still. filename ends in .mp3 or .wav.
//
// https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-call-attach-record.html
func (c *Client) AttachRecord(ctx context.Context, callID, filename, url string) (int64, error) {
	answer, err := invoke[attachedRecord](ctx, c, methodAttachRecord,
		Params{"CALL_ID": callID, "FILENAME": filename, "RECORD_URL": url}, slow())
	return int64(answer.FileID), err
}

// ownRefusals begin the texts by which a recording is refused whatever the address
// answers that it was to be fetched from (telephony contract, 1.5).
var ownRefusals = []string{
	"Required parameters are not set", "Call is not found", "File name is empty", "Wrong file extension", "File content is not properly encoded",
}

// Unfetched reports that a recording was refused because Bitrix24, which tries once,
// could not fetch it, and the HTTP status that the address answered, 0 without one:
// the connection may have broken. Nothing was attached.
func Unfetched(err error) (status int, ok bool) {
	refusal, is := errors.AsType[*Error](err)
	if !is || refusal.Method != methodAttachRecord || refusal.Code != ErrorCore || slices.ContainsFunc(ownRefusals, refusal.Says) {
		return 0, false
	}
	_, number, _ := strings.Cut(refusal.Detail, "HTTP error code ")
	status, _ = strconv.Atoi(strings.Trim(number, " ."))
	return status, true
}

// A Statistic is a finished call as the portal's statistics know it.
type Statistic struct {
	ID         int64
	CallID     string
	ActivityID int64    // call activity, 0 when there was nothing to attach it to
	Primary    *crm.Ref // object of the call, nil for none
	AppID      string   // application that registered the call, "" for Bitrix24's own lines
	UserID     int64
	Duration   int // seconds
}

// Statistic finds a finished call in the portal's statistics. It reports false
// for a call that is not finished or not known. The token's user needs the
// right to see call statistics.
//
// https://apidocs.bitrix24.com/api-reference/telephony/voximplant/voximplant-statistic-get.html
func (c *Client) Statistic(ctx context.Context, callID string) (Statistic, bool, error) {
	rows, err := invoke[List[statisticRow]](ctx, c, "voximplant.statistic.get",
		Params{"FILTER": Params{"CALL_ID": callID}, "SORT": "ID", "ORDER": "DESC"}, AsAdmin(), Repeatable())
	if err != nil {
		return Statistic{}, false, err
	}
	for _, row := range rows {
		if string(row.CallID) == callID {
			return row.statistic(), true, nil
		}
	}
	return Statistic{}, false, nil
}

type statisticRow struct {
	ID         ID   `json:"ID"`
	CallID     Text `json:"CALL_ID"`
	ActivityID ID   `json:"CRM_ACTIVITY_ID"`
	EntityType Text `json:"CRM_ENTITY_TYPE"`
	EntityID   ID   `json:"CRM_ENTITY_ID"`
	AppID      Text `json:"REST_APP_ID"`
	UserID     ID   `json:"PORTAL_USER_ID"`
	Duration   ID   `json:"CALL_DURATION"`
}

func (r statisticRow) statistic() Statistic {
	return Statistic{
		ID: int64(r.ID), CallID: string(r.CallID), ActivityID: int64(r.ActivityID),
		Primary: refOf(string(r.EntityType), int64(r.EntityID)), AppID: string(r.AppID),
		UserID: int64(r.UserID), Duration: int(r.Duration),
	}
}
