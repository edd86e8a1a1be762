package models_test

import (
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
)

func TestTheBacklogTellsWhatWaitsFromWhatIsRepeated(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		now := noon
		s.Now = func() time.Time { return now }
		ctx := t.Context()
		none := must[models.Backlog](t)(s.Backlog(ctx))
		if diff := cmp.Diff(models.Backlog{Portals: map[models.PortalStatus]int64{}}, none); diff != "" {
			t.Errorf("with nothing (-want +got):\n%s", diff)
		}
		one, two := active(t, s, "one"), active(t, s, "two")
		check(t, s.SetStatus(ctx, two.ID, models.PortalSuspended, "PAYMENT_REQUIRED"))
		add(t, s, one.ID, event("1", "pbx:p-1", 0))
		repeated := ensure(t, s, one.ID, "pbx:p-1")
		id, later := "p-1", noon.Add(time.Hour)
		repeated.PBXCallID, repeated.RetryAt = &id, &later
		check(t, s.SaveCall(ctx, repeated))
		now = noon.Add(time.Second)
		add(t, s, one.ID, event("2", "pbx:p-2", 0))
		add(t, s, two.ID, event("2", "pbx:p-1", 0)) // another portal's call of that name
		failed := ensure(t, s, two.ID, "pbx:p-3")
		failed.State = models.CallFailed
		check(t, s.SaveCall(ctx, failed))
		check(t, s.Wake(ctx, []models.CallArgs{{PortalID: one.ID, CallKey: "pbx:p-2"}}))
		now = noon.Add(time.Minute)
		want := models.Backlog{
			Events: 2, Oldest: 59 * time.Second, Jobs: 1, Retrying: 1, Attention: 1,
			Portals: map[models.PortalStatus]int64{models.PortalActive: 1, models.PortalSuspended: 1},
		}
		if diff := cmp.Diff(want, must[models.Backlog](t)(s.Backlog(ctx))); diff != "" {
			t.Errorf("backlog (-want +got):\n%s", diff)
		}
	})
}

func TestTheBacklogTellsOfMissingCallsFromWhenTheirEventsAreNotOnlyLateForAnHour(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx, one, two := t.Context(), active(t, s, "one"), active(t, s, "two")
		check(t, s.AddMissing(ctx, one.ID, 9, []models.MissingCall{lost("1", "", 0), lost("2", "", 0), lost("late", "", time.Hour)}))
		check(t, s.AddMissing(ctx, two.ID, 9, []models.MissingCall{lost("1", "", 0), lost("2", "", 0)}))
		recovered := must[[]models.MissingCall](t)(s.MissingSince(ctx, one.ID, noon, time.Time{}, 1))[0]
		must[bool](t)(s.SetRecovered(ctx, one.ID, recovered.ID))
		for _, tt := range []struct {
			after time.Duration
			want  int64
		}{{20*time.Minute - 1000, 0}, {20 * time.Minute, 3}, {79 * time.Minute, 3}, {80 * time.Minute, 1}, {140 * time.Minute, 0}} {
			s.Now = func() time.Time { return noon.Add(tt.after) }
			if got := must[models.Backlog](t)(s.Backlog(ctx)).Missing; got != tt.want {
				t.Errorf("%d are missing after %v, want %d", got, tt.after, tt.want)
			}
		}
	})
}

func TestWhatOnePortalHasToBeRepeatedHidesNothingThatWaitsInAnother(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		now := noon
		s.Now = func() time.Time { return now }
		backlog{portals: 1, events: models.MostCounted + 4000, repeated: true}.fill(t, s)
		add(t, s, active(t, s, "two").ID, event("1", "pbx:p-1", 0))
		now = noon.Add(time.Minute)
		want := models.Backlog{
			Events: 1, Oldest: time.Minute, Retrying: (models.MostCounted + 4000) / 4,
			Portals: map[models.PortalStatus]int64{models.PortalActive: 2},
		}
		if diff := cmp.Diff(want, must[models.Backlog](t)(s.Backlog(t.Context()))); diff != "" {
			t.Errorf("backlog (-want +got):\n%s", diff)
		}
	})
}
