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
)

// A town is many portals whose telephones ring: the load of a busy hour. Of 20
// calls 13 come in and are answered, 3 come in and are missed, and 4 go out.
// Every call is with a number of its own. Two people have that of one of those that
// are answered, whose cards both get the call; the others nobody knows, so each that
// comes in becomes one lead.
type town struct {
	t       testing.TB
	fleet   *fleet
	portals []*rig
	talk    time.Duration // how long a part of a call lasts

	placed  []atomic.Int32 // calls of each portal
	leads   []atomic.Int32 // those that make a lead
	shared  []atomic.Int32 // and those of two people
	events  atomic.Int64   // accepted
	calling sync.WaitGroup

	mu    sync.Mutex
	begun map[string]beginning // the call of each number
}

// A beginning is that of a call.
type beginning struct {
	portal int
	at     time.Time // when it was accepted
}

// eventsPerCall is how many events the mix has for one call.
const eventsPerCall = (13*3 + 3*2 + 4*3) / 20.0

// sharedKind is the one of 20 calls whose number two people have.
const sharedKind = 2

// mostPortals is how many a town's numbers have room for.
const mostPortals = 10_000

// newTown opens a town of so many portals on the first process of a fleet.
func newTown(t testing.TB, f *fleet, portals int, talk time.Duration) *town {
	t.Helper()
	if portals < 1 || portals > mostPortals {
		t.Fatalf("a town has 1 to %d portals, not %d", mostPortals, portals)
	}
	w := &town{
		t: t, fleet: f, talk: talk, placed: make([]atomic.Int32, portals), leads: make([]atomic.Int32, portals),
		shared: make([]atomic.Int32, portals), begun: map[string]beginning{},
	}
	f.rigs[0].install()
	for i := range portals {
		p := f.rigs[0]
		if i > 0 {
			p = f.rigs[0].neighbour(fmt.Sprint("portal", i))
		}
		p.switches("c")
		w.portals = append(w.portals, p)
		p.sim.ClearRequests() // or each portal is looked for among those of all before it
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
	switch {
	case kind == sharedKind:
		w.shared[portal].Add(1)
	case kind < 16:
		w.leads[portal].Add(1)
	}
	w.calling.Go(func() { w.call(portal, n, kind) })
}

func (w *town) call(portal, n, kind int) {
	id, phone := fmt.Sprintf("c%d", n), fmt.Sprintf("+4930%04d%05d", portal, n)
	direction := "incoming"
	if kind >= 16 {
		direction = "outgoing"
	}
	if kind == sharedKind {
		for _, name := range []string{"Mia", "Jan"} {
			w.portals[portal].portal.AddContact(b24sim.Contact{Name: name, Phones: []string{phone}})
		}
	}
	w.report(portal, started(id, direction, phone))
	w.mu.Lock()
	w.begun[phone] = beginning{portal, time.Now()}
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
		shared := int(w.shared[i].Load())
		want.Numbers, want.Activities, want.Bindings = want.Leads, want.Leads+shared, want.Leads+2*shared
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
var numberIn = regexp.MustCompile(`\+4930\d{9}`)

// A wait is how long it took from the acceptance of a call's beginning to the first
// request that its portal got about it.
type wait struct {
	beginning
	took time.Duration
}

// waits are those of all calls so far, which must be over.
func (w *town) waits() []wait {
	w.t.Helper()
	asked := map[string]time.Time{}
	for _, request := range w.portals[0].sim.Requests() {
		number := numberIn.FindString(fmt.Sprint(request.Params))
		if at, known := asked[number]; !known || request.At.Before(at) {
			asked[number] = request.At
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []wait
	for number, begun := range w.begun {
		at, ok := asked[number]
		if !ok {
			w.t.Errorf("portal %d was not asked about one of its calls", begun.portal)
		}
		all = append(all, wait{begun, max(0, at.Sub(begun.at))})
	}
	return all
}

// forget has the times of the calls so far not counted any more.
func (w *town) forget() {
	w.portals[0].sim.ClearRequests()
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.begun)
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

// describe says what a town has been through.
func (w *town) describe() string {
	var calls int32
	for i := range w.placed {
		calls += w.placed[i].Load()
	}
	return strings.TrimSpace(fmt.Sprintf("%d calls, %d events accepted, %d attempts refused", calls, w.events.Load(), w.fleet.refused.Load()))
}
