// Package b24 speaks with Bitrix24: its REST API, its authorization server,
// the events it posts and the frames it opens. It decides nothing about calls
// and stores nothing; what must not be lost it hands to a [Keeper].
//
// Facts about the platform are taken from https://apidocs.bitrix24.com.
package b24

import (
	"cmp"
	"context"
	"crypto/tls"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"callwise/app/reach"

	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"
)

// The hosts that give and renew tokens. Nothing else is ever sent the client
// secret.
//
// https://apidocs.bitrix24.com/settings/oauth/index.html
const (
	WorldAuthHost  = "https://oauth.bitrix.info"
	RussiaAuthHost = "https://oauth.bitrix24.tech"
)

// An App is our application as Bitrix24 knows it. It holds what all clients of
// one portal share in this process: rate, pauses and renewals under way. Make
// one and keep it; it must not be copied after first use.
type App struct {
	ClientID, ClientSecret string
	// AuthHosts are the origins of authorization servers that may be trusted
	// with the client secret; the first is the default. Empty means the two
	// hosts of Bitrix24.
	AuthHosts []string
	// AllowLoopback accepts portals and authorization servers at http://
	// loopback addresses, for development and tests.
	AllowLoopback bool
	// HTTP sends the requests; nil means a client with our limits. Its way
	// with redirects is not used.
	HTTP *http.Client
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Waits, if set, is told by whoever makes a request that it begins to wait: for
	// its turn, an answer or a renewal. What it returns is called when that is over, and
	// may have it wait for a moment more unless something is due, as a request is whose
	// turn has come.
	Waits func(ctx context.Context) (over func(due bool))
	// Sleep waits, or returns the context's error; nil means a timer.
	Sleep func(ctx context.Context, d time.Duration) error

	once     sync.Once
	http     *http.Client
	flights  singleflight.Group
	mu       sync.Mutex
	portals  map[string]*portal
	renewals int           // under way, and those who wait for one
	settled  chan struct{} // closed when none is left; nil while there is none
}

// TokenKind says whose pair of tokens it is.
type TokenKind string

// A background call prefers the installer's pair, then the system user's, then
// any administrator's.
const (
	InstallerToken TokenKind = "installer"
	SystemToken    TokenKind = "system"
	AdminToken     TokenKind = "admin"
)

// A Token is a pair of tokens of one user of a portal. A renewal replaces both.
// The embedded token's AccessToken, RefreshToken and Expiry are used.
type Token struct {
	oauth2.Token
	UserID   int64
	Kind     TokenKind
	AuthHost string // origin of the authorization server that renews it
	Status   string // the application's status letter, as the authorization server told; may be empty
}

// A Portal is one company's Bitrix24. MemberID stays when its address changes.
type Portal struct {
	MemberID string
	Endpoint string // base of REST addresses, ends in /rest/
}

// Access is what a request to a portal needs.
type Access struct {
	Portal Portal
	Pairs  []Token       // those that are alive, the preferred first
	Wait   time.Duration // until the place that was taken for the request; longer than asked for if none was
}

// A Keeper keeps what a client must not lose. Errors of a Keeper end the call
// and come through as they are.
type Keeper interface {
	Portal(ctx context.Context, memberID string) (Portal, error)
	// Access returns what a request needs, and takes the next place in a bucket for
	// it as TakePlace does. It is asked once before each request. With an error a
	// place may have been taken, which then passes unused.
	Access(ctx context.Context, memberID string, b Bucket, most time.Duration) (Access, error)
	// Renew lets renew exchange the pair of a user and stores the new one
	// before it returns it; one process at a time. When the stored pair is no
	// longer the one with the access token stale, it returns the stored pair
	// and does not call renew. [ErrPairGone] means that there is none any more.
	Renew(ctx context.Context, memberID string, userID int64, stale string, renew func(context.Context, Token) (Token, error)) (Token, error)
	// Reject records that a pair is dead, and of what. When the stored pair of
	// its user is no longer the one with its access token, it changes nothing.
	Reject(ctx context.Context, memberID string, dead Token, code Code) error
	// Moved records the portal's new endpoint.
	Moved(ctx context.Context, memberID, endpoint string) error
	// TakePlace takes the next place in a bucket of the portal that all
	// processes share, and returns how long it is until then; it does not take
	// one that comes later than most, and returns more than that. GiveBack
	// returns a place that is not used, and Fill takes all that are free.
	TakePlace(ctx context.Context, memberID string, b Bucket, most time.Duration) (time.Duration, error)
	GiveBack(ctx context.Context, memberID string, b Bucket) error
	Fill(ctx context.Context, memberID string, b Bucket) error
	// Log records one request.
	Log(ctx context.Context, memberID string, entry Request) error
}

