// Package handlers answers HTTP: it reads a request, asks one question, and
// answers. What may go wrong is turned into a status in one place.
package handlers

import (
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"callwise/app/callflow"
	"callwise/models"
	"callwise/static"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/prometheus/client_golang/prometheus"
)

// Handlers answer the requests of interface.md §3. The fields are set once.
type Handlers struct {
	Store    *models.Store
	Flow     *callflow.Flow
	Sessions *Sessions
	Log      *slog.Logger
	// Metrics are shown at /metrics; each of their names begins with callwise_.
	Metrics *prometheus.Registry
	// PublicURL is where people and Bitrix24 reach us, without a slash at the end.
	PublicURL string
	// B24JS is the address of the BX24 library.
	B24JS string
	// Insecure accepts command URLs at http loopback addresses.
	Insecure bool
	Now      func() time.Time
	// Limits are how often one may ask.
	Limits *Limits

	sources sourceCache
	refused *prometheus.CounterVec // by the limit that was reached
}

// Bounds of what a request may carry (interface.md §3, §4).
const (
	eventBody = "64KiB"
	pbxBody   = "256KiB"
	pageBody  = "64KiB"
	formBody  = "512KiB" // of all settings
)

// pbxPath is where the PBX API begins.
const pbxPath = "/pbx/v1"

// Router returns the program's HTTP interface.
func (h *Handlers) Router() http.Handler {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = h.answerError
	e.IPExtractor = h.Limits.extractor()
	h.refused = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "callwise_requests_refused_total", Help: "Requests above a limit, by whose limit it is.",
	}, []string{"limit"})
	h.Metrics.MustRegister(h.refused)
	e.Use(h.logged, traced, secured, lastOfItsConnection, h.measured(), caught, compressed)

	e.GET("/healthz", h.alive)
	e.GET("/readyz", h.ready)
	e.GET("/metrics", h.metrics())
	e.GET("/static/*", echo.WrapHandler(http.StripPrefix("/static/", static.Handler())))

	b := e.Group("/b24", middleware.BodyLimit(eventBody))
	b.POST("/events", h.receiveEvent)
	b.POST("/install", h.install)
	b.POST("/app", h.openApp)
	b.POST("/calls", h.openCalls)
	for _, path := range []string{"/install", "/app", "/calls"} {
		b.GET(path, h.about)
		b.HEAD(path, h.about)
	}

	e.GET(pbxPath+"/openapi.yaml", h.openAPI)
	e.GET(docsPath, h.docs)
	e.HEAD(docsPath, h.docs)
	k := e.Group(pbxPath, middleware.BodyLimit(pbxBody))
	k.POST("/events", h.receivePBXEvents)
	k.GET("/customers", h.customer, h.withKey)
	e.PUT(uploadRoute, h.takeRecording, h.withKey)

	e.GET(schemaPath, h.settingsSchema)
	h.settingsPages(e.Group("", middleware.BodyLimit(formBody), h.withSession, admins))

	e.GET(recordingRoute, h.recording)
	s := e.Group("", middleware.BodyLimit(pageBody), h.withSession)
	h.pages(s)
	return e
}

// portalAddress is where a portal's own pages are: the endpoint without its
// /rest/. A portal on its own server may stand in a folder.
func portalAddress(p *models.Portal) string {
	u, err := url.Parse(p.Endpoint)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host + u.Path[:max(0, len(u.Path)-len("/rest/"))]
}
