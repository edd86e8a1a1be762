package callflow

import (
	"context"
	"errors"
	"time"

	"callwise/models"
)

// settle records the end of one round of work: done, to be tried later, or
// given up. Events count as done unless the round is to be repeated. That a portal
// took all the time of the round is the portal's failure as any other.
func (w *work) settle(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && isPortals(err) {
		var cancel context.CancelFunc
		ctx, cancel = though(ctx)
		defer cancel()
	}
	if ctx.Err() != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	if err == nil {
		w.row.Attempts, w.row.FailingSince, w.row.RetryAt, w.row.ErrorCode = 0, nil, nil, ""
		if w.row.State == models.CallFailed && !w.call.Ended {
			w.row.State = models.CallOpen
		}
		if err := w.worked(ctx); err != nil {
			return err
		}
		return w.close(ctx)
	}
	if _, waits := Wait(err); waits && !isPortals(err) {
		return w.paused(ctx, err)
	}
	if !isPortals(err) {
		return err // our own house, such as the database: it says nothing about the call
	}
	if err := w.suspend(ctx, w.portal, err); err != nil {
		return err
	}
	return w.failed(ctx, err)
}

// worked ends a suspension after a round that succeeded, unless that asked nobody.
func (w *work) worked(ctx context.Context) error {
	if w.sent.IsZero() {
		return nil
	}
	return w.resume(ctx, w.portal)
}

// paused ends a round that goes on later by itself: what the events have told is in
// the log meanwhile.
func (w *work) paused(ctx context.Context, later error) error {
	if err := w.save(ctx); err != nil {
		return err
	}
	return later
}

// failed has the round repeated, or gives the call up: [patience].
func (w *work) failed(ctx context.Context, err error) error {
	now := w.Now().UTC()
	if w.row.FailingSince == nil || w.row.FailingSince.After(now) { // the clock was ahead
		w.row.FailingSince = &now
	}
	w.row.Attempts++
	w.row.ErrorCode = ErrorCode(err)
	markOf(ctx).Code = w.row.ErrorCode
	left := GiveUpAfter - now.Sub(*w.row.FailingSince)
	if wait, passes := patience(err); passes && left > 0 {
		return w.later(ctx, min(max(wait, backOff(w.row.Attempts)), left), err)
	}
	markOf(ctx).GivenUp = true
	w.row.State, w.row.RetryAt = models.CallFailed, nil
	return w.close(ctx)
}

// later has the round repeated after a while.
func (w *work) later(ctx context.Context, wait time.Duration, err error) error {
	at := w.Now().UTC().Add(wait)
	w.row.RetryAt = &at
	w.Metrics.retried(w.row.ErrorCode)
	return errors.Join(&Later{After: wait, Err: err}, w.save(ctx))
}

// close ends the round: it is the last that is done with the call.
func (w *work) close(ctx context.Context) error {
	if err := w.release(ctx); err != nil {
		return err
	}
	if w.was == models.CallOpen && w.row.State != models.CallOpen {
		w.Metrics.settled(w.row.Result)
	}
	return nil
}

// release saves the row if it has changed, counts the events it was made from as
// done, and gives the lease of the call back, all or nothing. A renewal that finds it
// given back does not break that off.
func (w *work) release(ctx context.Context) error {
	ctx, cancel := though(ctx)
	defer cancel()
	changed, err := w.changed()
	if err != nil {
		return err
	}
	g, round := w.grip, models.Round{Asked: w.asked, Done: pending(w.events)}
	if changed {
		g.news, err = w.Store.SaveAndRelease(ctx, w.row, g.owner, echoes, round)
	} else {
		g.news, err = w.Store.ReleaseCall(ctx, w.row.PortalID, w.row.ID, g.owner, echoes, round)
	}
	w.logged(err)
	g.released = err == nil
	return err
}

// pending are the ids of those events that were not worked on yet.
func pending(events []models.Event) []int64 {
	var ids []int64
	for _, e := range events {
		if e.DoneAt == nil {
			ids = append(ids, e.ID)
		}
	}
	return ids
}

// news reports whether events arrived that were not worked on yet.
func (w *work) news() bool { return len(pending(w.events)) > 0 }
