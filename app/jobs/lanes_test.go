package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"testing"

	"callwise/app/callflow"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

// A desk is where the calls of a test are carried: each begins, and ends when
// the test lets it.
type desk struct {
	t     *testing.T
	lanes *Lanes
	begun chan models.CallArgs

	mu   sync.Mutex
	ends map[models.CallArgs]chan error
}

func newDesk(t *testing.T, most, perPortal int) *desk {
	d := &desk{t: t, begun: make(chan models.CallArgs, 1000), ends: map[models.CallArgs]chan error{}}
	d.lanes = NewLanes(d.carry, most, perPortal, silent())
	return d
}

func (d *desk) carry(ctx context.Context, portalID int64, callKey string) error {
	call := models.CallArgs{PortalID: portalID, CallKey: callKey}
	end := make(chan error)
	d.mu.Lock()
	d.ends[call] = end
	d.mu.Unlock()
	d.begun <- call
	select {
	case err := <-end:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// silent writes no line that anybody reads.
func silent() *Watch {
	return NewWatch(slog.New(slog.DiscardHandler), prometheus.NewRegistry())
}

// wake wakes calls of a portal.
func (d *desk) wake(portalID int64, keys ...string) {
	var calls []models.CallArgs
	for _, key := range keys {
		calls = append(calls, models.CallArgs{PortalID: portalID, CallKey: key})
	}
	d.lanes.Wake(calls)
}

// begins are the next n calls that begin, as "portal key".
func (d *desk) begins(n int) []string {
	var all []string
	for range n {
		c := <-d.begun
		all = append(all, fmt.Sprint(c.PortalID, " ", c.CallKey))
	}
	return all
}

// end ends a call that is being carried.
func (d *desk) end(portalID int64, key string, err error) {
	d.mu.Lock()
	end := d.ends[models.CallArgs{PortalID: portalID, CallKey: key}]
	d.mu.Unlock()
	end <- err
}

func (d *desk) expect(what string, want ...string) {
	d.t.Helper()
	got := d.begins(len(want))
	if diff := cmp.Diff(want, got); diff != "" {
		d.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// quietly holds that nothing more has begun.
func (d *desk) quietly(what string) {
	d.t.Helper()
	d.lanes.mu.Lock()
	defer d.lanes.mu.Unlock()
	select {
	case c := <-d.begun:
		d.t.Errorf("%s: %v began", what, c)
	default:
	}
}

func TestThePortalsTakeTurns(t *testing.T) {
	d := newDesk(t, 1, 1)
	d.wake(1, "a")
	d.expect("the first", "1 a")
	d.wake(1, "b", "c", "d")
	d.wake(2, "e")
	d.wake(3, "f", "g")
	last := "a"
	portal := int64(1)
	for _, next := range []struct {
		portal int64
		key    string
	}{{2, "e"}, {3, "f"}, {1, "b"}, {3, "g"}, {1, "c"}, {1, "d"}} {
		d.end(portal, last, nil)
		d.expect("the next", fmt.Sprint(next.portal, " ", next.key))
		portal, last = next.portal, next.key
	}
	d.end(portal, last, nil)
	if err := d.lanes.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestOnePortalNeverHasAllTheRoom(t *testing.T) {
	d := newDesk(t, 3, 2)
	d.wake(1, "a", "b", "c")
	if got := len(d.begins(2)); got != 2 {
		t.Fatal(got)
	}
	d.quietly("the room of a portal is taken")
	d.wake(2, "d")
	d.expect("another portal", "2 d")
	d.end(1, "a", nil)
	d.expect("room again", "1 c")
	d.end(1, "b", nil)
	d.end(1, "c", nil)
	d.end(2, "d", nil)
	if err := d.lanes.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if len(d.lanes.lanes) != 0 || len(d.lanes.ready) != 0 {
		t.Errorf("lanes that nobody needs: %v", d.lanes.lanes)
	}
}

func TestACallIsCarriedOnceAtATimeAndOnceMoreForWhatIsToldMeanwhile(t *testing.T) {
	d := newDesk(t, 10, 10)
	d.wake(1, "a")
	d.expect("the call", "1 a")
	d.wake(1, "a", "a")
	d.wake(1, "a")
	d.quietly("a call that is being carried")
	d.end(1, "a", nil)
	d.expect("once more", "1 a")
	d.end(1, "a", nil)
	d.wake(1, "b")
	d.expect("the next call", "1 b")
	d.quietly("a call that was carried again")
	d.end(1, "b", nil)
}

func TestACallThatIsToWaitComesBackAndOneThatFailedIsLeftToTheSweep(t *testing.T) {
	d := newDesk(t, 10, 10)
	d.wake(1, "a", "b", "c")
	if got := len(d.begins(3)); got != 3 {
		t.Fatal(got)
	}
	d.end(1, "b", errors.New("the database is away"))
	d.end(1, "c", models.ErrNotFound)
	d.end(1, "a", &callflow.Later{After: 1, Err: errors.New("busy")})
	d.expect("what waited", "1 a")
	d.quietly("what failed")
	d.wake(1, "b")
	d.expect("what the sweep found", "1 b")
}

func TestAPanicEndsOneRoundOnly(t *testing.T) {
	rounds := make(chan string, 2)
	lanes := NewLanes(func(_ context.Context, _ int64, key string) error {
		rounds <- key
		if key == "bad" {
			panic("+4930901820")
		}
		return nil
	}, 1, 1, silent())
	lanes.Wake([]models.CallArgs{{PortalID: 1, CallKey: "bad"}, {PortalID: 1, CallKey: "good"}})
	if got := []string{<-rounds, <-rounds}; got[1] != "good" {
		t.Errorf("carried: %v", got)
	}
	if err := lanes.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestLanesThatAreStoppedLetWhatIsInFlightEndAndBeginNothing(t *testing.T) {
	d := newDesk(t, 1, 1)
	d.wake(1, "a", "b")
	d.expect("in flight", "1 a")
	stopped := make(chan error)
	go func() { stopped <- d.lanes.Stop(context.Background()) }()
	for closed := false; !closed; runtime.Gosched() {
		d.lanes.mu.Lock()
		closed = d.lanes.closed
		d.lanes.mu.Unlock()
	}
	d.end(1, "a", nil)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	d.quietly("after the end")

	d = newDesk(t, 1, 1)
	d.wake(1, "a")
	d.expect("in flight", "1 a")
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.lanes.Stop(over); !errors.Is(err, context.Canceled) {
		t.Errorf("work that does not end in time: %v", err)
	}
}
