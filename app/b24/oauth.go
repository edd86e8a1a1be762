package b24

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"
)

// The names of requests to the authorization server, in errors and logs.
const (
	Renewal      = "oauth/token"
	verification = "app.info at the authorization server"
)

// Verify proves that an access token somebody posted belongs to our
// application and to the portal memberID, by asking the authorization server,
// and returns the portal with the address that server knows. It renews nothing.
// ErrForged means the token is not what it is said to be. After ErrUnproven
// [App.Refresh] can prove the same.
//
// https://apidocs.bitrix24.com/settings/oauth/simple-way.html
func (a *App) Verify(ctx context.Context, authHost, accessToken, memberID string) (Portal, error) {
	body, err := withAuth(nil, accessToken)
	if err != nil {
		return Portal{}, err
	}
	got, _, err := a.post(ctx, verification, a.AuthHost(authHost)+"/rest/app.info", 30*time.Second, body)
	if refusal, ok := errors.AsType[*Error](err); ok && refusal.aboutToken() {
		return Portal{}, fmt.Errorf("%w: %w", ErrForged, refusal)
	}
	if err != nil {
		return Portal{}, noRedirect(verification, state(err))
	}
	var proof verified
	if err := decode(verification, got.Result, &proof); err != nil {
		return Portal{}, err
	}
	if proof.ClientID == "" || proof.Install.MemberID == "" {
		return Portal{}, fmt.Errorf("%w: %w", ErrUnproven, &Failure{Method: verification, Sent: true, Err: oddAnswer("does not tell whose token it is")})
	}
	if string(proof.ClientID) != a.ClientID || string(proof.Install.MemberID) != memberID || memberID == "" {
		return Portal{}, ErrForged
	}
	endpoint, err := a.Endpoint(proof.address(a.AllowLoopback) + "/rest/")
	if err != nil {
		return Portal{}, err
	}
	return Portal{MemberID: memberID, Endpoint: endpoint}, nil
}

type verified struct {
	ClientID Text `json:"client_id"`
	Install  struct {
		MemberID Text `json:"member_id"`
		Domain   Text `json:"domain"`
		URI      Text `json:"uri"`
	} `json:"install"`
}

// address is where the authorization server says the portal is. A bare host
// speaks https, but for one of the machine itself where that is allowed.
func (v verified) address(loopback bool) string {
	if v.Install.URI != "" {
		return strings.TrimRight(string(v.Install.URI), "/")
	}
	scheme := "https://"
	host, _, err := net.SplitHostPort(string(v.Install.Domain))
	if err != nil {
		host = string(v.Install.Domain)
	}
	if ip := net.ParseIP(host); loopback && (host == "localhost" || ip != nil && ip.IsLoopback()) {
		scheme = "http://"
	}
	return scheme + string(v.Install.Domain)
}

// aboutToken reports a refusal that says the token is nobody's or too old.
func (e *Error) aboutToken() bool {
	switch e.Code {
	case InvalidToken, ExpiredToken, WrongToken, NoAuthFound, InvalidGrant, badVerificationCode, AuthorizationError:
		return true
	}
	return false
}

// Refresh exchanges a refresh token for a new pair; the old one is dead
// afterwards. What it returns comes from the authorization server and can be
// trusted. It is not to be called on a timer: the application may be blocked.
//
// https://apidocs.bitrix24.com/settings/oauth/auto-renewal.html
func (a *App) Refresh(ctx context.Context, authHost, refreshToken string) (Token, Portal, error) {
	token, portal, _, err := a.refresh(ctx, authHost, refreshToken)
	return token, portal, state(err)
}

func (a *App) refresh(ctx context.Context, authHost, refreshToken string) (Token, Portal, reply, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	host := a.AuthHost(authHost)
	query := url.Values{
		"grant_type": {"refresh_token"}, "client_id": {a.ClientID},
		"client_secret": {a.ClientSecret}, "refresh_token": {refreshToken},
	}
	// The documentation knows this request as a GET only.
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, host+"/oauth/token/?"+query.Encode(), nil)
	if err != nil {
		return Token{}, Portal{}, reply{}, ErrEndpoint
	}
	came, err := a.roundTrip(req, Renewal)
	if err != nil {
		return Token{}, Portal{}, came, noRedirect(Renewal, err)
	}
	token, portal, err := a.parseTokens(host, came)
	return token, portal, came, err
}

type tokenAnswer struct {
	Error        json.RawMessage `json:"error"`
	Detail       json.RawMessage `json:"error_description"`
	AccessToken  Text            `json:"access_token"`
	RefreshToken Text            `json:"refresh_token"`
	Expires      ID              `json:"expires"`
	ExpiresIn    ID              `json:"expires_in"`
	Endpoint     Text            `json:"client_endpoint"`
	MemberID     Text            `json:"member_id"`
	UserID       ID              `json:"user_id"`
	Status       Text            `json:"status"`
}

