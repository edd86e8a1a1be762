package models

import (
	"context"
	"strconv"
	"time"

	"gorm.io/gorm"
)

// clock is the time that leases and the like are counted by, in microseconds since
// 1970: the database's own, because those of several machines may differ, or ours with
// SQLite, the database of one process.
func (s *Store) clock() string {
	if s.pool != nil {
		return microseconds
	}
	return strconv.FormatInt(s.now().UnixMicro(), 10)
}

// microseconds is the database's clock: those of several machines may differ.
const microseconds = "(extract(epoch FROM statement_timestamp()) * 1000000)::bigint"

// Ahead is how far our clock is ahead of the database's: not at all with SQLite.
func (s *Store) Ahead(ctx context.Context) (time.Duration, error) {
	if s.pool == nil {
		return 0, nil
	}
	var at int64
	err := s.with(ctx).Raw("SELECT " + microseconds).Scan(&at).Error
	return s.now().Sub(time.UnixMicro(at)), err
}

// Acquire takes the lease of a name for ttl and reports whether it was free: no
// one's, or its time was over. One that ends later than any that was taken now
// was taken before the clock was set back, and counts as over. An owner does not
// get its own lease twice, so each piece of work needs an owner's name of its
// own.
func (s *Store) Acquire(ctx context.Context, name, owner string, ttl time.Duration) (bool, error) {
	taken := s.acquire(s.with(ctx), name, owner, ttl)
	return taken.RowsAffected > 0, taken.Error
}

func (s *Store) acquire(db *gorm.DB, name, owner string, ttl time.Duration) *gorm.DB {
	return db.Exec(s.leasing("VALUES (?, ?, "+s.clock()+" + ?)"), clean(name), owner, ttl.Microseconds(), 2*ttl.Microseconds())
}

// leasing is the statement that takes the lease of which row makes name, owner and
// until when. Its last value is twice the time to live.
func (s *Store) leasing(row string) string {
	now := s.clock()
	return `INSERT INTO leases (name, owner, until) ` + row + `
		ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until
		WHERE leases.until <= ` + now + ` OR leases.until > ` + now + ` + ?`
}

// Renew prolongs a lease to ttl from now and reports whether owner still had it.
func (s *Store) Renew(ctx context.Context, name, owner string, ttl time.Duration) (bool, error) {
	now := s.clock()
	renewed := s.with(ctx).Exec("UPDATE leases SET until = "+now+" + ? WHERE name = ? AND owner = ? AND until > "+now,
		ttl.Microseconds(), clean(name), owner)
	return renewed.RowsAffected > 0, renewed.Error
}

// leased is SQL that holds while somebody has the lease of that name, which is SQL
// too, and its value.
func (s *Store) leased(name string) (string, any) {
	now := s.clock()
	return "EXISTS (SELECT 1 FROM leases l WHERE l.name = " + name + " AND l.until > " + now + " AND l.until < " + now + " + ?)",
		longestLease.Microseconds()
}

// longestLease is more than a lease of a call or a command lasts: one that ends later
// was taken before the clock was set back.
const longestLease = 2 * time.Minute

// Release gives a lease back; that of another owner stays. If that is lost, the
// lease runs out.
func (s *Store) Release(ctx context.Context, name, owner string) error {
	return release(s.soon(ctx), name, owner).Error
}

// giveBack is [Store.Release] though ctx has ended.
func (s *Store) giveBack(ctx context.Context, name, owner string) error {
	ctx, cancel := though(ctx)
	defer cancel()
	return s.Release(ctx, name, owner)
}

func release(db *gorm.DB, name, owner string) *gorm.DB {
	return db.Exec("DELETE FROM leases WHERE name = ? AND owner = ?", clean(name), owner)
}
