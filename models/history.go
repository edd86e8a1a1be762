package models

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// A SettingsVersion is a portal's settings as somebody saved them.
type SettingsVersion struct {
	PortalID     int64     `gorm:"primaryKey;autoIncrement:false"`
	Version      int       `gorm:"primaryKey;autoIncrement:false"`
	Settings     Settings  `gorm:"serializer:json"`
	UserID       int64     // 0: the beginning
	RestoredFrom int       // the version that was brought back; 0: none
	At           time.Time `gorm:"serializer:utc"`
}

// A SettingsEdit is what somebody wants to save.
type SettingsEdit struct {
	PortalID     int64
	Version      int // the one that was edited
	Settings     Settings
	UserID       int64
	RestoredFrom int
}

// SaveSettings stores an edit as the next version. ErrConflict means that
// somebody else saved meanwhile.
func (s *Store) SaveSettings(ctx context.Context, edit SettingsEdit) error {
	return s.Transaction(ctx, func(tx *gorm.DB) error {
		if err := s.keepVersion(tx, edit.PortalID); err != nil {
			return err
		}
		next := portalRow{Portal: Portal{Settings: edit.Settings, SettingsVersion: edit.Version + 1, UpdatedAt: s.now()}}
		saved := tx.Where("id = ? AND settings_version = ?", edit.PortalID, edit.Version).
			Select("settings", "settings_version", "updated_at").Updates(&next)
		if saved.Error != nil {
			return saved.Error
		}
		if saved.RowsAffected == 0 {
			return ErrConflict
		}
		return tx.Create(&SettingsVersion{
			PortalID: edit.PortalID, Version: edit.Version + 1, Settings: edit.Settings,
			UserID: edit.UserID, RestoredFrom: edit.RestoredFrom, At: s.now(),
		}).Error
	})
}

// keepVersion sees that the settings a portal began with stand in the history.
func (s *Store) keepVersion(tx *gorm.DB, portalID int64) error {
	var row portalRow
	if err := tx.Where("id = ?", portalID).Take(&row).Error; err != nil {
		return found(err)
	}
	return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&SettingsVersion{
		PortalID: portalID, Version: row.SettingsVersion, Settings: row.Settings, At: row.CreatedAt,
	}).Error
}

// SettingsAt returns a version of a portal's settings.
func (s *Store) SettingsAt(ctx context.Context, portalID int64, version int) (*SettingsVersion, error) {
	var v SettingsVersion
	err := s.with(ctx).Where("portal_id = ? AND version = ?", portalID, version).Take(&v).Error
	if err == nil {
		return &v, nil
	}
	if found(err) != ErrNotFound {
		return nil, err
	}
	p, err := s.PortalByID(ctx, portalID)
	if err != nil {
		return nil, err
	}
	if p.SettingsVersion != version {
		return nil, ErrNotFound
	}
	return &SettingsVersion{PortalID: portalID, Version: version, Settings: p.Settings, At: p.CreatedAt}, nil
}

// SettingsHistory returns the versions of a portal's settings before one, the
// newest first; before 0 is from the newest on.
func (s *Store) SettingsHistory(ctx context.Context, portalID int64, before, limit int) ([]SettingsVersion, error) {
	query := s.with(ctx).Where("portal_id = ?", portalID)
	if before > 0 {
		query = query.Where("version < ?", before)
	}
	var versions []SettingsVersion
	err := query.Order("version DESC").Limit(limit).Find(&versions).Error
	return versions, err
}

// CallsDecidedMax is how far [Store.CallsDecided] counts.
const CallsDecidedMax = 10_000

// CallsDecided counts the calls of a portal that were decided under a version
// of its settings, up to [CallsDecidedMax].
func (s *Store) CallsDecided(ctx context.Context, portalID int64, version int) (int, error) {
	counted := s.with(ctx).Table("calls").Select("1").
		Where("portal_id = ? AND settings_version = ?", portalID, version).Limit(CallsDecidedMax)
	var count int64
	err := s.with(ctx).Table("(?) AS decided", counted).Count(&count).Error
	return int(count), err
}
