package callflow

import (
	"context"
	"errors"

	"callwise/app/b24"
	"callwise/models"
)

// Codes of states that Bitrix24 has no code of its own for.
const (
	CodeNoREST      = "NO_REST"     // the portal's plan has no REST API
	CodeUninstalled = "UNINSTALLED" // the application is not on the portal
)

// suspend shows on a portal that Bitrix24 does not work for us: plan, payment,
// a block, closed, the app is gone, or nobody's tokens are good. A wrong client
// secret looks like the last but one for all portals at once, so nothing is
// removed.
func (f *Flow) suspend(ctx context.Context, portal *models.Portal, err error) error {
	status := models.PortalSuspended
	switch {
	case portal.Status != models.PortalActive && portal.Status != models.PortalSuspended:
		return nil
	case errors.Is(err, b24.ErrNeedsAuth) && portal.Status == models.PortalActive:
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
	return errorCode(err)
}

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
	if err == nil || missing {
		return errors.Join(err, f.resume(ctx, portal))
	}
	return errors.Join(err, f.suspend(ctx, portal, err))
}
