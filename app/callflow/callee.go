package callflow

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"callwise/app/b24"
	"callwise/models"
)

// callee is the employee whom a callback rings, chosen once: who looks after the
// visitor's card, unless they do not work now or have no telephone; else the
// first of the duty list who has one and does not talk, else who talks. It is 0
// for other calls, and when nobody is found that way. Once the callback is
// ordered nobody else is chosen, and nothing is written: who tells the PBX does
// not have the call to itself.
func (w *work) callee(ctx context.Context) (int64, error) {
	progress := &w.row.Progress
	chosen := progress.Callee != 0 && !slices.Contains(progress.Refused, progress.Callee)
	switch {
	case w.row.Kind != models.KindCallback:
		return 0, nil
	case chosen, progress.Ordered:
		return progress.Callee, nil
	}
	duty := w.portal.Settings.Callbacks.Duty
	if len(duty) == 0 {
		return 0, nil
	}
	user, err := w.owner(ctx)
	if err != nil {
		return 0, err
	}
	free, err := w.free(ctx, user)
	if err != nil || free {
		return w.ring(ctx, user, "callback_owner", err)
	}
	user, err = w.onDuty(ctx, duty, user)
	return w.ring(ctx, user, "callback_duty", err)
}

// ring remembers whom the callback rings.
func (w *work) ring(ctx context.Context, user int64, step string, err error) (int64, error) {
	if err != nil || user == 0 {
		return 0, err
	}
	w.row.Progress.Callee = user
	w.did(step, "")
	return user, w.save(ctx)
}

// free reports an employee who can be rung, and works now as far as the portal
// tells. That it does not answer is no reason to pass the owner over.
func (w *work) free(ctx context.Context, user int64) (bool, error) {
	if user == 0 || slices.Contains(w.row.Progress.Refused, user) {
		return false, nil
	}
	extension, err := w.extensionOf(ctx, user)
	if err != nil || extension == "" {
		return false, err
	}
	customers, err := w.Customers(ctx, w.portal, w.phone)
	if err != nil && !b24.IsPortal(err) && !errors.Is(err, ErrPortalSlow) {
		return false, err
	}
	off := slices.ContainsFunc(customers, func(c b24.Customer) bool {
		return c.Responsible.UserID == user && !c.Responsible.OnDuty
	})
	return !off, nil
}

// onDuty is the first of a duty list who can be rung and does not talk, else the
// first who can be rung; 0 for nobody. The owner, who does not work now, is
// passed over.
func (w *work) onDuty(ctx context.Context, duty []string, owner int64) (int64, error) {
	talking, err := w.Store.Talking(ctx, w.portal.ID)
	if err != nil {
		return 0, err
	}
	var busy int64
	for _, id := range duty {
		user, err := w.rings(ctx, id)
		if err != nil {
			return 0, err
		}
		if user == owner {
			continue
		}
		if user != 0 && !slices.Contains(talking, user) {
			return user, nil
		}
		if busy == 0 {
			busy = user
		}
	}
	return busy, nil
}

// rings is the active user with that id who has a telephone; 0 otherwise.
func (w *work) rings(ctx context.Context, id string) (int64, error) {
	user, err := strconv.ParseInt(id, 10, 64)
	if err != nil || slices.Contains(w.row.Progress.Refused, user) {
		return 0, err
	}
	active, err := exists(w.Store.EmployeeByUser(ctx, w.portal.ID, user))
	if err != nil || !active {
		return 0, err
	}
	extension, err := w.extensionOf(ctx, user)
	if err != nil || extension == "" {
		return 0, err
	}
	return user, nil
}
