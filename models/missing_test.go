package models_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
)

// lost is a missing call that began and was seen some time after noon.
func lost(id, phone string, after time.Duration) models.MissingCall {
	at := noon.Add(after).UnixMicro()
	return models.MissingCall{CallKey: "b24:" + id, Payload: json.RawMessage(`{"PHONE_NUMBER":"` + phone + `"}`), Began: at, Seen: at}
}

func missingKeys(t *testing.T, s *models.Store, portalID int64) []string {
	t.Helper()
	var keys []string
	for _, m := range must[[]models.MissingCall](t)(s.MissingSince(t.Context(), portalID, noon.AddDate(1, 0, 0), time.Time{}, 100)) {
		keys = append(keys, m.CallKey)
	}
	return keys
}

func TestCallsOfOurOwnStandBeforeThoseThatWaitForSomebody(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		check(t, s.AddMissing(ctx, p.ID, 9, []models.MissingCall{
			lost("others", "", 0), lost("lines", "", time.Minute), lost("twins", "", 2*time.Minute), lost("late", "", 4*time.Minute), lost("own", "", 3*time.Minute),
		}))
		for id, kind := range map[string]models.CallKind{"lines": models.KindBuiltin, "own": models.KindPBX, "late": models.KindClick} {
			_ = must[*models.Call](t)(s.EnsureCall(ctx, models.Call{PortalID: p.ID, Kind: kind, CallKey: "pbx:" + id, B24CallID: &id}))
		}
		_ = must[*models.Call](t)(s.EnsureCall(ctx, models.Call{PortalID: twin.ID, Kind: models.KindPBX, CallKey: "pbx:twins", B24CallID: new("twins")}))
		if diff := cmp.Diff([]string{"b24:own", "b24:late", "b24:others", "b24:lines", "b24:twins"}, missingKeys(t, s, p.ID)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestGapsArePartedByAnHourAndTellWhatIsMissingAndWhatIsFilled(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		s.Now = func() time.Time { return noon.Add(5 * time.Hour) }
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		check(t, s.AddMissing(ctx, p.ID, 9, []models.MissingCall{
			lost("1", "", 0), lost("2", "", 50*time.Minute), lost("3", "", 100*time.Minute), lost("4", "", 3*time.Hour), lost("5", "", 4*time.Hour+time.Minute),
		}))
		check(t, s.AddMissing(ctx, p.ID, 9, []models.MissingCall{lost("1", "", time.Hour)})) // again
		check(t, s.AddMissing(ctx, twin.ID, 3, []models.MissingCall{lost("1", "", time.Hour)}))
		rows := must[[]models.MissingCall](t)(s.MissingSince(ctx, p.ID, noon.Add(3*time.Hour), time.Time{}, 10))
		for _, m := range []models.MissingCall{rows[0], rows[3]} {
			for _, want := range []bool{true, false} {
				if fresh := must[bool](t)(s.SetRecovered(ctx, p.ID, m.ID)); fresh != want {
					t.Errorf("%s is taken up: %v, want %v", m.CallKey, fresh, want)
				}
			}
		}
		at := func(after time.Duration) time.Time { return noon.Add(after).UTC() }
		for _, tt := range []struct {
			name         string
			since, until time.Time
			want         []models.Gap
		}{
			{"all", noon, noon.Add(5 * time.Hour), []models.Gap{
				{From: at(4*time.Hour + time.Minute), To: at(4*time.Hour + time.Minute), Missing: 1, Waits: at(4*time.Hour + time.Minute)},
				{From: at(3 * time.Hour), To: at(3 * time.Hour), Recovered: 1},
				{From: at(0), To: at(100 * time.Minute), Missing: 2, Waits: at(50 * time.Minute), Recovered: 1},
			}},
			{"what was filled long ago is not told", noon.Add(6 * time.Hour), noon.Add(5 * time.Hour), []models.Gap{
				{From: at(4*time.Hour + time.Minute), To: at(4*time.Hour + time.Minute), Missing: 1, Waits: at(4*time.Hour + time.Minute)},
				{From: at(50 * time.Minute), To: at(100 * time.Minute), Missing: 2, Waits: at(50 * time.Minute)},
			}},
			{"what may still come is not told", noon.Add(6 * time.Hour), noon.Add(time.Hour), []models.Gap{
				{From: at(50 * time.Minute), To: at(50 * time.Minute), Missing: 1, Waits: at(50 * time.Minute)},
			}},
		} {
			if diff := cmp.Diff(tt.want, must[[]models.Gap](t)(s.Gaps(ctx, p.ID, tt.since, tt.until))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.name, diff)
			}
		}
		check(t, s.StopReconciling(ctx, p.ID))
		_, err := s.Reconciled(ctx, p.ID)
		wantErr(t, err, models.ErrNotFound)
		if got := missingKeys(t, s, p.ID); got != nil {
			t.Errorf("%v are still missing", got)
		}
		if last := must[int64](t)(s.Reconciled(ctx, twin.ID)); last != 3 || !cmp.Equal([]string{"b24:1"}, missingKeys(t, s, twin.ID)) {
			t.Errorf("the other portal stands at %d", last)
		}
	})
}

