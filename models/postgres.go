package models

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"callwise/migrations"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

// leastConnections is what River's listener and its leader, or a migration, hold
// at a time, and some to work with. As many more are for what may be repeated,
// see [Store.soon]. There may be more if the address says so, however many
// processors there are.
const leastConnections = 16

// connectTimeout is how long a connection may take when the address says
// nothing else.
const connectTimeout = 10 * time.Second

func (s *Store) connectPostgres(ctx context.Context, address string) error {
	config, err := parsePostgres(address)
	if err != nil {
		return err
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	if s.pool, err = openPool(ctx, config, idleLimit); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if s.soonPool, err = openPool(ctx, config, idleLimit+"; SET synchronous_commit = off; "+planOnce); err != nil {
		s.pool.Close()
		return fmt.Errorf("database: %w", err)
	}
	s.sql, s.soonSQL = stdlib.OpenDBFromPool(s.pool), stdlib.OpenDBFromPool(s.soonPool)
	if s.db, err = s.gormOn(s.sql); err == nil {
		s.soonDB, err = s.gormOn(s.soonSQL)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("database: %w", err), s.disconnect())
	}
	return nil
}

// parsePostgres reads an address. Its error does not quote it: there is a password in
// it.
func parsePostgres(address string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, errNoPostgres
	}
	alone, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, errNoPostgres
	}
	_, told := alone.RuntimeParams["pool_max_conns"]
	config.MaxConns = mostConnections(told, config.MaxConns)
	return config, nil
}

var errNoPostgres = errors.New("database: not a valid postgres:// address")

// mostConnections is how many connections a pool may have, of which pgxpool says so
// many: by the number of processors, if it is not told.
func mostConnections(told bool, said int32) int32 {
	if !told {
		return leastConnections
	}
	return max(said, leastConnections)
}

// idleLimit has the database end the transaction of a process that stands still, as a
// machine that is moved to another host does: all others would wait for its locks.
//
// https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-IDLE-IN-TRANSACTION-SESSION-TIMEOUT
const idleLimit = "SET idle_in_transaction_session_timeout = '30s'"

// planOnce keeps the plan of a statement for all values: those of [Store.soon] look for
// rows by their keys, and to plan them anew takes longer than to run them.
//
// https://www.postgresql.org/docs/current/runtime-config-query.html#GUC-PLAN-CACHE-MODE
const planOnce = "SET plan_cache_mode = force_generic_plan"

// pingWithin is how long a connection that was not used for a second may take to
// answer before it counts as dead.
const pingWithin = time.Second

// openPool opens a pool of connections that begin with settings. Once one is found
// dead, all that wait are given up: after a loss of power or a firewall's memory none
// says so, and to find out one by one takes longer than an event is waited for.
func openPool(ctx context.Context, config *pgxpool.Config, settings string) (pool *pgxpool.Pool, err error) {
	config = config.Copy()
	config.AfterConnect = saying(settings)
	config.ShouldPing = func(ctx context.Context, p pgxpool.ShouldPingParams) bool {
		if p.IdleDuration <= time.Second {
			return false
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pingWithin)
		defer cancel()
		dead := p.Conn.Ping(ctx) != nil
		if dead {
			pool.Reset()
		}
		return dead // then the pool's own ping fails, and it makes another
	}
	pool, err = pgxpool.NewWithConfig(ctx, config)
	return pool, err
}

// saying is what a connection begins with.
func saying(settings string) func(context.Context, *pgx.Conn) error {
	return func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, settings)
		return err
	}
}

// migratePostgres migrates on connections of its own, since none other may be in such
// a hurry for a lock.
func (s *Store) migratePostgres(ctx context.Context) error {
	pool, err := openPool(ctx, s.pool.Config(), idleLimit+"; "+migrations.LockTimeout)
	if err != nil {
		return err
	}
	defer pool.Close()
	database := s.schema()
	database.SQL = stdlib.OpenDBFromPool(pool)
	database.River = func(ctx context.Context) error { return migrateRiver(ctx, riverpgxv5.New(pool)) }
	return errors.Join(migrations.Up(ctx, database), database.SQL.Close())
}

func (s *Store) gormOn(db *sql.DB) (*gorm.DB, error) {
	return gorm.Open(postgres.New(postgres.Config{Conn: &pgPool{db}}), s.gormConfig())
}

// pgPool begins transactions as pgx's, so that GORM and River can share one.
type pgPool struct{ *sql.DB }

// BeginTx begins a transaction; GORM asks for it.
func (p *pgPool) BeginTx(ctx context.Context, _ *sql.TxOptions) (gorm.ConnPool, error) {
	conn, err := p.Conn(ctx)
	if err != nil {
		return nil, err
	}
	var tx pgx.Tx
	err = conn.Raw(func(driver any) (err error) {
		tx, err = driver.(*stdlib.Conn).Conn().BeginTx(ctx, pgx.TxOptions{})
		return err
	})
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &pgTx{conn: conn, tx: tx, ctx: ctx}, nil
}

// GetDBConn returns the database; GORM asks for it.
func (p *pgPool) GetDBConn() (*sql.DB, error) { return p.DB, nil }

// pgTx is a transaction. It must not embed *sql.Conn: GORM would find its
// BeginTx, begin within the transaction, and so commit it.
type pgTx struct {
	conn  *sql.Conn
	tx    pgx.Tx
	ctx   context.Context
	ended bool
}

func (t *pgTx) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return t.conn.PrepareContext(ctx, query)
}

func (t *pgTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return t.conn.ExecContext(ctx, query, args...)
}

func (t *pgTx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return t.conn.QueryContext(ctx, query, args...)
}

func (t *pgTx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return t.conn.QueryRowContext(ctx, query, args...)
}

// Commit ends the transaction; GORM asks for it.
func (t *pgTx) Commit() error { return t.end(t.ctx, t.tx.Commit) }

// Rollback undoes the transaction, also when its context has ended.
func (t *pgTx) Rollback() error {
	ctx, cancel := though(t.ctx)
	defer cancel()
	err := t.end(ctx, t.tx.Rollback)
	if errors.Is(err, sql.ErrConnDone) {
		return nil // the connection is broken, and the transaction with it
	}
	return err
}

// end ends the transaction through database/sql, which may have given the
// connection up after an error: then it is another's to close.
func (t *pgTx) end(ctx context.Context, how func(context.Context) error) error {
	if t.ended {
		return sql.ErrTxDone
	}
	t.ended = true
	err := t.conn.Raw(func(any) error { return how(ctx) })
	if errors.Is(err, sql.ErrConnDone) {
		return err
	}
	return errors.Join(err, t.conn.Close())
}

// pgxTx is the transaction of tx in River's terms.
func pgxTx(tx *gorm.DB) (pgx.Tx, error) {
	if t, ok := tx.Statement.ConnPool.(*pgTx); ok {
		return t.tx, nil
	}
	return nil, errNoTransaction
}
