package models_test

import (
	"errors"
	"regexp"
	"sync"
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestAKeyAdmitsToItsPortalUntilItIsRevoked(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		s.Now = func() time.Time { return noon }
		p, twin := active(t, s, "one"), active(t, s, "two")
		plain, key, err := s.AddPBXKey(t.Context(), p.ID, "Main", 7)
		check(t, err)
		if !regexp.MustCompile(`^cw_[A-Za-z0-9_-]{43}$`).MatchString(plain) {
			t.Error("a key of another form")
		}
		want := models.PBXKey{ID: key.ID, PortalID: p.ID, Name: "Main", Hint: plain[len(plain)-4:], CreatedBy: 7, CreatedAt: noon}
		keys := must[[]models.PBXKey](t)(s.PBXKeys(t.Context(), p.ID))
		if diff := cmp.Diff([]models.PBXKey{want}, keys, cmpopts.IgnoreFields(models.PBXKey{}, "Hash")); diff != "" {
			t.Errorf("keys (-want +got):\n%s", diff)
		}
		if others := must[[]models.PBXKey](t)(s.PBXKeys(t.Context(), twin.ID)); len(others) != 0 {
			t.Errorf("the other portal sees %d keys", len(others))
		}
		if got := must[*models.Portal](t)(s.PortalOfPBXKey(t.Context(), plain)); got.ID != p.ID {
			t.Errorf("portal %d, want %d", got.ID, p.ID)
		}
		wantErr(t, s.RevokePBXKey(t.Context(), twin.ID, key.ID), models.ErrNotFound)
		must[*models.Portal](t)(s.PortalOfPBXKey(t.Context(), plain))
		check(t, s.RevokePBXKey(t.Context(), p.ID, key.ID))
		check(t, s.RevokePBXKey(t.Context(), p.ID, key.ID))
		for _, dead := range []string{plain, "cw_unknown", ""} {
			_, err := s.PortalOfPBXKey(t.Context(), dead)
			wantErr(t, err, models.ErrNotFound)
		}
	})
}

func TestTheUseOfAKeyIsNotedOnceAMinute(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p := active(t, s, "one")
		plain, _, err := s.AddPBXKey(t.Context(), p.ID, "Main", 7)
		check(t, err)
		for _, use := range []struct{ at, noted time.Duration }{
			{0, 0}, {59 * time.Second, 0}, {61 * time.Second, 61 * time.Second},
		} {
			s.Now = func() time.Time { return noon.Add(use.at) }
			must[*models.Portal](t)(s.PortalOfPBXKey(t.Context(), plain))
			got := must[[]models.PBXKey](t)(s.PBXKeys(t.Context(), p.ID))[0].LastUsedAt
			if got == nil || !got.Equal(noon.Add(use.noted)) {
				t.Errorf("after %v: used at %v", use.at, got)
			}
		}
	})
}

func TestSoManyKeysAreGoodAtATimeHoweverFastTheyAreMade(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p, other := install(t, s, "one"), install(t, s, "two")
		var all sync.WaitGroup
		for range models.MaxPBXKeys + 10 {
			all.Go(func() {
				if _, _, err := s.AddPBXKey(t.Context(), p.ID, "Main", 1); err != nil && !errors.Is(err, models.ErrBusy) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		keys := must[[]models.PBXKey](t)(s.PBXKeys(t.Context(), p.ID))
		if len(keys) != models.MaxPBXKeys {
			t.Fatalf("%d keys", len(keys))
		}
		if _, _, err := s.AddPBXKey(t.Context(), other.ID, "Main", 1); err != nil {
			t.Errorf("another portal: %v", err)
		}
		check(t, s.RevokePBXKey(t.Context(), p.ID, keys[0].ID))
		if _, _, err := s.AddPBXKey(t.Context(), p.ID, "Main", 1); err != nil {
			t.Errorf("after one was revoked: %v", err)
		}
	})
}
