package models_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
)

// crowd gives a portal more calls, events and requests than one transaction forgets.
func crowd(t *testing.T, s *models.Store, portalID int64) (each int) {
	t.Helper()
	each = 2*models.PurgeBatch + 1
	modelstest.Fill(t, s, modelstest.Log{PortalID: portalID, Calls: each, To: noon, Days: 30})
	check(t, s.Transaction(t.Context(), func(tx *gorm.DB) error {
		err := tx.Exec(`INSERT INTO events (portal_id, source, event_key, call_key, type, payload, happened_at, arrived_at)
			SELECT portal_id, CASE id % 3 WHEN 0 THEN 'bitrix24' WHEN 1 THEN 'pbx' ELSE 'callwise' END, call_key, call_key, 'call.ended', '{}', started_at, started_at FROM calls WHERE portal_id = ?`, portalID).Error
		if err != nil {
			return err
		}
		var erased []models.ErasedCall
		for i := range each {
			erased = append(erased, models.ErasedCall{PortalID: portalID, CallHash: binary.BigEndian.AppendUint32(nil, uint32(i))})
		}
		if err := tx.CreateInBatches(erased, 500).Error; err != nil {
			return err
		}
		return tx.Exec("INSERT INTO rest_log (portal_id, at, method) SELECT portal_id, started_at, 'm' FROM calls WHERE portal_id = ?", portalID).Error
	}))
	return each
}

func TestAPortalWithManyRowsIsForgottenPieceByPieceWhereverThatIsBrokenOff(t *testing.T) {
	for _, clean := range []bool{true, false} {
		t.Run(fmt.Sprintf("CLEAN=%v", clean), func(t *testing.T) {
			modelstest.Each(t, func(t *testing.T, s *models.Store) {
				var ticks atomic.Int64
				s.Now = func() time.Time { return noon.Add(time.Duration(ticks.Add(1)) * time.Second) }
				ctx, p, twin := t.Context(), active(t, s, "one"), active(t, s, "two")
				each := crowd(t, s, p.ID)
				crowd(t, s, twin.ID)
				others, before := rows(t, s, twin.ID), rows(t, s, p.ID)

				rest := must[models.ForgetArgs](t)(s.Uninstall(ctx, p.ID, clean))
				if got := rows(t, s, p.ID); got["tokens"] != 0 || got["calls"] != each || got["events"] != each || got["jobs"] != 1 {
					t.Fatalf("after the first transaction: %v", got)
				}
				rounds, over := 0, false
				for ; !over && rounds < 100; rounds++ {
					over = must[bool](t)(s.Forget(ctx, rest, noon.Add(time.Duration(ticks.Load()+10)*time.Second)))
					now := rows(t, s, p.ID)
					for _, table := range []string{"calls", "events", "rest_log"} {
						if fewer := before[table] - now[table]; fewer > 3*models.PurgeBatch {
							t.Errorf("%d rows of %s at a time", fewer, table)
						}
					}
					before = now
				}
				if !over || rounds < 3 {
					t.Errorf("forgotten: %t, in %d rounds", over, rounds)
				}
				for table, n := range rows(t, s, p.ID) {
					if n != 0 {
						t.Errorf("%d rows in %s", n, table)
					}
				}
				if diff := cmp.Diff(others, rows(t, s, twin.ID)); diff != "" {
					t.Errorf("the other portal (-want +got):\n%s", diff)
				}
				if clean {
					return
				}
				var nameless int
				check(t, s.Transaction(ctx, func(tx *gorm.DB) error {
					return tx.Raw("SELECT count(*) FROM calls WHERE portal_id = ? AND phone = '' AND phone_key = '' AND customer_name = '' AND search = ''", rest.KeptAs).Scan(&nameless).Error
				}))
				if nameless != each {
					t.Errorf("%d calls are kept without a name, want %d", nameless, each)
				}
			})
		})
	}
}

