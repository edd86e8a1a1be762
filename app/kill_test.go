package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"callwise/app/b24"
	"callwise/app/b24/b24sim"
	"callwise/app/callflow"
	"callwise/app/jobs"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

// childVariable makes the test binary run as the program itself, so that a
// test can kill a real process. Its value says how:
const childVariable = "CALLWISE_TEST_CHILD"

const (
	hastyChild = "hasty" // takes over soon what another one left behind
	stillChild = "still" // takes over what another one has left alone for seconds
	plainChild = "plain" // as in production
	idleChild  = "idle"  // takes events and works on none of them
	slowChild  = "slow"  // believes a portal to go on with what was asked for seconds
)

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	t := terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv}
	os.Exit(serveTuned(ctx, t, func(h *house) {
		h.pages.Limits.LiftPages() // a test looks every 10 ms
		h.flow.MayRun = 0          // the simulated portal carries out at once
		switch os.Getenv(childVariable) {
		case hastyChild:
			h.flow.Lease, h.sweep, h.flow.RecoverAfter = 400*time.Millisecond, 100*time.Millisecond, 0
		case slowChild:
			h.flow.Lease, h.sweep, h.flow.MayRun = 400*time.Millisecond, 100*time.Millisecond, slowRun
		case stillChild:
			h.flow.Lease, h.sweep = stillLease, 100*time.Millisecond
		case idleChild:
			h.pages.Limits.Lift() // a benchmark's clients send more than one PBX may
			h.lanes, h.sweep = jobs.NewLanes(h.flow.Advance, 0, 0, jobs.NewWatch(h.log, prometheus.NewRegistry())), time.Hour
		}
	}))
}

// slowRun is how long a portal may go on with a request, as a process of that kind
// believes.
const slowRun = 4 * time.Second

// stillLease is how long a process of that kind may stand still.
const stillLease = 3 * time.Second

// A story is a call whose events are all told before the program has done
// anything for it.
type story struct {
	name    string
	portal  b24sim.PortalConfig
	prepare func(r *rig)
	happen  func(r *rig)
}

