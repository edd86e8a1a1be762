package models

import (
	"context"
	"strings"
	"time"

	"gorm.io/gorm"
)

// testPrefix begins the key of a call that an administrator made up to try the
// settings out.
const testPrefix = "test:"

// IsTest reports a call that an administrator made up.
func (c *Call) IsTest() bool { return strings.HasPrefix(c.CallKey, testPrefix) }

// IsTest reports a call that an administrator made up.
func (r *CallRow) IsTest() bool { return strings.HasPrefix(r.CallKey, testPrefix) }

// untested leaves out calls that an administrator made up.
func untested(query *gorm.DB) *gorm.DB { return query.Where("call_key NOT LIKE ?", testPrefix+"%") }

// recentWindow is how many of the newest calls are looked through for those of
// a kind: a long log may hold none.
const recentWindow = 5000

// within leaves out the calls of a portal that are older than the newest of
// them, as many as recentWindow.
func (s *Store) within(ctx context.Context, portalID int64) func(*gorm.DB) *gorm.DB {
	oldest := s.with(ctx).Table("calls").Select("started_at").Where("portal_id = ?", portalID).
		Order("started_at DESC, id DESC").Offset(recentWindow - 1).Limit(1)
	return func(query *gorm.DB) *gorm.DB {
		return query.Where("portal_id = ? AND started_at >= COALESCE((?), ?)", portalID, oldest, Stored(time.Time{}))
	}
}

// RecentCases returns the last decided calls of a portal, the newest first: the
// what-if decides their cases anew. Only what it shows of a call is read. Test
// calls, and calls whose case was removed, are left out.
func (s *Store) RecentCases(ctx context.Context, portalID int64, limit int) ([]Call, error) {
	var calls []Call
	err := s.with(ctx).Scopes(untested, s.within(ctx, portalID)).
		Select("id", "portal_id", "kind", "started_at", "direction", "line", "phone", "customer_name", "case", "decision").
		Where(`"case" IS NOT NULL AND decision IS NOT NULL`).
		Order("started_at DESC, id DESC").Limit(limit).Find(&calls).Error
	return calls, err
}

// SeenCalls is what has come from a portal's telephony lately, test calls left
// out.
type SeenCalls struct {
	PBX     bool // the PBX reported a call
	Decided bool // a call was decided and its end was handled, not in dry run
}

// SeenCalls looks whether calls have come yet.
func (s *Store) SeenCalls(ctx context.Context, portalID int64) (SeenCalls, error) {
	pbx, err := s.anyCall(ctx, portalID, "kind = ?", KindPBX)
	if err != nil {
		return SeenCalls{}, err
	}
	decided, err := s.anyCall(ctx, portalID, "decided_at IS NOT NULL AND result NOT IN ?", []CallResult{ResultDryRun, ResultWaiting})
	return SeenCalls{PBX: pbx, Decided: decided}, err
}

func (s *Store) anyCall(ctx context.Context, portalID int64, where string, value any) (bool, error) {
	var found []int64
	err := s.with(ctx).Table("calls").Scopes(untested, s.within(ctx, portalID)).Where(where, value).
		Limit(1).Pluck("id", &found).Error
	return len(found) > 0, err
}

// A SeenExtension took part in calls.
type SeenExtension struct {
	Extension string
	Calls     int
}

// seenCalls is how many of the last calls [Store.SeenExtensions] looks at.
const seenCalls = 2000

// SeenExtensions returns the extensions of the last calls of a portal that were
// handled, the most used first.
func (s *Store) SeenExtensions(ctx context.Context, portalID int64) ([]SeenExtension, error) {
	recent := s.with(ctx).Table("calls").Scopes(untested).Select("extension", "state").
		Where("portal_id = ?", portalID).Order("started_at DESC, id DESC").Limit(seenCalls)
	var seen []SeenExtension
	err := s.with(ctx).Table("(?) AS recent", recent).Select("extension", "count(*) AS calls").
		Where("extension <> '' AND state <> ?", CallIgnored).
		Group("extension").Order("calls DESC, extension").Find(&seen).Error
	return seen, err
}
