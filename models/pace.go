package models

import (
	"context"
	"time"

	"gorm.io/gorm"
)

// A Pace is one portal's bucket of requests: so many fit into it, and one of
// them runs out every so often.
type Pace struct {
	PortalID int64
	Bucket   string // its name
	Every    time.Duration
	Burst    int
}

// TakePlace takes the next place in a bucket and returns how long it is until
// then. A place that comes later than most is not taken: the answer is longer
// than most. A portal that is not known has all places. On SQLite, the database
// of one process, the answer is 0: such a process counts for itself.
//
// It is the Generic Cell Rate Algorithm: the row holds when the bucket will be
// empty, so a place is one statement. A time further ahead than twice what whoever
// takes a place may get was set before the clock was set back, and counts as none.
func (s *Store) TakePlace(ctx context.Context, p Pace, most time.Duration) (time.Duration, error) {
	next := turn{Pace: p, most: most}
	if s.pool != nil {
		if err := next.take(s.soon(ctx)).Error; err != nil {
			return 0, err
		}
	}
	return s.wait(ctx, next)
}

// A turn is the place in a bucket that one statement took, if that comes in time.
type turn struct {
	Pace
	most  time.Duration
	ahead []int64 // microseconds until the bucket will be empty; none if no place was taken
}

func (t *turn) room() int64 { return t.Every.Microseconds() * int64(t.Burst) }

func (t *turn) take(tx *gorm.DB) *gorm.DB {
	every, most := t.Every.Microseconds(), t.room()+t.most.Microseconds()
	return tx.Raw(`
		INSERT INTO paces (portal_id, bucket, tat)
		SELECT id, ?, `+microseconds+` + ? FROM portals WHERE id = ?
		ON CONFLICT (portal_id, bucket) DO UPDATE
		SET tat = CASE WHEN paces.tat - `+microseconds+` BETWEEN 0 AND ? THEN paces.tat ELSE `+microseconds+` END + ?
		WHERE paces.tat + ? - `+microseconds+` <= ? OR paces.tat - `+microseconds+` > ?
		RETURNING tat - `+microseconds,
		t.Bucket, every, t.PortalID, 2*most, every, every, most, 2*most).Find(&t.ahead)
}

// wait is how long it is until a turn.
func (s *Store) wait(ctx context.Context, t turn) (time.Duration, error) {
	switch {
	case s.pool == nil:
		return 0, nil
	case len(t.ahead) == 0:
		return s.full(ctx, t.Pace, t.most)
	}
	return max(0, time.Duration(t.ahead[0]-t.room())*time.Microsecond), nil
}

// microseconds is the database's clock: those of several machines may differ.
const microseconds = "(extract(epoch FROM statement_timestamp()) * 1000000)::bigint"

// full is the answer when no place was taken: the bucket's, if there is one.
func (s *Store) full(ctx context.Context, p Pace, most time.Duration) (time.Duration, error) {
	var known bool
	err := s.with(ctx).Raw("SELECT EXISTS (SELECT 1 FROM portals WHERE id = ?)", p.PortalID).Scan(&known).Error
	if err != nil || !known {
		return 0, err
	}
	return most + p.Every, nil
}

// GiveBack returns a place that was taken and will not be used.
func (s *Store) GiveBack(ctx context.Context, p Pace) error {
	if s.pool == nil {
		return nil
	}
	return s.soon(ctx).Exec("UPDATE paces SET tat = tat - ? WHERE bucket = ? AND portal_id = ?",
		p.Every.Microseconds(), p.Bucket, p.PortalID).Error
}

// Fill takes all places that are free in a bucket: the portal's own is full.
func (s *Store) Fill(ctx context.Context, p Pace) error {
	if s.pool == nil {
		return nil
	}
	return s.soon(ctx).Exec(`UPDATE paces SET tat = greatest(tat, `+microseconds+` + ?)
		WHERE bucket = ? AND portal_id = ?`,
		p.Every.Microseconds()*int64(p.Burst), p.Bucket, p.PortalID).Error
}
