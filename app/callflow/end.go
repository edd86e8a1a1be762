package callflow

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"callwise/app/b24"
	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"
)

// decideWithin is how long an ended call waits for a decision that could not
// be made yet before its card is closed without one.
const decideWithin = time.Minute

// end finishes the call in Bitrix24 and logs it to every card of the decision.
func (w *work) end(ctx context.Context) error {
	undecided := w.decideLate(ctx)
	if undecided != nil && w.waits(undecided) {
		return undecided
	}
	if w.unregistrable() {
		return w.keepOut(ctx)
	}
	if err := w.finish(ctx); err != nil || undecided != nil {
		return errors.Join(undecided, err)
	}
	for _, step := range []func(context.Context) error{w.follow, w.assign, w.bindMissing, w.remind, w.transcribe, w.attach} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	w.row.State = models.CallFinished
	return nil
}

// keepOut ends a call that stands in our log only. A hidden number that nobody
// answered cannot be called back: the log says why there is no to-do.
func (w *work) keepOut(ctx context.Context) error {
	if w.phone.Hidden() {
		if err := w.remind(ctx); err != nil {
			return err
		}
	}
	w.row.State = models.CallFinished
	return nil
}

// decideLate makes the decision that could not be made when the call started.
// If the CRM refuses to be read for good, the call is finished all the same,
// and nothing is created on a guess.
func (w *work) decideLate(ctx context.Context) error {
	if !w.row.Progress.Deferred || (w.row.DecidedAt != nil && w.created()) {
		return nil
	}
	held, err := w.holdPatiently(ctx, numberLease(w.portal.ID, w.phone.Key()), w.decideAndCreate)
	if err == nil && !held {
		return &Later{After: w.LockWait, Err: errNumberBusy}
	}
	if err == nil || passes(err) || !unreadable(err) {
		return err
	}
	w.did("decide", ErrorCode(err))
	return nil
}

// waits reports that the decision is worth waiting for with the card open: it
// may be made soon. Otherwise the card is closed first and the rest follows.
func (w *work) waits(undecided error) bool {
	if errors.Is(undecided, errComing) {
		return false
	}
	if !isPortals(undecided) || w.row.EndedAt == nil {
		return true
	}
	wait, passes := patience(undecided)
	return passes && w.Now().Add(wait).Sub(*w.row.EndedAt) < decideWithin
}

func (w *work) decideAndCreate(ctx context.Context) error {
	if err := w.decideAlone(ctx); err != nil {
		return err
	}
	if w.wasDenied() {
		if err := w.exclude(ctx); err != nil {
			return err
		}
	}
	return w.create(ctx)
}

// wasDenied reports that Bitrix24 named no object when the call was registered
// although the CRM knew the number by then (decision.md F.5).
func (w *work) wasDenied() bool {
	asked := w.row.Progress.Register
	return w.row.Kind != models.KindClick && asked.Primary.ID == 0 && w.findableAt(asked.At.Add(asked.Ahead))
}

// findableAt reports that Bitrix24 had to find an object for the number at that
// time by its clock. What was made a moment before may have been made after: it
// tells times to the second.
func (w *work) findableAt(at time.Time) bool {
	known := w.row.Records.Before(at.Add(-clockSlack))
	return w.row.Plan.MustFind && rules.PlanFor(*w.row.Case, *w.row.Decision, known, w.way()).MustFind
}

// want is every card the call is to be logged to: the decision's targets, and
// what was created for this call in any case.
func (w *work) want() []crm.Ref {
	var refs []crm.Ref
	add := func(ref crm.Ref) {
		for _, r := range refs {
			if r == ref {
				return
			}
		}
		refs = append(refs, ref)
	}
	for _, ref := range w.row.Progress.Created {
		add(ref)
	}
	if w.row.Decision == nil {
		return refs
	}
	for _, t := range w.row.Decision.LogTo {
		if !t.New {
			add(crm.Ref{Type: t.Type, ID: t.ID})
		}
	}
	return refs
}

// finish ends the call and binds it, in one request where possible. A
// repetition finds the finished call in Bitrix24's statistics.
func (w *work) finish(ctx context.Context) error {
	progress := &w.row.Progress
	if progress.Finish.Done {
		return nil
	}
	progress.Finish.Tried = true
	for {
		user, err := w.talked(ctx)
		if err != nil {
			return err
		}
		finished, err := w.client.FinishCall(ctx, b24.CallFinish{
			CallID: *w.row.B24CallID, UserID: user, Duration: w.call.Duration, Status: statusCode(w.call),
		}, w.want())
		if w.refusedUser(err, user) {
			continue
		}
		if err != nil && finished.StatisticID == 0 {
			w.did("finish", ErrorCode(err))
			return err
		}
		return errors.Join(err, w.hasFinished(ctx, finished))
	}
}

