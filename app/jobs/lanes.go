package jobs

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"callwise/models"

	"github.com/riverqueue/river/rivertype"
)

// roundLimit is how long one round of work for a call may take.
const roundLimit = 2 * time.Minute

// Lanes carry the calls whose events this process has stored, or found waiting,
// at once: no queue in the database stands between an event and its work. They
// remember nothing: what is still to be done is what is not done of the stored
// events, and a call that another process works on too is held by its lease.
//
// Each portal has a lane of its own with room for perPortal calls at a time, and
// the lanes take turns, so that a portal that is slow, throttled or flooded keeps
// nobody else waiting. A call is in the hands of one worker at a time; what is
// told of it meanwhile is looked at afterwards.
type Lanes struct {
	carry     func(ctx context.Context, portalID int64, callKey string) error
	watch     *Watch
	most      int // calls at a time
	perPortal int // and of one portal

	mu      sync.Mutex
	lanes   map[int64]*lane
	ready   []*lane // with a call to carry and room for it; the first is next
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
	return &Lanes{carry: carry, watch: watch, most: most, perPortal: perPortal, lanes: map[int64]*lane{}, context: ctx, cancel: cancel}
}

// Wake has calls carried as soon as there is room. It does not wait for that,
// and one wake-up too many does no harm.
func (l *Lanes) Wake(calls []models.CallArgs) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range calls {
		l.add(c)
	}
	l.start()
}

func (l *Lanes) add(c models.CallArgs) {
	of := l.lanes[c.PortalID]
	if of == nil {
		of = &lane{portalID: c.PortalID, calls: map[string]stage{}}
		l.lanes[c.PortalID] = of
	}
	at, known := of.calls[c.CallKey]
	switch {
	case !known:
		of.calls[c.CallKey] = waits
		of.waiting = append(of.waiting, c.CallKey)
		l.line(of)
	case at == carried:
		of.calls[c.CallKey] = carriedAgain
	}
}

// line puts a lane at the end of those that are ready, if it is.
func (l *Lanes) line(of *lane) {
	if !of.ready && len(of.waiting) > 0 && of.busy < l.perPortal {
		of.ready = true
		l.ready = append(l.ready, of)
	}
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
		time.AfterFunc(later.Duration, func() { l.Wake([]models.CallArgs{call}) })
	}
	if again {
		l.add(call)
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
