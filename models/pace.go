package models

import (
	"context"
	"time"
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
// empty, so a place is one statement.
func (s *Store) TakePlace(ctx context.Context, p Pace, most time.Duration) (time.Duration, error) {
	if s.pool == nil {
		return 0, nil
	}
	every, room := p.Every.Microseconds(), p.Every.Microseconds()*int64(p.Burst)
	var ahead []int64
	err := s.soon(ctx).Raw(`
		INSERT INTO paces (portal_id, bucket, tat)
		SELECT id, ?, `+microseconds+` + ? FROM portals WHERE id = ?
		ON CONFLICT (portal_id, bucket) DO UPDATE SET tat = greatest(paces.tat, `+microseconds+`) + ?
		WHERE paces.tat + ? - `+microseconds+` <= ?
		RETURNING tat - `+microseconds,
		p.Bucket, every, p.PortalID, every, every, room+most.Microseconds()).Scan(&ahead).Error
	if err != nil {
		return 0, err
	}
	if len(ahead) == 0 {
		return s.full(ctx, p, most)
	}
	return max(0, time.Duration(ahead[0]-room)*time.Microsecond), nil
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
