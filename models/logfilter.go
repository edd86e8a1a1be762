package models

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// A LogFilter is the filter of the call log that an employee used last.
type LogFilter struct {
	PortalID  int64 `gorm:"primaryKey;autoIncrement:false"`
	UserID    int64 `gorm:"primaryKey;autoIncrement:false"`
	Filter    string
	UpdatedAt time.Time `gorm:"serializer:utc"`
}

// SaveLogFilter remembers what an employee narrowed the log to, as the page's
// address says it; an empty filter forgets it.
func (s *Store) SaveLogFilter(ctx context.Context, portalID, userID int64, filter string) error {
	if filter == "" {
		return s.with(ctx).Where("portal_id = ? AND user_id = ?", portalID, userID).Delete(&LogFilter{}).Error
	}
	row := LogFilter{PortalID: portalID, UserID: userID, Filter: clean(filter), UpdatedAt: s.now()}
	return s.with(ctx).Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "portal_id"}, {Name: "user_id"}},
		DoUpdates: clause.AssignmentColumns([]string{"filter", "updated_at"}),
	}).Create(&row).Error
}

// LogFilterOf returns what an employee narrowed the log to; empty for nothing.
func (s *Store) LogFilterOf(ctx context.Context, portalID, userID int64) (string, error) {
	var row LogFilter
	err := s.with(ctx).Where("portal_id = ? AND user_id = ?", portalID, userID).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return "", nil
	}
	return row.Filter, err
}
