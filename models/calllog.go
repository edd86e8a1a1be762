package models

import (
	"context"
	"time"

	"callwise/app/call"
	"callwise/app/rules"

	"gorm.io/gorm"
)

// A CallRow is what the call log shows of a call at a glance.
type CallRow struct {
	ID           int64
	PortalID     int64
	Kind         CallKind
	Direction    call.Direction
	Phone        string
	CustomerName string
	Line         string
	UserID       int64
	Extension    string
	StartedAt    time.Time `gorm:"serializer:utc"`
	Duration     int       // seconds of talk
	Status       call.Status
	State        CallState
	Decision     *rules.Decision `gorm:"serializer:json"` // nil = not decided
	Progress     Progress        `gorm:"serializer:json"`
	RetryAt      *time.Time      `gorm:"serializer:utc"`
	ErrorCode    string
}

// TableName is GORM's.
func (CallRow) TableName() string { return "calls" }

// A CallFilter narrows the call log; zero fields do not.
type CallFilter struct {
	From, To   time.Time // when the call began: From ≤ began < To
	Directions []call.Direction
	Statuses   []call.Status
	UserID     int64
	Line       string
	PhoneKey   string
	Created    bool // something was to be created
	Troubled   bool // given up, or waiting for a repetition
	Unmapped   bool // nobody's extension
}

func (f CallFilter) narrow(query *gorm.DB) *gorm.DB {
	for _, part := range []struct {
		wanted bool
		where  string
		value  []any
	}{
		{!f.From.IsZero(), "started_at >= ?", []any{stored(f.From)}},
		{!f.To.IsZero(), "started_at < ?", []any{stored(f.To)}},
		{len(f.Directions) > 0, "direction IN ?", []any{f.Directions}},
		{len(f.Statuses) > 0, "status IN ?", []any{f.Statuses}},
		{f.UserID != 0, "user_id = ?", []any{f.UserID}},
		{f.Line != "", "line = ?", []any{clean(f.Line)}},
		{f.PhoneKey != "", "phone_key = ?", []any{clean(f.PhoneKey)}},
		{f.Created, "decision ->> 'create' <> 'none'", nil},
		{f.Troubled, "(state = 'failed' OR retry_at IS NOT NULL)", nil},
		{f.Unmapped, "user_id = 0", nil},
	} {
		if part.wanted {
			query = query.Where(part.where, part.value...)
		}
	}
	return query
}

// CallPage returns the calls of a portal that stand behind a place in the log,
// the newest first, and the place to go on from; nil means that there are no
// more.
func (s *Store) CallPage(ctx context.Context, portalID int64, filter CallFilter, after Cursor, limit int) ([]CallRow, *Cursor, error) {
	query := filter.narrow(s.with(ctx).Where("portal_id = ?", portalID))
	if after != (Cursor{}) {
		query = query.Where("(started_at, id) < (?, ?)", stored(after.At), after.ID)
	}
	var rows []CallRow
	if err := query.Order("started_at DESC, id DESC").Limit(limit + 1).Find(&rows).Error; err != nil {
		return nil, nil, err
	}
	if len(rows) <= limit {
		return rows, nil, nil
	}
	last := rows[limit-1]
	return rows[:limit], &Cursor{At: last.StartedAt, ID: last.ID}, nil
}

// Details are all that is known of a call.
type Details struct {
	Call   Call
	Events []Event // in the order they happened
	REST   []RESTRequest
}

// CallDetails returns a call of a portal with its events and requests.
func (s *Store) CallDetails(ctx context.Context, portalID, callID int64) (*Details, error) {
	c, err := s.CallByID(ctx, portalID, callID)
	if err != nil {
		return nil, err
	}
	events, err := s.EventsOf(ctx, portalID, c.Keys()...)
	if err != nil {
		return nil, err
	}
	rest, err := s.RESTOfCall(ctx, portalID, callID)
	if err != nil {
		return nil, err
	}
	return &Details{Call: *c, Events: events, REST: rest}, nil
}
