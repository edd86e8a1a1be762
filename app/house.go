package main

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"callwise/app/b24"
	"callwise/app/call"
	"callwise/app/callflow"
	"callwise/app/jobs"
	"callwise/handlers"
	"callwise/models"
	"callwise/views"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/riverqueue/river/rivertype"
)

// Sizes and times of a running program.
const (
	workersAtOnce   = 50               // of River's jobs, and as many for commands to PBXs
	callsAtOnce     = 500              // they mostly wait, for portals or for room
	perPortalAtOnce = 8                // of either: what they ask for at their pace is to end within endWithin
	endWithin       = 20 * time.Second // interface.md §1: requests and jobs in flight
	requestsWithin  = endWithin / 2    // of it: the rest is for calls and jobs
	renewalsWithin  = 5 * time.Second  // after it, for what would be lost with them
)

// A house is the running program without its listener: store, queue, handler.
type house struct {
	store   *models.Store
	flow    *callflow.Flow
	queue   *models.Queue
	lanes   *jobs.Lanes
	pages   *handlers.Handlers
	handler http.Handler
	log     *slog.Logger
	sweep   time.Duration // how often lost wake-ups are looked for
}

// openHouse opens the database, brings its schema up to date and puts the
// parts together. Nothing runs before [house.serve].
func openHouse(ctx context.Context, c config, log *slog.Logger) (*house, error) {
	keys, err := models.ParseKeyring(c.EncryptionKeys)
	if err != nil {
		return nil, fmt.Errorf("ENCRYPTION_KEYS: %w", err)
	}
	store, err := models.Open(ctx, c.DatabaseURL, keys)
	if err != nil {
		return nil, err
	}
	h, err := furnish(ctx, c, log, store)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return h, nil
}

func furnish(ctx context.Context, c config, log *slog.Logger, store *models.Store) (*house, error) {
	if err := store.Migrate(ctx); err != nil {
		return nil, fmt.Errorf("migrate the database: %w", err)
	}
	if err := store.CheckKeys(ctx); err != nil {
		return nil, err
	}
	sessions, err := sessionKeys(c.EncryptionKeys)
	if err != nil {
		return nil, err
	}
	metrics := prometheus.NewRegistry()
	ours := prometheus.WrapRegistererWithPrefix("callwise_", metrics)
	ours.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	ours.MustRegister(&gauges{store: store, log: log})
	store.Committed, store.Log = countCommits(ours), log
	flow := newFlow(c, store, log)
	flow.Metrics = callflow.NewMetrics(ours)
	showRoom(ours, flow.Room)
	workers, err := jobs.Workers(jobs.House{Flow: flow, Store: store, Log: log, KeepCalls: c.Retention, PerPortal: perPortalAtOnce})
	if err != nil {
		return nil, err
	}
	watch := jobs.NewWatch(log, ours)
	queue, err := models.NewQueue(store, workers, models.QueueConfig{
		MaxWorkers: workersAtOnce, Periodic: jobs.Periodic(), Log: quiet(log),
		Around: []rivertype.Middleware{watch},
	})
	if err != nil {
		return nil, err
	}
	routes := &handlers.Handlers{
		Store: store, Flow: flow, Log: log, Metrics: metrics,
		Sessions:  &handlers.Sessions{Keys: sessions, Now: time.Now},
		PublicURL: c.PublicURL, B24JS: c.JSURL, Insecure: c.AllowLoopback, Now: time.Now, Limits: handlers.NewLimits(c.Proxies),
	}
	return &house{
		store: store, flow: flow, queue: queue, lanes: jobs.NewLanes(flow.Advance, callsAtOnce, perPortalAtOnce, watch),
		pages: routes, handler: routes.Router(), log: log, sweep: jobs.SweepEvery,
	}, nil
}

// showRoom shows how many rounds are at work, and how often one had to wait.
func showRoom(r prometheus.Registerer, room *callflow.Room) {
	r.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "rounds_at_work", Help: "Rounds of work on calls that wait neither for a portal nor for room at the moment.",
		}, func() float64 { return float64(room.Working()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "rounds_waited_total", Help: "Times that a round of work which was not urgent waited because so many were at work.",
		}, func() float64 { return float64(room.Waited()) }),
	)
}

