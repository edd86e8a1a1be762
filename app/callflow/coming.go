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

// bring asks for something that is to come into being. When, is written down before
// and kept if the answer is lost.
func bring[T any](w *work, ask func() (T, error)) (T, error) {
	w.row.Progress.AskedAt = w.Now().UTC()
	made, err := ask()
	if !b24.Unsure(err) {
		w.row.Progress.AskedAt = time.Time{}
	}
	return made, err
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
	return 0, false, w.comes(w.row.Progress.AskedAt, w.MayRun)
}

// comes is [errComing] as long as what was asked for at a time may still come into being.
// It is looked for again after a while.
func (w *work) comes(asked time.Time, while time.Duration) error {
	left := asked.Add(w.MayRun).Sub(w.Now())
	if left <= 0 || left > w.MayRun { // the clock was ahead
		return nil
	}
	return &Later{After: min(left, while), Err: errComing}
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
		w.did("create", errorCode(err))
		return nil
	case err != nil:
		return err
	case len(converted) > 0:
		return w.createDone(ctx, converted)
	}
	asked := w.row.StartedAt
	if registered := w.row.Progress.Register.At; !registered.IsZero() {
		asked = registered
	}
	return w.converting(asked)
}

// converting is [errComing] as long as simple mode may still convert a lead that was asked
// for at a time. Most are converted soon.
func (w *work) converting(asked time.Time) error {
	return w.comes(asked, max(time.Second, w.Now().Sub(asked)))
}
