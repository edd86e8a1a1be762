package callflow

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"callwise/models"

	"github.com/google/uuid"
)

// errLeaseLost ends work whose lease is perhaps not its own any more, and errTaken
// that whose lease is not: it ran out, or is about to, and another may take it.
var (
	errLeaseLost = errors.New("callflow: lease lost")
	errTaken     = fmt.Errorf("%w: it ran out", errLeaseLost)
)

// numberLease names the lease of a number without showing it.
func numberLease(portalID int64, key string) string {
	return fmt.Sprintf("number:%d:%x", portalID, sha256.Sum256([]byte(key)))
}

// hold runs do while this worker alone, of all processes, holds the lease of
// that name, and reports whether it got it. The context of do ends when the
// lease is lost.
func (f *Flow) hold(ctx context.Context, name string, do func(context.Context) error) (bool, error) {
	return f.holdAs(ctx, name, f.piece(), do)
}

// holdAs is hold for work whose owner has that name.
func (f *Flow) holdAs(ctx context.Context, name, owner string, do func(context.Context) error) (bool, error) {
	held, err := f.Store.Acquire(ctx, name, owner, f.Lease)
	if err != nil || !held {
		return false, err
	}
	release := func(ctx context.Context) error { return f.Store.Release(ctx, name, owner) }
	return true, f.keep(ctx, name, owner, release, do)
}

// A grip is a call whose lease is taken, unless another has it.
type grip struct {
	*models.TakenCall
	owner    string
	released bool // given back with what was done
	news     bool // there is more to do: what [models.Store.ReleaseCall] reported, or was seen since
}

// keepCall keeps the lease of a call that is taken while do runs, and releases it
// afterwards unless do has done so. It reports whether events have come that do knew
// nothing of. A round that has lost the lease, or one that it took besides, is to be
// repeated: who took it may not have done what this one was woken for.
func (f *Flow) keepCall(ctx context.Context, g *grip, do func(context.Context) error) (news bool, err error) {
	err = f.keep(ctx, models.CallLease(g.Call.ID), g.owner, func(ctx context.Context) (err error) {
		if !g.released {
			g.news, err = f.Store.ReleaseCall(ctx, g.Portal.ID, g.Call.ID, g.owner, echoes, models.Round{})
		}
		return err
	}, func(ctx context.Context) error { return f.whyRefused(ctx, g, do(ctx)) })
	if errors.Is(err, errTaken) {
		err = &Later{After: time.Second, Err: err}
	}
	return g.news, err
}

// whyRefused adds to the error of a round that found its call gone that it has lost
// the lease, if that is why. If not, the lease is prolonged.
func (f *Flow) whyRefused(ctx context.Context, g *grip, err error) error {
	if g.released || !errors.Is(err, models.ErrNotFound) {
		return err
	}
	ctx, cancel := though(ctx)
	defer cancel()
	held, failed := f.Store.Renew(ctx, models.CallLease(g.Call.ID), g.owner, f.Lease)
	if failed != nil {
		return failed // the call may be there
	}
	if held {
		return err
	}
	return errors.Join(err, errTaken)
}

// piece is a name for a piece of work: each is an owner of leases of its own.
func (f *Flow) piece() string { return f.Owner + "/" + uuid.NewString() }

// keep renews a lease while do runs, and releases it afterwards, however do ends.
func (f *Flow) keep(ctx context.Context, name, owner string, release, do func(context.Context) error) (err error) {
	work, cancel := context.WithCancelCause(ctx)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		f.renew(work, name, owner, cancel)
	}()
	defer func() {
		cancel(nil)
		<-kept
		if lost := context.Cause(work); err != nil && errors.Is(lost, errLeaseLost) {
			err = errors.Join(err, lost) // what it broke off looks like a portal that does not answer
		}
		ending, over := though(ctx)
		defer over()
		err = errors.Join(err, release(ending))
	}()
	return do(work)
}

// renew prolongs a lease until ctx ends; it cancels the work when the lease is
// not ours any more.
func (f *Flow) renew(ctx context.Context, name, owner string, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(f.Lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		held, err := f.prolong(ctx, name, owner)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			cancel(errors.Join(errLeaseLost, err))
			return
		}
		if !held {
			cancel(errTaken)
			return
		}
	}
}

// prolong renews a lease, and reports whether it is still ours for certain. A database
// that hangs does not say so: it is waited for until the lease may run out.
func (f *Flow) prolong(ctx context.Context, name, owner string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, f.Lease/2)
	defer cancel()
	held, err := f.Store.Renew(ctx, name, owner, f.Lease)
	if errors.Is(err, context.DeadlineExceeded) {
		return false, nil
	}
	return held, err
}

// holdPatiently is hold for a lease that is worth waiting for: it tries for
// LockWait before it reports false.
func (f *Flow) holdPatiently(ctx context.Context, name string, do func(context.Context) error) (bool, error) {
	return f.holdPatientlyAs(ctx, name, f.piece(), do)
}

// holdPatientlyAs is holdPatiently for work whose owner has that name.
func (f *Flow) holdPatientlyAs(ctx context.Context, name, owner string, do func(context.Context) error) (bool, error) {
	patience, cancel := context.WithTimeout(ctx, f.LockWait)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		held, err := f.holdAs(ctx, name, owner, do)
		if err != nil || held {
			return held, err
		}
		over := Outside(ctx)
		select {
		case <-patience.Done():
		case <-tick.C:
		}
		over(true) // the next try is
		if patience.Err() != nil {
			return false, ctx.Err()
		}
	}
}
