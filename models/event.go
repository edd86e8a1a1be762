package models

import (
	"context"
	"encoding/json"
	"time"
)

// A Source is who reported an event.
type Source string

// Sources of events.
const (
	SourceBitrix24 Source = "bitrix24"
	SourcePBX      Source = "pbx"
	SourceCallwise Source = "callwise" // ourselves
)

// An Event is something that was reported about a call.
type Event struct {
	ID         int64
	PortalID   int64
	Source     Source
	EventKey   string // the sender's name for it: one per portal and source
	CallKey    string
	Type       string
	Payload    json.RawMessage `gorm:"serializer:json"` // secrets removed
	HappenedAt time.Time       `gorm:"serializer:utc"`
	ArrivedAt  time.Time       `gorm:"serializer:utc"`
	DoneAt     *time.Time      `gorm:"serializer:utc"`
}

// EventsOf returns the events of a portal under any of the call keys, in the
// order they happened.
func (s *Store) EventsOf(ctx context.Context, portalID int64, callKeys ...string) ([]Event, error) {
	cleaned := make([]string, len(callKeys))
	for i, key := range callKeys {
		cleaned[i] = clean(key)
	}
	var events []Event
	err := s.with(ctx).Where("portal_id = ? AND call_key IN ?", portalID, cleaned).
		Order("happened_at, id").Find(&events).Error
	return events, err
}

// MarkDone counts events of a portal as worked on.
func (s *Store) MarkDone(ctx context.Context, portalID int64, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	return s.with(ctx).Table("events").
		Where("portal_id = ? AND id IN ? AND done_at IS NULL", portalID, ids).
		Updates(map[string]any{"done_at": s.now()}).Error
}

// HasPending reports whether events of a call are still to be worked on.
func (s *Store) HasPending(ctx context.Context, portalID, callID int64) (bool, error) {
	c, err := s.CallByID(ctx, portalID, callID)
	if err != nil {
		return false, err
	}
	var pending int64
	err = s.with(ctx).Table("events").
		Where("portal_id = ? AND call_key IN ? AND done_at IS NULL", portalID, c.Keys()).
		Limit(1).Count(&pending).Error
	return pending > 0, err
}
