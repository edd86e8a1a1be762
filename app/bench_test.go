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
// the API of an idle program, to the first request the portal receives for it. The
// portals are told of calls in turn, since each has its rate limit; run it with
// -benchtime 200x.
func BenchmarkEventToPortal(b *testing.B) {
	b.Run("SQLite", func(b *testing.B) { eventToPortal(b, modelstest.SQLite(b)) })
	b.Run("PostgreSQL", func(b *testing.B) { eventToPortal(b, modelstest.PostgreSQL(b)) })
}

func eventToPortal(b *testing.B, address string) {
	rigs := portals(b, address, 10)
	var took []time.Duration
	for i := range b.N {
		r := rigs[i%len(rigs)]
		portal := r.portal.Name()
		seen := r.sim.Count(portal, "")
		begin := time.Now()
		r.tell(started(fmt.Sprintf("c%d", i), "incoming", fmt.Sprintf("+4930901%03d", i)))
		for r.sim.Count(portal, "") == seen {
			runtime.Gosched()
		}
		took = append(took, time.Since(begin))
		r.registered(i/len(rigs) + 1)
	}
	reportTimes(b, took)
}

// portals are so many on one program.
func portals(b *testing.B, address string, n int) []*rig {
	rigs := []*rig{newRig(b, address, b24sim.PortalConfig{Plan: b24sim.SelfHosted})}
	for len(rigs) < n {
		rigs = append(rigs, rigs[0].neighbour(fmt.Sprint("portal", len(rigs))))
	}
	return rigs
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
	rigs := portals(b, address, 4)
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
