package jobs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"sync"
	"time"

	"callwise/models"

	"github.com/riverqueue/river/rivertype"
	"golang.org/x/time/rate"
)

// roundLimit is how long one round of work for a call may take.
const roundLimit = 2 * time.Minute

// A portal's rounds: so many a second in one process, after so many at once. That
// is more than Bitrix24's own limit lets a portal go on with: 5 requests a second
// are less than 2 calls of three requests, and with ten events each, 17 rounds. A
// portal that is flooded with calls that nothing is asked for would have more, and
// take the processors from the others; it waits for itself.
const (
	roundsPerSecond = 25
	roundsAtOnce    = 50
)

// mostWaiting is how many calls of a portal wait in its lane before new ones are
// refused, which the sweep then finds.
const mostWaiting = 10_000

// Lanes carry the calls whose events this process has stored, or found waiting,
// at once: no queue in the database stands between an event and its work. They
// remember nothing: what is still to be done is what is not done of the stored
// events, and a call that another process works on too is held by its lease.
//
// Each portal has a lane of its own with room for perPortal calls at a time and
// a pace, and the lanes take turns, so that a portal that is slow, throttled or
// flooded keeps nobody else waiting. A call is in the hands of one worker at a
// time; what is told of it meanwhile is looked at afterwards.
type Lanes struct {
	carry     func(ctx context.Context, portalID int64, callKey string) error
	watch     *Watch
	most      int // calls at a time
	perPortal int // and of one portal

	mu      sync.Mutex
	lanes   map[int64]*lane
	limits  map[int64]*rate.Limiter // of all portals that had a call here, some 100 bytes each; a lane comes and goes
	ready   []*lane                 // with a call to carry and room for it; the first is next
	busy    int
	closed  bool
	working sync.WaitGroup
	context context.Context // of all work
	cancel  context.CancelFunc
}

// A lane is the work of one portal.
type lane struct {
	portalID int64
	waiting  []string         // call keys, the first is next
	calls    map[string]stage // those that wait or are being carried
	busy     int
	ready    bool // it stands in Lanes.ready
	resting  bool // it will stand there when its pace allows
}

// A stage is what goes on with a call in its lane.
type stage int

const (
	waits stage = iota
	carried
	carriedAgain // carried, and to be looked at once more
)

// NewLanes makes lanes that carry up to most calls at a time, and up to
// perPortal of one portal. carry is [callflow.Flow.Advance].
func NewLanes(carry func(ctx context.Context, portalID int64, callKey string) error, most, perPortal int, watch *Watch) *Lanes {
	ctx, cancel := context.WithCancel(context.Background())
	return &Lanes{
		carry: carry, watch: watch, most: most, perPortal: perPortal,
		lanes: map[int64]*lane{}, limits: map[int64]*rate.Limiter{}, context: ctx, cancel: cancel,
	}
}

// Wake has calls carried as soon as there is room and their portal's pace allows.
// It does not wait for that, and one wake-up too many does no harm. It returns
// those that their lane has no room for; who cannot wake them again leaves them to
// the sweep.
func (l *Lanes) Wake(calls []models.CallArgs) (refused []models.CallArgs) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range calls {
		if !l.add(c, mostWaiting) {
			refused = append(refused, c)
		}
	}
	l.start()
	return refused
}

// wakeAgain is Wake for a call that was carried before, for which there is always
// room.
func (l *Lanes) wakeAgain(c models.CallArgs) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add(c, math.MaxInt)
	l.start()
}

// add has a call wait in its lane if fewer than most do, and reports whether it
// will be carried.
func (l *Lanes) add(c models.CallArgs, most int) bool {
	of := l.lanes[c.PortalID]
	if of == nil {
		of = &lane{portalID: c.PortalID, calls: map[string]stage{}}
		l.lanes[c.PortalID] = of
	}
	at, known := of.calls[c.CallKey]
	switch {
	case !known && len(of.waiting) >= most:
		return false
	case !known:
		of.calls[c.CallKey] = waits
		of.waiting = append(of.waiting, c.CallKey)
		l.line(of)
	case at == carried:
		of.calls[c.CallKey] = carriedAgain
	}
	return true
}

// line puts a lane at the end of those that are ready, if it is, as soon as its
// pace allows.
func (l *Lanes) line(of *lane) {
	if of.ready || of.resting || len(of.waiting) == 0 || of.busy == l.perPortal {
		return
	}
	rest := l.limit(of.portalID).Reserve().Delay()
	if rest == 0 {
		of.ready = true
		l.ready = append(l.ready, of)
		return
	}
	of.resting = true
	time.AfterFunc(rest, func() { l.rested(of) })
}

// rested lines up a lane whose rest is over.
func (l *Lanes) rested(of *lane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	of.resting, of.ready = false, true
	l.ready = append(l.ready, of)
	l.start()
}

func (l *Lanes) limit(portalID int64) *rate.Limiter {
	limit := l.limits[portalID]
	if limit == nil {
		limit = rate.NewLimiter(roundsPerSecond, roundsAtOnce)
		l.limits[portalID] = limit
	}
	return limit
}

// start begins as much work as there is room for.
func (l *Lanes) start() {
	for !l.closed && l.busy < l.most && len(l.ready) > 0 {
		of := l.ready[0]
		l.ready, of.ready = l.ready[1:], false
		key := of.waiting[0]
		of.waiting = of.waiting[1:]
		of.calls[key] = carried
		of.busy++
		l.busy++
		l.line(of)
		l.working.Go(func() { l.work(of, key) })
	}
}

// work carries a call and makes room for the next.
func (l *Lanes) work(of *lane, key string) {
	err := l.round(of.portalID, key)
	l.mu.Lock()
	defer l.mu.Unlock()
	again := of.calls[key] == carriedAgain
	delete(of.calls, key)
	of.busy--
	l.busy--
	call := models.CallArgs{PortalID: of.portalID, CallKey: key}
	if later, passes := errors.AsType[*rivertype.JobSnoozeError](err); passes {
		time.AfterFunc(later.Duration, func() { l.wakeAgain(call) })
	}
	if again {
		l.add(call, math.MaxInt)
	}
	l.line(of)
	if of.busy == 0 && len(of.waiting) == 0 {
		delete(l.lanes, of.portalID)
	}
	l.start()
}

// round carries a call once. What fails for a reason of our own, such as the
// database, is logged; the events still wait, so the call is found again.
func (l *Lanes) round(portalID int64, key string) (err error) {
	ctx, cancel := context.WithTimeout(l.context, roundLimit)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			// Neither the value nor the arguments: they could quote a number.
			l.watch.log.ErrorContext(ctx, "call broke off", "portal", portalID, "type", fmt.Sprintf("%T", r), "stack", string(debug.Stack()))
			err = errPanic
		}
	}()
	call := piece{kind: models.CallArgs{}.Kind(), portal: portalID}
	return l.watch.around(ctx, call, func(ctx context.Context) error {
		return outcome(l.carry(ctx, portalID, key))
	})
}

// Stop begins nothing more and waits for what is being carried. When ctx ends
// first, that is broken off; it will be done again.
func (l *Lanes) Stop(ctx context.Context) error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	defer l.cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.working.Wait()
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	l.cancel()
	<-ended
	return context.Cause(ctx)
}
