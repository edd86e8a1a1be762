package models_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
)

var startEcho = models.Echoes{Types: []string{"START"}, Kinds: []models.CallKind{models.KindPBX}}

func TestACallIsReadByWhoeverGetsItsLease(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		pbx, b24 := "7", "externalCall.9"
		made := must[*models.Call](t)(s.EnsureCall(ctx, models.Call{
			PortalID: p.ID, Kind: models.KindCallback, CallKey: "callback:k", PBXCallID: &pbx, B24CallID: &b24, Phone: "+4930901820",
		}))
		add(t, s, p.ID, event("1", "callback:k", 0), event("2", "pbx:7", 2), event("3", "b24:externalCall.9", 1), event("4", "pbx:8", 0))
		add(t, s, twin.ID, event("1", "pbx:7", 0))

		want := must[*models.Call](t)(s.CallByID(ctx, p.ID, made.ID))
		events := must[[]models.Event](t)(s.EventsOf(ctx, p.ID, want.Keys()...))
		if len(events) != 3 {
			t.Fatalf("%d events", len(events))
		}
		got, told, err := s.AcquireCall(ctx, p.ID, made.ID, "call:1", "a", time.Minute)
		check(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("call (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(events, told); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		got, told, err = s.CallAndEvents(ctx, p.ID, made.ID)
		check(t, err)
		if diff := cmp.Diff(want, got); diff != "" || len(told) != 3 {
			t.Errorf("without the lease: %d events, call (-want +got):\n%s", len(told), diff)
		}

		got, told, err = s.AcquireCall(ctx, p.ID, made.ID, "call:1", "b", time.Minute)
		check(t, err)
		if got != nil || told != nil {
			t.Error("read although another has the lease")
		}
		_, _, err = s.AcquireCall(ctx, twin.ID, made.ID, "call:2", "b", time.Minute)
		wantErr(t, err, models.ErrNotFound)
		if !must[bool](t)(s.Acquire(ctx, "call:2", "c", time.Minute)) {
			t.Error("the lease of no call is kept")
		}
		_, _, err = s.CallAndEvents(ctx, twin.ID, made.ID)
		wantErr(t, err, models.ErrNotFound)
	})
}

func TestWhoeverGivesACallBackHearsOfEventsThatAskForWork(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		pbx, b24 := "7", "externalCall.9"
		call := func(key string, kind models.CallKind, pbx, b24 *string) int64 {
			return must[*models.Call](t)(s.EnsureCall(ctx, models.Call{PortalID: p.ID, Kind: kind, CallKey: key, PBXCallID: pbx, B24CallID: b24})).ID
		}
		registered, fresh := call("pbx:7", models.KindPBX, &pbx, &b24), call("pbx:8", models.KindPBX, nil, nil)
		clicked := "clicked"
		click := call("b24:clicked", models.KindClick, nil, &clicked)
		start := func(key, callKey string) models.Event {
			e := event(key, callKey, 0)
			e.Type = "START"
			return e
		}
		for _, c := range []struct {
			name  string
			call  int64
			event models.Event
			news  bool
		}{
			{"an echo", registered, start("1", "b24:externalCall.9"), false},
			{"another event of Bitrix24's", registered, event("2", "b24:externalCall.9", 0), true},
			{"an event of the PBX's of that type", fresh, start("3", "pbx:8"), true},
			{"an event of a click", click, start("4", "b24:clicked"), true},
		} {
			if must[bool](t)(s.ReleaseCall(ctx, p.ID, c.call, "call:1", "a", startEcho)) {
				t.Errorf("%s: news before it came", c.name)
			}
			add(t, s, p.ID, c.event)
			add(t, s, twin.ID, c.event)
			if got := must[bool](t)(s.ReleaseCall(ctx, p.ID, c.call, "call:1", "a", startEcho)); got != c.news {
				t.Errorf("%s: news %t", c.name, got)
			}
			events := must[[]models.Event](t)(s.EventsOf(ctx, p.ID, c.event.CallKey))
			for _, e := range events {
				check(t, s.MarkDone(ctx, p.ID, []int64{e.ID}))
			}
		}
		_, err := s.ReleaseCall(ctx, twin.ID, registered, "call:1", "a", startEcho)
		wantErr(t, err, models.ErrNotFound)
	})
}

func TestALeaseOfACallIsGivenBackByItsOwnerOnly(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p := active(t, s, "one")
		id := must[*models.Call](t)(s.EnsureCall(ctx, models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: "pbx:1"})).ID
		for _, step := range []struct {
			releases, acquires string
			got                bool
		}{{"", "a", true}, {"b", "b", false}, {"a", "b", true}} {
			must[bool](t)(s.ReleaseCall(ctx, p.ID, id, "call:1", step.releases, startEcho))
			row, _, err := s.AcquireCall(ctx, p.ID, id, "call:1", step.acquires, time.Minute)
			check(t, err)
			if got := row != nil; got != step.got {
				t.Errorf("released by %q: %q gets it: %t", step.releases, step.acquires, got)
			}
		}
	})
}

// A rolling update adds a column while the version before is at work: each of its
// connections has planned what it reads. It fails once on each, and goes on.
func TestAReadThatFailsInABatchKeepsNoConnection(t *testing.T) {
	s := modelstest.Migrated(t, modelstest.PostgreSQL(t))
	ctx := t.Context()
	p := active(t, s, "one")
	c := must[*models.Call](t)(s.EnsureCall(ctx, models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: "pbx:1"}))
	const connections, names = 64, "call:%d"
	all := func(do func(i int) error) (failed int) {
		var count atomic.Int64
		var group sync.WaitGroup
		for i := range connections {
			group.Go(func() {
				if do(i) != nil {
					count.Add(1)
				}
			})
		}
		group.Wait()
		return int(count.Load())
	}
	take := func(i int) error {
		_, _, err := s.AcquireCall(ctx, p.ID, c.ID, fmt.Sprintf(names, i), "a", time.Minute)
		if err != nil {
			return err
		}
		_, _, err = s.CallAndEvents(ctx, p.ID, c.ID)
		return err
	}
	if n := all(take); n > 0 {
		t.Fatalf("%d fail before the update", n)
	}
	check(t, s.Transaction(ctx, func(tx *gorm.DB) error {
		return tx.Exec("ALTER TABLE calls ADD COLUMN added text").Error
	}))
	failed := 0
	for range 10 {
		failed += all(func(i int) error { return take(connections + i) })
	}
	if failed == 0 {
		t.Error("nothing failed: the test shows nothing")
	}
	if n := all(func(i int) error { return take(2*connections + i) }); n > 0 {
		t.Errorf("%d still fail", n)
	}
	check(t, s.Close())
}
