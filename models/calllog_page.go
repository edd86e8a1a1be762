package models

import (
	"context"

	"gorm.io/gorm"
)

// A window is how many calls a page looks at, at most: a filter of several
// parts has an index for one of them, and the others are asked of each call
// along it. No filter reads the whole log that way.
type window struct{ first, further int }

var (
	// Of each call along another index the row is read.
	rowWindow = window{first: 300, further: 3000}
	// calls_newest answers by itself.
	indexWindow = window{first: 5000, further: 20_000}
)

// A LogPage is a page of the call log. Next is where to go on; nil means that
// there are no more calls. Searched says that the page ended because it looked
// at enough calls, not because it is full.
type LogPage struct {
	Rows     []CallRow
	Next     *Cursor
	Searched bool
}

// CallPage returns the calls of a portal that stand behind a place in the log,
// in the order of the filter. A filter of several parts may return less than
// limit calls, or none, with more to come.
func (s *Store) CallPage(ctx context.Context, portalID int64, filter CallFilter, after Cursor, limit int) (LogPage, error) {
	index, rest := s.along(s.with(ctx), portalID, filter)
	index = filter.behind(index, after).Order(filter.order()).Session(&gorm.Session{})
	if len(rest) == 0 {
		return pageOf(index.Limit(limit+1), limit)
	}
	window := windowOf(rest, filter, after)
	page, err := pageOf(s.matching(ctx, portalID, filter, index.Limit(window), rest, limit+1), limit)
	if err != nil || page.Next != nil {
		return page, err
	}
	page.Next, err = endOf(index, window)
	page.Searched = page.Next != nil
	return page, err
}

func windowOf(rest []condition, filter CallFilter, after Cursor) int {
	w := rowWindow
	if len(rest) == len(filter.conditions()) {
		w = indexWindow
	}
	if after == (Cursor{}) {
		return w.first
	}
	return w.further
}

// matching are the calls within a window along an index that fulfil the rest
// of the filter.
func (s *Store) matching(ctx context.Context, portalID int64, filter CallFilter, window *gorm.DB, rest []condition, limit int) *gorm.DB {
	where, values := all(rest)
	seen := window.Select("id, started_at, ("+where+") AS hit", values...)
	hits := s.with(ctx).Table("(?) AS seen", seen).Select("id").Where("hit").Order(filter.order()).Limit(limit)
	return s.with(ctx).Table("calls").Where("portal_id = ? AND id IN (?)", portalID, hits).Order(filter.order())
}

// shown reads the columns of [CallRow] only: the others are long.
func shown(query *gorm.DB) *gorm.DB { return query.Session(&gorm.Session{QueryFields: true}) }

func pageOf(query *gorm.DB, limit int) (LogPage, error) {
	var rows []CallRow
	if err := shown(query).Find(&rows).Error; err != nil {
		return LogPage{}, err
	}
	if len(rows) <= limit {
		return LogPage{Rows: rows}, nil
	}
	last := rows[limit-1]
	return LogPage{Rows: rows[:limit], Next: &Cursor{At: last.StartedAt, ID: last.ID}}, nil
}

// endOf is the last call of a window; nil if the calls end before.
func endOf(index *gorm.DB, window int) (*Cursor, error) {
	var last []CallRow
	err := index.Select("id", "started_at").Offset(window - 1).Limit(1).Find(&last).Error
	if err != nil || len(last) == 0 {
		return nil, err
	}
	return &Cursor{At: last[0].StartedAt, ID: last[0].ID}, nil
}

// freshWindow is how many of the newest calls are looked through for those that
// came since.
const freshWindow = 200

// FreshCalls returns the calls of a filter that were stored after the one with
// that id, but for those that are known already, the newest first; of very many,
// only the newest.
func (s *Store) FreshCalls(ctx context.Context, portalID int64, filter CallFilter, since int64, known []int64, limit int) ([]CallRow, error) {
	filter.Oldest = false
	index, rest := s.along(s.with(ctx), portalID, filter)
	rest = append(rest, condition{where: "id > ?", values: []any{since}})
	if len(known) > 0 {
		rest = append(rest, condition{where: "id NOT IN ?", values: []any{known}})
	}
	window := index.Order(filter.order()).Limit(freshWindow)
	page, err := pageOf(s.matching(ctx, portalID, filter, window, rest, limit), limit)
	return page.Rows, err
}

// HasCallsOf reports whether a portal has calls of a number.
func (s *Store) HasCallsOf(ctx context.Context, portalID int64, phoneKey string) (bool, error) {
	var found []CallRow
	err := s.with(ctx).Select("id").Where("portal_id = ? AND phone_key = ?", portalID, clean(phoneKey)).Limit(1).Find(&found).Error
	return len(found) > 0, err
}

// NewestCall returns the highest id of the portal's newest calls; 0 for none.
func (s *Store) NewestCall(ctx context.Context, portalID int64) (int64, error) {
	newest := s.with(ctx).Table("calls").Select("id").Where("portal_id = ?", portalID).
		Order("started_at DESC, id DESC").Limit(freshWindow)
	var id int64
	err := s.with(ctx).Table("(?) AS newest", newest).Select("COALESCE(max(id), 0)").Scan(&id).Error
	return id, err
}

// CallRowsByID returns those of a portal's calls that have these ids.
func (s *Store) CallRowsByID(ctx context.Context, portalID int64, ids []int64) ([]CallRow, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var rows []CallRow
	err := shown(s.with(ctx)).Where("portal_id = ? AND id IN ?", portalID, ids).Order("started_at DESC, id DESC").Find(&rows).Error
	return rows, err
}

// CountedTo is where the counts of calls stop, so that they cost the same on
// any log.
const CountedTo = 1000

// CountCalls counts the calls of filters that have one part besides the time;
// over [CountedTo] is CountedTo + 1.
func (s *Store) CountCalls(ctx context.Context, portalID int64, filters []CallFilter) ([]int, error) {
	var counts []int
	query := ""
	var parts []any
	for _, filter := range filters {
		index, rest := s.along(s.with(ctx), portalID, filter)
		for _, c := range rest {
			index = index.Where(c.where, c.values...)
		}
		if query != "" {
			query += " UNION ALL "
		}
		query += "SELECT count(*) FROM (?) AS counted"
		parts = append(parts, index.Select("1").Order(filter.order()).Limit(CountedTo+1))
	}
	err := s.with(ctx).Raw(query, parts...).Scan(&counts).Error
	return counts, err
}
