package handlers

import (
	"bytes"
	"net/http"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"
)

// render answers with a page. It is built before the status is sent, so that a
// page that fails is an error and not half a page.
func render(c echo.Context, status int, page templ.Component) error {
	var body bytes.Buffer
	if err := page.Render(c.Request().Context(), &body); err != nil {
		return err
	}
	return c.HTMLBlob(status, body.Bytes())
}

// stream sends pieces of a page as they are ready.
type stream struct {
	c     echo.Context
	flush *http.ResponseController
}

// startStream begins a page whose end is not known yet: 200 is sent now.
func startStream(c echo.Context) *stream {
	c.Response().Header().Set(echo.HeaderContentType, echo.MIMETextHTMLCharsetUTF8)
	c.Response().Header().Set("X-Accel-Buffering", "no")
	c.Response().WriteHeader(http.StatusOK)
	return &stream{c: c, flush: http.NewResponseController(c.Response().Writer)}
}

// send writes a piece and sees that it leaves.
func (s *stream) send(piece templ.Component) error {
	if err := piece.Render(s.c.Request().Context(), s.c.Response()); err != nil {
		return err
	}
	return s.flush.Flush()
}
