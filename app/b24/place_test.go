package b24

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

var errBroken = errors.New("database broken")

// fill takes all places of this process, those of prompt requests as well.
func fill(d *desk) {
	p := d.app.portal(acme)
	p.limiter.ReserveN(noon, burst)
	p.limiter.ReserveN(noon, burst)
	p.spare.ReserveN(noon, spareBurst)
}

func TestEachRequestThatIsSentTakesOnePlaceInTheSharedBucket(t *testing.T) {
	for _, tt := range []struct {
		name    string
		answers []string
		given   func(*desk)
		options []Option
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
		{name: "with a pair that cannot be renewed", answers: []string{`400 {"error":"invalid_grant"}`}, given: func(d *desk) {
			d.keeper.tokens[0].Expiry = noon.Add(-time.Hour)
		}, call: ErrNeedsAuth},
		{name: "when our own bucket is full", answers: []string{yes}, given: fill, places: 1},
		{name: "that somebody waits for, then", answers: []string{yes}, given: fill, options: []Option{Prompt()}, call: QueryLimitExceeded},
		{name: "that somebody waits for, if a spare place cannot be taken", answers: []string{yes}, given: func(d *desk) {
			d.keeper.ahead, d.keeper.noSpare = time.Second, errBroken
		}, options: []Option{Prompt()}, call: errBroken},
		{name: "broken off before its turn", answers: []string{yes}, given: func(d *desk) {
			d.keeper.ahead = time.Second
			d.app.Sleep = func(context.Context, time.Duration) error { return context.Canceled }
		}, call: context.Canceled},
		{name: "when the shared bucket is full", answers: []string{yes}, given: func(d *desk) { d.keeper.ahead = longest + time.Second }, call: QueryLimitExceeded},
		{name: "when it is nearly", answers: []string{yes}, given: func(d *desk) { d.keeper.ahead = longest }, places: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, _ := scripted(t, tt.answers...)
			if tt.given != nil {
				tt.given(d)
			}
			if err := d.Call(t.Context(), "m", nil, nil, tt.options...); !errors.Is(err, tt.call) || d.keeper.places != tt.places {
				t.Errorf("%v and %d places, want %v and %d", err, d.keeper.places, tt.call, tt.places)
			}
		})
	}
}

func TestAPlaceFromBeforeARenewalIsNotWaitedFor(t *testing.T) {
	for name, renewed := range map[string]string{"renewed": renewedPair, "dead, so the next pair is used": `400 {"error":"invalid_grant"}`} {
		t.Run(name, func(t *testing.T) {
			p := &portalWithTokens{byToken: map[string]string{"access-2": yes, "access-s": yes}, renewed: renewed}
			var d *desk
			d = serve(t, func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, "/oauth/") {
					d.keeper.empty()
				}
				p.ServeHTTP(w, r)
			})
			d.keeper.tokens = []Token{pair(1, "access-1", InstallerToken), pair(2, "access-s", SystemToken)}
			d.keeper.tokens[0].Expiry = noon.Add(-time.Hour)
			d.keeper.ahead = longest
			if err := d.Call(t.Context(), "m", nil, nil); err != nil {
				t.Fatal(err)
			}
			if len(d.clock.slept) != 0 || d.keeper.places != 1 {
				t.Errorf("slept %v, %d places", d.clock.slept, d.keeper.places)
			}
		})
	}
}
