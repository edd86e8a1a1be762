package main

import (
	"log/slog"
	"sync"
	"testing"

	"callwise/app/b24"
)

// TestTwoProcessesTogetherStayBelowThePortalsLimit sends more at once than the
// bucket of the portal holds, and less than two processes would each for itself.
func TestTwoProcessesTogetherStayBelowThePortalsLimit(t *testing.T) {
	t.Parallel()
	r := newRig(t, postgreSQL(t), classic)
	other, err := openHouse(t.Context(), r.config, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := other.store.Close(); err != nil {
			t.Error(err)
		}
	})
	portal := r.stored()
	clients := []*b24.Client{r.house.flow.Client(portal), other.flow.Client(portal)}
	var all sync.WaitGroup
	for i := range 44 {
		all.Go(func() {
			if err := clients[i%2].Call(t.Context(), "app.info", nil, nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, request := range r.sim.Requests() {
		if request.Code != "" {
			t.Errorf("%s was refused: %s", request.Method, request.Code)
		}
	}
}
