package callflow

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// lobby is a room and who has come in, in order.
type lobby struct {
	*Room
	mu  sync.Mutex
	all []string
}

func (l *lobby) in(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, name)
}

// stands waits until nobody moves, and compares who has come and how many work.
func (l *lobby) stands(t *testing.T, working int, want ...string) {
	t.Helper()
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if got := l.Working(); got != working || !slices.Equal(l.all, want) {
		t.Errorf("%d at work, %v came; want %d, %v", got, l.all, working, want)
	}
}

// known has a round that nobody waits for come when there is room.
func (l *lobby) known(ctx context.Context, name string) *seat {
	ctx, s := l.withSeat(ctx)
	go func() {
		s.come(ctx, false)
		l.in(name)
	}()
	synctest.Wait()
	return s
}

// begins has the round for a call that has just begun come.
func (l *lobby) begins(ctx context.Context, name string) (context.Context, *seat) {
	ctx, s := l.withSeat(ctx)
	s.urgent = true
	s.come(ctx, false)
	l.in(name)
	return ctx, s
}

// back has a round that was outside come back.
func (l *lobby) back(over func(bool), name string) {
	go func() {
		over(false)
		l.in(name)
	}()
	synctest.Wait()
}

func TestACallThatBeginsDoesNotWaitForThoseThatAreKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lobby{Room: NewRoom(2)}
		first, second := l.known(t.Context(), "first"), l.known(t.Context(), "second")
		l.known(t.Context(), "third")
		l.known(t.Context(), "fourth")
		_, begun := l.begins(t.Context(), "begun")
		l.stands(t, 3, "first", "second", "begun")
		first.leave()
		l.stands(t, 2, "first", "second", "begun")
		begun.leave()
		l.stands(t, 2, "first", "second", "begun", "third")
		second.leave()
		second.leave() // once is enough
		l.stands(t, 2, "first", "second", "begun", "third", "fourth")
	})
}

func TestAKnownCallDoesNotWaitForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lobby{Room: NewRoom(1)}
		first := l.known(t.Context(), "first")
		l.known(t.Context(), "second")
		time.Sleep(roomWithin - 1)
		l.known(t.Context(), "third")
		l.stands(t, 1, "first")
		time.Sleep(time.Nanosecond)
		l.stands(t, 2, "first", "second")
		first.leave()
		l.stands(t, 1, "first", "second")
		time.Sleep(roomWithin)
		l.stands(t, 2, "first", "second", "third")
	})
}

func TestARoundWaitsForRoomOnlySoLongAllInAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lobby{Room: NewRoom(0)}
		ctx, s := l.begins(t.Context(), "begun")
		notUrgent(ctx)
		came := time.Now()
		for range 3 {
			over := Outside(ctx)
			time.Sleep(time.Minute) // is not counted
			over(false)
		}
		if waited := time.Since(came) - 3*time.Minute; waited != roomWithin || l.Waited() != 1 {
			t.Errorf("waited %v, %d times", waited, l.Waited())
		}
		s.leave()
		l.stands(t, 0, "begun")
	})
}

func TestWhoHasWaitedForAPartOfItWaitsForTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lobby{Room: NewRoom(1)}
		_, begun := l.begins(t.Context(), "begun")
		ctx, s := l.withSeat(t.Context())
		time.AfterFunc(roomWithin/4, begun.leave)
		s.come(ctx, false)
		over := Outside(ctx)
		begun.come(t.Context(), false)
		came := time.Now()
		over(false)
		if waited := time.Since(came); waited != roomWithin*3/4 {
			t.Errorf("waited %v", waited)
		}
	})
}

func TestWhatIsDueDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lobby{Room: NewRoom(1)}
		ctx, _ := l.begins(t.Context(), "begun")
		notUrgent(ctx)
		over := Outside(ctx)
		l.known(t.Context(), "known")
		came := time.Now()
		over(true)
		if waited := time.Since(came); waited != 0 {
			t.Errorf("waited %v", waited)
		}
		l.stands(t, 2, "begun", "known")
	})
}

func TestACallThatBeginsComesBackAtOnceUntilItsCardIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lobby{Room: NewRoom(1)}
		ctx, _ := l.begins(t.Context(), "begun")
		over := Outside(ctx)
		known := l.known(t.Context(), "known")
		l.back(over, "begun")
		l.stands(t, 2, "begun", "known", "begun")
		notUrgent(ctx)
		l.back(Outside(ctx), "begun")
		l.stands(t, 1, "begun", "known", "begun")
		known.leave()
		l.stands(t, 1, "begun", "known", "begun", "begun")
		notUrgent(t.Context()) // no seat
	})
}

func TestACallThatIsBrokenOffDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lobby{Room: NewRoom(1)}
		l.known(t.Context(), "first")
		ctx, cancel := context.WithCancel(t.Context())
		l.known(ctx, "second")
		cancel()
		l.stands(t, 2, "first", "second")
	})
}

func TestWhoWaitsForSomebodyElseIsOutside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lobby{Room: NewRoom(1)}
		ctx, s := l.begins(t.Context(), "begun")
		l.known(t.Context(), "known")
		over := Outside(ctx)
		l.stands(t, 1, "begun", "known")
		over(false)
		l.stands(t, 2, "begun", "known")
		s.leave()
		Outside(ctx)(false) // no seat, nothing to leave or take
		l.stands(t, 1, "begun", "known")
		Outside(t.Context())(false)
		var none *Room
		_, s = none.withSeat(t.Context())
		s.come(t.Context(), false)
		s.leave()
		l.stands(t, 1, "begun", "known")
	})
}
