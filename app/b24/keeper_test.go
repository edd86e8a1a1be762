package b24

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

const acme = "7c1e0b9a54d2463f8f10aa6be37d9c25"

var noon = time.Date(2026, 8, 22, 12, 0, 0, 0, time.UTC)

// memory is a Keeper for one portal.
type memory struct {
	mu       sync.Mutex
	portal   Portal
	tokens   []Token
	rejected []Code
	requests []Request
	renewals int
	renewing func()        // is told that a renewal has ended; may be nil
	broken   error         // what storing a pair fails with
	ahead    time.Duration // until a place in the bucket
	places   int           // that were taken and not given back
	noSpare  error         // what taking a spare place fails with
}

func (m *memory) Portal(context.Context, string) (Portal, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.portal, nil
}

func (m *memory) Access(ctx context.Context, memberID string, b Bucket, most time.Duration) (Access, error) {
	wait, err := m.TakePlace(ctx, memberID, b, most)
	m.mu.Lock()
	defer m.mu.Unlock()
	return Access{m.portal, slices.Clone(m.tokens), wait}, err
}

func (m *memory) Renew(ctx context.Context, _ string, userID int64, stale string, renew func(context.Context, Token) (Token, error)) (Token, error) {
	m.mu.Lock()
	i := slices.IndexFunc(m.tokens, func(t Token) bool { return t.UserID == userID })
	old := m.tokens[i]
	m.mu.Unlock()
	if old.AccessToken != stale {
		return old, nil
	}
	if m.renewing != nil {
		defer m.renewing()
	}
	fresh, err := renew(ctx, old)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.renewals++
	if err != nil || m.broken != nil {
		return Token{}, cmpOr(err, m.broken)
	}
	m.tokens[i] = fresh
	return fresh, nil
}

func (m *memory) TakePlace(_ context.Context, _ string, b Bucket, most time.Duration) (time.Duration, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if b == spare && m.noSpare != nil {
		return 0, m.noSpare
	}
	if b == lasting && m.ahead <= most {
		m.places++
	}
	return m.ahead, nil
}

// empty makes the next place one that has come.
func (m *memory) empty() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ahead = 0
}

func (m *memory) GiveBack(context.Context, string, Bucket) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.places--
	return nil
}

func (m *memory) Fill(context.Context, string, Bucket) error { return nil }

func cmpOr(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Reject(_ context.Context, _ string, dead Token, code Code) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rejected = append(m.rejected, code)
	m.tokens = slices.DeleteFunc(m.tokens, func(t Token) bool {
		return t.UserID == dead.UserID && t.AccessToken == dead.AccessToken
	})
	return nil
}

func (m *memory) Moved(_ context.Context, _, endpoint string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.portal.Endpoint = endpoint
	return nil
}

func (m *memory) Log(_ context.Context, _ string, entry Request) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests = append(m.requests, entry)
	return nil
}

// logged returns the log without what differs from run to run.
func (m *memory) logged() []Request {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.requests)
}

// clock is a clock that only sleeping moves.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.slept = append(c.slept, d)
	return ctx.Err()
}

// desk is a client, what it keeps, and the server it speaks with.
type desk struct {
	*Client
	app    *App
	keeper *memory
	clock  *clock
	server *httptest.Server
}

// serve makes a client of a portal that answers as handle does. The portal is
// its own authorization server.
func serve(t *testing.T, handle http.HandlerFunc) *desk {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	clock := &clock{now: noon}
	app := &App{
		ClientID: "app.1", ClientSecret: "hush", AuthHosts: []string{server.URL}, AllowLoopback: true,
		Now: clock.Now, Sleep: clock.Sleep,
	}
	keeper := &memory{
		portal: Portal{MemberID: acme, Endpoint: server.URL + "/rest/"},
		tokens: []Token{pair(1, "access-1", InstallerToken)},
	}
	return &desk{Client: app.Client(acme, keeper), app: app, keeper: keeper, clock: clock, server: server}
}

func pair(userID int64, access string, kind TokenKind) Token {
	return Token{
		Token:  oauth2.Token{AccessToken: access, RefreshToken: "refresh-of-" + access, Expiry: noon.Add(time.Hour)},
		UserID: userID, Kind: kind,
	}
}

// asked is a request as a portal sees it.
type asked struct {
	Method string
	Auth   string
	Params map[string]any
}

// script answers requests in turn, the last answer for ever; a number stands
// for the HTTP status.
type script struct {
	mu      sync.Mutex
	asked   []asked
	answers []string
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, readRequest(r))
	text := s.answers[min(len(s.asked), len(s.answers))-1]
	write(w, text)
}

func readRequest(r *http.Request) asked {
	body, _ := io.ReadAll(r.Body)
	var params map[string]any
	_ = json.Unmarshal(body, &params)
	auth, _ := params["auth"].(string)
	delete(params, "auth")
	return asked{Method: strings.TrimPrefix(r.URL.Path, "/rest/"), Auth: auth, Params: params}
}

// write sends "503 {…}" or "{…}", which is 200.
func write(w http.ResponseWriter, text string) {
	status := http.StatusOK
	if len(text) > 3 && text[3] == ' ' {
		status = int(text[0]-'0')*100 + int(text[1]-'0')*10 + int(text[2]-'0')
		text = text[4:]
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

func (s *script) methods() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var methods []string
	for _, a := range s.asked {
		methods = append(methods, a.Method)
	}
	return methods
}

func scripted(t *testing.T, answers ...string) (*desk, *script) {
	s := &script{answers: answers}
	return serve(t, s.ServeHTTP), s
}
