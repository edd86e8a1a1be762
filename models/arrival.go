package models

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
)

// maxArrivals is how many requests share one commit at most.
const maxArrivals = 256

// storeLimit is how long a commit may take. A sender waits for the one before it, too.
const storeLimit = 10 * time.Second

// An arrival is the events of one request.
type arrival struct {
	events     []Event
	accepted   int
	duplicates int
}

// AddEvents stores events of a portal: all or none. It returns when they are
// durable, and whoever [Store.Listen]s is told of their calls. What is not done
// of them is what wakes a worker if nobody is told, see [Sweep.PendingCalls]: one
// that comes with DoneAt asks for no work. An event that the sender has repeated
// changes nothing and counts as a duplicate. [ErrRefused] means that the database does
// not take them, however often it is tried.
//
// Requests that arrive at the same time share a commit.
func (s *Store) AddEvents(ctx context.Context, portalID int64, events []Event) (accepted, duplicates int, err error) {
	a := &arrival{events: make([]Event, len(events))}
	for i, e := range events {
		if a.events[i], err = s.arrived(portalID, e); err != nil {
			return 0, 0, err
		}
	}
	if err := s.arrivals.put(ctx, a); err != nil {
		return 0, 0, err
	}
	return a.accepted, a.duplicates, nil
}

func (s *Store) arrived(portalID int64, e Event) (Event, error) {
	if !json.Valid(e.Payload) {
		return Event{}, errors.New("models: the payload of an event is not JSON")
	}
	e.PortalID, e.ArrivedAt, e.HappenedAt = portalID, s.now(), Stored(e.HappenedAt)
	if e.DoneAt != nil {
		e.DoneAt = &e.ArrivedAt
	}
	e.EventKey, e.CallKey, e.Type = clean(e.EventKey), clean(e.CallKey), clean(e.Type)
	e.Payload = json.RawMessage(clean(string(e.Payload)))
	return e, nil
}

// eventName is what one event of all portals is known by.
type eventName struct {
	PortalID int64
	Source   Source
	EventKey string
}

func (e Event) name() eventName { return eventName{e.PortalID, e.Source, e.EventKey} }

// addArrivals stores the events of several requests in one transaction.
func (s *Store) addArrivals(batch []*arrival) error {
	ctx, cancel := context.WithTimeout(context.Background(), storeLimit)
	defer cancel()
	var events []Event
	for _, a := range batch {
		events = append(events, a.events...)
	}
	began := time.Now()
	fresh, err := s.addEvents(ctx, events)
	if err != nil && !refused(err) && ctx.Err() == nil {
		fresh, err = s.addEventsAgain(ctx, events, err)
	}
	if err != nil {
		return err
	}
	s.tell(callsOf(events, fresh))
	s.Committed(len(events), time.Since(began))
	for _, a := range batch {
		a.count(fresh)
	}
	return nil
}

// count takes the request's share of the new events.
func (a *arrival) count(fresh map[eventName]bool) {
	for _, e := range a.events {
		if fresh[e.name()] {
			a.accepted++
			delete(fresh, e.name())
		}
	}
	a.duplicates = len(a.events) - a.accepted
}

// addEvents stores events in a transaction of their own and returns the names of
// the new ones.
func (s *Store) addEvents(ctx context.Context, events []Event) (map[eventName]bool, error) {
	if s.pool != nil {
		return insertPostgres(ctx, s.pool, events) // one statement is one transaction
	}
	tx, err := s.sql.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	fresh, err := insertSQLite(ctx, tx, events)
	if err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	return fresh, tx.Commit()
}

// addEventsAgain is addEvents after it failed, and not for the events. Where one
// connection broke, others did, as when PostgreSQL is started anew: it takes a new one.
func (s *Store) addEventsAgain(ctx context.Context, events []Event, failed error) (map[eventName]bool, error) {
	if s.pool != nil && !deadlocked(failed) {
		s.pool.Reset()
	}
	return s.addEvents(ctx, events)
}

// insertEvents stores events in a transaction that does more, and returns the
// calls of the new ones: once it is committed, they are to be told of.
func (s *Store) insertEvents(ctx context.Context, db *gorm.DB, events []Event) ([]CallArgs, error) {
	fresh, err := s.insertWithin(ctx, db, events)
	return callsOf(events, fresh), err
}

func (s *Store) insertWithin(ctx context.Context, db *gorm.DB, events []Event) (map[eventName]bool, error) {
	if s.pool != nil {
		tx, err := pgxTx(db)
		if err != nil {
			return nil, err
		}
		return insertPostgres(ctx, tx, events)
	}
	tx, err := sqlTx(db)
	if err != nil {
		return nil, err
	}
	return insertSQLite(ctx, tx, events)
}

