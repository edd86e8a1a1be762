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
	errSlow      = errors.New("handlers: the database did not store events in time")
)

// statuses is the one place where errors become HTTP statuses, the first match
// wins.
var statuses = []struct {
	err    error
	status int
}{
	{errSession, http.StatusUnauthorized},
	{errKey, http.StatusUnauthorized},
	{errNotInstalled, http.StatusNotFound},
	{errForbidden, http.StatusForbidden},
	{callflow.ErrNotAdmin, http.StatusForbidden},
	{callflow.ErrForeign, http.StatusForbidden},
	{b24.ErrForged, http.StatusForbidden},
	{b24.ErrMalformed, http.StatusBadRequest},
	{pbx.ErrSyntax, http.StatusBadRequest},
	{models.ErrNotFound, http.StatusNotFound},
	{callflow.ErrNoRecording, http.StatusNotFound},
	{callflow.ErrNoRemedy, http.StatusNotFound},
	{models.ErrConflict, http.StatusConflict},
	{callflow.ErrPortalBusy, http.StatusServiceUnavailable},
	{errSlow, http.StatusServiceUnavailable},
	{callflow.ErrPortalSlow, http.StatusGatewayTimeout},
	{context.Canceled, 499}, // the client has gone; nobody reads the answer
}

// statusOf is the status that says what went wrong.
func statusOf(err error) int {
	if _, ok := errors.AsType[tooMany](err); ok {
		return http.StatusTooManyRequests
	}
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
	for _, refused := range refusedAudio {
		if errors.Is(err, refused.err) {
			return refused.status
		}
	}
	if b24.IsPortal(err) {
		return http.StatusBadGateway
	}
	return http.StatusInternalServerError
}

// plain are the pages that go with a status.
var plain = map[int]views.PlainKind{
	http.StatusBadRequest:            views.NotRead,
	http.StatusUnauthorized:          views.SessionExpired,
	http.StatusForbidden:             views.NoPermission,
	http.StatusNotFound:              views.NotFound,
	http.StatusMethodNotAllowed:      views.About,
	http.StatusRequestEntityTooLarge: views.TooLarge,
	http.StatusTooManyRequests:       views.TooMany,
	http.StatusBadGateway:            views.Unreachable,
}

// plainOf is the page about an error.
func plainOf(err error, status int) views.PlainKind {
	if errors.Is(err, errNotInstalled) || errors.Is(err, b24.ErrForged) {
		return views.NotInstalled
	}
	if kind, ok := plain[status]; ok {
		return kind
	}
	return views.ServerError
}

// answerError answers a request that failed. What happened stands in the log's
// line about the request; the visitor gets a page, never the error's own text.
func (h *Handlers) answerError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	troubled(c, h.sayError(c, err, statusOf(err)))
}

// retryAfter is when what was too much may be tried again, in seconds. Uploads
// that are under way take their time, and calls theirs to be told of.
func retryAfter(err error) string {
	if limit, ok := errors.AsType[tooMany](err); ok {
		return limit.after()
	}
	if errors.Is(err, models.ErrFull) {
		return "600"
	}
	return "10"
}

func (h *Handlers) sayError(c echo.Context, err error, status int) error {
	if status == http.StatusTooManyRequests {
		c.Response().Header().Set(echo.HeaderRetryAfter, retryAfter(err))
	}
	if ofPBX(c) {
		return sayProblem(c, problemOf(err, status))
	}
	if c.Request().Method == http.MethodHead || !wantsPage(c) {
		return c.String(status, http.StatusText(status)+"\n")
	}
	// A body that broke off has ended the request's context, and with it the page.
	c.SetRequest(c.Request().WithContext(context.WithoutCancel(c.Request().Context())))
	return render(c, status, views.Plain(views.PlainPage{Page: h.around(c), Kind: plainOf(err, status), Request: requestID(c)}))
}

// around is what stands around a message: the visitor's language and tabs, as
// far as the visitor is known. A message to somebody unknown holds nothing that
// needs protection, and may stand in the frame of whoever asked: otherwise the
// browser would show an error of its own in its place.
func (h *Handlers) around(c echo.Context) views.Page {
	if v, ok := c.Get(keyVisitor).(view); ok {
		return h.page(v, views.OtherTab, true)
	}
	if !framed(c) {
		c.Response().Header().Set("Content-Security-Policy", policy("", "*"))
	}
	return h.bare(c)
}

// wantsPage reports a request that a person sees the answer of.
func wantsPage(c echo.Context) bool {
	switch c.Path() {
	case "/b24/events", "/healthz", "/readyz", "/metrics", "/static/*":
		return false
	}
	return true
}
