package callflow

import (
	"context"
	"errors"
	"slices"

	"callwise/app/b24"
	"callwise/models"
)

// errNobody: Bitrix24 takes the call for nobody we know.
var errNobody = errors.New("callflow: no user of the portal takes the call")

// responsible is the user whose call this is: who talks or is rung, else whom a
// callback rings, else who owns the client's card, else who installed the app, else the first active
// user. Users whom Bitrix24 has refused for this call are passed over.
func (w *work) responsible(ctx context.Context) (int64, error) {
	candidates := []func(context.Context) (int64, error){
		func(context.Context) (int64, error) { return w.row.UserID, nil },
		w.callee,
		w.owner,
		func(ctx context.Context) (int64, error) { return w.Store.Installer(ctx, w.portal.ID) },
		func(ctx context.Context) (int64, error) {
			return w.Store.Substitute(ctx, w.portal.ID, w.row.Progress.Refused)
		},
	}
	for _, candidate := range candidates {
		user, err := candidate(ctx)
		if err != nil && !errors.Is(err, models.ErrNotFound) {
			return 0, err
		}
		if user != 0 && !slices.Contains(w.row.Progress.Refused, user) {
			return user, nil
		}
	}
	return 0, errNobody
}

// owner is the active user who looks after the client's card; 0 for none.
func (w *work) owner(ctx context.Context) (int64, error) {
	if w.row.Records == nil {
		return 0, nil
	}
	user := w.row.Records.Responsible()
	if user == 0 {
		return 0, nil
	}
	active, err := exists(w.Store.EmployeeByUser(ctx, w.portal.ID, user))
	if err != nil || !active {
		return 0, err
	}
	return user, nil
}

// refusedUser reports, and remembers, that Bitrix24 does not take a call for a
// user who has left: the list of employees may be an hour old.
//
// https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-call-register.html
func (w *work) refusedUser(err error, user int64) bool {
	refusal, ok := errors.AsType[*b24.Error](err)
	if !ok || !refusal.Says("not found or is not active") {
		return false
	}
	w.row.Progress.Refused = append(w.row.Progress.Refused, user)
	return true
}
