package callflow

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"
)

// roomWithin is how long a round waits for room, all in all: eight calls of a portal at
// a time are still as many a second as its pace allows.
const roomWithin = 300 * time.Millisecond

// freshFor is how long after its first event came in a call's card is still worth a hurry.
const freshFor = 5 * time.Second

// DefaultRoom is how many rounds are at work at once before those that are not urgent
// have to wait: as many as keep our processors and the database's busy.
func DefaultRoom() int { return 4 * runtime.GOMAXPROCS(0) }

// A Room is where the rounds of a process are at work. A round is outside while it
// waits for somebody else, such as a portal. When a disk or a burst of events has held
// everything up, more rounds are at work than processors can carry on, and each takes
// longer; that of a call that has just begun, whose card somebody waits for, is not to
// wait for the others. So its first round is urgent until it has registered the call,
// which shows the card: it comes in, and comes back, at once. The others, such as what
// follows the registration, those for calls that are known, and those for calls that
// are over or were told of some time ago, as in a flood, come in and come back in turn,
// when fewer than most are at work, or when they have waited for [roomWithin]; only for
// what is due they come back at once, too. A round keeps its place in its portal's lane
// meanwhile, so a call that begins may wait there for others of its own portal, and the
// leases of its call and its number. A nil *Room has room for all.
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

// Waited is how often a round has had to wait for room.
func (r *Room) Waited() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.waited
}

// A seat is a round's place in a room.
type seat struct {
	room   *Room
	taken  bool
	urgent bool          // it is taken at once
	waited time.Duration // for room, in this round
}

type seatKey struct{}

// withSeat returns a context whose work has a seat in the room, not taken yet. One
// goroutine at a time may work with it.
func (r *Room) withSeat(ctx context.Context) (context.Context, *seat) {
	s := &seat{room: r}
	return context.WithValue(ctx, seatKey{}, s), s
}

// Outside is told when work begins to wait for somebody else, such as a portal or
// the file server of a PBX. What it returns is called when that is over; it does not
// wait for room when something is due.
func Outside(ctx context.Context) (over func(due bool)) {
	s, ok := ctx.Value(seatKey{}).(*seat)
	if !ok || !s.taken {
		return func(bool) {}
	}
	s.leave()
	return func(due bool) { s.come(ctx, due) }
}

// notUrgent is told when nobody waits any more for what a round does.
func notUrgent(ctx context.Context) {
	if s, ok := ctx.Value(seatKey{}).(*seat); ok {
		s.urgent = false
	}
}

// come takes the seat: at once if something is due, or the work is urgent or has waited
// for long, else when there is room. The end of ctx is left to who works with it.
func (s *seat) come(ctx context.Context, due bool) {
	if s.room == nil || s.taken {
		return
	}
	s.taken = true
	turn := s.room.enter(due || s.urgent || s.waited >= roomWithin)
	if turn == nil {
		return
	}
	since := time.Now()
	patience := time.NewTimer(roomWithin - s.waited)
	defer patience.Stop()
	select {
	case <-turn:
	case <-patience.C:
	case <-ctx.Done():
	}
	s.room.insist(turn)
	s.waited += time.Since(since)
}

func (s *seat) leave() {
	if s.room == nil || !s.taken {
		return
	}
	s.taken = false
	s.room.leave()
}

// enter counts one more, at once or if there is room; otherwise it returns what will
// be closed when there is.
func (r *Room) enter(atOnce bool) (turn chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if atOnce || r.working < r.most {
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
