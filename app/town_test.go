package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"callwise/app/b24/b24sim"

	"github.com/jackc/pgx/v5"
)

// A town is many portals whose telephones ring: the load of a busy hour. Of 20
// calls 13 come in and are answered, 3 come in and are missed, and 4 go out.
// Every call is with a number of its own that nobody knows, so each that comes
// in becomes one lead.
type town struct {
	t       testing.TB
	fleet   *fleet
	portals []*rig
	talk    time.Duration // how long a part of a call lasts

	placed  []atomic.Int32 // calls of each portal
	leads   []atomic.Int32 // and those that make a lead
	events  atomic.Int64   // accepted
	calling sync.WaitGroup

	mu    sync.Mutex
	taken map[string]time.Time // when the beginning of a number's call was accepted
}

// eventsPerCall is how many events the mix has for one call.
const eventsPerCall = (13*3 + 3*2 + 4*3) / 20.0

// newTown opens a town of so many portals on the first process of a fleet.
func newTown(t testing.TB, f *fleet, portals int, talk time.Duration) *town {
	t.Helper()
	w := &town{
		t: t, fleet: f, talk: talk, placed: make([]atomic.Int32, portals), leads: make([]atomic.Int32, portals),
		taken: map[string]time.Time{},
	}
	f.rigs[0].install()
	for i := range portals {
		p := f.rigs[0]
		if i > 0 {
			p = f.rigs[0].neighbour(fmt.Sprint("portal", i))
		}
		p.switches("c")
		w.portals = append(w.portals, p)
	}
	return w
}

// ring places calls for so long, so many events a second over all portals in
// turn, and waits until each call is told to its end.
func (w *town) ring(ctx context.Context, rate float64, d time.Duration) {
	gap := time.Duration(eventsPerCall / rate * float64(time.Second))
	tick := time.NewTicker(gap)
	defer tick.Stop()
	over := time.After(d)
	for i := 0; ; i++ {
		select {
		case <-over:
			w.calling.Wait()
			return
		case <-ctx.Done():
			w.calling.Wait()
			return
		case <-tick.C:
		}
		w.place(i % len(w.portals))
	}
}

// during rings, ten events a second, until do has returned.
func (w *town) during(do func()) {
	ctx, over := context.WithCancel(w.t.Context())
	var ringing sync.WaitGroup
	ringing.Go(func() { w.ring(ctx, 10, time.Hour) })
	do()
	over()
	ringing.Wait()
}

// place places the next call of a portal.
func (w *town) place(portal int) {
	n := int(w.placed[portal].Add(1))
	kind := n % 20
	if kind < 16 {
		w.leads[portal].Add(1)
	}
	w.calling.Go(func() { w.call(portal, n, kind) })
}

func (w *town) call(portal, n, kind int) {
	id, phone := fmt.Sprintf("c%d", n), fmt.Sprintf("+4930%03d%05d", portal, n)
	direction := "incoming"
	if kind >= 16 {
		direction = "outgoing"
	}
	w.report(portal, started(id, direction, phone))
	w.mu.Lock()
	w.taken[phone] = time.Now()
	w.mu.Unlock()
	w.pause()
	if kind >= 13 && kind < 16 {
		w.report(portal, ended(id, "missed", 0))
		return
	}
	w.report(portal, answered(id, "104"))
	w.pause()
	w.report(portal, ended(id, "answered", 5))
}

func (w *town) report(portal int, event map[string]any) {
	w.fleet.send(w.portals[portal].key, rand.IntN(len(w.fleet.rigs)), event)
	w.events.Add(1)
}

// pause is a part of a call: nothing is told while it lasts.
func (w *town) pause() {
	select {
	case <-time.After(w.talk/2 + rand.N(w.talk)):
	case <-w.t.Context().Done():
	}
}

// settled waits until every portal knows all its calls and their ends, and
// compares what they have with what they should have: nothing lost, nothing
// double.
func (w *town) settled(patience time.Duration) {
	w.t.Helper()
	deadline := time.Now().Add(patience)
	for i, p := range w.portals {
		want := b24sim.Totals{Calls: int(w.placed[i].Load()), Leads: int(w.leads[i].Load())}
		want.Numbers, want.Activities = want.Leads, want.Leads
		for p.portal.Totals() != want && time.Now().Before(deadline) {
			select {
			case <-time.After(100 * time.Millisecond):
			case <-w.t.Context().Done():
			}
		}
		if got := p.portal.Totals(); got != want {
			w.t.Errorf("%s: %+v, want %+v", p.portal.Name(), got, want)
		}
	}
}

// numberIn finds a town's number in what a portal was asked.
var numberIn = regexp.MustCompile(`\+4930\d{8}`)

