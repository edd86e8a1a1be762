package main

import (
	"fmt"
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
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
}
