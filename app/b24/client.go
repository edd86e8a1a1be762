package b24

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// A Client calls the REST methods of one portal in the background, with the
// pairs of tokens its [Keeper] has. It may be used by several goroutines.
type Client struct {
	app      *App
	memberID string
	keeper   Keeper
	portal   *portal
}

// Params are the parameters of a REST method: strings, numbers, bools, slices
// and nested Params. The names auth, access_token, auth_connector, start,
// state and token have a meaning of their own to Bitrix24.
type Params map[string]any

// Call calls a REST method and decodes its result into out, which may be nil.
// A call that is not [Repeatable] is sent again only when it did not run.
//
// https://apidocs.bitrix24.com/settings/how-to-call-rest-api/general-principles.html
func (c *Client) Call(ctx context.Context, method string, params Params, out any, opts ...Option) error {
	got, err := c.call(ctx, method, params, opts...)
	if err != nil {
		return err
	}
	return decode(method, got.Result, out)
}

func (c *Client) call(ctx context.Context, method string, params Params, opts ...Option) (*answer, error) {
	r := &request{
		name: method, path: method, methods: []string{method}, timeout: light,
		body:   func(token string) ([]byte, error) { return withAuth(params, token) },
		params: func() json.RawMessage { return masked(params) },
	}
	for _, option := range opts {
		option(r)
	}
	return c.send(ctx, r)
}

func invoke[T any](ctx context.Context, c *Client, method string, params Params, opts ...Option) (T, error) {
	var out T
	err := c.Call(ctx, method, params, &out, opts...)
	return out, err
}

func withAuth(params Params, token string) ([]byte, error) {
	whole := make(Params, len(params)+1)
	maps.Copy(whole, params)
	whole["auth"] = token
	return json.Marshal(whole)
}

// decode reads a result. A shape nobody expected is a failure of the answer:
// the call has run.
func decode(method string, result json.RawMessage, out any) error {
	if out == nil {
		return nil
	}
	if json.Unmarshal(result, out) != nil {
		return &Failure{Method: method, Status: http.StatusOK, Sent: true, Err: oddAnswer("result of an unexpected shape")}
	}
	return nil
}

// send tries the stored pairs of tokens in turn until one of them works.
func (c *Client) send(ctx context.Context, r *request) (*answer, error) {
	access, err := c.keeper.Access(ctx, c.memberID, lasting, longest)
	if err != nil {
		return nil, err
	}
	r.place = &access.Wait
	got, err := c.asAny(ctx, access, r)
	if left := c.leave(ctx, r); left != nil {
		err = errors.Join(err, left)
	}
	if err != nil && r.unsure && !Unsure(err) {
		err = perhapsRan{err}
	}
	return got, err
}

// asAny makes the call with the first of the pairs that works.
func (c *Client) asAny(ctx context.Context, access Access, r *request) (_ *answer, err error) {
	if r.endpoint, err = c.app.Endpoint(access.Portal.Endpoint); err != nil {
		return nil, err
	}
	var last, denied error
	for _, pair := range access.Pairs {
		if !r.mayUse(pair) {
			continue
		}
		got, err := c.as(ctx, pair, r)
		refusal, ok := errors.AsType[unusable](err)
		if !ok {
			return got, state(err)
		}
		if err := c.drop(ctx, refusal); err != nil {
			return nil, err
		}
		last = refusal.err
		if !refusal.dead && denies(last) {
			denied = last
		}
	}
	if denied == nil && r.admin && slices.ContainsFunc(access.Pairs, ofSystem) {
		denied = &Error{Method: r.name, Code: AccessDenied}
	}
	switch {
	case denied != nil: // the pair works for all else
		return nil, denied
	case last == nil:
		return nil, ErrNeedsAuth
	}
	return nil, fmt.Errorf("%w: %w", ErrNeedsAuth, last)
}

func ofSystem(pair Token) bool { return pair.Kind == SystemToken }

// drop tells the Keeper of a pair that is dead.
func (c *Client) drop(ctx context.Context, refusal unusable) error {
	if !refusal.dead {
		return nil
	}
	code, _ := errors.AsType[Code](refusal.err)
	return c.keeper.Reject(ctx, c.memberID, refusal.pair, code)
}

// as makes the call with one pair of tokens, renewed when it has expired.
func (c *Client) as(ctx context.Context, pair Token, r *request) (*answer, error) {
	var err error
	renewed := c.expired(pair)
	if renewed {
		if pair, err = c.renew(ctx, pair, r); err != nil {
			return nil, err
		}
	}
	got, err := c.deliver(ctx, pair.AccessToken, r)
	if stale(err) && !renewed {
		if pair, err = c.renew(ctx, pair, r); err != nil {
			return nil, err
		}
		got, err = c.deliver(ctx, pair.AccessToken, r)
	}
	switch {
	case errors.Is(err, AuthorizationError):
		return nil, unusable{err: err, pair: pair, dead: true}
	case notAs(err), r.admin && denies(err):
		return nil, unusable{err: err, pair: pair}
	case err == nil && r.proven && !ofSystem(pair) && ofNoAdmin(got):
		return nil, unusable{err: &Error{Method: r.name, Code: AccessDenied}, pair: pair, dead: true}
	}
	return got, err
}

// denies reports a refusal of rights: not of the portal's plan, which has the same
// code and is met by every pair.
func denies(err error) bool {
	return errors.Is(err, AccessDenied) && !errors.Is(state(err), ErrNoREST)
}

