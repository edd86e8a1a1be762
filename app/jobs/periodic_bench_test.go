package jobs

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"callwise/app/b24"
	"callwise/app/callflow"
	"callwise/models/modelstest"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
)

// BenchmarkPeriodicJobs measures one pass of what runs by the clock over 10,000
// portals, each with 20 calls of the last weeks: its time and its statements on
// PostgreSQL. One portal in twenty has lost its access, one in a hundred has an
// event that waits. No portal has tokens: what Bitrix24 would be asked, and what
// is stored of that, comes on top.
//
//	.ci/with-postgres.sh go test ./app/jobs -run '^$' -bench PeriodicJobs -benchtime 1x
func BenchmarkPeriodicJobs(b *testing.B) {
	address := modelstest.PostgreSQL(b)
	s := modelstest.Migrated(b, address)
	country(b, address)
	flow := &callflow.Flow{
		Store: s, Bitrix24: &b24.App{ClientID: "local", ClientSecret: "local", AuthHosts: []string{"https://oauth.bitrix.info"}},
		Log: slog.New(slog.DiscardHandler), Lookups: callflow.NewLookups(callflow.DefaultLookupAge), Owner: "bench",
		Lease: callflow.DefaultLease, RecoverAfter: callflow.DefaultRecoverAfter, Now: time.Now,
	}
	h := House{Flow: flow, Store: s, Log: flow.Log, KeepCalls: 365 * 24 * time.Hour}
	look := s.NewSweep()
	for _, job := range []struct {
		name string
		pass func(context.Context) error
	}{
		{"sweep, each 5 s", func(ctx context.Context) error {
			_, err := look.PendingCalls(ctx, sweepAtMost)
			return err
		}},
		{"backlog, each 15 s", func(ctx context.Context) error {
			_, err := s.Backlog(ctx)
			return err
		}},
		{"close, each minute", func(ctx context.Context) error {
			return (&closeWorker{house: h}).Work(ctx, &river.Job[closeArgs]{})
		}},
		{"watch, each 5 min", func(ctx context.Context) error {
			return (&watchWorker{house: h}).Work(ctx, &river.Job[watchArgs]{})
		}},
		{"recover, each 5 min", func(ctx context.Context) error {
			return (&recoverWorker{house: h}).Work(ctx, &river.Job[recoverArgs]{})
		}},
		{"purge, each hour", func(ctx context.Context) error {
			return (&purgeWorker{house: h}).Work(ctx, &river.Job[purgeArgs]{})
		}},
		// The last: that a portal has no tokens is noted, and it is not asked again.
		{"employees, each 5 min", func(ctx context.Context) error {
			return (&employeesWorker{house: h}).Work(ctx, &river.Job[employeesArgs]{})
		}},
	} {
		b.Run(job.name, func(b *testing.B) {
			before := statements(b, address)
			for b.Loop() {
				if err := job.pass(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(statements(b, address)-before)/float64(b.N), "statements/op")
		})
	}
}

// country fills a database with portals and their calls.
func country(b *testing.B, address string) {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), address)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, statement := range []string{
		`INSERT INTO portals (member_id, endpoint, status, status_code, settings, installed_at, created_at, updated_at)
		SELECT 'portal-' || n, 'https://p' || n || '.bitrix24.com/rest/', CASE WHEN n % 20 = 0 THEN 'reauth' ELSE 'active' END,
			CASE WHEN n % 20 = 0 THEN 'expired_token' ELSE '' END, '{}', now(), now(), now() FROM generate_series(1, 10000) n`,
		`INSERT INTO calls (portal_id, kind, call_key, pbx_call_id, direction, status, state, result, progress, started_at, created_at, updated_at)
		SELECT p.id, 'pbx', 'pbx:c-' || n, 'c-' || n, 'incoming', 'answered', 'finished', 'added', '{}', at, at, at
		FROM portals p, generate_series(0, 19) n, LATERAL (SELECT now() - n * interval '33 hours' - p.id % 60 * interval '1 minute' AS at) AS began`,
		`INSERT INTO events (portal_id, source, event_key, call_key, type, payload, happened_at, arrived_at, done_at)
		SELECT portal_id, 'pbx', call_key, call_key, 'call.ended', '{}', started_at, started_at,
			CASE WHEN portal_id % 100 = 0 AND call_key = 'pbx:c-0' THEN NULL ELSE started_at END FROM calls`,
		`VACUUM ANALYZE`,
	} {
		if _, err := conn.Exec(b.Context(), statement); err != nil {
			b.Fatal(err)
		}
	}
}

// statements is how many statements, or transactions of several, the database
// has committed. A connection that is idle tells of its last ones ten seconds
// late, so it is asked until it stays the same for longer.
func statements(b *testing.B, address string) int64 {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), address)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(context.Background())
	tick := time.NewTicker(11 * time.Second)
	defer tick.Stop()
	for last := int64(-1); ; <-tick.C {
		var committed int64
		if err := conn.QueryRow(b.Context(), "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()").Scan(&committed); err != nil {
			b.Fatal(err)
		}
		if committed-last <= 2 { // the questions themselves
			return committed
		}
		last = committed
	}
}
