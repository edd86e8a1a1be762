package models_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
)

// flood stores n events of a type under a call key by one statement, all of one moment
// and with a text of so many bytes.
func flood(t testing.TB, s *models.Store, portalID int64, callKey, kind string, n, bytes int) {
	t.Helper()
	check(t, models.SQL(s, t.Context(), fmt.Sprintf(`
		INSERT INTO events (portal_id, source, event_key, call_key, type, payload, happened_at, arrived_at)
		WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < %d)
		SELECT %d, 'pbx', '%s %s ' || n, '%s', '%s', '{"text":"%s"}', '2026-08-21 12:00:00+00:00', '2026-08-21 12:00:00+00:00' FROM numbers ORDER BY n`,
		n, portalID, callKey, kind, callKey, kind, strings.Repeat("x", bytes))))
}

// pending is how many events of a portal are not worked on.
func pending(t *testing.T, s *models.Store, portalID int64) (n int) {
	t.Helper()
	check(t, s.Transaction(t.Context(), func(tx *gorm.DB) error {
		return tx.Raw("SELECT count(*) FROM events WHERE portal_id = ? AND done_at IS NULL", portalID).Scan(&n).Error
	}))
	return n
}

func eventIDs(events []models.Event) (all []int64) {
	for _, e := range events {
		all = append(all, e.ID)
	}
	return all
}

func TestOfACallWithinTheBoundAllEventsAreRead(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p := active(t, s, "one")
		for n, c := range []struct{ events, bytes int }{{63, 1}, {64, 1}, {65, 1}, {999, 1}, {1000, 1}, {1, 250_000}, {63, 66_000}} {
			key := fmt.Sprint("pbx:", n)
			flood(t, s, p.ID, key, "call.ringing", c.events, c.bytes)
			taken := must[*models.TakenCall](t)(s.TakeCall(t.Context(), p.ID, key, "a", time.Minute))
			if len(taken.Events) != c.events || taken.LeftOut {
				t.Fatalf("%+v: %d events, left out %t", c, len(taken.Events), taken.LeftOut)
			}
			for i, e := range taken.Events {
				if len(e.Payload) != c.bytes+len(`{"text":""}`) || e.EventKey != fmt.Sprint(key, " call.ringing ", i+1) {
					t.Fatalf("%+v: event %d is %s, of %d bytes", c, i, e.EventKey, len(e.Payload))
				}
			}
		}
	})
}

// Each database takes fewer values in a statement than there are events here.
func TestOfACallWithVeryManyEventsSomeAreReadAndAllCountAsWorkedOn(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		const many, bound = 70_000, 1000
		flood(t, s, p.ID, "pbx:7", "call.answered", many, 1)
		add(t, s, p.ID, event("other", "pbx:8", 0))
		add(t, s, twin.ID, event("its", "pbx:7", 0))

		told := must[*models.TakenCall](t)(s.TakeCall(ctx, p.ID, "pbx:7", "a", time.Minute))
		if len(told.Events) != bound || !told.LeftOut || pending(t, s, p.ID) != bound+1 {
			t.Fatalf("of no call: %d events, left out %t, %d wait", len(told.Events), told.LeftOut, pending(t, s, p.ID))
		}
		check(t, s.MarkDone(ctx, p.ID, eventIDs(told.Events)))
		if n := pending(t, s, p.ID); n != 1 {
			t.Errorf("%d wait after the work", n)
		}

		c := must[*models.Call](t)(s.EnsureCall(ctx, models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: "pbx:7", PBXCallID: ptr("7"), B24CallID: ptr("9")}))
		flood(t, s, p.ID, "b24:9", "call.ended", many, 1)
		if !must[bool](t)(s.Acquire(ctx, models.CallLease(c.ID), "b", time.Minute)) {
			t.Fatal("the lease is not free")
		}
		for _, owner := range []string{"a", "b"} {
			taken := must[*models.TakenCall](t)(s.TakeCall(ctx, p.ID, "pbx:7", owner, time.Minute))
			if taken.Held || taken.LeftOut || len(taken.Events) != bound || pending(t, s, p.ID) != many+1 {
				t.Errorf("held %t by %s: %d events, left out %t, %d wait", taken.Held, owner, len(taken.Events), taken.LeftOut, pending(t, s, p.ID))
			}
		}
		check(t, s.Release(ctx, models.CallLease(c.ID), "b"))
		taken := must[*models.TakenCall](t)(s.TakeCall(ctx, p.ID, "b24:9", "a", time.Minute))
		if !taken.Held || !taken.LeftOut || len(taken.Events) != bound || pending(t, s, p.ID) != bound+1 {
			t.Fatalf("held %t: %d events, left out %t, %d wait", taken.Held, len(taken.Events), taken.LeftOut, pending(t, s, p.ID))
		}
		if must[bool](t)(s.SaveAndRelease(ctx, taken.Call, "a", startEcho, models.Round{Done: eventIDs(taken.Events)})) {
			t.Error("events wait after the work")
		}
		if n := pending(t, s, p.ID); n != 1 {
			t.Errorf("%d wait after the work on the call", n)
		}
		if n := pending(t, s, twin.ID); n != 1 {
			t.Errorf("of the other portal %d wait", n)
		}
		if its := must[*models.TakenCall](t)(s.TakeCall(ctx, twin.ID, "pbx:7", "a", time.Minute)); len(its.Events) != 1 || its.LeftOut {
			t.Errorf("of the other portal: %d events, left out %t", len(its.Events), its.LeftOut)
		}
	})
}

