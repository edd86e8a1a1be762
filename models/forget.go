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

// A remnant is rows of a table, of which a portal may have very many: the column of an
// index along which they are removed, and how many at a time.
type remnant struct {
	table, along string
	batch        int
	of           string // more of the condition
}

// remnants go after the calls: workers change a call before its events, and in
// another order each would wait for the other. A recording may have many pieces.
var remnants = append(eventRemnants(),
	remnant{"rest_log", "at", purgeBatch, ""},
	remnant{"recordings", "created_at", 20, ""},
	remnant{"missing_calls", "call_key", purgeBatch, ""},
	remnant{"recent_creations", "phone_key", purgeBatch, ""},
	remnant{"erased_calls", "call_hash", purgeBatch, ""},
)

func eventRemnants() []remnant {
	var all []remnant
	for _, source := range sources {
		all = append(all, remnant{"events", "event_key", purgeBatch, " AND source = '" + string(source) + "'"})
	}
	return all
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
	keep := func(tx *gorm.DB, where string, values []any) error { return s.keepCalls(tx, a, where, values) }
	if over, err := s.forgetBy(ctx, remnant{"calls", "call_key", purgeBatch, ""}, a.PortalID, keep, until); err != nil || !over {
		return false, err
	}
	for _, r := range remnants {
		if over, err := s.forgetBy(ctx, r, a.PortalID, r.remove, until); err != nil || !over {
			return false, err
		}
	}
	return s.forgetLast(ctx, a.PortalID)
}

// forgetBy does something to the rows of a portal in a table, some in a transaction,
// until it has come to the last one, or the time is over.
func (s *Store) forgetBy(ctx context.Context, r remnant, portalID int64, do func(tx *gorm.DB, where string, values []any) error, until time.Time) (over bool, err error) {
	rows := walk{table: r.table, along: r.along, where: "portal_id = ?" + r.of, values: []any{portalID}, some: r.batch}
	for more := true; more; {
		if s.now().After(until) {
			return false, nil
		}
		err := s.Transaction(ctx, func(tx *gorm.DB) (err error) {
			more, err = rows.step(tx, func(where string, values []any) error { return do(tx, where, values) })
			return err
		})
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

func (r remnant) remove(tx *gorm.DB, where string, values []any) error {
	return tx.Exec("DELETE FROM "+r.table+" WHERE "+where, values...).Error
}

// keepCalls gives some calls to the row that keeps the portal's settings, without
// anything that names a person. Those that the portal, installed anew, has calls like,
// go; so do all if there is no such row.
func (s *Store) keepCalls(tx *gorm.DB, a ForgetArgs, where string, values []any) error {
	var ids []int64
	if err := tx.Table("calls").Where(where, values...).Pluck("id", &ids).Error; err != nil || len(ids) == 0 {
		return err
	}
	err := tx.Exec(`DELETE FROM calls WHERE portal_id = ? AND id IN ? AND (NOT EXISTS (SELECT 1 FROM portals p WHERE p.id = ?)
		OR EXISTS (SELECT 1 FROM calls c WHERE c.portal_id = ? AND c.call_key = calls.call_key)
		OR EXISTS (SELECT 1 FROM calls c WHERE c.portal_id = ? AND c.pbx_call_id = calls.pbx_call_id)
		OR EXISTS (SELECT 1 FROM calls c WHERE c.portal_id = ? AND c.b24_call_id = calls.b24_call_id))`,
		a.PortalID, ids, a.KeptAs, a.KeptAs, a.KeptAs, a.KeptAs).Error
	if err != nil {
		return err
	}
	return tx.Table("calls").Where("portal_id = ? AND id IN ?", a.PortalID, ids).Updates(s.nameless(a.KeptAs)).Error
}

// nameless leaves of a call what says when and how it went, what was decided and what
// kept that from coming about, and ends it if it was open.
func (s *Store) nameless(portalID int64) map[string]any {
	unlessOpen := func(column, open string) any {
		return gorm.Expr("CASE state WHEN 'open' THEN ? ELSE "+column+" END", open)
	}
	progress, decision := namelessSQLite, "json_set(decision, '$.log_to', json('[]'))"
	if s.pool != nil {
		progress, decision = namelessPostgres, `CAST(CAST(decision AS jsonb) || '{"log_to": []}' AS json)`
	}
	return map[string]any{
		"portal_id": portalID, "phone": "", "phone_key": "", "customer_name": "", "search": "", "user_id": 0, "extension": "",
		"state": unlessOpen("state", string(CallFailed)), "result": unlessOpen("result", string(ResultFailed)),
		"error_code": unlessOpen("error_code", "UNINSTALLED"), "retry_at": nil,
		"attention": NoAttention, "case": nil, "plan": nil, "records": nil, "updated_at": s.now(),
		"progress": gorm.Expr(progress), "decision": gorm.Expr(decision),
	}
}

// What is left of a call's [Progress].
const (
	namelessPostgres = "json_build_object('removed', true, " + namelessKept + ")"
	namelessSQLite   = "json_object('removed', json('true'), " + namelessKept + ")"
	namelessKept     = "'notes', progress -> 'notes', 'dry_run', progress -> 'dry_run', 'excluded', progress -> 'excluded', 'create_done', progress -> 'create_done'"
)

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
