package models_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
	"github.com/riverqueue/river"
	"gorm.io/gorm"
)

// calls is a queue whose worker hands on the calls it is woken for.
func calls(t *testing.T, s *models.Store, work func(context.Context, models.CallArgs) error) *models.Queue {
	t.Helper()
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[models.CallArgs]) error {
		return work(ctx, job.Args)
	}))
	return must[*models.Queue](t)(models.NewQueue(s, workers, models.QueueConfig{MaxWorkers: 10}))
}

// receive is the next value, or the end of the test.
func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(time.Minute):
		t.Fatal("nothing happened for a minute")
		panic("unreachable")
	}
}

func TestAJobIsFetchedSoonAfterItsCommit(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p := active(t, s, "one")
		woken := make(chan models.CallArgs, 100)
		queue := calls(t, s, func(_ context.Context, args models.CallArgs) error {
			woken <- args
			return nil
		})
		check(t, queue.Enqueue(t.Context(), nil, models.CallArgs{PortalID: p.ID, CallKey: "before the start"}, nil))
		check(t, queue.Start(t.Context()))
		if got := receive(t, woken); got.CallKey != "before the start" {
			t.Errorf("woken for %v", got)
		}
		var slowest time.Duration
		for range 5 {
			begin := time.Now()
			check(t, s.Wake(t.Context(), []models.CallArgs{{PortalID: p.ID, CallKey: "pbx:a"}}))
			if got := receive(t, woken); got != (models.CallArgs{PortalID: p.ID, CallKey: "pbx:a"}) {
				t.Errorf("woken for %v", got)
			}
			slowest = max(slowest, time.Since(begin))
		}
		t.Logf("at most %v from commit to work", slowest)
		if slowest > 5*time.Second {
			t.Errorf("%v from commit to work", slowest)
		}
		check(t, queue.Stop(t.Context()))
	})
}

func TestAJobGoesWithItsTransaction(t *testing.T) {
	errStop := errors.New("stop")
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		queue := calls(t, s, func(context.Context, models.CallArgs) error { return nil })
		enqueue := func(tx *gorm.DB, key string) error {
			return queue.Enqueue(t.Context(), tx, models.CallArgs{PortalID: 1, CallKey: key}, nil)
		}
		err := s.Transaction(t.Context(), func(tx *gorm.DB) error {
			check(t, enqueue(tx, "rolled back"))
			return errStop
		})
		wantErr(t, err, errStop)
		check(t, s.Transaction(t.Context(), func(tx *gorm.DB) error {
			check(t, enqueue(tx, "kept"))
			inner := tx.Transaction(func(tx *gorm.DB) error {
				check(t, enqueue(tx, "rolled back to the savepoint"))
				return errStop
			})
			wantErr(t, inner, errStop)
			return nil
		}))
		got := sorted(t, jobs(t, s))
		if len(got) != 1 || got[0] != `call {"call_key":"kept","portal_id":1}` {
			t.Errorf("jobs %q", got)
		}
	})
}

func TestAQueueThatStopsLetsItsJobsEnd(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		begun, finish, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		queue := calls(t, s, func(ctx context.Context, _ models.CallArgs) error {
			close(begun)
			<-finish
			ended <- ctx.Err()
			return nil
		})
		started, cancel := context.WithCancel(t.Context())
		check(t, queue.Start(started))
		check(t, queue.Enqueue(t.Context(), nil, models.CallArgs{PortalID: 1, CallKey: "a"}, nil))
		receive(t, begun)
		cancel()
		stopped := make(chan error, 1)
		go func() { stopped <- queue.Stop(context.Background()) }()
		close(finish)
		check(t, receive(t, ended))
		check(t, receive(t, stopped))
	})
}

func TestAJobThatDoesNotEndIsCancelledWhenTheTimeToStopIsOver(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		begun, ended := make(chan struct{}), make(chan error, 1)
		queue := calls(t, s, func(ctx context.Context, _ models.CallArgs) error {
			close(begun)
			<-ctx.Done()
			ended <- ctx.Err()
			return ctx.Err()
		})
		check(t, queue.Start(t.Context()))
		check(t, queue.Enqueue(t.Context(), nil, models.CallArgs{PortalID: 1, CallKey: "a"}, nil))
		receive(t, begun)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		wantErr(t, queue.Stop(ctx), context.Canceled)
		wantErr(t, receive(t, ended), context.Canceled)
	})
}

