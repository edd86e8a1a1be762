// Package migrations is the database's schema: numbered SQL files, one set per
// dialect, same number, same meaning. Files that were released never change and
// there is no way back but a new file. Number 2 is the schema of River, the
// queue.
package migrations

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed postgres/*.sql sqlite/*.sql
var files embed.FS

// A Dialect is a kind of database, and the name of its folder.
type Dialect string

// The dialects.
const (
	Postgres Dialect = "postgres"
	SQLite   Dialect = "sqlite"
)

// riverVersion is the number of River's schema in ours.
const riverVersion = 2

// A Database is what is to be migrated. River brings its own schema up to the
// version this program was built for. On PostgreSQL the connections of both, three
// at a time, begin with [LockTimeout]; on SQLite there are two.
type Database struct {
	Dialect Dialect
	SQL     *sql.DB
	River   func(context.Context) error
}

// Up applies what is missing. Several processes may call it at once: on
// PostgreSQL one of them migrates while the others wait. While others hold its
// tables there, it tries for five minutes, and lets pass who waits behind it.
func Up(ctx context.Context, db Database) error {
	provider, err := db.provider()
	if err != nil {
		return err
	}
	if db.Dialect == Postgres {
		err = upPostgres(ctx, db.SQL, provider)
	} else {
		_, err = provider.Up(ctx)
	}
	if err != nil {
		return fmt.Errorf("migrate %s: %w", db.Dialect, err)
	}
	return nil
}

// Pending returns the numbers of the migrations that the database lacks.
func Pending(ctx context.Context, db Database) ([]int64, error) {
	applied, err := appliedVersions(ctx, db.SQL)
	if err != nil {
		return nil, err
	}
	wanted, err := Versions(db.Dialect)
	if err != nil {
		return nil, err
	}
	var pending []int64
	for _, version := range wanted {
		if !applied[version] {
			pending = append(pending, version)
		}
	}
	return pending, nil
}

// Versions returns the numbers of all migrations of a dialect in order.
func Versions(d Dialect) ([]int64, error) {
	provider, err := Database{Dialect: d, SQL: new(sql.DB)}.provider()
	if err != nil {
		return nil, err
	}
	var versions []int64
	for _, source := range provider.ListSources() {
		versions = append(versions, source.Version)
	}
	return versions, nil
}

func (db Database) provider() (*goose.Provider, error) {
	folder, err := fs.Sub(files, string(db.Dialect))
	if err != nil {
		return nil, err
	}
	dialect, ok := map[Dialect]goose.Dialect{Postgres: goose.DialectPostgres, SQLite: goose.DialectSQLite3}[db.Dialect]
	if !ok {
		return nil, fmt.Errorf("migrate: unknown dialect %q", db.Dialect)
	}
	river := goose.NewGoMigration(riverVersion, &goose.GoFunc{
		Mode:  goose.TransactionDisabled,
		RunDB: func(ctx context.Context, _ *sql.DB) error { return db.River(ctx) },
	}, nil)
	return goose.NewProvider(dialect, db.SQL, folder, goose.WithGoMigrations(river), goose.WithDisableGlobalRegistry(true))
}

func appliedVersions(ctx context.Context, db *sql.DB) (map[int64]bool, error) {
	rows, err := db.QueryContext(ctx, "SELECT version_id FROM goose_db_version WHERE is_applied")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	applied := map[int64]bool{}
	for rows.Next() {
		var version int64
		if err := rows.Scan(&version); err != nil {
			return nil, err
		}
		applied[version] = true
	}
	return applied, rows.Err()
}
