package models_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
)

// A process that stood still for longer than its lease goes on as if nothing had
// happened.
func TestWhoHasLostTheLeaseOfACallSavesNothing(t *testing.T) {
	for name, extension := range map[string]string{"of somebody": "", "of an extension that is nobody's": "101"} {
		t.Run(name, func(t *testing.T) {
			modelstest.Each(t, func(t *testing.T, s *models.Store) { savedByItsHolder(t, s, extension) })
		})
	}
}

func savedByItsHolder(t *testing.T, s *models.Store, extension string) {
	ctx := t.Context()
	p := active(t, s, "one")
	add(t, s, p.ID, event("1", "pbx:a", 0))
	fresh := models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: "pbx:a", PBXCallID: ptr("a"), Extension: extension}
	late := must[*models.TakenCall](t)(s.TakeNewCall(ctx, fresh, "late", time.Minute))
	check(t, s.Transaction(ctx, func(tx *gorm.DB) error {
		return tx.Exec("UPDATE leases SET until = 1 WHERE name = ?", models.CallLease(late.Call.ID)).Error
	}))
	next := must[*models.TakenCall](t)(s.TakeCall(ctx, p.ID, "pbx:a", "next", time.Minute))
	if !next.Held || next.Call.HeldBy != "next" {
		t.Fatalf("held %t, by %q", next.Held, next.Call.HeldBy)
	}
	next.Call.B24CallID, next.Call.Extension = ptr("registered"), extension
	check(t, s.SaveCallAsked(ctx, next.Call, nil))
	want := must[*models.Call](t)(s.CallByID(ctx, p.ID, late.Call.ID))

	round := models.Round{Done: []int64{late.Events[0].ID}, Asked: []models.RESTRequest{{PortalID: p.ID, At: noon, Method: "m"}}}
	for how, save := range map[string]func(context.Context, *models.Call) error{
		"saved": s.SaveCall, "ordered": s.OrderCall,
		"saved before the portal is asked": func(ctx context.Context, c *models.Call) error {
			_, err := s.SaveToAsk(ctx, c, round.Asked)
			return err
		},
		"saved for later": func(ctx context.Context, c *models.Call) error { return s.SaveAndWake(ctx, c, time.Minute) },
		"saved and given back": func(ctx context.Context, c *models.Call) error {
			_, err := s.SaveAndRelease(ctx, c, "late", startEcho, round)
			return err
		},
	} {
		c := *late.Call
		c.State = models.CallFailed
		t.Run(how, func(t *testing.T) { wantErr(t, save(ctx, &c), models.ErrNotFound) })
	}
	_, _, err := must[models.SealedAccess](t)(s.ToAskFor(ctx, late.Call, bucketOf(p), 0)).Open()
	wantErr(t, err, models.ErrNotFound)
	_, _, err = must[models.SealedAccess](t)(s.ToAskFor(ctx, next.Call, bucketOf(p), 0)).Open()
	check(t, err)
	if logged := rows(t, s, p.ID)["rest_log"]; logged != 2 {
		t.Errorf("%d of the two requests it sent are logged", logged)
	}
	if diff := cmp.Diff(want, must[*models.Call](t)(s.CallByID(ctx, p.ID, late.Call.ID))); diff != "" {
		t.Errorf("the call (-want +got):\n%s", diff)
	}
	if must[[]models.Event](t)(s.EventsOf(ctx, p.ID, "pbx:a"))[0].DoneAt != nil {
		t.Error("its event counts as done")
	}
	if must[*models.TakenCall](t)(s.TakeCall(ctx, p.ID, "pbx:a", "third", time.Minute)).Held {
		t.Error("the lease of another is given back")
	}
	check(t, s.SaveCall(ctx, next.Call))
}

// An update that waits for a row goes on with what it had read of others before.
func TestASaveThatWaitedForTheRemovalOfItsPortalBringsNothingBack(t *testing.T) {
	address := modelstest.PostgreSQL(t)
	s := modelstest.Migrated(t, address)
	ctx := t.Context()
	p := active(t, s, "one")
	for name, save := range map[string]func(*models.Call) error{
		"saved":             func(c *models.Call) error { return s.SaveCall(ctx, c) },
		"ordered":           func(c *models.Call) error { return s.OrderCall(ctx, c) },
		"of a round":        func(c *models.Call) error { return s.SaveCallAsked(ctx, c, nil) },
		"nobody's":          func(c *models.Call) error { c.Extension = "109"; return s.SaveCall(ctx, c) },
		"nobody's, ordered": func(c *models.Call) error { c.Extension = "109"; return s.OrderCall(ctx, c) },
	} {
		t.Run(name, func(t *testing.T) {
			taken := must[*models.TakenCall](t)(s.TakeNewCall(ctx, models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: "pbx:" + name, PBXCallID: &name}, name, time.Minute))
			taken.Call.Phone = "+4930901821"
			removal := begin(t, address)
			check(t, removal.exec("UPDATE calls SET phone = '' WHERE id = $1", taken.Call.ID))
			check(t, removal.exec("UPDATE portals SET status = 'uninstalled' WHERE id = $1", p.ID))
			saving := later(func() error { return save(taken.Call) })
			removal.blocks()
			check(t, removal.exec("COMMIT"))
			wantErr(t, receive(t, saving), models.ErrNotFound)
			if got := must[*models.Call](t)(s.CallByID(ctx, p.ID, taken.Call.ID)); got.Phone != "" {
				t.Error("the number is back")
			}
			check(t, s.Transaction(ctx, func(tx *gorm.DB) error {
				return tx.Exec("UPDATE portals SET status = 'active' WHERE id = ?", p.ID).Error
			}))
		})
	}
}

// Whoever is refused for another reason must not believe that another has the call.
func TestARoundWhoseSaveIsRefusedKeepsItsLease(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx, p := t.Context(), active(t, s, "one")
		for i, extension := range []string{"", "101"} { // of somebody, of nobody
			id := fmt.Sprint(i)
			fresh := models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: "pbx:" + id, PBXCallID: &id, Extension: extension}
			taken := must[*models.TakenCall](t)(s.TakeNewCall(ctx, fresh, "worker", time.Minute))
			check(t, s.Transaction(ctx, func(tx *gorm.DB) error {
				return tx.Exec("UPDATE portals SET status = 'uninstalled' WHERE id = ?", p.ID).Error
			}))
			wantErr(t, savedAndDone(s, taken.Call, models.Round{}), models.ErrNotFound)
			if !must[bool](t)(s.Renew(ctx, models.CallLease(taken.Call.ID), "worker", time.Minute)) {
				t.Errorf("%q: the lease is given back", extension)
			}
			check(t, s.Transaction(ctx, func(tx *gorm.DB) error {
				return tx.Exec("UPDATE portals SET status = 'active' WHERE id = ?", p.ID).Error
			}))
		}
	})
}
