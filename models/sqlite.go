package models

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"callwise/migrations"

	"github.com/glebarez/sqlite"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"gorm.io/gorm"
)

// sqlitePragmas make a commit durable before it is answered, and have writers
// wait for each other. A checkpoint, which holds them all up, comes every 4000
// pages of the log (16 MB) instead of every 1000: pages that change again and
// again are then copied less often. Many more at a time would take a slow disk
// longer than a sender waits.
//
// https://sqlite.org/pragma.html#pragma_wal_autocheckpoint
var sqlitePragmas = url.Values{
	"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "wal_autocheckpoint(4000)", "foreign_keys(1)"},
	"_txlock": {"immediate"},
}

func (s *Store) connectSQLite(ctx context.Context, path string) error {
	if err := errors.Join(checkPath(path), checkFolder(path)); err != nil {
		return err
	}
	path = filepath.Clean(path)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) // tokens: nobody else's to read
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if err := file.Close(); err != nil {
		return err
	}
	address := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: sqlitePragmas.Encode()}
	s.db, err = gorm.Open(sqlite.Open(address.String()), s.gormConfig())
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if s.sql, err = s.db.DB(); err != nil {
		return err
	}
	s.soonDB = s.db
	// SQLite has one writer anyway.
	s.sql.SetMaxOpenConns(1)
	if err := s.sql.PingContext(ctx); err != nil {
		return errors.Join(fmt.Errorf("database: %w", err), s.disconnect())
	}
	return nil
}

func (s *Store) migrateSQLite(ctx context.Context) error {
	// The tool holds one connection while River's migration takes another.
	s.sql.SetMaxOpenConns(2)
	defer s.sql.SetMaxOpenConns(1)
	database := s.schema()
	database.River = func(ctx context.Context) error { return migrateRiver(ctx, riversqlite.New(s.sql)) }
	return migrations.Up(ctx, database)
}

func checkPath(path string) error {
	if path == "" || strings.HasPrefix(path, ":memory:") {
		return errors.New("database: sqlite: needs the path of a file")
	}
	return nil
}

// checkFolder tells early what SQLite would only hint at.
func checkFolder(path string) error {
	folder, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("database: the folder for the SQLite file: %w", err)
	}
	if !folder.IsDir() {
		return fmt.Errorf("database: %s is no folder", filepath.Dir(path))
	}
	return nil
}

// sqlTx is the transaction of tx in River's terms.
func sqlTx(tx *gorm.DB) (*sql.Tx, error) {
	if t, ok := tx.Statement.ConnPool.(*sql.Tx); ok {
		return t, nil
	}
	return nil, errNoTransaction
}
