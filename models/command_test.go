package models_test

import (
	"context"
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
	"github.com/riverqueue/river"
	"gorm.io/gorm"
)

// otherArgs are a job of another kind that names a call as well.
type otherArgs struct {
	CallID int64 `json:"call_id"`
}

func (otherArgs) Kind() string { return "other" }

// idle works no job.
func idle[T river.JobArgs](context.Context, *river.Job[T]) error { return nil }

// took makes the job of a call look as if a worker had taken it that long ago, after
// so many tries.
func took(tx *gorm.DB, callID int64, ago time.Duration, tries int) error {
	at := "now() - ? * interval '1 second'"
	if tx.Name() == "sqlite" {
		at = "datetime('now', 'subsec', '-' || ? || ' seconds')"
	}
	return tx.Exec("UPDATE river_job SET state = 'running', attempted_at = "+at+", attempt = ? WHERE CAST(args ->> 'call_id' AS bigint) = ?",
		ago.Seconds(), tries, callID).Error
}

func TestCommandsAreFreedWhoseProcessDied(t *testing.T) {
	const lease = time.Minute
	tests := []struct {
		name  string
		ago   time.Duration // that the job was taken
		tries int
		lease time.Duration // how long it lasts still, if it was taken
		other bool          // another kind of job
		want  string
	}{
		{name: "died before it took the lease", ago: 2 * time.Minute, tries: 1, want: "available"},
		{name: "may be about to take the lease", ago: 30 * time.Second, tries: 1, want: "running"},
		{name: "has the lease", ago: 2 * time.Minute, tries: 1, lease: 90 * time.Second, want: "running"},
		{name: "died with the lease", ago: 2 * time.Minute, tries: 1, lease: -time.Second, want: "available"},
		{name: "had it on a clock that was ahead", ago: 2 * time.Minute, tries: 1, lease: time.Hour, want: "available"},
		{name: "died as all before it", ago: 2 * time.Minute, tries: 25, want: "running"},
		{name: "died at other work", ago: 2 * time.Minute, tries: 1, other: true, want: "running"},
	}
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx, workers := t.Context(), river.NewWorkers()
		river.AddWorker(workers, river.WorkFunc(idle[models.TellArgs]))
		river.AddWorker(workers, river.WorkFunc(idle[otherArgs]))
		queue := must[*models.Queue](t)(models.NewQueue(s, workers, models.QueueConfig{MaxWorkers: 1}))
		want := map[string]string{}
		for i, tt := range tests {
			id := int64(i + 1)
			var args river.JobArgs = models.TellArgs{PortalID: 1, CallID: id}
			if tt.other {
				args = otherArgs{id}
			}
			check(t, queue.Enqueue(ctx, nil, args, nil))
			check(t, s.Transaction(ctx, func(tx *gorm.DB) error { return took(tx, id, tt.ago, tt.tries) }))
			if tt.lease != 0 {
				must[bool](t)(s.Acquire(ctx, models.CommandLease(id), "somebody", tt.lease))
			}
			want[tt.name] = tt.want
		}

		check(t, s.FreeCommands(ctx, lease))
		var states []string
		check(t, s.Transaction(ctx, func(tx *gorm.DB) error {
			return tx.Raw("SELECT state FROM river_job ORDER BY id").Scan(&states).Error
		}))
		got := map[string]string{}
		for i, state := range states {
			got[tests[i].name] = state
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("states of the jobs whose worker (-want +got):\n%s", diff)
		}
	})
}
