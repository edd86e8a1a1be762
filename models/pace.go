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
// than most. A portal that is not known has all places. What was taken outlasts
// the process that took it: one that is killed does not get a second burst.
//
// It is the Generic Cell Rate Algorithm: the row holds when the bucket will be
// empty, so a place is one statement. A time further ahead than twice what whoever
// takes a place may get was set before the clock was set back, and counts as none.
func (s *Store) TakePlace(ctx context.Context, p Pace, most time.Duration) (time.Duration, error) {
	next := s.turn(p, most)
	if err := next.take(s.soon(ctx)).Error; err != nil {
		return 0, err
	}
	return s.wait(ctx, next)
}

// A turn is the place in a bucket that one statement took, if that comes in time.
type turn struct {
	Pace
	most  time.Duration
	clock string
	ahead []int64 // microseconds until the bucket will be empty; none if no place was taken
}

func (s *Store) turn(p Pace, most time.Duration) turn {
	return turn{Pace: p, most: most, clock: s.clock()}
}

func (p Pace) room() int64 { return p.Every.Microseconds() * int64(p.Burst) }

func (t *turn) take(tx *gorm.DB) *gorm.DB {
	now, every, most := t.clock, t.Every.Microseconds(), t.room()+t.most.Microseconds()
	return tx.Raw(`
		INSERT INTO paces (portal_id, bucket, tat)
		SELECT id, ?, `+now+` + ? FROM portals WHERE id = ?
		ON CONFLICT (portal_id, bucket) DO UPDATE
		SET tat = CASE WHEN paces.tat - `+now+` BETWEEN 0 AND ? THEN paces.tat ELSE `+now+` END + ?
		WHERE paces.tat + ? - `+now+` <= ? OR paces.tat - `+now+` > ?
		RETURNING tat - `+now,
		t.Bucket, every, t.PortalID, 2*most, every, every, most, 2*most).Find(&t.ahead)
}

// wait is how long it is until a turn.
func (s *Store) wait(ctx context.Context, t turn) (time.Duration, error) {
	if len(t.ahead) == 0 {
		return s.full(ctx, t.Pace, t.most)
	}
	return max(0, time.Duration(t.ahead[0]-t.room())*time.Microsecond), nil
}

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
	return s.soon(ctx).Exec("UPDATE paces SET tat = tat - ? WHERE bucket = ? AND portal_id = ?",
		p.Every.Microseconds(), p.Bucket, p.PortalID).Error
}

// Fill takes all places that are free in a bucket: the portal's own is full.
func (s *Store) Fill(ctx context.Context, p Pace) error {
	full := s.clock() + " + ?"
	return s.soon(ctx).Exec("UPDATE paces SET tat = "+full+" WHERE bucket = ? AND portal_id = ? AND tat < "+full,
		p.room(), p.Bucket, p.PortalID, p.room()).Error
}
