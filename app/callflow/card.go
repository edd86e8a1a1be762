package callflow

import (
	"cmp"
	"context"
	"errors"

	"callwise/app/b24"
	"callwise/models"
)

// cardTime is when a user is to see the card of a call.
func (w *work) cardTime(user int64) models.CardTime {
	card := w.portal.Settings.Card
	return cmp.Or(card.Employees[user], card.When, models.CardOnRing)
}

// showCard opens the card for the employee who has answered, where that is when
// it is to be seen. Bitrix24 opened it when the call was registered for those
// who see it when it rings; the card of a click is Bitrix24's own. A card that
// is shown again does not change. A refusal is no reason to give the call up.
func (w *work) showCard(ctx context.Context) error {
	card := &w.row.Progress.Popup
	if w.row.Progress.Register.CallID == "" || !w.call.Answered() || card.Shown != 0 || !w.anyOnAnswer() {
		return nil
	}
	user, err := w.answerer(ctx)
	if err != nil {
		return err
	}
	when := w.cardTime(user)
	if user == w.row.Progress.Register.UserID {
		when = card.When // a change of the settings does not hide what is shown
	}
	if when != models.CardOnAnswer {
		return nil
	}
	_, err = w.client.ShowCard(ctx, *w.row.B24CallID, []int64{user})
	w.did("show", errorCode(err))
	if err != nil && (!b24.IsPortal(err) || passes(err)) {
		return err
	}
	card.Shown = user
	return w.Store.SaveCall(ctx, w.row)
}

// anyOnAnswer reports that somebody may see the card on the answer only.
func (w *work) anyOnAnswer() bool {
	card := w.portal.Settings.Card
	return card.When == models.CardOnAnswer || len(card.Employees) > 0 || w.row.Progress.Popup.When == models.CardOnAnswer
}

// answerer is the user who took the call first, else whom it was registered for.
func (w *work) answerer(ctx context.Context) (int64, error) {
	e, err := w.Store.EmployeeAt(ctx, w.portal, w.call.AnsweredBy)
	if errors.Is(err, models.ErrNotFound) {
		return w.row.Progress.Register.UserID, nil
	}
	if err != nil {
		return 0, err
	}
	return e.UserID, nil
}

// hideCard closes the card of a click that is not finished in Bitrix24, once:
// it would stay open otherwise. That the portal does not know the call any more
// is as good.
func (w *work) hideCard(ctx context.Context) error {
	if w.row.Kind != models.KindClick || w.row.Progress.Popup.Hidden {
		return nil
	}
	users, err := w.cardHolders()
	if err != nil {
		return err
	}
	if len(users) > 0 {
		_, err = w.client.HideCard(ctx, *w.row.B24CallID, users)
		w.did("hide", errorCode(err))
		if err != nil && (!b24.IsPortal(err) || passes(err)) {
			return err
		}
	}
	w.row.Progress.Popup.Hidden = true
	return w.Store.SaveCall(ctx, w.row)
}

// cardHolders are those who see the card of a click: who clicked, and who
// talked.
func (w *work) cardHolders() ([]int64, error) {
	clicked, err := w.named("USER_ID")
	if err != nil {
		return nil, err
	}
	var users []int64
	for _, user := range []int64{clicked, w.row.UserID} {
		if user != 0 && (len(users) == 0 || users[0] != user) {
			users = append(users, user)
		}
	}
	return users, nil
}
