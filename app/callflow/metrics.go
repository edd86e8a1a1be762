package callflow

import (
	"slices"
	"strconv"

	"callwise/app/b24"
	"callwise/app/rules"
	"callwise/models"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics count what an operator watches. No label names a portal. A nil
// *Metrics counts nothing.
type Metrics struct {
	events    *prometheus.CounterVec
	requests  *prometheus.CounterVec
	decisions *prometheus.CounterVec
	incidents *prometheus.CounterVec
	alerts    *prometheus.CounterVec
}

// NewMetrics makes the counters and registers them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		r.MustRegister(c)
		return c
	}
	return &Metrics{
		events:    counter("events_accepted_total", "Events about calls that were stored, by who sent them.", "source"),
		requests:  counter("portal_requests_total", "Requests to portals and for tokens, by the code of the answer.", "code"),
		decisions: counter("calls_decided_total", "Decisions about calls, by reason.", "reason"),
		incidents: counter("incidents_total", "Incidents of portals that began and that ended, by kind.", "kind", "what"),
		alerts:    counter("alerts_total", "Alerts sent to people in Bitrix24, by whether they were reached.", "reached"),
	}
}

func (m *Metrics) accepted(source models.Source, n int) {
	if m != nil {
		m.events.WithLabelValues(string(source)).Add(float64(n))
	}
}

func (m *Metrics) decided(reason rules.Reason) {
	if m != nil {
		m.decisions.WithLabelValues(string(reason)).Inc()
	}
}

func (m *Metrics) requested(r b24.Request) {
	if m != nil {
		m.requests.WithLabelValues(codeLabel(r)).Inc()
	}
}

func (m *Metrics) incident(kind models.IncidentKind, what string) {
	if m != nil {
		m.incidents.WithLabelValues(string(kind), what).Inc()
	}
}

func (m *Metrics) alerted(reached bool) {
	if m != nil {
		m.alerts.WithLabelValues(strconv.FormatBool(reached)).Inc()
	}
}

// watched are the codes that are counted by name: a portal can answer any code,
// and a label must not have any value.
var watched = []b24.Code{
	b24.AccessDenied, b24.ApplicationNotFound, b24.AuthorizationError, b24.ConnectionError, b24.ErrorCore, b24.ExpiredToken,
	b24.InsufficientScope, b24.InternalServerError, b24.InvalidClient, b24.InvalidGrant, b24.InvalidToken, b24.MethodNotFound,
	b24.NoAuthFound, b24.NotFound, b24.OperationTimeLimit, b24.OverloadLimit, b24.PaymentRequired, b24.PortalDeleted,
	b24.QueryLimitExceeded, b24.UnexpectedAnswer, b24.UserAccessError, b24.WrongAuthType, b24.WrongClient,
}

func codeLabel(r b24.Request) string {
	switch {
	case slices.Contains(watched, r.Code):
		return string(r.Code)
	case r.Code != "":
		return "other"
	case r.Status == 0:
		return "no_answer"
	case r.Status != 200:
		return "no_code"
	}
	return "ok"
}
