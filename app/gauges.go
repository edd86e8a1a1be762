package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"callwise/models"

	"github.com/prometheus/client_golang/prometheus"
)

// The backlog is read at most every gaugeAge, however often and by however many
// it is asked for, and waited for no longer than gaugeWithin.
const (
	gaugeAge    = 15 * time.Second
	gaugeWithin = 3 * time.Second
)

// Gauges of what stands in the database. All processes show the same.
var (
	gaugeDatabase  = prometheus.NewDesc("database_up", "Whether the database answers: 1 or 0.", nil, nil)
	gaugeEvents    = prometheus.NewDesc("events_waiting", "Events that wait to be worked on; counted up to 5000.", nil, nil)
	gaugeOldest    = prometheus.NewDesc("events_oldest_seconds", "How long the first event that waits has waited.", nil, nil)
	gaugeJobs      = prometheus.NewDesc("jobs_waiting", "Jobs that no worker has taken yet; counted up to 5000.", nil, nil)
	gaugeRetrying  = prometheus.NewDesc("calls_retrying", "Calls that failed and will be repeated; counted up to 5000.", nil, nil)
	gaugeAttention = prometheus.NewDesc("calls_needing_somebody", "Calls that an administrator is to mend; counted up to 5000.", nil, nil)
	gaugeMissing   = prometheus.NewDesc("calls_missing", "Calls that call statistics brought 20 to 80 minutes ago, that no event told of since, and that nobody has recovered; counted up to 5000.", nil, nil)
	gaugePortals   = prometheus.NewDesc("portals", "Portals by status.", []string{"status"}, nil)
)

// gauges collects the backlog.
type gauges struct {
	store *models.Store
	log   *slog.Logger

	mu   sync.Mutex
	read time.Time
	last []prometheus.Metric
}

// Describe is Prometheus's.
func (g *gauges) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		gaugeDatabase, gaugeEvents, gaugeOldest, gaugeJobs, gaugeRetrying, gaugeAttention, gaugeMissing, gaugePortals,
	} {
		out <- desc
	}
}

// Collect is Prometheus's.
func (g *gauges) Collect(out chan<- prometheus.Metric) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.last == nil || time.Since(g.read) >= gaugeAge {
		g.last, g.read = g.look(), time.Now()
	}
	for _, metric := range g.last {
		out <- metric
	}
}

func (g *gauges) look() []prometheus.Metric {
	ctx, cancel := context.WithTimeout(context.Background(), gaugeWithin)
	defer cancel()
	b, err := g.store.Backlog(ctx)
	if err != nil {
		g.log.WarnContext(ctx, "the backlog cannot be read", "error", err)
		return []prometheus.Metric{constant(gaugeDatabase, 0)}
	}
	metrics := []prometheus.Metric{
		constant(gaugeDatabase, 1),
		constant(gaugeEvents, float64(b.Events)),
		constant(gaugeOldest, b.Oldest.Seconds()),
		constant(gaugeJobs, float64(b.Jobs)),
		constant(gaugeRetrying, float64(b.Retrying)),
		constant(gaugeAttention, float64(b.Attention)),
		constant(gaugeMissing, float64(b.Missing)),
	}
	for _, status := range models.PortalStatuses {
		metrics = append(metrics, constant(gaugePortals, float64(b.Portals[status]), string(status)))
	}
	return metrics
}

// countCommits measures the commits of events.
func countCommits(r prometheus.Registerer) func(events int, took time.Duration) {
	size := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "commit_events", Help: "Events that were made durable with one commit.",
		Buckets: prometheus.ExponentialBuckets(1, 2, 10),
	})
	seconds := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "commit_seconds", Help: "Time to make events durable.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5, 10},
	})
	r.MustRegister(size, seconds)
	return func(events int, took time.Duration) {
		size.Observe(float64(events))
		seconds.Observe(took.Seconds())
	}
}

func constant(desc *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
}
