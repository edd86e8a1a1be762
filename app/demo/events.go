package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"callwise/app/call"

	"github.com/google/uuid"
)

// An event is what the telephone reports, as interface.md §4 has it.
type event struct {
	ID         string         `json:"id"`
	Type       call.EventType `json:"type"`
	Call       string         `json:"call"`
	At         time.Time      `json:"at"`
	Direction  call.Direction `json:"direction,omitempty"`
	Phone      string         `json:"phone,omitempty"`
	Line       string         `json:"line,omitempty"`
	Extensions []string       `json:"extensions,omitempty"`
	B24ID      string         `json:"bitrix24_call_id,omitempty"`
	Extension  string         `json:"extension,omitempty"`
	From       string         `json:"from,omitempty"`
	To         string         `json:"to,omitempty"`
	Status     call.Status    `json:"status,omitempty"`
	Duration   *int           `json:"duration,omitempty"`
	URL        string         `json:"url,omitempty"`
}

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

// tell reports events to the program; those without a time happen now. A key
// that is refused (somebody revoked it) is replaced once.
func (t *telephone) tell(ctx context.Context, events ...event) error {
	for i := range events {
		events[i].ID = uuid.NewString()
		if events[i].At.IsZero() {
			events[i].At = t.config.Now().UTC()
		}
	}
	status, err := t.post(ctx, events)
	if err == nil && status == http.StatusUnauthorized {
		if err := t.reconnect(ctx); err != nil {
			return err
		}
		status, err = t.post(ctx, events)
	}
	if err != nil || status != http.StatusAccepted {
		return errUnreported
	}
	return nil
}

func (t *telephone) post(ctx context.Context, events []event) (status int, err error) {
	body, err := json.Marshal(events)
	if err != nil {
		return 0, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.config.AppURL+"/pbx/v1/events", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+t.key())
	answer, err := t.client.Do(request)
	if err != nil {
		t.note(note{way: fromPhone, what: kinds(events), detail: "no answer"})
		return 0, err
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 300)) // shown only
	t.note(note{way: fromPhone, what: kinds(events), status: answer.StatusCode, detail: strings.TrimSpace(string(text))})
	return answer.StatusCode, nil
}

// kinds are the types of events that were reported together.
func kinds(events []event) string {
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
