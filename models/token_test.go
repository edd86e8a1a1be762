package models_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
)

func pair(user int64, kind models.TokenKind, name string) models.Token {
	return models.Token{UserID: user, Kind: kind, AccessToken: "access-" + name, RefreshToken: "refresh-" + name, AuthHost: "https://oauth.bitrix.info", ExpiresAt: noon.Add(time.Hour)}
}

// live are the access tokens of the live pairs, the preferred first.
func live(t *testing.T, s *models.Store, portalID int64) []string {
	t.Helper()
	var names []string
	for _, token := range must[[]models.Token](t)(s.LiveTokens(t.Context(), portalID)) {
		names = append(names, string(token.Kind)+" "+token.AccessToken)
	}
	return names
}

func TestTheInstallersTokensComeFirstThenTheSystemUsersThenTheNewest(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		s.Now = func() time.Time { return noon }
		p, twin := install(t, s, "one"), install(t, s, "two")
		for i, token := range []models.Token{
			pair(2, models.TokenAdmin, "old"), pair(3, models.TokenAdmin, "new"), pair(4, models.TokenSystem, "system"),
			pair(2, models.TokenAdmin, "older again"), pair(3, models.TokenAdmin, "newest"),
			pair(1, models.TokenAdmin, "installer again"),
		} {
			s.Now = func() time.Time { return noon.Add(time.Duration(i) * time.Minute) }
			check(t, s.AddToken(t.Context(), p.ID, token))
		}
		want := []string{"installer access-installer again", "system access-system", "admin access-newest", "admin access-older again"}
		if diff := cmp.Diff(want, live(t, s, p.ID)); diff != "" {
			t.Errorf("live tokens (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"installer access-1-two"}, live(t, s, twin.ID)); diff != "" {
			t.Errorf("live tokens of the other portal (-want +got):\n%s", diff)
		}
		if user := must[int64](t)(s.Installer(t.Context(), p.ID)); user != 1 {
			t.Errorf("installer %d", user)
		}
		wantErr(t, s.AddToken(t.Context(), 999, pair(1, models.TokenAdmin, "x")), models.ErrNotFound)
	})
}

func TestAPairThatCameAfterTheRefusalStaysAlive(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p := active(t, s, "one")
		check(t, s.AddToken(t.Context(), p.ID, pair(1, models.TokenInstaller, "fresh")))
		check(t, s.RejectToken(t.Context(), p.ID, 1, "access-1-one", "invalid_grant"))
		if diff := cmp.Diff([]string{"installer access-fresh"}, live(t, s, p.ID)); diff != "" {
			t.Errorf("live tokens (-want +got):\n%s", diff)
		}
		if p := must[*models.Portal](t)(s.PortalByID(t.Context(), p.ID)); p.Status != models.PortalActive {
			t.Errorf("the portal is %s although it has a live pair", p.Status)
		}
	})
}

func TestAPortalWithoutLiveTokensWaitsForAnAdministrator(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p, twin := active(t, s, "one"), active(t, s, "two")
		check(t, s.AddToken(t.Context(), p.ID, pair(2, models.TokenAdmin, "2")))
		status := func(id int64) string {
			p := must[*models.Portal](t)(s.PortalByID(t.Context(), id))
			return string(p.Status) + " " + p.StatusCode
		}
		check(t, s.RejectToken(t.Context(), p.ID, 1, "access-1-one", "invalid_grant"))
		if got := status(p.ID); got != "active " {
			t.Errorf("status %q although a pair is alive", got)
		}
		check(t, s.RejectToken(t.Context(), p.ID, 2, "access-2", "user_access_error"))
		if got := status(p.ID); got != "reauth user_access_error" {
			t.Errorf("status %q without a live pair", got)
		}
		if got := status(twin.ID); got != "active " {
			t.Errorf("status of the other portal %q", got)
		}
		wantErr(t, s.RejectToken(t.Context(), p.ID, 9, "", "x"), models.ErrNotFound)
		check(t, s.AddToken(t.Context(), p.ID, pair(2, models.TokenAdmin, "fresh")))
		if got := status(p.ID); got != "active " {
			t.Errorf("status %q after a fresh pair", got)
		}
		if diff := cmp.Diff([]string{"admin access-fresh"}, live(t, s, p.ID)); diff != "" {
			t.Errorf("live tokens (-want +got):\n%s", diff)
		}
	})
}

