package models

import (
	"context"
	"fmt"
	"time"

	riverqueue "github.com/riverqueue/river"
	"gorm.io/gorm"
)

// ForgetArgs has forgotten what is left of a portal that the app was removed from.
type ForgetArgs struct {
	PortalID int64 `json:"portal_id"`
	// KeptAs is the row that keeps the portal's settings, and is to have its calls
	// without names; 0: nothing stays.
	KeptAs int64 `json:"kept_as,omitempty"`
}

// Kind is River's name for the job.
func (ForgetArgs) Kind() string { return "forget" }

// forgetAfter lets whoever took the word on the removal go first: of most portals
// nothing is left for the job then.
const forgetAfter = 10 * time.Second

// InsertOpts have the job wait for a moment.
func (ForgetArgs) InsertOpts() riverqueue.InsertOpts {
	return riverqueue.InsertOpts{ScheduledAt: time.Now().Add(forgetAfter)}
}

// A remnant is a table of which a portal may have very many rows, in which order
// they are found by an index, and how many are removed at a time.
type remnant struct {
	table, key, order string
	batch             int
}

// remnants go after the calls: workers change a call before its events, and in
// another order each would wait for the other. A recording may have many pieces.
var remnants = []remnant{
	{"events", "id", "source, event_key", purgeBatch},
	{"rest_log", "id", "at DESC, id DESC", purgeBatch},
	{"recordings", "id", "created_at", 20},
	{"missing_calls", "id", "call_key", purgeBatch},
	{"recent_creations", "portal_id, phone_key, call_id", "phone_key, call_id", purgeBatch},
	{"erased_calls", "portal_id, call_hash", "call_hash", purgeBatch},
}

// Forget goes on forgetting a portal that was uninstalled until a time, and reports
// whether nothing is left of it: each transaction removes some rows of one table, so
// that it holds up nobody, and may be broken off anywhere. The portal's row goes
// last, with its jobs, and with what work in flight has stored meanwhile. A
// portal that is in use is left alone.
func (s *Store) Forget(ctx context.Context, a ForgetArgs, until time.Time) (over bool, err error) {
	var there int64
	err = s.with(ctx).Table("portals").Where("id = ? AND member_id = ?", a.PortalID, retired(a.PortalID)).Count(&there).Error
	if err != nil || there == 0 {
		return err == nil, err
	}
	slices := []func(tx *gorm.DB) (int64, error){func(tx *gorm.DB) (int64, error) { return s.keepCalls(tx, a) }}
	for _, r := range remnants {
		slices = append(slices, func(tx *gorm.DB) (int64, error) { return r.remove(tx, a.PortalID) })
	}
	for _, slice := range slices {
		if over, err := s.forgetBy(ctx, slice, until); err != nil || !over {
			return false, err
		}
	}
	return s.forgetLast(ctx, a.PortalID)
}

// forgetBy does a slice again and again until it meets nothing, or the time is over.
func (s *Store) forgetBy(ctx context.Context, slice func(tx *gorm.DB) (int64, error), until time.Time) (over bool, err error) {
	for met := int64(1); met > 0; {
		if s.now().After(until) {
			return false, nil
		}
		err := s.Transaction(ctx, func(tx *gorm.DB) (err error) {
			met, err = slice(tx)
			return err
		})
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

func (r remnant) remove(tx *gorm.DB, portalID int64) (int64, error) {
	removed := tx.Exec(fmt.Sprintf("DELETE FROM %[1]s WHERE (%[2]s) IN (SELECT %[2]s FROM %[1]s WHERE portal_id = ? ORDER BY %[3]s LIMIT ?)",
		r.table, r.key, r.order), portalID, r.batch)
	return removed.RowsAffected, removed.Error
}

// keepCalls gives some calls to the row that keeps the portal's settings, without
// anything that names a person, and returns how many it met. Those that the
// portal, installed anew, has calls like, go; so do all if there is no such row.
func (s *Store) keepCalls(tx *gorm.DB, a ForgetArgs) (int64, error) {
	var ids []int64
	err := tx.Table("calls").Where("portal_id = ?", a.PortalID).Order("call_key").Limit(purgeBatch).Pluck("id", &ids).Error
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	err = tx.Exec(`DELETE FROM calls WHERE portal_id = ? AND id IN ? AND (NOT EXISTS (SELECT 1 FROM portals p WHERE p.id = ?)
		OR EXISTS (SELECT 1 FROM calls c WHERE c.portal_id = ? AND c.call_key = calls.call_key)
		OR EXISTS (SELECT 1 FROM calls c WHERE c.portal_id = ? AND c.pbx_call_id = calls.pbx_call_id)
		OR EXISTS (SELECT 1 FROM calls c WHERE c.portal_id = ? AND c.b24_call_id = calls.b24_call_id))`,
		a.PortalID, ids, a.KeptAs, a.KeptAs, a.KeptAs, a.KeptAs).Error
	if err != nil {
		return 0, err
	}
	return int64(len(ids)), tx.Table("calls").Where("portal_id = ? AND id IN ?", a.PortalID, ids).Updates(s.nameless(a.KeptAs)).Error
}

// nameless leaves of a call what says when and how it went and what was decided, and
// ends it if it was open.
func (s *Store) nameless(portalID int64) map[string]any {
	unlessOpen := func(column, open string) any {
		return gorm.Expr("CASE state WHEN 'open' THEN ? ELSE "+column+" END", open)
	}
	return map[string]any{
		"portal_id": portalID, "phone": "", "phone_key": "", "customer_name": "", "search": "", "user_id": 0, "extension": "",
		"state": unlessOpen("state", string(CallFailed)), "result": unlessOpen("result", string(ResultFailed)),
		"error_code": unlessOpen("error_code", "UNINSTALLED"), "retry_at": nil,
		"attention": NoAttention, "case": nil, "plan": nil, "records": nil, "progress": "{}", "updated_at": s.now(),
	}
}

// forgetLast removes the row of a portal, its jobs that are not being worked on, and
// its leases of numbers, unless somebody has stored much meanwhile.
func (s *Store) forgetLast(ctx context.Context, portalID int64) (over bool, err error) {
	err = s.Transaction(ctx, func(tx *gorm.DB) error {
		var left bool
		err := tx.Raw("SELECT EXISTS (SELECT 1 FROM calls WHERE portal_id = ?) OR EXISTS (SELECT 1 FROM events WHERE portal_id = ?)"+
			" OR EXISTS (SELECT 1 FROM rest_log WHERE portal_id = ?)", portalID, portalID, portalID).Scan(&left).Error
		if over = !left; err != nil || left {
			return err
		}
		for _, where := range []struct {
			rows  string
			value any
		}{
			{"river_job WHERE state <> 'running' AND " + s.jobPortal() + " = ?", portalID},
			{"leases WHERE name LIKE ?", fmt.Sprintf("number:%d:%%", portalID)},
			{"portals WHERE id = ?", portalID},
		} {
			if err := tx.Exec("DELETE FROM "+where.rows, where.value).Error; err != nil {
				return err
			}
		}
		return nil
	})
	return over && err == nil, err
}
