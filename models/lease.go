package models

import (
	"context"
	"time"
)

// Acquire takes the lease of a name for ttl and reports whether it was free: no
// one's, or its time was over. An owner does not get its own lease twice, so
// each piece of work needs an owner's name of its own.
func (s *Store) Acquire(ctx context.Context, name, owner string, ttl time.Duration) (bool, error) {
	now := s.now()
	taken := s.with(ctx).Exec(`INSERT INTO leases (name, owner, until) VALUES (?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until
		WHERE leases.until <= ?`, clean(name), owner, now.Add(ttl).UnixMicro(), now.UnixMicro())
	return taken.RowsAffected > 0, taken.Error
}

// Renew prolongs a lease to ttl from now and reports whether owner still had it.
func (s *Store) Renew(ctx context.Context, name, owner string, ttl time.Duration) (bool, error) {
	now := s.now()
	renewed := s.with(ctx).Exec("UPDATE leases SET until = ? WHERE name = ? AND owner = ? AND until > ?",
		now.Add(ttl).UnixMicro(), clean(name), owner, now.UnixMicro())
	return renewed.RowsAffected > 0, renewed.Error
}

// Release gives a lease back; that of another owner stays.
func (s *Store) Release(ctx context.Context, name, owner string) error {
	return s.with(ctx).Exec("DELETE FROM leases WHERE name = ? AND owner = ?", clean(name), owner).Error
}
