package main

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"callwise/app/b24/b24sim"

	"github.com/jackc/pgx/v5"
)

// A trouble comes and goes so often, and a quiet time goes before each: what else
// the machine does meanwhile meets alike what is compared. Once a minute PostgreSQL
// cleans up for some seconds, which is to be in less than a twentieth of each.
const (
	troubles   = 20
	troubled   = 3 * time.Second
	busyRate   = 200 // events a second
	busyPlaces = 160 // portals
)

// BenchmarkEventsToPortals measures how long it takes from the acceptance of a
// call's beginning to the first request to its portal at 200 events a second
// over 160 portals, and what one portal that hangs, is throttled, or floods us
// does to the others, while it does so and while what has piled up is worked off.
// "nothing" is no trouble at all: how far its ratios are from 1 is the machine's doing,
// and so is as much of the others'. Run it with -benchtime 1x -timeout 30m, on Linux;
// it takes a quarter of an hour.
func BenchmarkEventsToPortals(b *testing.B) {
	address := postgreSQL(b)
	f := fleetOf(b, 1, address, plainChild)
	w := newTown(b, f, busyPlaces, time.Second)
	w.ring(b.Context(), busyRate, 15*time.Second) // warms up
	db := connected(b, address)
	analyse(b, db)
	sim, portal := f.rigs[0].sim, f.rigs[0].portal.Name()
	for _, trouble := range []struct {
		name string
		do   func(ctx context.Context)
	}{
		{"nothing", func(ctx context.Context) { <-ctx.Done() }},
		{"hanging", func(ctx context.Context) {
			fault := sim.Inject(b24sim.Fault{Portal: portal, Act: b24sim.Hold, Times: -1})
			<-ctx.Done()
			fault.Remove()
			fault.Release()
		}},
		{"throttled", func(ctx context.Context) {
			limit := b24sim.QueryLimit(portal, "batch")
			limit.Times = -1
			fault := sim.Inject(limit)
			<-ctx.Done()
			fault.Remove()
		}},
		{"flooding", func(ctx context.Context) { w.flood(ctx, 0) }},
	} {
		h := &hour{b: b, town: w, db: db}
		h.watch(trouble.name, trouble.do)
		h.report(trouble.name)
	}
	b.ReportMetric(0, "ns/op")
	w.settled(5 * time.Minute)
}

// An hour is a busy one of a town, in parts.
type hour struct {
	b     *testing.B
	town  *town
	db    *pgx.Conn
	parts []part
}

// A part of an hour lasts until the next.
type part struct {
	name  string
	from  time.Time
	spent time.Duration // by the program on its processors, until then
	calls int           // of the town, until then
}

// watch rings while a trouble comes and goes, and until nothing is left to be worked
// on.
func (h *hour) watch(name string, trouble func(ctx context.Context)) {
	h.b.Helper()
	h.town.forget()
	ctx, over := context.WithCancel(h.b.Context())
	var ringing sync.WaitGroup
	ringing.Go(func() { h.town.ring(ctx, busyRate, time.Hour) })
	for range troubles {
		h.begin("calm")
		h.last(func(ctx context.Context) { <-ctx.Done() })
		h.begin(name)
		h.last(trouble)
		h.begin(name + "-over")
		h.last(func(ctx context.Context) { <-ctx.Done() })
		h.caughtUp(fewInTrouble)
	}
	h.begin("")
	over()
	ringing.Wait()
	h.caughtUp(noneAtAll)
}

// What is asked to be done with: what has piled up at the portal in trouble, whose own
// calls go on, or the events of all.
const (
	fewInTrouble = "SELECT count(*) >= 10 FROM events WHERE done_at IS NULL AND portal_id = (SELECT min(id) FROM portals)"
	noneAtAll    = "SELECT EXISTS (SELECT FROM events WHERE done_at IS NULL)"
)

