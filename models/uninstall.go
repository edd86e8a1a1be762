package models

import (
	"context"
	"errors"
	"fmt"
	"time"

	riverqueue "github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"gorm.io/gorm"
)

// RemovalArgs has it found out whether the app was removed from a portal, as was
// said before a moment.
type RemovalArgs struct {
	PortalID int64     `json:"portal_id"`
	Clean    bool      `json:"clean"`
	Before   time.Time `json:"before"`
}

// Kind is River's name for the job.
func (RemovalArgs) Kind() string { return "removal" }

// InsertOpts make one job of whatever is said within a minute, which begins
// when nothing can be said any more that it stands for.
func (a RemovalArgs) InsertOpts() riverqueue.InsertOpts {
	return riverqueue.InsertOpts{
		ScheduledAt: a.Before.Add(removalSlack),
		UniqueOpts: riverqueue.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
			rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning, rivertype.JobStateRetryable, rivertype.JobStateScheduled,
		}},
	}
}

// removalSlack is how far apart the clocks of processes may be.
const removalSlack = 5 * time.Second

// EnqueueRemoval enqueues the job that finds out whether the app was removed
// from a portal: once, however often that is said within a minute.
func (s *Store) EnqueueRemoval(ctx context.Context, portalID int64, clean bool) error {
	return s.Transaction(ctx, func(tx *gorm.DB) error { return s.enqueueRemoval(ctx, tx, portalID, clean) })
}

func (s *Store) enqueueRemoval(ctx context.Context, tx *gorm.DB, portalID int64, clean bool) error {
	args := RemovalArgs{PortalID: portalID, Clean: clean, Before: s.now().Truncate(time.Minute).Add(time.Minute)}
	return s.river.insert(ctx, tx, args)
}

// Uninstall takes a portal out of use, in one short transaction: its member id is
// another's from now on, and what opens something, and who its employees are, is
// gone. With clean nothing is to stay of it. Otherwise a row of its own keeps
// its settings, its command URL and its lines under its member id for a later
// installation; the calls follow, nameless. What is left to be forgotten is told,
// and a job that does it is enqueued: see [Store.Forget]. Whoever installs the app
// meanwhile has another row, which no work from before knows. It may be repeated.
func (s *Store) Uninstall(ctx context.Context, portalID int64, clean bool) (rest ForgetArgs, err error) {
	defer s.admitted.forget()
	err = s.Transaction(ctx, func(tx *gorm.DB) error {
		var memberID string
		err := tx.Table("portals").Select("member_id").Where("id = ?", portalID).Take(&memberID).Error
		if err != nil || memberID == retired(portalID) {
			return found(err)
		}
		rest, err = s.uninstall(ctx, tx, portalID, memberID, clean)
		return err
	})
	if clean && errors.Is(err, ErrNotFound) {
		err = nil
	}
	if err != nil {
		return ForgetArgs{}, err
	}
	return rest, nil
}

// retired is the member id of a portal's row that is to be forgotten.
func retired(portalID int64) string { return fmt.Sprintf("removed:%d", portalID) }

// uninstall changes tokens before the portal, as who renews them does: in another
// order each would wait for the other.
func (s *Store) uninstall(ctx context.Context, tx *gorm.DB, portalID int64, memberID string, clean bool) (ForgetArgs, error) {
	if err := removeRows(tx, portalID, goneAtOnce); err != nil {
		return ForgetArgs{}, err
	}
	out := tx.Table("portals").Where("id = ? AND member_id = ?", portalID, memberID).Updates(map[string]any{
		"member_id": retired(portalID), "application_token": nil, "command_secret": nil, "rest_app_id": "",
		"status": PortalUninstalled, "status_code": "", "employees_at": nil, "installed_at": nil,
		"uninstalled_at": s.now(), "updated_at": s.now(), "removals": gorm.Expr("removals + 1"),
	})
	if out.Error != nil || out.RowsAffected == 0 { // somebody else has just done it
		return ForgetArgs{}, out.Error
	}
	rest := ForgetArgs{PortalID: portalID}
	if !clean {
		var err error
		if rest.KeptAs, err = keepPortal(tx, portalID, memberID); err != nil {
			return ForgetArgs{}, err
		}
	}
	if err := removeRows(tx, portalID, []string{"settings_versions", "lines"}); err != nil {
		return ForgetArgs{}, err
	}
	err := tx.Table("portals").Where("id = ?", portalID).Updates(map[string]any{
		"endpoint": "", "auth_host": "", "app_code": "", "command_url": nil, "settings": "{}",
	}).Error
	if err != nil {
		return ForgetArgs{}, err
	}
	return rest, s.river.insert(ctx, tx, rest)
}

// keptColumns are the columns of a portal that a later installation finds again.
const keptColumns = "endpoint, auth_host, status, lang, country, time_zone, crm_mode, crm_mode_at, scopes, missing_scopes, " +
	"settings, settings_version, command_url, uninstalled_at, created_at, updated_at, app_code, removals"

// keepPortal makes the row that takes the place of a portal's, and gives it the
// portal's lines and the history of its settings without names.
func keepPortal(tx *gorm.DB, portalID int64, memberID string) (kept int64, err error) {
	err = tx.Raw("INSERT INTO portals (member_id, "+keptColumns+") SELECT CAST(? AS text), "+keptColumns+" FROM portals WHERE id = ? RETURNING id",
		memberID, portalID).Scan(&kept).Error
	if err != nil {
		return 0, err
	}
	if err := tx.Exec("UPDATE lines SET portal_id = ? WHERE portal_id = ?", kept, portalID).Error; err != nil {
		return 0, err
	}
	return kept, tx.Exec("UPDATE settings_versions SET portal_id = ?, user_id = 0 WHERE portal_id = ?", kept, portalID).Error
}

// goneAtOnce are the tables whose rows open something, and those of which no portal
// has many rows.
var goneAtOnce = []string{
	"tokens", "pbx_keys", "employees", "log_filters", "privacy_requests", "alerts", "incidents", "reconciliations", "unread_statistics",
}

func removeRows(tx *gorm.DB, portalID int64, tables []string) error {
	for _, table := range tables {
		if err := tx.Exec("DELETE FROM "+table+" WHERE portal_id = ?", portalID).Error; err != nil {
			return err
		}
	}
	return nil
}