// notAs reports a refusal of the pair, which another pair may not meet. Whether the
// pair is dead its renewal tells, when that is due: a portal passes on what it was
// told itself.
func notAs(err error) bool {
	refusal, ok := errors.AsType[*Error](err)
	return ok && (refusal.aboutToken() || refusal.Code == UserAccessError || refusal.Code == ErrorOAuth)
}

// expired reports a pair that is not worth sending. By a clock that is ahead of the
// one that stored it, each pair has expired: one that was renewed here lately is sent
// all the same, and the portal decides.
func (c *Client) expired(pair Token) bool {
	now := c.app.now()
	past := !pair.Expiry.IsZero() && !now.Before(pair.Expiry)
	return pair.AccessToken == "" || past && !c.portal.renewedLately(pair.UserID, now)
}

// stale reports the two refusals that a renewal may mend. Other answers with
// status 401 must not cause one: the authorization server blocks applications
// that renew too much.
func stale(err error) bool {
	return errors.Is(err, ExpiredToken) || errors.Is(err, InvalidToken)
}

// unusable is the refusal of a pair of tokens; dead pairs never work again.
type unusable struct {
	err  error
	pair Token // as it was refused: renewed, perhaps
	dead bool
}

func (u unusable) Error() string { return u.err.Error() }

func (u unusable) Unwrap() error { return u.err }

// state joins a refusal that concerns the whole portal with its sentinel.
func state(err error) error {
	refusal, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	switch refusal.Code {
	case ApplicationNotFound, InvalidClient, WrongClient:
		return fmt.Errorf("%w: %w", ErrUninstalled, err)
	case PaymentRequired:
		return fmt.Errorf("%w: %w", ErrPaymentRequired, err)
	case PortalDeleted:
		return fmt.Errorf("%w: %w", ErrPortalDeleted, err)
	case OverloadLimit:
		return fmt.Errorf("%w: %w", ErrBlocked, err)
	case AccessDenied:
		// The refusal of a method has the same code; only the text differs.
		if refusal.Says("REST") && refusal.Says("plan") {
			return fmt.Errorf("%w: %w", ErrNoREST, err)
		}
	}
	if refusal.ofRenewal() && !Gone(err) {
		return fmt.Errorf("%w: %w", ErrRenewal, err)
	}
	return err
}

// ofRenewal reports the definite refusal of a renewal that says nothing about the
// pair. It must not be repeated for the same refresh token.
//
// https://apidocs.bitrix24.com/settings/oauth/auto-renewal.html
func (e *Error) ofRenewal() bool {
	_, passes := Retry(e)
	return e.Method == Renewal && !e.aboutToken() && !passes
}

// deliver sends a request until it is answered or repeating it could do harm. It begins
// no attempt that ctx would end if it took as long as the last one: the portal's failure
// would look like one of whoever set ctx's deadline.
func (c *Client) deliver(ctx context.Context, token string, r *request) (*answer, error) {
	for attempt := 0; ; attempt++ {
		began := c.app.now()
		got, err := c.once(ctx, token, r)
		r.unsure = r.unsure || Unsure(err)
		wait, again := r.again(err, attempt)
		if !again || !lasts(ctx, wait+c.app.now().Sub(began)) || c.app.sleep(ctx, jitter(wait)) != nil {
			return got, err
		}
	}
}

// lasts reports whether ctx has that long before its deadline.
func lasts(ctx context.Context, d time.Duration) bool {
	deadline, set := ctx.Deadline()
	return !set || time.Until(deadline) >= d
}

// once sends a request as soon as the portal's limits allow, and follows the
// portal to a new address.
func (c *Client) once(ctx context.Context, token string, r *request) (*answer, error) {
	if err := c.portal.admit(ctx, c, r); err != nil {
		return nil, err
	}
	body, err := r.body(token)
	if err != nil {
		return nil, err
	}
	got, err := c.exchange(ctx, r, r.endpoint, body)
	moved, ok := errors.AsType[redirect](err)
	if !ok {
		return got, err
	}
	endpoint, err := c.app.movedTo(moved, r)
	if err != nil {
		return nil, err
	}
	if got, err = c.exchange(ctx, r, endpoint, body); err != nil && !answered(err) {
		return nil, noRedirect(r.name, err)
	}
	r.endpoint = endpoint
	if kept := c.keeper.Moved(ctx, c.memberID, endpoint); kept != nil {
		// The call has run; the next one will be redirected again.
		slog.ErrorContext(ctx, "new address of a portal not stored", "error", kept)
	}
	return got, err
}

func answered(err error) bool {
	_, ok := errors.AsType[*Error](err)
	return ok
}

// exchange is one HTTP request, written to the REST log whatever comes of it.
func (c *Client) exchange(ctx context.Context, r *request, endpoint string, body []byte) (*answer, error) {
	defer c.app.waits(ctx)(false)
	ctx, span := tracer.Start(ctx, r.name, trace.WithSpanKind(trace.SpanKindClient))
	began := c.app.now()
	got, came, err := c.app.post(ctx, r.name, endpoint+r.path, r.timeout, body)
	c.portal.observe(r, got, err, c.app.now())
	entry := Request{At: began, Method: r.name, Status: came.status, Answer: maskedAnswer(came.text), Duration: c.app.now().Sub(began)}
	if got != nil {
		entry.Operating = float64(got.Time.Operating)
	}
	if got != nil && r.heard != nil {
		r.heard(got, &entry)
	}
	if refusal, ok := errors.AsType[*Error](err); ok {
		entry.Code = refusal.Code
	}
	if entry.Code == QueryLimitExceeded { // of the request, or of a command of a batch
		c.fill(ctx)
	}
	endSpan(span, entry, err)
	c.log(ctx, entry, r.params)
	return got, err
}
