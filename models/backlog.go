package models

import (
	"context"
	"time"

	"gorm.io/gorm"
)

// A Backlog is what waits, in all portals. Numbers are counted no further than
// MostCounted, so that counting costs little however much there is.
type Backlog struct {
	Events    int64         // not worked on, and not of a call that waits for its repetition
	Oldest    time.Duration // how long the first of those has waited
	Jobs      int64         // that no worker has taken although it is their time
	Retrying  int64         // calls that failed and will be repeated
	Attention int64         // calls that need somebody
	Portals   map[PortalStatus]int64
}

// MostCounted is where a [Backlog] stops counting.
const MostCounted = 5000

// Backlog counts what waits. Its queries are bounded and read by index.
func (s *Store) Backlog(ctx context.Context) (Backlog, error) {
	var b Backlog
	var oldest []Event
	if err := s.waitingEvents(ctx).Order("id").Limit(1).Select("arrived_at").Find(&oldest).Error; err != nil {
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
	} {
		if err := s.with(ctx).Table("(?) AS rows", one.rows).Count(one.into).Error; err != nil {
			return b, err
		}
	}
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
	waiting, values := unlessCall("c.retry_at > ?", s.now())
	return s.with(ctx).Table("(?) AS e", first).Where(waiting, values...)
}
