package callflow

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"callwise/app/call"
	"callwise/models"
)

// clickedAgain is how soon after a click another of the same user on the same
// number is one that nobody meant.
const clickedAgain = 5 * time.Second

// clickLease names the lease of a user's clicks on a number without showing it.
func (w *work) clickLease() string {
	return fmt.Sprintf("click:%d:%d:%x", w.portal.ID, w.row.UserID, sha256.Sum256([]byte(w.phone.Key())))
}

// orderClick has a click placed, unless the same user clicked the number a
// moment ago, or there is no telephone to ring: Bitrix24 has opened a card for
// either, so the call ends at once.
func (w *work) orderClick(ctx context.Context) error {
	held, err := w.holdPatiently(ctx, w.clickLease(), w.orderOnce)
	if err != nil || held {
		return err
	}
	return w.place(ctx) // better dialled twice than not at all
}

func (w *work) orderOnce(ctx context.Context) error {
	again, err := w.Store.ClickedWithin(ctx, w.row, clickedAgain)
	if err != nil {
		return err
	}
	if again {
		w.row.Progress.Excluded = models.ByRepeat
		w.did("excluded_repeat", "")
		return w.breakOff(ctx)
	}
	user, err := w.responsible(ctx)
	if err != nil {
		return err
	}
	extension, err := w.extensionNow(ctx, user)
	if err != nil {
		return err
	}
	if extension == "" {
		w.row.Progress.NoExtension = true
		w.did("order_nobody", "")
		return w.breakOff(ctx)
	}
	return w.place(ctx)
}

// brokenOff reports a click that the PBX is not told of.
func (w *work) brokenOff() bool {
	return w.row.Progress.NoExtension || w.row.Progress.Excluded == models.ByRepeat
}

// breakOff ends such a click; the rest follows when that is read. It may be
// done again.
func (w *work) breakOff(ctx context.Context) error {
	if err := w.save(ctx); err != nil {
		return err
	}
	status := call.StatusFailed
	if w.row.Progress.Excluded == models.ByRepeat {
		status = call.StatusCancelled
	}
	return w.say(ctx, w.row, call.Event{
		Type: call.Ended, At: w.Now().UTC(), Direction: w.call.Direction, Phone: w.call.Phone, Line: w.call.Line, Status: status,
	})
}

// extensionNow is where a user is rung; one who has none is looked up anew.
func (w *work) extensionNow(ctx context.Context, user int64) (string, error) {
	extension, err := w.extensionOf(ctx, user)
	if err != nil || extension != "" {
		return extension, err
	}
	if err := w.reread(ctx); err != nil {
		return "", err
	}
	return w.extensionOf(ctx, user)
}