var stories = []story{
	{
		name: "incoming call of a new number", portal: classic,
		prepare: func(r *rig) { r.switches("c") },
		happen: func(r *rig) {
			r.tell(started("c1", "incoming", "+4930901820"), answered("c1", "104"), ended("c1", "answered", 65))
		},
	},
	{
		name: "incoming call of a new number, simple mode", portal: b24sim.PortalConfig{Mode: "simple"},
		prepare: func(r *rig) { r.switches("c") },
		happen: func(r *rig) {
			r.tell(started("c1", "incoming", "+4930901820"), answered("c1", "104"), ended("c1", "answered", 65))
		},
	},
	{
		name: "outgoing call with a repeated lead of ours", portal: classic,
		prepare: func(r *rig) {
			r.switches("corb")
			first := r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
			r.portal.AddContact(b24sim.Contact{Name: "Jan", Phones: []string{"+4930901821"}})
			r.portal.AddDeal(b24sim.Deal{ContactIDs: []int64{first}, StageID: "WON"})
		},
		happen: func(r *rig) {
			r.tell(started("c1", "outgoing", "+4930901821"), answered("c1", "104"), ended("c1", "answered", 5))
		},
	},
	{
		name: "outgoing call with a repeated deal of ours, on a line that Bitrix24 knows", portal: b24sim.PortalConfig{Mode: "simple"},
		prepare: func(r *rig) {
			r.switches("corb")
			r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
		},
		happen: func(r *rig) {
			known := map[string]any{"line": callflow.DefaultLine}
			r.tell(started("c1", "outgoing", "+4930901821", known), ended("c1", "answered", 5))
		},
	},
	{
		name: "click in a closed deal, simple mode", portal: b24sim.PortalConfig{Mode: "simple"},
		prepare: func(r *rig) {
			r.switches("corb")
			id := r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
			r.portal.AddDeal(b24sim.Deal{ContactIDs: []int64{id}, StageID: "WON"})
		},
		happen: func(r *rig) {
			id := r.portal.Click(b24sim.Click{UserID: omar, Phone: "+4930901821", Entity: deal(r.portal.Deals()[0].ID), Line: "callwise"})
			r.deliver()
			begin, end := started("p1", "outgoing", "+4930901821"), ended("p1", "no_answer", 0)
			begin["bitrix24_call_id"], begin["extensions"], end["extension"] = id, []string{"105"}, "105"
			r.tell(begin, end)
		},
	},
	{
		name: "callback of a form", portal: classic,
		prepare: func(r *rig) { r.switches("crb") },
		happen: func(r *rig) {
			r.portal.OrderCallback(b24sim.Callback{Phone: "+4930901829", Name: "Noor", Line: "4930901820"})
			r.eventually("the call is known", func() bool { return strings.Contains(r.page("/calls"), `<tr id="call-`) })
			r.tell(started("p1", "callback", "+4930901829"), answered("p1", "104"), ended("p1", "answered", 20))
		},
	},
	{
		name: "missed call with a to-do and a lead for a named employee", portal: classic,
		prepare: func(r *rig) {
			r.switches("c")
			r.set("missed/todo", "on", "responsible/created/who", "employee", "responsible/created/employee", "18")
		},
		happen: func(r *rig) {
			r.tell(started("c1", "incoming", "+4930901820"), ended("c1", "missed", 0))
		},
	},
	{
		name: "call of Bitrix24's own line", portal: classic,
		prepare: func(r *rig) {
			r.switches("crb")
			r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
			r.portal.AddContact(b24sim.Contact{Name: "Jan", Phones: []string{"+4930901821"}})
		},
		happen: func(r *rig) {
			c := r.portal.StartCall(b24sim.BuiltinCall{Incoming: true, Phone: "+4930901821", Line: "4930901800", UserID: anna})
			c.Answer()
			c.End("200", 40)
			r.deliver()
		},
	},
}

// TestAProgramThatIsKilledBetweenAnyTwoStepsLeavesTheCRMAsIfNothingHadHappened
// kills the process before each request to the portal, and after the portal
// has carried it out but before the answer is read.
func TestAProgramThatIsKilledBetweenAnyTwoStepsLeavesTheCRMAsIfNothingHadHappened(t *testing.T) {
	eachDatabase(t, func(t *testing.T, _ string) {
		for _, s := range stories {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				want, steps := s.undisturbed(t, freshDatabase(t))
				for step := 1; step <= steps; step++ {
					for _, after := range []bool{false, true} {
						name := fmt.Sprintf("killed before request %d", step)
						if after {
							name = fmt.Sprintf("killed after request %d", step)
						}
						t.Run(name, func(t *testing.T) {
							got := s.killed(t, freshDatabase(t), step, after)
							if diff := cmp.Diff(want, got); diff != "" {
								t.Errorf("the CRM ends otherwise (-undisturbed +killed):\n%s", diff)
							}
						})
					}
				}
			})
		}
	})
}

// undisturbed is how the portal ends, and how many requests that takes.
func (s story) undisturbed(t *testing.T, address string) (b24sim.Snapshot, int) {
	t.Helper()
	r, gate, _ := s.begin(t, address, hastyChild)
	s.happen(r)
	gate.Release()
	r.finished(1)
	steps := r.sim.Count("acme", "")
	return comparable(r.portal.Snapshot()), steps
}

