package handlers

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	keyRequest = "request"
	keyVisitor = "visitor"
	keyPortal  = "portal"
)

// requestID is the name of this request in the log.
func requestID(c echo.Context) string {
	id, _ := c.Get(keyRequest).(string)
	return id
}

// logged writes one line for each request: the route's pattern, never the
// address, which may carry a number.
func (h *Handlers) logged(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id := uuid.NewString()
		c.Set(keyRequest, id)
		start := h.Now()
		err := next(c)
		if err != nil {
			c.Error(err)
		}
		h.Log.DebugContext(c.Request().Context(), "request",
			"method", c.Request().Method, "route", c.Path(), "status", c.Response().Status,
			"duration", h.Now().Sub(start), "request", id)
		return nil
	}
}

func (h *Handlers) panicked(_ echo.Context, err error, _ []byte) error { return err }

// secured sets the headers that every answer carries. Pages in the portal's
// frame widen the policy for exactly that portal.
func secured(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		header := c.Response().Header()
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Content-Security-Policy", policy("", ""))
		if c.Path() != "/static/*" {
			header.Set("Cache-Control", "no-store")
		}
		return next(c)
	}
}

// compressed makes answers small for browsers that ask for it: a portal's page
// waits for ours. What a page reflects is posted by that page alone, with a
// token no other site has, so its length tells a stranger nothing.
var compressed = middleware.GzipWithConfig(middleware.GzipConfig{MinLength: compressFrom})

// compressFrom is the length in bytes from which an answer is compressed.
const compressFrom = 1024

// policy is the content security policy of a page: scripts come from us and
// from the BX24 library's host, and only the portal may frame it.
func policy(library, portal string) string {
	if portal == "" {
		portal = "'none'"
	}
	return strings.Join([]string{
		"default-src 'none'", strings.TrimSpace("script-src 'self' " + library), "style-src 'self'",
		"img-src 'self' data:", "media-src 'self'", "connect-src 'self'", "form-action 'self'",
		"base-uri 'none'", "frame-ancestors " + portal,
	}, "; ")
}

// measured counts and times requests by route and status.
func (h *Handlers) measured() echo.MiddlewareFunc {
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "callwise_http_request_seconds", Help: "Time to answer a request.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5},
	}, []string{"route", "method", "status"})
	h.Metrics.MustRegister(duration)
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			start := time.Now()
			err := next(c)
			status := c.Response().Status
			if err != nil {
				status = statusOf(err)
			}
			duration.WithLabelValues(c.Path(), c.Request().Method, strconv.Itoa(status)).Observe(time.Since(start).Seconds())
			return err
		}
	}
}

func (h *Handlers) metrics() echo.HandlerFunc {
	return echo.WrapHandler(promhttp.HandlerFor(h.Metrics, promhttp.HandlerOpts{}))
}

// alive answers as long as the process does.
func (h *Handlers) alive(c echo.Context) error { return c.String(http.StatusOK, "ok\n") }

// ready answers 200 when the database is reached and its schema is ours.
func (h *Handlers) ready(c echo.Context) error {
	if err := h.Store.Ready(c.Request().Context()); err != nil {
		h.Log.WarnContext(c.Request().Context(), "not ready", "error", err)
		return c.String(http.StatusServiceUnavailable, "not ready\n")
	}
	return c.String(http.StatusOK, "ready\n")
}
