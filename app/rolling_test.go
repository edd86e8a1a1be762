package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"callwise/models"

	"gorm.io/gorm"
)

// TestTwoInstancesStartAtOnceOnAnEmptyDatabase is what an orchestrator does with
// the first release: all of them migrate, one at a time, and all serve.
func TestTwoInstancesStartAtOnceOnAnEmptyDatabase(t *testing.T) {
	address := postgreSQL(t)
	first := bareRig(t, address, classic)
	second := *first
	second.config.ListenAddr = freeAddress(t)
	second.url = "http://" + second.config.ListenAddr
	rigs := []*rig{first, &second}
	var starting sync.WaitGroup
	for _, r := range rigs {
		starting.Go(func() { r.spawn() })
	}
	starting.Wait()
	for _, r := range rigs {
		if !alive(r.url) {
			t.Errorf("%s does not serve", r.url)
		}
	}
	first.install()
	second.key = first.key
	second.tell(started("c1", "incoming", "+4930901821"))
	first.tell(ended("c1", "answered", 5))
	first.finished(1)
}

// TestTheVersionBeforeWorksOnTheNextSchema is a rolling update, or one taken
// back: a process runs, and starts, on a database that a newer one has migrated.
// Nothing it does fails even once, not on a connection either that has planned its
// statements before.
func TestTheVersionBeforeWorksOnTheNextSchema(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		var logged buffer
		r := bareRig(t, address, classic)
		r.log = slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelWarn})
		r.start()
		r.install()
		for round := range 3 {
			for i := range 4 { // some of them at the same time, on several connections
				id := fmt.Sprint("c", round, i)
				r.tell(started(id, "incoming", fmt.Sprintf("+49309018%02d%d", round, i)), ended(id, "answered", 5))
			}
			r.finished(4 * (round + 1))
			for _, page := range r.pages() {
				if got := r.with(r.session, http.MethodGet, page); got.status >= http.StatusInternalServerError {
					t.Errorf("round %d: %s: %d", round, page, got.status)
				}
			}
			switch round {
			case 0:
				toNextSchema(t, r.house.store)
			case 1:
				r.stop()
				r.start()
			}
		}
		if text := logged.String(); text != "" {
			t.Errorf("logged:\n%s", text)
		}
	})
}

// toNextSchema gives each table of ours a column more.
func toNextSchema(t *testing.T, store *models.Store) {
	t.Helper()
	err := store.Transaction(t.Context(), func(tx *gorm.DB) error {
		tables, err := tx.Migrator().GetTables()
		if err != nil {
			return err
		}
		for _, table := range tables {
			if strings.HasPrefix(table, "river_") || strings.HasPrefix(table, "goose_") || strings.HasPrefix(table, "sqlite_") {
				continue
			}
			if err := tx.Exec("ALTER TABLE " + table + " ADD COLUMN of_the_next_version text NOT NULL DEFAULT ''").Error; err != nil {
				return err
			}
		}
		return tx.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)").Error
	})
	if err != nil {
		t.Fatal(err)
	}
}

// pages are the addresses of all pages of a portal.
func (r *rig) pages() []string {
	var all []string
	for _, route := range r.routes() {
		method, path, _ := strings.Cut(route, " ")
		if method == http.MethodGet && !slices.Contains(publicRoutes, route) && !slices.Contains(keyRoutes, route) {
			all = append(all, strings.NewReplacer(":id", "1", ":version", "1").Replace(path))
		}
	}
	return all
}

// TestAProgramThatIsToEndFinishesWhatItHasBegun is one half of a rolling
// restart: no new requests, while a job in flight ends and is not repeated.
func TestAProgramThatIsToEndFinishesWhatItHasBegun(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		registering := r.holding("telephony.externalCall.register")
		r.tell(started("c1", "incoming", "+4930901821"))
		<-registering.Reached()
		over := make(chan struct{})
		go func() {
			defer close(over)
			r.stop()
		}()
		eventually(t, "no new requests", func() bool { return !alive(r.url) })
		select {
		case <-over:
			t.Error("it ended with a job in flight")
		default:
		}
		registering.Release()
		<-over
		if n := r.sim.Count("acme", "telephony.externalCall.register"); n != 1 || r.portal.Snapshot().Unfinished != 1 {
			t.Errorf("registered %d times, %d calls go on", n, r.portal.Snapshot().Unfinished)
		}
		r.start()
		if c := r.row("c1"); c.B24CallID == nil {
			t.Error("what Bitrix24 answered is not known")
		}
		r.tell(ended("c1", "answered", 5))
		r.finished(1)
		if n := r.sim.Count("acme", "telephony.externalCall.register"); n != 1 {
			t.Errorf("registered %d times", n)
		}
	})
}
