package callflow

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"
)

// knownWithin is how long a round for a call that is known waits for room, at most.
const knownWithin = 200 * time.Millisecond

// DefaultRoom is how many rounds are at work at once before those for known calls
// wait: as many as keep our processors and the database's busy.
func DefaultRoom() int { return 4 * runtime.GOMAXPROCS(0) }

// A Room is where the rounds of a process are at work. A round is outside while it
// waits for somebody else, such as a portal, and comes back at once. When a disk or
// a burst of events has held everything up, more rounds are at work than processors
// can carry on, and each takes longer; that of a call that has just begun, whose
// card somebody waits for, is not to wait for those of calls that have rung. So a
// round for a call that is seen for the first time comes in at once, and one for a
// call that is known begins in turn, when fewer than most are at work, or when it
// has waited for [knownWithin]. It keeps its place in its portal's lane meanwhile,
// so a call that begins may wait there for others of its own portal, and the lease
// of its call, which nobody else can change then. A nil *Room has room for all.
type Room struct {
	most    int
	mu      sync.Mutex
	working int
	waited  int
	waiting []chan struct{} // closed for who may come in and is counted
}

// NewRoom makes an empty room.
func NewRoom(most int) *Room { return &Room{most: most} }

// Working is how many rounds are at work.
func (r *Room) Working() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.working
}

// Waited is how many rounds have had to wait for room.
func (r *Room) Waited() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.waited
}

// A seat is a round's place in a room.
type seat struct {
	room  *Room
	taken bool
}

type seatKey struct{}

// withSeat returns a context whose work has a seat in the room, not taken yet. One
// goroutine at a time may work with it.
func (r *Room) withSeat(ctx context.Context) (context.Context, *seat) {
	s := &seat{room: r}
	return context.WithValue(ctx, seatKey{}, s), s
}

// Outside is told when work begins to wait for somebody else, such as a portal or
// the file server of a PBX. What it returns is called when that is over.
func Outside(ctx context.Context) (over func()) {
	s, ok := ctx.Value(seatKey{}).(*seat)
	if !ok || !s.taken {
		return func() {}
	}
	s.leave()
	return s.come
}

// come takes the seat at once.
func (s *seat) come() {
	if s.room == nil || s.taken {
		return
	}
	s.taken = true
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	s.room.working++
}

// comeInTurn takes the seat when there is room. The end of ctx is left to who
// works with it.
func (s *seat) comeInTurn(ctx context.Context) {
	if s.room == nil || s.taken {
		return
	}
	s.taken = true
	turn := s.room.enter()
	if turn == nil {
		return
	}
	patience := time.NewTimer(knownWithin)
	defer patience.Stop()
	select {
	case <-turn:
		return
	case <-patience.C:
	case <-ctx.Done():
	}
	s.room.insist(turn)
}

func (s *seat) leave() {
	if s.room == nil || !s.taken {
		return
	}
	s.taken = false
	s.room.leave()
}

// enter counts one more if there is room; otherwise it returns what will be
// closed when there is.
func (r *Room) enter() (turn chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.working < r.most {
		r.working++
		return nil
	}
	r.waited++
	turn = make(chan struct{})
	r.waiting = append(r.waiting, turn)
	return turn
}

// insist counts one that does not wait for its turn any longer, unless that has
// come.
func (r *Room) insist(turn chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.waiting, turn); i >= 0 {
		r.waiting = slices.Delete(r.waiting, i, i+1)
		r.working++
	}
}

// leave makes room for the first that waits.
func (r *Room) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.working--
	if r.working < r.most && len(r.waiting) > 0 {
		close(r.waiting[0])
		r.waiting = r.waiting[1:]
		r.working++
	}
}
