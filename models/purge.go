package models

import (
	"context"
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
// requests sent before restBefore, and leases and creations whose time is long
// over.
func (s *Store) Purge(ctx context.Context, callsBefore, restBefore time.Time) (Purged, error) {
	var purged Purged
	for _, old := range []struct {
		table, where string
		before       any
		count        *int64
	}{
		{"calls", "started_at < ?", stored(callsBefore), &purged.Calls},
		{"events", "arrived_at < ?", stored(callsBefore), &purged.Events},
		{"rest_log", "at < ?", stored(restBefore), &purged.Requests},
	} {
		for {
			removed := s.with(ctx).Exec("DELETE FROM "+old.table+" WHERE id IN (SELECT id FROM "+old.table+
				" WHERE "+old.where+" LIMIT ?)", old.before, purgeBatch)
			if removed.Error != nil {
				return purged, removed.Error
			}
			*old.count += removed.RowsAffected
			if removed.RowsAffected < purgeBatch {
				break
			}
		}
	}
	err := s.with(ctx).Exec("DELETE FROM leases WHERE until < ?", s.now().Add(-leaseMemory).UnixMicro()).Error
	if err != nil {
		return purged, err
	}
	return purged, s.with(ctx).Exec("DELETE FROM recent_creations WHERE until < ?", s.now().UnixMicro()).Error
}
