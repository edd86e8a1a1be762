// Package pbxsim plays a Cloud PBX: a client of Callwise's PBX API, and calls
// as a PBX reports them, to try a running Callwise with.
package pbxsim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"callwise/app/call"
)

// An Event is an event as it is sent (interface.md §4). The same ID is the same
// event: it may be sent again.
type Event struct {
	ID string `json:"id"`
	call.Event
}

// An Answer tells how many events were new, and how many had been there before.
type Answer struct {
	Accepted   int `json:"accepted"`
	Duplicates int `json:"duplicates"`
}

func (a Answer) String() string {
	return fmt.Sprintf("%d accepted, %d duplicates", a.Accepted, a.Duplicates)
}

// A Customer is what Callwise knows about a number.
type Customer struct {
	Known    bool   `json:"known"`
	Name     string `json:"name"`
	Entities []struct {
		Type  string `json:"type"`
		ID    int64  `json:"id"`
		Title string `json:"title"`
	} `json:"entities"`
	Responsible *struct {
		UserID    int64  `json:"user_id"`
		Extension string `json:"extension"`
		OnDuty    bool   `json:"on_duty"`
	} `json:"responsible"`
}

// A Client speaks to the PBX API of the Callwise at URL with a PBX key.
type Client struct {
	URL string
	Key string
}

const (
	eventsPath    = "/pbx/v1/events"
	customersPath = "/pbx/v1/customers"

	timeout   = 10 * time.Second // of one request
	maxAnswer = 256 << 10        // bytes
	tries     = 4
	firstWait = 200 * time.Millisecond // before the second try; then twice as long each time
	maxWait   = 5 * time.Second
)

// transport is that of all clients. Redirects are not followed: they would
// carry the customer's number elsewhere.
var transport = &http.Client{
	Timeout:       timeout,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Report sends events, all or none. What may pass (no answer, 429, 5xx) is
// tried again: an event that arrives twice has no further effect. A refusal is
// a *[Refused]; no error quotes a number or the key.
func (c Client) Report(ctx context.Context, events ...Event) (Answer, error) {
	body, err := json.Marshal(events)
	if err != nil {
		return Answer{}, err
	}
	var a Answer
	err = c.exchange(ctx, http.MethodPost, eventsPath, body, http.StatusAccepted, &a)
	return a, err
}

// Customer asks who has this number, and whom to ring. Its errors are those of
// [Client.Report].
func (c Client) Customer(ctx context.Context, phone string) (Customer, error) {
	var found Customer
	path := customersPath + "?" + url.Values{"phone": {phone}}.Encode()
	err := c.exchange(ctx, http.MethodGet, path, nil, http.StatusOK, &found)
	return found, err
}

// exchange makes a request until its answer is final.
func (c Client) exchange(ctx context.Context, method, path string, body []byte, want int, into any) error {
	wait := firstWait
	for try := 1; ; try++ {
		err := c.once(ctx, method, path, body, want, into)
		if try == tries || !Passing(err) {
			return err
		}
		if refused, ok := errors.AsType[*Refused](err); ok {
			wait = max(wait, refused.wait)
		}
		if err := pause(ctx, min(wait, maxWait)); err != nil {
			return err
		}
		wait *= 2
	}
}

func (c Client) once(ctx context.Context, method, path string, body []byte, want int, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, c.URL+path, bytes.NewReader(body))
	if err != nil {
		return errAddress // the error would quote it
	}
	request.Header.Set("Authorization", "Bearer "+c.Key)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err := transport.Do(request)
	if err != nil {
		return unanswered(ctx, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	switch {
	case err != nil:
		return unanswered(ctx, err)
	case answer.StatusCode != want:
		return c.refusal(answer, text)
	case len(text) > maxAnswer || json.Unmarshal(text, into) != nil:
		return errAnswer
	}
	return nil
}

var (
	errAddress = errors.New("the address of Callwise is malformed")
	errAnswer  = errors.New("the answer is not that of Callwise's PBX API")
)

// An unreachable is a request without an answer. The cause names the host at
// most: the number stands in the address that is left out.
type unreachable struct{ cause error }

func (u *unreachable) Error() string { return fmt.Sprintf("Callwise did not answer: %v", u.cause) }
func (u *unreachable) Unwrap() error { return u.cause }

func unanswered(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	return &unreachable{err}
}

// Passing reports whether it helps to try again after an error of a [Client].
func Passing(err error) bool {
	if refused, ok := errors.AsType[*Refused](err); ok {
		return refused.Status == http.StatusTooManyRequests || refused.Status >= 500
	}
	_, ok := errors.AsType[*unreachable](err)
	return ok
}

// waitOf is how long an answer asks to wait, if it says.
func waitOf(answer *http.Response) time.Duration {
	seconds, err := strconv.Atoi(answer.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(min(seconds, 3600)) * time.Second
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
