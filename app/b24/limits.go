package b24

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits of Bitrix24, which counts per portal and address of the sender.
//
// https://apidocs.bitrix24.com/limits.html
const (
	perSecond = 2  // what the bucket of most plans lets through
	burst     = 40 // of the 50 that fit into the bucket
	// busy is where a method is slowed down: four fifths of the 480 seconds
	// of work it has in a window.
	busy       = 0.8 * 480
	window     = 10 * time.Minute
	busyDelay  = 2 * time.Second
	blindPause = time.Minute      // when the portal has not said how long a pause lasts
	longest    = 30 * time.Second // that a request waits for its turn here
	// What somebody waits for on the telephone overtakes the others: eight more
	// fit into the portal's bucket, and it does not wait for long.
	spareBurst   = 8
	spareEvery   = 5 * time.Second
	overtakeFrom = 100 * time.Millisecond
	promptWithin = time.Second
)

// A Bucket is how many requests may be sent to a portal: Burst at once, and one
// more Every so often.
type Bucket struct {
	Name  string
	Every time.Duration
	Burst int
}

var (
	lasting = Bucket{"requests", time.Second / perSecond, burst}
	spare   = Bucket{"prompt", spareEvery, spareBurst} // of prompt requests, when the other has nothing left
)

func (b Bucket) limiter() *rate.Limiter { return rate.NewLimiter(rate.Every(b.Every), b.Burst) }

// A portal is what all clients of one portal share in this process. Its buckets
// are the same as those that the [Keeper] has for all processes: a request waits
// for both.
type portal struct {
	limiter  *rate.Limiter
	spare    *rate.Limiter
	mu       sync.Mutex
	budgets  map[string]budget   // by method
	renewals map[int64]time.Time // by user: when their pair was last renewed here
}

// A budget is what is known of the work a method may still cause.
type budget struct {
	operating float64
	resetAt   time.Time
	paused    time.Time
}

func (a *App) portal(memberID string) *portal {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.portals == nil {
		a.portals = map[string]*portal{}
	}
	if a.portals[memberID] == nil {
		a.portals[memberID] = &portal{
			limiter: lasting.limiter(), spare: spare.limiter(),
			budgets: map[string]budget{}, renewals: map[int64]time.Time{},
		}
	}
	return a.portals[memberID]
}

// admit waits until a request may be sent. A method that used up its budget is
// refused without asking: the portal would refuse it as well.
func (p *portal) admit(ctx context.Context, c *Client, r *request) error {
	now := c.app.now()
	first := p.budget(r.methods[0])
	if now.Before(first.paused) {
		return &Error{Method: r.name, Code: OperationTimeLimit, Wait: first.paused.Sub(now)}
	}
	place, err := p.place(ctx, c, r, now)
	if err != nil {
		return err
	}
	wait, ok, err := p.turn(ctx, c, r, place.wait)
	if err != nil {
		return errors.Join(err, place.giveBack(ctx, c))
	}
	if !ok {
		return errors.Join(&Error{Method: r.name, Code: QueryLimitExceeded, Wait: wait}, place.giveBack(ctx, c))
	}
	if err := c.app.sleep(ctx, wait); err != nil {
		return errors.Join(&Failure{Method: r.name, Err: err}, place.giveBack(ctx, c))
	}
	return nil
}

// A place is a request's in both buckets, this process's and the shared one.
type place struct {
	own    *rate.Reservation
	shared bool // taken
	wait   time.Duration
}

// place is the request's first, that it came with, or another one: a request that
// is sent again waits again.
func (p *portal) place(ctx context.Context, c *Client, r *request, now time.Time) (place, error) {
	if r.place == nil {
		wait, err := c.keeper.TakePlace(ctx, c.memberID, lasting, longest)
		if err != nil {
			return place{}, err
		}
		r.place = &wait
	}
	wait := *r.place
	r.place = nil
	own := p.limiter.ReserveN(now, 1)
	return place{own, wait <= longest, max(wait, own.DelayFrom(now))}, nil
}

