package models_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"callwise/app/crm"
	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
)

func TestWhatMayStillBeDoneOutlivesAShortRetention(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		now := noon
		s.Now = func() time.Time { return now }
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		for _, portal := range []*models.Portal{p, twin} {
			for _, state := range []models.CallState{models.CallOpen, models.CallFinished, models.CallFailed, models.CallIgnored} {
				add(t, s, portal.ID, event(string(state), "pbx:"+string(state), 0))
				audio(t, s, portal.ID, "pbx:"+string(state))
				worked(t, s, portal.ID, "pbx:"+string(state))
				must[*models.Call](t)(s.EnsureCall(ctx, models.Call{
					PortalID: portal.ID, Kind: models.KindPBX, CallKey: "pbx:" + string(state), State: state, StartedAt: noon,
				}))
			}
		}
		kept := func() []string {
			var keys []string
			for _, portal := range []*models.Portal{p, twin} {
				for _, key := range []string{"pbx:open", "pbx:finished", "pbx:failed", "pbx:ignored"} {
					if _, err := s.CallByKey(ctx, portal.ID, key); err == nil {
						keys = append(keys, fmt.Sprint(portal.MemberID, " ", key))
					}
					if len(must[[]models.Event](t)(s.EventsOf(ctx, portal.ID, key))) > 0 {
						keys = append(keys, fmt.Sprint(portal.MemberID, " event of ", key))
					}
					if _, err := s.AudioOf(ctx, portal.ID, key); err == nil {
						keys = append(keys, fmt.Sprint(portal.MemberID, " recording of ", key))
					}
				}
			}
			slices.Sort(keys)
			return keys
		}
		now = noon.Add(48 * time.Hour)
		got := must[models.Purged](t)(s.Purge(ctx, now.Add(-24*time.Hour), now))
		if diff := cmp.Diff(models.Purged{Calls: 6}, got); diff != "" {
			t.Errorf("after two days (-want +got):\n%s", diff)
		}
		want := []string{
			"one event of pbx:failed", "one event of pbx:finished", "one event of pbx:ignored", "one event of pbx:open", "one pbx:open", "one recording of pbx:open",
			"two event of pbx:failed", "two event of pbx:finished", "two event of pbx:ignored", "two event of pbx:open", "two pbx:open", "two recording of pbx:open",
		}
		if diff := cmp.Diff(want, kept()); diff != "" {
			t.Errorf("kept (-want +got):\n%s", diff)
		}
		now = noon.Add(6 * 24 * time.Hour)
		must[models.Purged](t)(s.Purge(ctx, now.Add(-24*time.Hour), now))
		if diff := cmp.Diff([]string(nil), kept()); diff != "" {
			t.Errorf("after six days (-want +got):\n%s", diff)
		}
	})
}

// The call of a recording that waits for a portal is over, perhaps, and yet not done.
func TestARecordingThatIsStillToBeSentOutlivesAShortRetention(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		now := noon
		s.Now = func() time.Time { return now }
		p := active(t, s, "one")
		must[*models.Call](t)(s.EnsureCall(t.Context(), models.Call{
			PortalID: p.ID, Kind: models.KindClick, CallKey: "b24:a", PBXCallID: ptr("a"), State: models.CallFinished, StartedAt: noon,
		}))
		audio(t, s, p.ID, "pbx:a")
		now = noon.Add(48 * time.Hour)
		must[models.Purged](t)(s.Purge(t.Context(), now.Add(-24*time.Hour), now))
		must[*models.Audio](t)(s.AudioOf(t.Context(), p.ID, "pbx:a"))
		worked(t, s, p.ID, "pbx:a")
		must[models.Purged](t)(s.Purge(t.Context(), now.Add(-24*time.Hour), now))
		_, err := s.AudioOf(t.Context(), p.ID, "pbx:a")
		wantErr(t, err, models.ErrNotFound)
	})
}

