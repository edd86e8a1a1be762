package callflow

import (
	"context"
	"time"

	"callwise/models"
)

// confirmWithin is how long a page waits to learn who its visitor is by now.
const confirmWithin = 3 * time.Second

// Confirm says what a visitor who was admitted earlier is by now. An
// administrator's own tokens ask the portal; an employee left none with us and
// must be on the list of employees, which is at most about an hour old. An
// error means that it is not known, or that the visitor is nobody any more.
func (f *Flow) Confirm(ctx context.Context, portal *models.Portal, userID int64, admin bool) (stillAdmin bool, err error) {
	if !admin {
		_, err := f.Store.EmployeeByUser(ctx, portal.ID, userID)
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, confirmWithin)
	defer cancel()
	profile, err := f.Client(portal).Profile(ctx, userID)
	return profile.Admin, err
}
