package jobs

import (
	"testing"

	"callwise/models"

	"github.com/google/go-cmp/cmp"
)

func TestACallThatKeepsWaitingIsWokenMoreAndMoreSeldomButEachMinute(t *testing.T) {
	var seen sightings
	call := []models.CallArgs{{PortalID: 1, CallKey: "pbx:1"}}
	var woken []int
	for sweep := 1; sweep <= 40; sweep++ {
		if len(seen.due(call)) > 0 {
			woken = append(woken, sweep)
		}
	}
	if diff := cmp.Diff([]int{1, 2, 4, 8, 12, 24, 36}, woken); diff != "" {
		t.Errorf("woken in sweeps (-want +got):\n%s", diff)
	}
	seen.due(nil)
	if diff := cmp.Diff(call, seen.due(call)); diff != "" {
		t.Errorf("one that waits anew (-want +got):\n%s", diff)
	}
}