func newFlow(c config, store *models.Store, log *slog.Logger) *callflow.Flow {
	return &callflow.Flow{
		Store: store,
		Bitrix24: &b24.App{
			ClientID: c.ClientID, ClientSecret: c.ClientSecret,
			AuthHosts: c.OAuthHosts, AllowLoopback: c.AllowLoopback, Waits: callflow.Outside,
		},
		Room: callflow.NewRoom(callflow.DefaultRoom()),
		Log:  log, Lookups: callflow.NewLookups(callflow.DefaultLookupAge),
		PBX: callflow.PBXClient(c.AllowLoopback), PublicURL: c.PublicURL,
		Recordings: callflow.RecordingClient(c.AllowLoopback), Looks: callflow.RecordingClient(c.AllowLoopback),
		Owner: uuid.NewString(), Lease: callflow.DefaultLease, LockWait: callflow.DefaultLockWait, ReadWait: callflow.DefaultReadWait, MayRun: callflow.DefaultMayRun,
		LegWait: callflow.DefaultLegWait, CommandWindow: callflow.DefaultCommandWindow, RecoverAfter: callflow.DefaultRecoverAfter,
		KeepCalls: c.Retention, Now: time.Now, Traces: c.Traces != "",
		Title: func(lang string, d call.Direction, number string) string {
			return views.CRMTitle(views.ForLang(lang), string(d), number)
		},
		MissedTitle: func(lang, number string) string { return views.MissedTitle(views.ForLang(lang), number) },
		Todo: func(lang string, c callflow.MissedCall) (title, text string) {
			return views.TodoWords(views.ForLang(lang), c.Number, c.Customer, c.Line, c.At)
		},
		Alert: func(lang string, a callflow.Alert) string {
			return views.AlertWords(views.ForLang(lang), views.AlertFacts{
				Kind: string(a.Kind), Code: a.Code, Seen: a.Seen, Usual: a.Usual, Began: a.Began, Ended: a.Ended,
			})
		},
		PlacementTitles: views.PlacementTitles(),
	}
}

// sessionKeys derives what signs sessions from the encryption keys, so that
// they are rotated together.
func sessionKeys(text string) ([]handlers.SessionKey, error) {
	var keys []handlers.SessionKey
	for _, one := range strings.Split(text, ",") {
		id, encoded, _ := strings.Cut(strings.TrimSpace(one), ":")
		secret, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(encoded, "="))
		if err != nil {
			return nil, errors.New("ENCRYPTION_KEYS: not base64")
		}
		key, err := hkdf.Key(sha256.New, secret, nil, "callwise session", sha256.Size)
		if err != nil {
			return nil, err
		}
		keys = append(keys, handlers.SessionKey{ID: id, Bytes: key})
	}
	return keys, nil
}

// quiet is a logger for libraries that say more than an operator wants: jobs
// have a line of ours already.
func quiet(log *slog.Logger) *slog.Logger {
	return slog.New(warnings{log.Handler()}).With("part", "queue")
}

// warnings lets warnings and errors through.
type warnings struct{ slog.Handler }

func (w warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, level)
}

func (w warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{w.Handler.WithAttrs(attrs)}
}

func (w warnings) WithGroup(name string) slog.Handler { return warnings{w.Handler.WithGroup(name)} }