// killed is how the portal ends when the program is killed at a request and
// started again.
func (s story) killed(t *testing.T, address string, step int, after bool) b24sim.Snapshot {
	t.Helper()
	r, gate, child := s.begin(t, address, hastyChild)
	faults := []*b24sim.Injected{r.sim.Inject(b24sim.Fault{Portal: "acme", Nth: step, Act: b24sim.Hold, After: after})}
	if !after {
		faults = append(faults, r.sim.Inject(b24sim.Fault{Portal: "acme", Nth: step, Act: b24sim.Drop}))
	}
	s.happen(r)
	gate.Release()
	// A story may take a request less than it did undisturbed; then there is
	// nothing to kill at.
	eventually(t, "the request to be killed at", func() bool { return reached(faults[0]) || r.allFinished(1) })
	if after && reached(faults[0]) {
		eventually(t, "request carried out", func() bool { return r.sim.Requests()[step-1].Status != 0 })
	}
	child.kill()
	for _, f := range faults {
		f.Release()
	}
	r.spawn()
	r.finished(1)
	r.withinLimit()
	return comparable(r.portal.Snapshot())
}

// withinLimit fails if the portal was asked when it let nobody through.
func (r *rig) withinLimit() {
	r.t.Helper()
	if n := r.portal.Overrun(); n > 0 {
		r.t.Errorf("%s was asked %d times when it let nobody through", r.portal.Name(), n)
	}
}

// The portal counts what was sent by a process that has been killed since.
func TestAProgramThatIsKilledGetsNoSecondBurst(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		t.Parallel()
		const calls = 26
		s := story{portal: classic, prepare: func(r *rig) { r.switches("c") }}
		r, gate, child := s.begin(t, address, hastyChild)
		amid := r.sim.Inject(b24sim.Fault{Portal: "acme", Nth: 20, Act: b24sim.Hold})
		for i := range calls {
			id := fmt.Sprint("c", i)
			r.tell(started(id, "incoming", fmt.Sprint("+493090182", 10+i)), answered(id, "104"), ended(id, "answered", 65))
		}
		gate.Release()
		r.eventually("a burst", func() bool { return reached(amid) })
		child.kill()
		amid.Release()
		r.spawn()
		r.finished(calls)
		r.withinLimit()
	})
}

// TestAProgramThatIsKilledDuringARenewalLosesNoCall kills the process when the
// authorization server has replaced a pair that it did not hear of: the stored one
// is worth nothing any more.
func TestAProgramThatIsKilledDuringARenewalLosesNoCall(t *testing.T) {
	for name, other := range map[string]bool{"another pair lives": true, "it was the only pair": false} {
		t.Run(name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, address string) {
				t.Parallel()
				r := bareRig(t, address, b24sim.PortalConfig{RepeatSales: true, SystemUser: other})
				c := r.spawn()
				r.install()
				r.switches("c")
				r.tell(started("c1", "incoming", "+4930901820"), answered("c1", "104"))
				r.registered(1)
				r.loseRenewal(c, ended("c1", "answered", 65))
				r.spawn()
				r.tell(started("c2", "incoming", "+4930901821"), ended("c2", "answered", 5))
				if !other {
					r.eventually("an administrator is asked for", func() bool { return strings.Contains(r.page("/calls"), accessBanner) })
					r.open(r.frame(admin, "DEFAULT"))
				}
				r.finished(2)
				if got, want := r.portal.Totals(), (b24sim.Totals{Calls: 2, Leads: 2, Numbers: 2, Activities: 2, Bindings: 2}); got != want {
					t.Errorf("%+v, want %+v", got, want)
				}
				if strings.Contains(r.page("/calls"), accessBanner) {
					t.Error("an administrator is asked for though the portal lets us in")
				}
			})
		})
	}
}

// loseRenewal kills the process amid the renewal that an event causes, when it was
// carried out and the answer is not read.
func (r *rig) loseRenewal(c *child, event map[string]any) {
	r.t.Helper()
	r.portal.ExpireTokens()
	held := r.sim.Inject(b24sim.Fault{Method: b24.Renewal, Act: b24sim.Hold, After: true})
	r.tell(event)
	r.eventually("renewal carried out", func() bool {
		return slices.ContainsFunc(r.sim.Requests(), func(q b24sim.Request) bool { return q.Method == b24.Renewal && q.Status == http.StatusOK })
	})
	c.kill()
	held.Release()
}

