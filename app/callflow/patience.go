package callflow

import (
	"context"
	"errors"
	"slices"
	"time"

	"callwise/app/b24"
	"callwise/models"
)

// What becomes of what fails. Nothing is repeated for ever, and nothing is
// dropped without a word; the operator's guide has the same table.
//
//	what fails                                    class           what is done, and until when
//	no answer, a limit, a portal that is down     passes          repeated after its wait, 1 s to 5 min apart, for GiveUpAfter
//	no access any more (NEEDS_AUTH)               passes          as the first, and at once when an administrator opens the app
//	payment, plan, portal closed, app removed,    passes          nobody is asked for it: at once when the portal works for us again, which
//	a refused renewal of tokens                                   is asked every hour, after six hours and of a block every day, and at
//	                                                              once when an administrator opens the app or a payment is told
//	our own house: a bug, a broken row (INTERNAL) passes          as the first: a new version may mend it; each time is an error in the log
//	the lease of the call ran out: we stood still passes          after a second: what another process left undone
//	our database does not answer                  passes          by the queue and the sweep; the event stays as it is
//	any of these for longer than GiveUpAfter      needs somebody  models.AttentionFailed: try again, one or all
//	refused for good: rights, a wrong value       needs somebody  models.AttentionFailed, at once
//	refused to create; a card refused the call    needs somebody  models.AttentionCreate, models.AttentionBind; the call is finished
//	the PBX takes no command for CommandWindow    never           the call ends as failed, so that no card hangs
//	a click is older when it is worked on         never           the same, and no telephone rings
//	a recording, transcript or to-do is refused   never           its code stands with the call, which is finished
//	an event that cannot be read                  never           refused with the reason when it is sent: nothing is stored
//	upkeep of a portal (handlers, lines)          passes          ever more seldom for GiveUpAfter; the next occasion begins anew
//
// Whoever tries again, as often as they like, creates nothing twice: what was
// asked for is written down before, and looked for before it is asked again.

// GiveUpAfter is how long a call or the upkeep of a portal may fail in a row
// before it is given up (decision.md F.6).
const GiveUpAfter = 72 * time.Hour

// patience says how long to wait for what failed. What an administrator or a
// payment mends is asked for again too: calls wait for it up to [GiveUpAfter].
func patience(err error) (time.Duration, bool) {
	if _, ours := errors.AsType[*ownFault](err); ours {
		return time.Second, true
	}
	switch {
	case errors.Is(err, b24.ErrNeedsAuth):
		return 0, true // an administrator may just have come; a pair of tokens that is dead is not tried again
	case b24.Suspended(err), b24.Gone(err):
		return time.Hour, true // what did not hear that the portal works again
	}
	return b24.Retry(err)
}

// passes reports a failure that waiting mends.
func passes(err error) bool {
	_, ok := patience(err)
	return ok
}

// refusedForGood reports a no of the portal that waiting does not mend: the call
// goes on without what was asked for.
func refusedForGood(err error) bool { return isPortals(err) && !passes(err) }

// backOff doubles from one second to five minutes.
func backOff(attempts int) time.Duration {
	return min(time.Second<<min(attempts-1, 9), 5*time.Minute)
}

// ErrorCode is what people are shown of an error: a code, never a text that could
// quote a number.
func ErrorCode(err error) string {
	if err == nil {
		return ""
	}
	if code, ok := errors.AsType[b24.Code](err); ok {
		return string(code)
	}
	switch {
	case errors.Is(err, b24.ErrNeedsAuth):
		return CodeNeedsAuth
	case errors.Is(err, b24.ErrUninstalled):
		return CodeUninstalled
	case b24.IsPortal(err):
		return CodeUnreachable
	}
	return codeInternal
}

// codeInternal is the code of what our own house did wrong.
const codeInternal = "INTERNAL"

// faltered is how long the storing of a failure, or of another round's end, may take:
// less than a lease lasts that was just renewed.
const faltered = 5 * time.Second

// though is ctx for what is to be stored though ctx has ended, for as long as faltered:
// a database that hangs does not keep the process from ending.
func though(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), faltered)
}

// isPortals reports an error that is about the portal and nothing else. Of
// several that are joined, one of our own house counts for more: what it kept
// us from says nothing about the portal. That something waits counts for less.
func isPortals(err error) bool {
	several, joined := err.(interface{ Unwrap() []error })
	if !joined {
		return b24.IsPortal(err)
	}
	ended := slices.DeleteFunc(slices.Clone(several.Unwrap()), func(one error) bool {
		_, waits := Wait(one)
		return waits
	})
	return len(ended) > 0 && !slices.ContainsFunc(ended, func(one error) bool { return !isPortals(one) })
}

// broken reports an error of our own house, such as a bug: neither an answer of
// the portal, nor what a moment mends, nor the end of this process or of the call.
func broken(ctx context.Context, err error) bool {
	if err == nil || errors.Is(ctx.Err(), context.Canceled) {
		return false
	}
	_, later := Wait(err)
	return !later && !errors.Is(err, models.ErrNotFound) && !errors.Is(err, errLeaseLost)
}

// falter records that our own house failed a call, or took too long for it, and
// has it repeated or gives it up as any other. Of what the round changed
// nothing is kept but what it has stored. If even that fails, or the lease was given
// back and nobody heard of it, the events stay as they are, and the queue comes again.
func (f *Flow) falter(ctx context.Context, g *grip, cause error) error {
	markOf(ctx).Err = cause
	ctx, cancel := though(ctx)
	defer cancel()
	held, err := f.Store.Renew(ctx, models.CallLease(g.Call.ID), g.owner, f.Lease)
	if err != nil || !held {
		return errors.Join(cause, err)
	}
	row, events, err := f.Store.CallAndEvents(ctx, g.Portal.ID, g.Call.ID)
	if err != nil {
		return errors.Join(cause, err)
	}
	row.HeldBy = g.owner
	w := &work{Flow: f, portal: g.Portal, row: row, grip: g, events: events, was: row.State}
	if err := w.failed(ctx, &ownFault{cause}); err != nil {
		return errors.Join(err, cause)
	}
	return nil
}

// An ownFault is an error of our own house whatever it wraps.
type ownFault struct{ cause error }

func (o *ownFault) Error() string { return o.cause.Error() }
