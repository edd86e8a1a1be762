package models

import (
	"context"
	"time"

	"gorm.io/gorm"
)

// A Backlog is what waits, in all portals. Numbers are counted no further than
// MostCounted, so that counting costs little however much there is.
type Backlog struct {
	// Events are not worked on, and not of a call that waits for its repetition.
	// They are counted among MostCounted of all that are not worked on; a portal
	// with any of them is counted at least.
	Events    int64
	Oldest    time.Duration // how long the first of those has waited
	Jobs      int64         // that no worker has taken although it is their time
	Retrying  int64         // calls that failed and will be repeated
	Attention int64         // calls that need somebody
	Missing   int64         // calls that the statistics brought lately, and nobody has recovered
	Portals   map[PortalStatus]int64
}

// MostCounted is where a [Backlog] stops counting.
const MostCounted = 5000

// A call is missing lately from when its events are surely not only late until an
// hour after that.
const (
	missingFrom  = 20 * time.Minute
	missingUntil = missingFrom + time.Hour
)

// Backlog counts what waits. Its queries are bounded and read by index.
func (s *Store) Backlog(ctx context.Context) (Backlog, error) {
	var b Backlog
	waiting, err := s.waitingFront(ctx)
	if err != nil {
		return b, err
	}
	var oldest []Event
	if err := s.with(ctx).Where("id = ?", waiting.First).Select("arrived_at").Find(&oldest).Error; err != nil {
		return b, err
	}
	if len(oldest) > 0 {
		b.Oldest = max(0, s.now().Sub(oldest[0].ArrivedAt))
	}
	for _, one := range []struct {
		into *int64
		rows *gorm.DB
	}{
		{&b.Events, s.waitingEvents(ctx).Select("1")},
		{&b.Jobs, s.with(ctx).Table("river_job").Select("1").Where("state = 'available'").Limit(MostCounted)},
		{&b.Retrying, s.with(ctx).Table("calls").Select("1").Where("state = ? AND retry_at IS NOT NULL", CallOpen).Limit(MostCounted)},
		{&b.Attention, s.with(ctx).Table("calls").Select("1").Where("attention <> ''").Limit(MostCounted)},
		{&b.Missing, s.with(ctx).Table("missing_calls").Select("1").Where("recovered = 0 AND seen > ? AND seen <= ?",
			s.now().Add(-missingUntil).UnixMicro(), s.now().Add(-missingFrom).UnixMicro()).Limit(MostCounted)},
	} {
		if err := s.with(ctx).Table("(?) AS rows", one.rows).Count(one.into).Error; err != nil {
			return b, err
		}
	}
	b.Events = max(b.Events, waiting.Portals)
	var states []struct {
		Status PortalStatus
		N      int64
	}
	if err := s.with(ctx).Table("portals").Select("status, count(*) AS n").Group("status").Scan(&states).Error; err != nil {
		return b, err
	}
	b.Portals = map[PortalStatus]int64{}
	for _, state := range states {
		b.Portals[state.Status] = state.N
	}
	return b, nil
}

// waitingEvents are, of as many pending events as are counted, those whose call
// waits for no repetition.
func (s *Store) waitingEvents(ctx context.Context) *gorm.DB {
	// Not in any order: that would not be read by the index of pending events.
	first := s.with(ctx).Table("events").Where("done_at IS NULL").Limit(MostCounted)
	waiting, values := s.unlessRepeated()
	return s.with(ctx).Table("(?) AS e", first).Where(waiting, values...)
}

// unlessRepeated is SQL that holds for events e unless their call waits for its
// repetition.
func (s *Store) unlessRepeated() (string, []any) {
	return unlessCall(repeatedLater, s.now(), s.now().Add(longestRetry))
}

// allPending is SQL of the portals with events that are still to be worked on,
// read by the index of those, and of NULL behind them.
const allPending = `portal (id) AS (
			SELECT min(portal_id) FROM events WHERE done_at IS NULL
			UNION ALL
			SELECT (SELECT min(portal_id) FROM events WHERE done_at IS NULL AND portal_id > portal.id) FROM portal WHERE portal.id IS NOT NULL
		)`

// A front is what the events that wait begin with.
type front struct {
	Portals int64 // in which any waits
	First   int64 // the id of the first; 0 for none
}

// waitingFront looks at each portal apart, so that the backlog of one hides no
// other's: at its share of the pending events that are counted, and at one at least.
func (s *Store) waitingFront(ctx context.Context) (front, error) {
	var f front
	var all int64
	if err := s.with(ctx).Raw("WITH RECURSIVE " + allPending + " SELECT count(id) FROM portal").Scan(&all).Error; err != nil || all == 0 {
		return f, err
	}
	share := max(MostCounted/all, 1)
	waiting, values := s.unlessRepeated()
	// The planner is told how many portals there are, and to look at each once.
	err := s.with(ctx).Raw(`
		WITH RECURSIVE `+allPending+`, firsts (id) AS MATERIALIZED (
			SELECT (
				SELECT e.id FROM (SELECT id, portal_id, call_key FROM events WHERE portal_id = p.id AND done_at IS NULL ORDER BY id LIMIT ?) AS e
				WHERE `+waiting+` ORDER BY e.id LIMIT 1
			) FROM (SELECT id FROM portal WHERE id IS NOT NULL LIMIT ?) AS p
		) SELECT count(id) AS portals, COALESCE(min(id), 0) AS first FROM firsts`,
		append(append([]any{share}, values...), all)...).Scan(&f).Error
	return f, err
}