// serve works jobs and answers requests until ctx ends, then lets what is in
// flight end, for at most 20 s. It closes the listener and the house.
func (h *house) serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler: h.handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(h.log.Handler(), slog.LevelDebug),
	}
	h.store.Listen(func(calls []models.CallArgs) { h.lanes.Wake(calls) })
	if err := h.queue.Start(ctx); err != nil {
		return errors.Join(err, listener.Close(), h.store.Close())
	}
	sweeping, stopSweeping := context.WithCancel(context.WithoutCancel(ctx))
	swept := make(chan struct{})
	go func() {
		defer close(swept)
		jobs.Sweep(sweeping, h.flow, h.lanes, h.log, h.sweep)
	}()
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	var failed error
	select {
	case failed = <-ended:
	case <-ctx.Done():
	}
	stopSweeping()
	<-swept
	if errors.Is(failed, http.ErrServerClosed) {
		failed = nil
	}
	return errors.Join(failed, h.end(context.WithoutCancel(ctx), server))
}

// end waits for the requests in flight, then for calls and jobs, for all together no
// longer than endWithin, and then for renewals that outlast them, and closes the
// store.
func (h *house) end(ctx context.Context, server *http.Server) error {
	within, cancel := context.WithTimeout(ctx, endWithin)
	defer cancel()
	requests := h.hangUp(within, server)
	var calls, others error
	var group sync.WaitGroup
	group.Go(func() { calls = h.brokenOff(ctx, "calls", h.lanes.Stop(within)) })
	group.Go(func() { others = h.brokenOff(ctx, "jobs", h.queue.Stop(within)) })
	group.Wait()
	return errors.Join(requests, calls, others, h.renewed(ctx), h.store.Close())
}

// renewed waits for renewals of tokens, whose new pairs are all that portals still
// accept.
func (h *house) renewed(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, renewalsWithin)
	defer cancel()
	if err := h.flow.Bitrix24.Wait(ctx); err != nil {
		return fmt.Errorf("a renewal of tokens did not end: %w", err)
	}
	return nil
}

// brokenOff is the error of a part's end. That work has not ended in time is none: it
// is done again.
func (h *house) brokenOff(ctx context.Context, part string, err error) error {
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	h.log.WarnContext(ctx, "work broken off that did not end", "part", part)
	return nil
}

// hangUp waits for the requests in flight, and cuts off those that have not ended
// in time, such as one that is sent slowly. That is no failure: what is not
// answered is not acknowledged.
func (h *house) hangUp(ctx context.Context, server *http.Server) error {
	ctx, cancel := context.WithTimeout(ctx, requestsWithin)
	defer cancel()
	err := server.Shutdown(ctx)
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	h.log.WarnContext(ctx, "requests cut off that did not end")
	return server.Close()
}

// serve is the production server.
func serve(ctx context.Context, t terminal) int { return serveTuned(ctx, t, func(*house) {}) }

// gcPercent has the garbage collected when the heap is five times what lives in it,
// instead of twice: nearly all that is made dies with the request or round that made
// it. At 200 events a second that is 120 MB of memory instead of 80, and saves more
// than a tenth of the processor's time.
const gcPercent = 400

// serveTuned is serve with a last word on the house before it runs.
func serveTuned(ctx context.Context, t terminal, tune func(*house)) int {
	c, err := readConfig(t.getenv)
	if err != nil {
		return t.complain(err, exitUsage)
	}
	if asked := debug.SetGCPercent(gcPercent); asked != 100 {
		debug.SetGCPercent(asked) // GOGC says so
	}
	log := newLogger(t.err, c.LogLevel, c.LogFormat)
	listener, err := net.Listen("tcp", c.ListenAddr)
	if err != nil {
		return t.complain(err, exitFailed)
	}
	h, err := openHouse(ctx, c, log)
	if err != nil {
		err = errors.Join(err, listener.Close())
		if ctx.Err() != nil {
			return exitOK // told to end before it served anybody
		}
		return t.complain(err, exitFailed)
	}
	tune(h)
	endTracing, err := startTracing(ctx, c.Traces, log)
	if err != nil {
		return t.complain(errors.Join(err, h.store.Close(), listener.Close()), exitFailed)
	}
	defer endTracing()
	log.InfoContext(ctx, "serving", "address", listener.Addr().String(), "public", c.PublicURL, "pid", os.Getpid())
	if err := h.serve(ctx, listener); err != nil {
		return t.complain(err, exitFailed)
	}
	return exitOK
}
