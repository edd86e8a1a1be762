package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"callwise/app/b24/b24sim"

	"github.com/google/go-cmp/cmp"
)

// TestNothingIsLostOrDoubleWhenPostgreSQLIsKilled kills the database server with
// all its processes, then together with a process of ours, while calls are told.
func TestNothingIsLostOrDoubleWhenPostgreSQLIsKilled(t *testing.T) {
	t.Parallel()
	c := newCluster(t, t.TempDir())
	f := fleetOf(t, 2, c.url(), hastyChild)
	w := newTown(t, f, 3, 100*time.Millisecond)
	w.during(func() {
		for _, blow := range []func(){
			c.kill,
			func() {
				c.kill()
				f.children[1].kill()
			},
		} {
			accepted, refused := w.events.Load(), f.refused.Load()
			eventually(t, "load", func() bool { return w.events.Load() > accepted+10 })
			blow()
			eventually(t, "refusals", func() bool { return f.refused.Load() > refused+2 })
			c.start()
		}
		f.restart(1)
	})
	w.settled(2 * time.Minute)
	t.Log(w.describe())
}

// TestNothingIsLostOrDoubleWhenTheDiskIsFull has the database's file system run
// full and gives the room back.
func TestNothingIsLostOrDoubleWhenTheDiskIsFull(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		d := newDisk(t, 32<<20)
		overflow(t, d, "sqlite:"+filepath.Join(d.folder, "callwise.db"), func() {})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		d := newDisk(t, 256<<20)
		c := newCluster(t, d.folder)
		overflow(t, d, c.url(), func() {
			// A server that cannot write its log ends; its keeper starts it again.
			select {
			case <-c.ended:
				c.start()
			default:
			}
		})
	})
}

func overflow(t *testing.T, d *disk, address string, keep func()) {
	f := fleetOf(t, 1, address, hastyChild)
	w := newTown(t, f, 2, 100*time.Millisecond)
	w.during(func() {
		refused := f.refused.Load()
		eventually(t, "load", func() bool { return w.events.Load() > 5 })
		d.fill()
		eventually(t, "refusals", func() bool { return f.refused.Load() > refused+5 })
		d.free()
		keep()
	})
	w.settled(2 * time.Minute)
	t.Log(w.describe())
}

