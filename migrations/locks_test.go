package migrations

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

func TestOnlyWhatGotNoLockIsTriedAgain(t *testing.T) {
	locked := &goose.PartialError{Err: fmt.Errorf("version 7: %w", &pgconn.PgError{Code: lockNotAvailable})}
	deadlock := &goose.PartialError{Err: fmt.Errorf("version 7: %w", &pgconn.PgError{Code: deadlockDetected})}
	unique := &pgconn.PgError{Code: "23505"}
	broken := errors.New("broken")
	for _, tt := range []struct {
		name  string
		fails []error // one try after the other; the last holds for all that follow
		want  error
		tried int
	}{
		{"it succeeds", []error{nil}, nil, 1},
		{"it gets its locks at last", []error{locked, locked, nil}, nil, 3},
		{"it never gets them", []error{locked}, locked, tries},
		{"it is the one that a deadlock is ended with", []error{deadlock, locked, nil}, nil, 3},
		{"something else that PostgreSQL refuses", []error{unique}, unique, 1},
		{"something else", []error{broken}, broken, 1},
		{"something else after a lock", []error{locked, broken}, broken, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tried, began := 0, time.Now()
				err := repeat(t.Context(), func(context.Context) error {
					tried++
					return tt.fails[min(tried, len(tt.fails))-1]
				})
				if !errors.Is(err, tt.want) {
					t.Errorf("%v, want %v", err, tt.want)
				}
				if tried != tt.tried {
					t.Errorf("tried %d times, want %d", tried, tt.tried)
				}
				if between := time.Since(began); between != time.Duration(tt.tried-1)*pause {
					t.Errorf("%v between the tries", between)
				}
			})
		})
	}
}

func TestAProgramThatIsToEndDoesNotTryAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		locked, tried := &pgconn.PgError{Code: lockNotAvailable}, 0
		err := repeat(ctx, func(context.Context) error {
			tried++
			stop()
			return locked
		})
		if tried != 1 || !errors.Is(err, context.Canceled) || !errors.Is(err, locked) {
			t.Errorf("tried %d times: %v", tried, err)
		}
	})
}

func TestWithNothingToDoNobodyIsWaitedFor(t *testing.T) {
	db := open(t, postgreSQL(t))
	folder := fstest.MapFS{"00001_notes.sql": {Data: []byte("-- +goose Up\nCREATE TABLE notes (id bigint);")}}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, folder)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	up := func() error { return upPostgres(ctx, db, provider) }
	if err := up(); err != nil {
		t.Fatal(err)
	}
	id, err := lockID(ctx, db)
	if err != nil {
		t.Fatal(err)
	}
	if err := alone(ctx, db, id, up); err != nil {
		t.Errorf("while another migrates: %v", err)
	}
}

func TestAMigrationThatSucceededIsDoneAlthoughItsLockWasLost(t *testing.T) {
	db := open(t, postgreSQL(t))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	id, err := lockID(ctx, db)
	if err != nil {
		t.Fatal(err)
	}
	holders := func(what string) (n int, err error) {
		err = db.QueryRowContext(ctx, "SELECT count("+what+`) FROM pg_locks
			WHERE locktype = 'advisory' AND granted AND (classid::bigint << 32) | objid::bigint = $1`, id).Scan(&n)
		return n, err
	}
	lose := func() error {
		n, err := holders("pg_terminate_backend(pid)")
		if n != 1 {
			return errors.Join(err, fmt.Errorf("%d hold the lock", n))
		}
		return err
	}
	if err := alone(ctx, db, id, lose); err != nil {
		t.Error(err)
	}
	broken := errors.New("broken")
	if err := alone(ctx, db, id, func() error { return broken }); !errors.Is(err, broken) {
		t.Errorf("%v, want %v", err, broken)
	}
	for n := 1; n > 0; { // the database notices a closed connection a moment later
		if n, err = holders("*"); err != nil {
			t.Fatal(err)
		}
	}
	if n := db.Stats().InUse; n != 0 {
		t.Errorf("%d connections are not given back", n)
	}
}

// anIndex is how a file makes an index of a table in use: what a try left behind
// that did not get its locks is first removed.
const anIndex = `-- +goose NO TRANSACTION
-- +goose Up
DROP INDEX CONCURRENTLY IF EXISTS events_note;
CREATE INDEX CONCURRENTLY events_note ON events (note);
`

// TestAnIndexThatATryLeftBehindIsMadeAnew has a reader whose view of the database
// is older than the index: PostgreSQL finishes the index when the reader is gone.
func TestAnIndexThatATryLeftBehindIsMadeAnew(t *testing.T) {
	if what := harm(Postgres, anIndex); len(what) > 0 {
		t.Errorf("refused: %q", what)
	}
	address := postgreSQL(t)
	db := open(t, address)
	execute(t, db.Exec, "CREATE TABLE events (note text)")
	folder := fstest.MapFS{"00001_index.sql": {Data: []byte(anIndex)}}
	provider, err := goose.NewProvider(goose.DialectPostgres, open(t, address+"&lock_timeout=500ms"), folder)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := db.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
	if err != nil {
		t.Fatal(err)
	}
	execute(t, reader.Exec, "SELECT FROM events")
	tried := 0
	err = repeat(t.Context(), func(ctx context.Context) error {
		_, err := provider.Up(ctx)
		if tried++; tried == 2 { // the first leaves the index behind, the second does not get to remove it
			return errors.Join(err, reader.Commit())
		}
		return err
	})
	if err != nil || tried < 3 {
		t.Errorf("tried %d times: %v", tried, err)
	}
	var valid bool
	if err := db.QueryRowContext(t.Context(), "SELECT indisvalid FROM pg_index WHERE indexrelid = 'events_note'::regclass").Scan(&valid); err != nil || !valid {
		t.Errorf("valid: %v, %v", valid, err)
	}
}

// postgreSQL is the address of an empty schema that goes with the test; without a
// PostgreSQL the test is skipped.
func postgreSQL(t *testing.T) string {
	t.Helper()
	base := os.Getenv("TEST_DATABASE_URL")
	if base == "" {
		t.Skip("no PostgreSQL here: set TEST_DATABASE_URL")
	}
	address, err := url.Parse(base)
	if err != nil {
		t.Fatal("TEST_DATABASE_URL is not an address")
	}
	db, schema := open(t, base), "test_"+strings.ToLower(rand.Text())
	execute(t, db.Exec, "CREATE SCHEMA "+schema)
	t.Cleanup(func() { execute(t, db.Exec, "DROP SCHEMA "+schema+" CASCADE") })
	query := address.Query()
	query.Set("search_path", schema)
	address.RawQuery = query.Encode()
	return address.String()
}

func open(t *testing.T, address string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func execute(t *testing.T, exec func(string, ...any) (sql.Result, error), statement string) {
	t.Helper()
	if _, err := exec(statement); err != nil {
		t.Fatal(err)
	}
}
