package b24

import (
	"context"
	"errors"
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
	// of work it has in ten minutes.
	busy       = 0.8 * 480
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

// A portal is what all clients of one portal share in this process.
type portal struct {
	limiter *rate.Limiter
	spare   *rate.Limiter // of prompt requests, when the limiter has nothing left
	mu      sync.Mutex
	budgets map[string]budget // by method
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
			limiter: rate.NewLimiter(perSecond, burst), spare: rate.NewLimiter(rate.Every(spareEvery), spareBurst),
			budgets: map[string]budget{},
		}
	}
	return a.portals[memberID]
}

// admit waits until a request may be sent. A method that used up its budget is
// refused without asking: the portal would refuse it as well.
func (p *portal) admit(ctx context.Context, a *App, r *request) error {
	now := a.now()
	first := p.budget(r.methods[0])
	if now.Before(first.paused) {
		return &Error{Method: r.name, Code: OperationTimeLimit, Wait: first.paused.Sub(now)}
	}
	place := p.limiter.ReserveN(now, 1)
	wait, ok := p.turn(r, place.DelayFrom(now), now)
	if !ok {
		place.CancelAt(now)
		return &Error{Method: r.name, Code: QueryLimitExceeded, Wait: wait}
	}
	if err := a.sleep(ctx, wait); err != nil {
		place.CancelAt(a.now())
		return &Failure{Method: r.name, Err: err}
	}
	return nil
}

// turn is how long a request waits whose place comes after wait, and whether it
// may. One that overtakes keeps its place all the same: those behind it wait a
// little longer, so that the lasting rate stays.
func (p *portal) turn(r *request, wait time.Duration, now time.Time) (time.Duration, bool) {
	if r.prompt {
		if wait > overtakeFrom && p.spare.AllowN(now, 1) {
			return 0, true
		}
		return wait, wait <= promptWithin
	}
	if wait > longest {
		return wait, false
	}
	if p.slow(r, now) {
		wait += busyDelay
	}
	return wait, true
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
	if errors.Is(err, QueryLimitExceeded) {
		p.drain(now)
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

// pause stops a method until its budget begins anew, and returns for how long.
func (p *portal) pause(method string, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.budgets[method]
	b.paused = now.Add(blindPause)
	if now.Before(b.resetAt) {
		b.paused = b.resetAt
	}
	p.budgets[method] = b
	return b.paused.Sub(now)
}