func TestACallThatGoesBeforeItsEventsIsRemembered(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		now := noon
		s.Now = func() time.Time { return now }
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		finished, open := ensure(t, s, p.ID, "pbx:finished"), ensure(t, s, p.ID, "pbx:open")
		finished.State, finished.PBXCallID, finished.B24CallID = models.CallFinished, ptr("finished"), ptr("externalCall.1")
		check(t, s.SaveCall(ctx, finished))
		now = noon.Add(48 * time.Hour)
		must[models.Purged](t)(s.Purge(ctx, now.Add(-24*time.Hour), now))
		for _, tt := range []struct {
			portal int64
			key    string
			want   bool
		}{
			{p.ID, "pbx:finished", true}, {p.ID, "b24:externalCall.1", true}, {twin.ID, "pbx:finished", false}, {p.ID, open.CallKey, false},
		} {
			add(t, s, tt.portal, event("late "+tt.key, tt.key, 0))
			if got := len(reported(t, s, tt.portal, tt.key)) == 0; got != tt.want {
				t.Errorf("portal %d, %s: remembered %v", tt.portal, tt.key, got)
			}
		}
	})
}

func TestACallIsKeptFromWhenItIsKnownWheneverItsPBXSaysItBegan(t *testing.T) {
	const day = 24 * time.Hour
	type purge struct {
		at   time.Duration
		gone models.Purged
	}
	longAgo, inTheFuture := noon.AddDate(-1, 0, 0), noon.AddDate(1, 0, 0)
	week := []purge{{time.Hour, models.Purged{}}, {6 * day, models.Purged{}}, {8 * day, models.Purged{Calls: 1, Events: 1}}}
	short := []purge{{time.Hour, models.Purged{}}, {2 * day, models.Purged{Calls: 1}}, {6 * day, models.Purged{Events: 1}}}
	for _, tt := range []struct {
		retention time.Duration
		began     time.Time
		purges    []purge
	}{{7 * day, longAgo, week}, {7 * day, inTheFuture, week}, {day, longAgo, short}, {day, inTheFuture, short}} {
		t.Run(fmt.Sprint(tt.retention, " ", tt.began.Year()), func(t *testing.T) {
			modelstest.Each(t, func(t *testing.T, s *models.Store) {
				now := noon
				s.Now = func() time.Time { return now }
				p := active(t, s, "one")
				add(t, s, p.ID, event("1", "pbx:1", 0))
				worked(t, s, p.ID, "pbx:1")
				must[*models.Call](t)(s.EnsureCall(t.Context(), models.Call{
					PortalID: p.ID, Kind: models.KindPBX, CallKey: "pbx:1", State: models.CallFinished, StartedAt: tt.began,
				}))
				for _, one := range tt.purges {
					now = noon.Add(one.at)
					got := must[models.Purged](t)(s.Purge(t.Context(), now.Add(-tt.retention), now))
					if diff := cmp.Diff(one.gone, got); diff != "" {
						t.Errorf("after %v (-want +got):\n%s", one.at, diff)
					}
				}
			})
		})
	}
}

func TestAnEventThatNobodyHasWorkedOnIsKeptLongerAndItsCallWithIt(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		const day = 24 * time.Hour
		now := noon
		s.Now = func() time.Time { return now }
		ctx, p := t.Context(), active(t, s, "one")
		for _, key := range []string{"pbx:worked", "pbx:waiting"} {
			add(t, s, p.ID, event("first of "+key, key, 0))
			worked(t, s, p.ID, key)
			must[*models.Call](t)(s.EnsureCall(ctx, models.Call{
				PortalID: p.ID, Kind: models.KindPBX, CallKey: key, State: models.CallFinished, StartedAt: noon,
			}))
		}
		add(t, s, p.ID, event("second", "pbx:waiting", 0))
		for _, purge := range []struct {
			at   time.Duration
			gone models.Purged
		}{
			{2 * day, models.Purged{Calls: 1}},
			{6 * day, models.Purged{Events: 2}},
			{34 * day, models.Purged{}},
			{36 * day, models.Purged{Calls: 1, Events: 1}},
		} {
			now = noon.Add(purge.at)
			got := must[models.Purged](t)(s.Purge(ctx, now.Add(-day), now))
			if diff := cmp.Diff(purge.gone, got); diff != "" {
				t.Errorf("after %v (-want +got):\n%s", purge.at, diff)
			}
		}
	})
}