func reached(fault *b24sim.Injected) bool {
	select {
	case <-fault.Reached():
		return true
	default:
		return false
	}
}

// begin runs the program as a process of its own on a prepared portal whose
// next request is held at the gate.
func (s story) begin(t *testing.T, address, how string) (*rig, *b24sim.Injected, *child) {
	t.Helper()
	r := bareRig(t, address, s.portal)
	c := r.spawnAs(how)
	r.install()
	s.prepare(r)
	r.sim.ClearRequests()
	return r, r.sim.Inject(b24sim.Fault{Portal: "acme", Act: b24sim.Hold}), c
}

// comparable leaves out what differs from run to run: ids the portal made up.
func comparable(s b24sim.Snapshot) b24sim.Snapshot {
	for i := range s.Leads {
		s.Leads[i].OriginID = ""
	}
	for i := range s.Deals {
		s.Deals[i].OriginID = ""
	}
	for i := range s.Activities {
		s.Activities[i].OriginID = ""
		if a := &s.Activities[i]; a.Provider == "CRM_TODO" {
			// When the call ended differs, too.
			a.Description, a.Deadline, a.StartedAt, a.EndedAt = "", time.Time{}, time.Time{}, time.Time{}
		}
	}
	for i := range s.Statistics {
		s.Statistics[i].ExternalCallID = ""
	}
	return s
}

// A child is the program as a process of its own.
type child struct {
	t       testing.TB
	command *exec.Cmd
	ended   chan error
}

// spawn starts `serve` as a process of its own, in haste, and waits until it
// answers. It ends with the test.
func (r *rig) spawn() *child {
	r.t.Helper()
	return r.spawnAs(hastyChild)
}

// spawnAs is spawn with a choice of how.
func (r *rig) spawnAs(how string) *child {
	r.t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(),
		childVariable+"="+how, "LISTEN_ADDR="+r.config.ListenAddr, "PUBLIC_URL="+r.config.PublicURL, "DATABASE_URL="+r.config.DatabaseURL,
		"B24_CLIENT_ID="+r.config.ClientID, "B24_CLIENT_SECRET="+r.config.ClientSecret, "B24_OAUTH_HOSTS="+r.config.OAuthHosts[0],
		"B24_JS_URL="+r.config.JSURL, "B24_ALLOW_LOOPBACK=true", "ENCRYPTION_KEYS="+r.config.EncryptionKeys,
	)
	output, err := os.Create(filepath.Join(r.t.TempDir(), "log")) // of a soak it is too long for our memory
	if err != nil {
		r.t.Fatal(err)
	}
	defer output.Close() //nolint:errcheck
	command.Stderr = output
	if err := command.Start(); err != nil {
		r.t.Fatal(err)
	}
	c := &child{t: r.t, command: command, ended: make(chan error, 1)}
	go func() { c.ended <- command.Wait() }()
	r.t.Cleanup(c.kill)
	eventually(r.t, "the program answers", func() bool {
		select {
		case err := <-c.ended:
			text, unread := os.ReadFile(output.Name())
			r.t.Fatalf("the program ended: %v\n%s", errors.Join(err, unread), text)
		default:
		}
		return alive(r.url)
	})
	return c
}

// kill ends the process at once, as a power cut does.
func (c *child) kill() {
	if c.command.ProcessState != nil {
		return
	}
	if err := c.command.Process.Signal(syscall.SIGKILL); err != nil && !strings.Contains(err.Error(), "finished") {
		c.t.Error(err)
	}
	<-c.ended
	c.ended <- nil
}

func freshDatabase(t *testing.T) string {
	t.Helper()
	if strings.Contains(t.Name(), "PostgreSQL") {
		return postgreSQL(t)
	}
	return "sqlite:" + filepath.Join(t.TempDir(), "callwise.db")
}
