package jobs

import (
	"maps"
	"sync"
	"time"

	"github.com/riverqueue/river"
)

// A job that finds no turn free comes back after turnWait, or later when more
// jobs of its portal wait: they come one every turnGap, so that a portal with
// hundreds of waiting calls does not keep the queue busy with looking.
const (
	turnWait = 500 * time.Millisecond
	turnGap  = 100 * time.Millisecond
	turnMost = 10 * time.Second
)

// turns bounds how many workers of this process are busy with one portal.
type turns struct {
	most    int
	mu      sync.Mutex
	portals map[int64]*line
}

// A line is who works for one portal, and who waits for a turn.
type line struct {
	busy int
	last time.Time            // when the last of those who wait comes back
	back map[string]time.Time // when each of them does
}

func newTurns(most int) *turns { return &turns{most: most, portals: map[int64]*line{}} }

// take does a portal's work if a turn is free, and tells River how it ended.
// Otherwise the job comes back later; of several jobs with one name only one
// does, for it does the work of all.
func (t *turns) take(portalID int64, name string, do func() error) error {
	leave, ok := t.enter(portalID)
	if ok {
		defer leave()
		return outcome(do())
	}
	wait, first := t.wait(portalID, name, time.Now())
	if !first {
		return nil
	}
	return river.JobSnooze(wait)
}

// enter takes a turn for a portal, if one is free, and returns what gives it
// back.
func (t *turns) enter(portalID int64) (leave func(), ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.line(portalID)
	if l.busy >= t.most {
		return nil, false
	}
	l.busy++
	return func() { t.leave(portalID) }, true
}

func (t *turns) leave(portalID int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.line(portalID)
	l.busy--
	if l.busy == 0 {
		delete(t.portals, portalID)
	}
}

// wait is how long a job waits for a turn, unless one of its name is coming
// back already.
func (t *turns) wait(portalID int64, name string, now time.Time) (d time.Duration, first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.line(portalID)
	// A job may come back a little early by the database's clock.
	maps.DeleteFunc(l.back, func(_ string, at time.Time) bool { return at.Before(now.Add(turnWait / 2)) })
	if _, coming := l.back[name]; coming {
		return 0, false
	}
	at := l.last.Add(turnGap)
	if soonest := now.Add(turnWait); at.Before(soonest) {
		at = soonest
	}
	if latest := now.Add(turnMost); at.After(latest) {
		at = latest
	}
	l.last, l.back[name] = at, at
	return at.Sub(now), true
}

func (t *turns) line(portalID int64) *line {
	l, ok := t.portals[portalID]
	if !ok {
		l = &line{back: map[string]time.Time{}}
		t.portals[portalID] = l
	}
	return l
}
