package models

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// A Reconciliation is how far the call statistics of a portal are read.
type Reconciliation struct {
	PortalID int64 `gorm:"primaryKey;autoIncrement:false"`
	LastID   int64
}

// A MissingCall is a call in a portal's statistics whose end nobody has told us.
// Times are microseconds since 1970, which both databases compare alike.
type MissingCall struct {
	ID        int64
	PortalID  int64
	CallKey   string
	Payload   json.RawMessage `gorm:"serializer:json"` // what its end would have told; empty once it is taken up
	Began     int64
	Seen      int64 // when it was first seen, by the portal's clock
	Recovered int64 // when it was taken up; 0 = not yet
}

// An UnreadStatistic says that the call statistics of a portal cannot be read.
type UnreadStatistic struct {
	PortalID int64 `gorm:"primaryKey;autoIncrement:false"`
	Since    int64 // microseconds since 1970
	Code     string
}

// RecoveredPrefix begins the key of an event that we made of a row of the statistics.
const RecoveredPrefix = "recovered:"

// A Gap is a time in which calls of a portal did not reach us.
type Gap struct {
	From, To  time.Time // when the first and the last of its calls began
	Missing   int       // not taken up yet
	Waits     time.Time // when the first of these began; zero for none
	Recovered int
}

// gapBetween is the quiet time that parts two gaps; mostGaps bounds a list.
const (
	gapBetween = time.Hour
	mostGaps   = 10
)

// Reconciled is the newest row of a portal's statistics that was looked at;
// ErrNotFound before the first look.
func (s *Store) Reconciled(ctx context.Context, portalID int64) (int64, error) {
	var r Reconciliation
	err := s.with(ctx).Where("portal_id = ?", portalID).Take(&r).Error
	return r.LastID, found(err)
}

// Unread returns since when, and why, a portal's statistics cannot be read;
// ErrNotFound while they can.
func (s *Store) Unread(ctx context.Context, portalID int64) (since time.Time, code string, err error) {
	var u UnreadStatistic
	err = s.with(ctx).Where("portal_id = ?", portalID).Take(&u).Error
	return time.UnixMicro(u.Since).UTC(), u.Code, found(err)
}

// SetUnread remembers that the statistics of a portal, which is active, could not be
// read now, and why.
func (s *Store) SetUnread(ctx context.Context, portalID int64, code string) error {
	return s.with(ctx).Exec(`
		INSERT INTO unread_statistics (portal_id, since, code) SELECT id, ?, ? FROM portals WHERE id = ? AND status = ?
		ON CONFLICT (portal_id) DO UPDATE SET code = excluded.code`,
		s.now().UnixMicro(), clean(code), portalID, PortalActive).Error
}

// SetRead remembers that a portal's statistics could be read.
func (s *Store) SetRead(ctx context.Context, portalID int64) error {
	return s.with(ctx).Exec("DELETE FROM unread_statistics WHERE portal_id = ?", portalID).Error
}

// AddMissing keeps calls that may be missing and how far the statistics are
// read by that, both or neither. A call that is kept already stays as it is.
func (s *Store) AddMissing(ctx context.Context, portalID, lastID int64, calls []MissingCall) error {
	for i := range calls {
		calls[i].PortalID, calls[i].CallKey = portalID, clean(calls[i].CallKey)
	}
	return s.Transaction(ctx, func(tx *gorm.DB) error {
		if len(calls) > 0 {
			once := clause.OnConflict{Columns: []clause.Column{{Name: "portal_id"}, {Name: "call_key"}}, DoNothing: true}
			if err := tx.Clauses(once).Create(&calls).Error; err != nil {
				return err
			}
		}
		return tx.Clauses(clause.OnConflict{
			Columns: []clause.Column{{Name: "portal_id"}}, DoUpdates: clause.AssignmentColumns([]string{"last_id"}),
		}).Create(&Reconciliation{portalID, lastID}).Error
	})
}

// ofOurOwn holds for a missing call that we know as one of our own, and takes the kinds
// that are not.
const ofOurOwn = `EXISTS (SELECT 1 FROM calls c WHERE c.portal_id = missing_calls.portal_id
	AND c.b24_call_id = substr(missing_calls.call_key, 5) AND c.kind NOT IN ?)`

var foreignKinds = []CallKind{KindBuiltin, KindOther}

// SiftMissing forgets the calls of others of a portal that are none that is missing:
// an event of a type was stored for them after all, besides the one that we made, or
// the kind of call is not handled (any more), which builtin and external say.
func (s *Store) SiftMissing(ctx context.Context, portalID int64, kind string, builtin, external bool) error {
	return s.with(ctx).Exec(`
		DELETE FROM missing_calls WHERE portal_id = ? AND recovered = 0 AND NOT `+ofOurOwn+` AND (
			CASE WHEN call_key LIKE 'b24:externalCall.%' THEN NOT ? ELSE NOT ? END
			OR EXISTS (SELECT 1 FROM events e WHERE e.portal_id = missing_calls.portal_id AND e.call_key = missing_calls.call_key
				AND e.type = ? AND e.event_key <> ? || missing_calls.call_key))`,
		portalID, foreignKinds, external, builtin, kind, RecoveredPrefix).Error
}

// MissingSince returns calls of a portal that are not taken up and were first seen
// at or before a time of the portal's clock: first those of our own that ended
// without us, then those of others that began at or after a time; of each the oldest
// first.
func (s *Store) MissingSince(ctx context.Context, portalID int64, seen, began time.Time, limit int) ([]MissingCall, error) {
	var calls []MissingCall
	err := s.with(ctx).Raw(`
		SELECT * FROM (SELECT *, `+ofOurOwn+` AS own FROM missing_calls WHERE portal_id = ? AND recovered = 0 AND seen <= ?) AS missing
		WHERE own OR began >= ? ORDER BY own DESC, began, id LIMIT ?`,
		foreignKinds, portalID, seen.UnixMicro(), began.UnixMicro(), limit).Scan(&calls).Error
	return calls, err
}

