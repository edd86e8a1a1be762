package models

import (
	"context"
	"math"
	"strings"
	"time"
)

// Bounds of one look for lost wake-ups, however much waits.
const (
	sweptPortals = 50     // that are looked at together
	sweptEvents  = 1000   // of one portal
	sweptAtMost  = 10_000 // of all: the look ends with the portals that reach it
)

// A Sweep looks again and again for calls whose wake-up was lost, and each time
// goes on where it ended. It is not to be shared by goroutines.
type Sweep struct {
	store *Store
	after int64 // the portal that was looked at last; 0 begins anew
	// behind are the events up to which long backlogs were looked at: their calls
	// are held or wait for their repetition. next are those of this round.
	behind, next map[int64]int64
}

// NewSweep begins with what waits longest in the first portal.
func (s *Store) NewSweep() *Sweep {
	return &Sweep{store: s, behind: map[int64]int64{}, next: map[int64]int64{}}
}

// PendingCalls returns calls whose events wait although no worker holds the
// call's lease ([CallLease]) and no repetition is set for later: their
// wake-up was lost. Of each portal it returns up to perPortal, the longest
// waiting first, so that the backlog of one hides no other's. Of very much that
// waits it looks at a part, and at the next part the next time.
func (w *Sweep) PendingCalls(ctx context.Context, perPortal int) ([]CallArgs, error) {
	var all []CallArgs
	for seen := 0; seen < sweptAtMost; {
		portals, err := w.store.pendingPortals(ctx, w.after)
		if err != nil {
			return nil, err
		}
		windows, err := w.windows(ctx, portals)
		if err != nil {
			return nil, err
		}
		calls, err := w.store.pendingIn(ctx, windows, perPortal)
		if err != nil {
			return nil, err
		}
		all = append(all, calls...)
		seen += w.remember(windows, calls, perPortal)
		if len(portals) < sweptPortals {
			w.after, w.behind, w.next = 0, w.next, map[int64]int64{}
			return all, nil
		}
		w.after = portals[len(portals)-1]
	}
	return all, nil
}

// remember goes on behind the backlogs whose part held too few calls to be
// woken, and returns how many events were looked at.
func (w *Sweep) remember(windows []sweepWindow, calls []CallArgs, perPortal int) int {
	found, seen := map[int64]int{}, 0
	for _, c := range calls {
		found[c.PortalID]++
	}
	for _, one := range windows {
		seen += one.Events
		if one.Last != math.MaxInt64 && found[one.PortalID] < perPortal {
			w.next[one.PortalID] = one.Last
		}
	}
	return seen
}

// pendingPortals are the next portals after one with events that are still to be
// worked on.
func (s *Store) pendingPortals(ctx context.Context, after int64) ([]int64, error) {
	var portals []int64
	err := s.with(ctx).Raw(`
		WITH RECURSIVE portal (id, place) AS (
			SELECT min(portal_id), 1 FROM events WHERE done_at IS NULL AND portal_id > ?
			UNION ALL
			SELECT (SELECT min(portal_id) FROM events WHERE done_at IS NULL AND portal_id > portal.id), place + 1
			FROM portal WHERE portal.id IS NOT NULL AND place < ?
		) SELECT id FROM portal WHERE id IS NOT NULL ORDER BY id`, after, sweptPortals).Scan(&portals).Error
	return portals, err
}

// A sweepWindow is the part of a portal's backlog that is looked at: the events
// behind one up to the last, or all when that is the greatest number.
type sweepWindow struct {
	PortalID, Behind, Last int64
	Events                 int
}

