package main

import (
	"bufio"
	"context"
	"maps"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/models"
)

// Somebody who sends a request slowly must not make a restart fail, nor take the
// time from the calls that are being carried.
func TestAProgramThatIsToldToEndEndsWellWhateverAStrangerSends(t *testing.T) {
	t.Parallel()
	r := bareRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	c := r.spawnAs(plainChild)
	slow := r.connection()
	writes(t, slow, "POST /b24/events HTTP/1.1\r\nHost: x\r\nContent-Type: "+formType+"\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n")
	if line, err := bufio.NewReader(slow).ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("the body is not waited for: %q %v", line, err)
	}
	c.end()
}

// end tells the process to end, as an update does, and waits until it has.
func (c *child) end() {
	c.t.Helper()
	c.signal(syscall.SIGTERM)
	select {
	case err := <-c.ended:
		c.ended <- nil
		if err != nil {
			c.t.Errorf("it ended with %v", err)
		}
	case <-time.After(3 * endWithin):
		c.t.Error("it goes on")
	}
}

// atWork is a program with a call in hand whose portal says nothing.
func atWork(t *testing.T, address string) (*rig, *child, *b24sim.Injected) {
	t.Helper()
	r := bareRig(t, address, classic)
	c := r.spawnAs(plainChild)
	r.install()
	r.switches("c")
	held := r.sim.Inject(b24sim.Fault{Portal: "acme", Times: -1, Act: b24sim.Hold})
	r.tell(started("1", "incoming", "+49309018201"), ended("1", "missed", 0))
	<-held.Reached()
	return r, c, held
}

// TestAProgramThatIsToldToEndBreaksOffWhatDoesNotEnd: a portal that says nothing holds up
// a round of a call and the upkeep for longer than an end may take. That is no failure,
// and both are done by the next process.
func TestAProgramThatIsToldToEndBreaksOffWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	r, c, held := atWork(t, "sqlite:"+t.TempDir()+"/callwise.db")
	c.end()
	held.Remove()
	r.spawnAs(plainChild)
	r.finished(1)
	if got, want := r.portal.Totals(), (b24sim.Totals{Calls: 1, Leads: 1, Numbers: 1, Activities: 1, Bindings: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// A database may answer nobody any more, as one does whose disk hangs.
func TestAProgramThatIsToldToEndDoesNotWaitForADatabaseThatHangs(t *testing.T) {
	t.Parallel()
	address := postgreSQL(t)
	r, c, held := atWork(t, address)
	thaw := freeze(t, address, "leases, calls, events, rest_log, paces", "ACCESS EXCLUSIVE")
	c.end()
	thaw()
	held.Remove()
	r.spawnAs(plainChild)
	r.finished(1)
}

func TestAProgramThatIsToldToEndBeforeItBeganEndsWell(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	environment := maps.Clone(leastEnvironment)
	environment["LISTEN_ADDR"], environment["DATABASE_URL"] = "127.0.0.1:0", "sqlite:"+t.TempDir()+"/callwise.db"
	for name, do := range map[string]func(context.Context, terminal) int{"serve": serve, "demo": (&demoOptions{appAddr: "127.0.0.1:0", portalAddr: "127.0.0.1:0"}).run} {
		var said strings.Builder
		term := terminal{out: &said, err: &said, getenv: func(name string) string { return environment[name] }}
		if code := do(ctx, term); code != exitOK || said.String() != "" {
			t.Errorf("%s: exit %d, %q", name, code, said.String())
		}
	}
}

// With other keys every event of Bitrix24 would be refused, and it sends none twice.
func TestAProgramWithOtherKeysThanThoseOfWhatIsStoredDoesNotStart(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.stop()
		other := strings.Replace(testKey, "A", "B", 1)
		id, _, _ := strings.Cut(r.config.EncryptionKeys, ":")
		for _, keys := range []string{"other:" + other, id + ":" + other} {
			for name, do := range map[string]func(context.Context, terminal) int{"serve": serve, "rotate-keys": rotateKeys} {
				var said strings.Builder
				term := terminal{out: &said, err: &said, getenv: environmentWith(map[string]string{"LISTEN_ADDR": "127.0.0.1:0", "DATABASE_URL": address, "ENCRYPTION_KEYS": keys})}
				code := do(t.Context(), term)
				if text := said.String(); code != exitFailed || !strings.Contains(text, "ENCRYPTION_KEYS: the secrets that are stored do not open with these keys") || strings.Contains(text, other) {
					t.Errorf("%s: exit %d, %q", name, code, text)
				}
			}
		}
	})
}

// TestNothingIsLostOrDoubleInARollingRestartUnderLoad ends one process after the
// other and starts it again while calls are told, and while a portal has more of them
// than it lets requests through.
func TestNothingIsLostOrDoubleInARollingRestartUnderLoad(t *testing.T) {
	t.Parallel()
	f := fleetOf(t, 2, postgreSQL(t), hastyChild)
	w := newTown(t, f, 8, 100*time.Millisecond)
	w.during(func() {
		for range 18 {
			w.place(0)
		}
		for i := range f.children {
			accepted := w.events.Load()
			eventually(t, "load", func() bool { return w.events.Load() > accepted+10 })
			f.children[i].end()
			f.children[i] = f.rigs[i].spawnAs(f.how)
		}
	})
	w.settled(2 * time.Minute)
	for _, p := range w.portals {
		p.withinLimit()
	}
	t.Log(w.describe())
}

// The authorization server has replaced the pair by then, and answers nobody else.
func TestAProgramThatIsToldToEndDuringARenewalKeepsTheNewPair(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.addMia()
		r.portal.ExpireTokens()
		held := r.sim.Inject(b24sim.Fault{Method: "oauth/token", Act: b24sim.Hold, After: true})
		if got := r.asksWho(mias); got.status != http.StatusGatewayTimeout {
			t.Fatalf("who asked does not give up: %d %s", got.status, got.body)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			r.stop()
		}()
		select {
		case <-ended:
			t.Error("it ended without the new pair")
		case <-time.After(2 * time.Second): // all else has ended by then
		}
		held.Release()
		<-ended
		r.start()
		if got := r.asksWho(mias); got.status != http.StatusOK || !strings.Contains(got.body, "Mia") {
			t.Errorf("%d %s", got.status, got.body)
		}
		if got := r.stored(); got.Status != models.PortalActive {
			t.Errorf("the portal is %s %s", got.Status, got.StatusCode)
		}
	})
}
