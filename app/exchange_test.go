package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"callwise/app/b24/b24sim"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// started is the beginning of a call of the PBX.
func started(id, direction, phone string, more ...map[string]any) map[string]any {
	e := map[string]any{
		"id": id + "-started", "type": "call.started", "call": id, "at": time.Now().Format(time.RFC3339Nano),
		"direction": direction, "phone": phone, "line": "4930901820", "extensions": []string{"104"},
	}
	for _, m := range more {
		for name, value := range m {
			e[name] = value
		}
	}
	return e
}

// ended is its end.
func ended(id, status string, seconds int) map[string]any {
	return map[string]any{
		"id": id + "-ended", "type": "call.ended", "call": id, "at": time.Now().Format(time.RFC3339Nano),
		"status": status, "duration": seconds, "extension": "104",
	}
}

func answered(id, extension string) map[string]any {
	return map[string]any{
		"id": id + "-answered", "type": "call.answered", "call": id, "at": time.Now().Format(time.RFC3339Nano), "extension": extension,
	}
}

// An exchange is a PBX that takes commands and remembers them.
type exchange struct {
	url    string
	secret string

	mu       sync.Mutex
	tries    []string // ids of the commands that came, taken or not
	commands []map[string]any
	refuse   bool
	held     chan struct{} // until it is closed, commands wait; nil for none

	dial func(id string, command map[string]any) // does what is asked for; nil does nothing
}

func newExchange(t testing.TB) *exchange {
	t.Helper()
	x := &exchange{}
	server := httptest.NewServer(http.HandlerFunc(x.take))
	t.Cleanup(server.Close)
	x.url = server.URL + "/commands"
	return x
}

// take accepts a command that is signed with the secret of the settings page.
func (x *exchange) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, "unreadable", http.StatusBadRequest)
		return
	}
	if !x.waited(r) {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	hook, err := standardwebhooks.NewWebhook(x.secret)
	if err != nil || hook.Verify(body, r.Header) != nil {
		http.Error(w, "signature", http.StatusUnauthorized)
		return
	}
	if x.refuse {
		http.Error(w, "busy", http.StatusServiceUnavailable)
		return
	}
	var command map[string]any
	if err := json.Unmarshal(body, &command); err != nil {
		http.Error(w, "json", http.StatusBadRequest)
		return
	}
	x.commands = append(x.commands, command)
	if x.dial != nil {
		go x.dial(r.Header.Get(standardwebhooks.HeaderWebhookID), command)
	}
}

// waited keeps a command waiting while commands are held, and reports whether its
// sender has waited.
func (x *exchange) waited(r *http.Request) bool {
	x.mu.Lock()
	x.tries = append(x.tries, r.Header.Get(standardwebhooks.HeaderWebhookID))
	held := x.held
	x.mu.Unlock()
	if held == nil {
		return true
	}
	select {
	case <-held:
		return true
	case <-r.Context().Done():
		return false
	}
}

// hold has commands wait until release is called or the test ends.
func (x *exchange) hold(t testing.TB) (release func()) {
	t.Helper()
	held := make(chan struct{})
	x.mu.Lock()
	defer x.mu.Unlock()
	x.held = held
	release = sync.OnceFunc(func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.held = nil
		close(held)
	})
	t.Cleanup(release)
	return release
}

// tried are the ids of the commands that came, taken or not.
func (x *exchange) tried() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return append([]string(nil), x.tries...)
}

func (x *exchange) taken() []map[string]any {
	x.mu.Lock()
	defer x.mu.Unlock()
	return append([]map[string]any(nil), x.commands...)
}

// setSecret changes what the PBX checks commands with.
func (x *exchange) setSecret(secret string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.secret = secret
}

// setDial says what is done for each command that is taken.
func (x *exchange) setDial(dial func(id string, command map[string]any)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.dial = dial
}

// now is a time as a PBX writes it.
func now() string { return time.Now().Format(time.RFC3339Nano) }

// recording is the recording of a call of the PBX.
func recording(id, address string) map[string]any {
	return map[string]any{"id": id + "-recording", "type": "recording.ready", "call": id, "at": now(), "url": address}
}

// click clicks a number and waits until Callwise has heard of it: the PBX
// learns the id of the click only from Callwise.
func (r *rig) click(c b24sim.Click) string {
	r.t.Helper()
	id := r.portal.Click(c)
	r.deliver()
	return id
}
