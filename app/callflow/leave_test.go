package callflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"callwise/app/b24"
	"callwise/models"
	"callwise/models/modelstest"

	"gorm.io/gorm"
)

// installed is a portal that the app is installed on.
func installed(t *testing.T, s *models.Store) *models.Portal {
	t.Helper()
	portal, err := s.SaveInstall(t.Context(), models.Install{
		MemberID: "one", Endpoint: "https://one.bitrix24.com/rest/", AuthHost: "https://oauth.bitrix.info", ApplicationToken: "secret",
		Token: &models.Token{UserID: 1, Kind: models.TokenInstaller, AccessToken: "a", RefreshToken: "r", ExpiresAt: time.Now()},
	})
	if err != nil {
		t.Fatal(err)
	}
	return portal
}

// A call may be registered between the look for echoes and the look for the call.
func TestWhoFindsACallHeldCountsItsEchoesAsDone(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx, portal := t.Context(), installed(t, s)
		id := "externalCall.9"
		c, err := s.EnsureCall(ctx, models.Call{PortalID: portal.ID, Kind: models.KindPBX, CallKey: "pbx:1", B24CallID: &id})
		if err != nil {
			t.Fatal(err)
		}
		echo := models.Event{
			Source: models.SourceBitrix24, EventKey: "1", CallKey: "b24:" + id, Type: b24.VoximplantInit,
			Payload: json.RawMessage(`{}`), HappenedAt: time.Now(),
		}
		if _, _, err := s.AddEvents(ctx, portal.ID, []models.Event{echo}); err != nil {
			t.Fatal(err)
		}
		if err := (&Flow{Store: s}).leave(ctx, c, echo.CallKey); err != nil {
			t.Fatal(err)
		}
		_, events, err := s.CallAndEvents(ctx, portal.ID, c.ID)
		if err != nil || len(events) != 1 || events[0].DoneAt == nil {
			t.Errorf("%+v %v", events, err)
		}
	})
}

func TestWhatComesDuringARoundIsHeardOfAtItsEnd(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx, portal, id := t.Context(), installed(t, s), "1"
		taken, err := s.TakeNewCall(ctx, models.Call{PortalID: portal.ID, Kind: models.KindPBX, CallKey: "pbx:1", PBXCallID: &id}, "worker", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		g := &grip{TakenCall: taken, owner: "worker"}
		w := &work{Flow: &Flow{Store: s, Now: time.Now, Lease: time.Minute}, portal: portal, row: taken.Call, grip: g, was: models.CallOpen}
		for _, changed := range []bool{true, false} {
			g.released = false
			if w.saved, err = image(w.row); err != nil {
				t.Fatal(err)
			}
			if changed {
				w.row.Attempts++
			}
			w.asked = []models.RESTRequest{{PortalID: portal.ID, CallID: &w.row.ID, At: time.Now(), Method: "m"}}
			news, err := w.keepCall(ctx, g, func(ctx context.Context) error {
				event := models.Event{
					Source: models.SourcePBX, EventKey: fmt.Sprint(changed), CallKey: "pbx:1", Type: "t", Payload: json.RawMessage(`{}`), HappenedAt: time.Now(),
				}
				if _, _, err := s.AddEvents(ctx, portal.ID, []models.Event{event}); err != nil {
					return err
				}
				return w.close(ctx)
			})
			if err != nil || !news || !g.released || w.asked != nil {
				t.Errorf("changed %t: news %t, released %t, %d requests not stored, %v", changed, news, g.released, len(w.asked), err)
			}
		}
		logged, err := s.RESTOfCall(ctx, portal.ID, taken.Call.ID)
		if err != nil || len(logged) != 2 {
			t.Errorf("%d requests logged, %v", len(logged), err)
		}
	})
}

// Whoever could not hear that its lease was given back may write over another's work.
func TestAFailureIsRecordedByWhoHasTheCall(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx, portal, id := t.Context(), installed(t, s), "1"
		taken, err := s.TakeNewCall(ctx, models.Call{PortalID: portal.ID, Kind: models.KindPBX, CallKey: "pbx:1", PBXCallID: &id}, "worker", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		f := Flow{Store: s, Now: time.Now, Lease: time.Minute}
		for _, c := range []struct {
			owner    string
			attempts int
		}{{"another", 0}, {"worker", 1}} {
			cause := errors.New("a bug")
			if err := f.falter(ctx, &grip{TakenCall: taken, owner: c.owner}, cause); !errors.Is(err, cause) {
				t.Errorf("%s: %v", c.owner, err)
			}
			row, err := s.CallByID(ctx, portal.ID, taken.Call.ID)
			if err != nil || row.Attempts != c.attempts {
				t.Errorf("%s: %d attempts, %v", c.owner, row.Attempts, err)
			}
		}
	})
}

