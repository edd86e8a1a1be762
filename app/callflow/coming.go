package callflow

import (
	"context"
	"errors"
	"time"

	"callwise/app/b24"
	"callwise/app/crm"
)

// DefaultMayRun is a little longer than Bitrix24's cloud works on a request (platform
// contract, 4).
const DefaultMayRun = 65 * time.Second

// errComing: what was asked for may still come into being.
var errComing = errors.New("callflow: what was asked for may still come into being")

// bring asks for something that is to come into being. That it does is written down
// before, and when it was sent if the answer is lost.
func bring[T any](w *work, ask func() (T, error)) (T, error) {
	progress := &w.row.Progress
	before := progress.AskedAt
	progress.AskedAt, progress.Awaited = w.Now().UTC(), true
	made, err := ask()
	if err != nil && !b24.Unsure(err) {
		progress.AskedAt, progress.Awaited = before, false
		return made, err
	}
	w.sentBy(latest(progress.AskedAt, w.sent))
	if err == nil {
		progress.AskedAt = time.Time{}
	}
	return made, err
}

// unheard measures from now what a process that died waited for the answer of: it may
// have sent it long after it wrote that down, but nothing since it lost the call, unless it
// had only stood still, see [Flow.prolong].
func (w *work) unheard() {
	if w.row.Progress.Awaited {
		w.sentBy(w.Now())
	}
}

// sentBy writes down that nobody waits for an answer any more, and that what was asked
// for was sent at that time, or before.
func (w *work) sentBy(at time.Time) {
	progress := &w.row.Progress
	progress.AskedAt, progress.Awaited = at.UTC(), false
	if technical := &progress.Technical; technical.ID == 0 && !technical.AskedAt.IsZero() {
		technical.AskedAt = progress.AskedAt
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// seek looks for what was asked for before. As long as Bitrix24 may still work on that,
// not to find it is [errComing]: made again, it would be there twice.
func (w *work) seek(find func() (id int64, found bool, err error)) (int64, bool, error) {
	id, found, err := find()
	switch {
	case err != nil:
		return 0, false, err
	case found:
		w.row.Progress.AskedAt = time.Time{}
		return id, true, nil
	}
	return 0, false, w.awaits(w.row.Progress.AskedAt)
}

// awaits is [errComing] as long as what was asked for at a time may still come into being.
// Most of it comes soon: it is to be looked for again after as long as it was waited for.
// Another process may have asked, by a clock a little ahead of ours; one further off than
// MayRun tells nothing.
func (w *work) awaits(asked time.Time) error {
	waited := w.Now().Sub(asked)
	if waited.Abs() >= w.MayRun {
		return nil
	}
	return &Later{After: min(max(waited, time.Second), w.MayRun-waited), Err: errComing}
}

// awaitsElsewhere is [errComing] as long as what another call of the number has asked for
// may still come into being: no snapshot shows that yet (decision.md F.6).
func (w *work) awaitsElsewhere(ctx context.Context) error {
	asked, err := w.Store.AskedElsewhere(ctx, w.row)
	if err != nil {
		return err
	}
	return w.awaits(asked)
}

// follow takes, for the lead that Bitrix24 created in simple mode, what that was converted
// into since (telephony contract, trap 42).
func (w *work) follow(ctx context.Context) error {
	created := w.row.Progress.Created
	if len(created) != 1 || created[0].Type != crm.TypeLead || w.portal.Mode() != crm.Simple {
		return nil
	}
	converted, err := w.converted(ctx, created[0].ID)
	switch {
	case err != nil && refusedForGood(err):
		return nil // the call stays with the lead
	case err != nil:
		return err
	case len(converted) > 0:
		w.row.Progress.Created = converted
		return w.remember(ctx, converted)
	}
	return w.awaits(w.registeredBy())
}

// registeredBy is when Bitrix24 answered the call's registration. It registers a click
// itself, when that begins.
func (w *work) registeredBy() time.Time {
	at := w.row.StartedAt
	for _, s := range w.row.Progress.Steps {
		if s.Name == "register" && s.Code == "" {
			at = s.At
		}
	}
	return at
}