func TestOfManyWhoRenewOneDoesAndAllGetItsPair(t *testing.T) {
	modelstest.EachAddress(t, func(t *testing.T, address string) {
		// The second store is like another process.
		stores := []*models.Store{modelstest.Migrated(t, address), modelstest.Open(t, address)}
		p := active(t, stores[0], "one")
		twin := active(t, stores[0], "two")
		var renewals atomic.Int64
		renew := func(_ context.Context, old models.Token) (models.Token, error) {
			if old.AccessToken != "access-1-one" || old.RefreshToken != "refresh-1-one" {
				return models.Token{}, fmt.Errorf("renewing %q", old.AccessToken)
			}
			renewals.Add(1)
			return pair(1, models.TokenInstaller, "renewed"), nil
		}
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				got, err := stores[i%len(stores)].RenewToken(t.Context(), p.ID, 1, "access-1-one", renew)
				if err != nil || got.AccessToken != "access-renewed" || got.RefreshToken != "refresh-renewed" {
					t.Errorf("pair %q, %v", got.AccessToken, err)
				}
			})
		}
		group.Wait()
		if n := renewals.Load(); n != 1 {
			t.Errorf("%d renewals", n)
		}
		if diff := cmp.Diff([]string{"installer access-1-two"}, live(t, stores[0], twin.ID)); diff != "" {
			t.Errorf("the other portal's tokens (-want +got):\n%s", diff)
		}
	})
}

func TestARenewalThatFailsLeavesThePairAndTheLeaseFree(t *testing.T) {
	errDown := errors.New("down")
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p := active(t, s, "one")
		fail := func(context.Context, models.Token) (models.Token, error) { return models.Token{}, errDown }
		for range 2 {
			_, err := s.RenewToken(t.Context(), p.ID, 1, "access-1-one", fail)
			wantErr(t, err, errDown)
		}
		_, err := s.RenewToken(t.Context(), p.ID, 2, "", fail)
		wantErr(t, err, models.ErrNotFound)
		check(t, s.RejectToken(t.Context(), p.ID, 1, "access-1-one", "invalid_grant"))
		_, err = s.RenewToken(t.Context(), p.ID, 1, "access-1-one", fail)
		wantErr(t, err, models.ErrNotFound)
	})
}

// The database hangs when the lease is to be given back.
func TestARenewalEndsAlthoughItsLeaseCannotBeGivenBack(t *testing.T) {
	errDown := errors.New("down")
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p := active(t, s, "one")
		var release func()
		_, err := s.RenewToken(t.Context(), p.ID, 1, "access-1-one", func(context.Context, models.Token) (models.Token, error) {
			release = modelstest.Hang(t, s)
			return models.Token{}, errDown
		})
		wantErr(t, err, errDown)
		wantErr(t, err, context.DeadlineExceeded)
		release()
	})
}

func TestWhoWaitsForARenewalGivesUpWithItsContext(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p := active(t, s, "one")
		token := must[[]models.Token](t)(s.LiveTokens(t.Context(), p.ID))[0]
		if !must[bool](t)(s.Acquire(t.Context(), fmt.Sprintf("token:%d", token.ID), "another process", time.Minute)) {
			t.Fatal("lease taken")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 120*time.Millisecond)
		defer cancel()
		_, err := s.RenewToken(ctx, p.ID, 1, "access-1-one", nil)
		wantErr(t, err, context.DeadlineExceeded)
	})
}