// last does something for as long as a trouble lasts.
func (h *hour) last(do func(ctx context.Context)) {
	ctx, cancel := context.WithTimeout(h.b.Context(), troubled)
	defer cancel()
	do(ctx)
}

func (h *hour) begin(name string) {
	h.b.Helper()
	program := h.town.fleet.children[0].command.Process.Pid
	h.parts = append(h.parts, part{name, time.Now(), processorTime(h.b, program), h.town.calls()})
}

// caughtUp waits until a query says that no more events are left to be worked on.
func (h *hour) caughtUp(waiting string) {
	h.b.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for left := true; left; <-tick.C {
		if err := h.db.QueryRow(h.b.Context(), waiting).Scan(&left); err != nil {
			h.b.Fatal(err)
		}
	}
}

// report reports the p95 of the waits of all portals but the troubled one, while it
// is in trouble and after: of all parts together and of the middle one of them, which
// something that befalls one part or another, such as a disk that is busy, does not
// move, and how many times that of the calm parts each is. What a call takes of the
// program's processor, a flood's not counted as calls, tells how fast the machine was.
func (h *hour) report(trouble string) {
	h.b.Helper()
	waits := h.waits()
	calm, calmMiddle := p95(slices.Concat(waits["calm"]...)), quantile(p95s(waits["calm"]), .5)
	for _, name := range []string{"calm", trouble, trouble + "-over"} {
		all, each := slices.Concat(waits[name]...), p95s(waits[name])
		middle := quantile(each, .5)
		h.b.Logf("%s: %d calls, p50 %v, p95 %v, p99 %v; processor %v a call; p95 of the middle part %v, of each %v", name, len(all),
			quantile(all, .5), p95(all), quantile(all, .99), h.cost(name), middle, each)
		if name == "calm" {
			name += "-before-" + trouble
		} else {
			h.b.ReportMetric(p95(all).Seconds()/calm.Seconds(), name+"-ratio")
			h.b.ReportMetric(middle.Seconds()/calmMiddle.Seconds(), name+"-middle-ratio")
		}
		h.b.ReportMetric(p95(all).Seconds()*1000, name+"-p95-ms")
	}
}

func p95(waits []time.Duration) time.Duration { return quantile(waits, .95) }

// p95s are those of each part.
func p95s(parts [][]time.Duration) []time.Duration {
	each := make([]time.Duration, len(parts))
	for i, waits := range parts {
		each[i] = p95(waits).Round(100 * time.Microsecond)
	}
	return each
}

// waits are those of each part, by their name.
func (h *hour) waits() map[string][][]time.Duration {
	h.b.Helper()
	each := make([][]time.Duration, len(h.parts))
	for _, wait := range h.town.waits() {
		later := slices.IndexFunc(h.parts, func(p part) bool { return p.from.After(wait.at) })
		if wait.portal != 0 && later > 0 {
			each[later-1] = append(each[later-1], wait.took)
		}
	}
	named := map[string][][]time.Duration{}
	for i, p := range h.parts {
		named[p.name] = append(named[p.name], each[i])
	}
	return named
}

// cost is what a call of the parts of that name took of the program's processor.
func (h *hour) cost(name string) time.Duration {
	var spent time.Duration
	calls := 0
	for i, p := range h.parts {
		if p.name == name {
			spent += h.parts[i+1].spent - p.spent
			calls += h.parts[i+1].calls - p.calls
		}
	}
	return spent / time.Duration(calls)
}

// analyse has PostgreSQL look at tables that have just been filled, as it does by
// itself within a minute.
func analyse(b *testing.B, db *pgx.Conn) {
	b.Helper()
	if _, err := db.Exec(b.Context(), "ANALYZE"); err != nil {
		b.Fatal(err)
	}
}

func connected(b *testing.B, address string) *pgx.Conn {
	b.Helper()
	db, err := pgx.Connect(b.Context(), address)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := db.Close(context.Background()); err != nil {
			b.Error(err)
		}
	})
	return db
}