// waits are how long it took from the acceptance of each call's beginning to the
// first request that its portal got about it, of those portals that count.
func (w *town) waits(counts func(portal string) bool) []time.Duration {
	first := map[string]time.Time{}
	for _, request := range w.portals[0].sim.Requests() {
		if !counts(request.Portal) {
			continue
		}
		number := numberIn.FindString(fmt.Sprint(request.Params))
		if at, known := first[number]; !known || request.At.Before(at) {
			first[number] = request.At
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []time.Duration
	for number, at := range w.taken {
		if asked, ok := first[number]; ok {
			all = append(all, max(0, asked.Sub(at)))
		}
	}
	return all
}

// flood reports that many ringing events of one portal at once, again and again,
// until ctx ends.
func (w *town) flood(ctx context.Context, portal int) {
	p := w.portals[portal]
	for i := 0; ctx.Err() == nil; i++ {
		var events []map[string]any
		for k := range 20 {
			id := fmt.Sprintf("flood%d-%d", i, k)
			events = append(events, started(id, "internal", "105"), ended(id, "answered", 1))
		}
		if status, body := p.report(events...); status != 202 {
			w.t.Errorf("flood: %d %s", status, body)
		}
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// BenchmarkEventsToPortals measures how long it takes from the acceptance of a
// call's beginning to the first request to its portal at 200 events a second
// over 160 portals, and what one portal that hangs, is throttled, or floods us
// does to the others, while it does so and while what has piled up is worked off.
// Run it with -benchtime 1x, on Linux.
func BenchmarkEventsToPortals(b *testing.B) {
	address := postgreSQL(b)
	f := fleetOf(b, 1, address, plainChild)
	w := newTown(b, f, 160, time.Second)
	sim, troubled := f.rigs[0].sim, f.rigs[0].portal.Name()
	others := func(portal string) bool { return portal != troubled && portal != "" }
	calm := func() time.Duration { return w.busy(b, "calm", others) }
	calm() // warms up
	db := connected(b, address)
	analyse(b, db)
	for _, trouble := range []struct {
		name string
		do   func(ctx context.Context)
	}{
		{"hanging", func(ctx context.Context) {
			fault := sim.Inject(b24sim.Fault{Portal: troubled, Act: b24sim.Hold, Times: -1})
			<-ctx.Done()
			fault.Remove()
			fault.Release()
		}},
		{"throttled", func(ctx context.Context) {
			limit := b24sim.QueryLimit(troubled, "batch")
			limit.Times = -1
			fault := sim.Inject(limit)
			<-ctx.Done()
			fault.Remove()
		}},
		{"flooding", func(ctx context.Context) { w.flood(ctx, 0) }},
	} {
		before := calm()
		ctx, cancel := context.WithCancel(b.Context())
		var going sync.WaitGroup
		going.Go(func() { trouble.do(ctx) })
		during := w.busy(b, trouble.name, others)
		cancel()
		going.Wait()
		afterwards := w.busy(b, trouble.name+"-over", others)
		caughtUp(b, db)
		usual := (before + calm()).Seconds() / 2
		b.ReportMetric(during.Seconds()/usual, trouble.name+"-ratio")
		b.ReportMetric(afterwards.Seconds()/usual, trouble.name+"-over-ratio")
	}
	b.ReportMetric(0, "ns/op")
	w.settled(5 * time.Minute)
}

// analyse has PostgreSQL look at tables that have just been filled, as it does by
// itself within a minute.
func analyse(b *testing.B, db *pgx.Conn) {
	b.Helper()
	if _, err := db.Exec(b.Context(), "ANALYZE"); err != nil {
		b.Fatal(err)
	}
}

// caughtUp waits until no event is left to be worked on.
func caughtUp(b *testing.B, db *pgx.Conn) {
	b.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for waiting := true; waiting; <-tick.C {
		const open = "SELECT EXISTS (SELECT FROM events WHERE done_at IS NULL)"
		if err := db.QueryRow(b.Context(), open).Scan(&waiting); err != nil {
			b.Fatal(err)
		}
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

// busy rings for a while and returns the p95 of the waits, which it reports. What the
// program's processor took for a call, a flood's aside, tells how fast the machine was.
func (w *town) busy(b *testing.B, name string, counts func(string) bool) time.Duration {
	b.Helper()
	sim := w.portals[0].sim
	sim.ClearRequests()
	w.mu.Lock()
	clear(w.taken)
	w.mu.Unlock()
	program := w.fleet.children[0].command.Process.Pid
	spent, placed := processorTime(b, program), w.calls()
	w.ring(b.Context(), 200, 15*time.Second)
	spent = (processorTime(b, program) - spent) / time.Duration(w.calls()-placed)
	all := w.waits(counts)
	b.Logf("%s: %d calls, p50 %v, p95 %v, p99 %v; processor %v a call", name, len(all),
		quantile(all, .5), quantile(all, .95), quantile(all, .99), spent)
	b.ReportMetric(quantile(all, .95).Seconds()*1000, name+"-p95-ms")
	return quantile(all, .95)
}

// describe says what a town has been through.
func (w *town) describe() string {
	var calls int32
	for i := range w.placed {
		calls += w.placed[i].Load()
	}
	return strings.TrimSpace(fmt.Sprintf("%d calls, %d events accepted, %d attempts refused", calls, w.events.Load(), w.fleet.refused.Load()))
}