func TestTheNewPairIsStoredAlthoughTheCallerIsGone(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p := active(t, s, "one")
		ctx, cancel := context.WithCancel(t.Context())
		got, err := s.RenewToken(ctx, p.ID, 1, "access-1-one", func(context.Context, models.Token) (models.Token, error) {
			cancel()
			return pair(1, models.TokenInstaller, "renewed"), nil
		})
		if err != nil || got.AccessToken != "access-renewed" {
			t.Errorf("pair %q, %v", got.AccessToken, err)
		}
		if diff := cmp.Diff([]string{"installer access-renewed"}, live(t, s, p.ID)); diff != "" {
			t.Errorf("live tokens (-want +got):\n%s", diff)
		}
	})
}

func TestAPairBroughtDuringARenewalStays(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p := active(t, s, "one")
		got, err := s.RenewToken(t.Context(), p.ID, 1, "access-1-one", func(ctx context.Context, _ models.Token) (models.Token, error) {
			check(t, s.AddToken(ctx, p.ID, pair(1, models.TokenAdmin, "brought")))
			return pair(1, models.TokenInstaller, "late"), nil
		})
		if err != nil || got.AccessToken != "access-brought" {
			t.Errorf("pair %q, %v", got.AccessToken, err)
		}
	})
}

// Another process, which took this one for gone, has asked with the same refresh
// token and been refused: the answer with the new pair was on its way.
func TestANewPairThatComesLateOutlivesTheRefusalOfTheOldOne(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p, twin := active(t, s, "one"), active(t, s, "two")
		check(t, s.RejectToken(t.Context(), twin.ID, 1, "access-1-two", "invalid_grant"))
		got, err := s.RenewToken(t.Context(), p.ID, 1, "access-1-one", func(ctx context.Context, _ models.Token) (models.Token, error) {
			check(t, s.RejectToken(ctx, p.ID, 1, "access-1-one", "invalid_grant"))
			if p := must[*models.Portal](t)(s.PortalByID(ctx, p.ID)); p.Status != models.PortalReauth {
				t.Errorf("the portal is %s without a live pair", p.Status)
			}
			return pair(1, models.TokenInstaller, "late"), nil
		})
		if err != nil || got.AccessToken != "access-late" || got.RefreshToken != "refresh-late" {
			t.Errorf("pair %q, %v", got.AccessToken, err)
		}
		if diff := cmp.Diff([]string{"installer access-late"}, live(t, s, p.ID)); diff != "" {
			t.Errorf("live tokens (-want +got):\n%s", diff)
		}
		if p := must[*models.Portal](t)(s.PortalByID(t.Context(), p.ID)); p.Status != models.PortalActive || p.StatusCode != "" {
			t.Errorf("the portal is %s %s although a pair is alive", p.Status, p.StatusCode)
		}
		if twin := must[*models.Portal](t)(s.PortalByID(t.Context(), twin.ID)); twin.Status != models.PortalReauth || len(live(t, s, twin.ID)) != 0 {
			t.Errorf("the other portal is %s", twin.Status)
		}
	})
}

// Bitrix24 may refuse the users of pairs that are alive.
func TestARenewalOfALivePairDoesNotSayThatThePortalWorks(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p := active(t, s, "one")
		check(t, s.SetStatus(t.Context(), p.ID, models.PortalReauth, "USER_ACCESS_ERROR"))
		must[models.Token](t)(s.RenewToken(t.Context(), p.ID, 1, "access-1-one", renewedOne))
		if p := must[*models.Portal](t)(s.PortalByID(t.Context(), p.ID)); p.Status != models.PortalReauth || p.StatusCode != "USER_ACCESS_ERROR" {
			t.Errorf("the portal is %s %s", p.Status, p.StatusCode)
		}
	})
}