// leave returns the place that a request came with, if it has not used it.
func (c *Client) leave(ctx context.Context, r *request) error {
	taken := r.place != nil && *r.place <= longest
	r.place = nil
	if !taken {
		return nil
	}
	return c.giveBack(ctx)
}

// giveBack returns a place in the bucket that all processes share, also when ctx has
// ended. If a keeper that hangs loses it, the place passes unused.
func (c *Client) giveBack(ctx context.Context) error {
	ctx, cancel := though(ctx)
	defer cancel()
	return c.keeper.GiveBack(ctx, c.memberID, lasting)
}

// giveBack returns a place to those behind it.
func (p place) giveBack(ctx context.Context, c *Client) error {
	p.own.CancelAt(c.app.now())
	if !p.shared {
		return nil
	}
	return c.giveBack(ctx)
}

// turn is how long a request waits whose place comes after wait, and whether it
// may. One that overtakes keeps its place all the same: those behind it wait a
// little longer, so that the lasting rate stays.
func (p *portal) turn(ctx context.Context, c *Client, r *request, wait time.Duration) (time.Duration, bool, error) {
	now := c.app.now()
	switch {
	case r.prompt && wait > overtakeFrom && p.spare.AllowN(now, 1):
		later, err := c.keeper.TakePlace(ctx, c.memberID, spare, 0)
		if err != nil || later == 0 {
			return 0, true, err
		}
		return wait, wait <= promptWithin, nil
	case r.prompt:
		return wait, wait <= promptWithin, nil
	case wait > longest:
		return wait, false, nil
	case p.slow(r, now):
		return wait + busyDelay, true, nil
	}
	return wait, true, nil
}

func (p *portal) budget(method string) budget {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.budgets[method]
}

func (p *portal) slow(r *request, now time.Time) bool {
	for _, method := range r.methods {
		if b := p.budget(method); b.operating > busy && now.Before(b.resetAt) {
			return true
		}
	}
	return false
}

// observe learns from an answer how much work a method may still cause. The
// time of a batch as a whole belongs to none of its methods.
func (p *portal) observe(r *request, got *answer, err error, now time.Time) {
	if got != nil && r.path == r.methods[0] {
		p.spent(r.path, got.Time)
	}
	if refusal, ok := errors.AsType[*Error](err); ok && errors.Is(refusal, OperationTimeLimit) {
		refusal.Wait = p.pause(r.methods[0], now)
	}
}

// drain empties our buckets: the portal's is full, be it of another sender at
// our address, so requests follow one another at the lasting rate.
func (p *portal) drain(now time.Time) {
	for _, limiter := range []*rate.Limiter{p.limiter, p.spare} {
		if left := int(limiter.TokensAt(now)); left > 0 {
			limiter.AllowN(now, left)
		}
	}
}

// fill empties our buckets, and has the other processes hear that the portal's is
// full. If they do not, they are told by the portal.
func (c *Client) fill(ctx context.Context) {
	c.portal.drain(c.app.now())
	for _, bucket := range []Bucket{lasting, spare} {
		if err := c.keeper.Fill(ctx, c.memberID, bucket); err != nil {
			slog.WarnContext(ctx, "full bucket of a portal not shared", "error", err)
		}
	}
}

func (p *portal) spent(method string, t timing) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.budgets[method]
	b.operating = float64(t.Operating)
	if t.ResetAt > 0 && t.ResetAt < math.MaxInt32 {
		b.resetAt = time.Unix(int64(t.ResetAt), 0)
	}
	p.budgets[method] = b
}

// pause stops a method until its budget begins anew, and returns for how long: for
// a window at most, for the portal's clock may be ahead of ours.
func (p *portal) pause(method string, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.budgets[method]
	wait := blindPause
	if now.Before(b.resetAt) {
		wait = min(b.resetAt.Sub(now), window)
	}
	b.paused = now.Add(wait)
	p.budgets[method] = b
	return wait
}
