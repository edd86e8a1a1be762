package handlers

import (
	"context"
	"errors"
	"net/http"

	"callwise/app/b24"
	"callwise/app/callflow"
	"callwise/app/pbx"
	"callwise/models"
	"callwise/views"

	"github.com/labstack/echo/v4"
)

// Errors of requests.
var (
	errForbidden = errors.New("handlers: the visitor may not do this")
	errKey       = errors.New("handlers: no valid PBX key")
)

// statuses is the one place where errors become HTTP statuses, the first match
// wins.
var statuses = []struct {
	err    error
	status int
}{
	{errSession, http.StatusUnauthorized},
	{errKey, http.StatusUnauthorized},
	{errForbidden, http.StatusForbidden},
	{callflow.ErrNotAdmin, http.StatusForbidden},
	{callflow.ErrForeign, http.StatusForbidden},
	{b24.ErrForged, http.StatusForbidden},
	{b24.ErrMalformed, http.StatusBadRequest},
	{pbx.ErrSyntax, http.StatusBadRequest},
	{models.ErrNotFound, http.StatusNotFound},
	{models.ErrConflict, http.StatusConflict},
	{context.Canceled, 499}, // the client has gone; nobody reads the answer
}

// statusOf is the status that says what went wrong.
func statusOf(err error) int {
	for _, known := range statuses {
		if errors.Is(err, known.err) {
			return known.status
		}
	}
	if _, ok := errors.AsType[*pbx.Invalid](err); ok {
		return http.StatusUnprocessableEntity
	}
	if wrong, ok := errors.AsType[*echo.HTTPError](err); ok {
		return wrong.Code
	}
	if callflow.IsPortal(err) {
		return http.StatusBadGateway
	}
	return http.StatusInternalServerError
}

// plain are the pages that go with a status.
var plain = map[int]views.PlainKind{
	http.StatusUnauthorized: views.SessionExpired,
	http.StatusForbidden:    views.NoPermission,
	http.StatusNotFound:     views.NotFound,
	http.StatusBadGateway:   views.Unreachable,
}

// answerError answers a request that failed. The log gets what happened, once;
// the visitor gets a page, never the error's own text.
func (h *Handlers) answerError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	status := statusOf(err)
	if status >= http.StatusInternalServerError {
		h.Log.ErrorContext(c.Request().Context(), "request failed",
			"route", c.Path(), "status", status, "request", requestID(c), "error", err)
	}
	if wrong := h.sayError(c, status); wrong != nil {
		h.Log.ErrorContext(c.Request().Context(), "error page not written", "route", c.Path(), "error", wrong)
	}
}

func (h *Handlers) sayError(c echo.Context, status int) error {
	if c.Request().Method == http.MethodHead || !wantsPage(c) {
		return c.String(status, http.StatusText(status)+"\n")
	}
	kind, ok := plain[status]
	if !ok {
		kind = views.ServerError
	}
	return render(c, status, views.Plain(views.PlainPage{Page: h.bare(c), Kind: kind, Request: requestID(c)}))
}

// wantsPage reports a request that a person sees the answer of.
func wantsPage(c echo.Context) bool {
	switch c.Path() {
	case "/b24/events", "/healthz", "/readyz", "/metrics", "/static/*":
		return false
	}
	return true
}
