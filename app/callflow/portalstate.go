package callflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"callwise/app/b24"
	"callwise/models"
)

// Codes of states that Bitrix24 has no code of its own for.
const (
	CodeNoREST      = "NO_REST"            // the portal's plan has no REST API
	CodeUninstalled = "UNINSTALLED"        // the application is not on the portal
	CodeNeedsAuth   = "NEEDS_AUTH"         // an administrator is to open the application
	CodeUnreachable = "PORTAL_UNREACHABLE" // the portal does not answer
)

// suspend shows on a portal that Bitrix24 does not work for us: plan, payment,
// a block, closed, the app is gone, tokens are not renewed, or nobody's are good. A wrong client
// secret looks like the last but one for all portals at once, so nothing is
// removed.
func (f *Flow) suspend(ctx context.Context, portal *models.Portal, err error) error {
	status := models.PortalSuspended
	_, unasked := errors.AsType[notAsked](err)
	switch {
	case unasked, portal.Status == models.PortalInstalling, portal.Status == models.PortalUninstalled:
		return nil
	case errors.Is(err, b24.ErrNeedsAuth) && portal.Status != models.PortalReauth:
		status = models.PortalReauth
	case !b24.Suspended(err) && !b24.Gone(err):
		return nil
	}
	code := stateCode(err)
	if portal.Status == status && portal.StatusCode == code {
		return nil
	}
	return known(f.Store.SetStatus(ctx, portal.ID, status, code))
}

func stateCode(err error) string {
	switch {
	case errors.Is(err, b24.ErrNoREST):
		return CodeNoREST
	case b24.Gone(err):
		return CodeUninstalled
	}
	return ErrorCode(err)
}

// suspensions are what the codes of suspended portals come from; all others are
// those of refused renewals.
var suspensions = map[string]error{
	string(b24.PaymentRequired): b24.ErrPaymentRequired,
	string(b24.PortalDeleted):   b24.ErrPortalDeleted,
	string(b24.OverloadLimit):   b24.ErrBlocked,
	CodeNoREST:                  b24.ErrNoREST,
	CodeUninstalled:             b24.ErrUninstalled,
}

// suspension is what requests to a portal end with that is suspended; nil for
// another one. The authorization server is not asked either: what it has refused
// with a definite code must not be asked again for the same token, and it blocks
// applications that renew too much.
//
// https://apidocs.bitrix24.com/settings/oauth/auto-renewal.html
func suspension(portal *models.Portal) error {
	if portal.Status != models.PortalSuspended {
		return nil
	}
	why := cmp.Or(suspensions[portal.StatusCode], b24.ErrRenewal)
	refusal := &b24.Error{Method: "not asked", Code: b24.Code(portal.StatusCode)}
	return notAsked{fmt.Errorf("%w: %w", why, refusal)}
}

// notAsked is the refusal of a portal that has not been asked: the last one it gave.
type notAsked struct{ error }

func (n notAsked) Unwrap() error { return n.error }

// resume ends a suspension: the portal has just worked for us. The calls that
// wait for it are worked on now.
func (f *Flow) resume(ctx context.Context, portal *models.Portal) error {
	if portal.Status != models.PortalSuspended && portal.Status != models.PortalReauth {
		return nil
	}
	if err := f.Store.SetStatus(ctx, portal.ID, models.PortalActive, ""); err != nil {
		return known(err)
	}
	portal.Status, portal.StatusCode = models.PortalActive, ""
	return f.Store.WakeFailing(ctx, portal.ID)
}

// noted shows on a portal what asking it for something came to, and returns
// that.
func (f *Flow) noted(ctx context.Context, portal *models.Portal, err error) error {
	_, missing := errors.AsType[*MissingScopes](err)
	if err == nil || missing || refusesOnly(err) {
		return errors.Join(err, f.resume(ctx, portal))
	}
	return errors.Join(err, f.suspend(ctx, portal, err))
}

// refusesOnly reports a refusal by which a portal shows that it works for us: it is
// the portal's own, of one request, and for good.
func refusesOnly(err error) bool {
	refusal, answered := errors.AsType[*b24.Error](err)
	return answered && refusal.Method != b24.Renewal && refusesOne(err) && refusedForGood(err)
}
