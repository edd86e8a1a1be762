package models_test

import (
	"context"
	"database/sql"
	"os"
	"testing"

	"callwise/models"
	"callwise/models/modelstest"

	"github.com/pressly/goose/v3"
)

// isNext is a migration that needs the table events for itself for a moment, and
// it is pending in a database of [schemaBefore] it.
const isNext = 11

// schemaBefore migrates an empty database up to, and without, a version; River's
// part of the schema is left out.
func schemaBefore(t *testing.T, address string, version int64) {
	t.Helper()
	db := must[*sql.DB](t)(sql.Open("pgx", address))
	defer db.Close()
	files := os.DirFS("../migrations/postgres")
	noRiver := goose.WithGoMigrations(goose.NewGoMigration(2, nil, nil))
	provider := must[*goose.Provider](t)(goose.NewProvider(goose.DialectPostgres, db, files, noRiver))
	must[[]*goose.MigrationResult](t)(provider.UpTo(t.Context(), version-1))
}

// TestEventsAreStoredWhileAMigrationIsKeptWaiting is an update during a backup:
// pg_dump reads each table in one transaction, the migration waits for it, and
// whoever stores events would wait behind the migration.
func TestEventsAreStoredWhileAMigrationIsKeptWaiting(t *testing.T) {
	address := modelstest.PostgreSQL(t)
	schemaBefore(t, address, isNext)
	s := modelstest.Open(t, address)
	writer := begin(t, address)
	check(t, writer.exec("INSERT INTO portals (member_id, status, settings, created_at, updated_at) VALUES ('one', 'active', '{}', now(), now())"))
	check(t, writer.exec("COMMIT"))
	check(t, writer.exec("SET statement_timeout = '20s'")) // else a failure would hang

	reader := begin(t, address)
	check(t, reader.exec("SELECT count(*) FROM events"))
	migration := later(func() error { return s.Migrate(context.Background()) })
	for _, key := range []string{"e1", "e2"} {
		reader.blocks()
		err := writer.exec(`INSERT INTO events (portal_id, source, event_key, call_key, type, payload, happened_at, arrived_at)
			SELECT id, 'pbx', $1, 'pbx:1', 'call.started', '{}', now(), now() FROM portals`, key)
		if err != nil {
			t.Fatalf("an event: %v", err)
		}
		reader.blocksNobody()
	}
	select {
	case err := <-migration:
		t.Fatalf("the migration did not wait for the reader: %v", err)
	default:
	}
	check(t, reader.exec("COMMIT"))
	check(t, receive(t, migration))
	check(t, s.Ready(t.Context()))
}

// TestTheQueuesMigrationsDoNotWaitEither has somebody hold the name of one of
// River's tables.
func TestTheQueuesMigrationsDoNotWaitEither(t *testing.T) {
	address := modelstest.PostgreSQL(t)
	s := modelstest.Open(t, address)
	other := begin(t, address)
	check(t, other.exec("CREATE TABLE river_job (id bigint)"))
	migration := later(func() error { return s.Migrate(context.Background()) })
	other.blocks()
	other.blocksNobody()
	check(t, other.exec("ROLLBACK"))
	check(t, receive(t, migration))
	check(t, s.Ready(t.Context()))
}

func TestOnlyMigrationsGiveUpWaitingForALock(t *testing.T) {
	s := modelstest.Migrated(t, modelstest.PostgreSQL(t))
	for _, pool := range models.Pools(s) {
		var limit string
		check(t, pool.QueryRow(t.Context(), "SHOW lock_timeout").Scan(&limit))
		if limit != "0" {
			t.Errorf("after %s", limit)
		}
	}
}
