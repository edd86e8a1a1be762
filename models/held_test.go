package models_test

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
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
		taken := func(portal *models.Portal, key, owner string, want models.TakenCall) {
			t.Helper()
			want.Portal = must[*models.Portal](t)(s.PortalByID(ctx, portal.ID))
			if diff := cmp.Diff(&want, must[*models.TakenCall](t)(s.TakeCall(ctx, portal.ID, key, owner, time.Minute))); diff != "" {
				t.Errorf("%s of %s by %s (-want +got):\n%s", key, portal.MemberID, owner, diff)
			}
		}
		held := *want
		held.HeldBy = "a"
		for _, key := range want.Keys() {
			taken(p, key, "a", models.TakenCall{Call: &held, Held: true, Events: events})
			taken(p, key, "b", models.TakenCall{Call: want, Events: events})
			must[bool](t)(s.ReleaseCall(ctx, p.ID, made.ID, "a", startEcho, models.Round{}))
		}
		taken(p, "pbx:externalCall.9", "a", models.TakenCall{Events: []models.Event{}})
		taken(p, "pbx:8", "a", models.TakenCall{Events: must[[]models.Event](t)(s.EventsOf(ctx, p.ID, "pbx:8"))})
		taken(twin, "pbx:7", "a", models.TakenCall{Events: must[[]models.Event](t)(s.EventsOf(ctx, twin.ID, "pbx:7"))})
		taken(twin, "callback:k", "a", models.TakenCall{Events: []models.Event{}})
		if !must[bool](t)(s.Acquire(ctx, models.CallLease(made.ID), "c", time.Minute)) {
			t.Error("the lease is kept")
		}
		_, err := s.TakeCall(ctx, 4711, "callback:k", "a", time.Minute)
		wantErr(t, err, models.ErrNotFound)

		got, told, err := s.CallAndEvents(ctx, p.ID, made.ID)
		check(t, err)
		if diff := cmp.Diff(want, got); diff != "" || len(told) != 3 {
			t.Errorf("without the lease: %d events, call (-want +got):\n%s", len(told), diff)
		}
		_, _, err = s.CallAndEvents(ctx, twin.ID, made.ID)
		wantErr(t, err, models.ErrNotFound)
	})
}

func TestACallIsMadeAndTakenAtOnce(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		add(t, s, p.ID, event("1", "pbx:7", 0))
		fresh := models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: "pbx:7", PBXCallID: ptr("7"), Phone: "+4930901820"}
		first := must[*models.TakenCall](t)(s.TakeNewCall(ctx, fresh, "a", time.Minute))
		want := must[*models.Call](t)(s.CallByKey(ctx, p.ID, "pbx:7"))
		want.HeldBy = "a"
		if diff := cmp.Diff(want, first.Call); diff != "" || !first.Held || len(first.Events) != 1 {
			t.Errorf("held %t with %d events, call (-want +got):\n%s", first.Held, len(first.Events), diff)
		}
		second := must[*models.TakenCall](t)(s.TakeNewCall(ctx, fresh, "b", time.Minute))
		if second.Held || second.Call.ID != first.Call.ID {
			t.Errorf("made again: call %d, held %t, for call %d", second.Call.ID, second.Held, first.Call.ID)
		}
		fresh.PortalID = twin.ID
		if its := must[*models.TakenCall](t)(s.TakeNewCall(ctx, fresh, "b", time.Minute)); !its.Held || its.Call.PortalID != twin.ID || len(its.Events) != 0 {
			t.Errorf("the other portal: held %t, call of portal %d with %d events", its.Held, its.Call.PortalID, len(its.Events))
		}
		_, err := s.TakeNewCall(ctx, models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: "callback:k", PBXCallID: ptr("7")}, "c", time.Minute)
		wantErr(t, err, models.ErrConflict)
		must[*models.Call](t)(s.EnsureCall(ctx, models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: "pbx:8"}))
		_, err = s.TakeNewCall(ctx, models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: "pbx:8", PBXCallID: ptr("8")}, "c", time.Minute)
		wantErr(t, err, models.ErrNotFound)
	})
}

