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

// changeState is change for a portal's state, which only [Store.SaveInstall] takes
// from PortalUninstalled: who knows the portal from before the app was removed does
// not bring it back.
func (s *Store) changeState(ctx context.Context, portalID int64, columns map[string]any) error {
	columns["updated_at"] = s.now()
	return changed(s.with(ctx).Table("portals").Where("id = ? AND status <> ?", portalID, PortalUninstalled).Updates(columns))
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
// one. What was sent before now is about an earlier installation. ErrNotFound
// means that the app was removed meanwhile.
func (s *Store) SetInstalled(ctx context.Context, portalID int64) error {
	return s.changeState(ctx, portalID, map[string]any{"status": PortalActive, "status_code": "", "installed_at": s.now()})
}

// SetStatus says whether the portal can be worked with, and why not. The first
// PortalActive is the end of the installation. ErrNotFound means that the app was
// removed from the portal.
func (s *Store) SetStatus(ctx context.Context, portalID int64, status PortalStatus, code string) error {
	columns := map[string]any{"status": status, "status_code": code}
	if status == PortalActive {
		columns["installed_at"] = gorm.Expr("COALESCE(installed_at, ?)", s.now())
	}
	return s.changeState(ctx, portalID, columns)
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

// SetLanguage stores a portal's own language, as Bitrix24 spells it, and the country that
// its numbers are from, ISO 3166.
func (s *Store) SetLanguage(ctx context.Context, portalID int64, lang, country string) error {
	return s.change(ctx, portalID, map[string]any{"lang": clean(lang), "country": country})
}

// SetTimeZone stores a portal's time zone, an IANA name.
func (s *Store) SetTimeZone(ctx context.Context, portalID int64, zone string) error {
	return s.change(ctx, portalID, map[string]any{"time_zone": zone})
}

// SetRestAppID remembers the app's id on the portal.
func (s *Store) SetRestAppID(ctx context.Context, portalID int64, id string) error {
	return s.change(ctx, portalID, map[string]any{"rest_app_id": clean(id)})
}

// EnqueueReconcile enqueues the job that reconciles a portal, also while another
// does: it may have passed what has changed since.
func (s *Store) EnqueueReconcile(ctx context.Context, portalID int64) error {
	return s.Transaction(ctx, func(tx *gorm.DB) error {
		return s.river.insert(ctx, tx, ReconcileArgs{PortalID: portalID})
	})
}

// EnqueueReconcileOnce is [Store.EnqueueReconcile] for what has not changed: it
// enqueues nothing while a job that reconciles the portal waits for its turn or its
// portal, or is worked on. One that failed for our own reasons may be hours away.
func (s *Store) EnqueueReconcileOnce(ctx context.Context, portalID int64) error {
	args := ReconcileArgs{PortalID: portalID}
	return s.Transaction(ctx, func(tx *gorm.DB) error {
		var coming int64
		err := tx.Table("river_job").Where("kind = ? AND state IN ('available', 'scheduled', 'running') AND "+s.jobPortal()+" = ?",
			args.Kind(), portalID).Count(&coming).Error
		if err != nil || coming > 0 {
			return err
		}
		return s.river.insert(ctx, tx, args)
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
