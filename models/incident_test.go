package models_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
)

func TestAnIncidentBeginsOnceHoweverManyNoticeIt(t *testing.T) {
	modelstest.EachAddress(t, func(t *testing.T, address string) {
		s := modelstest.Migrated(t, address)
		p, twin := active(t, s, "one"), active(t, s, "two")
		stores := []*models.Store{s}
		if address[:6] != "sqlite" {
			stores = append(stores, modelstest.Open(t, address))
		}
		var begun atomic.Int32
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				first, err := stores[i%len(stores)].BeginIncident(t.Context(), models.Incident{PortalID: p.ID, Kind: models.IncidentFailures, Seen: i})
				if err != nil {
					t.Error(err)
				}
				if first {
					begun.Add(1)
				}
			})
		}
		all.Wait()
		if n := begun.Load(); n != 1 {
			t.Errorf("it began %d times", n)
		}
		if !must[bool](t)(s.BeginIncident(t.Context(), models.Incident{PortalID: p.ID, Kind: models.IncidentAccess})) ||
			!must[bool](t)(s.BeginIncident(t.Context(), models.Incident{PortalID: twin.ID, Kind: models.IncidentFailures})) {
			t.Error("another kind, or another portal's, does not begin")
		}
		if n := len(must[[]models.Incident](t)(s.Incidents(t.Context(), p.ID))); n != 2 {
			t.Errorf("%d incidents", n)
		}
		if !must[bool](t)(s.EndIncident(t.Context(), p.ID, models.IncidentFailures)) || must[bool](t)(s.EndIncident(t.Context(), p.ID, models.IncidentFailures)) {
			t.Error("it does not end exactly once")
		}
		if n := len(must[[]models.Incident](t)(s.Incidents(t.Context(), twin.ID))); n != 1 {
			t.Errorf("%d incidents of the other portal", n)
		}
		if !must[bool](t)(s.BeginIncident(t.Context(), models.Incident{PortalID: p.ID, Kind: models.IncidentFailures})) {
			t.Error("it does not begin again")
		}
	})
}

func TestNewsAreWhatIsOpenOrEndedLately(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p := active(t, s, "one")
		at := func(d time.Duration) { s.Now = func() time.Time { return noon.Add(d) } }
		at(0)
		must[bool](t)(s.BeginIncident(ctx, models.Incident{PortalID: p.ID, Kind: models.IncidentAccess, Code: "INVALID_GRANT"}))
		at(time.Hour)
		must[bool](t)(s.EndIncident(ctx, p.ID, models.IncidentAccess))
		at(25 * time.Hour)
		must[bool](t)(s.BeginIncident(ctx, models.Incident{PortalID: p.ID, Kind: models.IncidentSilentPBX, Usual: 14}))
		kinds := func(since time.Duration) (all []models.IncidentKind) {
			for _, i := range must[[]models.Incident](t)(s.News(ctx, 0, noon.Add(since))) {
				all = append(all, i.Kind)
			}
			return all
		}
		if diff := cmp.Diff([]models.IncidentKind{models.IncidentSilentPBX}, kinds(2*time.Hour)); diff != "" {
			t.Errorf("news (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]models.IncidentKind{models.IncidentAccess, models.IncidentSilentPBX}, kinds(time.Hour)); diff != "" {
			t.Errorf("older news (-want +got):\n%s", diff)
		}
		i := must[[]models.Incident](t)(s.News(ctx, 0, noon))[0]
		want := models.Incident{ID: i.ID, PortalID: p.ID, Kind: models.IncidentAccess, Code: "INVALID_GRANT", BeganAt: noon, EndedAt: new(noon.Add(time.Hour))}
		if diff := cmp.Diff(want, i); diff != "" {
			t.Errorf("incident (-want +got):\n%s", diff)
		}
		for range 2 {
			check(t, s.AddAlert(ctx, models.Alert{IncidentID: i.ID, PortalID: p.ID, UserID: 1, Reached: true}))
		}
		told := []models.Alert{{IncidentID: i.ID, PortalID: p.ID, UserID: 1, Reached: true, At: noon.Add(25 * time.Hour)}}
		if diff := cmp.Diff(told, must[[]models.Alert](t)(s.Alerts(ctx, p.ID, i.ID))); diff != "" {
			t.Errorf("alerts (-want +got):\n%s", diff)
		}
		if n := len(must[[]models.Alert](t)(s.Alerts(ctx, active(t, s, "two").ID, i.ID))); n != 0 {
			t.Errorf("another portal sees %d alerts", n)
		}
		_, err := s.Purge(ctx, noon.Add(2*time.Hour), noon)
		check(t, err)
		if diff := cmp.Diff([]models.IncidentKind{models.IncidentSilentPBX}, kinds(0)); diff != "" {
			t.Errorf("after the purge (-want +got):\n%s", diff)
		}
	})
}

func TestNewsOfAPortalThatDoesNotAnswerWaitUntilItDoes(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		well, shut := active(t, s, "one"), active(t, s, "two")
		for _, p := range []*models.Portal{shut, well} {
			must[bool](t)(s.BeginIncident(ctx, models.Incident{PortalID: p.ID, Kind: models.IncidentFailures}))
		}
		check(t, s.SetStatus(ctx, shut.ID, models.PortalSuspended, "PAYMENT_REQUIRED"))
		of := func() (portals []int64) {
			for _, i := range must[[]models.Incident](t)(s.News(ctx, 0, noon)) {
				portals = append(portals, i.PortalID)
			}
			return portals
		}
		if diff := cmp.Diff([]int64{well.ID}, of()); diff != "" {
			t.Errorf("while it does not (-want +got):\n%s", diff)
		}
		check(t, s.SetStatus(ctx, shut.ID, models.PortalActive, ""))
		if diff := cmp.Diff([]int64{shut.ID, well.ID}, of()); diff != "" {
			t.Errorf("when it does (-want +got):\n%s", diff)
		}
	})
}
