package jobs

import "sync"

// turns bounds how many workers of this process are busy with one portal.
type turns struct {
	most int
	mu   sync.Mutex
	busy map[int64]int
}

func newTurns(most int) *turns { return &turns{most: most, busy: map[int64]int{}} }

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
