package models

import (
	"path/filepath"
	"strings"
	"testing"
)

// What durability and the pace of checkpoints rest on holds on the connection
// that is used, not only in the address.
func TestSQLiteIsOpenedAsItMustBe(t *testing.T) {
	ring, err := ParseKeyring("a:" + strings.Repeat("A", 43) + "=")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "callwise.db"), ring)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "wal_autocheckpoint": "4000", "foreign_keys": "1", "busy_timeout": "10000",
	} {
		var got string
		if err := s.sql.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q (%v), want %q", pragma, got, err, want)
		}
	}
}