// A disk that is full, or a database that is away, may be so for longer than a
// lease lasts.
func TestStoringANewPairIsTriedAgainForAsLongAsItFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := modelstest.Migrated(t, modelstest.SQLite(t))
		p := active(t, s, "one")
		mend := refusePairs(t, s)
		stored := make(chan models.Token)
		go func() {
			got, err := s.RenewToken(t.Context(), p.ID, 1, "access-1-one", renewedOne)
			if err != nil {
				t.Error(err)
			}
			stored <- got
		}()
		time.Sleep(10 * time.Minute)
		mend()
		if got := <-stored; got.AccessToken != "access-renewed" {
			t.Errorf("pair %q", got.AccessToken)
		}
		if diff := cmp.Diff([]string{"installer access-renewed"}, live(t, s, p.ID)); diff != "" {
			t.Errorf("live tokens (-want +got):\n%s", diff)
		}
	})
}

func TestAStoreThatIsClosedTriesNoMoreToStoreANewPair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := modelstest.Migrated(t, modelstest.SQLite(t))
		p := active(t, s, "one")
		refusePairs(t, s)
		failed := make(chan error)
		go func() {
			_, err := s.RenewToken(t.Context(), p.ID, 1, "access-1-one", renewedOne)
			failed <- err
		}()
		time.Sleep(time.Minute)
		check(t, s.Close())
		if err := <-failed; err == nil {
			t.Error("stored")
		}
	})
}

func renewedOne(context.Context, models.Token) (models.Token, error) {
	return pair(1, models.TokenInstaller, "renewed"), nil
}

// refusePairs has the store refuse to change pairs until mend is called.
func refusePairs(t *testing.T, s *models.Store) (mend func()) {
	t.Helper()
	run := func(statement string) {
		check(t, s.Transaction(t.Context(), func(tx *gorm.DB) error { return tx.Exec(statement).Error }))
	}
	run("CREATE TRIGGER full BEFORE UPDATE ON tokens BEGIN SELECT RAISE(ABORT, 'disk full'); END")
	return func() { run("DROP TRIGGER full") }
}

func TestIdlePairsAreTheOldLiveOnesOfPortalsInUse(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx, day := t.Context(), 24*time.Hour
		at := func(d time.Duration) { s.Now = func() time.Time { return noon.Add(d) } }
		var want []models.IdleToken
		for i, tt := range []struct {
			status models.PortalStatus
			age    time.Duration // a refresh token lives for 180 days
			listed bool
		}{
			{models.PortalActive, 160 * day, true}, {models.PortalActive, 181 * day, true}, {models.PortalActive, 365 * day, false},
			{models.PortalSuspended, 160 * day, true}, {models.PortalSuspended, 181 * day, false},
			{models.PortalReauth, 160 * day, true}, {models.PortalReauth, 181 * day, false},
			{models.PortalInstalling, 160 * day, false},
		} {
			age := tt.age
			at(-age)
			p := install(t, s, fmt.Sprint("portal ", i))
			check(t, s.AddToken(ctx, p.ID, pair(2, models.TokenAdmin, "dead")))
			check(t, s.RejectToken(ctx, p.ID, 2, "access-dead", "INVALID_GRANT"))
			check(t, s.SetStatus(ctx, p.ID, tt.status, ""))
			at(-149 * day)
			check(t, s.AddToken(ctx, p.ID, pair(3, models.TokenAdmin, "young")))
			check(t, s.SetStatus(ctx, p.ID, tt.status, "")) // a pair heals
			if tt.listed {
				tokens := must[[]models.Token](t)(s.LiveTokens(ctx, p.ID))
				want = append(want, models.IdleToken{ID: tokens[0].ID, PortalID: p.ID, RenewedAt: noon.Add(-age), Status: tt.status})
			}
		}
		got := must[[]models.IdleToken](t)(s.IdleTokens(ctx, 0, noon.Add(-150*day), noon.Add(-180*day)))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("idle pairs (-want +got):\n%s", diff)
		}
		rest := must[[]models.IdleToken](t)(s.IdleTokens(ctx, want[1].ID, noon.Add(-150*day), noon.Add(-180*day)))
		if diff := cmp.Diff(want[2:], rest); diff != "" {
			t.Errorf("idle pairs after the second (-want +got):\n%s", diff)
		}
	})
}
