package handlers

import (
	"context"
	"errors"
	"net/http"
	"time"

	"callwise/app/b24"
	"callwise/app/callflow"
	"callwise/views"

	"github.com/labstack/echo/v4"
)

// Times of the health page: how long Bitrix24 may take to tell how it stands,
// and to mend something.
const (
	conditionWithin = 10 * time.Second
	cureWithin      = 20 * time.Second
)

func (h *Handlers) healthRoutes(a *echo.Group) {
	both := []string{http.MethodGet, http.MethodPost}
	a.Match(both, "/health", h.health)
	a.Match(both, "/health/portal", h.healthPortal)
	a.POST("/health/cure/:remedy", h.cure)
}

// health shows what we know ourselves at once. Bitrix24 is asked by a request of
// its own: one that hangs does not keep the page from being shown.
func (h *Handlers) health(c echo.Context) error {
	page, err := h.healthPage(c.Request().Context(), viewFrom(c))
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, views.Health(page))
}

// healthPortal asks Bitrix24 and shows what it told: that part alone for htmx,
// else the whole page.
func (h *Handlers) healthPortal(c echo.Context) error {
	v, ctx := viewFrom(c), c.Request().Context()
	page := views.HealthPage{Page: views.Page{L: v.l, Session: v.token}}
	if !asPart(c) {
		var err error
		if page, err = h.healthPage(ctx, v); err != nil {
			return err
		}
	}
	var err error
	if page.Portal, err = h.portalLines(ctx, v); err != nil {
		return err
	}
	page.Asked = v.l.Moment(h.Now(), h.Now(), v.zone)
	if asPart(c) {
		return render(c, http.StatusOK, views.HealthPortal(page))
	}
	return render(c, http.StatusOK, views.Health(page))
}

// cure mends one thing and shows the page anew, with what came of it.
func (h *Handlers) cure(c echo.Context) error {
	v, remedy := viewFrom(c), callflow.Remedy(c.Param("remedy"))
	ctx, cancel := context.WithTimeout(c.Request().Context(), cureWithin)
	defer cancel()
	err := h.Flow.Cure(ctx, v.portal, remedy)
	_, missing := errors.AsType[*callflow.MissingScopes](err)
	switch {
	case missing:
		v.notice = &views.Notice{Text: v.l.T("health.cured.scopes"), Failed: true}
	case err != nil && !b24.IsPortal(err) && !errors.Is(err, context.DeadlineExceeded):
		return err
	case err != nil:
		v.notice = &views.Notice{Text: v.l.T("health.not_cured", "Code", codeOf(err)), Failed: true}
	default:
		v.notice = &views.Notice{Text: v.l.T("health.cured")}
	}
	if v.portal, err = h.Store.PortalByID(c.Request().Context(), v.portal.ID); err != nil {
		return err
	}
	page, err := h.healthPage(c.Request().Context(), v)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, views.Health(page))
}

func (h *Handlers) healthPage(ctx context.Context, v view) (views.HealthPage, error) {
	keys, err := h.Store.PBXKeys(ctx, v.portal.ID)
	if err != nil {
		return views.HealthPage{}, err
	}
	lines, err := h.ownLines(ctx, v, len(keys) > 0)
	return views.HealthPage{Page: h.page(v, views.HealthTab, len(keys) > 0), Here: lines}, err
}
