package handlers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"callwise/app/callflow"
	"callwise/models"

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
	keyTrouble = "trouble"
	keyMark    = "mark"
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
		line := []any{
			"method", methodOf(c), "route", c.Path(), "status", c.Response().Status,
			"duration", h.Now().Sub(start), "request", id,
		}
		h.Log.Log(c.Request().Context(), loudness(c), "request", append(line, particulars(c, err)...)...)
		return nil
	}
}

// marking is the context for what a request brings about calls: the line about it
// says which they are.
func marking(c echo.Context) context.Context {
	mark := new(callflow.Mark)
	c.Set(keyMark, mark)
	return callflow.WithMark(c.Request().Context(), mark)
}

// particulars are what the line about a request says besides: for which portal
// and call, by their row ids, of which calls it brought news, and what went wrong in
// our house or beyond it. The texts of other errors are the sender's business.
func particulars(c echo.Context, err error) []any {
	var line []any
	if id := portalID(c); id != 0 {
		line = append(line, "portal", id)
	}
	if id, err := strconv.ParseInt(c.Param("id"), 10, 64); err == nil && strings.HasPrefix(c.Path(), "/calls/:id") {
		line = append(line, "call", id)
	}
	if mark, _ := c.Get(keyMark).(*callflow.Mark); mark != nil && len(mark.Named) > 0 {
		line = append(line, "trace", mark.Named)
	}
	trouble, _ := c.Get(keyTrouble).(error)
	if c.Response().Status >= http.StatusInternalServerError {
		trouble = errors.Join(err, trouble)
	}
	if trouble != nil {
		line = append(line, "error", trouble)
	}
	return line
}

// troubled notes what went wrong with a request that is answered all the same.
func troubled(c echo.Context, err error) {
	known, _ := c.Get(keyTrouble).(error)
	if joined := errors.Join(known, err); joined != nil {
		c.Set(keyTrouble, joined)
	}
}

// portalID is the row id of the portal that a request is for, once it is known.
func portalID(c echo.Context) int64 {
	if v, ok := c.Get(keyVisitor).(view); ok {
		return v.portal.ID
	}
	switch p := c.Get(keyPortal).(type) {
	case *models.Portal:
		return p.ID
	case int64: // where its id is all that is needed
		return p
	}
	return 0
}

// loudness is how loud the line about a request is: failures of ours are errors,
// trouble is a warning, and what machines ask all the time only shows at debug.
func loudness(c echo.Context) slog.Level {
	switch status := c.Response().Status; {
	case c.Path() == "/readyz" && status != http.StatusOK:
		return slog.LevelWarn
	case status >= http.StatusInternalServerError:
		return slog.LevelError
	case c.Get(keyTrouble) != nil:
		return slog.LevelWarn
	}
	switch c.Path() {
	case "/healthz", "/readyz", "/metrics", "/static/*":
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// caught makes a panic the error of its request, so that it is answered, counted
// and logged as any failure of ours. The log gets neither the value nor the
// arguments, which could quote a number: the library's own middleware would print
// the value.
func caught(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			switch r := recover(); r {
			case nil:
			case http.ErrAbortHandler:
				panic(r) // ends the connection
			default:
				err = fmt.Errorf("handlers: panic of type %T\n%s", r, debug.Stack())
			}
		}()
		return next(c)
	}
}

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
// What compresses itself (metrics), or is small already (recordings, answers to
// events), is left alone.
var compressed = middleware.GzipWithConfig(middleware.GzipConfig{
	MinLength: compressFrom,
	Skipper: func(c echo.Context) bool {
		_, event := eventSources[c.Path()]
		return event || c.Path() == "/metrics" || c.Path() == recordingRoute
	},
})

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

// eventSources are the addresses that take events about calls, and who sends
// there.
var eventSources = map[string]models.Source{
	"/b24/events": models.SourceBitrix24, pbxPath + "/events": models.SourcePBX,
}

// measured counts and times requests by route and status, and counts the
// events that were not taken.
func (h *Handlers) measured() echo.MiddlewareFunc {
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "callwise_http_request_seconds", Help: "Time to answer a request.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5},
	}, []string{"route", "method", "status"})
	refused := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "callwise_events_refused_total", Help: "Requests with events about calls that were not taken, by who sent them and the status of the answer.",
	}, []string{"source", "status"})
	h.Metrics.MustRegister(duration, refused)
	for _, source := range eventSources {
		for _, status := range []string{"401", "403", "500", "503"} {
			refused.WithLabelValues(string(source), status) // an increase from nothing is none
		}
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			start := time.Now()
			err := next(c)
			status := c.Response().Status
			if err != nil {
				status = statusOf(err)
			}
			duration.WithLabelValues(c.Path(), methodOf(c), strconv.Itoa(status)).Observe(time.Since(start).Seconds())
			if source, ok := eventSources[c.Path()]; ok && status >= http.StatusBadRequest {
				refused.WithLabelValues(string(source), strconv.Itoa(status)).Inc()
			}
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
		troubled(c, err)
		return c.String(http.StatusServiceUnavailable, "not ready\n")
	}
	return c.String(http.StatusOK, "ready\n")
}