// The worker who is woken for the repetition finds the call held, and goes.
func TestACallThatIsRepeatedWhileARoundWaitsForRoomIsWorkedOn(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx, portal, id := t.Context(), installed(t, s), "1"
		call := models.Call{PortalID: portal.ID, Kind: models.KindPBX, CallKey: "pbx:1", PBXCallID: &id}
		given, err := s.EnsureCall(ctx, call)
		if err != nil {
			t.Fatal(err)
		}
		given.State = models.CallFailed
		if err := s.SaveCall(ctx, given); err != nil {
			t.Fatal(err)
		}
		f := &Flow{Store: s, Now: time.Now, Lease: time.Minute, Bitrix24: new(b24.App)}
		for _, repeated := range []bool{false, true} {
			g, err := f.take(ctx, nil, portal.ID, "pbx:1")
			if err != nil || !g.Held {
				t.Fatalf("%+v %v", g, err)
			}
			news, err := f.keepCall(ctx, g, func(ctx context.Context) error {
				if repeated {
					if n, _, err := s.RetryFailed(ctx, portal.ID, 1); err != nil || n != 1 {
						return fmt.Errorf("%d repeated, %w", n, err)
					}
				}
				return f.carry(ctx, g)
			})
			if err != nil || news != repeated {
				t.Errorf("repeated %t: more to do %t, %v", repeated, news, err)
			}
		}
	})
}

// Who took the lease from a worker that stood still may not have come for what that
// one was woken for.
func TestARoundThatHasLostItsCallIsRepeated(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx, portal, id := t.Context(), installed(t, s), "1"
		f := &Flow{Store: s, Now: time.Now}
		call := models.Call{PortalID: portal.ID, Kind: models.KindPBX, CallKey: "pbx:1", PBXCallID: &id}
		for _, c := range []struct {
			name     string
			lease    time.Duration
			loses    bool
			finds    func(context.Context, *models.Call) error
			repeated bool
		}{
			{"it is removed", time.Minute, false, func(context.Context, *models.Call) error { return models.ErrNotFound }, false},
			{"a save is refused", time.Minute, true, s.SaveCall, true},
			{"the renewal sees it", 300 * time.Millisecond, true, func(ctx context.Context, _ *models.Call) error { <-ctx.Done(); return ctx.Err() }, true},
			{"the renewal fails", 300 * time.Millisecond, false, func(ctx context.Context, _ *models.Call) error {
				err := s.Transaction(ctx, func(tx *gorm.DB) error { return tx.Exec("ALTER TABLE leases RENAME TO lost").Error })
				<-ctx.Done()
				return errors.Join(err, ctx.Err())
			}, false},
		} {
			f.Lease = c.lease
			taken, err := s.TakeNewCall(ctx, call, c.name, f.Lease)
			if err != nil || !taken.Held {
				t.Fatal(taken, err)
			}
			_, err = f.keepCall(ctx, &grip{TakenCall: taken, owner: c.name}, func(ctx context.Context) error {
				if c.loses {
					if err := s.Release(ctx, models.CallLease(taken.Call.ID), c.name); err != nil {
						return err
					}
				}
				return c.finds(ctx, taken.Call)
			})
			if _, repeated := Wait(err); repeated != c.repeated {
				t.Errorf("%s: repeated %t, %v", c.name, repeated, err)
			}
		}
	})
}

// A call that is gone is never looked at again.
func TestACallIsNotTakenForGoneIfItsLeaseCannotBeLookedAt(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx, portal, id := t.Context(), installed(t, s), "1"
		f := &Flow{Store: s, Now: time.Now, Lease: time.Minute}
		call := models.Call{PortalID: portal.ID, Kind: models.KindPBX, CallKey: "pbx:1", PBXCallID: &id}
		taken, err := s.TakeNewCall(ctx, call, "worker", f.Lease)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.keepCall(ctx, &grip{TakenCall: taken, owner: "worker"}, func(ctx context.Context) error {
			if err := s.Transaction(ctx, func(tx *gorm.DB) error { return tx.Exec("ALTER TABLE leases RENAME TO lost").Error }); err != nil {
				t.Error(err)
			}
			return models.ErrNotFound // of a save that was refused
		})
		if err == nil || errors.Is(err, models.ErrNotFound) {
			t.Error(err)
		}
	})
}

// A round that has lost its lease is repeated, whatever its error says.
func TestAPanicInARoundThatIsBrokenOffIsLogged(t *testing.T) {
	var mark Mark
	ctx, cancel := context.WithCancel(WithMark(t.Context(), &mark))
	cancel()
	homeless := &grip{TakenCall: &models.TakenCall{Call: &models.Call{}}} // of no portal
	if err := new(Flow).carry(ctx, homeless); err == nil || !errors.Is(mark.Err, err) {
		t.Errorf("%v is logged of %v", mark.Err, err)
	}
}

func TestAnAmendmentThatHasLostTheCallChangesNothing(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx, portal := t.Context(), installed(t, s)
		f := &Flow{Store: s, Now: time.Now, Lease: time.Minute, LockWait: time.Minute}
		c, err := s.EnsureCall(ctx, models.Call{PortalID: portal.ID, Kind: models.KindPBX, CallKey: "pbx:1"})
		if err != nil {
			t.Fatal(err)
		}
		err = f.amend(ctx, portal.ID, c.ID, func(ctx context.Context, c *models.Call) error {
			c.Attempts = 9
			return s.Release(ctx, models.CallLease(c.ID), c.HeldBy)
		})
		row, failed := s.CallByID(ctx, portal.ID, c.ID)
		if failed != nil || !errors.Is(err, models.ErrNotFound) || row.Attempts != 0 {
			t.Errorf("%v, %+v, %v", err, row, failed)
		}
	})
}
