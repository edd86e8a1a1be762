package models

import (
	"context"
	"time"

	"callwise/app/crm"

	"gorm.io/gorm/clause"
)

// A RecentCreation is what came into being for a call a moment ago: the
// portal's own search may not show it yet.
type RecentCreation struct {
	PortalID int64
	PhoneKey string
	CallID   int64
	Refs     []crm.Ref
	Until    time.Time
}

// creationRow keeps the time as a number, which both databases compare alike.
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
	row := creationRow{c.PortalID, clean(c.PhoneKey), c.CallID, c.Refs, stored(c.Until).UnixMicro()}
	return s.with(ctx).Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "portal_id"}, {Name: "phone_key"}, {Name: "call_id"}},
		DoUpdates: clause.AssignmentColumns([]string{"refs", "until"}),
	}).Create(&row).Error
}

// RecentCreations returns what other calls of a number than except created a
// moment ago, in the order of the calls.
func (s *Store) RecentCreations(ctx context.Context, portalID int64, phoneKey string, except int64) ([]crm.Ref, error) {
	var rows []creationRow
	err := s.with(ctx).
		Where("portal_id = ? AND phone_key = ? AND call_id <> ? AND until > ?", portalID, clean(phoneKey), except, s.now().UnixMicro()).
		Order("call_id").Find(&rows).Error
	var refs []crm.Ref
	for _, row := range rows {
		refs = append(refs, row.Refs...)
	}
	return refs, err
}
