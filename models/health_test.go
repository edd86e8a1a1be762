package models_test

import (
	"fmt"
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
)

// logged makes calls of a kind that began at times after noon.
func logged(t *testing.T, s *models.Store, portalID int64, kind models.CallKind, result models.CallResult, at ...time.Duration) {
	t.Helper()
	for i, d := range at {
		c := must[*models.Call](t)(s.EnsureCall(t.Context(), models.Call{
			PortalID: portalID, Kind: kind, CallKey: fmt.Sprint(kind, ":", d, "/", i), StartedAt: noon.Add(d),
		}))
		switch result {
		case models.ResultFailed:
			c.State = models.CallFailed
		case models.ResultRetrying:
			c.RetryAt = new(noon)
		}
		check(t, s.SaveCall(t.Context(), c))
	}
}

const week = 7 * 24 * time.Hour

func TestVitalsCompareWithTheSameHoursOfTheWeeksBefore(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		s.Now = func() time.Time { return noon }
		p, twin := active(t, s, "one"), active(t, s, "two")
		check(t, s.SetStatus(t.Context(), install(t, s, "gone").ID, models.PortalUninstalled, ""))
		minute := time.Minute
		logged(t, s, p.ID, models.KindPBX, "", -week-minute, -week-2*minute, -week-119*minute, -week-121*minute, -2*week-minute, -4*week-minute, -5*week-minute)
		logged(t, s, p.ID, models.KindClick, "", -minute, -3*week-minute)
		logged(t, s, p.ID, models.KindPBX, models.ResultFailed, -50*minute)
		logged(t, s, p.ID, models.KindPBX, models.ResultRetrying, -40*minute, -61*minute)
		must[*models.Call](t)(s.EnsureCall(t.Context(), models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: "test:1", StartedAt: noon.Add(-minute)}))
		check(t, s.AddToken(t.Context(), p.ID, pair(512, models.TokenSystem, "system")))
		check(t, s.RejectToken(t.Context(), p.ID, 1, "access-1-one", "INVALID_GRANT"))
		want := []models.Vitals{
			{
				PortalID: p.ID, Status: models.PortalActive, Live: 1,
				PBX: models.Pulse{Now: 3, Before: [4]int{3, 1, 0, 1}}, Bitrix24: models.Pulse{Now: 1, Before: [4]int{0, 0, 1, 0}}, Recent: 4, Trouble: 2,
			},
			{PortalID: twin.ID, Status: models.PortalActive, People: 1, Live: 1},
		}
		if diff := cmp.Diff(want, must[[]models.Vitals](t)(s.Vitals(t.Context(), 0))); diff != "" {
			t.Errorf("vitals (-want +got):\n%s", diff)
		}
		if more := must[[]models.Vitals](t)(s.Vitals(t.Context(), twin.ID)); len(more) != 0 {
			t.Errorf("behind the last portal: %+v", more)
		}
		if got := want[0].PBX.Usual(); got != 1 {
			t.Errorf("usually %d calls, want what three of four weeks had", got)
		}
	})
}

func TestACallThatOnlyTheStatisticsHadIsNoSignThatCallsCome(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		s.Now = func() time.Time { return noon }
		ctx, p, twin := t.Context(), active(t, s, "one"), active(t, s, "two")
		for _, portal := range []*models.Portal{p, twin} {
			for _, kind := range []models.CallKind{models.KindBuiltin, models.KindOther, models.KindClick} {
				logged(t, s, portal.ID, kind, "", -time.Minute, -week-time.Minute)
			}
			logged(t, s, portal.ID, models.KindBuiltin, "", -2*time.Minute)
		}
		var calls []models.MissingCall
		for _, kind := range []models.CallKind{models.KindBuiltin, models.KindOther, models.KindClick} {
			calls = append(calls, models.MissingCall{CallKey: fmt.Sprint(kind, ":", -time.Minute, "/0"), Payload: []byte(`{}`), Began: 1, Seen: 1},
				models.MissingCall{CallKey: fmt.Sprint(kind, ":", -week-time.Minute, "/1"), Payload: []byte(`{}`), Began: 1, Seen: 1})
		}
		check(t, s.AddMissing(ctx, p.ID, 9, calls))
		now := func() (now [2]models.Pulse) {
			for i, v := range must[[]models.Vitals](t)(s.Vitals(ctx, 0)) {
				now[i] = v.Bitrix24
			}
			return now
		}
		all := models.Pulse{Now: 4, Before: [4]int{3}}
		if diff := cmp.Diff([2]models.Pulse{all, all}, now()); diff != "" {
			t.Errorf("before they are recovered (-want +got):\n%s", diff)
		}
		for _, m := range must[[]models.MissingCall](t)(s.MissingSince(ctx, p.ID, noon, time.Time{}, 10)) {
			must[bool](t)(s.SetRecovered(ctx, p.ID, m.ID))
		}
		// A click was told of when it was made.
		if diff := cmp.Diff([2]models.Pulse{{Now: 2, Before: [4]int{3}}, all}, now()); diff != "" {
			t.Errorf("once they are (-want +got):\n%s", diff)
		}
		late := fmt.Sprint(models.KindBuiltin, ":", -time.Minute, "/0")
		for i, key := range []string{models.RecoveredPrefix + late, "told late"} {
			add(t, s, p.ID, models.Event{Source: models.SourceBitrix24, EventKey: key, CallKey: late, Type: "END", Payload: []byte(`{}`), HappenedAt: noon})
			if got := now()[0].Now; got != 2+i {
				t.Errorf("%d calls after the event %q", got, key)
			}
		}
	})
}

