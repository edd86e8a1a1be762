package handlers

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"callwise/app/b24"
	"callwise/app/callflow"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
)

func TestAPanicIsCountedAndItsPlaceIsLoggedButNotItsValue(t *testing.T) {
	var log bytes.Buffer
	h := &Handlers{
		Log: slog.New(slog.NewTextHandler(&log, nil)), Metrics: prometheus.NewRegistry(), Now: time.Now, Limits: NewLimits(nil),
		Flow: &callflow.Flow{Now: func() time.Time { panic("+4930901820") }},
	}
	router := h.Router()
	event := url.Values{
		"event": {b24.ExternalCallStart}, "auth[member_id]": {"7c1e0b9a54d2463f8f10aa6be37d9c25"}, "auth[domain]": {"acme.bitrix24.com"},
		"data[CALL_ID]": {"externalCall.1"}, "data[PHONE_NUMBER]": {"+4930901820"}, "data[USER_ID]": {"17"},
	}
	request := httptest.NewRequest(http.MethodPost, "/b24/events", strings.NewReader(event.Encode()))
	request.Header.Set(echo.HeaderContentType, echo.MIMEApplicationForm)
	answer := httptest.NewRecorder()
	router.ServeHTTP(answer, request)
	if answer.Code != http.StatusInternalServerError || strings.Contains(answer.Body.String(), "panic") {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	if log := log.String(); strings.Contains(log, "4930901820") || !strings.Contains(log, "panic of type") || !strings.Contains(log, "handlers/events.go") {
		t.Errorf("log: %s", log)
	}
	shown := httptest.NewRecorder()
	router.ServeHTTP(shown, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, line := range []string{
		`callwise_events_refused_total{source="bitrix24",status="500"} 1`,
		`callwise_http_request_seconds_count{method="POST",route="/b24/events",status="500"} 1`,
	} {
		if !strings.Contains(shown.Body.String(), line+"\n") {
			t.Errorf("no %s in the metrics", line)
		}
	}
}
