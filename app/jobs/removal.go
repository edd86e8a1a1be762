package jobs

import (
	"context"
	"fmt"

	"callwise/models"

	"github.com/riverqueue/river"
)

// removalWorker finds out whether the app was removed from a portal. It has
// turns of its own: upkeep that the portal does not answer must not hold it up.
type removalWorker struct {
	river.WorkerDefaults[models.RemovalArgs]
	house House
	turns *turns
}

func (w *removalWorker) Work(ctx context.Context, job *river.Job[models.RemovalArgs]) error {
	a := job.Args
	return w.turns.take(a.PortalID, fmt.Sprint(a.Kind(), job.ID), func() error {
		return seldom(job.JobRow, w.house.Store.Now(), w.house.Flow.Removed(ctx, a.PortalID, a.Clean, a.Before))
	})
}

// forgetWorker forgets a portal that the app was removed from, a part at a time.
type forgetWorker struct {
	river.WorkerDefaults[models.ForgetArgs]
	house House
	turns *turns
}

func (w *forgetWorker) Work(ctx context.Context, job *river.Job[models.ForgetArgs]) error {
	return w.turns.take(job.Args.PortalID, fmt.Sprint(job.ID), func() error { return w.house.Flow.Forget(ctx, job.Args) })
}
