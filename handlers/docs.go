package handlers

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"

	"callwise/app/call"
	"callwise/app/callflow"
	"callwise/app/pbx"
	"callwise/views"

	"github.com/labstack/echo/v4"
)

// docsPath is where developers of PBXs read how to connect one.
const docsPath = "/pbx/docs"

// problems are the statuses of the PBX API whose answers are problems.
var problems = []int{
	http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound, http.StatusConflict,
	http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusTooManyRequests,
	http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
}

// docs explains the PBX API to its developers, in the language that the address
// names or else the browser. The page is the same for everybody and may be kept.
func (h *Handlers) docs(c echo.Context) error {
	page := views.DocsPage{
		L:    views.ForBrowser(c.QueryParam("lang"), c.Request().Header.Get("Accept-Language")),
		Host: h.PublicURL, API: h.PublicURL + pbxPath, Problems: problems,
	}
	for _, s := range pbx.Statuses() {
		page.Statuses = append(page.Statuses, views.DocsStatus{
			Word: string(s), Incoming: callflow.CodeOf(s, call.Incoming), Outgoing: callflow.CodeOf(s, call.Outgoing),
		})
	}
	var body bytes.Buffer
	if err := views.Docs(page).Render(c.Request().Context(), &body); err != nil {
		return err
	}
	sum := sha256.Sum256(body.Bytes())
	// Weak: the same page may be sent compressed.
	tag := `W/"` + hex.EncodeToString(sum[:12]) + `"`
	header := c.Response().Header()
	header.Set("Cache-Control", "public, max-age=3600")
	header.Set("Content-Language", page.L.Tag())
	header.Set("ETag", tag)
	header.Add(echo.HeaderVary, "Accept-Language")
	if c.Request().Header.Get("If-None-Match") == tag {
		return c.NoContent(http.StatusNotModified)
	}
	return c.HTMLBlob(http.StatusOK, body.Bytes())
}
