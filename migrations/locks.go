package migrations

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// LockTimeout is what each connection to PostgreSQL that migrates begins with, and no
// other. A statement that waits for a table, behind a backup or a long query, has
// all who come after it wait as well, those who store events too: so it gives up
// after a moment, lets them pass, and is tried again. Nobody waits behind CREATE INDEX
// CONCURRENTLY, which waits for transactions that began before it: it is thrown away
// after 3 s all the same, and begun anew.
//
// https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-LOCK-TIMEOUT
const LockTimeout = "SET lock_timeout = '3s'"

// How often a migration is tried that does not get its locks, and how long it leaves
// the others alone in between: for five minutes, as [alone] waits.
const (
	tries = 60
	pause = 2 * time.Second
)

// PostgreSQL's codes for a lock that was waited for in vain, and for one that was not
// waited for because its holder waits for ours. Either way the migration's transaction
// was rolled back whole; a file without one bears to be begun anew.
//
// https://www.postgresql.org/docs/current/errcodes-appendix.html
const (
	lockNotAvailable = "55P03"
	deadlockDetected = "40P01"
)

// upPostgres waits for nobody when nothing is to be done: the processes of the
// version before start while a newer one migrates.
func upPostgres(ctx context.Context, db *sql.DB, provider *goose.Provider) error {
	id, err := lockID(ctx, db)
	if err != nil {
		return err
	}
	pending, err := provider.HasPending(ctx)
	if err != nil || !pending {
		return err
	}
	up := func(ctx context.Context) error {
		_, err := provider.Up(ctx)
		return err
	}
	return alone(ctx, db, id, func() error { return repeat(ctx, up) })
}

// repeat calls up until it gets its locks. What else fails is not tried again.
func repeat(ctx context.Context, up func(context.Context) error) error {
	err := up(ctx)
	for try := 1; try < tries && lockedOut(err); try++ {
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(pause):
		}
		err = up(ctx)
	}
	if lockedOut(err) {
		return fmt.Errorf("tried %d times, and each time somebody held a table that it needs, such as a backup or a long query: %w", tries, err)
	}
	return err
}

func lockedOut(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == lockNotAvailable || pg.Code == deadlockDetected)
}

// alone calls do while no other process migrates what the lock id stands for. The
// lock is held on a connection of its own, also while do pauses.
func alone(ctx context.Context, db *sql.DB, id int64, do func() error) error {
	// Tried every second for five minutes.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(id), lock.WithLockTimeout(1, 300))
	if err != nil {
		return err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	// Not unlocked, which may fail although the migration succeeded: the lock goes with
	// the connection, which is not given back but closed.
	defer conn.Raw(func(any) error { return driver.ErrBadConn })
	if err := locker.SessionLock(ctx, conn); err != nil {
		return err
	}
	return do()
}

// lockID is the same for all processes of one schema of one database.
func lockID(ctx context.Context, db *sql.DB) (int64, error) {
	var schema sql.NullString
	if err := db.QueryRowContext(ctx, "SELECT current_schema()").Scan(&schema); err != nil {
		return 0, err
	}
	if !schema.Valid {
		return 0, errors.New("the database has no schema to put tables in")
	}
	hash := fnv.New64a()
	hash.Write([]byte("callwise/" + schema.String))
	return int64(hash.Sum64() >> 1), nil
}
