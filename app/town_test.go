package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"callwise/app/b24"
	"callwise/app/b24/b24sim"
	"callwise/app/callflow"
)

// A town is many portals whose telephones ring: the load of a busy hour. Of 20
// calls 13 come in and are answered, 3 come in and are missed, 2 go out, 1 is clicked
// and dialled by the PBX that is told so, and 1 comes in on a line of Bitrix24 itself.
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
	clicked []atomic.Int32
	own     []atomic.Int32 // those of Bitrix24's own lines
	events  atomic.Int64   // accepted
	calling sync.WaitGroup

	mu    sync.Mutex
	begun map[string]beginning // the call of each number
	dials map[string]string    // the command of each click
}

// A beginning is that of a call.
type beginning struct {
	portal int
	at     time.Time // when it was accepted
}

// eventsPerCall is how many events of PBXs the mix has for one call.
const eventsPerCall = (13*3 + 3*2 + 2*3 + 3) / 20.0

// Of 20 calls, the one whose number two people have, the one that is clicked, and the
// one of Bitrix24's own line.
const (
	sharedKind  = 2
	clickedKind = 18
	ownKind     = 19
)

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
		shared: make([]atomic.Int32, portals), clicked: make([]atomic.Int32, portals), own: make([]atomic.Int32, portals),
		begun: map[string]beginning{}, dials: map[string]string{},
	}
	f.rigs[0].install()
	for i := range portals {
		p := f.rigs[0]
		if i > 0 {
			p = f.rigs[0].neighbour(fmt.Sprint("portal", i))
		}
		p.switches("c")
		p.pbx.setDial(func(id string, command map[string]any) { w.dial(i, id, command) })
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
	kind := (n + portal) % 20
	switch {
	case kind == clickedKind:
		w.clicked[portal].Add(1)
	case kind == ownKind:
		w.own[portal].Add(1)
	case kind == sharedKind:
		w.shared[portal].Add(1)
	case kind < 16:
		w.leads[portal].Add(1)
	}
	w.calling.Go(func() { w.call(portal, n, kind) })
}