func TestALeaseThatIsTakenInVainIsGivenBack(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p := active(t, s, "one")
		c := must[*models.Call](t)(s.EnsureCall(ctx, models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: "pbx:7", PBXCallID: ptr("7")}))
		check(t, s.Transaction(ctx, func(tx *gorm.DB) error {
			return tx.Exec("UPDATE portals SET application_token = ? WHERE id = ?", []byte("no key opens this"), p.ID).Error
		}))
		if taken, err := s.TakeCall(ctx, p.ID, "pbx:7", "a", time.Minute); err == nil {
			t.Errorf("%+v", taken)
		}
		if !must[bool](t)(s.Acquire(ctx, models.CallLease(c.ID), "b", time.Minute)) {
			t.Error("the lease is kept")
		}
	})
}

// reported is what was reported under a key that no call is known for.
func reported(t *testing.T, s *models.Store, portalID int64, key string) []models.Event {
	t.Helper()
	taken := must[*models.TakenCall](t)(s.TakeCall(t.Context(), portalID, key, "reader", time.Minute))
	if taken.Call != nil {
		t.Errorf("%s: call %d is known", key, taken.Call.ID)
	}
	return taken.Events
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
			if must[bool](t)(s.ReleaseCall(ctx, p.ID, c.call, "a", startEcho, models.Round{})) {
				t.Errorf("%s: news before it came", c.name)
			}
			add(t, s, p.ID, c.event)
			add(t, s, twin.ID, c.event)
			if got := must[bool](t)(s.ReleaseCall(ctx, p.ID, c.call, "a", startEcho, models.Round{})); got != c.news {
				t.Errorf("%s: news %t", c.name, got)
			}
			events := must[[]models.Event](t)(s.EventsOf(ctx, p.ID, c.event.CallKey))
			for _, e := range events {
				check(t, s.MarkDone(ctx, p.ID, []int64{e.ID}))
			}
		}
		_, err := s.ReleaseCall(ctx, twin.ID, registered, "a", startEcho, models.Round{})
		wantErr(t, err, models.ErrNotFound)
	})
}

func TestALeaseOfACallIsGivenBackByItsOwnerOnly(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p := active(t, s, "one")
		id := must[*models.Call](t)(s.EnsureCall(ctx, models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: "pbx:1", PBXCallID: ptr("1")})).ID
		for _, step := range []struct {
			releases, acquires string
			got                bool
		}{{"", "a", true}, {"b", "b", false}, {"a", "b", true}} {
			must[bool](t)(s.ReleaseCall(ctx, p.ID, id, step.releases, startEcho, models.Round{}))
			if got := must[*models.TakenCall](t)(s.TakeCall(ctx, p.ID, "pbx:1", step.acquires, time.Minute)).Held; got != step.got {
				t.Errorf("released by %q: %q gets it: %t", step.releases, step.acquires, got)
			}
		}
	})
}

