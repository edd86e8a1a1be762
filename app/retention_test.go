package main

import (
	"testing"
	"time"

	"callwise/app/b24/b24sim"
)

// With a short retention a call is removed while its PBX may still tell of it.
func TestWhatIsToldOfACallThatIsNotKeptAnyMoreMakesNoSecondOne(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
		r.finished(1)
		r.worked("c1")
		before := r.portal.Totals()
		if before != (b24sim.Totals{Calls: 1, Leads: 1, Numbers: 1, Activities: 1, Bindings: 1}) {
			t.Fatalf("%+v", before)
		}
		purged, err := r.house.store.Purge(t.Context(), time.Now().Add(time.Minute), time.Now())
		if err != nil || purged.Calls != 1 {
			t.Fatalf("%+v %v", purged, err)
		}
		r.tell(map[string]any{"id": "late", "type": "recording.ready", "call": "c1", "at": time.Now().UTC().Format(time.RFC3339), "url": "https://pbx.example/c1.mp3"})
		r.tell(started("c2", "incoming", "+4930901822"), ended("c2", "answered", 5))
		r.eventually("nothing waits", func() bool {
			backlog, err := r.house.store.Backlog(t.Context())
			return err == nil && backlog.Events == 0 && r.portal.Totals().Leads == 2
		})
		if got := r.portal.Totals(); got.Calls != 2 || got.Activities != 2 {
			t.Errorf("%+v, want two calls", got)
		}
	})
}