func TestAnInstallationWhileAPortalIsBeingForgottenKeepsItsOwn(t *testing.T) {
	for _, clean := range []bool{true, false} {
		t.Run(fmt.Sprintf("CLEAN=%v", clean), func(t *testing.T) {
			modelstest.Each(t, func(t *testing.T, s *models.Store) {
				ctx, p := t.Context(), furnish(t, s, "one")
				rest := must[models.ForgetArgs](t)(s.Uninstall(ctx, p.ID, clean))
				if calls := must[[]models.CallArgs](t)(s.NewSweep().PendingCalls(ctx, 10)); len(calls) > 0 {
					t.Errorf("calls of a removed portal are woken: %v", calls)
				}
				_, err := s.TakeCall(ctx, p.ID, "pbx:open", "worker", time.Minute)
				wantErr(t, err, models.ErrNotFound)

				again := active(t, s, "one")
				if again.ID == p.ID || !clean && again.ID != rest.KeptAs {
					t.Fatalf("installed as %d, after %d and %d", again.ID, p.ID, rest.KeptAs)
				}
				add(t, s, again.ID, event("1", "pbx:p-1", 0))
				fresh := ensure(t, s, again.ID, "pbx:p-1")
				fresh.Phone = "+49301111111"
				check(t, s.SaveCall(ctx, fresh))
				check(t, s.EnqueueReconcile(ctx, again.ID))
				want := rows(t, s, again.ID)
				if !must[bool](t)(s.Forget(ctx, rest, s.Now().Add(time.Minute))) {
					t.Fatal("a minute is not enough to forget a portal")
				}
				if !clean {
					want["calls"]++ // of the two from before, one is called as the fresh one
				}
				if diff := cmp.Diff(want, rows(t, s, again.ID)); diff != "" {
					t.Errorf("rows of the new installation (-want +got):\n%s", diff)
				}
				if got := must[*models.Call](t)(s.CallByKey(ctx, again.ID, "pbx:p-1")); got.ID != fresh.ID || got.Phone != "+49301111111" {
					t.Errorf("its call: %+v", got)
				}
				for table, n := range rows(t, s, p.ID) {
					if n != 0 {
						t.Errorf("%d rows in %s", n, table)
					}
				}
				check(t, must2(s.Forget(ctx, models.ForgetArgs{PortalID: again.ID}, s.Now().Add(time.Minute))))
				if diff := cmp.Diff(want, rows(t, s, again.ID)); diff != "" {
					t.Errorf("a portal in use is forgotten:\n%s", diff)
				}
			})
		})
	}
}

// must2 is the error of two results.
func must2[T any](_ T, err error) error { return err }

// The second removal may come while the first is worked on.
func TestAPortalThatIsRemovedAgainBeforeItIsForgottenIsForgottenToo(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx, p, twin := t.Context(), furnish(t, s, "one"), furnish(t, s, "two")
		first := must[models.ForgetArgs](t)(s.Uninstall(ctx, p.ID, false))
		again := install(t, s, "one")
		uninstall(t, s, again.ID, true)
		if !must[bool](t)(s.Forget(ctx, first, s.Now().Add(time.Minute))) {
			t.Fatal("a minute is not enough to forget a portal")
		}
		for _, id := range []int64{p.ID, again.ID} {
			for table, n := range rows(t, s, id) {
				if n != 0 {
					t.Errorf("%d rows in %s", n, table)
				}
			}
		}
		if diff := cmp.Diff(furnished, rows(t, s, twin.ID)); diff != "" {
			t.Errorf("the other portal (-want +got):\n%s", diff)
		}
	})
}

func TestWhatIsStoredOfAPortalThatIsBeingForgottenGoesToo(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx, p := t.Context(), active(t, s, "one")
		rest := must[models.ForgetArgs](t)(s.Uninstall(ctx, p.ID, false))
		add(t, s, p.ID, event("1", "pbx:late", 0))
		ensure(t, s, p.ID, "pbx:late")
		check(t, s.SaveLogFilter(ctx, p.ID, 17, "text=Ada"))
		if !must[bool](t)(s.Forget(ctx, rest, s.Now().Add(time.Minute))) {
			t.Fatal("a minute is not enough to forget a portal")
		}
		for table, n := range rows(t, s, p.ID) {
			if n != 0 {
				t.Errorf("%d rows in %s", n, table)
			}
		}
	})
}

// Requests of all portals share a commit: it would wait for one that repeats an event
// whose removal is not committed.
func TestARepeatedEventOfAPortalThatIsBeingForgottenHoldsUpNobody(t *testing.T) {
	address := modelstest.PostgreSQL(t)
	s := modelstest.Migrated(t, address)
	ctx, p, twin := t.Context(), furnish(t, s, "one"), active(t, s, "two")
	rest := must[models.ForgetArgs](t)(s.Uninstall(ctx, p.ID, true))
	other := begin(t, address)
	check(t, other.exec("SELECT 1 FROM rest_log WHERE portal_id = $1 FOR UPDATE", p.ID)) // after its events
	forgetting := later(func() error {
		return must2(s.Forget(context.Background(), rest, s.Now().Add(time.Minute)))
	})
	other.blocks()
	repeated := later(func() error {
		return must2(fresh(s.AddEvents(ctx, p.ID, []models.Event{event("1", "pbx:p-1", 0)})))
	})
	check(t, receive(t, repeated))
	check(t, receive(t, later(func() error {
		return must2(fresh(s.AddEvents(ctx, twin.ID, []models.Event{event("1", "pbx:p-1", 0)})))
	})))
	check(t, other.exec("COMMIT"))
	check(t, receive(t, forgetting))
}

func fresh(accepted, _ int, err error) (int, error) { return accepted, err }
