package jobs

import (
	"fmt"
	"testing"
	"time"

	"callwise/app/callflow"
	"callwise/models"
	"callwise/models/modelstest"

	"github.com/riverqueue/river"
)

// The Market wants requests and answers kept for three days at least; we keep
// them for seven, however short calls are kept.
func TestTheRESTLogIsKeptForAWeekHoweverShortCallsAre(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		now := time.Now().UTC().Truncate(time.Microsecond)
		s.Now = func() time.Time { return now }
		ctx := t.Context()
		p, err := s.SaveInstall(ctx, models.Install{MemberID: "7c1e0b9a54d2463f8f10aa6be37d9c25", Endpoint: "https://acme.bitrix24.com/rest/"})
		if err != nil {
			t.Fatal(err)
		}
		for _, days := range []int{2, 6, 8} {
			if err := s.AddRESTRequests(ctx, models.RESTRequest{PortalID: p.ID, At: now.AddDate(0, 0, -days), Method: "app.info"}); err != nil {
				t.Fatal(err)
			}
		}
		worker := purgeWorker{house: House{Flow: &callflow.Flow{}, Store: s, KeepCalls: 24 * time.Hour}}
		if err := worker.Work(ctx, &river.Job[purgeArgs]{}); err != nil {
			t.Fatal(err)
		}
		left, _, err := s.RESTPage(ctx, p.ID, models.Cursor{}, 10)
		if err != nil || len(left) != 2 || left[1].At != now.AddDate(0, 0, -6) {
			t.Errorf("%d requests are left: %v %v", len(left), left, err)
		}
	})
}

func TestNothingIsRemovedByAClockThatIsAheadOfTheDatabases(t *testing.T) {
	s := modelstest.Migrated(t, modelstest.PostgreSQL(t))
	ctx := t.Context()
	p, err := s.SaveInstall(ctx, models.Install{MemberID: "7c1e0b9a54d2463f8f10aa6be37d9c25", Endpoint: "https://acme.bitrix24.com/rest/"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.AddRESTRequests(ctx, models.RESTRequest{PortalID: p.ID, At: time.Now(), Method: "app.info"}); err != nil {
		t.Fatal(err)
	}
	worker := purgeWorker{house: House{Flow: &callflow.Flow{}, Store: s, KeepCalls: 24 * time.Hour}}
	for _, ahead := range []time.Duration{30 * 24 * time.Hour, time.Minute} {
		s.Now = func() time.Time { return time.Now().Add(ahead) }
		err := worker.Work(ctx, &river.Job[purgeArgs]{})
		if refused := err != nil; refused != (ahead > time.Hour) {
			t.Errorf("%v ahead: %v", ahead, err)
		}
		left, _, err := s.RESTPage(ctx, p.ID, models.Cursor{}, 10)
		if err != nil || len(left) != 1 {
			t.Errorf("%v ahead: %d requests are left: %v", ahead, len(left), err)
		}
	}
}

func TestNoCallIsEndedByAClockThatIsAheadOfTheDatabases(t *testing.T) {
	s := modelstest.Migrated(t, modelstest.PostgreSQL(t))
	ctx := t.Context()
	p, err := s.SaveInstall(ctx, models.Install{MemberID: "7c1e0b9a54d2463f8f10aa6be37d9c25", Endpoint: "https://acme.bitrix24.com/rest/"})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now
	s.Now = func() time.Time { return now() }
	worker := closeWorker{house: House{Flow: &callflow.Flow{Store: s, Now: s.Now}, Store: s}}
	for i, tt := range []struct {
		began, ahead time.Duration // of a call, and our clock
		refused      bool
		ended        int // calls, of all so far
	}{
		{time.Minute, 4 * time.Hour, true, 0},
		{time.Minute, time.Minute, false, 0},
		{4 * time.Hour, time.Minute, false, 1},
	} {
		at := time.Now().Add(-tt.began)
		now = func() time.Time { return at }
		if _, err := s.EnsureCall(ctx, models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: fmt.Sprint("pbx:", i), StartedAt: at}); err != nil {
			t.Fatal(err)
		}
		now = func() time.Time { return time.Now().Add(tt.ahead) }
		if err := worker.Work(ctx, &river.Job[closeArgs]{}); (err != nil) != tt.refused {
			t.Errorf("%v ahead: %v", tt.ahead, err)
		}
		if told, err := s.BacklogOf(ctx, p.ID); err != nil || told.Events != tt.ended {
			t.Errorf("%v ahead, begun %v ago: %d calls are ended, want %d: %v", tt.ahead, tt.began, told.Events, tt.ended, err)
		}
	}
}

func TestNoCallIsEndedBeforeItsPBXHadTimeToTellHowItEnded(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx, serves := t.Context(), time.Now()
		now := serves.Add(-4 * time.Hour)
		s.Now = func() time.Time { return now }
		p, err := s.SaveInstall(ctx, models.Install{MemberID: "7c1e0b9a54d2463f8f10aa6be37d9c25", Endpoint: "https://acme.bitrix24.com/rest/"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.EnsureCall(ctx, models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: "pbx:1", StartedAt: now}); err != nil {
			t.Fatal(err)
		}
		now = serves
		worker := newCloseWorker(House{Flow: &callflow.Flow{Store: s, Now: s.Now}, Store: s})
		for _, tt := range []struct {
			serving time.Duration
			ended   int // calls
		}{{0, 0}, {14 * time.Minute, 0}, {15 * time.Minute, 1}} {
			now = serves.Add(tt.serving)
			if err := worker.Work(ctx, &river.Job[closeArgs]{}); err != nil {
				t.Errorf("after %v: %v", tt.serving, err)
			}
			if told, err := s.BacklogOf(ctx, p.ID); err != nil || told.Events != tt.ended {
				t.Errorf("after %v %d calls are ended, want %d: %v", tt.serving, told.Events, tt.ended, err)
			}
		}
	})
}

func TestALookThatAnotherIsAtDoesNotCountAsDone(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		worker := recoverWorker{house: House{Flow: &callflow.Flow{Store: s, Lease: time.Minute}}}
		looked := func(want string) {
			t.Helper()
			err := worker.Work(t.Context(), &river.Job[recoverArgs]{})
			if got := (&Watch{}).outcome(t.Context(), &callflow.Mark{}, err); got != want {
				t.Errorf("%s, want %s: %v", got, want, err)
			}
		}
		looked(jobDone)
		if _, err := s.Acquire(t.Context(), "recover", "another", time.Minute); err != nil {
			t.Fatal(err)
		}
		looked(jobCancelled)
	})
}