// Client returns a client of one portal. It costs nothing: what has to be
// shared lives in a.
func (a *App) Client(memberID string, k Keeper) *Client {
	return &Client{app: a, memberID: memberID, keeper: k, portal: a.portal(memberID)}
}

// Wait waits until no renewal of a client is under way, or returns the context's
// error. A renewal outlasts the call that it was begun for, and its new pair is all
// that the portal still accepts: a program that ends waits for it.
func (a *App) Wait(ctx context.Context) error {
	for {
		a.mu.Lock()
		settled := a.settled
		a.mu.Unlock()
		if settled == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-settled:
		}
	}
}

// renewing has [App.Wait] wait until what is returned is called.
func (a *App) renewing() (over func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.renewals++
	if a.settled == nil {
		a.settled = make(chan struct{})
	}
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.renewals--
		if a.renewals == 0 {
			close(a.settled)
			a.settled = nil
		}
	}
}

// AuthHost returns the origin of the authorization server that a portal names
// in server_endpoint, if it is one we trust, and the default one otherwise. The
// name comes from a request that anybody can send.
func (a *App) AuthHost(serverEndpoint string) string {
	hosts := a.authHosts()
	given, err := url.Parse(serverEndpoint)
	if err != nil {
		return hosts[0]
	}
	origin := strings.ToLower(given.Scheme + "://" + given.Host)
	for _, host := range hosts {
		if strings.EqualFold(strings.TrimRight(host, "/"), origin) {
			return strings.TrimRight(host, "/")
		}
	}
	return strings.TrimRight(hosts[0], "/")
}

func (a *App) authHosts() []string {
	if len(a.AuthHosts) == 0 {
		return []string{WorldAuthHost, RussiaAuthHost}
	}
	return a.AuthHosts
}

// Endpoint checks the address of a portal's REST API and returns it with a
// slash at its end: https, or http at a loopback address where that is allowed.
func (a *App) Endpoint(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", ErrEndpoint
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	if !strings.HasSuffix(u.Path, "/rest/") || !a.safe(u) {
		return "", ErrEndpoint
	}
	return u.Scheme + "://" + strings.ToLower(u.Host) + u.EscapedPath(), nil
}

// safe reports whether secrets may travel to u.
func (a *App) safe(u *url.URL) bool {
	if u.Scheme == "https" {
		return true
	}
	if u.Scheme != "http" || !a.AllowLoopback {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

func (a *App) client() *http.Client {
	a.once.Do(func() {
		a.http = a.HTTP
		if a.http == nil {
			a.http = &http.Client{Transport: transport(a.AllowLoopback, http.ProxyFromEnvironment)}
		}
		own := *a.http
		own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		a.http = &own
	})
	return a.http
}

// transport reaches what a portal may be at, and the operator's proxy: it is
// the one who says then what is reached.
func transport(allowLoopback bool, proxyOf func(*http.Request) (*url.URL, error)) *http.Transport {
	var proxies sync.Map // by address
	direct := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	guarded := *direct
	guarded.Control = reach.Portals(allowLoopback)
	return &http.Transport{
		Proxy: func(r *http.Request) (*url.URL, error) {
			proxy, err := proxyOf(r)
			if proxy != nil {
				proxies.Store(proxyAddress(proxy), true)
			}
			return proxy, err
		},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if _, is := proxies.Load(address); is {
				return direct.DialContext(ctx, network, address)
			}
			return guarded.DialContext(ctx, network, address)
		},
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   5 * time.Second,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          200,
		MaxIdleConnsPerHost:   4,
		IdleConnTimeout:       90 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
}

// proxyAddress is what is dialled to reach a proxy.
func proxyAddress(proxy *url.URL) string {
	port := map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[proxy.Scheme]
	return net.JoinHostPort(proxy.Hostname(), cmp.Or(proxy.Port(), port))
}

func (a *App) now() time.Time {
	if a.Now != nil {
		return a.Now()
	}
	return time.Now()
}

// waits tells Waits that ctx waits now, until what is returned is called.
func (a *App) waits(ctx context.Context) (over func(due bool)) {
	if a.Waits == nil {
		return func(bool) {}
	}
	return a.Waits(ctx)
}

func (a *App) sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	defer a.waits(ctx)(true)
	if a.Sleep != nil {
		return a.Sleep(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// jitter spreads waits by up to a quarter, so that clients that were refused
// together do not come back together.
func jitter(d time.Duration) time.Duration {
	return d + rand.N(d/4+1)
}
