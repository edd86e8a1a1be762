package models

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// purgeBatch is how many rows one statement removes, so that none holds up the
// database.
const purgeBatch = 1000

// leaseMemory is how long a lease that is over is kept.
const leaseMemory = 24 * time.Hour

// unfinishedFor is how long what is not finished is kept at least, however short
// the retention is: longer than a portal that is down is waited for, so that
// nothing is dropped that still may be done.
const unfinishedFor = 5 * 24 * time.Hour

// waitingFor is how much longer an event is kept that nobody has worked on yet: a
// program that begins again after a long while still works on what it missed.
const waitingFor = 30 * 24 * time.Hour

// nothingWaits is SQL that holds for calls unless an event of theirs is still to be
// worked on, which would make a second call.
const nothingWaits = "(SELECT count(*) FROM events e WHERE e.portal_id = calls.portal_id AND e.done_at IS NULL AND " +
	"e.call_key IN (calls.call_key, 'pbx:' || calls.pbx_call_id, 'b24:' || calls.b24_call_id)) = 0"

// oldCalls are the walks over the calls that we have known since before a time, and that
// began before it or, by the clock of their PBX, are still to begin.
func (s *Store) oldCalls(before time.Time, which string) []walk {
	along := func(begun string, at time.Time) walk {
		return walk{
			table: "calls", along: "started_at", some: purgeBatch,
			where: begun + " AND created_at < ? AND " + which, values: []any{Stored(at), Stored(before)},
		}
	}
	return []walk{along("started_at < ?", before), along("started_at > ?", s.now())}
}

// KeptFor is how long a purge that keeps calls for this long keeps what was told of a
// call at least, be it that the call was purged.
func KeptFor(calls time.Duration) time.Duration { return max(calls, unfinishedFor) }

// Purged counts what a purge removed.
type Purged struct {
	Calls, Events, Requests int64
}

// Purge removes calls that began, and of which we have known, since before
// callsBefore, events that arrived before that, requests sent before restBefore,
// recordings that old whose call has gone or that were not received whole,
// incidents that ended before callsBefore, missing calls, and leases and creations
// whose time is long over.
// Calls that are not finished stay for five days at least, and so do all events:
// calls are made of them. Events that are still to be worked on stay for 30 days
// more, and their calls as long as they do. A call that goes before its events is
// remembered as an erased one: what is told of it later would make a second call,
// and a second lead. It goes on batch by batch until nothing is left or ctx ends;
// what it has removed then stays removed. Of calls and events there may be more than
// it comes to the end of: they are the last.
func (s *Store) Purge(ctx context.Context, callsBefore, restBefore time.Time) (purged Purged, err error) {
	unfinished := s.now().Add(-unfinishedFor)
	if callsBefore.Before(unfinished) {
		unfinished = callsBefore
	}
	if err := s.purgeSmall(ctx, callsBefore, unfinished); err != nil {
		return purged, err
	}
	requests := walk{table: "rest_log", along: "at", where: "at < ?", values: []any{Stored(restBefore)}}
	if purged.Requests, err = s.purgeAlong(ctx, requests); err != nil {
		return purged, err
	}
	for _, calls := range s.oldCalls(unfinished, nothingWaits) {
		n, err := s.purgeAlong(ctx, calls)
		purged.Calls += n
		if err != nil {
			return purged, err
		}
	}
	events := walk{table: "events", along: "arrived_at", where: "arrived_at < ? AND (done_at IS NOT NULL OR arrived_at < ?)",
		values: []any{Stored(unfinished), Stored(unfinished.Add(-waitingFor))}}
	if purged.Events, err = s.purgeAlong(ctx, events); err != nil {
		return purged, err
	}
	early, err := s.purgeEarly(ctx, callsBefore)
	purged.Calls += early
	if err != nil {
		return purged, err
	}
	return purged, s.purgeAudios(ctx, callsBefore)
}

// purgeSmall removes what there is little of, or what is kept for a short while.
func (s *Store) purgeSmall(ctx context.Context, callsBefore, unfinished time.Time) error {
	for _, old := range []struct {
		table, key, where string
		values            []any
	}{
		{"recent_creations", "portal_id, phone_key, call_id", "until < " + s.clock(), nil},
		{"leases", "name", "until < " + s.clock() + " - ?", []any{leaseMemory.Microseconds()}},
		{"incidents", "id", "ended_at < ?", []any{Stored(callsBefore)}},
		{"missing_calls", "id", "seen < ?", []any{unfinished.UnixMicro()}},
		{"erased_calls", "portal_id, call_hash", "until < ?", []any{s.now().UnixMicro()}},
	} {
		if _, err := s.purge(ctx, old.table, old.key, old.where, old.values...); err != nil {
			return err
		}
	}
	return s.purgeStrays(ctx)
}

// purgeAlong removes the rows of a walk, and returns how many they were.
func (s *Store) purgeAlong(ctx context.Context, rows walk) (total int64, err error) {
	rows.some = purgeBatch
	for more := true; more && err == nil; {
		more, err = rows.step(s.with(ctx), func(where string, values []any) error {
			removed := s.with(ctx).Exec("DELETE FROM "+rows.table+" WHERE "+where, values...)
			total += removed.RowsAffected
			return removed.Error
		})
	}
	return total, err
}

// purge removes the rows of a table that a condition holds for, batch by batch. Very
// many are for [Store.purgeAlong].
func (s *Store) purge(ctx context.Context, table, key, where string, values ...any) (int64, error) {
	statement := fmt.Sprintf("DELETE FROM %[1]s WHERE (%[2]s) IN (SELECT %[2]s FROM %[1]s WHERE %[3]s LIMIT ?)", table, key, where)
	for total := int64(0); ; {
		removed := s.with(ctx).Exec(statement, append(values, purgeBatch)...)
		total += removed.RowsAffected
		if removed.Error != nil || removed.RowsAffected < purgeBatch {
			return total, removed.Error
		}
	}
}

// purgeEarly removes finished calls that are left of those from before a time, whose
// events are still here, and remembers their keys.
func (s *Store) purgeEarly(ctx context.Context, before time.Time) (total int64, err error) {
	for _, calls := range s.oldCalls(before, nothingWaits+" AND state <> 'open'") {
		n, err := s.eraseAlong(ctx, calls)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// eraseAlong erases the calls of a walk, and returns how many they were.
func (s *Store) eraseAlong(ctx context.Context, calls walk) (total int64, err error) {
	for more := true; more && err == nil; {
		var removed int64
		err = s.Transaction(ctx, func(tx *gorm.DB) (err error) {
			more, err = calls.step(tx, func(where string, values []any) (err error) {
				removed, err = s.eraseCalls(tx, where, values)
				return err
			})
			return err
		})
		if err == nil {
			total += removed
		}
	}
	return total, err
}

// eraseCalls removes calls that a condition holds for, and remembers their keys.
func (s *Store) eraseCalls(tx *gorm.DB, where string, values []any) (int64, error) {
	var calls []Call
	err := tx.Raw("DELETE FROM calls WHERE "+where+" RETURNING portal_id, call_key, pbx_call_id, b24_call_id", values...).Scan(&calls).Error
	if err != nil {
		return 0, err
	}
	for _, c := range calls {
		if err := s.rememberErased(tx, c.PortalID, c.Keys()); err != nil {
			return 0, err
		}
	}
	return int64(len(calls)), nil
}
