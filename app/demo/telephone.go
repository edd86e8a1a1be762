package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/app/call"

	"github.com/google/uuid"
)

// hiddenNumber is what a PBX reports when callers withhold theirs.
const hiddenNumber = "anonymous"

// talked is how long a conversation of the demo is said to have lasted; nobody
// has to wait for it.
const talked = 65 * time.Second

// A state is how far a call is.
type state int

const (
	ringing state = iota
	talking
	over
)

// A phoneCall is a call as the telephone knows it.
type phoneCall struct {
	id         string
	direction  call.Direction
	phone      string
	line       string
	extensions []string // that ring
	order      string   // what made it: words for people
	state      state
	talker     string // the extension that talks or talked
	outcome    string // words for people, once it is over
	builtin    *b24sim.LiveCall
}

// A telephone is a small Cloud PBX: employees' phones, two lines, and a client
// of the program's PBX API.
type telephone struct {
	config Config
	portal *b24sim.Portal
	orders chan order

	connecting sync.Mutex // one connection is made at a time

	mu     sync.Mutex // guards what is below
	access Access
	calls  []*phoneCall // the newest last
	notes  []note
	taken  map[string]bool // ids of the commands accepted
	fresh  int             // how many new numbers have called
}

func newTelephone(c Config, p *b24sim.Portal) *telephone {
	return &telephone{
		config: c, portal: p,
		orders: make(chan order, 64), taken: map[string]bool{},
	}
}

// Refusals of what was clicked.
var (
	errNotInstalled = errors.New("install Callwise first: the telephone is connected to it")
	errNoNumber     = errors.New("enter a phone number")
	errNobody       = errors.New("choose who is rung")
	errOver         = errors.New("this call has moved on meanwhile")
)

// callsKept is how many calls the telephone still shows.
const callsKept = 12

// place begins a call and reports it.
func (t *telephone) place(ctx context.Context, c phoneCall) error {
	if err := t.connect(ctx); err != nil {
		return err
	}
	c.id = "demo-" + uuid.NewString()
	t.keep(&c)
	return t.tell(ctx, call.Event{
		Type: call.Started, CallID: c.id, Direction: c.direction, Phone: c.phone, Line: c.line,
		Extensions: c.extensions,
	})
}

func (t *telephone) keep(c *phoneCall) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls = append(t.calls, c)
	if n := len(t.calls) - callsKept; n > 0 && t.calls[0].state == over {
		t.calls = slices.Delete(t.calls, 0, 1)
	}
}

// nextNumber is a number that nobody has called from.
func (t *telephone) nextNumber() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fresh++
	return newNumber(t.fresh)
}

// move changes a call that is in the state from, and returns a copy of it.
func (t *telephone) move(id string, from state, change func(*phoneCall)) (phoneCall, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.IndexFunc(t.calls, func(c *phoneCall) bool { return c.id == id })
	if i < 0 || t.calls[i].state != from {
		return phoneCall{}, errOver
	}
	change(t.calls[i])
	return *t.calls[i], nil
}

// answer lets an extension, or the customer, take a call that rings.
func (t *telephone) answer(ctx context.Context, id, extension string) error {
	c, err := t.move(id, ringing, func(c *phoneCall) { c.state, c.talker = talking, extension })
	switch {
	case err != nil:
		return err
	case c.builtin != nil:
		c.builtin.Answer()
		return nil
	}
	return t.tell(ctx, call.Event{Type: call.Answered, CallID: id, Extension: extension})
}

// transfer passes a conversation on to another extension.
func (t *telephone) transfer(ctx context.Context, id, to string) error {
	from := ""
	_, err := t.move(id, talking, func(c *phoneCall) { from, c.talker = c.talker, to })
	if err != nil {
		return err
	}
	return t.tell(ctx, call.Event{Type: call.Transferred, CallID: id, From: from, To: to})
}

// hangUp ends a conversation.
func (t *telephone) hangUp(ctx context.Context, id string) error {
	seconds := int(talked / time.Second)
	c, err := t.move(id, talking, func(c *phoneCall) { c.state, c.outcome = over, "talked "+clock(talked) })
	switch {
	case err != nil:
		return err
	case c.builtin != nil:
		c.builtin.End("200", seconds)
		return nil
	}
	return t.tell(ctx, call.Event{Type: call.Ended, CallID: id, Status: call.StatusAnswered, Extension: c.talker, Duration: seconds})
}

// giveUp ends a call that nobody has taken.
func (t *telephone) giveUp(ctx context.Context, id string, status call.Status) error {
	c, err := t.move(id, ringing, func(c *phoneCall) { c.state, c.outcome = over, strings.ReplaceAll(string(status), "_", " ") })
	switch {
	case err != nil:
		return err
	case c.builtin != nil && c.direction == call.Incoming:
		c.builtin.End("304", 0)
		return nil
	case c.builtin != nil:
		c.builtin.End("603-S", 0)
		return nil
	}
	return t.tell(ctx, call.Event{Type: call.Ended, CallID: id, Status: status})
}

// builtin begins a call on a line that the portal rents from Bitrix24. The
// telephone only plays the customer; Bitrix24 reports the call itself.
func (t *telephone) builtin(c phoneCall, userID int64) {
	c.builtin = t.portal.StartCall(b24sim.BuiltinCall{
		Incoming: c.direction == call.Incoming, Phone: c.phone, Line: strings.TrimPrefix(secondLine, "+"), UserID: userID,
	})
	c.id, c.order = "demo-"+uuid.NewString(), "Bitrix24's own line"
	t.keep(&c)
}

func clock(d time.Duration) string {
	seconds := int(d / time.Second)
	return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
}
