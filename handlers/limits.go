package handlers

import (
	"crypto/sha256"
	"fmt"
	"math"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/time/rate"
)

// How often something may be done, in times a second, and how often at once.
// What can prove itself has far more than it needs; what cannot, so much that
// nobody who mistypes is kept out. An event of Bitrix24 that carries its
// portal's token is never limited: Bitrix24 does not send it again.
var (
	portalPace  = pace{400, 2000}   // requests of a portal's PBXs; up to 100 events each
	keyPace     = pace{200, 1000}   // requests with one PBX key
	failurePace = pace{0.5, 60}     // attempts of one address that prove nothing
	recheckPace = pace{1 / 60.0, 1} // questions what a visitor is by now
	proofPace   = pace{0.1, 20}     // questions about events of one portal that come from one address
	framePace   = pace{0.2, 20}     // openings with one access token: each asks Bitrix24 twice
	visitorPace = pace{20, 1200}    // requests of one visitor's pages; a log that is looked at makes one in 5 s
	pagesPace   = pace{200, 6000}   // and of all visitors of a portal
)

type pace struct {
	perSecond rate.Limit
	burst     int
}

// mostKeys bounds what a limiter remembers.
const mostKeys = 10_000

// A limiter lets each of many keys do something at a pace. It is of this
// process alone, and forgets the keys that have been quiet.
type limiter struct {
	pace pace
	mu   sync.Mutex
	keys map[string]*rate.Limiter
}

func newLimiter(p pace) *limiter { return &limiter{pace: p, keys: map[string]*rate.Limiter{}} }

// take lets a key do it once more, or says after how long it may.
func (l *limiter) take(key string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	of := l.keys[key]
	if of == nil {
		l.makeRoom(now)
		of = rate.NewLimiter(l.pace.perSecond, l.pace.burst)
		l.keys[key] = of
	}
	if of.AllowN(now, 1) {
		return 0
	}
	return l.untilNext(of, now)
}

// wait is after how long a key may do it again; 0 if it may now.
func (l *limiter) wait(key string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	of := l.keys[key]
	if of == nil || of.TokensAt(now) >= 1 {
		return 0
	}
	return l.untilNext(of, now)
}

// forget makes a key one that never did it.
func (l *limiter) forget(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.keys, key)
}

// knows reports a key that did it lately.
func (l *limiter) knows(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.keys[key] != nil
}

func (l *limiter) untilNext(of *rate.Limiter, now time.Time) time.Duration {
	missing := 1 - of.TokensAt(now)
	return time.Duration(missing / float64(l.pace.perSecond) * float64(time.Second))
}

// makeRoom forgets the keys whose past no longer matters. When there are too
// many others, an eighth of them, whichever, begins anew.
func (l *limiter) makeRoom(now time.Time) {
	if len(l.keys) < mostKeys {
		return
	}
	for key, of := range l.keys {
		if of.TokensAt(now) >= float64(l.pace.burst) {
			delete(l.keys, key)
		}
	}
	for key := range l.keys {
		if len(l.keys) <= mostKeys*7/8 {
			return
		}
		delete(l.keys, key)
	}
}

// Limits keep one sender from taking what is there for all.
type Limits struct {
	portal, key, failures, recheck, proofs, frames, visitor, pages *limiter

	uploads *gate[int64]    // of portals
	proving *gate[string]   // frames of addresses that Bitrix24 is asked about
	waiting *gate[struct{}] // events of Bitrix24 that the database did not take
	// Proxies are where requests may come from on behalf of others, which they
	// name in X-Forwarded-For. Nobody else's word on that counts.
	Proxies []netip.Prefix
}

// NewLimits are the limits of a program that stands behind proxies.
func NewLimits(proxies []netip.Prefix) *Limits {
	return &Limits{
		portal: newLimiter(portalPace), key: newLimiter(keyPace), failures: newLimiter(failurePace), recheck: newLimiter(recheckPace),
		proofs: newLimiter(proofPace), frames: newLimiter(framePace), visitor: newLimiter(visitorPace), pages: newLimiter(pagesPace),
		uploads: newGate[int64](uploadsAtOnce),
		proving: newGate[string](failurePace.burst),
		waiting: newGate[struct{}](mostWaiting),
		Proxies: proxies,
	}
}

// free is no limit.
var free = pace{rate.Inf, 1}

// Lift ends the limits of portals and keys, for who measures what is behind them.
func (l *Limits) Lift() { l.portal, l.key = newLimiter(free), newLimiter(free) }

// LiftPages ends the limits of pages, for who reads them faster than a person.
func (l *Limits) LiftPages() { l.visitor, l.pages = newLimiter(free), newLimiter(free) }

// uploadsAtOnce is how many recordings one portal may upload to this process at
// a time, each with a piece in memory. The store has the same bound for all
// processes, for what has begun to come.
const uploadsAtOnce = 16