func TestJobsThatAreDoneAreKeptForAnHour(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		queue := calls(t, s, func(context.Context, models.CallArgs) error { return nil })
		for _, key := range []string{"old", "recent"} {
			check(t, queue.Enqueue(t.Context(), nil, models.CallArgs{PortalID: 1, CallKey: key}, nil))
		}
		done := func(key string, after time.Duration) {
			at := time.Now().UTC().Add(-after)
			check(t, s.Transaction(t.Context(), func(tx *gorm.DB) error {
				return tx.Exec("UPDATE river_job SET state = 'completed', finalized_at = ? WHERE args ->> 'call_key' = ?", at, key).Error
			}))
		}
		done("old", time.Hour+time.Minute)
		done("recent", time.Hour-time.Minute)
		check(t, queue.Start(t.Context()))
		deadline, tick := time.After(30*time.Second), time.NewTicker(20*time.Millisecond)
		defer tick.Stop()
		for len(jobs(t, s)) > 1 {
			select {
			case <-deadline:
				t.Fatalf("kept: %v", jobs(t, s))
			case <-tick.C:
			}
		}
		if kept := jobs(t, s); !strings.Contains(kept[0], "recent") {
			t.Errorf("kept: %v", kept)
		}
		check(t, queue.Stop(t.Context()))
	})
}

// A process of the version before this stores commands where all other jobs are, and
// may run beside this one.
func TestCommandsDoNotWaitForOtherJobsAndThoseOfTheVersionBeforeAreWorkedToo(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p := active(t, s, "one")
		begun, finish, told := make(chan struct{}), make(chan struct{}), make(chan models.TellArgs, 10)
		workers := river.NewWorkers()
		river.AddWorker(workers, river.WorkFunc(func(context.Context, *river.Job[models.ReconcileArgs]) error {
			close(begun)
			<-finish
			return nil
		}))
		river.AddWorker(workers, river.WorkFunc(func(_ context.Context, job *river.Job[models.TellArgs]) error {
			told <- job.Args
			return nil
		}))
		queue := must[*models.Queue](t)(models.NewQueue(s, workers, models.QueueConfig{MaxWorkers: 1}))
		check(t, queue.Start(t.Context()))
		check(t, s.EnqueueReconcile(t.Context(), p.ID))
		receive(t, begun) // all workers are busy now
		before := models.TellArgs{PortalID: p.ID, CallID: 7, Since: noon}
		check(t, queue.Enqueue(t.Context(), nil, before, &river.InsertOpts{Queue: river.QueueDefault}))
		c := ensure(t, s, p.ID, "b24:x")
		check(t, s.OrderCall(t.Context(), c))
		if got := receive(t, told); got.CallID != c.ID {
			t.Errorf("the PBX is told of %+v", got)
		}
		close(finish)
		if diff := cmp.Diff(before, receive(t, told)); diff != "" {
			t.Errorf("stored by the version before (-want +got):\n%s", diff)
		}
		check(t, queue.Stop(t.Context()))
	})
}

func TestAPortalIsReconciledForEachChangeAndOnceForWhatHasNotChanged(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		one, two := active(t, s, "one"), active(t, s, "two")
		now := func(state string) { // what becomes of all jobs
			finished := "NULL"
			if state == "completed" {
				finished = "scheduled_at"
			}
			check(t, s.Transaction(ctx, func(tx *gorm.DB) error {
				return tx.Exec("UPDATE river_job SET finalized_at = "+finished+", state = ?", state).Error
			}))
		}
		probe := func(want int) {
			t.Helper()
			for range 2 {
				check(t, s.EnqueueReconcileOnce(ctx, one.ID))
			}
			if got := jobs(t, s); len(got) != want {
				t.Errorf("%d jobs, want %d: %v", len(got), want, got)
			}
		}
		check(t, s.EnqueueReconcile(ctx, two.ID))
		probe(2)
		for _, state := range []string{"scheduled", "running"} {
			now(state)
			probe(2)
		}
		check(t, s.EnqueueReconcile(ctx, one.ID)) // a change during a run
		probe(3)
		now("completed")
		probe(4)
		now("retryable") // by River, for our own reasons: it may be hours until then
		probe(5)
	})
}
