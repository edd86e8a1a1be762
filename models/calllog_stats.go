package models

import (
	"context"
	"strings"
	"time"
)

// A CallStat counts the calls of a filter that began within a time.
type CallStat struct {
	Answered, Unanswered, Created, Trouble int
}

// CallStats counts the calls of a filter between each bound and the next. The
// filter's own time does not count.
func (s *Store) CallStats(ctx context.Context, portalID int64, filter CallFilter, bounds []time.Time) ([]CallStat, error) {
	if len(bounds) < 2 {
		return nil, nil
	}
	where, values := "portal_id = ?", []any{portalID}
	if parts := filter.conditions(); len(parts) > 0 {
		more, moreValues := all(parts)
		where, values = where+" AND "+more, append(values, moreValues...)
	}
	var rows []struct {
		Span int
		CallStat
	}
	spans, times := s.spans(bounds)
	err := s.with(ctx).Raw(`WITH spans (span, begins, ends) AS (VALUES `+spans+`)
SELECT span, count(*) FILTER (WHERE status = 'answered') AS answered,
    count(*) FILTER (WHERE `+unanswered+`) AS unanswered,
    count(*) FILTER (WHERE result = 'created') AS created,
    count(*) FILTER (WHERE result IN ('failed', 'retrying')) AS trouble
FROM spans JOIN calls ON started_at >= begins AND started_at < ends
WHERE `+where+` GROUP BY span`, append(times, values...)...).Scan(&rows).Error
	stats := make([]CallStat, len(bounds)-1)
	for _, row := range rows {
		stats[row.Span] = row.CallStat
	}
	return stats, err
}

// spans are the rows of spans between bounds, as SQL.
func (s *Store) spans(bounds []time.Time) (string, []any) {
	row := "(CAST(? AS integer), CAST(? AS timestamptz), CAST(? AS timestamptz))"
	if s.pool == nil {
		row = "(?, ?, ?)"
	}
	var rows []string
	var values []any
	for i := range len(bounds) - 1 {
		rows = append(rows, row)
		values = append(values, i, Stored(bounds[i]), Stored(bounds[i+1]))
	}
	return strings.Join(rows, ", "), values
}
