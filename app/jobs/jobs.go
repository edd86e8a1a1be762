// Package jobs holds River's workers. Each is thin: it calls one thing in
// callflow or models and says whether to come again. A job is only a wake-up;
// what is to be done stands in the store, so a job too many does no harm.
package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"callwise/app/callflow"
	"callwise/models"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// How often the periodic jobs run, and how old a call may grow without an end.
const (
	closeEvery     = time.Minute
	employeesEvery = 5 * time.Minute // that some portals' turn comes
	employeesAge   = time.Hour       // and how old a portal's list may grow
	purgeEvery     = time.Hour
	watchEvery     = 5 * time.Minute
	recoverEvery   = 5 * time.Minute
	openAtMost     = 3 * time.Hour    // interface.md §4
	hearFirst      = 15 * time.Minute // that a process serves before it ends such calls
	restLogDays    = 7
)

// A House is what the workers work with.
type House struct {
	Flow  *callflow.Flow
	Store *models.Store
	Log   *slog.Logger
	// KeepCalls is how long calls are kept; the REST log is kept for a week.
	KeepCalls time.Duration
	// PerPortal bounds how many workers of this process one portal may hold
	// for its calls, and as many for its PBX, so that a portal that does not
	// answer leaves workers to the others.
	PerPortal int
}

// Workers returns all workers of the house, for [models.NewQueue].
func Workers(h House) (*river.Workers, error) {
	workers := river.NewWorkers()
	upkeep := newTurns(1)
	err := errors.Join(
		river.AddWorkerSafely(workers, &callWorker{house: h, turns: newTurns(h.PerPortal)}),
		river.AddWorkerSafely(workers, &commandWorker{house: h, turns: newTurns(h.PerPortal)}),
		river.AddWorkerSafely(workers, &reconcileWorker{house: h, turns: upkeep}),
		river.AddWorkerSafely(workers, &linesWorker{house: h, turns: upkeep}),
		river.AddWorkerSafely(workers, &handlersWorker{house: h, turns: upkeep}),
		river.AddWorkerSafely(workers, &removalWorker{house: h, turns: newTurns(1)}),
		river.AddWorkerSafely(workers, &forgetWorker{house: h, turns: newTurns(1)}),
		river.AddWorkerSafely(workers, &eraseWorker{house: h, turns: newTurns(1)}),
		river.AddWorkerSafely(workers, newCloseWorker(h)),
		river.AddWorkerSafely(workers, &employeesWorker{house: h}),
		river.AddWorkerSafely(workers, &recoverWorker{house: h}),
		river.AddWorkerSafely(workers, &purgeWorker{house: h}),
		river.AddWorkerSafely(workers, &watchWorker{house: h}),
	)
	return workers, err
}

// Periodic returns what runs by the clock, on one process at a time.
func Periodic() []*river.PeriodicJob {
	job := func(d time.Duration, args func() river.JobArgs, atOnce bool) *river.PeriodicJob {
		return river.NewPeriodicJob(river.PeriodicInterval(d),
			func() (river.JobArgs, *river.InsertOpts) { return args(), &river.InsertOpts{MaxAttempts: 1} },
			&river.PeriodicJobOpts{RunOnStart: atOnce})
	}
	every := func(d time.Duration, args func() river.JobArgs) *river.PeriodicJob { return job(d, args, true) }
	later := func(d time.Duration, args func() river.JobArgs) *river.PeriodicJob { return job(d, args, false) }
	return []*river.PeriodicJob{
		every(closeEvery, func() river.JobArgs { return closeArgs{} }),
		every(employeesEvery, func() river.JobArgs { return employeesArgs{} }),
		later(recoverEvery, func() river.JobArgs { return recoverArgs{} }),
		every(purgeEvery, func() river.JobArgs { return purgeArgs{} }),
		every(watchEvery, func() river.JobArgs { return watchArgs{} }),
	}
}

// outcome tells River whether to come again, and when.
func outcome(err error) error {
	if wait, passes := callflow.Wait(err); passes {
		return river.JobSnooze(wait)
	}
	if errors.Is(err, models.ErrNotFound) {
		return river.JobCancel(err) // the portal or the call was removed meanwhile
	}
	return err
}

// mostSeldom is how far apart the upkeep of a portal that does not answer is
// tried at last.
const mostSeldom = time.Hour

// seldom has the upkeep of a portal repeated more and more seldom, and given up
// when the portal has not answered for as long as calls wait for it: when the
// portal is back, the next visit, event or hour begins anew.
func seldom(job *rivertype.JobRow, now time.Time, err error) error {
	wait, passes := callflow.Wait(err)
	if !passes {
		return err
	}
	age := now.Sub(job.CreatedAt)
	if age >= callflow.GiveUpAfter {
		return river.JobCancel(fmt.Errorf("given up: %v", err)) // not wrapped: it does not pass any more
	}
	return &callflow.Later{After: max(wait, min(age/4, mostSeldom)), Err: err}
}

// callWorker carries one call as far as its stored events allow.
type callWorker struct {
	river.WorkerDefaults[models.CallArgs]
	house House
	turns *turns
}

func (w *callWorker) Work(ctx context.Context, job *river.Job[models.CallArgs]) error {
	return w.turns.take(job.Args.PortalID, job.Args.CallKey, func() error {
		return w.house.Flow.Advance(ctx, job.Args.PortalID, job.Args.CallKey)
	})
}

// commandWorker tells a PBX to place a call.
type commandWorker struct {
	river.WorkerDefaults[models.TellArgs]
	house House
	turns *turns
}

func (w *commandWorker) Work(ctx context.Context, job *river.Job[models.TellArgs]) error {
	return w.turns.take(job.Args.PortalID, strconv.FormatInt(job.Args.CallID, 10), func() error {
		return w.house.Flow.Tell(ctx, job.Args.PortalID, job.Args.CallID, job.Args.Since)
	})
}

// reconcileWorker brings what a portal keeps for us to what it should be.
type reconcileWorker struct {
	river.WorkerDefaults[models.ReconcileArgs]
	house House
	turns *turns
}

func (w *reconcileWorker) Work(ctx context.Context, job *river.Job[models.ReconcileArgs]) error {
	return w.turns.take(job.Args.PortalID, job.Args.Kind(), func() error {
		return seldom(job.JobRow, w.house.Store.Now(), w.house.Flow.Mend(ctx, job.Args.PortalID))
	})
}

// handlersWorker looks after a portal's event handlers and placement.
type handlersWorker struct {
	river.WorkerDefaults[models.HandlersArgs]
	house House
	turns *turns
}

func (w *handlersWorker) Work(ctx context.Context, job *river.Job[models.HandlersArgs]) error {
	return w.turns.take(job.Args.PortalID, job.Args.Kind(), func() error {
		return seldom(job.JobRow, w.house.Store.Now(), w.house.Flow.MendHandlers(ctx, job.Args.PortalID))
	})
}

// linesWorker has a portal's external lines follow its switches.
type linesWorker struct {
	river.WorkerDefaults[models.LinesArgs]
	house House
	turns *turns
}

func (w *linesWorker) Work(ctx context.Context, job *river.Job[models.LinesArgs]) error {
	return w.turns.take(job.Args.PortalID, job.Args.Kind(), func() error {
		return seldom(job.JobRow, w.house.Store.Now(), w.house.Flow.MendLines(ctx, job.Args.PortalID))
	})
}