// PostgreSQL goes by statistics, which are older than the rows of a table that grows,
// and by averages over all portals.
func TestWhatIsDoneForEachCallIsNotPlannedAnewForEach(t *testing.T) {
	s := modelstest.Migrated(t, modelstest.PostgreSQL(t))
	ctx := t.Context()
	p := active(t, s, "one")
	for n := range 20 {
		active(t, s, fmt.Sprint("other", n))
	}
	fill := func(from, to int) {
		check(t, models.SQL(s, ctx, fmt.Sprintf(`
			INSERT INTO calls (portal_id, kind, call_key, pbx_call_id, direction, started_at, state, decision, progress, created_at, updated_at)
			SELECT p.id, 'pbx', 'pbx:' || n, n, 'incoming', now(), 'finished', '{}', '{}', now(), now() FROM portals p, generate_series(%d, %d) n`, from, to)))
		check(t, models.SQL(s, ctx, fmt.Sprintf(`
			INSERT INTO rest_log (portal_id, at, method)
			SELECT max(id), now(), 'batch' FROM portals, generate_series(%d, %d) n GROUP BY n`, from, to)))
		check(t, models.SQL(s, ctx, fmt.Sprintf(`
			INSERT INTO recordings (portal_id, call_key, state, kind, created_at, ready_at)
			SELECT max(id), 'pbx:' || n, 'ready', 'mp3', now(), now() FROM portals, generate_series(%d, %d) n GROUP BY n`, from, to)))
	}
	fill(1, 100)
	check(t, models.SQL(s, ctx, "ANALYZE"))
	fill(101, 1000)
	for n := range 50 {
		id := strconv.Itoa(n + 501)
		taken := must[*models.TakenCall](t)(s.TakeCall(ctx, p.ID, "pbx:"+id, "a", time.Minute))
		_, err := s.AudioOf(ctx, p.ID, taken.Call.Keys()...)
		wantErr(t, err, models.ErrNotFound)
		asked := []models.RESTRequest{{PortalID: p.ID, Method: "batch", At: time.Now()}}
		must[bool](t)(s.ReleaseCall(ctx, p.ID, taken.Call.ID, "a", startEcho, models.Round{Asked: asked}))
	}
	kept := 0
	for _, conn := range slices.Concat(models.Pools(s)[0].AcquireAllIdle(ctx), models.Pools(s)[1].AcquireAllIdle(ctx)) {
		defer conn.Release()
		rows, err := conn.Query(ctx, "SELECT statement, generic_plans, custom_plans FROM pg_prepared_statements")
		check(t, err)
		type plans struct {
			Statement       string
			Generic, Custom int
		}
		for _, of := range must[[]plans](t)(pgx.CollectRows(rows, pgx.RowToStructByPos[plans])) {
			if of.Custom > 5 { // which PostgreSQL always tries
				t.Errorf("planned %d times: %s", of.Custom, of.Statement)
			}
			kept += of.Generic
		}
	}
	if kept < 50*5 {
		t.Errorf("only %d plans were used again: the test shows nothing", kept)
	}
}

// Each connection has planned what it reads, and PostgreSQL does not change what a
// plan returns: it fails once on each, and goes on.
func TestAReadThatFailsInABatchKeepsNoConnection(t *testing.T) {
	s := modelstest.Migrated(t, modelstest.PostgreSQL(t))
	ctx := t.Context()
	p := active(t, s, "one")
	c := must[*models.Call](t)(s.EnsureCall(ctx, models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: "pbx:1", PBXCallID: ptr("1")}))
	const connections = 64
	all := func(do func() error) (failed int) {
		var count atomic.Int64
		var group sync.WaitGroup
		for range connections {
			group.Go(func() {
				if do() != nil {
					count.Add(1)
				}
			})
		}
		group.Wait()
		return int(count.Load())
	}
	take := func() error {
		if _, err := s.TakeCall(ctx, p.ID, "pbx:1", "a", time.Minute); err != nil {
			return err
		}
		_, _, err := s.CallAndEvents(ctx, p.ID, c.ID)
		return err
	}
	if n := all(take); n > 0 {
		t.Fatalf("%d fail before the update", n)
	}
	check(t, s.Transaction(ctx, func(tx *gorm.DB) error {
		return tx.Exec("ALTER TABLE calls ALTER COLUMN customer_name TYPE varchar(500)").Error
	}))
	failed := 0
	for range 10 {
		failed += all(take)
	}
	if failed == 0 {
		t.Error("nothing failed: the test shows nothing")
	}
	if n := all(take); n > 0 {
		t.Errorf("%d still fail", n)
	}
	check(t, s.Close())
}