func (a *App) parseTokens(host string, came reply) (Token, Portal, error) {
	odd := &Failure{Method: Renewal, Status: came.status, Sent: true, Err: oddAnswer("answer without tokens")}
	var got tokenAnswer
	if json.Unmarshal(came.text, &got) != nil {
		return Token{}, Portal{}, odd
	}
	if got.Error != nil {
		return Token{}, Portal{}, a.refusedRenewal(came.status, got)
	}
	endpoint, err := a.Endpoint(string(got.Endpoint))
	if err != nil || got.AccessToken == "" || got.RefreshToken == "" || got.MemberID == "" {
		return Token{}, Portal{}, odd
	}
	token := Token{
		Token:  oauth2.Token{AccessToken: string(got.AccessToken), RefreshToken: string(got.RefreshToken), Expiry: a.expiry(got)},
		UserID: int64(got.UserID), AuthHost: host, Status: string(got.Status),
	}
	return token, Portal{MemberID: string(got.MemberID), Endpoint: endpoint}, nil
}

// refusedRenewal is the authorization server's no. It has no code of its own
// for a portal that does not exist, only the status.
func (a *App) refusedRenewal(status int, got tokenAnswer) error {
	refusal := refusalOf(Renewal, status, got.Error, got.Detail)
	if status == http.StatusNotFound {
		return fmt.Errorf("%w: %w", ErrUninstalled, refusal)
	}
	return refusal
}

// expiry is when a pair expires by our own clock, whatever the authorization
// server's says.
func (a *App) expiry(got tokenAnswer) time.Time {
	if got.ExpiresIn <= 0 && got.Expires > 0 {
		return time.Unix(int64(got.Expires), 0).UTC()
	}
	if got.ExpiresIn <= 0 {
		got.ExpiresIn = 3600
	}
	return a.now().Add(time.Duration(got.ExpiresIn) * time.Second).UTC()
}

// KeepAlive renews a pair that nothing has used for months: a refresh token works
// for 180 days, and a renewal within them is enough. One who renews each day or
// hour may be blocked. Only the authorization server is asked: it takes no place of
// the portal's. As in a request, a pair that is refused for good is told to the
// Keeper, and one that is not the stored one any more is left alone.
//
// https://apidocs.bitrix24.com/settings/oauth/auto-renewal.html
func (c *Client) KeepAlive(ctx context.Context, pair Token) error {
	_, err := c.renewShared(ctx, pair)
	refusal, ok := errors.AsType[unusable](err)
	if !ok {
		return state(err)
	}
	if err := c.drop(ctx, refusal); err != nil {
		return err
	}
	return refusal.err
}

// renew exchanges a pair that has expired. The place that a request has, it gives
// back: it may take another one when it can be sent.
func (c *Client) renew(ctx context.Context, pair Token, r *request) (Token, error) {
	if err := c.leave(ctx, r); err != nil {
		return Token{}, err
	}
	fresh, err := c.renewShared(ctx, pair)
	if ctx.Err() != nil {
		return Token{}, &Failure{Method: r.name, Err: ctx.Err()}
	}
	if err != nil {
		return Token{}, err
	}
	return fresh, c.follow(ctx, r)
}

// renewShared exchanges a pair. All callers that have the same pair share one
// renewal; it goes on if one of them gives up, because the old pair may be dead
// already.
func (c *Client) renewShared(ctx context.Context, pair Token) (Token, error) {
	key := fmt.Sprintf("%s %d %s", c.memberID, pair.UserID, pair.AccessToken)
	return c.await(ctx, c.app.share(key, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		return c.renewOnce(ctx, pair)
	}))
}

// share makes a renewal, or takes part in one of the same pair that is under way.
func (a *App) share(key string, renew func() (any, error)) <-chan singleflight.Result {
	shared := make(chan singleflight.Result, 1)
	over := a.renewing()
	go func() {
		defer over()
		fresh, err, _ := a.flights.Do(key, renew)
		shared <- singleflight.Result{Val: fresh, Err: err}
	}()
	return shared
}

// await waits for a renewal, or until ctx ends.
func (c *Client) await(ctx context.Context, shared <-chan singleflight.Result) (fresh Token, err error) {
	defer c.app.waits(ctx)(false)
	select {
	case <-ctx.Done():
		return Token{}, ctx.Err()
	case done := <-shared:
		fresh, _ = done.Val.(Token)
		return fresh, done.Err
	}
}

