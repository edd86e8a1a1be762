package callflow

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"callwise/app/b24"
	"callwise/models"
	"callwise/models/modelstest"
)

func TestPairsStoredTogetherAreNotRenewedTogether(t *testing.T) {
	stored := time.Date(2026, 8, 22, 12, 0, 0, 0, time.UTC)
	hours := map[time.Time]bool{}
	for id := range int64(360) {
		turn := idleTurn(models.IdleToken{ID: 40_000 + id, RenewedAt: stored})
		if idle := turn.Sub(stored).Hours() / 24; idle < 150 || idle >= 165 {
			t.Errorf("renewed after %v days", idle)
		}
		hours[turn] = true
	}
	if len(hours) != 360 {
		t.Errorf("all in %d hours", len(hours))
	}
}

func TestARunRenewsFewPairsAndTheNextGoesOn(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		portal := installed(t, s)
		if err := s.SetStatus(t.Context(), portal.ID, models.PortalActive, ""); err != nil {
			t.Fatal(err)
		}
		for user := range int64(59) {
			pair := models.Token{UserID: 100 + user, Kind: models.TokenAdmin, AccessToken: fmt.Sprint("a", user), RefreshToken: "r"}
			if err := s.AddToken(t.Context(), portal.ID, pair); err != nil {
				t.Fatal(err)
			}
		}
		later := func() time.Time { return time.Now().Add(165 * 24 * time.Hour) }
		one := Flow{Store: s, Bitrix24: &b24.App{}, Owner: "one", Now: later}
		other := Flow{Store: s, Bitrix24: &b24.App{}, Owner: "other", Now: later}
		seen := map[int64]bool{}
		for i, want := range []int{idleAtOnce, 60 - idleAtOnce, 0} {
			f := []*Flow{&one, &other, &one}[i]
			taken, err := f.takeIdle(t.Context())
			if err != nil || len(taken) != want {
				t.Fatalf("run %d takes %d pairs, want %d: %v", i, len(taken), want, err)
			}
			for _, pair := range taken {
				if seen[pair.ID] {
					t.Errorf("pair %d is taken twice", pair.ID)
				}
				seen[pair.ID] = true
			}
		}
	})
}

func TestAPairThatCameMeanwhileIsLeftAlone(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx, portal := t.Context(), installed(t, s)
		if err := s.SetStatus(ctx, portal.ID, models.PortalActive, ""); err != nil {
			t.Fatal(err)
		}
		f := Flow{Store: s, Bitrix24: &b24.App{}, Owner: "one", Now: func() time.Time { return time.Now().Add(165 * 24 * time.Hour) }}
		taken, err := f.takeIdle(ctx)
		if err != nil || len(taken) != 1 {
			t.Fatalf("%d pairs: %v", len(taken), err)
		}
		if _, pair, err := f.idlePair(ctx, taken[0]); err != nil || pair.AccessToken != "a" {
			t.Errorf("pair %q: %v", pair.AccessToken, err)
		}
		s.Now = f.Now
		if err := s.AddToken(ctx, portal.ID, models.Token{UserID: 1, Kind: models.TokenAdmin, AccessToken: "fresh", RefreshToken: "r"}); err != nil {
			t.Fatal(err)
		}
		if _, pair, err := f.idlePair(ctx, taken[0]); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("pair %q: %v", pair.AccessToken, err)
		}
	})
}