// talked is the user the call counts for: whom the administrator chose for a
// missed one, else who talked last, else who was registered, else whose call it
// is.
func (w *work) talked(ctx context.Context) (int64, error) {
	if user, err := w.missedOwner(ctx); err != nil || user != 0 {
		return user, err
	}
	for _, user := range []int64{w.row.UserID, w.row.Progress.Register.UserID} {
		if user != 0 && !slices.Contains(w.row.Progress.Refused, user) {
			return user, nil
		}
	}
	return w.responsible(ctx)
}

func (w *work) hasFinished(ctx context.Context, finished b24.FinishedCall) error {
	progress := &w.row.Progress
	progress.Finish.Done, progress.Finish.At = true, w.Now().UTC()
	progress.Finish.ActivityID, progress.Finish.StatisticID = finished.ActivityID, strconv.FormatInt(finished.StatisticID, 10)
	w.did("finish", "")
	w.keepBound(finished.Bound)
	if finished.AppID == "" || finished.AppID == w.portal.RestAppID {
		return nil
	}
	return w.Store.SetRestAppID(ctx, w.portal.ID, finished.AppID)
}

// keepBound keeps where the call is logged, and where that failed for
// good.
func (w *work) keepBound(bound b24.Bound) {
	progress := &w.row.Progress
	progress.Bound = union(progress.Bound, bound.Refs)
	progress.Skipped = union(progress.Skipped, bound.Skipped)
	for _, f := range bound.Failed {
		progress.BindFailed = append(progress.BindFailed, models.BindFailure{Ref: f.Ref, Code: ErrorCode(f.Err)})
	}
	if len(progress.BindFailed) > 0 {
		w.remark(rules.BindPartial)
	}
}

// missing is where the call still is to be logged.
func (w *work) missing() []crm.Ref {
	progress := w.row.Progress
	missing := without(without(w.want(), progress.Bound), progress.Skipped)
	for _, f := range progress.BindFailed {
		missing = without(missing, []crm.Ref{f.Ref})
	}
	return missing
}

// bindMissing logs the call where the finishing request did not.
func (w *work) bindMissing(ctx context.Context) error {
	activity := w.row.Progress.Finish.ActivityID
	if activity == 0 {
		return w.addActivity(ctx)
	}
	if missing := w.missing(); len(missing) > 0 {
		bound, err := w.client.Bind(ctx, activity, missing)
		if err != nil {
			w.did("bind", ErrorCode(err))
			return err
		}
		w.keepBound(bound)
		w.did("bind", "")
	}
	return w.liftAnchor(ctx)
}

// liftAnchor takes the call off the closed lead that only served to keep
// Bitrix24 from creating another one (decision.md F.3).
func (w *work) liftAnchor(ctx context.Context) error {
	progress, anchor := &w.row.Progress, w.anchor()
	if anchor == nil || progress.AnchorLifted || slices.Contains(w.want(), *anchor) {
		return nil
	}
	err := w.client.Unbind(ctx, progress.Finish.ActivityID, *anchor)
	progress.AnchorLifted = true
	if errors.Is(err, b24.LastBinding) {
		return w.save(ctx) // the deal is gone: the call stays where it is
	}
	if err != nil {
		progress.AnchorLifted = false
		return err
	}
	progress.Bound = without(progress.Bound, []crm.Ref{*anchor})
	w.did("unbind", "")
	return w.save(ctx)
}

// anchor is the lead that only holds the call until it is logged elsewhere, nil
// without one. A plan that was made after the registration knows nothing of it.
func (w *work) anchor() *crm.Ref {
	if w.row.Plan != nil && w.row.Plan.Anchor != nil {
		return w.row.Plan.Anchor
	}
	return w.row.Progress.Register.Anchor
}

// without is all less those in gone.
func without[T comparable](all, gone []T) []T {
	var kept []T
	for _, one := range all {
		if !slices.Contains(gone, one) {
			kept = append(kept, one)
		}
	}
	return kept
}

// union is all with those of more that are not among them.
func union[T comparable](all, more []T) []T {
	return append(slices.Clip(all), without(more, all)...)
}
