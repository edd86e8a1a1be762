package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"callwise/app/call"
	"callwise/app/pbx/pbxsim"

	"github.com/google/uuid"
)

// A note is a request the telephone made or took.
type note struct {
	at     time.Time
	way    string
	what   string
	status int // of the answer; 0 = there was none
	detail string
}

const notesKept = 40

func (t *telephone) note(n note) {
	n.at = t.config.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.notes = append(t.notes, n)
	if len(t.notes) > notesKept {
		t.notes = slices.Delete(t.notes, 0, 1)
	}
}

// errUnreported says that the program did not take an event; the request and
// its answer are among the notes.
var errUnreported = errors.New("the telephone's report was not taken; see the last requests")

// tell reports events to the program; those without a time happen now.
func (t *telephone) tell(ctx context.Context, events ...call.Event) error {
	sent := make([]pbxsim.Event, len(events))
	for i, e := range events {
		if e.At.IsZero() {
			e.At = t.config.Now().UTC()
		}
		sent[i] = pbxsim.Event{ID: uuid.NewString(), Event: e}
	}
	return t.keyed(ctx, func() error {
		answer, err := t.client().Report(ctx, sent...)
		t.noteAnswer(kinds(sent), http.StatusAccepted, answer.String(), err)
		return err
	})
}

// keyed makes requests to the program; if the key is refused (somebody revoked
// it), once more with a new one. A request that fails is [errUnreported].
func (t *telephone) keyed(ctx context.Context, do func() error) error {
	err := do()
	if refused, ok := errors.AsType[*pbxsim.Refused](err); ok && refused.Status == http.StatusUnauthorized {
		if err := t.reconnect(ctx); err != nil {
			return err
		}
		err = do()
	}
	if err != nil {
		return errUnreported
	}
	return nil
}

func (t *telephone) client() pbxsim.Client {
	return pbxsim.Client{URL: t.config.AppURL, Key: t.key()}
}

// noteAnswer keeps a request to the program and its answer for the page.
func (t *telephone) noteAnswer(what string, status int, answer string, err error) {
	n := note{way: fromPhone, what: what, status: status, detail: answer}
	if err != nil {
		n.status, n.detail = 0, err.Error()
	}
	if refused, ok := errors.AsType[*pbxsim.Refused](err); ok {
		n.status = refused.Status
	}
	t.note(n)
}

// kinds are the types of events that were reported together.
func kinds(events []pbxsim.Event) string {
	types := make([]string, len(events))
	for i, e := range events {
		types[i] = string(e.Type)
	}
	return strings.Join(types, ", ")
}

func (t *telephone) key() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.access.Key
}

// connect gets the telephone its key and secret, once.
func (t *telephone) connect(ctx context.Context) error {
	if t.key() != "" {
		return nil
	}
	return t.reconnect(ctx)
}

func (t *telephone) reconnect(ctx context.Context) error {
	if !t.portal.Installed() {
		return errNotInstalled
	}
	t.connecting.Lock()
	defer t.connecting.Unlock()
	access, err := t.config.Access(ctx, t.portal.MemberID(), t.config.PortalURL+commandPath)
	if err != nil {
		return fmt.Errorf("the telephone was not connected: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.access = access
	return nil
}

// disconnect forgets the key: the program was removed from the portal.
func (t *telephone) disconnect() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.access = Access{}
}