// ForgetMissing drops a call that is not missing any more.
func (s *Store) ForgetMissing(ctx context.Context, portalID, id int64) error {
	return s.with(ctx).Exec("DELETE FROM missing_calls WHERE portal_id = ? AND id = ? AND recovered = 0", portalID, id).Error
}

// SetRecovered counts a call as taken up, forgets what its end would have told,
// and reports whether it was not before.
func (s *Store) SetRecovered(ctx context.Context, portalID, id int64) (bool, error) {
	set := s.with(ctx).Exec("UPDATE missing_calls SET recovered = ?, payload = '{}' WHERE portal_id = ? AND id = ? AND recovered = 0",
		s.now().UnixMicro(), portalID, id)
	return set.RowsAffected > 0, set.Error
}

// Told reports whether an event of a type is stored for a call, or the call was erased:
// what told of it went with it.
func (s *Store) Told(ctx context.Context, portalID int64, callKey, kind string) (bool, error) {
	var told bool
	err := s.with(ctx).Raw(`
		SELECT EXISTS (SELECT 1 FROM events WHERE portal_id = ? AND call_key = ? AND type = ?)
			OR EXISTS (SELECT 1 FROM erased_calls WHERE portal_id = ? AND call_hash = ? AND until > ?)`,
		portalID, clean(callKey), kind, portalID, hashOf(callKey), s.now().UnixMicro()).Scan(&told).Error
	return told, err
}

// StopReconciling forgets how far a portal's statistics are read, or that they cannot
// be, and what is missing in ours. The next look is a first one again.
func (s *Store) StopReconciling(ctx context.Context, portalID int64) error {
	return s.Transaction(ctx, func(tx *gorm.DB) error {
		if err := tx.Exec("DELETE FROM missing_calls WHERE portal_id = ? AND recovered = 0", portalID).Error; err != nil {
			return err
		}
		if err := tx.Exec("DELETE FROM unread_statistics WHERE portal_id = ?", portalID).Error; err != nil {
			return err
		}
		return tx.Exec("DELETE FROM reconciliations WHERE portal_id = ?", portalID).Error
	})
}

// inGaps are the missing calls of a portal that were taken up after a time, and those
// that are not and were first seen by another.
const inGaps = "missing_calls WHERE portal_id = ? AND ((recovered <> 0 AND recovered > ?) OR (recovered = 0 AND seen <= ?))"

type gapRow struct {
	First, Last, Waits int64
	Missing, Recovered int
}

func (r gapRow) gap() Gap {
	gap := Gap{From: time.UnixMicro(r.First).UTC(), To: time.UnixMicro(r.Last).UTC(), Missing: r.Missing, Recovered: r.Recovered}
	if r.Missing > 0 {
		gap.Waits = time.UnixMicro(r.Waits).UTC()
	}
	return gap
}

// Gaps are the latest times in which calls of a portal did not reach us, the
// newest first: of calls that were taken up after since, and of those that are
// not and were first seen by until. The events of later ones may still come. If there
// are too many, those that nothing is missing in any more are left out first.
func (s *Store) Gaps(ctx context.Context, portalID int64, since, until time.Time) ([]Gap, error) {
	var rows []gapRow
	err := s.with(ctx).Raw(`
		SELECT min(began) AS first, max(began) AS last, COALESCE(min(CASE WHEN open = 1 THEN began END), 0) AS waits, sum(open) AS missing, sum(1 - open) AS recovered FROM (
			SELECT began, open, sum(fresh) OVER (ORDER BY began, id) AS gap FROM (
				SELECT id, began, CASE WHEN recovered = 0 THEN 1 ELSE 0 END AS open,
					CASE WHEN began - lag(began) OVER (ORDER BY began, id) <= ? THEN 0 ELSE 1 END AS fresh
				FROM `+inGaps+`) AS marked) AS grouped
		GROUP BY gap ORDER BY CASE WHEN sum(open) > 0 THEN 0 ELSE 1 END, min(began) DESC LIMIT ?`,
		gapBetween.Microseconds(), portalID, since.UnixMicro(), until.UnixMicro(), mostGaps).Scan(&rows).Error
	var gaps []Gap
	for _, r := range rows {
		gaps = append(gaps, r.gap())
	}
	slices.SortStableFunc(gaps, func(a, b Gap) int { return b.From.Compare(a.From) })
	return gaps, err
}

// AllGaps is all of what [Store.Gaps] tells the latest of, as one gap; zero without any.
func (s *Store) AllGaps(ctx context.Context, portalID int64, since, until time.Time) (Gap, error) {
	var rows []gapRow
	err := s.with(ctx).Raw(`
		SELECT min(began) AS first, max(began) AS last, COALESCE(min(CASE WHEN recovered = 0 THEN began END), 0) AS waits,
			sum(CASE WHEN recovered = 0 THEN 1 ELSE 0 END) AS missing, sum(CASE WHEN recovered = 0 THEN 0 ELSE 1 END) AS recovered
		FROM `+inGaps+` HAVING count(*) > 0`, portalID, since.UnixMicro(), until.UnixMicro()).Scan(&rows).Error
	if err != nil || len(rows) == 0 {
		return Gap{}, err
	}
	return rows[0].gap(), nil
}
