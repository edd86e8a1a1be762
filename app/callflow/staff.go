package callflow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"callwise/app/b24"
	"callwise/models"

	"github.com/google/uuid"
)

// When a call names somebody nobody knows, the portal's employees are read
// again: no more often than each staffGap, and waited for no longer than
// staffWithin.
const (
	staffGap    = time.Minute
	staffWithin = 3 * time.Second
)

// employeeAt is the active user at an extension, as of now: somebody who has
// just been given it counts. ErrNotFound when nobody has it.
func (w *work) employeeAt(ctx context.Context, extension string) (*models.Employee, error) {
	e, err := w.employeeKnownAt(ctx, extension)
	if !errors.Is(err, models.ErrNotFound) {
		return e, err
	}
	if err := w.reread(ctx); err != nil {
		return nil, err
	}
	return w.employeeKnownAt(ctx, extension)
}

// employeeKnownAt is the active user at an extension as far as we know, looked up
// once a round. ErrNotFound when nobody has it.
func (w *work) employeeKnownAt(ctx context.Context, extension string) (*models.Employee, error) {
	if e, looked := w.staff[extension]; looked {
		return e, nobody(e)
	}
	e, err := w.Store.EmployeeAt(ctx, w.portal, extension)
	if err == nil || errors.Is(err, models.ErrNotFound) {
		w.staff[extension] = e
	}
	return e, err
}

// nobody is models.ErrNotFound for no employee.
func nobody(e *models.Employee) error {
	if e == nil {
		return models.ErrNotFound
	}
	return nil
}

// reread reads the employees anew if that was not done just now, by any
// process. That the portal does not answer is no reason to hold the call up.
func (w *work) reread(ctx context.Context) error {
	if w.portal.EmployeesReadWithin(staffGap, w.Now()) {
		return nil
	}
	// The lease is not given back: it runs out when the next reading is due.
	due, err := w.Store.Acquire(ctx, fmt.Sprintf("staff:%d", w.portal.ID), w.Owner+"/"+uuid.NewString(), staffGap)
	if err != nil || !due {
		return err
	}
	reading, cancel := context.WithTimeout(ctx, staffWithin)
	defer cancel()
	err = w.ReadEmployees(reading, w.client, w.portal)
	clear(w.staff)
	if err == nil || ctx.Err() != nil {
		return err
	}
	if !b24.IsPortal(err) && reading.Err() == nil {
		return err
	}
	markOf(ctx).remark("employees not read", ErrorCode(err))
	return nil
}
