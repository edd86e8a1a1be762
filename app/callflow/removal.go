package callflow

import (
	"context"
	"errors"
	"strings"
	"time"

	"callwise/app/b24"
	"callwise/models"
)

// uninstalled takes the word that the app was removed from a portal. It is ignored
// when it is older than the present installation by more than the portal's clock may
// be behind ours, for events come in any order. It is believed when the portal does
// not have the app, or no pair of tokens is left alive, as none is by the time a true
// one comes, and ignored when the portal answers us: the application token alone is
// not proof enough to remove everything, for it passes through the browser of every
// employee who opens our pages. What neither of them says now, because the portal is
// busy, down or closed, refuses tokens that are not known to be dead, or was asked too
// often, is found out later: within an hour the tokens are to be renewed, and the
// authorization server knows. What could not be forgotten now, is forgotten later.
//
// https://apidocs.bitrix24.com/api-reference/common/events/on-app-uninstall.html
func (f *Flow) uninstalled(ctx context.Context, portal *models.Portal, e b24.Event, asked func(portalID int64) error) error {
	if !e.At.IsZero() && outdated(portal, e.At.Add(portalBehind)) {
		return nil
	}
	word := e.Data["CLEAN"]
	clean := word == "1" || strings.EqualFold(word, "true") || strings.EqualFold(word, "Y")
	if asked(portal.ID) == nil {
		settled, err := f.settleRemoval(ctx, portal, clean)
		if settled && err == nil {
			return nil
		}
		if err != nil {
			f.Log.ErrorContext(ctx, "a removal is repeated", "portal", portal.ID, "error", err)
		}
	}
	storing, cancel := context.WithTimeout(context.WithoutCancel(ctx), wordWithin)
	defer cancel()
	return f.Store.EnqueueRemoval(storing, portal.ID, clean)
}

// wordWithin is how long the storing of the word on a removal may take, though its
// sender hangs up: Bitrix24 does not repeat it.
const wordWithin = 20 * time.Second

// portalBehind is how far a portal's clock may be behind ours. To ask a portal that was
// installed anew does no harm; to miss a word, which Bitrix24 does not repeat, would.
const portalBehind = time.Hour

// outdated reports a removal that happened before the app was installed again.
func outdated(portal *models.Portal, at time.Time) bool {
	return portal.InstalledAt != nil && at.Add(clockSlack).Before(*portal.InstalledAt)
}

// Removed finds out whether the app was removed from a portal, as was said at a
// time, and then forgets the portal. It may be repeated. The error says to come
// again when the portal does not tell.
func (f *Flow) Removed(ctx context.Context, portalID int64, clean bool, at time.Time) error {
	portal, err := f.Store.PortalByID(ctx, portalID)
	if err != nil || outdated(portal, at) {
		return err
	}
	if portal.Status == models.PortalUninstalled {
		// By a version that left to this job what work in flight had stored meanwhile.
		return f.forget(ctx, portal, false)
	}
	settled, err := f.settleRemoval(ctx, portal, clean)
	if err == nil && !settled {
		err = &Later{After: time.Minute, Err: errUnsettled}
	}
	return err
}

// errUnsettled: nobody tells whether the app was removed from a portal.
var errUnsettled = errors.New("callflow: not known whether the app was removed")

// aliveWithin is how long a portal is asked whether it still has the app.
const aliveWithin = 40 * time.Second

// settleRemoval asks a portal whether it still has the app, and forgets the
// portal if not: everything of it with clean, else all secrets and personal
// data. It reports false when there is no clear answer.
func (f *Flow) settleRemoval(ctx context.Context, portal *models.Portal, clean bool) (bool, error) {
	asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), aliveWithin)
	defer cancel()
	_, err := f.Client(portal).AppState(asking)
	switch {
	case err == nil:
		f.Log.WarnContext(ctx, "a removal that did not happen was reported", "portal", portal.ID)
		return true, nil
	case b24.Gone(err):
		return true, f.forget(ctx, portal, clean)
	case errors.Is(err, b24.ErrNeedsAuth):
		live, err := f.Store.LiveTokens(asking, portal.ID)
		if err != nil {
			return false, err
		}
		if len(live) == 0 {
			return true, f.forget(ctx, portal, clean)
		}
	}
	markOf(ctx).remark("removal not settled", ErrorCode(err))
	return false, nil
}

// Times of forgetting a portal.
const (
	forgetAtOnce = 5 * time.Second  // of whoever took the word on its removal
	forgetSlice  = 20 * time.Second // of a job, before others have their turn
	forgetAgain  = time.Minute      // until what failed is tried again
)

// errForgetting: a portal is forgotten in part.
var errForgetting = errors.New("callflow: a part of a portal is forgotten")

// forget takes a portal out of use and begins to forget it; what that leaves, a job
// does.
func (f *Flow) forget(ctx context.Context, portal *models.Portal, clean bool) error {
	defer f.Lookups.forget(portal.ID)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), wordWithin)
	defer cancel()
	rest, err := f.Store.Uninstall(ctx, portal.ID, clean)
	if err != nil {
		return err
	}
	soon, cancel := context.WithTimeout(ctx, 2*forgetAtOnce)
	defer cancel()
	if _, err := f.Store.Forget(soon, rest, f.Now().Add(forgetAtOnce)); err != nil {
		f.Log.ErrorContext(ctx, "a removal is repeated", "portal", portal.ID, "error", err)
	}
	return nil
}

// Forget carries on forgetting a portal that the app was removed from. It does a
// part at a time and may be broken off anywhere; an error for which [Wait] reports
// true says that there is more to do. It never gives up.
func (f *Flow) Forget(ctx context.Context, a models.ForgetArgs) error {
	over, err := f.Store.Forget(ctx, a, f.Now().Add(forgetSlice))
	if broken(ctx, err) {
		markOf(ctx).Err = err
		return &Later{After: forgetAgain, Err: err}
	}
	if err == nil && !over {
		err = &Later{Err: errForgetting}
	}
	return err
}
