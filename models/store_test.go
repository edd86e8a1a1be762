package models_test

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"

	"gorm.io/gorm"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func must[T any](t testing.TB) func(T, error) T {
	t.Helper()
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("error %v, want %v", got, want)
	}
}

// install stores a portal whose installer is user 1.
func install(t testing.TB, s *models.Store, memberID string) *models.Portal {
	t.Helper()
	return must[*models.Portal](t)(s.SaveInstall(t.Context(), models.Install{
		MemberID: memberID, Endpoint: "https://" + memberID + ".bitrix24.com/rest/", AuthHost: "https://oauth.bitrix.info",
		ApplicationToken: "application-token-of-" + memberID, Lang: "de", Country: "DE", TimeZone: "Europe/Berlin",
		Token: &models.Token{UserID: 1, Kind: models.TokenInstaller, AccessToken: "access-1-" + memberID, RefreshToken: "refresh-1-" + memberID, ExpiresAt: noon.Add(time.Hour)},
	}))
}

// active is an installed portal that works.
func active(t testing.TB, s *models.Store, memberID string) *models.Portal {
	t.Helper()
	p := install(t, s, memberID)
	check(t, s.SetStatus(t.Context(), p.ID, models.PortalActive, ""))
	return must[*models.Portal](t)(s.PortalByID(t.Context(), p.ID))
}

func TestAStoreIsClosedAlthoughTheDatabaseHangs(t *testing.T) {
	s := modelstest.Migrated(t, modelstest.PostgreSQL(t))
	var said strings.Builder
	s.Log = slog.New(slog.NewTextHandler(&said, nil))
	begun, over := make(chan struct{}), make(chan struct{})
	var hanging sync.WaitGroup
	hanging.Go(func() {
		if err := s.Transaction(t.Context(), func(tx *gorm.DB) error {
			close(begun)
			<-over
			return nil
		}); err != nil {
			t.Error(err)
		}
	})
	<-begun
	check(t, s.Close())
	close(over)
	hanging.Wait()
	if !strings.Contains(said.String(), "connections to the database left open") {
		t.Errorf("nobody hears of it: %q", said.String())
	}
}

// On a machine of many processors the sum of all processes' would be more than a
// database takes.
func TestHowManyConnectionsThereAreIsUpToTheAddressAndNotToTheProcessors(t *testing.T) {
	for _, tt := range []struct {
		told       bool
		said, want int32
	}{{false, 4, 16}, {false, 64, 16}, {true, 64, 64}, {true, 4, 16}} {
		if got := models.MostConnections(tt.told, tt.said); got != tt.want {
			t.Errorf("%+v: %d", tt, got)
		}
	}
	address := modelstest.PostgreSQL(t)
	for address, want := range map[string]int32{address: 16, address + "&pool_max_conns=24": 24, address + "&pool_max_conns=3": 16} {
		for _, pool := range models.Pools(modelstest.Open(t, address)) {
			if got := pool.Config().MaxConns; got != want {
				t.Errorf("%s: %d connections, want %d", address, got, want)
			}
		}
	}
}

func TestAnAddressThatCannotBeOpenedIsToldClearly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	check(t, os.WriteFile(file, nil, 0o600))
	for _, tt := range []struct{ name, address, want string }{
		{"a folder that does not exist", "sqlite:" + t.TempDir() + "/none/callwise.db", "the folder for the SQLite file"},
		{"a file for a folder", "sqlite:" + file + "/callwise.db", "folder"},
		{"no path", "sqlite:", "needs the path of a file"},
		{"memory", "sqlite::memory:", "needs the path of a file"},
		{"another database", "mysql://root:secret@localhost", "must begin with postgres:// or sqlite: and a path"},
		{"an address that is none", "postgres://user:secret@host:port/x", "not a valid postgres:// address"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := models.Open(t.Context(), tt.address, models.Keyring{})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q in it", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error quotes the password: %v", err)
			}
		})
	}
}

func TestTheDatabaseIsTheFileThatIsNamed(t *testing.T) {
	for _, name := range []string{"callwise.db", "with space.db", "50%20 off?mode=memory#x.db"} {
		path := filepath.Join(t.TempDir(), name)
		modelstest.Migrated(t, "sqlite:"+path)
		if size := must[os.FileInfo](t)(os.Stat(path)).Size(); size == 0 {
			t.Errorf("%s is empty", name)
		}
	}
}

func TestAStoreIsReadyOnceMigrated(t *testing.T) {
	modelstest.EachAddress(t, func(t *testing.T, address string) {
		s := modelstest.Open(t, address)
		if err := s.Ready(t.Context()); err == nil {
			t.Error("ready without a schema")
		}
		check(t, s.Migrate(t.Context()))
		check(t, s.Migrate(t.Context()))
		check(t, s.Ready(t.Context()))
	})
}

func TestProcessesMayMigrateAtOnce(t *testing.T) {
	address := modelstest.PostgreSQL(t)
	done := make(chan error)
	for range 3 {
		s := modelstest.Open(t, address)
		go func() { done <- s.Migrate(context.Background()) }()
	}
	for range 3 {
		check(t, <-done)
	}
}

func TestATransactionThatFailsLeavesNothing(t *testing.T) {
	errStop := errors.New("stop")
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		lease := func(tx *gorm.DB, name string) error {
			return tx.Exec("INSERT INTO leases (name, owner, until) VALUES (?, '', 0)", name).Error
		}
		// Creating through GORM is what once committed the outer transaction.
		create := func(tx *gorm.DB, number string) error {
			return tx.Create(&models.Line{PortalID: 1, Number: number}).Error
		}
		p := install(t, s, "one")
		if p.ID != 1 {
			t.Fatalf("portal %d", p.ID)
		}
		err := s.Transaction(t.Context(), func(tx *gorm.DB) error {
			check(t, lease(tx, "rolled back"))
			check(t, create(tx, "rolled back"))
			return errStop
		})
		wantErr(t, err, errStop)
		func() {
			defer func() { recover() }()
			s.Transaction(t.Context(), func(tx *gorm.DB) error {
				check(t, lease(tx, "panicked"))
				check(t, create(tx, "panicked"))
				panic("stop")
			})
		}()
		check(t, s.Transaction(t.Context(), func(tx *gorm.DB) error {
			check(t, create(tx, "outer"))
			inner := tx.Transaction(func(tx *gorm.DB) error {
				check(t, create(tx, "inner"))
				return errStop
			})
			wantErr(t, inner, errStop)
			return lease(tx, "outer")
		}))
		ended, cancel := context.WithCancel(t.Context())
		err = s.Transaction(ended, func(tx *gorm.DB) error {
			check(t, create(tx, "cancelled"))
			cancel()
			return lease(tx, "cancelled")
		})
		if err == nil {
			t.Error("a transaction whose context ended was committed")
		}
		var names, numbers []string
		check(t, s.Transaction(t.Context(), func(tx *gorm.DB) error {
			return errors.Join(tx.Table("leases").Pluck("name", &names).Error, tx.Table("lines").Pluck("number", &numbers).Error)
		}))
		if len(names) != 1 || names[0] != "outer" || len(numbers) != 1 || numbers[0] != "outer" {
			t.Errorf("leases %q, lines %q", names, numbers)
		}
	})
}

func TestATransactionEndsOnce(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		err := s.Transaction(t.Context(), func(tx *gorm.DB) error {
			committer := tx.Statement.ConnPool.(gorm.TxCommitter)
			check(t, committer.Rollback())
			wantErr(t, committer.Rollback(), sql.ErrTxDone)
			return nil
		})
		wantErr(t, err, sql.ErrTxDone)
	})
}
