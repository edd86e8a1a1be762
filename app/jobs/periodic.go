package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"callwise/app/callflow"
	"callwise/models"

	"github.com/riverqueue/river"
)

// mostAhead is how far our clock may be ahead of the database's: a call that is ended
// by a wrong one, and what is removed by it, is so for good.
const mostAhead = time.Hour

// trustworthy is nil unless our clock is too far ahead.
func trustworthy(ctx context.Context, store *models.Store) error {
	ahead, err := store.Ahead(ctx)
	if err != nil {
		return err
	}
	if ahead > mostAhead {
		return fmt.Errorf("our clock is %v ahead of the database's", ahead.Round(time.Second))
	}
	return nil
}

type closeArgs struct{}

func (closeArgs) Kind() string { return "close" }

// closeWorker ends calls that nobody has ended. After an outage PBXs are still to
// repeat what they told nobody, such as that a call goes on or has ended.
type closeWorker struct {
	river.WorkerDefaults[closeArgs]
	house House
	from  time.Time // it ends none before
}

func newCloseWorker(h House) *closeWorker {
	return &closeWorker{house: h, from: h.Store.Now().Add(hearFirst)}
}

func (w *closeWorker) Work(ctx context.Context, _ *river.Job[closeArgs]) error {
	if w.house.Store.Now().Before(w.from) {
		return nil
	}
	if err := trustworthy(ctx, w.house.Store); err != nil {
		return fmt.Errorf("no call is ended: %w", err)
	}
	return w.house.Flow.CloseStale(ctx, openAtMost)
}

type employeesArgs struct{}

func (employeesArgs) Kind() string { return "employees" }

// employeesWorker reads the employees of every portal whose turn has come, and
// mends the lines that do not follow the switches. Before, it renews the pairs of
// tokens that nothing has used for months: a few, so the employees wait for minutes
// at most.
type employeesWorker struct {
	river.WorkerDefaults[employeesArgs]
	house House
}

// Timeout allows for many portals.
func (w *employeesWorker) Timeout(*river.Job[employeesArgs]) time.Duration { return employeesAge }

func (w *employeesWorker) Work(ctx context.Context, _ *river.Job[employeesArgs]) error {
	return errors.Join(w.house.Flow.RenewIdle(ctx), w.house.Flow.Refresh(ctx, employeesAge-employeesEvery))
}

type purgeArgs struct{}

func (purgeArgs) Kind() string { return "purge" }

// purgeWorker removes what has been kept long enough.
type purgeWorker struct {
	river.WorkerDefaults[purgeArgs]
	house House
}

// Timeout allows for millions of rows: a purge that is cut short goes on the
// next time.
func (w *purgeWorker) Timeout(*river.Job[purgeArgs]) time.Duration { return purgeEvery / 2 }

func (w *purgeWorker) Work(ctx context.Context, _ *river.Job[purgeArgs]) error {
	if err := trustworthy(ctx, w.house.Store); err != nil {
		return fmt.Errorf("nothing is removed: %w", err)
	}
	now := w.house.Store.Now()
	purged, err := w.house.Store.Purge(ctx, now.Add(-w.house.KeepCalls), now.AddDate(0, 0, -restLogDays))
	w.house.Flow.Metrics.Purged(purged)
	return err
}

type recoverArgs struct{}

func (recoverArgs) Kind() string { return "recover" }

// recoverWorker looks for calls whose events did not reach us.
type recoverWorker struct {
	river.WorkerDefaults[recoverArgs]
	house House
}

// Timeout allows for many portals.
func (w *recoverWorker) Timeout(*river.Job[recoverArgs]) time.Duration { return employeesAge }

// Work does not count as done while another looks: that one may never come to the end.
func (w *recoverWorker) Work(ctx context.Context, _ *river.Job[recoverArgs]) error {
	err := w.house.Flow.RecoverAll(ctx)
	if errors.Is(err, callflow.ErrBusy) {
		return river.JobCancel(err)
	}
	return err
}
