package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"callwise/app/pbx"
	"callwise/models"
	"callwise/views"

	"github.com/labstack/echo/v4"
)

// Bounds of what the settings page takes.
const (
	maxCommandURL = 500
	maxKeyName    = 60
)

// settingsPages are the routes of the settings. Their forms hold every setting
// of a large portal, so they may be larger than others.
func (h *Handlers) settingsPages(a *echo.Group) {
	both := []string{http.MethodGet, http.MethodPost}
	a.Match(both, "/settings", h.settings)
	a.POST("/settings/save", h.saveSettings)
	a.POST("/settings/review", h.reviewSettings)
	a.POST("/settings/undo", h.undoSettings)
	a.Match(both, "/settings/history", h.history)
	a.Match(both, "/settings/history/:version", h.historyVersion)
	a.POST("/settings/history/:version/restore", h.restoreVersion)
	a.POST("/settings/export", h.exportSettings)
	a.Match(both, "/settings/import", h.importSettings)
	h.privacyPages(a)
	h.trialPages(a)
}

func (h *Handlers) settings(c echo.Context) error {
	return h.renderSettings(c, viewFrom(c), http.StatusOK, settingsForm{})
}

// saveSettings stores what differs from the page's version. A field that is
// missing changes nothing.
func (h *Handlers) saveSettings(c echo.Context) error {
	v := viewFrom(c)
	e, err := h.enteredEdit(c, v)
	if err != nil {
		return err
	}
	return h.finishEdit(c, v, e)
}

// reviewSettings shows what Save would change, and stores nothing.
func (h *Handlers) reviewSettings(c echo.Context) error {
	v := viewFrom(c)
	e, err := h.enteredEdit(c, v)
	if err != nil {
		return err
	}
	if e.wrong() {
		return h.renderSettings(c, v, http.StatusUnprocessableEntity, settingsForm{edit: e})
	}
	if e.stale(v) {
		return h.renderConflict(c, v, e)
	}
	return h.renderSettings(c, v, http.StatusOK, settingsForm{edit: e, review: true})
}

// undoSettings takes back what was just saved. What others saved since stays:
// it is an edit of the version that was saved, like any other.
func (h *Handlers) undoSettings(c echo.Context) error {
	v := viewFrom(c)
	e, err := h.postedEdit(c, v)
	if err != nil {
		return err
	}
	form, err := postedForm(c)
	if err != nil {
		return err
	}
	to, err := versionOf(form.Get("to"))
	if err != nil {
		return err
	}
	before, err := h.Store.SettingsAt(c.Request().Context(), v.portal.ID, to)
	if err != nil {
		return err
	}
	e.next, e.said = before.Settings, v.l.Undone()
	if to != e.version {
		e.restoredFrom = to
	}
	return h.finishEdit(c, v, e)
}

// finishEdit stores an edit, or shows what keeps it from being stored.
func (h *Handlers) finishEdit(c echo.Context, v view, e *settingsEdit) error {
	if e.wrong() {
		return h.renderSettings(c, v, http.StatusUnprocessableEntity, settingsForm{edit: e})
	}
	if e.stale(v) {
		return h.renderConflict(c, v, e)
	}
	err := h.storeEdit(c, v, e)
	if errors.Is(err, models.ErrConflict) {
		return h.renderConflict(c, v, e)
	}
	if err != nil {
		return err
	}
	before := v.portal
	if v.portal, err = h.Store.PortalByID(c.Request().Context(), v.portal.ID); err != nil {
		return err
	}
	return h.renderSettings(c, v, http.StatusOK, settingsForm{done: &settingsDone{before: before, said: e.said}})
}

// storeEdit writes an edit of the current settings down and has the lines in
// Bitrix24 follow the switches. An edit that changes nothing is no version.
func (h *Handlers) storeEdit(c echo.Context, v view, e *settingsEdit) error {
	ctx := c.Request().Context()
	changes := v.portal.Settings.Changes(e.next)
	if len(changes) > 0 {
		err := h.Store.SaveSettings(ctx, models.SettingsEdit{
			PortalID: v.portal.ID, Version: v.portal.SettingsVersion, Settings: e.next,
			UserID: v.visitor.UserID, RestoredFrom: e.restoredFrom,
		})
		if err != nil {
			return err
		}
	}
	if err := h.storeCommandURL(c, v, e); err != nil {
		return err
	}
	if !touchesLines(changes) {
		return nil
	}
	return h.Store.EnqueueLines(ctx, v.portal.ID)
}

// storeCommandURL stores the address for commands if the form changed it; the
// first one gets a secret to sign with.
func (h *Handlers) storeCommandURL(c echo.Context, v view, e *settingsEdit) error {
	if !e.changesURL() {
		return nil
	}
	ctx := c.Request().Context()
	if err := h.Store.SetCommandURL(ctx, v.portal.ID, e.url); err != nil {
		return err
	}
	if e.url == "" || v.portal.CommandSecret != "" {
		return nil
	}
	return h.Store.SetCommandSecret(ctx, v.portal.ID, pbx.NewSecret())
}

// touchesLines reports changes that Bitrix24's external lines follow.
func touchesLines(changes []models.SettingChange) bool {
	return slices.ContainsFunc(changes, func(c models.SettingChange) bool {
		switch models.SettingParts(c.Path)[0] {
		case "create_entities", "outgoing_calls", "dry_run", "lines":
			return true
		}
		return false
	})
}

// checkCommandURL says what is wrong with an address for commands; none at all
// is fine.
func (h *Handlers) checkCommandURL(address string) views.FieldError {
	if address == "" {
		return views.NoError
	}
	if len(address) > maxCommandURL {
		return views.ErrTooLong
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return views.ErrNotAnAddress
	}
	loopback := h.Insecure && isLoopback(u.Hostname())
	switch {
	case u.Scheme != "https" && !(u.Scheme == "http" && loopback):
		return views.ErrNotHTTPS
	case !loopback && isPrivate(u.Hostname()):
		return views.ErrNotReachable
	}
	return views.NoError
}
