package models

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"callwise/app/call"

	"gorm.io/gorm"
)

// A Source is who reported an event.
type Source string

// Sources of events.
const (
	SourceBitrix24 Source = "bitrix24"
	SourcePBX      Source = "pbx"
	SourceCallwise Source = "callwise" // ourselves
)

// sources are all of them.
var sources = []Source{SourceBitrix24, SourcePBX, SourceCallwise}

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
	DoneAt     *time.Time      `gorm:"serializer:utc"` // nil: it asks for work
}

// OwnEventKey is the key of the one event of a type that we ourselves report of a
// call.
func OwnEventKey(kind call.EventType, callID int64) string {
	return ownPrefix(kind) + strconv.FormatInt(callID, 10)
}

func ownPrefix(kind call.EventType) string { return string(kind) + ":" }

// EventsOf returns the events of a portal under any of the keys of a call, [bounded]
// and in the order they happened.
func (s *Store) EventsOf(ctx context.Context, portalID int64, callKeys ...string) ([]Event, error) {
	cleaned := make([]string, len(callKeys))
	for i, key := range callKeys {
		cleaned[i] = clean(key)
	}
	events, _, err := s.eventsOf(ctx, portalID, cleaned)
	return events, err
}

// MarkDone counts events of a portal, no more than are read of a call, as worked on.
// If that is lost, they are worked on again.
func (s *Store) MarkDone(ctx context.Context, portalID int64, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	return s.markDone(s.soon(ctx), portalID, ids).Error
}

func (s *Store) markDone(db *gorm.DB, portalID int64, ids []int64) *gorm.DB {
	return db.Table("events").Where("portal_id = ? AND id IN ? AND done_at IS NULL", portalID, ids).
		Updates(map[string]any{"done_at": s.now()})
}

// Echoes are events of some types about calls of some kinds: Bitrix24 repeats to us
// what we told it of them.
type Echoes struct {
	Types []string
	Kinds []CallKind
}

// MarkEchoes counts what waits under a call key as worked on if it is nothing
// but echoes, and reports whether anything was.
func (s *Store) MarkEchoes(ctx context.Context, portalID int64, callKey string, echoes Echoes) (bool, error) {
	key := clean(callKey)
	marked := s.soon(ctx).Exec(`
		UPDATE events SET done_at = ? WHERE portal_id = ? AND call_key = ? AND done_at IS NULL
		AND EXISTS (SELECT 1 FROM calls WHERE portal_id = ? AND b24_call_id = ? AND kind IN ?)
		AND NOT EXISTS (SELECT 1 FROM events other WHERE other.portal_id = ? AND other.call_key = ? AND other.done_at IS NULL AND other.type NOT IN ?)`,
		s.now(), portalID, key, portalID, strings.TrimPrefix(key, b24Prefix), echoes.Kinds, portalID, key, echoes.Types)
	return marked.RowsAffected > 0, marked.Error
}

// keysOfCall are the [Call.Keys] of a call c, and ofCall holds for its events e.
const (
	keysOfCall = "c.call_key, 'pbx:' || c.pbx_call_id, 'b24:' || c.b24_call_id"
	ofCall     = "e.portal_id = c.portal_id AND e.call_key IN (" + keysOfCall + ")"
)