func (w *town) call(portal, n, kind int) {
	id, phone := fmt.Sprintf("c%d", n), fmt.Sprintf("+4930%04d%05d", portal, n)
	switch kind {
	case clickedKind:
		w.portals[portal].portal.Click(b24sim.Click{UserID: omar, Phone: phone, Line: callflow.DefaultLine})
		return
	case ownKind:
		w.onOwnLine(portal, phone)
		return
	}
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

// onOwnLine is a call of which only Bitrix24 tells.
func (w *town) onOwnLine(portal int, phone string) {
	c := w.portals[portal].portal.StartCall(b24sim.BuiltinCall{Incoming: true, Phone: phone, Line: "4930901800", UserID: anna})
	w.pause()
	c.Answer()
	w.pause()
	c.End("200", 5)
}

// dial is the call of a click, as the PBX makes it that is told so: once, however often
// the command comes.
func (w *town) dial(portal int, command string, told map[string]any) {
	click := fmt.Sprint(told["bitrix24_call_id"])
	w.mu.Lock()
	known := w.dials[click]
	w.dials[click] = command
	w.mu.Unlock()
	if known != "" && known != command {
		w.t.Errorf("%s: a click is to be dialled twice", w.portals[portal].portal.Name())
	}
	if known != "" {
		return
	}
	w.report(portal, started(click, "outgoing", fmt.Sprint(told["phone"]), map[string]any{"bitrix24_call_id": click, "extensions": []string{"105"}}))
	w.pause()
	w.report(portal, answered(click, "105"))
	w.pause()
	end := ended(click, "answered", 5)
	end["extension"] = "105"
	w.report(portal, end)
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
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	if err := w.portals[0].sim.WaitIdle(ctx); err != nil {
		w.t.Error(err)
	}
	for i, p := range w.portals {
		want := w.owed(i)
		for !want.are(p.portal.Totals()) && ctx.Err() == nil {
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
		}
		if got := p.portal.Totals(); !want.are(got) {
			w.t.Errorf("%s: %+v, want %+v", p.portal.Name(), got, want)
		}
	}
}

// An owed is what a portal's calls should have left behind. Bitrix24 tells of a thing
// once: nothing is owed for what nobody accepted then.
type owed struct {
	b24sim.Totals     // had all been accepted of the clicks, and nothing of the own lines' calls that was not
	Clicks        int // that were not: nobody may have dialled and ended them
	Own           int // that were not: the statistics may have told of them
}

// owed is what a portal should have.
func (w *town) owed(portal int) owed {
	clicks, own := w.accepted(portal)
	o := owed{Clicks: int(w.clicked[portal].Load()) - clicks, Own: int(w.own[portal].Load()) - own}
	shared := int(w.shared[portal].Load())
	o.Calls, o.Leads = int(w.placed[portal].Load()), int(w.leads[portal].Load())+own
	o.Numbers, o.Activities, o.Bindings = o.Leads, o.Leads+shared, o.Leads+2*shared
	return o
}

// accepted is of how many clicks and of how many ends of calls of its own lines a portal
// could tell.
func (w *town) accepted(portal int) (clicks, own int) {
	for _, d := range w.portals[portal].portal.Deliveries() {
		switch {
		case d.Status != http.StatusOK:
		case d.Event == b24.ExternalCallStart:
			clicks++
		case d.Event == b24.VoximplantEnd && !strings.HasPrefix(d.Form.Get("data[CALL_ID]"), "externalCall."):
			own++
		}
	}
	return clicks, own
}

// are reports whether a portal has what it should.
func (o owed) are(got b24sim.Totals) bool {
	told := got.Leads - o.Leads
	if told < 0 || told > o.Own || got.Going > o.Clicks {
		return false
	}
	want := o.Totals
	want.Going, want.Calls = got.Going, want.Calls-got.Going
	want.Leads, want.Numbers, want.Activities, want.Bindings = want.Leads+told, want.Numbers+told, want.Activities+told, want.Bindings+told
	return got == want
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
	var clicked, told, own, ended int
	for i := range w.portals {
		clicks, ends := w.accepted(i)
		told, ended = told+clicks, ended+ends
		clicked, own = clicked+int(w.clicked[i].Load()), own+int(w.own[i].Load())
	}
	return fmt.Sprintf("%d calls, %d events accepted, %d attempts refused; %d of %d clicks and the ends of %d of %d calls of own lines accepted",
		w.calls(), w.events.Load(), w.fleet.refused.Load(), told, clicked, ended, own)
}

// Bitrix24 tells of a thing once: a town must not take what was never accepted for lost,
// nor what was for owed by nobody.
func TestATownIsOwedWhatWasAcceptedAndNoMore(t *testing.T) {
	all := b24sim.Totals{Calls: 10, Leads: 5, Numbers: 5, Activities: 6, Bindings: 7}
	for _, tt := range []struct {
		name        string
		clicks, own int // that were not accepted
		got         b24sim.Totals
		want        bool
	}{
		{"all", 0, 0, all, true},
		{"a click was lost", 0, 0, b24sim.Totals{Going: 1, Calls: 9, Leads: 5, Numbers: 5, Activities: 6, Bindings: 7}, false},
		{"a click was never told", 1, 0, b24sim.Totals{Going: 1, Calls: 9, Leads: 5, Numbers: 5, Activities: 6, Bindings: 7}, true},
		{"its answer was lost", 1, 0, all, true},
		{"a call that nobody clicked was lost as well", 1, 0, b24sim.Totals{Going: 1, Calls: 8, Leads: 5, Numbers: 5, Activities: 6, Bindings: 7}, false},
		{"an own line's call was lost", 0, 0, b24sim.Totals{Calls: 10, Leads: 4, Numbers: 4, Activities: 5, Bindings: 6}, false},
		{"one that was never told is in the statistics", 0, 1, b24sim.Totals{Calls: 10, Leads: 6, Numbers: 6, Activities: 7, Bindings: 8}, true},
		{"it is taken up twice", 0, 1, b24sim.Totals{Calls: 10, Leads: 7, Numbers: 6, Activities: 8, Bindings: 9}, false},
		{"it is taken up by halves", 0, 1, b24sim.Totals{Calls: 10, Leads: 6, Numbers: 6, Activities: 6, Bindings: 7}, false},
		{"a call is finished twice", 1, 1, b24sim.Totals{Calls: 11, Leads: 5, Numbers: 5, Activities: 6, Bindings: 7}, false},
	} {
		if got := (owed{Totals: all, Clicks: tt.clicks, Own: tt.own}).are(tt.got); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
