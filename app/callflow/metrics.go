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
	events     *prometheus.CounterVec
	duplicates *prometheus.CounterVec
	decisions  *prometheus.CounterVec
	results    *prometheus.CounterVec
	retries    *prometheus.CounterVec
	requests   *prometheus.CounterVec
	waited     prometheus.Histogram
	refreshes  *prometheus.CounterVec
	purged     *prometheus.CounterVec
	incidents  *prometheus.CounterVec
	alerts     *prometheus.CounterVec
	recovered  prometheus.Counter
	statistics *prometheus.CounterVec
}

// NewMetrics makes the counters and registers them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		r.MustRegister(c)
		return c
	}
	recovered := prometheus.NewCounter(prometheus.CounterOpts{Name: "calls_recovered_total", Help: "Calls that no event told of and that the call statistics brought."})
	waited := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "portal_request_seconds", Help: "Time until a portal answered a request.", Buckets: portalBuckets,
	})
	r.MustRegister(waited, recovered)
	m := &Metrics{
		events:     counter("events_accepted_total", "Events about calls that were stored, by who sent them.", "source"),
		duplicates: counter("events_duplicate_total", "Events about calls that had been stored before, by who sent them.", "source"),
		decisions:  counter("calls_decided_total", "Decisions about calls, by reason.", "reason"),
		results:    counter("calls_settled_total", "Calls that nothing is left to do for, by what became of them.", "result"),
		retries:    counter("call_retries_total", "Rounds of work on calls that failed and are repeated, by the code of why.", "code"),
		requests:   counter("portal_requests_total", "Requests to portals and for tokens, by the code of the answer.", "code"),
		waited:     waited,
		purged:     counter("purged_rows_total", "Rows that were kept long enough and removed, by table.", "table"),
		refreshes:  counter("token_refreshes_total", "Renewals of access tokens, by the code of the answer.", "code"),
		incidents:  counter("incidents_total", "Incidents of portals that began and that ended, by kind.", "kind", "what"),
		alerts:     counter("alerts_total", "Alerts sent to people in Bitrix24, by whether they were reached.", "reached"),
		recovered:  recovered,
		statistics: counter("statistics_reads_total", "Looks at call statistics of portals, by the code of what became of them: ok, or why they failed.", "code"),
	}
	m.begin()
	return m
}

// begin shows what is waited for with 0: an increase from nothing is none.
func (m *Metrics) begin() {
	for _, source := range []models.Source{models.SourceBitrix24, models.SourcePBX} {
		m.accepted(source, 0)
		m.repeated(source, 0)
	}
	for _, result := range models.SettledResults {
		m.results.WithLabelValues(string(result))
	}
	for _, code := range ownCodes {
		m.retries.WithLabelValues(code)
		m.statistics.WithLabelValues(code)
	}
	m.statistics.WithLabelValues("ok")
	m.statistics.WithLabelValues(string(b24.AccessDenied))
	for _, code := range watched {
		m.requests.WithLabelValues(string(code))
	}
	for _, code := range []b24.Code{b24.PaymentRequired, b24.PortalDeleted, b24.OverloadLimit} {
		m.retries.WithLabelValues(string(code))
	}
	for _, code := range []string{"ok", "no_answer", "no_code", "other"} {
		m.requests.WithLabelValues(code)
		m.refreshes.WithLabelValues(code)
	}
	m.refreshes.WithLabelValues(string(b24.InvalidGrant))
	m.Purged(models.Purged{})
}

// portalBuckets are seconds: a portal answers in a tenth of one, or hardly at all.
var portalBuckets = []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 100}

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

func (m *Metrics) recoveredCall() {
	if m != nil {
		m.recovered.Inc()
	}
}

func (m *Metrics) statisticsRead(err error) {
	switch {
	case m == nil:
	case err == nil:
		m.statistics.WithLabelValues("ok").Inc()
	default:
		m.statistics.WithLabelValues(retryLabel(ErrorCode(err))).Inc()
	}
}

func (m *Metrics) repeated(source models.Source, n int) {
	if m != nil {
		m.duplicates.WithLabelValues(string(source)).Add(float64(n))
	}
}

func (m *Metrics) settled(result models.CallResult) {
	if m != nil {
		m.results.WithLabelValues(string(result)).Inc()
	}
}

func (m *Metrics) retried(code string) {
	if m != nil {
		m.retries.WithLabelValues(retryLabel(code)).Inc()
	}
}

func (m *Metrics) requested(r b24.Request) {
	if m == nil {
		return
	}
	m.requests.WithLabelValues(codeLabel(r)).Inc()
	m.waited.Observe(r.Duration.Seconds())
	if r.Method == b24.Renewal {
		m.refreshes.WithLabelValues(codeLabel(r)).Inc()
	}
}

// Purged counts what a purge removed.
func (m *Metrics) Purged(p models.Purged) {
	if m == nil {
		return
	}
	for table, n := range map[string]int64{"calls": p.Calls, "events": p.Events, "rest_log": p.Requests} {
		m.purged.WithLabelValues(table).Add(float64(n))
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

// ownCodes are the codes of [ErrorCode] that are not Bitrix24's.
var ownCodes = []string{CodeNeedsAuth, CodeUninstalled, CodeNoREST, CodeUnreachable, codeInternal}

// retryLabel is a code of [ErrorCode] as a label.
func retryLabel(code string) string {
	if slices.Contains(ownCodes, code) || slices.Contains(watched, b24.Code(code)) {
		return code
	}
	return "other"
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
