package callflow

import (
	"testing"
	"time"

	"callwise/app/b24"
	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
)

func TestACallIsPutOffForNoLongerThanItIsTried(t *testing.T) {
	const year = 365 * 24 * time.Hour
	now := time.Now().UTC().Truncate(time.Microsecond)
	for _, tt := range []struct {
		name         string
		since, retry time.Duration // from now
	}{
		{"what has just failed for the first time", 0, GiveUpAfter},
		{"what has an hour left", time.Hour - GiveUpAfter, time.Hour},
		{"what failed by a clock that was ahead", year, GiveUpAfter},
	} {
		t.Run(tt.name, func(t *testing.T) {
			modelstest.Each(t, func(t *testing.T, s *models.Store) {
				ctx, portal, id, since := t.Context(), installed(t, s), "1", now.Add(tt.since)
				taken, err := s.TakeNewCall(ctx, models.Call{PortalID: portal.ID, Kind: models.KindPBX, CallKey: "pbx:1", PBXCallID: &id}, "worker", time.Minute)
				if err != nil {
					t.Fatal(err)
				}
				f := &Flow{Store: s, Now: func() time.Time { return now }, Lease: time.Minute}
				w := &work{Flow: f, portal: portal, row: taken.Call, was: models.CallOpen}
				w.row.FailingSince = &since
				err = w.failed(ctx, &b24.Error{Method: "m", Code: b24.OperationTimeLimit, Wait: year})
				if wait, passes := Wait(err); !passes || wait != tt.retry {
					t.Errorf("%v, %v, %v", err, wait, passes)
				}
				row, err := s.CallByID(ctx, portal.ID, taken.Call.ID)
				if err != nil {
					t.Fatal(err)
				}
				want := []time.Time{now.Add(min(tt.since, 0)), now.Add(tt.retry)}
				if diff := cmp.Diff(want, []time.Time{*row.FailingSince, *row.RetryAt}); diff != "" {
					t.Errorf("failing since, and to be repeated at (-want +got):\n%s", diff)
				}
			})
		})
	}
}