func TestManyFilledGapsHideNoneThatIsOpen(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		s.Now = func() time.Time { return noon.AddDate(0, 0, 1) }
		ctx, p := t.Context(), active(t, s, "one")
		calls := []models.MissingCall{lost("open", "", 0)}
		for i := range 12 {
			calls = append(calls, lost(fmt.Sprint(i), "", time.Duration(2+2*i)*time.Hour))
		}
		check(t, s.AddMissing(ctx, p.ID, 9, calls))
		for _, m := range must[[]models.MissingCall](t)(s.MissingSince(ctx, p.ID, noon.AddDate(0, 0, 2), time.Time{}, 20))[1:] {
			_ = must[bool](t)(s.SetRecovered(ctx, p.ID, m.ID))
		}
		gaps := must[[]models.Gap](t)(s.Gaps(ctx, p.ID, noon, noon.AddDate(0, 0, 2)))
		if diff := cmp.Diff(models.Gap{From: noon, To: noon, Missing: 1, Waits: noon}, gaps[len(gaps)-1]); diff != "" || len(gaps) != 10 {
			t.Errorf("the oldest of %d gaps (-want +got):\n%s", len(gaps), diff)
		}
	})
}

func TestTheCallsOfAllGapsAreCountedHoweverManyTheyAre(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		s.Now = func() time.Time { return noon.AddDate(0, 0, 1) }
		ctx, p, twin := t.Context(), active(t, s, "one"), active(t, s, "two")
		var calls []models.MissingCall
		for i := range 24 {
			calls = append(calls, lost(fmt.Sprint(i), "", time.Duration(2*i)*time.Hour))
		}
		check(t, s.AddMissing(ctx, p.ID, 9, calls))
		check(t, s.AddMissing(ctx, twin.ID, 9, []models.MissingCall{lost("1", "", 0)}))
		for _, m := range must[[]models.MissingCall](t)(s.MissingSince(ctx, p.ID, noon.AddDate(0, 0, 3), time.Time{}, 11)) {
			_ = must[bool](t)(s.SetRecovered(ctx, p.ID, m.ID))
		}
		last := noon.Add(46 * time.Hour)
		for _, tt := range []struct {
			name         string
			since, until time.Time
			want         models.Gap
		}{
			{"all", noon, last, models.Gap{From: noon, To: last, Missing: 13, Waits: noon.Add(22 * time.Hour), Recovered: 11}},
			{"what was filled long ago is not counted", noon.AddDate(0, 0, 1), last, models.Gap{From: noon.Add(22 * time.Hour), To: last, Missing: 13, Waits: noon.Add(22 * time.Hour)}},
			{"what may still come is not counted", noon, noon, models.Gap{From: noon, To: noon.Add(20 * time.Hour), Recovered: 11}},
			{"nothing", noon.AddDate(0, 0, 1), noon, models.Gap{}},
		} {
			if diff := cmp.Diff(tt.want, must[models.Gap](t)(s.AllGaps(ctx, p.ID, tt.since, tt.until))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.name, diff)
			}
		}
	})
}

