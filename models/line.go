package models

import (
	"context"

	"gorm.io/gorm/clause"
)

// A Line is an external line: one of the company's own numbers, as Bitrix24
// was told about it.
type Line struct {
	PortalID   int64  `gorm:"primaryKey;autoIncrement:false"`
	Number     string `gorm:"primaryKey"`
	Name       string
	AutoCreate bool // whether Bitrix24 may create leads on its own
}

// SaveLine stores a line as it is now, new or known.
func (s *Store) SaveLine(ctx context.Context, l Line) error {
	l.Number, l.Name = clean(l.Number), clean(l.Name)
	return s.with(ctx).Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "portal_id"}, {Name: "number"}},
		DoUpdates: clause.AssignmentColumns([]string{"name", "auto_create"}),
	}).Create(&l).Error
}

// Lines returns the lines of a portal by number.
func (s *Store) Lines(ctx context.Context, portalID int64) ([]Line, error) {
	var lines []Line
	err := s.with(ctx).Where("portal_id = ?", portalID).Order("number").Find(&lines).Error
	return lines, err
}

// HasLine reports whether a portal has a line of that number.
func (s *Store) HasLine(ctx context.Context, portalID int64, number string) (bool, error) {
	var count int64
	err := s.with(ctx).Model(&Line{}).Where("portal_id = ? AND number = ?", portalID, clean(number)).Count(&count).Error
	return count > 0, err
}
