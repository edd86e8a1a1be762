package handlers

import (
	"cmp"
	"net/http"
	"strings"

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
	http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound, http.StatusRequestEntityTooLarge,
	http.StatusUnprocessableEntity, http.StatusInternalServerError, http.StatusBadGateway,
}

// docs explains the PBX API to its developers. The page is the same for
// everybody and may be kept.
func (h *Handlers) docs(c echo.Context) error {
	lang, _, _ := strings.Cut(c.Request().Header.Get("Accept-Language"), ",")
	lang, _, _ = strings.Cut(lang, "-")
	page := views.DocsPage{
		Page: views.Page{L: views.ForLang(cmp.Or(c.QueryParam("lang"), lang))}, API: h.PublicURL + pbxPath, Problems: problems,
	}
	for _, s := range pbx.Statuses() {
		page.Statuses = append(page.Statuses, views.DocsStatus{
			Word: string(s), Incoming: callflow.CodeOf(s, call.Incoming), Outgoing: callflow.CodeOf(s, call.Outgoing),
		})
	}
	header := c.Response().Header()
	header.Set("Cache-Control", "public, max-age=3600")
	header.Add(echo.HeaderVary, "Accept-Language")
	return render(c, http.StatusOK, views.Docs(page))
}