// renewOnce lets the Keeper store the new pair first: only then may anything
// else fail.
func (c *Client) renewOnce(ctx context.Context, pair Token) (Token, error) {
	var endpoint string
	fresh, err := c.keeper.Renew(ctx, c.memberID, pair.UserID, pair.AccessToken, func(ctx context.Context, old Token) (Token, error) {
		token, portal, err := c.exchangePair(ctx, old)
		endpoint = portal.Endpoint
		return token, err
	})
	if errors.Is(err, ErrPairGone) {
		return Token{}, unusable{err: &Error{Method: Renewal, Code: InvalidGrant}, pair: pair}
	}
	if err != nil || endpoint == "" {
		return fresh, err
	}
	return fresh, c.moved(ctx, endpoint)
}

// follow reads the portal's address again: a renewal may have brought a new one.
func (c *Client) follow(ctx context.Context, r *request) error {
	portal, err := c.keeper.Portal(ctx, c.memberID)
	if err != nil {
		return err
	}
	r.endpoint, err = c.app.Endpoint(portal.Endpoint)
	return err
}

// exchangePair asks the authorization server for a new pair.
func (c *Client) exchangePair(ctx context.Context, old Token) (Token, Portal, error) {
	if old.RefreshToken == "" {
		return Token{}, Portal{}, unusable{err: &Error{Method: Renewal, Code: InvalidGrant}, pair: old, dead: true}
	}
	ctx, span := tracer.Start(ctx, Renewal, trace.WithSpanKind(trace.SpanKindClient))
	began := c.app.now()
	fresh, portal, came, err := c.app.refresh(ctx, old.AuthHost, old.RefreshToken)
	entry := Request{At: began, Method: Renewal, Status: came.status, Answer: maskedAnswer(came.text), Duration: c.app.now().Sub(began)}
	refusal, refused := errors.AsType[*Error](err)
	if refused {
		entry.Code = refusal.Code
	}
	endSpan(span, entry, err)
	c.log(ctx, entry, func() json.RawMessage { return masked(Params{"grant_type": "refresh_token"}) })
	if refused && refusal.aboutToken() {
		return Token{}, Portal{}, unusable{err: refusal, pair: old, dead: true}
	}
	if err != nil {
		return Token{}, Portal{}, err
	}
	if portal.MemberID != c.memberID {
		return Token{}, Portal{}, fmt.Errorf("%w: renewed for another portal", ErrForged)
	}
	fresh.Kind, fresh.UserID = old.Kind, old.UserID
	c.portal.renews(old.UserID, began)
	return fresh, portal, nil
}

// aheadEvery is how often a process renews a user's pair that no portal has refused:
// a little less than an access token lives.
const aheadEvery = 50 * time.Minute

// renews takes down that this process has renewed a user's pair.
func (p *portal) renews(userID int64, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.renewals[userID] = now
}

// renewedLately reports a user whose pair this process has renewed within aheadEvery.
func (p *portal) renewedLately(userID int64, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, known := p.renewals[userID]
	return known && now.Sub(last) < aheadEvery
}

// moved records the portal's address if it changed.
func (c *Client) moved(ctx context.Context, endpoint string) error {
	known, err := c.keeper.Portal(ctx, c.memberID)
	if err != nil || known.Endpoint == endpoint {
		return err
	}
	return c.keeper.Moved(ctx, c.memberID, endpoint)
}

// A Profile is the user a token belongs to.
type Profile struct {
	UserID   int64
	Admin    bool // may manage the portal's settings
	Name     string
	TimeZone string // IANA name, may be empty
}

// Profile asks a portal whose access token it is. The endpoint must be proven:
// a hostile portal could answer anything. ErrForged means the portal does not
// know the token or its user is not active.
//
// https://apidocs.bitrix24.com/api-reference/common/users/profile.html
func (a *App) Profile(ctx context.Context, endpoint, accessToken string) (Profile, error) {
	endpoint, err := a.Endpoint(endpoint)
	if err != nil {
		return Profile{}, err
	}
	body, err := withAuth(nil, accessToken)
	if err != nil {
		return Profile{}, err
	}
	got, _, err := a.post(ctx, "profile", endpoint+"profile", 30*time.Second, body)
	if refusal, ok := errors.AsType[*Error](err); ok && refusal.aboutToken() {
		return Profile{}, fmt.Errorf("%w: %w", ErrForged, refusal)
	}
	if err != nil {
		return Profile{}, noRedirect("profile", state(err))
	}
	var user Map[json.RawMessage]
	if err := decode("profile", got.Result, &user); err != nil {
		return Profile{}, err
	}
	return profileOf(user)
}
