package b24

import (
	"errors"
	"testing"
	"time"
)

func TestEachRequestThatIsSentTakesOnePlaceInTheSharedBucket(t *testing.T) {
	for _, tt := range []struct {
		name    string
		answers []string
		given   func(*desk)
		call    error
		places  int
	}{
		{name: "answered", answers: []string{yes}, places: 1},
		{name: "sent twice", answers: []string{`503 {"error":"QUERY_LIMIT_EXCEEDED"}`, yes}, places: 2},
		{name: "without a pair of tokens", answers: []string{yes}, given: func(d *desk) { d.keeper.tokens = nil }, call: ErrNeedsAuth},
		{name: "to an address that is none", answers: []string{yes}, given: func(d *desk) { d.keeper.portal.Endpoint = "http://example.com/rest/" }, call: ErrEndpoint},
		{name: "by a method that pauses", answers: []string{yes}, given: func(d *desk) {
			d.app.portal(acme).budgets["m"] = budget{paused: noon.Add(time.Hour)}
		}, call: OperationTimeLimit},
		{name: "when our own bucket is full", answers: []string{yes}, given: func(d *desk) {
			d.app.portal(acme).limiter.ReserveN(noon, burst)
			d.app.portal(acme).limiter.ReserveN(noon, burst)
		}, places: 1},
		{name: "when the shared bucket is full", answers: []string{yes}, given: func(d *desk) { d.keeper.ahead = longest + time.Second }, call: QueryLimitExceeded},
		{name: "when it is nearly", answers: []string{yes}, given: func(d *desk) { d.keeper.ahead = longest }, places: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, _ := scripted(t, tt.answers...)
			if tt.given != nil {
				tt.given(d)
			}
			if err := d.Call(t.Context(), "m", nil, nil); !errors.Is(err, tt.call) || d.keeper.places != tt.places {
				t.Errorf("%v and %d places, want %v and %d", err, d.keeper.places, tt.call, tt.places)
			}
		})
	}
}
