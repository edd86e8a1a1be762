package jobs

import (
	"context"
	"time"

	"github.com/riverqueue/river"
)

// watchArgs has all portals looked at: what begins to go wrong, and what is over.
type watchArgs struct{}

// Kind is River's name for the job.
func (watchArgs) Kind() string { return "watch" }

type watchWorker struct {
	river.WorkerDefaults[watchArgs]
	house House
}

// Timeout is long: portals that answer slowly are told of incidents too. A run
// that is still at work does no harm to the next.
func (w *watchWorker) Timeout(*river.Job[watchArgs]) time.Duration { return 15 * time.Minute }

// Work looks at all portals.
func (w *watchWorker) Work(ctx context.Context, _ *river.Job[watchArgs]) error {
	return w.house.Flow.Watch(ctx)
}
