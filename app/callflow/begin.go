package callflow

import (
	"context"
	"errors"

	"callwise/app/b24"
	"callwise/app/rules"
	"callwise/models"
)

// begin brings the call into Bitrix24: decision, registration and creation,
// one call of a number at a time (decision.md F.6).
func (w *work) begin(ctx context.Context) error {
	w.revealNumber()
	if w.begun() {
		return nil
	}
	out, err := w.staysOut(ctx)
	if err != nil {
		return err
	}
	if out {
		w.inTime()
		return w.decide(ctx)
	}
	held, err := w.holdPatiently(ctx, numberLease(w.portal.ID, w.phone.Key()), w.beginAlone)
	if err != nil || held {
		return err
	}
	return w.beginLate(ctx)
}

// staysOut reports a call that Bitrix24 is not told of (decision.md P1, P2), and which
// so waits for no other of its number.
func (w *work) staysOut(ctx context.Context) (bool, error) {
	if w.phone.Hidden() {
		return true, nil
	}
	if w.row.DecidedAt != nil || w.row.Progress.Register.Tried {
		return false, nil
	}
	return w.internal(ctx)
}

// revealNumber drops the decision about a hidden number when a late event has
// told the number and nothing was done yet.
func (w *work) revealNumber() {
	d := w.row.Decision
	if d != nil && d.Reason == rules.HiddenNumber && !w.phone.Hidden() && w.row.B24CallID == nil {
		w.undecide()
	}
}

// undecide takes back a decision that nothing was done for.
func (w *work) undecide() {
	w.row.DecidedAt, w.row.Case, w.row.Decision, w.row.Plan = nil, nil, nil, nil
}

// begun reports that nothing of begin is left to do.
func (w *work) begun() bool {
	if w.row.Progress.Deferred {
		return w.registered()
	}
	return w.row.DecidedAt != nil && w.registered() && w.created()
}

// registered reports a call that Bitrix24 knows, or never will.
func (w *work) registered() bool {
	return w.row.B24CallID != nil || w.unregistrable()
}

// unregistrable calls stay in our log only (decision.md P1, P2), unless
// Bitrix24 has registered them itself.
func (w *work) unregistrable() bool {
	d := w.row.Decision
	return d != nil && w.row.B24CallID == nil && (d.Reason == rules.InternalCall || d.Reason == rules.HiddenNumber)
}

// beginAlone is begin while no other call of the number is being decided.
func (w *work) beginAlone(ctx context.Context) error {
	if w.row.Progress.Deferred && w.row.Progress.Register.Tried {
		return w.register(ctx)
	}
	w.inTime()
	w.forgetStale()
	err := w.decideAlone(ctx)
	if unreadable(err) || errors.Is(err, errComing) {
		return w.beginLate(ctx)
	}
	if err != nil {
		return err
	}
	if err := w.register(ctx); err != nil {
		return err
	}
	return w.create(ctx)
}

// decideAlone is decide once nothing comes of another call any more.
func (w *work) decideAlone(ctx context.Context) error {
	if w.row.DecidedAt != nil {
		return nil
	}
	if err := w.awaitsElsewhere(ctx); err != nil {
		return err
	}
	return w.decide(ctx)
}

// inTime has the decision not put off until the end any more.
func (w *work) inTime() {
	w.row.Progress.Deferred = false
	if !w.call.Ended {
		w.unremark(rules.SnapshotFailed)
	}
}

// unreadable reports that the CRM could not be read although the portal may
// still take a registration.
func unreadable(err error) bool {
	return err != nil && isPortals(err) && !errors.Is(err, b24.ErrNeedsAuth) && !errors.Is(err, b24.ErrUninstalled)
}

// beginLate registers the call without creating anything; the decision is made
// before the call is finished (decision.md B.5-21).
func (w *work) beginLate(ctx context.Context) error {
	w.undecide()
	w.row.Progress.Deferred = true
	w.remark(rules.SnapshotFailed)
	w.did("decide", string(rules.SnapshotFailed))
	return w.register(ctx)
}

// forgetStale drops a decision whose registration was refused, or went
// unanswered for so long that Bitrix24 would not recognise a repetition: what
// was created meanwhile shows in a fresh snapshot.
func (w *work) forgetStale() {
	asked := &w.row.Progress.Register
	stale := asked.Tried && w.Now().Sub(asked.At) >= staleRegister
	if w.registered() || !stale && !asked.Refused {
		return
	}
	w.undecide()
	*asked = models.Register{}
}