// TestNothingIsLostOrDoubleWhenTheClockJumps sets the clock of the program an
// hour ahead and back again between the events of calls.
func TestNothingIsLostOrDoubleWhenTheClockJumps(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		var mu sync.Mutex
		var ahead time.Duration
		now := func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return time.Now().Add(ahead)
		}
		r := tuned(t, address, classic, func(h *house) {
			h.sweep = 100 * time.Millisecond
			h.store.Now, h.flow.Now = now, now
		})
		r.switches("c")
		for i, jump := range []time.Duration{time.Hour, -time.Hour, 5 * time.Hour, 0} {
			id := fmt.Sprint("c", i)
			r.tell(started(id, "incoming", fmt.Sprint("+4930901820", i)))
			mu.Lock()
			ahead = jump
			mu.Unlock()
			r.tell(answered(id, "104"), ended(id, "answered", 5))
		}
		r.finished(4)
		if got, want := r.portal.Totals(), (b24sim.Totals{Calls: 4, Leads: 4, Numbers: 4, Activities: 4, Bindings: 4}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

// soakVariable says for how long [TestSoak] goes on; without it, it is short, and the
// others have no meaning: soakRate is how many events a second there are, soakPortals
// over how many portals, and with soakKills=0 nothing is killed.
const (
	soakVariable = "SOAK"
	soakRate     = "SOAK_RATE"
	soakPortals  = "SOAK_PORTALS"
	soakKills    = "SOAK_KILLS"
)

// A soak is what [TestSoak] is asked to play.
type soak struct {
	length  time.Duration
	rate    float64 // events a second
	portals int
	kills   bool
	calm    time.Duration // between two blows, about
}

// TestSoak plays a busy hour on three processes and one database while something
// is killed again and again: a process, the way to the database, or the database
// itself. `SOAK=30m make soak` does so at 200 events a second over 160 portals.
func TestSoak(t *testing.T) {
	s := soak{length: 15 * time.Second, rate: 20, portals: 6, kills: true, calm: 3 * time.Second}
	if os.Getenv(soakVariable) != "" {
		s = soak{
			length:  fromEnvironment(t, soakVariable, time.ParseDuration, 0),
			rate:    fromEnvironment(t, soakRate, parseRate, 200),
			portals: fromEnvironment(t, soakPortals, strconv.Atoi, 160),
			kills:   fromEnvironment(t, soakKills, strconv.ParseBool, true),
			calm:    20 * time.Second,
		}
	} else {
		t.Parallel()
	}
	c := newCluster(t, t.TempDir())
	wire, address := wireTo(t, c.url())
	f := fleetOf(t, 3, address, plainChild)
	begun := time.Now()
	w := newTown(t, f, s.portals, time.Second)
	t.Logf("%d portals were installed in %v", s.portals, time.Since(begun).Round(time.Second))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var blows sync.WaitGroup
	count := map[string]int{}
	blows.Go(func() {
		for dealt := rand.Perm(blowsDealt); ; {
			select {
			case <-ctx.Done():
				return
			case <-time.After(s.calm/2 + rand.N(s.calm)):
			}
			if s.kills {
				count[f.blow(c, wire, dealt[0])]++
				dealt = dealt[1:]
			}
			if len(dealt) == 0 {
				dealt = rand.Perm(blowsDealt)
			}
			f.rigs[0].sim.ClearRequests()
		}
	})
	w.ring(t.Context(), s.rate, s.length)
	cancel()
	blows.Wait()
	for _, lack := range s.lacks(w.events.Load(), count) {
		t.Error(lack)
	}
	w.settled(10 * time.Minute)
	t.Log(w.describe(), count)
}

// lacks is what a long soak has not played of what it was asked to.
func (s soak) lacks(events int64, blows map[string]int) []string {
	if s.length < 10*time.Minute {
		return nil
	}
	var lacks []string
	if rate := float64(events) / s.length.Seconds(); rate < .9*s.rate {
		lacks = append(lacks, fmt.Sprintf("%.0f events a second were accepted, not %.0f", rate, s.rate))
	}
	for _, kind := range []string{blowProcess, blowWire, blowDatabase} {
		if s.kills && blows[kind] == 0 {
			lacks = append(lacks, "no "+kind+" was killed")
		}
	}
	return lacks
}

// A run of half an hour that half of its load fell short of said nothing.
func TestALongSoakTellsWhatItDidNotPlay(t *testing.T) {
	all := map[string]int{blowProcess: 7, blowWire: 2, blowDatabase: 1}
	long, calm := soak{length: 10 * time.Minute, rate: 100, kills: true}, soak{length: 10 * time.Minute, rate: 100}
	for _, tt := range []struct {
		name   string
		soak   soak
		events int64
		blows  map[string]int
		want   []string
	}{
		{"all", long, 54_000, all, nil},
		{"fewer events", long, 53_000, all, []string{"88 events a second were accepted, not 100"}},
		{"the database lived", long, 60_000, map[string]int{blowProcess: 7, blowWire: 2}, []string{"no database was killed"}},
		{"only the database died", long, 60_000, map[string]int{blowDatabase: 1}, []string{"no process was killed", "no wire was killed"}},
		{"nothing was to be killed", calm, 60_000, nil, nil},
		{"short", soak{length: time.Minute, rate: 100, kills: true}, 0, nil, nil},
	} {
		if diff := cmp.Diff(tt.want, tt.soak.lacks(tt.events, tt.blows)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// fromEnvironment is what a variable says.
func fromEnvironment[T any](t *testing.T, name string, parse func(string) (T, error), otherwise T) T {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	value, err := parse(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return value
}

func parseRate(text string) (float64, error) { return strconv.ParseFloat(text, 64) }

// What is killed, each at least once in every deal of so many blows.
const (
	blowProcess  = "process"
	blowWire     = "wire"
	blowDatabase = "database"

	blowsDealt = 10
)

// blow is the n-th of blowsDealt: it kills something, starts it again, and says what
// it was.
func (f *fleet) blow(c *cluster, wire *wire, n int) string {
	switch {
	case n < 7:
		f.restart(rand.IntN(len(f.rigs)))
		return blowProcess
	case n < 9:
		wire.cut.Store(true)
		wire.hangUp()
		select {
		case <-time.After(time.Second):
		case <-f.t.Context().Done():
		}
		wire.cut.Store(false)
		return blowWire
	}
	c.kill()
	c.start()
	return blowDatabase
}
