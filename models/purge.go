package models

import (
	"context"
	"fmt"
	"time"
)

// purgeBatch is how many rows one statement removes, so that none holds up the
// database.
const purgeBatch = 1000

// leaseMemory is how long a lease that is over is kept.
const leaseMemory = 24 * time.Hour

// Purged counts what a purge removed.
type Purged struct {
	Calls, Events, Requests int64
}

// Purge removes calls that began, and events that arrived, before callsBefore,
// requests sent before restBefore, recordings that old or not received
// whole, incidents that ended before callsBefore, and leases and creations whose
// time is long over.
func (s *Store) Purge(ctx context.Context, callsBefore, restBefore time.Time) (Purged, error) {
	var purged Purged
	for _, old := range []struct {
		table, column string
		before        time.Time
		count         *int64
	}{
		{"calls", "started_at", callsBefore, &purged.Calls},
		{"events", "arrived_at", callsBefore, &purged.Events},
		{"rest_log", "at", restBefore, &purged.Requests},
	} {
		n, err := s.purge(ctx, old.table, old.column, old.before)
		*old.count = n
		if err != nil {
			return purged, err
		}
	}
	if err := s.purgeAudios(ctx, callsBefore); err != nil {
		return purged, err
	}
	if _, err := s.purge(ctx, "incidents", "ended_at", callsBefore); err != nil {
		return purged, err
	}
	err := s.with(ctx).Exec("DELETE FROM leases WHERE until < "+s.clock()+" - ?", leaseMemory.Microseconds()).Error
	if err != nil {
		return purged, err
	}
	return purged, s.with(ctx).Exec("DELETE FROM recent_creations WHERE until < ?", s.now().UnixMicro()).Error
}

// purge removes the rows of a table whose time lies before another, batch by
// batch.
func (s *Store) purge(ctx context.Context, table, column string, before time.Time) (int64, error) {
	statement := fmt.Sprintf("DELETE FROM %[1]s WHERE id IN (SELECT id FROM %[1]s WHERE %[2]s < ? LIMIT ?)", table, column)
	for total := int64(0); ; {
		removed := s.with(ctx).Exec(statement, stored(before), purgeBatch)
		total += removed.RowsAffected
		if removed.Error != nil || removed.RowsAffected < purgeBatch {
			return total, removed.Error
		}
	}
}
