package main

import (
	"log/slog"
	"os"
	"sync"
	"testing"

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
func TestTheVersionBeforeWorksOnTheNextSchema(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		next := func(tx *gorm.DB) error {
			if err := tx.Exec("ALTER TABLE calls ADD COLUMN of_the_next_version text NOT NULL DEFAULT ''").Error; err != nil {
				return err
			}
			return tx.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)").Error
		}
		if err := r.house.store.Transaction(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
		r.finished(1)
		r.stop()
		r.log = slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})
		r.start()
		if !alive(r.url) {
			t.Fatal("it is not ready")
		}
		r.tell(started("c2", "incoming", "+4930901822"), ended("c2", "answered", 5))
		r.finished(2)
	})
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
