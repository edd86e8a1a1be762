package models

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
)

// maxArrivals is how many requests share one commit at most.
const maxArrivals = 64

// storeLimit is how long a sender waits for its events to be durable.
const storeLimit = 10 * time.Second

// insertChunk keeps a statement's parameters far below the databases' limits.
const insertChunk = 200

// An arrival is the events of one request.
type arrival struct {
	events     []Event
	accepted   int
	duplicates int
}

// AddEvents stores events of a portal and, for each of their calls, a job that
// wakes a worker: all or none. It returns when they are durable. An event that
// the sender has repeated changes nothing and counts as a duplicate.
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
	e.PortalID, e.ArrivedAt, e.DoneAt = portalID, s.now(), nil
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
	fresh, err := s.insertEvents(ctx, events)
	if deadlocked(err) {
		fresh, err = s.insertEvents(ctx, events)
	}
	if err != nil {
		return err
	}
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

// insertEvents stores events and the wake-ups of the new ones, whose names it
// returns.
func (s *Store) insertEvents(ctx context.Context, events []Event) (map[eventName]bool, error) {
	fresh := map[eventName]bool{}
	err := s.Transaction(ctx, func(tx *gorm.DB) error {
		return s.insertAndWake(ctx, tx, events, fresh)
	})
	return fresh, err
}

// insertAndWake stores events, adds the names of the new ones to fresh, and
// wakes workers for their calls.
func (s *Store) insertAndWake(ctx context.Context, tx *gorm.DB, events []Event, fresh map[eventName]bool) error {
	for chunk := range slices.Chunk(events, insertChunk) {
		if err := insertNew(tx, chunk, fresh); err != nil {
			return err
		}
	}
	return s.river.wake(ctx, tx, callsOf(events, fresh))
}

// insertNew stores those events that are not stored yet, and adds their names
// to fresh.
func insertNew(tx *gorm.DB, events []Event, fresh map[eventName]bool) error {
	rows := make([]string, len(events))
	var values []any
	for i, e := range events {
		rows[i] = "(?, ?, ?, ?, ?, ?, ?, ?)"
		values = append(values, e.PortalID, e.Source, e.EventKey, e.CallKey, e.Type, string(e.Payload), stored(e.HappenedAt), e.ArrivedAt)
	}
	var names []eventName
	err := tx.Raw(fmt.Sprintf(`
		INSERT INTO events (portal_id, source, event_key, call_key, type, payload, happened_at, arrived_at)
		VALUES %s ON CONFLICT (portal_id, source, event_key) DO NOTHING
		RETURNING portal_id, source, event_key`, strings.Join(rows, ", ")), values...).Scan(&names).Error
	for _, name := range names {
		fresh[name] = true
	}
	return err
}

// callsOf are the calls that new events belong to, each once.
func callsOf(events []Event, fresh map[eventName]bool) []CallArgs {
	var calls []CallArgs
	seen := map[CallArgs]bool{}
	for _, e := range events {
		args := CallArgs{PortalID: e.PortalID, CallKey: e.CallKey}
		if fresh[e.name()] && !seen[args] {
			seen[args] = true
			calls = append(calls, args)
		}
	}
	return calls
}

// deadlocked reports that PostgreSQL ended one of two transactions that stored
// the same events in another order.
func deadlocked(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == "40P01"
}
