// Package models is the database: one struct per table and the only queries
// that touch it, the same on PostgreSQL and SQLite. Every query about a portal
// carries the portal's id, so that no portal reads or writes another's rows.
// Secrets are encrypted before they reach the database. Times are UTC, exact to
// a microsecond.
package models

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"callwise/migrations"

	"github.com/jackc/pgx/v5/pgxpool"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// Errors of this package that callers tell apart.
var (
	ErrNotFound = errors.New("models: not found")
	ErrConflict = errors.New("models: changed meanwhile")
	ErrBusy     = errors.New("models: too much at a time")
)

// A Store is an open database. It may be shared by goroutines.
type Store struct {
	// Now is the clock. Tests may replace it before the first use.
	Now func() time.Time
	// Committed hears of each commit of events: of how many, and how long it
	// took. It may be set before the first use.
	Committed func(events int, took time.Duration)
	// Log is told of what fails and is tried again. It may be set before the first
	// use.
	Log *slog.Logger

	db       *gorm.DB
	sql      *sql.DB
	pool     *pgxpool.Pool // nil on SQLite
	soonDB   *gorm.DB      // see [Store.soon]
	soonSQL  *sql.DB       // nil on SQLite, as the pool beneath it
	soonPool *pgxpool.Pool
	keys     Keyring
	river    river
	arrivals *committer[arrival]
	admitted admissions
	heard    atomic.Pointer[func([]CallArgs)] // see [Store.Listen]
	closing  context.Context                  // ends when the store is closed
	cancel   context.CancelFunc
}

// Open connects to the database at address, postgres://… or sqlite:PATH, where
// PATH is a file in a folder that exists. keys may be the zero Keyring if no
// secret is read or written. The schema is left alone: see [Store.Migrate].
func Open(ctx context.Context, address string, keys Keyring) (*Store, error) {
	s := &Store{
		Now: time.Now, Committed: func(int, time.Duration) {}, Log: slog.New(slog.DiscardHandler),
		keys: keys, admitted: newAdmissions(),
	}
	s.closing, s.cancel = context.WithCancel(context.Background())
	if err := s.connect(ctx, address); err != nil {
		return nil, err
	}
	if err := s.prepare(); err != nil {
		return nil, errors.Join(err, s.disconnect())
	}
	s.arrivals = newCommitter(maxArrivals, s.addArrivals, refused)
	return s, nil
}

// CheckAddress reports what is wrong with an address that [Open] can connect to
// nowhere, without connecting.
func CheckAddress(address string) error {
	switch scheme, path, _ := strings.Cut(address, ":"); scheme {
	case "postgres", "postgresql":
		_, err := parsePostgres(address)
		return err
	case "sqlite":
		return checkPath(path)
	}
	return errAddress
}

var errAddress = errors.New("database: the address must begin with postgres:// or sqlite: and a path")

func (s *Store) connect(ctx context.Context, address string) error {
	switch scheme, path, _ := strings.Cut(address, ":"); scheme {
	case "postgres", "postgresql":
		return s.connectPostgres(ctx, address)
	case "sqlite":
		return s.connectSQLite(ctx, path)
	}
	return errAddress
}

// gormConfig has GORM neither log, which would print values, nor wrap single
// statements in transactions, nor read all columns by one name, see [fields].
func (s *Store) gormConfig() *gorm.Config {
	return &gorm.Config{
		Logger:                 logger.Discard,
		NowFunc:                s.now,
		SkipDefaultTransaction: true,
		TranslateError:         true,
		QueryFields:            true,
	}
}

// Migrate brings the schema up to date. It may be called by several processes
// at once, but not while this Store is in use.
func (s *Store) Migrate(ctx context.Context) error {
	if s.pool != nil {
		return s.migratePostgres(ctx)
	}
	return s.migrateSQLite(ctx)
}

// Ready reports why the database cannot be used now: it is not reached, or its
// schema is older than this program.
func (s *Store) Ready(ctx context.Context) error {
	pending, err := migrations.Pending(ctx, s.schema())
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if len(pending) > 0 {
		return fmt.Errorf("database: migrations %d are not applied", pending)
	}
	return nil
}

func (s *Store) schema() migrations.Database {
	if s.pool != nil {
		return migrations.Database{Dialect: migrations.Postgres, SQL: s.sql}
	}
	return migrations.Database{Dialect: migrations.SQLite, SQL: s.sql}
}

// hangsFor is how long a database that hangs is waited for that is to undo something,
// or to end: it does not keep the process from ending.
const hangsFor = 5 * time.Second

// though is ctx for what is to be undone though ctx has ended, for as long as hangsFor.
func though(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), hangsFor)
}

// Close stores the events already taken on and closes the database. What is still in
// use after a while is left to the end of the process.
func (s *Store) Close() error {
	s.arrivals.close()
	return s.disconnect()
}

func (s *Store) disconnect() error {
	s.cancel()
	err := s.sql.Close()
	if s.pool != nil {
		err = errors.Join(err, s.soonSQL.Close())
		s.closePools()
	}
	return err
}

// closePools waits for the connections in use.
func (s *Store) closePools() {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		s.pool.Close()
		s.soonPool.Close()
	}()
	select {
	case <-closed:
	case <-time.After(hangsFor):
		s.Log.Warn("connections to the database left open that did not end")
	}
}

// Transaction runs do in one transaction and rolls back when it fails or
// panics. On SQLite there is one connection: do must use nothing but tx.
func (s *Store) Transaction(ctx context.Context, do func(tx *gorm.DB) error) error {
	return s.with(ctx).Transaction(do)
}

func (s *Store) with(ctx context.Context) *gorm.DB { return s.db.WithContext(ctx) }

// soon is [Store.with] for what does no harm if it is lost, and done again, when
// the database dies: PostgreSQL makes it durable a moment later, in its order, and
// whoever writes does not wait for the disk. On SQLite it is durable at once.
//
// https://www.postgresql.org/docs/current/wal-async-commit.html
func (s *Store) soon(ctx context.Context) *gorm.DB { return s.soonDB.WithContext(ctx) }

func (s *Store) now() time.Time { return Stored(s.Now()) }

// found translates GORM's word for an absent row.
func found(err error) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return ErrNotFound
	}
	return err
}

// changed turns a statement that met no row into ErrNotFound.
func changed(result *gorm.DB) error {
	if result.Error == nil && result.RowsAffected == 0 {
		return ErrNotFound
	}
	return result.Error
}

// conflict translates the violation of a UNIQUE constraint.
func conflict(err error) error {
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return ErrConflict
	}
	return err
}
