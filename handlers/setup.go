package handlers

import (
	"context"
	"net/http"

	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"
	"callwise/views"

	"github.com/labstack/echo/v4"
)

// checkSetup shows how far the first run has come.
func (h *Handlers) checkSetup(c echo.Context) error {
	v, ctx := viewFrom(c), c.Request().Context()
	if !asPart(c) {
		return h.renderSettings(c, v, http.StatusOK, settingsForm{})
	}
	keys, err := h.Store.PBXKeys(ctx, v.portal.ID)
	if err != nil {
		return err
	}
	known, err := h.staff(ctx, v)
	if err != nil {
		return err
	}
	setup, err := h.setup(ctx, v, keys, known)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, views.SetupState(setup))
}

// setup is the first run. It is shown until a real call was decided and its end
// handled: from then on the log tells how things stand.
func (h *Handlers) setup(ctx context.Context, v view, keys []models.PBXKey, known staff) (views.Setup, error) {
	p, s := v.portal, v.portal.Settings
	seen, err := h.Store.SeenCalls(ctx, p.ID)
	if err != nil || seen.Decided {
		return views.Setup{}, err
	}
	tokens, err := h.Store.LiveTokens(ctx, p.ID)
	if err != nil {
		return views.Setup{}, err
	}
	used := h.lastUsed(v, keys)
	strays, doubles := len(known.unmapped(s)), len(known.doubles(s))
	checks := []views.SetupCheck{
		{Code: views.SetupAccess, Fine: len(tokens) > 0 && p.Status != models.PortalReauth && p.Status != models.PortalSuspended, Detail: p.StatusCode},
		{Code: views.SetupInstalled, Fine: p.InstalledAt != nil && p.Status != models.PortalInstalling && p.MissingScopes == "", Detail: p.MissingScopes},
		{Code: views.SetupKey, Fine: len(keys) > 0},
		{Code: views.SetupReported, Fine: seen.PBX, Detail: used},
		{Code: views.SetupRepeat, Fine: p.Mode() == crm.Simple || s.RepeatInBitrix24 != rules.RepeatUnknown},
		{Code: views.SetupExtensions, Fine: p.EmployeesAt != nil && strays+doubles == 0},
	}
	if strays+doubles > 0 {
		checks[len(checks)-1].Detail = v.l.N("setup.extensions.wrong", strays+doubles)
	}
	return views.Setup{
		L: v.l, Session: v.token, Shown: true, Creates: s.CreateEntities, Connected: used != "", Checks: checks,
	}, nil
}

// lastUsed says when a PBX used a key last; nothing while none did.
func (h *Handlers) lastUsed(v view, keys []models.PBXKey) string {
	var last *models.PBXKey
	for _, k := range keys {
		if k.LastUsedAt != nil && (last == nil || k.LastUsedAt.After(*last.LastUsedAt)) {
			last = &k
		}
	}
	if last == nil {
		return ""
	}
	return v.l.T("testcall.key.used", "Name", last.Name, "When", v.l.Moment(*last.LastUsedAt, h.Now(), v.zone).Text)
}
