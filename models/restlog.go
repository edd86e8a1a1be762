package models

import (
	"context"
	"encoding/json"
	"time"
)

// A RestEntry is one request that was sent to a portal.
type RestEntry struct {
	ID         int64
	PortalID   int64
	CallID     *int64          // the call it was for
	At         time.Time       `gorm:"serializer:utc"`
	Method     string          // of a batch: "batch: a, b"
	Params     json.RawMessage `gorm:"serializer:json"` // secrets and bodies masked
	Status     int             // HTTP; 0 = no answer
	Code       string
	DurationUS int64 `gorm:"column:duration_us"`
	Operating  float64
}

// TableName is GORM's.
func (RestEntry) TableName() string { return "rest_log" }

// AddRest appends a request to a portal's REST log.
func (s *Store) AddRest(ctx context.Context, e RestEntry) error {
	e.ID = 0
	e.Method, e.Code = clean(e.Method), clean(e.Code)
	e.Params = json.RawMessage(clean(string(e.Params)))
	if len(e.Params) == 0 {
		e.Params = nil
	}
	return s.with(ctx).Create(&e).Error
}

// RestOfCall returns the requests of a call in the order they were sent.
func (s *Store) RestOfCall(ctx context.Context, portalID, callID int64) ([]RestEntry, error) {
	var entries []RestEntry
	err := s.with(ctx).Where("portal_id = ? AND call_id = ?", portalID, callID).Order("at, id").Find(&entries).Error
	return entries, err
}

// RestPage returns requests of a portal that stand behind a place in the log,
// the newest first, and the place to go on from; nil means that there are no
// more.
func (s *Store) RestPage(ctx context.Context, portalID int64, after Cursor, limit int) ([]RestEntry, *Cursor, error) {
	query := s.with(ctx).Where("portal_id = ?", portalID)
	if after != (Cursor{}) {
		query = query.Where("(at, id) < (?, ?)", stored(after.At), after.ID)
	}
	var entries []RestEntry
	if err := query.Order("at DESC, id DESC").Limit(limit + 1).Find(&entries).Error; err != nil {
		return nil, nil, err
	}
	if len(entries) <= limit {
		return entries, nil, nil
	}
	last := entries[limit-1]
	return entries[:limit], &Cursor{At: last.At, ID: last.ID}, nil
}
