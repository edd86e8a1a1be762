package models

import (
	"context"
	"fmt"

	"gorm.io/gorm"
)

// Uninstall forgets a portal. With clean nothing of it stays. Otherwise its
// settings, its command URL and its lines stay for a later installation, and
// its calls without anything that names a person; tokens, secrets, keys,
// employees, events and requests go. It may be repeated.
func (s *Store) Uninstall(ctx context.Context, portalID int64, clean bool) error {
	defer s.admitted.forget()
	return s.Transaction(ctx, func(tx *gorm.DB) error {
		if err := s.forgetWork(tx, portalID); err != nil {
			return err
		}
		if clean {
			// What belongs to the portal goes with its row.
			return tx.Exec("DELETE FROM portals WHERE id = ?", portalID).Error
		}
		return s.forgetPeople(tx, portalID)
	})
}

// forgetWork removes the jobs of a portal that are not being worked on, and its
// leases of numbers.
func (s *Store) forgetWork(tx *gorm.DB, portalID int64) error {
	argument := "CAST(args ->> 'portal_id' AS bigint)"
	if s.pool == nil {
		argument = "json_extract(args, '$.portal_id')"
	}
	err := tx.Exec("DELETE FROM river_job WHERE state <> 'running' AND "+argument+" = ?", portalID).Error
	if err != nil {
		return err
	}
	return tx.Exec("DELETE FROM leases WHERE name LIKE ?", fmt.Sprintf("number:%d:%%", portalID)).Error
}

func (s *Store) forgetPeople(tx *gorm.DB, portalID int64) error {
	for _, table := range []string{"tokens", "pbx_keys", "employees", "events", "rest_log", "recent_creations", "log_filters", "recordings", "privacy_requests", "erased_calls", "alerts", "incidents", "reconciliations", "missing_calls"} {
		if err := tx.Exec("DELETE FROM "+table+" WHERE portal_id = ?", portalID).Error; err != nil {
			return err
		}
	}
	if err := s.anonymise(tx, portalID); err != nil {
		return err
	}
	if err := tx.Exec("UPDATE settings_versions SET user_id = 0 WHERE portal_id = ?", portalID).Error; err != nil {
		return err
	}
	return changed(tx.Table("portals").Where("id = ?", portalID).Updates(map[string]any{
		"application_token": nil, "command_secret": nil, "rest_app_id": "", "status": PortalUninstalled,
		"status_code": "", "employees_at": nil, "installed_at": nil,
		"uninstalled_at": s.now(), "updated_at": s.now(), "removals": gorm.Expr("removals + 1"),
	}))
}

// anonymise leaves of calls what says when and how they went and what was
// decided, and ends those that were open.
func (s *Store) anonymise(tx *gorm.DB, portalID int64) error {
	err := tx.Table("calls").Where("portal_id = ? AND state = ?", portalID, CallOpen).
		Updates(map[string]any{"state": CallFailed, "result": ResultFailed, "error_code": "UNINSTALLED"}).Error
	if err != nil {
		return err
	}
	return tx.Table("calls").Where("portal_id = ?", portalID).Updates(map[string]any{
		"phone": "", "phone_key": "", "customer_name": "", "search": "", "user_id": 0, "extension": "", "retry_at": nil,
		"attention": NoAttention, "case": nil, "plan": nil, "records": nil, "progress": "{}", "updated_at": s.now(),
	}).Error
}
