package callflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"callwise/app/b24"
	"callwise/models"
	"callwise/models/modelstest"
)

func TestAnErrorIsThePortalsIfNothingOfOurOwnIsAmongIt(t *testing.T) {
	down, own, waits := &b24.Error{Method: "app.info", Status: 503, Code: "OVERLOAD_LIMIT"}, errors.New("database"), &Later{Err: errLeg}
	for _, tt := range []struct {
		name string
		err  error
		want bool
	}{
		{"the portal's", down, true},
		{"our own", own, false},
		{"what waits", waits, false},
		{"two of the portal", errors.Join(down, down), true},
		{"the portal's and our own", errors.Join(down, own), false},
		{"our own, joined deeper", errors.Join(down, errors.Join(down, own)), false},
		{"the portal's, while something waits", errors.Join(down, waits), true},
		{"what waits, joined", errors.Join(waits, nil), false},
		{"our own, while something waits", errors.Join(waits, own), false},
	} {
		if got := isPortals(tt.err); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestWhatIsBrokenOffForAllPortalsGoesOnWithThoseThatWereLeft(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		const portals = 250 // more than are read at a time
		for i := range portals {
			if _, err := s.SaveInstall(t.Context(), models.Install{MemberID: fmt.Sprint("p", i), ApplicationToken: "secret"}); err != nil {
				t.Fatal(err)
			}
		}
		f := &Flow{Store: s}
		var after atomic.Int64
		var mu sync.Mutex
		look := func(until int, slow int64) (seen []int64, err error) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			err = f.eachPortalAfter(ctx, &after, func(ctx context.Context, portal *models.Portal) {
				if portal.ID == slow {
					<-ctx.Done()
					return
				}
				mu.Lock()
				defer mu.Unlock()
				if seen = append(seen, portal.ID); len(seen) == until {
					cancel()
				}
			})
			slices.Sort(seen)
			return seen, err
		}
		all, err := look(0, 0)
		if err != nil || len(all) != portals {
			t.Fatalf("%d portals: %v", len(all), err)
		}
		for _, slow := range []int{5, 120} {
			if _, err := look(portals-1, all[slow]); !errors.Is(err, context.Canceled) {
				t.Errorf("broken off: %v", err)
			}
			// A portal whose work ended as the look was broken off may be looked at again.
			rest, err := look(0, 0)
			if err != nil || len(rest) < portals-slow || len(rest) == portals || !slices.Equal(rest, all[portals-len(rest):]) {
				t.Errorf("goes on with %d portals instead of %d: %v", len(rest), portals-slow, err)
			}
		}
		if anew, err := look(0, 0); err != nil || len(anew) != portals {
			t.Errorf("then begins anew with %d portals: %v", len(anew), err)
		}
	})
}
