package callflow

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"callwise/app/call"
	"callwise/models"
)

// An audience is who has to do with a call at the moment.
type audience struct {
	here []int64 // whose telephone rings, and who talks
	see  []int64 // those of them who are to see the card
}

func (a *audience) add(user int64, sees bool) {
	if user == 0 || slices.Contains(a.here, user) {
		return
	}
	a.here = append(a.here, user)
	if sees {
		a.see = append(a.see, user)
	}
}

// audience reads from the call who talks and whose telephone rings. The user
// whom the call is registered for stands in for an extension that nobody has,
// and for the employee of a call that the portal places; while the caller only
// hears a menu there is nobody.
func (w *work) audience(ctx context.Context) (audience, error) {
	var a audience
	card, standIn := w.portal.Settings.Card, w.row.Progress.Register.UserID
	if w.call.Answered() {
		talker, err := w.userAt(ctx, w.call.TalkedLast)
		if err != nil {
			return a, err
		}
		talker = cmp.Or(talker, standIn)
		a.add(talker, card.For(talker) != models.CardNever)
	}
	for _, extension := range w.call.Ringing {
		user, err := w.userAt(ctx, extension)
		if err != nil {
			return a, err
		}
		a.add(user, card.For(user) == models.CardOnRing)
	}
	if len(a.here) == 0 && !w.inMenu() {
		a.add(standIn, card.For(standIn) == models.CardOnRing)
	}
	return a, nil
}

// inMenu reports a caller whom nobody has been rung for yet.
func (w *work) inMenu() bool {
	return w.call.Direction == call.Incoming && len(w.call.Extensions) == 0 && !w.call.Answered()
}

// userAt is the user at an extension, 0 if nobody is known there. Who has it when
// the call comes keeps it, see [work.note].
func (w *work) userAt(ctx context.Context, extension string) (int64, error) {
	if w.row.Kind == models.KindPBX && w.row.Extension == extension && w.row.UserID != 0 {
		return w.row.UserID, nil
	}
	e, err := w.employeeKnownAt(ctx, extension)
	if errors.Is(err, models.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return e.UserID, nil
}

// opens reports whether the card is to open for the user whom the call is
// registered for, and remembers it: an attempt whose answer is lost may have
// opened it.
func (w *work) opens(ctx context.Context, user int64) (bool, error) {
	a, err := w.audience(ctx)
	if err != nil {
		return false, err
	}
	show := !w.call.Ended && slices.Contains(a.see, user)
	popup := &w.row.Progress.Popup
	popup.Opened = true
	if show {
		popup.Users = union(popup.Users, []int64{user})
	}
	return show, nil
}

// moveCard shows the call card to those whose telephone rings, and takes it from
// those who have no more to do with the call: when somebody has answered, the
// queue goes on to the next one, or the call is given to a colleague. Showing
// and hiding may be repeated; a refusal is no reason to give the call up. Nobody
// loses the card because the settings changed meanwhile.
//
// https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-call-show.html
func (w *work) moveCard(ctx context.Context) error {
	if w.row.B24CallID == nil {
		return nil // nothing is registered for an internal or hidden call
	}
	if w.row.Kind == models.KindClick && !w.handedOn() {
		return nil // it is Bitrix24's own, for who clicked
	}
	seen, err := w.seen()
	if err != nil {
		return err
	}
	a, err := w.audience(ctx)
	if err != nil {
		return err
	}
	show, hide := without(a.see, seen), without(seen, a.here)
	if len(show) == 0 && len(hide) == 0 {
		return nil
	}
	if err := w.card(ctx, "show", w.client.ShowCard, show); err != nil {
		return err
	}
	if err := w.card(ctx, "hide", w.client.HideCard, hide); err != nil {
		return err
	}
	w.row.Progress.Popup.Opened, w.row.Progress.Popup.Users = true, without(union(seen, show), hide)
	return w.save(ctx)
}

// handedOn reports a call that somebody else talks on than who took it first.
func (w *work) handedOn() bool {
	return w.call.TalkedLast != w.call.AnsweredBy
}

// seen is who sees the card: those it was shown to, or whom Bitrix24 opened it
// for by itself.
func (w *work) seen() ([]int64, error) {
	popup := w.row.Progress.Popup
	if popup.Opened {
		return popup.Users, nil
	}
	if w.row.Kind != models.KindClick {
		return []int64{w.row.Progress.Register.UserID}, nil
	}
	clicked, err := w.named("USER_ID")
	if err != nil || clicked == 0 {
		return nil, err
	}
	return []int64{clicked}, nil
}

// card shows or hides the card.
func (w *work) card(ctx context.Context, step string, do func(context.Context, string, []int64) (bool, error), users []int64) error {
	if len(users) == 0 {
		return nil
	}
	_, err := do(ctx, *w.row.B24CallID, users)
	w.did(step, ErrorCode(err))
	if err != nil && !refusedForGood(err) {
		return err
	}
	return nil
}

// hideCard closes the card of a click that is not finished in Bitrix24, once:
// it would stay open otherwise. That the portal does not know the call any more
// is as good.
func (w *work) hideCard(ctx context.Context) error {
	if w.row.Kind != models.KindClick || w.row.Progress.Popup.Hidden {
		return nil
	}
	seen, err := w.seen()
	if err != nil {
		return err
	}
	if w.row.UserID != 0 {
		seen = union(seen, []int64{w.row.UserID})
	}
	if err := w.card(ctx, "hide", w.client.HideCard, seen); err != nil {
		return err
	}
	w.row.Progress.Popup.Hidden = true
	return w.save(ctx)
}