// windows are those of portals that still have the app.
func (w *Sweep) windows(ctx context.Context, portals []int64) ([]sweepWindow, error) {
	if len(portals) == 0 {
		return nil, nil
	}
	rows := make([][]int64, len(portals))
	for i, id := range portals {
		rows[i] = []int64{id, w.behind[id]}
	}
	list, values := numbers(rows)
	var windows []sweepWindow
	err := w.store.with(ctx).Raw(`
		WITH backlog (portal_id, behind) AS (`+list+`)
		SELECT portal_id, behind,
			(SELECT count(*) FROM (SELECT 1 FROM events e WHERE e.portal_id = backlog.portal_id AND e.done_at IS NULL AND e.id > backlog.behind LIMIT ?) AS part) AS events,
			COALESCE((SELECT e.id FROM events e WHERE e.portal_id = backlog.portal_id AND e.done_at IS NULL AND e.id > backlog.behind ORDER BY e.id LIMIT 1 OFFSET ?), ?) AS last
		FROM backlog JOIN portals p ON p.id = portal_id AND p.status <> 'uninstalled' ORDER BY portal_id`, append(values, sweptEvents, sweptEvents-1, int64(math.MaxInt64))...).Scan(&windows).Error
	return windows, err
}

// pendingIn are the calls of windows that nobody holds and that wait for no
// repetition.
func (s *Store) pendingIn(ctx context.Context, windows []sweepWindow, perPortal int) ([]CallArgs, error) {
	if len(windows) == 0 {
		return nil, nil
	}
	rows := make([][]int64, len(windows))
	for i, w := range windows {
		rows[i] = []int64{w.PortalID, w.Behind, w.Last}
	}
	list, values := numbers(rows)
	held, longest := s.leased("'" + callLease + "' || c.id")
	free, more := unlessCall(repeatedLater+" OR "+held, s.now(), s.now().Add(longestRetry), longest)
	var calls []CallArgs
	err := s.with(ctx).Raw(`
		WITH part (portal_id, behind, last) AS (`+list+`),
		e AS (
			SELECT events.portal_id, events.call_key, min(events.id) AS first
			FROM part JOIN events ON events.portal_id = part.portal_id AND events.id > part.behind AND events.id <= part.last
			WHERE events.done_at IS NULL GROUP BY events.portal_id, events.call_key),
		free AS (SELECT portal_id, call_key, row_number() OVER (PARTITION BY portal_id ORDER BY first) AS place FROM e WHERE `+free+`)
		SELECT portal_id, call_key FROM free WHERE place <= ? ORDER BY portal_id, place`,
		append(append(values, more...), perPortal)...).Scan(&calls).Error
	return calls, err
}

// longestRetry is more than any call waits for its repetition, which is an hour: one
// that is set for later was set before the clock was set back.
const longestRetry = 2 * time.Hour

// repeatedLater is SQL that holds for a call c that waits for its repetition. Its
// values are now and longestRetry after.
const repeatedLater = "(c.retry_at > ? AND c.retry_at < ?)"

// unlessCall is SQL that holds for events e unless there is a call of them of
// which some SQL holds. A call is looked for by each of its keys apart, and
// counted: each is then read by its index, for no planner makes one join of them.
// See [Call.Keys].
func unlessCall(holds string, values ...any) (string, []any) {
	var parts []string
	var all []any
	for _, key := range []string{
		"c.call_key = e.call_key",
		"c.pbx_call_id = substr(e.call_key, 5) AND e.call_key LIKE '" + pbxPrefix + "%'",
		"c.b24_call_id = substr(e.call_key, 5) AND e.call_key LIKE '" + b24Prefix + "%'",
	} {
		parts = append(parts, "(SELECT count(*) FROM calls c WHERE c.portal_id = e.portal_id AND "+key+" AND ("+holds+")) = 0")
		all = append(all, values...)
	}
	return strings.Join(parts, " AND "), all
}

// numbers are rows of whole numbers as SQL.
func numbers(rows [][]int64) (string, []any) {
	var values []any
	places := make([]string, len(rows))
	for i, row := range rows {
		for _, n := range row {
			values = append(values, n)
		}
		places[i] = "(" + strings.TrimSuffix(strings.Repeat("CAST(? AS bigint), ", len(row)), ", ") + ")"
	}
	return "VALUES " + strings.Join(places, ", "), values
}
