package callflow

import (
	"context"
	"time"

	"callwise/app/b24"
	"callwise/models"
)

// observe handles a call that the app did not register: it acts once, on the
// END, and never registers, finishes or shows it (decision.md F.7).
func (w *work) observe(ctx context.Context) error {
	end, err := w.data(b24.VoximplantEnd)
	if err != nil {
		return err
	}
	if end == nil {
		w.forgo()
		return nil
	}
	w.endTold(end)
	if err := w.observeAlone(ctx); err != nil {
		return err
	}
	if w.unregistrable() {
		return w.keepOut(ctx)
	}
	if err := w.bindMissing(ctx); err != nil {
		return err
	}
	if err := w.remind(ctx); err != nil {
		return err
	}
	w.row.State = models.CallFinished
	return nil
}

// endTold takes over what the END of a call tells besides its outcome.
func (w *work) endTold(end map[string]string) {
	if started := parseTime(end["CALL_START_DATE"]); !started.IsZero() {
		w.row.StartedAt = started
	}
	finish := &w.row.Progress.Finish
	finish.Done = true
	if finish.ActivityID == 0 { // or it is one of ours, from an earlier round
		finish.ActivityID = parseID(end["CRM_ACTIVITY_ID"])
	}
}

// forgo ends, in our log only, a call whose END Bitrix24 never sent.
func (w *work) forgo() {
	if w.call.Ended {
		w.row.State = models.CallFinished
	}
}

// observeAlone decides and creates while no other call of the number does.
func (w *work) observeAlone(ctx context.Context) error {
	if w.row.DecidedAt != nil && w.created() {
		return nil
	}
	if w.phone.Hidden() {
		return w.decide(ctx)
	}
	held, err := w.holdPatiently(ctx, numberLease(w.portal.ID, w.phone.Key()), w.observeNow)
	if err == nil && !held {
		return &Later{After: w.LockWait, Err: errNumberBusy}
	}
	return err
}

func (w *work) observeNow(ctx context.Context) error {
	if err := w.decideAlone(ctx); err != nil {
		return err
	}
	if w.excludedByEnd() {
		if err := w.exclude(ctx); err != nil {
			return err
		}
	}
	return w.create(ctx)
}

// clockSlack allows for clocks that do not agree to the second.
const clockSlack = 2 * time.Second

// excludedByEnd reports a number that the CRM knew although Bitrix24 logged the
// call to nothing: it stands in the exceptions list.
func (w *work) excludedByEnd() bool {
	return w.row.Progress.Finish.ActivityID == 0 && w.findableAt(w.endedAt())
}
