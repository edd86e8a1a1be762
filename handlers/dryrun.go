package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// endDryRun turns dry run off, with a version of its own in the history. The
// page's version does not matter: nothing else is changed. Off already, it is no
// version: the button may be pressed twice.
func (h *Handlers) endDryRun(c echo.Context) error {
	v, ctx := viewFrom(c), c.Request().Context()
	if err := h.Flow.ChangeSettings(ctx, v.portal.ID, v.visitor.UserID, map[string]string{"dry_run": "off"}); err != nil {
		return err
	}
	if err := h.Store.EnqueueLines(ctx, v.portal.ID); err != nil {
		return err
	}
	before := v.portal
	var err error
	if v.portal, err = h.Store.PortalByID(ctx, v.portal.ID); err != nil {
		return err
	}
	return h.renderSettings(c, v, http.StatusOK, settingsForm{done: &settingsDone{before: before}})
}
