package callflow

import (
	"context"
	"errors"
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

// Our own house is what took too long otherwise.
func TestAPortalThatTookAllTheTimeOfARoundIsWhatFailed(t *testing.T) {
	hung := &b24.Failure{Method: "m", Sent: true, Err: context.DeadlineExceeded}
	for _, tt := range []struct {
		name   string
		failed error
		code   string // "" if our own house has failed
	}{
		{"a portal", hung, CodeUnreachable},
		{"a portal, twice", errors.Join(hung, hung), CodeUnreachable},
		{"our database as well", errors.Join(hung, errors.New("database")), ""},
		{"nothing has failed", nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			modelstest.Each(t, func(t *testing.T, s *models.Store) {
				portal, id := installed(t, s), "1"
				taken, err := s.TakeNewCall(t.Context(), models.Call{PortalID: portal.ID, Kind: models.KindPBX, CallKey: "pbx:1", PBXCallID: &id}, "worker", time.Minute)
				if err != nil {
					t.Fatal(err)
				}
				w := &work{Flow: &Flow{Store: s, Now: time.Now, Lease: time.Minute}, portal: portal, row: taken.Call, was: models.CallOpen}
				w.did("register", CodeUnreachable)
				over, cancel := context.WithDeadline(t.Context(), time.Now())
				defer cancel()
				err = w.settle(over, tt.failed)
				if ours := broken(over, err); ours != (tt.code == "") {
					t.Errorf("%v: our own house's %t", err, ours)
				}
				row, err := s.CallByID(t.Context(), portal.ID, taken.Call.ID)
				if err != nil {
					t.Fatal(err)
				}
				if kept := tt.code != ""; row.ErrorCode != tt.code || kept != (row.RetryAt != nil) || kept != (len(row.Progress.Steps) == 1) {
					t.Errorf("%q, again at %v, steps %v", row.ErrorCode, row.RetryAt, row.Progress.Steps)
				}
			})
		})
	}
}