// querier is a pool of connections to PostgreSQL, or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// insertPostgres stores those events that are not stored yet by one statement,
// whose text is the same for any number of them, and returns their names.
func insertPostgres(ctx context.Context, db querier, events []Event) (map[eventName]bool, error) {
	c := columnsOf(events)
	rows, err := db.Query(ctx, `
		INSERT INTO events (portal_id, source, event_key, call_key, type, payload, happened_at, arrived_at, done_at)
		SELECT portal_id, source, event_key, call_key, type, payload::json, happened_at, arrived_at, done_at
		FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::timestamptz[], $9::timestamptz[])
			AS e (portal_id, source, event_key, call_key, type, payload, happened_at, arrived_at, done_at)
		ON CONFLICT (portal_id, source, event_key) DO NOTHING
		RETURNING portal_id, source, event_key`,
		c.portals, c.sources, c.keys, c.calls, c.types, c.payloads, c.happened, c.arrived, c.done)
	if err != nil {
		return nil, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowToStructByPos[eventName])
	fresh := make(map[eventName]bool, len(names))
	for _, name := range names {
		fresh[name] = true
	}
	return fresh, err
}

// eventColumns are events by columns.
type eventColumns struct {
	portals                               []int64
	sources, keys, calls, types, payloads []string
	happened, arrived                     []time.Time
	done                                  []*time.Time
}

func columnsOf(events []Event) eventColumns {
	var c eventColumns
	for _, e := range events {
		c.portals = append(c.portals, e.PortalID)
		c.sources = append(c.sources, string(e.Source))
		c.keys = append(c.keys, e.EventKey)
		c.calls = append(c.calls, e.CallKey)
		c.types = append(c.types, e.Type)
		c.payloads = append(c.payloads, string(e.Payload))
		c.happened = append(c.happened, e.HappenedAt)
		c.arrived = append(c.arrived, e.ArrivedAt)
		c.done = append(c.done, e.DoneAt)
	}
	return c
}

// insertSQLite stores those events that are not stored yet and returns their
// names.
func insertSQLite(ctx context.Context, tx *sql.Tx, events []Event) (map[eventName]bool, error) {
	insert, err := tx.PrepareContext(ctx, `
		INSERT INTO events (portal_id, source, event_key, call_key, type, payload, happened_at, arrived_at, done_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (portal_id, source, event_key) DO NOTHING`)
	if err != nil {
		return nil, err
	}
	fresh := map[eventName]bool{}
	for _, e := range events {
		done, err := insert.ExecContext(ctx, e.PortalID, e.Source, e.EventKey, e.CallKey, e.Type, string(e.Payload), e.HappenedAt, e.ArrivedAt, e.DoneAt)
		if err != nil {
			return nil, errors.Join(err, insert.Close())
		}
		if n, err := done.RowsAffected(); err != nil {
			return nil, errors.Join(err, insert.Close())
		} else if n > 0 {
			fresh[e.name()] = true
		}
	}
	return fresh, insert.Close()
}

// callsOf are the calls for which new events ask for work, each once.
func callsOf(events []Event, fresh map[eventName]bool) []CallArgs {
	var calls []CallArgs
	seen := map[CallArgs]bool{}
	for _, e := range events {
		args := CallArgs{PortalID: e.PortalID, CallKey: e.CallKey}
		if fresh[e.name()] && e.DoneAt == nil && !seen[args] {
			seen[args] = true
			calls = append(calls, args)
		}
	}
	return calls
}

// refusals are the classes of PostgreSQL's errors about what is to be stored: data,
// integrity constraints, and limits of the program.
//
// https://www.postgresql.org/docs/current/errcodes-appendix.html
var refusals = []string{"22", "23", "54"}

// sqliteRefusals are SQLite's primary codes of the same: too big, constraint, mismatch.
//
// https://www.sqlite.org/rescode.html
var sqliteRefusals = []int{18, 19, 20}

// refused reports that a database was there and did not want what it was given.
func refused(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return slices.ContainsFunc(refusals, func(class string) bool { return strings.HasPrefix(pg.Code, class) })
	}
	lite, ok := errors.AsType[sqliteError](err)
	return ok && slices.Contains(sqliteRefusals, lite.Code()&0xff)
}

// sqliteError is an error of the SQLite driver.
type sqliteError interface {
	error
	Code() int
}

// deadlocked reports that PostgreSQL ended one of two transactions that stored
// the same events in another order.
func deadlocked(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == "40P01"
}
