package models

import (
	"context"
	"strings"
	"time"

	"gorm.io/gorm"
)

// Wake enqueues wake-ups for calls. One too many does no harm.
func (s *Store) Wake(ctx context.Context, calls []CallArgs) error {
	return s.Transaction(ctx, func(tx *gorm.DB) error { return s.river.wake(ctx, tx, calls) })
}

// Listen has heard told of every call with new events that this Store stores
// from now on, as soon as they are durable. heard must not block. What another
// process stores, or this one while nobody listens, is found by
// [Store.PendingCalls].
func (s *Store) Listen(heard func([]CallArgs)) { s.heard.Store(&heard) }

// tell tells the listener of calls.
func (s *Store) tell(calls []CallArgs) {
	if heard := s.heard.Load(); heard != nil && len(calls) > 0 {
		(*heard)(calls)
	}
}

// pendingPortals are the portals with events that are still to be worked on.
const pendingPortals = `
	WITH RECURSIVE portal (id) AS (
		SELECT min(portal_id) FROM events WHERE done_at IS NULL
		UNION ALL
		SELECT (SELECT min(portal_id) FROM events WHERE done_at IS NULL AND portal_id > portal.id) FROM portal WHERE portal.id IS NOT NULL
	) SELECT id FROM portal WHERE id IS NOT NULL`

// longestLease is more than any lease of a call lasts: one that ends later was
// taken before the clock was set back.
const longestLease = 2 * time.Minute

// pendingOf are a portal's calls that are to be worked on and that nobody holds.
const pendingOf = `
	SELECT e.portal_id, e.call_key FROM events e
	WHERE e.portal_id = ? AND e.done_at IS NULL AND NOT EXISTS (
		SELECT 1 FROM calls c
		WHERE c.portal_id = e.portal_id
		AND (c.call_key = e.call_key
			OR c.pbx_call_id = substr(e.call_key, 5) AND e.call_key LIKE 'pbx:%'
			OR c.b24_call_id = substr(e.call_key, 5) AND e.call_key LIKE 'b24:%')
		AND (c.retry_at > ? OR EXISTS (
			SELECT 1 FROM leases l WHERE l.name = 'call:' || c.id AND l.until > {now} AND l.until < {now} + ?)))
	GROUP BY e.portal_id, e.call_key ORDER BY min(e.id) LIMIT ?`

// PendingCalls returns calls whose events wait although no worker holds the
// call's lease ("call:" and its id) and no repetition is set for later: their
// wake-up was lost. Of each portal it returns up to perPortal, the longest
// waiting first, so that the backlog of one hides no other's.
func (s *Store) PendingCalls(ctx context.Context, perPortal int) ([]CallArgs, error) {
	var portals []int64
	if err := s.with(ctx).Raw(pendingPortals).Scan(&portals).Error; err != nil {
		return nil, err
	}
	var all []CallArgs
	for _, id := range portals {
		var waiting []CallArgs
		query := strings.ReplaceAll(pendingOf, "{now}", s.clock())
		if err := s.with(ctx).Raw(query, id, s.now(), longestLease.Microseconds(), perPortal).Scan(&waiting).Error; err != nil {
			return nil, err
		}
		all = append(all, waiting...)
	}
	return all, nil
}