func TestAPurgeRemovesMoreThanOneBatch(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p := active(t, s, "one")
		const many = 2*models.PurgeBatch + 1
		var events []models.Event
		for i := range many {
			events = append(events, event(fmt.Sprint(i), "pbx:p-1", 0))
		}
		for chunk := range slices.Chunk(events, 500) {
			add(t, s, p.ID, chunk...)
		}
		s.Now = func() time.Time { return time.Now().AddDate(1, 0, 0) }
		got := must[models.Purged](t)(s.Purge(ctx, time.Now().AddDate(0, 6, 0), time.Now()))
		if diff := cmp.Diff(models.Purged{Events: many}, got); diff != "" {
			t.Errorf("purged (-want +got):\n%s", diff)
		}
	})
}

func TestCallsThatGoBeforeTheirEventsAreAllRemembered(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		const many = 2*models.PurgeBatch + 1
		s.Now = func() time.Time { return noon }
		p := active(t, s, "one")
		modelstest.Fill(t, s, modelstest.Log{PortalID: p.ID, Calls: many, To: noon.AddDate(0, 0, -2), Days: 1})
		got := must[models.Purged](t)(s.Purge(t.Context(), noon.AddDate(0, 0, -1), noon))
		if diff := cmp.Diff(models.Purged{Calls: many}, got); diff != "" {
			t.Errorf("purged (-want +got):\n%s", diff)
		}
		if n := rows(t, s, p.ID)["erased_calls"]; n != many {
			t.Errorf("%d calls are remembered, want %d", n, many)
		}
	})
}

// After the retention was cut short a purge may not come to the end of the calls for days.
func TestAPurgeThatDoesNotComeToTheEndOfTheCallsRemovesWhatIsKeptForAShortWhile(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		now := noon
		s.Now = func() time.Time { return now }
		ctx, p := t.Context(), active(t, s, "one")
		finished := ensure(t, s, p.ID, "pbx:old")
		finished.State = models.CallFinished
		check(t, s.SaveCall(ctx, finished))
		audio(t, s, p.ID, "pbx:stray")
		must[*models.Audio](t)(s.BeginAudio(ctx, p.ID, "pbx:broken-off", "mp3"))
		check(t, s.AddRESTRequests(ctx, models.RESTRequest{PortalID: p.ID, At: noon, Method: "app.info"}))
		check(t, s.Remember(ctx, models.RecentCreation{PortalID: p.ID, PhoneKey: "+49301", CallID: finished.ID, Refs: []crm.Ref{}, For: -time.Minute}))
		keepsCalls(t, s)
		now = noon.AddDate(0, 0, 8)
		if _, err := s.Purge(ctx, now.AddDate(0, 0, -6), now.AddDate(0, 0, -7)); err == nil {
			t.Error("the calls are gone")
		}
		left := rows(t, s, p.ID)
		for table, want := range map[string]int{"calls": 1, "recordings": 0, "recording_chunks": 0, "rest_log": 0, "recent_creations": 0} {
			if left[table] != want {
				t.Errorf("%s: %d rows are left, want %d", table, left[table], want)
			}
		}
	})
}

// keepsCalls has the database refuse to remove calls.
func keepsCalls(t *testing.T, s *models.Store) {
	t.Helper()
	refuse := []string{"CREATE TRIGGER kept BEFORE DELETE ON calls BEGIN SELECT RAISE(ABORT, 'kept'); END"}
	if models.Pools(s)[0] != nil {
		refuse = []string{
			"CREATE FUNCTION kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'kept'; END $$",
			"CREATE TRIGGER kept BEFORE DELETE ON calls EXECUTE FUNCTION kept()",
		}
	}
	for _, statement := range refuse {
		check(t, models.SQL(s, t.Context(), statement))
	}
}
