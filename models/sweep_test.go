package models_test

import (
	"fmt"
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
)

// A backlog is events that wait, four of each call, in each of some portals.
// Repeated calls are known, failed and will be repeated in an hour.
type backlog struct {
	portals, events int
	repeated        bool
}

// fill makes a backlog by a statement for each table, and returns its portals.
func (b backlog) fill(t testing.TB, s *models.Store) []int64 {
	t.Helper()
	var ids []int64
	object := "'{}'"
	err := s.Transaction(t.Context(), func(tx *gorm.DB) error {
		if tx.Name() == "postgres" {
			object = "CAST('{}' AS json)"
		}
		const numbers = "WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < ? - 1) "
		if err := tx.Exec(`INSERT INTO portals (member_id, status, settings, created_at, updated_at) `+numbers+`
			SELECT 'backlog-' || n, 'active', `+object+`, ?, ? FROM numbers`, b.portals, noon, noon).Error; err != nil {
			return err
		}
		if err := tx.Raw("SELECT id FROM portals WHERE member_id LIKE 'backlog-%' ORDER BY id").Scan(&ids).Error; err != nil {
			return err
		}
		if err := tx.Exec(`INSERT INTO events (portal_id, source, event_key, call_key, type, payload, happened_at, arrived_at) `+numbers+`
			SELECT p.id, 'pbx', 'e-' || n, 'pbx:p-' || (n / 4), 'call.started', `+object+`, p.created_at, p.created_at
			FROM numbers, portals p WHERE p.member_id LIKE 'backlog-%' ORDER BY p.id, n`, b.events).Error; err != nil {
			return err
		}
		if !b.repeated {
			return nil
		}
		return tx.Exec(`
			INSERT INTO calls (portal_id, kind, call_key, pbx_call_id, state, progress, started_at, retry_at, created_at, updated_at)
			SELECT portal_id, 'pbx', call_key, substr(call_key, 5), 'open', `+object+`, min(happened_at), ?, min(happened_at), min(happened_at)
			FROM events WHERE event_key LIKE 'e-%' GROUP BY portal_id, call_key`, noon.Add(time.Hour)).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func TestALongBacklogIsLookedThroughPartByPart(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		s.Now = func() time.Time { return noon }
		flooded := backlog{portals: 1, events: 2500, repeated: true}.fill(t, s)[0]
		last := models.CallArgs{PortalID: flooded, CallKey: "pbx:last"}
		add(t, s, flooded, event("last", last.CallKey, 0))
		twin := models.CallArgs{PortalID: active(t, s, "two").ID, CallKey: "pbx:p-1"}
		add(t, s, twin.PortalID, event("1", twin.CallKey, 0))
		sweep := s.NewSweep()
		for i, want := range [][]models.CallArgs{{twin}, {twin}, {last, twin}, {twin}} {
			got := must[[]models.CallArgs](t)(sweep.PendingCalls(t.Context(), 2))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("look %d (-want +got):\n%s", i+1, diff)
			}
		}
	})
}

func TestARepetitionSetByAClockThatWasAheadIsDue(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		s.Now = func() time.Time { return noon }
		ctx, p := t.Context(), active(t, s, "one")
		for key, at := range map[string]time.Time{"pbx:later": noon.Add(time.Hour), "pbx:ahead": noon.AddDate(1, 0, 0)} {
			add(t, s, p.ID, event(key, key, 0))
			c := ensure(t, s, p.ID, key)
			c.RetryAt = &at
			check(t, s.SaveCall(ctx, c))
		}
		want := []models.CallArgs{{PortalID: p.ID, CallKey: "pbx:ahead"}}
		if diff := cmp.Diff(want, must[[]models.CallArgs](t)(s.NewSweep().PendingCalls(ctx, 10))); diff != "" {
			t.Errorf("pending (-want +got):\n%s", diff)
		}
		if waiting := must[models.Backlog](t)(s.Backlog(ctx)).Events; waiting != 1 {
			t.Errorf("%d events wait, want 1", waiting)
		}
	})
}

func TestAsLongAsCallsCanBeWokenTheOldestAreWoken(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		flooded := backlog{portals: 1, events: 1100}.fill(t, s)[0]
		want := []models.CallArgs{{PortalID: flooded, CallKey: "pbx:p-0"}, {PortalID: flooded, CallKey: "pbx:p-1"}}
		sweep := s.NewSweep()
		for range 2 {
			if diff := cmp.Diff(want, must[[]models.CallArgs](t)(sweep.PendingCalls(t.Context(), 2))); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		}
	})
}

func TestBacklogsOfVeryManyPortalsAreLookedThroughInTurn(t *testing.T) {
	first := func(portals []int64) []models.CallArgs {
		var calls []models.CallArgs
		for _, id := range portals {
			calls = append(calls, models.CallArgs{PortalID: id, CallKey: "pbx:p-0"})
		}
		return calls
	}
	for _, tt := range []struct {
		events int
		looks  func(portals []int64) [][]int64
	}{
		{4, func(all []int64) [][]int64 { return [][]int64{all, all} }},
		{204, func(all []int64) [][]int64 { return [][]int64{all[:50], all[50:], all[:50]} }},
	} {
		t.Run(fmt.Sprintf("%d events each", tt.events), func(t *testing.T) {
			modelstest.Each(t, func(t *testing.T, s *models.Store) {
				portals, sweep := backlog{portals: 51, events: tt.events}.fill(t, s), s.NewSweep()
				for i, look := range tt.looks(portals) {
					if diff := cmp.Diff(first(look), must[[]models.CallArgs](t)(sweep.PendingCalls(t.Context(), 1))); diff != "" {
						t.Errorf("look %d (-want +got):\n%s", i+1, diff)
					}
				}
			})
		})
	}
}

// BenchmarkPendingCalls measures a look for lost wake-ups while 50,000 events of
// one portal wait, of calls that nobody has begun, or of calls that all wait to
// be repeated, and while an outage has 10,000 portals wait.
//
//	.ci/with-postgres.sh go test ./models -run '^$' -bench PendingCalls -benchtime 20x
func BenchmarkPendingCalls(b *testing.B) {
	for name, address := range map[string]func(testing.TB) string{"SQLite": modelstest.SQLite, "PostgreSQL": modelstest.PostgreSQL} {
		for waiting, rows := range map[string]backlog{
			"new": {portals: 1, events: 50_000}, "repeated": {portals: 1, events: 50_000, repeated: true},
			"outage": {portals: 10_000, events: 8, repeated: true},
		} {
			b.Run(name+"/"+waiting, func(b *testing.B) {
				s := modelstest.Migrated(b, address(b))
				s.Now = func() time.Time { return noon }
				rows.fill(b, s)
				if name == "PostgreSQL" {
					if err := models.SQL(s, b.Context(), "VACUUM ANALYZE"); err != nil {
						b.Fatal(err)
					}
				}
				sweep := s.NewSweep()
				for b.Loop() {
					if _, err := sweep.PendingCalls(b.Context(), 64); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func TestHoweverManyCallsAreToBeRepeatedAllAreWokenAtOnce(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		s.Now = func() time.Time { return noon }
		flooded := backlog{portals: 1, events: 16_004, repeated: true}.fill(t, s)[0]
		check(t, s.WakeFailing(t.Context(), flooded))
		if woken := len(jobs(t, s)); woken != 4001 {
			t.Errorf("%d calls are woken, want 4001", woken)
		}
		if err := s.WakeFailing(t.Context(), flooded); err != nil || len(jobs(t, s)) != 4001 {
			t.Errorf("again: %d jobs, %v", len(jobs(t, s)), err)
		}
	})
}
