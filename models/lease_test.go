package models_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"

	"gorm.io/gorm"
)

// pass lets time pass for all leases, and for what was created.
func pass(t *testing.T, s *models.Store, d time.Duration) {
	t.Helper()
	check(t, s.Transaction(t.Context(), func(tx *gorm.DB) error {
		return errors.Join(
			tx.Exec("UPDATE leases SET until = until - ?", d.Microseconds()).Error,
			tx.Exec("UPDATE recent_creations SET until = until - ?", d.Microseconds()).Error,
		)
	}))
}

func TestALeaseFromBeforeTheClockWasSetBackIsOver(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		acquire := func(owner string) bool { return must[bool](t)(s.Acquire(t.Context(), "call:1", owner, 15*time.Second)) }
		if !acquire("a") {
			t.Fatal("a free lease was refused")
		}
		pass(t, s, -10*time.Second)
		if acquire("b") {
			t.Error("a lease that may have been renewed on a clock ahead of ours was taken")
		}
		pass(t, s, -time.Hour)
		if !acquire("b") {
			t.Error("a lease that ends in an hour holds")
		}
	})
}

func TestALeaseHasOneOwnerUntilItEnds(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		var now time.Duration
		acquire := func(owner string) bool { return must[bool](t)(s.Acquire(t.Context(), "call:1", owner, 15*time.Second)) }
		renew := func(owner string) bool { return must[bool](t)(s.Renew(t.Context(), "call:1", owner, 15*time.Second)) }
		for _, step := range []struct {
			name string
			at   time.Duration
			do   func() bool
			want bool
		}{
			{"free", 0, func() bool { return acquire("a") }, true},
			{"another's", 0, func() bool { return acquire("b") }, false},
			{"one's own", 0, func() bool { return acquire("a") }, false},
			{"renewed by another", 0, func() bool { return renew("b") }, false},
			{"renewed", 10 * time.Second, func() bool { return renew("a") }, true},
			{"still held", 24 * time.Second, func() bool { return acquire("b") }, false},
			{"over", 25 * time.Second, func() bool { return renew("a") }, false},
			{"taken over", 25 * time.Second, func() bool { return acquire("b") }, true},
			{"lost", 26 * time.Second, func() bool { return renew("a") }, false},
			{"released by another", 26 * time.Second, func() bool {
				check(t, s.Release(t.Context(), "call:1", "a"))
				return acquire("c")
			}, false},
			{"released", 26 * time.Second, func() bool {
				check(t, s.Release(t.Context(), "call:1", "b"))
				return acquire("c")
			}, true},
		} {
			pass(t, s, step.at-now)
			now = step.at
			if got := step.do(); got != step.want {
				t.Errorf("%s: %v, want %v", step.name, got, step.want)
			}
		}
	})
}

func TestOfManyWhoRaceForALeaseOneGetsIt(t *testing.T) {
	modelstest.EachAddress(t, func(t *testing.T, address string) {
		// The second store is like another process.
		stores := []*models.Store{modelstest.Migrated(t, address), modelstest.Open(t, address)}
		for round := range 5 {
			var winners atomic.Int64
			var group sync.WaitGroup
			for i := range 8 {
				group.Go(func() {
					held, err := stores[i%len(stores)].Acquire(t.Context(), fmt.Sprintf("call:%d", round), fmt.Sprint(i), time.Minute)
					if err != nil {
						t.Error(err)
					}
					if held {
						winners.Add(1)
					}
				})
			}
			group.Wait()
			if n := winners.Load(); n != 1 {
				t.Errorf("%d owners", n)
			}
		}
	})
}
