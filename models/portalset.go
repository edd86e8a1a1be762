package models

import (
	"context"

	"callwise/app/crm"

	"gorm.io/gorm"
)

// change writes columns of a portal.
func (s *Store) change(ctx context.Context, portalID int64, columns map[string]any) error {
	columns["updated_at"] = s.now()
	return changed(s.with(ctx).Table("portals").Where("id = ?", portalID).Updates(columns))
}

// changeSecret seals and writes a secret of a portal; an empty one is removed.
func (s *Store) changeSecret(ctx context.Context, portalID int64, column, secret string) error {
	var memberID string
	query := s.with(ctx).Table("portals").Select("member_id").Where("id = ?", portalID)
	if err := query.Take(&memberID).Error; err != nil {
		return found(err)
	}
	sealed, err := s.keys.seal(secret, place(memberID, column))
	if err != nil {
		return err
	}
	return s.change(ctx, portalID, map[string]any{column: sealed})
}

// SetApplicationToken replaces the secret that proves the portal's events.
func (s *Store) SetApplicationToken(ctx context.Context, portalID int64, token string) error {
	return s.changeSecret(ctx, portalID, "application_token", token)
}

// SetCommandURL sets where the portal's PBX takes commands.
func (s *Store) SetCommandURL(ctx context.Context, portalID int64, url string) error {
	return s.changeSecret(ctx, portalID, "command_url", url)
}

// SetCommandSecret sets what alone signs commands to the portal's PBX.
func (s *Store) SetCommandSecret(ctx context.Context, portalID int64, secret string) error {
	return s.changeSecret(ctx, portalID, "command_secret", secret)
}

// SetInstalled ends an installation: the first one, an update's or a repeated
// one. What was sent before now is about an earlier installation.
func (s *Store) SetInstalled(ctx context.Context, portalID int64) error {
	return s.change(ctx, portalID, map[string]any{"status": PortalActive, "status_code": "", "installed_at": s.now()})
}

// SetStatus says whether the portal can be worked with, and why not. The first
// PortalActive is the end of the installation.
func (s *Store) SetStatus(ctx context.Context, portalID int64, status PortalStatus, code string) error {
	columns := map[string]any{"status": status, "status_code": code}
	if status == PortalActive {
		columns["installed_at"] = gorm.Expr("COALESCE(installed_at, ?)", s.now())
	}
	return s.change(ctx, portalID, columns)
}

// Moved follows a portal to a new address.
func (s *Store) Moved(ctx context.Context, portalID int64, endpoint string) error {
	return s.change(ctx, portalID, map[string]any{"endpoint": endpoint})
}

// SetMode remembers the CRM mode as read now.
func (s *Store) SetMode(ctx context.Context, portalID int64, mode crm.Mode) error {
	return s.change(ctx, portalID, map[string]any{"crm_mode": mode, "crm_mode_at": s.now()})
}

// SaveInstallState remembers the app's id on the portal, its name in addresses
// there, and its scopes.
func (s *Store) SaveInstallState(ctx context.Context, portalID int64, restAppID, code, scopes, missing string) error {
	return s.change(ctx, portalID, map[string]any{
		"rest_app_id": restAppID, "app_code": clean(code), "scopes": scopes, "missing_scopes": missing,
	})
}

// SetRestAppID remembers the app's id on the portal.
func (s *Store) SetRestAppID(ctx context.Context, portalID int64, id string) error {
	return s.change(ctx, portalID, map[string]any{"rest_app_id": clean(id)})
}

// EnqueueReconcile enqueues the job that reconciles a portal.
func (s *Store) EnqueueReconcile(ctx context.Context, portalID int64) error {
	return s.Transaction(ctx, func(tx *gorm.DB) error {
		return s.river.insert(ctx, tx, ReconcileArgs{PortalID: portalID})
	})
}

// EnqueueHandlers enqueues the job that looks after a portal's event handlers
// and placement.
func (s *Store) EnqueueHandlers(ctx context.Context, portalID int64) error {
	return s.Transaction(ctx, func(tx *gorm.DB) error {
		return s.river.insert(ctx, tx, HandlersArgs{PortalID: portalID})
	})
}

// EnqueueLines enqueues the job that has a portal's external lines follow its
// switches.
func (s *Store) EnqueueLines(ctx context.Context, portalID int64) error {
	return s.Transaction(ctx, func(tx *gorm.DB) error {
		return s.river.insert(ctx, tx, LinesArgs{PortalID: portalID})
	})
}
