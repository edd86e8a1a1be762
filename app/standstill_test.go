package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"callwise/app/b24/b24sim"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// TestAProgramThatStoodStillForLongerThanItsLeaseLeavesTheCRMAsIfItHadNot stops a
// process after the portal has carried out one of its requests, as a machine that
// is moved to another host does. Another process finishes the call; then the first
// one goes on with the answer. SQLite is the database of one process.
func TestAProgramThatStoodStillForLongerThanItsLeaseLeavesTheCRMAsIfItHadNot(t *testing.T) {
	for _, s := range stories[:3] {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			want, steps := s.undisturbed(t, postgreSQL(t))
			stopped := 0
			for step := 1; step <= steps; step++ {
				t.Run(fmt.Sprintf("stopped after request %d", step), func(t *testing.T) {
					got, stood := s.stopped(t, postgreSQL(t), step)
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("the CRM ends otherwise (-undisturbed +stopped):\n%s", diff)
					}
					if stood {
						stopped++
					}
				})
			}
			if stopped == 0 {
				t.Error("it never stood still")
			}
		})
	}
}

// stopped is how the portal ends when the program stands still after a request
// until another one has finished the call, and whether it came to that.
func (s story) stopped(t *testing.T, address string, step int) (_ b24sim.Snapshot, stood bool) {
	t.Helper()
	r, gate, child := s.begin(t, address, stillChild)
	held := r.sim.Inject(b24sim.Fault{Portal: "acme", Nth: step, Act: b24sim.Hold, After: true})
	s.happen(r)
	gate.Release()
	eventually(t, "the request to stand still at", func() bool { return reached(held) || r.allFinished(1) })
	if !reached(held) {
		return comparable(r.portal.Snapshot()), false // a request less than undisturbed
	}
	eventually(t, "request carried out", func() bool { return r.sim.Requests()[step-1].Status != 0 })
	repeated, answers := r.counted(laterRounds), r.counted(answersRead)
	child.signal(syscall.SIGSTOP)
	other := r.beside()
	other.spawnAs(stillChild)
	other.finished(1)
	held.Release()
	thaw := freezeLeases(t, address)
	child.signal(syscall.SIGCONT)
	r.eventually("the answer is read", func() bool { return r.counted(answersRead) > answers })
	thaw()
	r.eventually("the round is over, and to be repeated", func() bool { return r.counted(laterRounds) > repeated })
	r.finished(1)
	return comparable(r.portal.Snapshot()), true
}

// freezeLeases keeps all leases as they are until thaw is called: nobody sees by a
// renewal that they have lost theirs.
func freezeLeases(t *testing.T, address string) (thaw func()) {
	t.Helper()
	return freeze(t, address, "leases", "SHARE")
}

// freeze locks tables until thaw is called.
func freeze(t *testing.T, address, tables, mode string) (thaw func()) {
	t.Helper()
	db, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close(context.Background()) }) //nolint:errcheck // it is closed by thaw
	if _, err := db.Exec(t.Context(), "BEGIN; LOCK TABLE "+tables+" IN "+mode+" MODE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := db.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// What a program counts.
const (
	laterRounds = `callwise_jobs_total{kind="call",outcome="later"} `
	answersRead = "callwise_portal_request_seconds_count "
)

// counted is how often the program has counted what a line of its metrics begins
// with.
func (r *rig) counted(line string) int {
	r.t.Helper()
	_, after, found := strings.Cut(r.send(r.request(http.MethodGet, "/metrics", "", "")).body, line)
	count, _, _ := strings.Cut(after, "\n")
	n, err := strconv.Atoi(count)
	if !found || err != nil {
		r.t.Fatalf("%s: not counted, %v", line, err)
	}
	return n
}

// signal sends the process a signal.
func (c *child) signal(s syscall.Signal) {
	c.t.Helper()
	if err := c.command.Process.Signal(s); err != nil {
		c.t.Error(err)
	}
}