// mostWaiting is how many events of Bitrix24 this process keeps in memory while the
// database is away, of up to 64 KiB each.
const mostWaiting = 4096

// A gate lets so many things of each key be under way at a time.
type gate[K comparable] struct {
	most   int
	mu     sync.Mutex
	within map[K]int
}

func newGate[K comparable](most int) *gate[K] { return &gate[K]{most: most, within: map[K]int{}} }

// enter lets one more through, if it may, and returns what it leaves by.
func (g *gate[K]) enter(key K) (leave func(), ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.within[key] >= g.most {
		return nil, false
	}
	g.within[key]++
	return func() { g.leave(key) }, true
}

func (g *gate[K]) leave(key K) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.within[key]--; g.within[key] == 0 {
		delete(g.within, key)
	}
}

// tooMany is the error of a request above a limit.
type tooMany struct {
	limit string // for the metrics
	wait  time.Duration
}

func (t tooMany) Error() string { return "handlers: too many requests by " + t.limit }

// after is the wait in whole seconds, as Retry-After has it.
func (t tooMany) after() string { return fmt.Sprint(math.Ceil(max(1, t.wait.Seconds()))) }

// address is whose request it is for the limits: an IPv4 address, or the
// network of an IPv6 address. It is empty for a proxy that does not tell on
// whose behalf it asks: its address would be that of everybody.
func (l *Limits) address(c echo.Context) string {
	ip, err := netip.ParseAddr(c.RealIP())
	if err != nil {
		return ""
	}
	ip = ip.Unmap().WithZone("")
	for _, proxy := range l.Proxies {
		if proxy.Contains(ip) {
			return ""
		}
	}
	if ip.Is4() {
		return ip.String()
	}
	network, err := ip.Prefix(64)
	if err != nil {
		return ""
	}
	return network.String()
}

// extractor finds a request's address: the last that no proxy of ours has.
func (l *Limits) extractor() echo.IPExtractor {
	trust := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, proxy := range l.Proxies {
		bits := 128
		if proxy.Addr().Is4() {
			bits = 32
		}
		trust = append(trust, echo.TrustIPRange(&net.IPNet{IP: proxy.Addr().AsSlice(), Mask: net.CIDRMask(proxy.Bits(), bits)}))
	}
	return echo.ExtractIPFromXFFHeader(trust...)
}

// mayFail refuses an address that has proven nothing too often, before anything
// is spent on it.
func (h *Handlers) mayFail(c echo.Context) error {
	return h.limited("address", h.Limits.failures.wait(h.Limits.address(c), h.Now()))
}

// mayProve is mayFail for what Bitrix24 has to be asked about, and bounds how many
// such attempts of an address wait for its answer, for they count as failed only
// then. Whoever may calls leave in the end.
func (h *Handlers) mayProve(c echo.Context) (leave func(), err error) {
	if err := h.mayFail(c); err != nil {
		return nil, err
	}
	address := h.Limits.address(c)
	if address == "" {
		return func() {}, nil
	}
	leave, ok := h.Limits.proving.enter(address)
	if !ok {
		return nil, h.limited("address", time.Duration(float64(time.Second)/float64(failurePace.perSecond)))
	}
	return leave, nil
}

// failed counts an attempt that proved nothing, and refuses the next.
func (h *Handlers) failed(c echo.Context) error {
	address := h.Limits.address(c)
	if address == "" {
		return nil
	}
	return h.limited("address", h.Limits.failures.take(address, h.Now()))
}

// mayAsk counts an event that somebody has to be asked about, and refuses it
// above the limit: of a portal and the address it comes from, for Bitrix24 has
// addresses of its own, or of the address alone when it proves nothing.
func (h *Handlers) mayAsk(c echo.Context, portalID int64) error {
	if portalID == 0 {
		return h.failed(c)
	}
	return h.limited("proofs", h.Limits.proofs.take(fmt.Sprintf("%d/%s", portalID, h.Limits.address(c)), h.Now()))
}

// mayOpen counts an opening of a frame with an access token, good or not.
func (h *Handlers) mayOpen(accessToken string) error {
	sum := sha256.Sum256([]byte(accessToken))
	return h.limited("frames", h.Limits.frames.take(string(sum[:]), h.Now()))
}

// mayLook counts a request of a visitor's page, and refuses it above the limit
// of the visitor or of all visitors of the portal.
func (h *Handlers) mayLook(v Visitor) error {
	if err := h.limited("visitor", h.Limits.visitor.take(visitorKey(v), h.Now())); err != nil {
		return err
	}
	return h.limited("pages", h.Limits.pages.take(strconv.FormatInt(v.PortalID, 10), h.Now()))
}

// limited is nil, or the error of a limit that was reached.
func (h *Handlers) limited(limit string, wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	h.refused.WithLabelValues(limit).Inc()
	return tooMany{limit, wait}
}
