package callflow

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// errLeaseLost ends work whose lease another process may have taken.
var errLeaseLost = errors.New("callflow: lease lost")

func callLease(id int64) string { return fmt.Sprintf("call:%d", id) }

// numberLease names the lease of a number without showing it.
func numberLease(portalID int64, key string) string {
	return fmt.Sprintf("number:%d:%x", portalID, sha256.Sum256([]byte(key)))
}

// hold runs do while this worker alone, of all processes, holds the lease of
// that name, and reports whether it got it. The context of do ends when the
// lease is lost.
func (f *Flow) hold(ctx context.Context, name string, do func(context.Context) error) (bool, error) {
	owner := f.Owner + "/" + uuid.NewString() // each piece of work is an owner of its own
	held, err := f.Store.Acquire(ctx, name, owner, f.Lease)
	if err != nil || !held {
		return false, err
	}
	return true, f.keep(ctx, name, owner, do)
}

// keep renews a lease while do runs, and gives it back afterwards, however do
// ends.
func (f *Flow) keep(ctx context.Context, name, owner string, do func(context.Context) error) (err error) {
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
		err = errors.Join(err, f.Store.Release(context.WithoutCancel(ctx), name, owner))
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
		held, err := f.Store.Renew(ctx, name, owner, f.Lease)
		if ctx.Err() != nil {
			return
		}
		if err != nil || !held {
			cancel(errors.Join(errLeaseLost, err))
			return
		}
	}
}

// holdPatiently is hold for a lease that is worth waiting for: it tries for
// LockWait before it reports false.
func (f *Flow) holdPatiently(ctx context.Context, name string, do func(context.Context) error) (bool, error) {
	patience, cancel := context.WithTimeout(ctx, f.LockWait)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		held, err := f.hold(ctx, name, do)
		if err != nil || held {
			return held, err
		}
		select {
		case <-patience.Done():
			return false, ctx.Err()
		case <-tick.C:
		}
	}
}
