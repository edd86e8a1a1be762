package b24sim

import (
	"net/url"
	"time"
)

const (
	accessTTL  = 3600 * time.Second
	refreshTTL = 180 * 24 * time.Hour
	codeTTL    = 30 * time.Second
)

// A token is a pair of one user of one installation.
type token struct {
	portal          *Portal
	userID          int64
	installation    int // the pair dies with it
	access, refresh string
	expires         time.Time // of the access token
	refreshUntil    time.Time
	codeUntil       time.Time // of an authorization code
}

// issue makes a fresh pair for a user.
func (p *Portal) issue(userID int64) *token {
	s := p.sim
	now := s.config.Now()
	t := &token{
		portal: p, userID: userID, installation: p.app.installation,
		access: s.unique(70, "access"), refresh: s.unique(70, "refresh"),
		expires: now.Add(accessTTL), refreshUntil: now.Add(refreshTTL),
	}
	s.tokens[t.access] = t
	s.refresh[t.refresh] = t
	return t
}

// tokenFor finds an access token. Anything else, a refresh token included, is
// an invalid token.
func (s *Sim) tokenFor(access string) (*token, error) {
	if access == "" {
		return nil, errNoAuth
	}
	t, ok := s.tokens[access]
	if !ok {
		return nil, errInvalidToken
	}
	return t, nil
}

// alive says why an access token does not work any more.
func (t *token) alive(now time.Time) error {
	p := t.portal
	user := p.user(t.userID)
	switch {
	case !p.app.known || t.installation != p.app.installation:
		return errNoApplication
	case user == nil || user.Dismissed:
		return errNoUser
	case p.app.unpaid:
		return errUnpaid
	case !now.Before(t.expires):
		return errExpiredToken
	}
	return nil
}

// tokenAnswer is GET /oauth/token/ (bitrix24-platform.md, 2.2 to 2.6).
func (s *Sim) tokenAnswer(x *exchange) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.grant(x.params)
	if err != nil {
		return refused(err)
	}
	x.userID = t.userID
	return answered(s.tokenBody(t))
}

func (s *Sim) grant(params *array) (*token, error) {
	if err := s.refusalFor("", "oauth/token"); err != nil {
		return nil, err
	}
	if param(params, "client_id") != s.config.ClientID || param(params, "client_secret") != s.config.ClientSecret {
		return nil, unauthorized("invalid_client", "Invalid client")
	}
	switch param(params, "grant_type") {
	case "refresh_token":
		return s.renew(s.refresh, param(params, "refresh_token"), func(t *token) time.Time { return t.refreshUntil })
	case "authorization_code":
		return s.renew(s.codes, param(params, "code"), func(t *token) time.Time { return t.codeUntil })
	}
	return nil, refuse("invalid_request", "Unknown grant type")
}

// renew trades a refresh token or a code, once, for a new pair.
func (s *Sim) renew(from map[string]*token, key string, until func(*token) time.Time) (*token, error) {
	invalid := refuse("invalid_grant", "Invalid grant")
	t, ok := from[key]
	if !ok {
		return nil, invalid
	}
	p := t.portal
	if !p.app.known {
		return nil, unauthorized("invalid_client", "Application is not installed")
	}
	if p.app.unpaid {
		return nil, errUnpaid
	}
	user := p.user(t.userID)
	if t.installation != p.app.installation || user == nil || user.Dismissed || s.config.Now().After(until(t)) {
		return nil, invalid
	}
	delete(from, key)
	return p.issue(t.userID), nil
}

func param(params *array, name string) string {
	v, _ := params.get(name)
	return text(v)
}

// tokenBody is a pair as the authorization server tells it: domain is its own
// host here, and scope is just "app".
func (s *Sim) tokenBody(t *token) *array {
	p := t.portal
	return obj(
		"access_token", t.access,
		"expires", t.expires.Unix(),
		"expires_in", int64(accessTTL.Seconds()),
		"scope", "app",
		"domain", hostOf(s.config.BaseURL),
		"server_endpoint", s.config.BaseURL+"/rest/",
		"status", p.config.Status,
		"client_endpoint", p.endpoint(),
		"member_id", p.config.MemberID,
		"user_id", t.userID,
		"refresh_token", t.refresh,
	)
}

// appInfoAnswer is app.info of the authorization server, which proves whose a
// token is (bitrix24-platform.md, 1.7).
func (s *Sim) appInfoAnswer(x *exchange) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.provable(x.auth)
	if err != nil {
		return refused(err)
	}
	x.userID = t.userID
	p := t.portal
	return answered(obj("result", obj(
		"client_id", s.config.ClientID,
		"scope", "app",
		"status", p.config.Status,
		"install", obj(
			"member_id", p.config.MemberID,
			"domain", hostOf(s.config.BaseURL),
			"uri", p.url(),
			"status", p.config.Status,
		),
	)))
}

func (s *Sim) provable(access string) (*token, error) {
	if err := s.refusalFor("", "oauth/app.info"); err != nil {
		return nil, err
	}
	t, err := s.tokenFor(access)
	if err != nil {
		return nil, err
	}
	return t, t.alive(s.config.Now())
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// Token issues a fresh pair for a user, as opening a page of the application
// does. The application must be on the portal ([Portal.StartInstall]).
func (p *Portal) Token(userID int64) (access, refresh string) {
	defer p.lock()()
	t := p.issue(userID)
	return t.access, t.refresh
}

// AuthorizationCode is a code for the authorization-code grant; it works once
// and for 30 seconds.
func (p *Portal) AuthorizationCode(userID int64) string {
	defer p.lock()()
	code := p.sim.unique(40, "code")
	p.sim.codes[code] = &token{
		portal: p, userID: userID, installation: p.app.installation,
		codeUntil: p.sim.config.Now().Add(codeTTL),
	}
	return code
}

// ExpireTokens makes every access token of the portal expired now. Refresh
// tokens go on working.
func (p *Portal) ExpireTokens() {
	defer p.lock()()
	now := p.sim.config.Now()
	for _, t := range p.sim.tokens {
		if t.portal == p && t.expires.After(now) {
			t.expires = now.Add(-time.Second) // clocks here tick by the second
		}
	}
}

// RevokeTokens kills every refresh token of a user and expires the access
// tokens, as after 180 idle days.
func (p *Portal) RevokeTokens(userID int64) {
	defer p.lock()()
	for key, t := range p.sim.refresh {
		if t.portal == p && t.userID == userID {
			delete(p.sim.refresh, key)
			t.expires = p.sim.config.Now().Add(-time.Second) // clocks here tick by the second
		}
	}
}

// Webhook is the base URL of an incoming webhook of a user, with a slash at
// the end: REST without an application.
func (p *Portal) Webhook(userID int64) string {
	defer p.lock()()
	return p.endpoint() + p.webhookKey(userID) + "/"
}

func (p *Portal) webhookKey(userID int64) string {
	return text(userID) + "/" + digest(16, "webhook", p.config.MemberID, userID)
}
