package jobs

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"callwise/app/callflow"
	"callwise/models"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// Outcomes of jobs, in the log and in the metrics.
const (
	jobDone      = "done"
	jobLater     = "later"     // comes back by itself
	jobGivenUp   = "given_up"  // the call was; it stands in the queue of what needs somebody
	jobFailed    = "failed"    // what our own house did wrong; it comes back too
	jobCancelled = "cancelled" // there is nothing left to do it for
	jobStopped   = "stopped"   // this process ends; another takes the job up
)

// A Watch writes one line in the log about each job, and counts and times them.
type Watch struct {
	river.MiddlewareDefaults
	log   *slog.Logger
	count *prometheus.CounterVec
	took  *prometheus.HistogramVec
}

// NewWatch registers the metrics of jobs.
func NewWatch(log *slog.Logger, r prometheus.Registerer) *Watch {
	w := &Watch{
		log: log,
		count: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "jobs_total", Help: "Jobs that were worked, by kind and outcome.",
		}, []string{"kind", "outcome"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "job_seconds", Help: "Time a job was worked on.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 120},
		}, []string{"kind"}),
	}
	r.MustRegister(w.count, w.took)
	for _, args := range kinds {
		w.took.WithLabelValues(args.Kind())
		for _, outcome := range []string{jobDone, jobLater, jobGivenUp, jobFailed, jobCancelled, jobStopped} {
			w.count.WithLabelValues(args.Kind(), outcome) // an increase from nothing is none
		}
	}
	return w
}

// kinds are all kinds of jobs.
var kinds = []river.JobArgs{
	models.CallArgs{}, models.TellArgs{}, models.ReconcileArgs{}, models.HandlersArgs{}, models.LinesArgs{},
	models.RemovalArgs{}, models.ForgetArgs{}, models.EraseArgs{},
	closeArgs{}, employeesArgs{}, recoverArgs{}, purgeArgs{}, watchArgs{},
}

// A piece of work is a job of River's, or a round for a call.
type piece struct {
	kind   string
	portal int64 // row id; 0 for all portals
	more   []any // what else the line tells
}

// Work is River's.
func (w *Watch) Work(ctx context.Context, job *rivertype.JobRow, inner func(context.Context) error) error {
	return w.around(ctx, piece{job.Kind, portalOf(job), []any{"job", job.ID, "attempt", job.Attempt}}, inner)
}

// around does a piece of work, and writes and counts how it went.
func (w *Watch) around(ctx context.Context, p piece, inner func(context.Context) error) error {
	began := time.Now()
	var mark callflow.Mark
	err := errPanic // what stays if inner does not return
	defer func() { w.tell(ctx, p, &mark, time.Since(began), err) }()
	err = inner(callflow.WithMark(ctx, &mark))
	return err
}

var errPanic = errors.New("jobs: panic")

func (w *Watch) tell(ctx context.Context, p piece, mark *callflow.Mark, took time.Duration, err error) {
	outcome := w.outcome(ctx, mark, err)
	w.count.WithLabelValues(p.kind, outcome).Inc()
	w.took.WithLabelValues(p.kind).Observe(took.Seconds())
	line := append([]any{"kind", p.kind, "outcome", outcome, "duration", took}, p.more...)
	add := func(name string, value any, there bool) {
		if there {
			line = append(line, name, value)
		}
	}
	add("portal", p.portal, p.portal != 0)
	add("call", mark.Call, mark.Call != 0)
	add("trace", mark.Named, len(mark.Named) > 0)
	add("code", mark.Code, mark.Code != "")
	add("remarks", mark.Remarks, len(mark.Remarks) > 0)
	if outcome == jobFailed {
		add("error", cmp.Or(mark.Err, err), true)
	}
	w.log.Log(ctx, levelOf(outcome, mark), "job", line...)
}

func (w *Watch) outcome(ctx context.Context, mark *callflow.Mark, err error) string {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return jobStopped
	case mark.Err != nil:
		return jobFailed
	case mark.GivenUp:
		return jobGivenUp
	case err == nil:
		return jobDone
	}
	if _, snoozed := errors.AsType[*rivertype.JobSnoozeError](err); snoozed {
		return jobLater
	}
	if _, cancelled := errors.AsType[*rivertype.JobCancelError](err); cancelled {
		return jobCancelled
	}
	return jobFailed
}

// levelOf is how loud a line is. A job that only waits for its turn has no news.
func levelOf(outcome string, mark *callflow.Mark) slog.Level {
	switch {
	case outcome == jobFailed:
		return slog.LevelError
	case outcome == jobGivenUp, len(mark.Remarks) > 0:
		return slog.LevelWarn
	case outcome == jobLater && mark.Call == 0:
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// portalOf is the row id of the portal that a job is for; 0 for all of them.
func portalOf(job *rivertype.JobRow) int64 {
	var args struct {
		PortalID int64 `json:"portal_id"`
	}
	_ = json.Unmarshal(job.EncodedArgs, &args) // a job without one is no error
	return args.PortalID
}