func TestWhatWaitsForSomebodyHidesNoNewerMissingCall(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx, p := t.Context(), active(t, s, "one")
		own := "own"
		_ = must[*models.Call](t)(s.EnsureCall(ctx, models.Call{PortalID: p.ID, Kind: models.KindClick, CallKey: "b24:own", B24CallID: &own, StartedAt: noon}))
		check(t, s.AddMissing(ctx, p.ID, 9, []models.MissingCall{
			lost("old", "", -time.Hour), lost("older", "", -2*time.Hour), lost("later", "", 2*time.Hour), lost("new", "", time.Hour), lost("own", "", 3*time.Hour),
		}))
		var got []string
		for _, m := range must[[]models.MissingCall](t)(s.MissingSince(ctx, p.ID, noon.Add(3*time.Hour), noon, 3)) {
			got = append(got, m.CallKey)
		}
		if diff := cmp.Diff([]string{"b24:own", "b24:new", "b24:later"}, got); diff != "" {
			t.Errorf("missing (-want +got):\n%s", diff)
		}
	})
}

func TestWhatIsNotMissingAfterAllIsForgotten(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		for _, tt := range []struct {
			builtin, external bool
			want              []string
		}{
			{true, true, []string{"b24:line", "b24:own", "b24:made", "b24:rang", "b24:externalCall.1"}},
			{true, false, []string{"b24:line", "b24:own", "b24:made", "b24:rang"}},
			{false, true, []string{"b24:own", "b24:externalCall.1"}},
			{false, false, []string{"b24:own"}},
		} {
			p, twin := active(t, s, fmt.Sprint(tt)), active(t, s, fmt.Sprint("twin of ", tt))
			for _, portal := range []*models.Portal{p, twin} {
				check(t, s.AddMissing(ctx, portal.ID, 9, []models.MissingCall{
					lost("line", "", 0), lost("told", "", time.Minute), lost("own", "", 2*time.Minute), lost("made", "", 3*time.Minute),
					lost("rang", "", 4*time.Minute), lost("externalCall.1", "", 5*time.Minute),
				}))
			}
			_ = must[*models.Call](t)(s.EnsureCall(ctx, models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: "pbx:own", B24CallID: new("own")}))
			for _, e := range []models.Event{
				{CallKey: "b24:told", Type: "END", EventKey: "1"}, {CallKey: "b24:own", Type: "END", EventKey: "2"},
				{CallKey: "b24:made", Type: "END", EventKey: models.RecoveredPrefix + "b24:made"}, {CallKey: "b24:rang", Type: "INIT", EventKey: "3"},
			} {
				e.Source, e.HappenedAt, e.Payload = models.SourceBitrix24, noon, json.RawMessage("{}")
				_, _, err := s.AddEvents(ctx, p.ID, []models.Event{e})
				check(t, err)
			}
			for range 2 {
				check(t, s.SiftMissing(ctx, p.ID, "END", tt.builtin, tt.external))
			}
			got := missingKeys(t, s, p.ID)
			slices.Sort(got)
			slices.Sort(tt.want)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("builtin %v, external %v: missing (-want +got):\n%s", tt.builtin, tt.external, diff)
			}
			if n := len(missingKeys(t, s, twin.ID)); n != 6 {
				t.Errorf("%d are missing in the other portal", n)
			}
		}
	})
}

