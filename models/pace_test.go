package models_test

import (
	"sync"
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
)

func bucketOf(p *models.Portal) models.Pace {
	return models.Pace{PortalID: p.ID, Bucket: "requests", Every: time.Hour, Burst: 3}
}

func TestProcessesShareTheBucketOfAPortal(t *testing.T) {
	address := modelstest.PostgreSQL(t)
	one, other := modelstest.Migrated(t, address), modelstest.Migrated(t, address)
	bucket, neighbour := bucketOf(install(t, one, "acme")), bucketOf(install(t, one, "umbrella"))
	var mu sync.Mutex
	waits := map[time.Duration]int{}
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			store := []*models.Store{one, other}[i%2]
			wait, err := store.TakePlace(t.Context(), bucket, 4*time.Hour)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			waits[wait.Round(time.Hour)]++
		})
	}
	all.Wait()
	// Three fit, four wait for one hour after the other, and three would wait for more than four hours.
	want := map[time.Duration]int{0: 3, time.Hour: 1, 2 * time.Hour: 1, 3 * time.Hour: 1, 4 * time.Hour: 1, 5 * time.Hour: 3}
	if diff := cmp.Diff(want, waits); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
	if wait := must[time.Duration](t)(other.TakePlace(t.Context(), neighbour, 0)); wait != 0 {
		t.Errorf("another portal waits %v", wait)
	}
}

func TestAProcessThatIsStartedAgainGoesOnWithTheBucketOfAPortal(t *testing.T) {
	modelstest.EachAddress(t, func(t *testing.T, address string) {
		former := modelstest.Migrated(t, address)
		bucket := bucketOf(install(t, former, "acme"))
		var waits []time.Duration
		take := func(s *models.Store) {
			t.Helper()
			waits = append(waits, must[time.Duration](t)(s.TakePlace(t.Context(), bucket, 9*time.Hour)).Round(time.Hour))
		}
		take(former)
		take(former)
		check(t, former.Close())
		next := modelstest.Open(t, address)
		take(next)
		take(next)
		if diff := cmp.Diff([]time.Duration{0, 0, 0, time.Hour}, waits); diff != "" {
			t.Errorf("waits (-want +got):\n%s", diff)
		}
	})
}

func TestAPlaceThatIsNotUsedIsTheNextOnes(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		bucket := bucketOf(install(t, s, "acme"))
		take := func(most time.Duration) time.Duration {
			return must[time.Duration](t)(s.TakePlace(t.Context(), bucket, most)).Round(time.Hour)
		}
		var waits []time.Duration
		for range 4 {
			waits = append(waits, take(9*time.Hour))
		}
		check(t, s.GiveBack(t.Context(), bucket))
		waits = append(waits, take(0), take(9*time.Hour))
		if diff := cmp.Diff([]time.Duration{0, 0, 0, time.Hour, time.Hour, time.Hour}, waits); diff != "" {
			t.Errorf("waits (-want +got):\n%s", diff)
		}
	})
}

func TestABucketIsNotFullForAsLongAsADatabasesClockWasSetBack(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		bucket := bucketOf(install(t, s, "acme"))
		take := func() time.Duration {
			return must[time.Duration](t)(s.TakePlace(t.Context(), bucket, 2*time.Hour)).Round(time.Hour)
		}
		take()
		check(t, s.Transaction(t.Context(), func(tx *gorm.DB) error {
			return tx.Exec("UPDATE paces SET tat = tat + ?", (24 * time.Hour).Microseconds()).Error
		}))
		var waits []time.Duration
		for range 6 {
			waits = append(waits, take())
		}
		if diff := cmp.Diff([]time.Duration{0, 0, 0, time.Hour, 2 * time.Hour, 3 * time.Hour}, waits); diff != "" {
			t.Errorf("waits (-want +got):\n%s", diff)
		}
	})
}

func TestABucketIsFullWhenThePortalSaysSo(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		bucket := bucketOf(install(t, s, "acme"))
		first := must[time.Duration](t)(s.TakePlace(t.Context(), bucket, time.Hour))
		check(t, s.Fill(t.Context(), bucket))
		second := must[time.Duration](t)(s.TakePlace(t.Context(), bucket, time.Hour)).Round(time.Hour)
		if first != 0 || second != time.Hour {
			t.Errorf("waits %v and %v, want none and an hour", first, second)
		}
	})
}

func TestAPortalThatIsGoneHasNoSharedBucket(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		bucket := bucketOf(&models.Portal{ID: 4711})
		for range 5 {
			if wait := must[time.Duration](t)(s.TakePlace(t.Context(), bucket, 0)); wait != 0 {
				t.Errorf("waits %v", wait)
			}
		}
		check(t, s.GiveBack(t.Context(), bucket))
		check(t, s.Fill(t.Context(), bucket))
	})
}

func TestWhoAsksAPortalTakesAPlaceWithItsAccess(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx, p := t.Context(), active(t, s, "one")
		bucket := bucketOf(p)
		var waits []time.Duration
		asks := func(a models.SealedAccess, err error) {
			t.Helper()
			check(t, err)
			endpoint, tokens, err := a.Open()
			if err != nil || endpoint != p.Endpoint || len(tokens) != 1 {
				t.Errorf("%s with %d pairs, %v", endpoint, len(tokens), err)
			}
			waits = append(waits, a.Wait.Round(time.Hour))
		}
		for range 3 {
			asks(s.ToAsk(ctx, bucket, time.Hour))
		}
		asks(s.ToAsk(ctx, bucket, time.Hour))
		asks(s.ToAsk(ctx, bucket, time.Hour)) // not taken: it would come after two
		asks(s.ToAsk(ctx, bucket, 2*time.Hour))
		if diff := cmp.Diff([]time.Duration{0, 0, 0, time.Hour, 2 * time.Hour, 2 * time.Hour}, waits); diff != "" {
			t.Errorf("waits (-want +got):\n%s", diff)
		}
		other := must[models.SealedAccess](t)(s.ToAsk(ctx, bucketOf(active(t, s, "two")), 0))
		if other.Wait != 0 {
			t.Errorf("another portal waits %v", other.Wait)
		}
	})
}

func TestAPortalThatIsGoneHasNoAccess(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		a := must[models.SealedAccess](t)(s.ToAsk(t.Context(), bucketOf(&models.Portal{ID: 4711}), 0))
		_, _, err := a.Open()
		wantErr(t, err, models.ErrNotFound)
		if a.Wait != 0 {
			t.Errorf("waits %v", a.Wait)
		}
	})
}
