package jobs

import (
	"sync"
	"time"

	"github.com/riverqueue/river"
)

// turnWait is how long a job waits for a turn of its portal.
const turnWait = 500 * time.Millisecond

// turns bounds how many workers of this process are busy with one portal.
type turns struct {
	most int
	mu   sync.Mutex
	busy map[int64]int
}

func newTurns(most int) *turns { return &turns{most: most, busy: map[int64]int{}} }

// take does a portal's work if a turn is free, and tells River how it ended.
func (t *turns) take(portalID int64, do func() error) error {
	leave, ok := t.enter(portalID)
	if !ok {
		return river.JobSnooze(turnWait)
	}
	defer leave()
	return outcome(do())
}

// enter takes a turn for a portal, if one is free, and returns what gives it
// back.
func (t *turns) enter(portalID int64) (leave func(), ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.busy[portalID] >= t.most {
		return nil, false
	}
	t.busy[portalID]++
	return func() { t.leave(portalID) }, true
}

func (t *turns) leave(portalID int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.busy[portalID]--
	if t.busy[portalID] == 0 {
		delete(t.busy, portalID)
	}
}
