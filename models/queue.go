package models

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	riverqueue "github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"
	"gorm.io/gorm"
)

// CallArgs wakes a worker for a call whose events wait. A wake-up too many
// does no harm.
type CallArgs struct {
	PortalID int64  `json:"portal_id"`
	CallKey  string `json:"call_key"`
}

// Kind is River's name for the job.
func (CallArgs) Kind() string { return "call" }

// TellArgs has the PBX told to place a call.
type TellArgs struct {
	PortalID int64     `json:"portal_id"`
	CallID   int64     `json:"call_id"`
	Since    time.Time `json:"since"`
}

// Kind is River's name for the job.
func (TellArgs) Kind() string { return "tell" }

// InsertOpts put it where upkeep, however much there is, does not hold it up:
// somebody waits.
func (TellArgs) InsertOpts() riverqueue.InsertOpts {
	return riverqueue.InsertOpts{Queue: queueCommands}
}

// queueCommands is the queue of commands to PBXs. In River's default queue is all
// the rest, and the commands that a version before this stored there.
const queueCommands = "commands"

// ReconcileArgs has a portal's event handlers, placements, lines and employees
// brought to what they should be.
type ReconcileArgs struct {
	PortalID int64 `json:"portal_id"`
}

// Kind is River's name for the job.
func (ReconcileArgs) Kind() string { return "reconcile" }

// HandlersArgs has a portal's event handlers and placement looked after.
type HandlersArgs struct {
	PortalID int64 `json:"portal_id"`
}

// Kind is River's name for the job.
func (HandlersArgs) Kind() string { return "handlers" }

// LinesArgs has a portal's external lines follow its switches.
type LinesArgs struct {
	PortalID int64 `json:"portal_id"`
}

// Kind is River's name for the job.
func (LinesArgs) Kind() string { return "lines" }

// Times of the queue.
const (
	fetchCooldown = 50 * time.Millisecond
	fetchPoll     = 100 * time.Millisecond
	jobTimeout    = 2 * time.Minute
	rescueAfter   = 5 * time.Minute // must exceed jobTimeout
	cancelGrace   = 2 * time.Second
	// keepCompleted is how long a job that is done is kept: long enough to see
	// what a process did last, and no longer, for there are millions a day.
	keepCompleted = time.Hour
	// mostSQLiteWorkers is where more of them only slow a single writer down.
	mostSQLiteWorkers = 20
)

var errNoTransaction = errors.New("models: jobs are enqueued in a transaction of the same store")

// river is River on either database.
type river interface {
	insert(ctx context.Context, tx *gorm.DB, args riverqueue.JobArgs) error
	wake(ctx context.Context, tx *gorm.DB, calls []CallArgs) error
	wakeAt(ctx context.Context, tx *gorm.DB, call CallArgs, at time.Time) error
	work(workers *riverqueue.Workers, config QueueConfig) (queueClient, error)
}

type queueClient interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	StopAndCancel(ctx context.Context) error
	enqueue(ctx context.Context, tx *gorm.DB, args riverqueue.JobArgs, opts *riverqueue.InsertOpts) error
}

// prepare opens River on the database for inserting jobs.
func (s *Store) prepare() (err error) {
	if s.pool != nil {
		s.river, err = newRiver(riverpgxv5.New(s.pool), pgxTx)
		return err
	}
	s.river, err = newRiver(riversqlite.New(s.sql), sqlTx)
	return err
}

var (
	_ riverdriver.Driver[pgx.Tx]  = (*riverpgxv5.Driver)(nil)
	_ riverdriver.Driver[*sql.Tx] = (*riversqlite.Driver)(nil)
)

// riverOn is River with the transactions of one kind of database.
type riverOn[TTx any] struct {
	driver   riverdriver.Driver[TTx]
	unwrap   func(*gorm.DB) (TTx, error)
	inserter *riverqueue.Client[TTx]
}

func newRiver[TTx any](driver riverdriver.Driver[TTx], unwrap func(*gorm.DB) (TTx, error)) (river, error) {
	inserter, err := riverqueue.NewClient(driver, &riverqueue.Config{
		FetchCooldown: fetchCooldown, FetchPollInterval: fetchPoll, Logger: slog.New(slog.DiscardHandler),
	})
	return &riverOn[TTx]{driver: driver, unwrap: unwrap, inserter: inserter}, err
}

// riverSchema is the version of River's own schema that migration 2 makes.
const riverSchema = 8

// migrateRiver brings River's schema up to riverSchema.
func migrateRiver[TTx any](ctx context.Context, driver riverdriver.Driver[TTx]) error {
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, &rivermigrate.MigrateOpts{TargetVersion: riverSchema})
	return err
}

func (r *riverOn[TTx]) insert(ctx context.Context, db *gorm.DB, args riverqueue.JobArgs) error {
	return insertJob(ctx, r.inserter, r.unwrap, db, args, nil)
}