func TestOfACallWithTooManyEventsItsEndIsReadAndTheNewestOfThoseThatReplaceOneAnother(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p := active(t, s, "one")
		c := must[*models.Call](t)(s.EnsureCall(t.Context(), models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: "pbx:7", PBXCallID: ptr("7")}))
		later := func(key, kind string) models.Event {
			e := event(key, "pbx:7", 365*24*time.Hour)
			e.Type = kind
			return e
		}
		flood(t, s, p.ID, "pbx:7", "call.ringing", 1500, 1)
		flood(t, s, p.ID, "pbx:7", "call.transferred", 900, 1)
		own := later("ours", "command.accepted")
		own.Source = models.SourceCallwise
		add(t, s, p.ID, later("rings", "call.ringing"), later("ends", "call.ended"), later("moves", "call.transferred"), own)
		read := map[string]int{}
		_, events, err := s.CallAndEvents(t.Context(), p.ID, c.ID)
		check(t, err)
		for _, e := range events {
			read[e.Type]++
		}
		want := map[string]int{"command.accepted": 1, "call.ended": 1, "call.transferred": 901, "call.ringing": 97}
		if diff := cmp.Diff(want, read); diff != "" {
			t.Errorf("read (-want +got):\n%s", diff)
		}
		if first, last := events[0].EventKey, keysOf(events[len(events)-4:]); first != "pbx:7 call.ringing 1405" {
			t.Errorf("read from %s to %v", first, last)
		} else if diff := cmp.Diff([]string{"rings", "ends", "moves", "ours"}, last); diff != "" {
			t.Errorf("the last (-want +got):\n%s", diff)
		}
		flood(t, s, p.ID, "pbx:7", "call.answered", 1500, 1)
		events = must[[]models.Event](t)(s.EventsOf(t.Context(), p.ID, "pbx:7"))
		if diff := cmp.Diff([]string{"ends", "ours"}, keysOf(events[len(events)-2:])); diff != "" || len(events) != 1000 {
			t.Errorf("%d events, the last (-want +got):\n%s", len(events), diff)
		}
	})
}

func TestOfACallWithLargeEventsNoMoreIsReadThanTheBound(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		const most = 4 << 20
		flood(t, s, p.ID, "pbx:7", "transcript.ready", 40, 250_000)
		flood(t, s, twin.ID, "pbx:7", "transcript.ready", 16, 250_000)
		add(t, s, p.ID, event("begins", "pbx:7", 365*24*time.Hour))
		taken := must[*models.TakenCall](t)(s.TakeCall(ctx, p.ID, "pbx:7", "a", time.Minute))
		size := 0
		for _, e := range taken.Events {
			size += len(e.Payload)
		}
		if size > most || size < most-260_000 || !taken.LeftOut {
			t.Errorf("%d bytes read, left out %t", size, taken.LeftOut)
		}
		got := []string{taken.Events[0].EventKey, taken.Events[len(taken.Events)-1].EventKey}
		if diff := cmp.Diff([]string{"pbx:7 transcript.ready 25", "begins"}, got); diff != "" {
			t.Errorf("read from and to (-want +got):\n%s", diff)
		}
		if n := pending(t, s, p.ID); n != len(taken.Events) {
			t.Errorf("%d wait, %d are read", n, len(taken.Events))
		}
		its := must[*models.TakenCall](t)(s.TakeCall(ctx, twin.ID, "pbx:7", "a", time.Minute))
		if len(its.Events) != 16 || its.LeftOut || !json.Valid(its.Events[0].Payload) {
			t.Errorf("of the other portal: %d events, left out %t", len(its.Events), its.LeftOut)
		}
	})
}

// BenchmarkTakeCall measures what a worker begins with: the call, its lease, and its
// events, of an ordinary call and of a crowd.
//
//	.ci/with-postgres.sh go test ./models -run '^$' -bench TakeCall
func BenchmarkTakeCall(b *testing.B) {
	for name, address := range map[string]func(testing.TB) string{"SQLite": modelstest.SQLite, "PostgreSQL": modelstest.PostgreSQL} {
		for _, events := range []int{4, 63, 5000} {
			b.Run(fmt.Sprintf("%s/%d events", name, events), func(b *testing.B) {
				s := modelstest.Migrated(b, address(b))
				portal := backlog{portals: 1, events: 100_000}.fill(b, s)[0]
				c := must[*models.Call](b)(s.EnsureCall(b.Context(), models.Call{PortalID: portal, Kind: models.KindPBX, CallKey: "pbx:7", PBXCallID: ptr("7")}))
				flood(b, s, portal, "pbx:7", "call.answered", events, 100)
				check(b, models.SQL(s, b.Context(), "ANALYZE"))
				for b.Loop() {
					must[*models.TakenCall](b)(s.TakeCall(b.Context(), portal, "pbx:7", "a", time.Minute))
					check(b, s.Release(b.Context(), models.CallLease(c.ID), "a"))
				}
			})
		}
	}
}
