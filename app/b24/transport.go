package b24

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// maxAnswer is the largest answer that is read, in bytes.
const maxAnswer = 8 << 20

// An answer is what a portal says when it says yes.
type answer struct {
	Result json.RawMessage
	Next   *ID // start of the next page of a list
	Total  *ID // rows of a list; 0 also when it was not counted
	Time   timing
}

type timing struct {
	Finish    Dec `json:"finish"`             // unix seconds by the portal's clock
	Operating Dec `json:"operating"`          // seconds of the method's budget used up
	ResetAt   Dec `json:"operating_reset_at"` // unix seconds
}

// at is when the portal answered, by its own clock; now if it does not tell.
func (t timing) at(now time.Time) time.Time {
	if finish := float64(t.Finish); finish > 0 {
		return time.UnixMilli(int64(finish * 1000)).UTC()
	}
	return now
}

// A reply is an answer as it came, or what came of it before it broke off.
type reply struct {
	status int // HTTP; 0 without an answer
	text   []byte
}

// post sends a JSON body and reads the answer. Errors are an [*Error], a
// [*Failure] or a redirect.
func (a *App) post(ctx context.Context, method, address string, timeout time.Duration, body []byte) (*answer, reply, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, reply{}, ErrEndpoint
	}
	req.Header.Set("Content-Type", "application/json")
	came, err := a.roundTrip(req, method)
	if err != nil {
		return nil, came, err
	}
	got, err := parseAnswer(method, came)
	return got, came, err
}

// roundTrip sends a request and reads the whole answer.
func (a *App) roundTrip(req *http.Request, method string) (reply, error) {
	// A request that never got a connection cannot have run. (Dialling goes on
	// in a goroutine of its own, which may outlive the request.)
	var sent atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent.Store(true) }}
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), trace))
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "callwise/1")
	resp, err := a.client().Do(req)
	if err != nil {
		return reply{}, &Failure{Method: method, Sent: sent.Load(), Err: withoutURL(err)}
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		return reply{status: resp.StatusCode}, redirect{resp.Header.Get("Location")}
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return reply{status: resp.StatusCode}, &Failure{Method: method, Status: resp.StatusCode, Sent: true, Err: withoutURL(err)}
	}
	if len(text) > maxAnswer {
		return reply{status: resp.StatusCode}, &Failure{Method: method, Status: resp.StatusCode, Sent: true, Err: oddAnswer("answer too large")}
	}
	return reply{resp.StatusCode, text}, nil
}

// withoutURL drops the address from an error: that of a renewal holds the
// client secret.
func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// parseAnswer reads the envelope of an answer. The key error makes it a
// refusal, whatever its value and the HTTP status are.
//
// https://apidocs.bitrix24.com/error-codes.html
func parseAnswer(method string, came reply) (*answer, error) {
	odd := func(what oddAnswer) (*answer, error) {
		return nil, &Failure{Method: method, Status: came.status, Sent: true, Err: what}
	}
	var envelope map[string]json.RawMessage
	if json.Unmarshal(came.text, &envelope) != nil || envelope == nil {
		return odd("answer is not JSON")
	}
	if code, ok := envelope["error"]; ok {
		return nil, refusalOf(method, came.status, code, envelope["error_description"])
	}
	result, ok := envelope["result"]
	if !ok {
		return odd("answer without result")
	}
	got := &answer{Result: result}
	if json.Unmarshal(orNull(envelope["next"]), &got.Next) != nil || json.Unmarshal(orNull(envelope["total"]), &got.Total) != nil {
		return odd("answer with an unreadable page")
	}
	// The time is not always there, and nothing depends on it.
	_ = json.Unmarshal(orNull(envelope["time"]), &got.Time)
	if came.status >= 400 {
		return odd("result with an error status")
	}
	return got, nil
}

func orNull(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("null")
	}
	return raw
}

func refusalOf(method string, status int, code, detail json.RawMessage) *Error {
	e := &Error{Method: method, Status: status, Code: codeOf(code), Detail: scalar(detail)}
	var nested struct {
		Code    json.RawMessage `json:"code"`
		Message Text            `json:"message"`
	}
	if e.Code == "" && json.Unmarshal(orNull(code), &nested) == nil {
		e.Code = codeOf(nested.Code)
		e.Detail += string(nested.Message)
	}
	return e
}

// codeOf makes a code of any scalar. What is no word of a code, such as a
// sentence, stays readable for [Error.Says] but is cut short.
func codeOf(raw json.RawMessage) Code {
	text := strings.ToUpper(scalar(raw))
	if len(text) > 100 {
		text = text[:100]
	}
	return Code(strings.ToValidUTF8(text, ""))
}

// A redirect is the portal's hint to another address.
type redirect struct{ location string }

func (redirect) Error() string { return "redirected" }

// noRedirect makes a failure of a redirect that nobody follows.
func noRedirect(method string, err error) error {
	if _, ok := errors.AsType[redirect](err); ok {
		return &Failure{Method: method, Err: oddAnswer("redirected")}
	}
	return err
}

// movedTo returns the endpoint of a portal that was renamed: the old address
// answers with a redirect to the same method at the new one.
//
// https://apidocs.bitrix24.com/settings/how-to-call-rest-api/change-domen.html
func (a *App) movedTo(hint redirect, r *request) (string, error) {
	refused := &Failure{Method: r.name, Sent: false, Err: oddAnswer("redirected to an address that is no portal's")}
	old, err := url.Parse(r.endpoint + r.path)
	if err != nil {
		return "", refused
	}
	target, err := old.Parse(hint.location)
	if err != nil || hint.location == "" {
		return "", refused
	}
	before, _, found := strings.Cut(target.Path, "/rest/")
	if !found {
		return "", refused
	}
	endpoint, err := a.Endpoint((&url.URL{Scheme: target.Scheme, Host: target.Host, Path: before + "/rest/"}).String())
	if err != nil {
		return "", refused
	}
	return endpoint, nil
}