func (r *riverOn[TTx]) wake(ctx context.Context, db *gorm.DB, calls []CallArgs) error {
	if len(calls) == 0 {
		return nil
	}
	tx, err := r.unwrap(db)
	if err != nil {
		return err
	}
	jobs := make([]riverqueue.InsertManyParams, len(calls))
	for i, args := range calls {
		jobs[i].Args = args
	}
	_, err = r.inserter.InsertManyFastTx(ctx, tx, jobs)
	return err
}

func (r *riverOn[TTx]) wakeAt(ctx context.Context, db *gorm.DB, call CallArgs, at time.Time) error {
	return insertJob(ctx, r.inserter, r.unwrap, db, call, &riverqueue.InsertOpts{ScheduledAt: at})
}

func insertJob[TTx any](ctx context.Context, client *riverqueue.Client[TTx], unwrap func(*gorm.DB) (TTx, error), db *gorm.DB, args riverqueue.JobArgs, opts *riverqueue.InsertOpts) error {
	tx, err := unwrap(db)
	if err != nil {
		return err
	}
	_, err = client.InsertTx(ctx, tx, args, opts)
	return err
}

func (r *riverOn[TTx]) work(workers *riverqueue.Workers, config QueueConfig) (queueClient, error) {
	client, err := riverqueue.NewClient(r.driver, &riverqueue.Config{
		FetchCooldown:        fetchCooldown,
		FetchPollInterval:    fetchPoll,
		JobTimeout:           jobTimeout,
		RescueStuckJobsAfter: rescueAfter,
		Logger:               config.Log,
		PeriodicJobs:         config.Periodic,
		Middleware:           config.Around,
		// Of the others River keeps the cancelled for a day, the discarded for a week.
		CompletedJobRetentionPeriod: keepCompleted,
		Queues: map[string]riverqueue.QueueConfig{
			riverqueue.QueueDefault: {MaxWorkers: config.MaxWorkers}, queueCommands: {MaxWorkers: config.MaxWorkers},
		},
		Workers: workers,
	})
	return &worker[TTx]{client, r.unwrap}, err
}

// worker is a River client that enqueues in GORM's transactions.
type worker[TTx any] struct {
	*riverqueue.Client[TTx]
	unwrap func(*gorm.DB) (TTx, error)
}

func (w *worker[TTx]) enqueue(ctx context.Context, db *gorm.DB, args riverqueue.JobArgs, opts *riverqueue.InsertOpts) error {
	return insertJob(ctx, w.Client, w.unwrap, db, args, opts)
}

// QueueConfig is what a queue is told.
type QueueConfig struct {
	MaxWorkers int // at a time for commands to PBXs, and as many for the rest; on SQLite 20 at most
	Periodic   []*riverqueue.PeriodicJob
	Around     []rivertype.Middleware // around each job, the outermost first
	Log        *slog.Logger           // nil = none
}

// A Queue works jobs of a store's database, together with the queues of other
// processes. Until it is started it only enqueues.
type Queue struct {
	store  *Store
	client queueClient
}

// NewQueue prepares a queue. workers must know all kinds of jobs that are
// enqueued.
func NewQueue(store *Store, workers *riverqueue.Workers, config QueueConfig) (*Queue, error) {
	if store.pool == nil {
		config.MaxWorkers = min(config.MaxWorkers, mostSQLiteWorkers)
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	client, err := store.river.work(workers, config)
	if err != nil {
		return nil, err
	}
	return &Queue{store: store, client: client}, nil
}

// Start begins to work jobs. Only [Queue.Stop] ends that: the end of ctx does
// not interrupt jobs.
func (q *Queue) Start(ctx context.Context) error { return q.client.Start(context.WithoutCancel(ctx)) }

// Stop takes no more jobs and waits for those in flight. When ctx ends first,
// it cancels them; they will be worked again.
func (q *Queue) Stop(ctx context.Context) error {
	err := q.client.Stop(ctx)
	if err == nil || ctx.Err() == nil {
		return err
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelGrace)
	defer cancel()
	return errors.Join(err, q.client.StopAndCancel(grace))
}

// Enqueue adds a job that is worked once tx is committed; without tx it is
// committed at once. opts may be nil.
func (q *Queue) Enqueue(ctx context.Context, tx *gorm.DB, args riverqueue.JobArgs, opts *riverqueue.InsertOpts) error {
	if tx != nil {
		return q.client.enqueue(ctx, tx, args, opts)
	}
	return q.store.Transaction(ctx, func(tx *gorm.DB) error { return q.client.enqueue(ctx, tx, args, opts) })
}

// jobPortal is the portal of a row of river_job, in SQL.
func (s *Store) jobPortal() string {
	if s.pool == nil {
		return s.jobArgument("portal_id")
	}
	return "CAST(" + s.jobArgument("portal_id") + " AS bigint)"
}

// jobArgument is an argument of the job in a row of river_job, in SQL: text with
// PostgreSQL.
func (s *Store) jobArgument(name string) string {
	if s.pool == nil {
		return "json_extract(args, '$." + name + "')"
	}
	return "(args ->> '" + name + "')"
}
