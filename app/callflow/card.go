package callflow

import (
	"context"

	"callwise/models"
)

// hideCard closes the card of a click that is not finished in Bitrix24, once:
// it would stay open otherwise. That the portal does not know the call any more
// is as good.
func (w *work) hideCard(ctx context.Context) error {
	if w.row.Kind != models.KindClick || w.row.Progress.Card.Hidden {
		return nil
	}
	users, err := w.cardHolders()
	if err != nil {
		return err
	}
	if len(users) > 0 {
		_, err = w.client.HideCard(ctx, *w.row.B24CallID, users)
		w.did("hide", errorCode(err))
		if err != nil {
			return err
		}
	}
	w.row.Progress.Card.Hidden = true
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
