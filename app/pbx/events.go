// Package pbx is the Cloud PBX on the wire: its events in, commands to it out,
// and the description of both for PBX developers (interface.md §4).
package pbx

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"callwise/app/call"

	"github.com/go-json-experiment/json/jsontext"
)

// An Event is one event as a PBX sends it. The ID is the PBX's own; an event
// with the same ID is the same event.
type Event struct {
	ID string
	call.Event
}

// ErrSyntax says that a body is not one JSON text, names something twice in an
// object, or is nested too deeply.
var ErrSyntax = errors.New("pbx: not valid JSON")

// Invalid says what in a body breaks the rules of interface.md §4, and where.
// It quotes nothing of the body.
type Invalid struct {
	Pointer string // JSON pointer (RFC 6901) to what is wrong; empty for the whole body
	Detail  string // a sentence without its subject: "must be …"
}

func (i *Invalid) Error() string {
	if i.Pointer == "" {
		return "pbx: body " + i.Detail
	}
	return "pbx: " + i.Pointer + " " + i.Detail
}

const (
	maxEvents = 100
	maxDepth  = 32
)

// ParseEvents reads one event or an array of up to 100, all or none. Times come
// back in UTC. Fields it does not know are ignored, null is like a missing
// field. The error is [ErrSyntax] or an *[Invalid].
func ParseEvents(body []byte) ([]Event, error) {
	r := readers.Get().(*reader)
	defer readers.Put(r)
	r.reset(body)
	events := r.events()
	switch {
	case r.err == nil:
		return events, nil
	case !wellFormed(body):
		return nil, ErrSyntax
	}
	return nil, r.err
}

// events reads a whole body.
func (r *reader) events() []Event {
	events := []Event{}
	switch r.PeekKind() {
	case '{':
		events = append(events, r.event())
	case '[':
		r.array(maxEvents, "events", func() { events = append(events, r.event()) })
	default:
		r.fail("must be an event or an array of events")
	}
	r.end()
	return events
}

// wellFormed reports whether body is exactly one JSON text of a bearable depth.
func wellFormed(body []byte) bool {
	d := jsontext.NewDecoder(bytes.NewBuffer(body))
	for begun := false; ; begun = true {
		_, err := d.ReadToken()
		if err == io.EOF {
			return begun
		}
		if err != nil || d.StackDepth() > maxDepth {
			return false
		}
		if d.StackDepth() == 0 {
			_, err := d.ReadToken()
			return err == io.EOF
		}
	}
}

// event reads one event and checks what its type requires.
func (r *reader) event() Event {
	var e Event
	r.object(func(name string) {
		if read, known := fields[name]; known {
			read(r, &e)
			return
		}
		r.ignore()
	}, func() { r.complete(e) })
	return e
}

// Lengths in characters, and other bounds.
const (
	maxID         = 128
	maxPhone      = 64
	maxLine       = 50 // of LINE_NUMBER in telephony.externalCall.register
	maxExtension  = 32
	maxExtensions = 100
	maxURL        = 2048
	maxMessages   = 2000
	maxText       = 10_000
)

// fields are the fields of an event and how each is read.
var fields = map[string]func(*reader, *Event){
	"id":               func(r *reader, e *Event) { e.ID = r.text(1, maxID) },
	"type":             func(r *reader, e *Event) { e.Type = word(r, types) },
	"call":             func(r *reader, e *Event) { e.CallID = r.text(1, maxID) },
	"at":               func(r *reader, e *Event) { e.At = r.time() },
	"direction":        func(r *reader, e *Event) { e.Direction = word(r, directions) },
	"phone":            func(r *reader, e *Event) { e.Phone = r.text(0, maxPhone) },
	"line":             func(r *reader, e *Event) { e.Line = r.text(0, maxLine) },
	"extensions":       func(r *reader, e *Event) { e.Extensions = r.extensions() },
	"bitrix24_call_id": func(r *reader, e *Event) { e.B24ID = r.text(0, maxID) },
	"extension":        func(r *reader, e *Event) { e.Extension = r.text(0, maxExtension) },
	"from":             func(r *reader, e *Event) { e.From = r.text(0, maxExtension) },
	"to":               func(r *reader, e *Event) { e.To = r.text(0, maxExtension) },
	"status":           func(r *reader, e *Event) { e.Status = word(r, statuses) },
	"duration":         func(r *reader, e *Event) { e.Duration = r.seconds() },
	"url":              func(r *reader, e *Event) { e.URL = r.url() },
	"messages":         func(r *reader, e *Event) { e.Messages = r.messages() },
}

var (
	types = []call.EventType{
		call.Started, call.Ringing, call.Answered, call.Transferred, call.Ended, call.RecordingReady, call.TranscriptReady,
	}
	directions = []call.Direction{call.Incoming, call.Outgoing, call.Redirected, call.Callback, call.Internal}
	statuses   = []call.Status{
		call.StatusAnswered, call.StatusMissed, call.StatusDeclined, call.StatusCancelled, call.StatusBusy, call.StatusNoAnswer,
		call.StatusInvalidNumber, call.StatusUnavailable, call.StatusNoFunds, call.StatusBlocked, call.StatusFailed,
	}
	sides = []call.Side{call.Client, call.User}
)

// Statuses are the words for the end of a call, in the order of the
// description.
func Statuses() []call.Status { return slices.Clone(statuses) }

// complete checks that e has what all events, and those of its type, must have.
func (r *reader) complete(e Event) {
	r.require(e.ID != "", "id")
	r.require(e.Type != "", "type")
	r.require(e.CallID != "", "call")
	r.require(!e.At.IsZero(), "at")
	switch e.Type {
	case call.Started:
		r.require(e.Direction != "", "direction")
	case call.Ringing:
		r.require(len(e.Extensions) > 0, "extensions")
	case call.Answered:
		r.require(e.Extension != "", "extension")
	case call.Transferred:
		r.require(e.To != "", "to")
	case call.Ended:
		r.require(e.Status != "", "status")
	case call.RecordingReady:
		r.require(e.URL != "", "url")
	case call.TranscriptReady:
		r.require(len(e.Messages) > 0, "messages")
	}
}

func (r *reader) extensions() []string {
	var all []string
	r.array(maxExtensions, "extensions", func() { all = append(all, r.text(1, maxExtension)) })
	return all
}

func (r *reader) messages() []call.Message {
	var all []call.Message
	r.array(maxMessages, "messages", func() { all = append(all, r.message()) })
	return all
}

func (r *reader) message() call.Message {
	var m call.Message
	r.object(func(name string) {
		switch name {
		case "side":
			m.Side = word(r, sides)
		case "start":
			m.Start = r.seconds()
		case "stop":
			m.Stop = r.seconds()
		case "text":
			m.Text = r.speech()
		default:
			r.ignore()
		}
	}, func() {
		r.require(m.Side != "", "side")
		r.require(m.Text != "", "text")
		if m.Stop < m.Start {
			r.failAt("stop", "must not be before start")
		}
	})
	return m
}