func TestStatisticsThatCannotBeReadAreRememberedFromTheFirstTimeOn(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx, now := t.Context(), noon
		s.Now = func() time.Time { return now }
		p, twin := active(t, s, "one"), active(t, s, "two")
		unread := func(portalID int64, since time.Time, code string) {
			t.Helper()
			at, why, err := s.Unread(ctx, portalID)
			check(t, err)
			if !at.Equal(since) || why != code {
				t.Errorf("since %v, %s", at, why)
			}
		}
		check(t, s.SetUnread(ctx, p.ID, "PORTAL_UNREACHABLE"))
		now = noon.Add(time.Hour)
		check(t, s.SetUnread(ctx, p.ID, "ACCESS_DENIED"))
		check(t, s.SetUnread(ctx, twin.ID, "OVERLOAD_LIMIT"))
		unread(p.ID, noon, "ACCESS_DENIED")
		for _, again := range []func(context.Context, int64) error{s.SetRead, s.StopReconciling} {
			check(t, s.SetUnread(ctx, p.ID, "ACCESS_DENIED"))
			check(t, again(ctx, p.ID))
			_, _, err := s.Unread(ctx, p.ID)
			wantErr(t, err, models.ErrNotFound)
		}
		unread(twin.ID, now, "OVERLOAD_LIMIT")
		check(t, s.SetStatus(ctx, p.ID, models.PortalSuspended, "PAYMENT_REQUIRED"))
		check(t, s.SetUnread(ctx, p.ID, "PAYMENT_REQUIRED"))
		_, _, err := s.Unread(ctx, p.ID)
		wantErr(t, err, models.ErrNotFound)
	})
}

func TestMissingCallsArePurgedAsEventsAre(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		now := noon.Add(4 * 24 * time.Hour)
		s.Now = func() time.Time { return now }
		ctx := t.Context()
		p := active(t, s, "one")
		var many []models.MissingCall
		for i := range models.PurgeBatch + 1 {
			many = append(many, lost(strings.Repeat("x", i%7)+time.Duration(i).String(), "", 0))
		}
		check(t, s.AddMissing(ctx, p.ID, 9, append(many, lost("new", "", 10*24*time.Hour))))
		must[models.Purged](t)(s.Purge(ctx, now.Add(-24*time.Hour), now))
		if n := rows(t, s, p.ID)["missing_calls"]; n != len(many)+1 {
			t.Errorf("after four days %d", n)
		}
		now = noon.Add(6 * 24 * time.Hour)
		must[models.Purged](t)(s.Purge(ctx, now.Add(-24*time.Hour), now))
		if diff := cmp.Diff([]string{"b24:new"}, missingKeys(t, s, p.ID)); diff != "" {
			t.Errorf("after six days (-want +got):\n%s", diff)
		}
	})
}

func TestAnErasedNumberIsNotRecovered(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		for _, portal := range []*models.Portal{p, twin} {
			check(t, s.AddMissing(ctx, portal.ID, 9, []models.MissingCall{lost("1", "+49301234567", 0), lost("2", "+49307654321", 0)}))
		}
		e := erasing(t, s, p, "+49301234567")
		look(t, s, e)
		if e.Mentions != 1 || e.Waiting {
			t.Errorf("%d mentions, waiting %v", e.Mentions, e.Waiting)
		}
		if diff := cmp.Diff([]string{"b24:2"}, missingKeys(t, s, p.ID)); diff != "" {
			t.Errorf("missing (-want +got):\n%s", diff)
		}
		if n := len(missingKeys(t, s, twin.ID)); n != 2 {
			t.Errorf("%d are missing in the other portal", n)
		}
	})
}

func TestAnErasedCallCountsAsTold(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx, now := t.Context(), noon
		s.Now = func() time.Time { return now }
		p, twin := active(t, s, "one"), active(t, s, "two")
		c := ofNumber(t, s, p.ID, "a", "+4930901820")
		c.B24CallID = ptr("A.1")
		check(t, s.SaveCall(ctx, c))
		told := func(portal *models.Portal, key string, want bool) {
			t.Helper()
			if got := must[bool](t)(s.Told(ctx, portal.ID, key, "END")); got != want {
				t.Errorf("%s of %s counts as told: %v", key, portal.MemberID, got)
			}
		}
		told(p, "b24:A.1", false)
		check(t, s.EraseCall(ctx, erasing(t, s, p, "+4930901820"), c.ID))
		told(p, "b24:A.1", true)
		told(p, "b24:A.2", false)
		told(twin, "b24:A.1", false)
		now = now.Add(31 * 24 * time.Hour)
		told(p, "b24:A.1", false)
	})
}
