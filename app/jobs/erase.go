package jobs

import (
	"context"
	"fmt"

	"callwise/models"

	"github.com/riverqueue/river"
)

// eraseWorker erases everything about a number, a part at a time.
type eraseWorker struct {
	river.WorkerDefaults[models.EraseArgs]
	house House
	turns *turns
}

func (w *eraseWorker) Work(ctx context.Context, job *river.Job[models.EraseArgs]) error {
	a := job.Args
	return w.turns.take(a.PortalID, fmt.Sprint(a.RequestID), func() error {
		return w.house.Flow.Erase(ctx, a.PortalID, a.RequestID)
	})
}
