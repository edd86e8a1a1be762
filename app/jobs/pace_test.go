package jobs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"callwise/app/callflow"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
)

func TestAPortalThatIsFloodedKeepsItsPaceAndNobodyElseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		rounds := map[int64][]time.Duration{} // of each portal, from the beginning
		began := time.Now()
		lanes := NewLanes(func(_ context.Context, portalID int64, _ string) error {
			mu.Lock()
			defer mu.Unlock()
			rounds[portalID] = append(rounds[portalID], time.Since(began))
			return nil
		}, 1, 1, silent())
		flood := func(from, to int) {
			for i := from; i < to; i++ {
				lanes.Wake([]models.CallArgs{{PortalID: 1, CallKey: fmt.Sprint(i)}})
			}
			synctest.Wait()
		}
		flood(0, roundsAtOnce+30)
		lanes.Wake([]models.CallArgs{{PortalID: 2, CallKey: "a"}})
		synctest.Wait()
		time.Sleep(time.Minute)
		// Nothing waits any more, and a minute later all is forgiven.
		flood(roundsAtOnce+30, 2*roundsAtOnce+31)
		time.Sleep(time.Second)

		want := make([]time.Duration, roundsAtOnce)
		for i := range 30 {
			want = append(want, time.Duration(i+1)*time.Second/roundsPerSecond)
		}
		for range roundsAtOnce {
			want = append(want, time.Minute)
		}
		want = append(want, time.Minute+time.Second/roundsPerSecond)
		mu.Lock()
		defer mu.Unlock()
		if diff := cmp.Diff(map[int64][]time.Duration{1: want, 2: {0}}, rounds); diff != "" {
			t.Errorf("rounds (-want +got):\n%s", diff)
		}
		if err := lanes.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if len(lanes.lanes) != 0 || len(lanes.ready) != 0 {
			t.Errorf("lanes that nobody needs: %v", lanes.lanes)
		}
	})
}

// full is a desk of which the lane of portal 1 is full while "first" is carried.
func full(t *testing.T) *desk {
	d := newDesk(t, 1, 1)
	d.wake(1, "first")
	d.expect("the first", "1 first")
	for i := range mostWaiting {
		d.wake(1, fmt.Sprint(i))
	}
	t.Cleanup(func() {
		if err := d.lanes.Stop(over()); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return d
}

func TestAFullLaneTakesNoNewCallsButThoseThatItHad(t *testing.T) {
	d := full(t)
	fresh := []models.CallArgs{{PortalID: 1, CallKey: "fresh"}}
	if diff := cmp.Diff(fresh, d.lanes.Wake(fresh)); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	for _, call := range []models.CallArgs{{PortalID: 1, CallKey: "first"}, {PortalID: 1, CallKey: "0"}, {PortalID: 2, CallKey: "another's"}} {
		if refused := d.lanes.Wake([]models.CallArgs{call}); refused != nil {
			t.Errorf("refused: %v", refused)
		}
	}
	d.end(1, "first", nil)
	d.expect("the other portal", "2 another's")
	d.end(2, "another's", nil)
	d.expect("the next", "1 0")
	d.lanes.mu.Lock()
	defer d.lanes.mu.Unlock()
	if of := d.lanes.lanes[1]; of.calls["first"] != waits || len(of.waiting) != mostWaiting {
		t.Error("a call of which more was told is forgotten")
	}
}

func TestACallComesBackToAFullLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lanes := NewLanes(func(ctx context.Context, _ int64, key string) error {
			if key == "first" {
				return &callflow.Later{After: time.Minute, Err: errors.New("busy")}
			}
			<-ctx.Done()
			return context.Cause(ctx)
		}, 1, 1, silent())
		lanes.Wake([]models.CallArgs{{PortalID: 1, CallKey: "first"}})
		synctest.Wait()
		for i := range mostWaiting + 1 { // one of them is carried
			lanes.Wake([]models.CallArgs{{PortalID: 1, CallKey: fmt.Sprint(i)}})
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if of := lanes.lanes[1]; of.calls["first"] != waits || len(of.waiting) != mostWaiting+1 {
			t.Errorf("%d calls wait", len(of.waiting))
		}
		if err := lanes.Stop(over()); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// over is a context that has ended.
func over() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestALaneThatRestsBeginsNothingAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rounds atomic.Int32
		lanes := NewLanes(func(context.Context, int64, string) error {
			rounds.Add(1)
			return nil
		}, 3, 2, silent())
		for i := range roundsAtOnce + 10 {
			lanes.Wake([]models.CallArgs{{PortalID: 1, CallKey: fmt.Sprint(i)}})
		}
		synctest.Wait()
		if err := lanes.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if n := rounds.Load(); n != roundsAtOnce {
			t.Errorf("%d rounds", n)
		}
	})
}

func TestWhatWasRefusedIsWokenByEachSweep(t *testing.T) {
	d := full(t)
	var seen sightings
	call := []models.CallArgs{{PortalID: 1, CallKey: "fresh"}}
	seen.wake(d.lanes, call)
	seen.wake(d.lanes, call)
	d.end(1, "first", nil)
	d.expect("the next", "1 0")
	seen.wake(d.lanes, call)
	d.lanes.mu.Lock()
	defer d.lanes.mu.Unlock()
	if _, known := d.lanes.lanes[1].calls["fresh"]; !known {
		t.Error("a call that was refused twice is not woken the third time")
	}
}
