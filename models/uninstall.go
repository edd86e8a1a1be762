package models

import (
	"context"
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

// Uninstall forgets a portal. With clean nothing of it stays. Otherwise its
// settings, its command URL and its lines stay for a later installation, and
// its calls without anything that names a person; tokens, secrets, keys,
// employees, events and requests go, and a job is enqueued that looks once more for
// what was in flight meanwhile. It may be repeated.
func (s *Store) Uninstall(ctx context.Context, portalID int64, clean bool) error {
	defer s.admitted.forget()
	return s.Transaction(ctx, func(tx *gorm.DB) error {
		if clean {
			return s.forgetAll(tx, portalID)
		}
		if err := s.forgetPeople(tx, portalID); err != nil {
			return err
		}
		return s.enqueueRemoval(ctx, tx, portalID, clean)
	})
}

// ForgetAgain removes from a portal that is uninstalled what work in flight has
// stored since; any other portal is left alone.
func (s *Store) ForgetAgain(ctx context.Context, portalID int64) error {
	return s.Transaction(ctx, func(tx *gorm.DB) error {
		still := tx.Table("portals").Where("id = ? AND status = ?", portalID, PortalUninstalled).Update("updated_at", s.now())
		if still.Error != nil || still.RowsAffected == 0 {
			return still.Error
		}
		return s.forgetRows(tx, portalID)
	})
}

// forgetWork removes the jobs of a portal that are not being worked on, and its
// leases of numbers: after its calls, as a round or an erasure does.
func (s *Store) forgetWork(tx *gorm.DB, portalID int64) error {
	err := tx.Exec("DELETE FROM river_job WHERE state <> 'running' AND "+s.jobPortal()+" = ?", portalID).Error
	if err != nil {
		return err
	}
	return tx.Exec("DELETE FROM leases WHERE name LIKE ?", fmt.Sprintf("number:%d:%%", portalID)).Error
}

// forgetAll removes a portal. What is not removed before goes with its row, but
// in an order of the database's own: see forgetRows.
func (s *Store) forgetAll(tx *gorm.DB, portalID int64) error {
	if err := removeRows(tx, portalID, append([]string{"calls"}, personal...)); err != nil {
		return err
	}
	if err := s.forgetWork(tx, portalID); err != nil {
		return err
	}
	return tx.Exec("DELETE FROM portals WHERE id = ?", portalID).Error
}

func (s *Store) forgetPeople(tx *gorm.DB, portalID int64) error {
	if err := s.forgetRows(tx, portalID); err != nil {
		return err
	}
	if err := s.forgetWork(tx, portalID); err != nil {
		return err
	}
	return changed(tx.Table("portals").Where("id = ?", portalID).Updates(map[string]any{
		"application_token": nil, "command_secret": nil, "rest_app_id": "", "status": PortalUninstalled,
		"status_code": "", "employees_at": nil, "installed_at": nil,
		"uninstalled_at": s.now(), "updated_at": s.now(), "removals": gorm.Expr("removals + 1"),
	}))
}

// personal are the tables besides calls whose rows name a person or open
// something.
var personal = []string{
	"tokens", "pbx_keys", "employees", "events", "rest_log", "recent_creations", "log_filters", "recordings",
	"privacy_requests", "erased_calls", "alerts", "incidents", "reconciliations", "unread_statistics", "missing_calls",
}

// forgetRows changes calls before events, as their workers do, and tokens before
// the portal: in another order each would wait for the other.
func (s *Store) forgetRows(tx *gorm.DB, portalID int64) error {
	if err := s.anonymise(tx, portalID); err != nil {
		return err
	}
	if err := removeRows(tx, portalID, personal); err != nil {
		return err
	}
	return tx.Exec("UPDATE settings_versions SET user_id = 0 WHERE portal_id = ?", portalID).Error
}

func removeRows(tx *gorm.DB, portalID int64, tables []string) error {
	for _, table := range tables {
		if err := tx.Exec("DELETE FROM "+table+" WHERE portal_id = ?", portalID).Error; err != nil {
			return err
		}
	}
	return nil
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
