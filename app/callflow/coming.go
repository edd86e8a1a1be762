package callflow

import (
	"errors"
	"time"

	"callwise/app/b24"
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
	left := w.row.Progress.AskedAt.Add(w.MayRun).Sub(w.Now())
	if left <= 0 || left > w.MayRun { // the clock was ahead
		return 0, false, nil
	}
	return 0, false, &Later{After: left, Err: errComing}
}
