package models

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"gorm.io/gorm"
)

// A statement is made by GORM, which runs it on tx: by Find if it returns rows, which
// are then where Find was told to put them.
type statement struct {
	on     func(tx *gorm.DB) *gorm.DB
	rows   bool
	writes bool
}

func write(on func(tx *gorm.DB) *gorm.DB) statement { return statement{on: on, writes: true} }

func read(on func(tx *gorm.DB) *gorm.DB) statement { return statement{on: on, rows: true} }

// returning is a statement that writes, and returns rows.
func returning(on func(tx *gorm.DB) *gorm.DB) statement {
	return statement{on: on, rows: true, writes: true}
}

// together runs statements on db in one transaction and returns how many rows
// each of them met. On SQLite, statements that only read run without one, which
// would take the lock for writing. On PostgreSQL, where pool is that of db, the
// transaction takes one round trip, and each statement sees what was committed
// before it; what was read well but cannot be understood here is an error after the
// commit.
//
// https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING
func together(db *gorm.DB, pool *pgxpool.Pool, statements ...statement) ([]int64, error) {
	if pool == nil {
		return onSQLite(db, statements)
	}
	var batch pgx.Batch
	met := make([]int64, len(statements))
	for i, made := range statements {
		if err := made.queue(db, &batch, &met[i]); err != nil {
			return nil, err
		}
	}
	err := pool.SendBatch(db.Statement.Context, &batch).Close()
	if translator, ok := db.Dialector.(gorm.ErrorTranslator); ok && err != nil {
		err = translator.Translate(err)
	}
	return met, err
}

// queue puts a statement at the end of a batch, which tells met how many rows it met.
func (s statement) queue(db *gorm.DB, batch *pgx.Batch, met *int64) error {
	tx := s.on(db.Session(&gorm.Session{DryRun: true}))
	values, err := plain(tx.Statement.Vars)
	if err := errors.Join(tx.Error, err); err != nil {
		return err
	}
	queued := batch.Queue(tx.Statement.SQL.String(), values...)
	if s.rows {
		queued.Query(func(rows pgx.Rows) (err error) {
			*met, err = scan(rows, tx)
			return err
		})
		return nil
	}
	queued.Exec(func(tag pgconn.CommandTag) error {
		*met = tag.RowsAffected()
		return nil
	})
	return nil
}

func onSQLite(db *gorm.DB, statements []statement) (met []int64, err error) {
	if !slices.ContainsFunc(statements, func(s statement) bool { return s.writes }) {
		return oneByOne(db, statements)
	}
	err = db.Transaction(func(tx *gorm.DB) (err error) {
		met, err = oneByOne(tx, statements)
		return err
	})
	return met, err
}

// oneByOne runs statements on tx, one after the other.
func oneByOne(tx *gorm.DB, statements []statement) ([]int64, error) {
	met := make([]int64, len(statements))
	for i, made := range statements {
		ran := made.on(tx)
		if ran.Error != nil {
			return nil, ran.Error
		}
		met[i] = ran.RowsAffected
	}
	return met, nil
}

// scan reads rows as GORM does, to where tx was told to put them, and returns how
// many there were. A panic would keep the connection from its pool for ever.
func scan(rows pgx.Rows, tx *gorm.DB) (met int64, err error) {
	if err := rows.Err(); err != nil {
		return 0, err // there is no result, and no column to ask for
	}
	defer func() {
		if r := recover(); r != nil {
			// The value could quote what was read.
			err = fmt.Errorf("models: panic of type %T\n%s", r, debug.Stack())
		}
	}()
	gorm.Scan(gormRows{rows}, tx, 0)
	return tx.RowsAffected, tx.Error
}

// gormRows are rows in GORM's terms.
type gormRows struct{ pgx.Rows }

// Columns are the names of the columns; GORM asks for them.
func (r gormRows) Columns() ([]string, error) {
	fields := r.FieldDescriptions()
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return names, nil
}

// ColumnTypes are those of database/sql, which only maps need.
func (gormRows) ColumnTypes() ([]*sql.ColumnType, error) { return nil, errors.ErrUnsupported }

// Close closes the rows; GORM asks for it.
func (r gormRows) Close() error {
	r.Rows.Close()
	return r.Err()
}

// plain are the values that GORM's serializers make, as database/sql would have
// asked them.
func plain(values []any) ([]any, error) {
	asked := make([]any, len(values))
	for i, value := range values {
		asked[i] = value
		valuer, ok := value.(driver.Valuer)
		if !ok {
			continue
		}
		var err error
		if asked[i], err = valuer.Value(); err != nil {
			return nil, err
		}
	}
	return asked, nil
}
