package main

import (
	"net/http"
	"strings"
	"testing"

	"callwise/app/b24/b24sim"
	"callwise/app/callflow"
)

func TestARoundThatWaitsForItsPortalIsNotAtWork(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	r.switches("c")
	shows := func(line string) bool {
		return strings.Contains(r.send(r.request(http.MethodGet, "/metrics", "", "")).body, "callwise_"+line+"\n")
	}
	const method = "telephony.externalcall.register"
	held := r.sim.Inject(b24sim.Fault{Portal: "acme", Method: method, Act: b24sim.Hold})
	r.tell(started("c1", "incoming", "+4930901820"))
	eventually(t, "the portal is asked", func() bool { return held.Hits() == 1 })
	asked := r.sim.Count("acme", method)
	eventually(t, "the round is outside", func() bool { return shows("rounds_at_work 0") })
	if n := r.sim.Count("acme", method); n != asked {
		t.Errorf("it was so only after %d more requests", n-asked)
	}
	held.Release()
	r.tell(ended("c1", "answered", 5))
	r.finished(1)
	eventually(t, "the rounds are over", func() bool { return shows("rounds_at_work 0") && shows("rounds_waited_total 0") })
}

func TestNobodyWaitsForRoomUntilTheCardIsShown(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		room := callflow.NewRoom(0)
		r := tuned(t, address, classic, func(h *house) { h.flow.Room = room })
		r.switches("c")
		held := r.sim.Inject(b24sim.Fault{Portal: "acme", Method: "telephony.externalcall.register", Act: b24sim.Hold})
		r.tell(started("c1", "incoming", "+4930901820"))
		eventually(t, "the card is asked for", func() bool { return held.Hits() == 1 })
		if waited := room.Waited(); waited != 0 {
			t.Errorf("waited %d times before the card", waited)
		}
		held.Release()
		eventually(t, "what follows waits", func() bool { return room.Waited() >= 1 })
	})
}
