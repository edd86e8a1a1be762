package demo

import (
	"context"
	"encoding/json"
	"io"
	"net/http"

	"callwise/app/call"

	"github.com/google/uuid"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// An order is a command of the program: call.originate after a click on a
// number, callback.originate after a callback form (interface.md §4).
type order struct {
	Type      string `json:"type"`
	B24ID     string `json:"bitrix24_call_id"`
	CommandID string `json:"command_id"`
	Phone     string `json:"phone"`
	Extension string `json:"extension"`
	Line      string `json:"line"`
	Announce  string `json:"announce"`
}

// id is the same when a command is repeated.
func (o order) id() string { return o.B24ID + o.CommandID }

const maxCommand = 64 << 10

// receiveCommand takes a command, if its signature is the program's.
func (t *telephone) receiveCommand(w http.ResponseWriter, r *http.Request) {
	status, what, detail := t.accept(w, r)
	t.note(note{way: toPhone, what: what, status: status, detail: detail})
	w.WriteHeader(status)
}

func (t *telephone) accept(w http.ResponseWriter, r *http.Request) (status int, what, detail string) {
	const unknown = "command"
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCommand))
	if err != nil {
		return http.StatusRequestEntityTooLarge, unknown, "too long"
	}
	if !t.signed(r.Context(), body, r.Header) {
		return http.StatusUnauthorized, unknown, "signature is wrong"
	}
	var o order
	err = json.Unmarshal(body, &o)
	if err != nil || o.Type != originate && o.Type != callback || o.id() == "" {
		return http.StatusUnprocessableEntity, unknown, "not understood"
	}
	return t.queue(o), o.Type, "signature is good"
}

// The commands.
const (
	originate = "call.originate"
	callback  = "callback.originate"
)

// signed checks the signature. If it is wrong, the secret may have been
// replaced in the settings; the present one is asked for, once.
func (t *telephone) signed(ctx context.Context, body []byte, header http.Header) bool {
	if t.verify(body, header) {
		return true
	}
	return t.reconnect(ctx) == nil && t.verify(body, header)
}

func (t *telephone) verify(body []byte, header http.Header) bool {
	t.mu.Lock()
	secret := t.access.Secret
	t.mu.Unlock()
	if secret == "" {
		return false
	}
	webhook, err := standardwebhooks.NewWebhook(secret)
	return err == nil && webhook.Verify(body, header) == nil
}

// queue leaves a command for [Demo.Run]; a repeated one is accepted again and
// has no further effect.
func (t *telephone) queue(o order) (status int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.taken[o.id()] {
		return http.StatusAccepted
	}
	select {
	case t.orders <- o:
		t.taken[o.id()] = true
		return http.StatusAccepted
	default:
		return http.StatusServiceUnavailable
	}
}

// ring carries out a command: the employee's telephone rings.
func (t *telephone) ring(ctx context.Context, o order) {
	c := &phoneCall{
		id: "demo-" + uuid.NewString(), direction: call.Outgoing, phone: o.Phone, line: o.Line,
		extensions: []string{o.Extension}, order: "Clicked in Bitrix24",
	}
	if o.Type == callback {
		c.direction, c.order = call.Callback, "Callback form: “"+o.Announce+"”"
	}
	if o.Extension == "" {
		c.extensions = []string{t.portal.Users()[0].Extension}
	}
	t.keep(c)
	err := t.tell(ctx, call.Event{
		Type: call.Started, CallID: c.id, Direction: c.direction, Phone: c.phone, Line: c.line,
		Extensions: c.extensions, B24ID: o.B24ID,
	})
	if err != nil {
		t.config.Log.WarnContext(ctx, "demo telephone", "error", err)
	}
}
