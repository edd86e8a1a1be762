package jobs

import (
	"testing"
	"time"

	"callwise/models"

	"github.com/google/go-cmp/cmp"
)

func TestACallThatKeepsWaitingIsWokenMoreAndMoreSeldom(t *testing.T) {
	var seen sightings
	call := []models.CallArgs{{PortalID: 1, CallKey: "pbx:1"}}
	var woken []int
	for sweep := 1; sweep <= 20; sweep++ {
		if len(seen.due(call)) > 0 {
			woken = append(woken, sweep)
		}
	}
	if diff := cmp.Diff([]int{1, 2, 4, 8, 16}, woken); diff != "" {
		t.Errorf("woken in sweeps (-want +got):\n%s", diff)
	}
	seen.due(nil)
	if diff := cmp.Diff(call, seen.due(call)); diff != "" {
		t.Errorf("one that waits anew (-want +got):\n%s", diff)
	}
}

func TestSweepsThatTakeLongAreATenthOfTheTimeButOneAMinute(t *testing.T) {
	for took, want := range map[time.Duration]time.Duration{
		0: 5 * time.Second, 500 * time.Millisecond: 4500 * time.Millisecond, 2 * time.Second: 18 * time.Second,
		7 * time.Second: time.Minute, time.Hour: time.Minute,
	} {
		if got := afterSweep(5*time.Second, took); got != want {
			t.Errorf("after one of %s: %s, want %s", took, got, want)
		}
	}
	if got := afterSweep(time.Hour, time.Minute); got != 59*time.Minute {
		t.Errorf("where none is wanted: %s", got)
	}
}
