package models

import (
	"context"
	"database/sql/driver"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"gorm.io/gorm"
)

// A statement is made by GORM, which runs it on tx.
type statement func(tx *gorm.DB) *gorm.DB

// together runs statements on db in one transaction and returns how many rows
// each of them met. On PostgreSQL, where pool is that of db, the transaction
// takes one round trip.
//
// https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING
func together(db *gorm.DB, pool *pgxpool.Pool, statements ...statement) ([]int64, error) {
	if pool == nil {
		var met []int64
		err := db.Transaction(func(tx *gorm.DB) (err error) {
			met, err = oneByOne(tx, statements)
			return err
		})
		return met, err
	}
	var batch pgx.Batch
	for _, made := range statements {
		tx := made(db.Session(&gorm.Session{DryRun: true}))
		values, err := plain(tx.Statement.Vars)
		if err := errors.Join(tx.Error, err); err != nil {
			return nil, err
		}
		batch.Queue(tx.Statement.SQL.String(), values...)
	}
	met, err := sent(db.Statement.Context, pool, &batch)
	if translator, ok := db.Dialector.(gorm.ErrorTranslator); ok && err != nil {
		err = translator.Translate(err)
	}
	return met, err
}

// oneByOne runs statements within a transaction.
func oneByOne(tx *gorm.DB, statements []statement) ([]int64, error) {
	met := make([]int64, len(statements))
	for i, made := range statements {
		ran := made(tx)
		if ran.Error != nil {
			return nil, ran.Error
		}
		met[i] = ran.RowsAffected
	}
	return met, nil
}

// sent runs a batch. Its results are closed whatever happens: the transaction
// ends with them.
func sent(ctx context.Context, pool *pgxpool.Pool, batch *pgx.Batch) ([]int64, error) {
	results := pool.SendBatch(ctx, batch)
	met, err := readAll(results, batch.Len())
	closed := results.Close()
	if err != nil {
		return nil, err // closed says the same
	}
	return met, closed
}

func readAll(results pgx.BatchResults, n int) ([]int64, error) {
	met := make([]int64, n)
	for i := range met {
		tag, err := results.Exec()
		if err != nil {
			return nil, err
		}
		met[i] = tag.RowsAffected()
	}
	return met, nil
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
