package models

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// opened is a store that is closed with the test.
func opened(t *testing.T, address string) *Store {
	t.Helper()
	ring, err := ParseKeyring("a:" + strings.Repeat("A", 43) + "=")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), address, ring)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() }) //nolint:errcheck
	return s
}

// What durability and the pace of checkpoints rest on holds on the connection
// that is used, not only in the address.
func TestSQLiteIsOpenedAsItMustBe(t *testing.T) {
	s := opened(t, "sqlite:"+filepath.Join(t.TempDir(), "callwise.db"))
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "wal_autocheckpoint": "4000", "foreign_keys": "1", "busy_timeout": "10000",
	} {
		var got string
		if err := s.sql.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q (%v), want %q", pragma, got, err, want)
		}
	}
}

// Another program at the same file, such as rotate-keys, may write at the moment.
func TestReadsOfSQLiteDoNotWaitForWhoWrites(t *testing.T) {
	address := "sqlite:" + filepath.Join(t.TempDir(), "callwise.db")
	writer, reader := opened(t, address), opened(t, address)
	if err := writer.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	writing, err := writer.sql.BeginTx(t.Context(), nil) // takes the lock at once
	if err != nil {
		t.Fatal(err)
	}
	defer writing.Rollback() //nolint:errcheck
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, _, err := reader.Access(ctx, 1); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	if _, _, err := reader.CallAndEvents(ctx, 1, 1); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}
