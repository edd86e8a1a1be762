package kamailio

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"callwise/app/call"
	"callwise/app/pbx/pbxsim"
)

// told is what callwise.cfg tells of a call.
type told struct {
	ID         string         `json:"id"`
	Type       string         `json:"type"` // started, ringing, answered or ended
	At         string         `json:"at"`   // seconds since 1970 with microseconds
	Call       string         `json:"call"`
	Direction  call.Direction `json:"direction"`
	Phone      string         `json:"phone"`
	Line       string         `json:"line"`
	Extensions string         `json:"extensions"` // with commas between
	Extension  string         `json:"extension"`  // who talks or talked
	Click      string         `json:"click"`      // Bitrix24's id of a call that began with a click
	Code       int            `json:"code"`       // of the last answer to the INVITE
	Seconds    int            `json:"seconds"`    // of talk
}

// kinds are the types of events by what Kamailio's script calls them.
var kinds = map[string]call.EventType{
	"started": call.Started, "ringing": call.Ringing, "answered": call.Answered, "ended": call.Ended,
}

var errTime = errors.New("its time is malformed")

// event translates. Everything that Callwise checks itself is left to it.
func (t told) event() (pbxsim.Event, error) {
	kind, known := kinds[t.Type]
	if !known {
		return pbxsim.Event{}, fmt.Errorf("its type is none of %d that are known", len(kinds))
	}
	since, err := time.ParseDuration(t.At + "s")
	if err != nil || since <= 0 {
		return pbxsim.Event{}, errTime
	}
	e := call.Event{Type: kind, CallID: t.Call, At: time.Unix(0, int64(since)).UTC()}
	switch kind {
	case call.Ringing:
		e.Extensions = split(t.Extensions)
	case call.Answered:
		e.Extension = t.Extension
	case call.Ended:
		e.Extension, e.Status = t.Extension, t.status()
		if t.answered() {
			e.Duration = t.Seconds
		}
	}
	if kind == call.Started || kind == call.Ended { // an end alone is enough
		e.Direction, e.Phone, e.Line, e.Extensions = t.Direction, t.Phone, t.Line, split(t.Extensions)
		e.B24ID = t.Click
	}
	return pbxsim.Event{ID: t.ID, Event: e}, nil
}

func split(extensions string) []string {
	return strings.FieldsFunc(extensions, func(r rune) bool { return r == ',' || r == ' ' })
}

func (t told) answered() bool { return t.Code >= 200 && t.Code < 300 }

// statuses tell why a call was not answered.
//
// https://www.rfc-editor.org/rfc/rfc3261#section-21
var statuses = map[int]call.Status{
	402: call.StatusNoFunds, 403: call.StatusBlocked, 404: call.StatusInvalidNumber, 410: call.StatusInvalidNumber,
	484: call.StatusInvalidNumber, 604: call.StatusInvalidNumber, 480: call.StatusUnavailable, 503: call.StatusUnavailable,
	408: call.StatusNoAnswer, 486: call.StatusBusy, 600: call.StatusBusy, 487: call.StatusCancelled, 603: call.StatusDeclined,
}

// status is how the call ended. A customer who gives up, or whom nobody
// answers, missed nothing: the company did.
func (t told) status() call.Status {
	if t.answered() {
		return call.StatusAnswered
	}
	status, known := statuses[t.Code]
	switch {
	case !known:
		return call.StatusFailed
	case t.Direction == call.Incoming && (status == call.StatusNoAnswer || status == call.StatusUnavailable || status == call.StatusCancelled):
		return call.StatusMissed
	}
	return status
}
