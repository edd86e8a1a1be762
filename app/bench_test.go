package main

import (
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/models/modelstest"
)

// BenchmarkEventToPortal measures how long it takes from a PBX's event, sent to
// the API, to the first request the portal receives for it. Run it with
// -benchtime 12x: a portal's rate limit bounds more.
func BenchmarkEventToPortal(b *testing.B) {
	b.Run("SQLite", func(b *testing.B) { eventToPortal(b, modelstest.SQLite(b)) })
	b.Run("PostgreSQL", func(b *testing.B) { eventToPortal(b, modelstest.PostgreSQL(b)) })
}

func eventToPortal(b *testing.B, address string) {
	r := newRig(b, address, b24sim.PortalConfig{Plan: b24sim.SelfHosted})
	var took []time.Duration
	for i := range b.N {
		seen := r.sim.Count("acme", "")
		begin := time.Now()
		r.tell(started(fmt.Sprintf("c%d", i), "incoming", fmt.Sprintf("+4930901%03d", i)))
		for r.sim.Count("acme", "") == seen {
			runtime.Gosched()
		}
		took = append(took, time.Since(begin))
		r.registered(i + 1)
	}
	reportTimes(b, took)
}

func reportTimes(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
}

// BenchmarkCustomers measures how long a PBX waits to learn who calls, from a
// portal that answers in 150 ms: numbers that nobody asked for, and one that was
// just asked for. Misses ask four portals in turn, each within its rate limit;
// run it with -benchtime 100x.
func BenchmarkCustomers(b *testing.B) {
	for name, address := range map[string]func(testing.TB) string{"SQLite": modelstest.SQLite, "PostgreSQL": modelstest.PostgreSQL} {
		b.Run(name+"/misses", func(b *testing.B) {
			lookUps(b, address(b), func(i int) string { return fmt.Sprintf("%%2B4930901%03d", i%1000) })
		})
		b.Run(name+"/hits", func(b *testing.B) {
			lookUps(b, address(b), func(int) string { return "%2B4930901824" })
		})
	}
}

func lookUps(b *testing.B, address string, phone func(i int) string) {
	rigs := []*rig{newRig(b, address, b24sim.PortalConfig{Plan: b24sim.SelfHosted})}
	for len(rigs) < 4 {
		rigs = append(rigs, rigs[0].neighbour(fmt.Sprint("portal", len(rigs))))
	}
	rigs[0].sim.Inject(b24sim.Fault{Method: searchCustomers, Times: -1, Act: b24sim.Delay, For: 150 * time.Millisecond})
	for _, r := range rigs {
		r.asksWho("%2B4930901999") // opens the connection, as the next hundred will find it
		r.asksWho(phone(0))
	}
	var took []time.Duration
	for i := range b.N {
		begin := time.Now()
		if got := rigs[i%len(rigs)].asksWho(phone(i + 1)); got.status != http.StatusOK {
			b.Fatalf("%d %s", got.status, got.body)
		}
		took = append(took, time.Since(begin))
	}
	reportTimes(b, took)
}
