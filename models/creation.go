package models

import (
	"context"
	"encoding/json"
	"time"

	"callwise/app/crm"
)

// A RecentCreation is what came into being for a call a moment ago: the
// portal's own search may not show it yet.
type RecentCreation struct {
	PortalID int64
	PhoneKey string
	CallID   int64
	Refs     []crm.Ref
	For      time.Duration // from now on
}

// creationRow ends by [Store.clock], as a lease does: the next call of the number may
// be another process's.
type creationRow struct {
	PortalID int64     `gorm:"primaryKey;autoIncrement:false"`
	PhoneKey string    `gorm:"primaryKey"`
	CallID   int64     `gorm:"primaryKey;autoIncrement:false"`
	Refs     []crm.Ref `gorm:"serializer:json"`
	Until    int64     // microseconds
}

func (creationRow) TableName() string { return "recent_creations" }

// Remember keeps a creation until its time is over; a call's later one
// replaces its former.
func (s *Store) Remember(ctx context.Context, c RecentCreation) error {
	refs, err := json.Marshal(c.Refs)
	if err != nil {
		return err
	}
	return s.with(ctx).Exec(`INSERT INTO recent_creations (portal_id, phone_key, call_id, refs, until) VALUES (?, ?, ?, ?, `+s.clock()+` + ?)
		ON CONFLICT (portal_id, phone_key, call_id) DO UPDATE SET refs = excluded.refs, until = excluded.until`,
		c.PortalID, clean(c.PhoneKey), c.CallID, string(refs), c.For.Microseconds()).Error
}

// RecentCreations returns what other calls of a number than except created a
// moment ago, in the order of the calls.
func (s *Store) RecentCreations(ctx context.Context, portalID int64, phoneKey string, except int64) ([]crm.Ref, error) {
	var rows []creationRow
	err := s.with(ctx).
		Where("portal_id = ? AND phone_key = ? AND call_id <> ? AND until > "+s.clock(), portalID, clean(phoneKey), except).
		Order("call_id").Find(&rows).Error
	var refs []crm.Ref
	for _, row := range rows {
		refs = append(refs, row.Refs...)
	}
	return refs, err
}
