// Package modelstest opens stores for tests: on SQLite always, on PostgreSQL
// when TEST_DATABASE_URL says where one is.
package modelstest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"callwise/models"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"
)

// Keys is the keyring of the stores of tests.
const Keys = "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

// Each runs test once per dialect, each time with a store of its own.
func Each(t *testing.T, test func(t *testing.T, store *models.Store)) {
	t.Helper()
	EachAddress(t, func(t *testing.T, address string) { test(t, Migrated(t, address)) })
}

// EachAddress runs test once per dialect with the address of an empty database
// of its own. Several stores on one address are like several processes.
func EachAddress(t *testing.T, test func(t *testing.T, address string)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, PostgreSQL(t)) })
}

// SQLite is the address of an empty database that goes with the test.
func SQLite(t testing.TB) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "callwise.db")
}

// PostgreSQL is the address of an empty schema that goes with the test; without
// a PostgreSQL the test is skipped.
func PostgreSQL(t testing.TB) string {
	t.Helper()
	base := os.Getenv("TEST_DATABASE_URL")
	if base == "" {
		t.Skip("no PostgreSQL here: set TEST_DATABASE_URL")
	}
	address, err := url.Parse(base)
	if err != nil {
		t.Fatal("TEST_DATABASE_URL is not an address")
	}
	schema := "test_" + random(t)
	execute(t, base, "CREATE SCHEMA "+schema)
	t.Cleanup(func() { execute(t, base, "DROP SCHEMA "+schema+" CASCADE") })
	query := address.Query()
	query.Set("search_path", schema)
	address.RawQuery = query.Encode()
	return address.String()
}

// Open opens a store that is closed with the test; its schema is as it is.
func Open(t testing.TB, address string) *models.Store {
	t.Helper()
	keys, err := models.ParseKeyring(Keys)
	if err != nil {
		t.Fatal(err)
	}
	store, err := models.Open(context.Background(), address, keys)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// Migrated opens a store and brings its schema up to date.
func Migrated(t testing.TB, address string) *models.Store {
	t.Helper()
	store := Open(t, address)
	if err := store.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	return store
}

func random(t testing.TB) string {
	t.Helper()
	name := make([]byte, 8)
	rand.Read(name)
	return hex.EncodeToString(name)
}

func execute(t testing.TB, address, statement string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatal(err)
	}
}

// Hang has the database answer nobody who asks for a lease until release is called.
func Hang(t testing.TB, s *models.Store) (release func()) {
	t.Helper()
	begun, over := make(chan struct{}), make(chan struct{})
	var hanging sync.WaitGroup
	hanging.Go(func() {
		err := s.Transaction(t.Context(), func(tx *gorm.DB) error {
			defer func() { <-over }()
			defer close(begun)
			return tx.Exec("UPDATE leases SET owner = owner").Error
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-begun
	return func() {
		close(over)
		hanging.Wait()
	}
}
