package callflow

import (
	"testing"

	"callwise/models"
	"callwise/models/modelstest"
)

func TestOnlyAKnownCallWaitsForRoom(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		portal, id := installed(t, s), "known"
		if _, err := s.EnsureCall(t.Context(), models.Call{PortalID: portal.ID, Kind: models.KindPBX, CallKey: "pbx:" + id, PBXCallID: &id}); err != nil {
			t.Fatal(err)
		}
		f := Flow{Store: s, Room: NewRoom(0)}
		for i, key := range []string{"pbx:new", "pbx:" + id} {
			ctx, seat := f.Room.withSeat(t.Context())
			if _, _, err := f.locate(ctx, seat, portal.ID, key); err != nil {
				t.Fatal(err)
			}
			if working, waited := f.Room.Working(), f.Room.Waited(); working != i+1 || waited != i {
				t.Errorf("%s: %d at work, %d had to wait", key, working, waited)
			}
		}
	})
}