func TestNowIsNowAlsoInTheHourThatComesTwice(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		now := time.Date(2026, 11, 1, 6, 30, 0, 0, time.UTC) // half past one in New York, again
		s.Now = func() time.Time { return now }
		p := active(t, s, "one")
		must[*models.Portal](t)(s.SaveInstall(t.Context(), models.Install{MemberID: "one", TimeZone: "America/New_York"}))
		logged(t, s, p.ID, models.KindPBX, "", now.Add(-10*time.Minute).Sub(noon))
		if diff := cmp.Diff(models.Pulse{Now: 1}, must[[]models.Vitals](t)(s.Vitals(t.Context(), 0))[0].PBX); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}

func TestTheSameHoursAreThoseOfThePortalsClockAlsoWhenItIsPutBackOrForward(t *testing.T) {
	for _, tt := range []struct{ name, now string }{
		{"on the day after summer time in Europe", "2026-10-26T07:00:00Z"},
		{"two weeks after it, and one after America's", "2026-11-09T07:00:00Z"},
		{"on the day after summer time has begun in Europe", "2026-03-30T07:00:00Z"},
		{"when no clock is changed", "2026-08-24T07:00:00Z"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			modelstest.Each(t, func(t *testing.T, s *models.Store) {
				now := must[time.Time](t)(time.Parse(time.RFC3339, tt.now))
				s.Now = func() time.Time { return now }
				var want []models.Vitals
				for _, name := range []string{"Europe/Berlin", "America/New_York", "Asia/Almaty", "Nowhere/City", "Europe/Vienna"} {
					p := active(t, s, name)
					_ = must[*models.Portal](t)(s.SaveInstall(t.Context(), models.Install{MemberID: name, TimeZone: name}))
					clock := now.In(must[*models.Portal](t)(s.PortalByID(t.Context(), p.ID)).Zone())
					at := func(week, minute int) time.Duration {
						local := time.Date(clock.Year(), clock.Month(), clock.Day()-7*week, clock.Hour(), minute, 0, 0, clock.Location())
						return local.Sub(noon)
					}
					for week := 1; week <= 4; week++ {
						logged(t, s, p.ID, models.KindPBX, "", at(week, -90), at(week, -30))
						logged(t, s, p.ID, models.KindClick, "", at(week, -150), at(week, 30)) // other hours
					}
					want = append(want, models.Vitals{
						PortalID: p.ID, Status: models.PortalActive, People: 1, Live: 1, PBX: models.Pulse{Before: [4]int{2, 2, 2, 2}},
					})
				}
				if diff := cmp.Diff(want, must[[]models.Vitals](t)(s.Vitals(t.Context(), 0))); diff != "" {
					t.Errorf("vitals (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestAnEndThatOnlyTheStatisticsHadIsNotHeard(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx, p := t.Context(), active(t, s, "one")
		for i, key := range []string{"told", models.RecoveredPrefix + "b24:1"} {
			s.Now = func() time.Time { return noon.Add(time.Duration(i) * time.Minute) }
			id := fmt.Sprint(i)
			add(t, s, p.ID, models.Event{Source: models.SourceBitrix24, EventKey: key, CallKey: "b24:" + id, Type: "call.ended", Payload: []byte(`{}`), HappenedAt: noon})
			_ = must[*models.Call](t)(s.EnsureCall(ctx, models.Call{PortalID: p.ID, Kind: models.KindBuiltin, CallKey: "b24:" + id, B24CallID: &id, StartedAt: noon}))
		}
		if diff := cmp.Diff(models.Heard{models.SourceBitrix24: noon}, must[models.Heard](t)(s.Heard(ctx, p.ID))); diff != "" {
			t.Errorf("heard (-want +got):\n%s", diff)
		}
	})
}

func TestWhatTheHealthOfAPortalIsToldBy(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		if heard := must[models.Heard](t)(s.Heard(ctx, p.ID)); len(heard) != 0 {
			t.Errorf("heard of a portal that is silent: %v", heard)
		}
		s.Now = func() time.Time { return noon }
		add(t, s, p.ID, event("1", "pbx:a", 0))
		logged(t, s, p.ID, models.KindClick, "", -time.Hour, -2*time.Hour)
		c := must[*models.Call](t)(s.EnsureCall(ctx, models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: "pbx:a", B24CallID: ptr("x"), StartedAt: noon}))
		s.Now = func() time.Time { return noon.Add(time.Minute) }
		add(t, s, p.ID, models.Event{Source: models.SourceBitrix24, EventKey: "2", CallKey: "b24:x", Type: "call.ended", Payload: []byte(`{}`), HappenedAt: noon})
		add(t, s, twin.ID, event("1", "pbx:a", 0))
		want := models.Heard{models.SourcePBX: noon, models.SourceBitrix24: noon.Add(time.Minute)}
		if diff := cmp.Diff(want, must[models.Heard](t)(s.Heard(ctx, p.ID))); diff != "" {
			t.Errorf("heard (-want +got):\n%s", diff)
		}
		if at := must[time.Time](t)(s.LastCall(ctx, p.ID, models.KindClick)); !at.Equal(noon.Add(-time.Hour)) {
			t.Errorf("last click at %v", at)
		}
		_, err := s.LastCall(ctx, twin.ID, models.KindClick)
		wantErr(t, err, models.ErrNotFound)

		if diff := cmp.Diff(models.PortalBacklog{Events: 2, Oldest: noon}, must[models.PortalBacklog](t)(s.BacklogOf(ctx, p.ID))); diff != "" {
			t.Errorf("backlog (-want +got):\n%s", diff)
		}
		check(t, s.MarkDone(ctx, p.ID, []int64{1, 2, 3}))
		if diff := cmp.Diff(models.PortalBacklog{}, must[models.PortalBacklog](t)(s.BacklogOf(ctx, p.ID))); diff != "" {
			t.Errorf("backlog of a portal where nothing waits (-want +got):\n%s", diff)
		}

		c.State = models.CallFailed
		check(t, s.SaveCall(ctx, c))
		logged(t, s, p.ID, models.KindPBX, models.ResultRetrying, -time.Minute, -week)
		if diff := cmp.Diff(models.Trouble{Failed: 1, Retrying: 1, Attention: 1}, must[models.Trouble](t)(s.Trouble(ctx, p.ID, noon.Add(-time.Hour)))); diff != "" {
			t.Errorf("trouble (-want +got):\n%s", diff)
		}
		if got := must[models.Trouble](t)(s.Trouble(ctx, twin.ID, noon.Add(-time.Hour))); got != (models.Trouble{}) {
			t.Errorf("the other portal's trouble: %+v", got)
		}

		check(t, s.AddRESTRequests(ctx, models.RESTRequest{PortalID: p.ID, At: noon, Method: "app.info", Status: 200, Operating: 1.5}))
		check(t, s.AddRESTRequests(ctx, models.RESTRequest{PortalID: p.ID, At: noon.Add(-time.Hour), Method: "scope"}))
		check(t, s.AddRESTRequests(ctx, models.RESTRequest{PortalID: twin.ID, At: noon, Method: "scope"}))
		requests := must[[]models.RESTRequest](t)(s.RequestsSince(ctx, p.ID, noon.Add(-time.Minute)))
		if diff := cmp.Diff([]models.RESTRequest{{At: noon, Method: "app.info", Status: 200, Operating: 1.5}}, requests); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}

		check(t, s.RejectToken(ctx, p.ID, 1, "access-1-one", "INVALID_GRANT"))
		tokens := must[[]models.Token](t)(s.TokensOf(ctx, p.ID))
		if len(tokens) != 1 || tokens[0].DeadCode != "INVALID_GRANT" || tokens[0].UserID != 1 || tokens[0].AccessToken != "" {
			t.Errorf("tokens = %+v", tokens)
		}
	})
}
