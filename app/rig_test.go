package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/app/crm"
	"callwise/models/modelstest"
)

// A rig is the whole product in one process, spoken to over HTTP only: the
// program on a database, a simulated portal, and a PBX that takes commands.
type rig struct {
	t       testing.TB
	sim     *b24sim.Sim
	portal  *b24sim.Portal
	config  config
	url     string
	stop    func()
	session string // of the administrator
	key     string // of the PBX
	pbx     *exchange
	tune    func(*house)
	log     slog.Handler // of the program; nil is standard error
	house   *house
	lit     string        // switches that are on
	ahead   *atomic.Int64 // how far the portals' clock is
}

// Employees of the rig's portal.
const (
	admin = 1  // Vera Stein, 101
	anna  = 17 // Anna Brandt, 104
	omar  = 18 // Omar Haddad, 105
)

func employees() []b24sim.User {
	return []b24sim.User{
		{ID: admin, Name: "Vera", LastName: "Stein", Extension: "101", Admin: true},
		{ID: anna, Name: "Anna", LastName: "Brandt", Extension: "104"},
		{ID: omar, Name: "Omar", LastName: "Haddad", Extension: "105", Mobile: "+49 151 00000018"},
	}
}

// eachDatabase runs a test on SQLite and on PostgreSQL.
func eachDatabase(t *testing.T, test func(t *testing.T, address string)) {
	t.Helper()
	modelstest.EachAddress(t, test)
}

// newRig starts everything and installs the app on a portal in classic mode
// with repeat sales on.
func newRig(t testing.TB, address string, portal b24sim.PortalConfig) *rig {
	t.Helper()
	r := bareRig(t, address, portal)
	r.start()
	r.install()
	return r
}

// bareRig prepares everything without starting the program.
func bareRig(t testing.TB, address string, portal b24sim.PortalConfig) *rig {
	t.Helper()
	r := &rig{t: t, pbx: newExchange(t), ahead: &atomic.Int64{}}
	r.url = "http://" + freeAddress(t)
	r.sim = b24sim.New(b24sim.Config{
		ClientID: "app.test", ClientSecret: "secret", InstallerURL: r.url + "/b24/install", ApplicationURL: r.url + "/b24/app",
		Now: r.now,
	})
	server := httptest.NewServer(r.sim)
	t.Cleanup(server.Close)
	r.sim.SetBaseURL(server.URL)
	if portal.Name == "" {
		portal.Name = "acme"
	}
	if portal.Users == nil {
		portal.Users = employees()
	}
	r.portal = r.sim.AddPortal(portal)
	r.config = config{
		ListenAddr: strings.TrimPrefix(r.url, "http://"), PublicURL: r.url, DatabaseURL: address,
		ClientID: "app.test", ClientSecret: "secret", OAuthHosts: []string{server.URL}, JSURL: server.URL + "/bx24.js",
		AllowLoopback: true, EncryptionKeys: modelstest.Keys, Retention: 365 * 24 * time.Hour, Proxies: proxies(t),
	}
	return r
}

// now is the portals' time.
func (r *rig) now() time.Time { return time.Now().Add(time.Duration(r.ahead.Load())) }

// proxies are the default ones: the tests play the proxy.
func proxies(t testing.TB) []netip.Prefix {
	t.Helper()
	networks, err := parseProxies(defaultProxies)
	if err != nil {
		t.Fatal(err)
	}
	return networks
}

// lastPort is the port that was last given away. Ports are given once, below
// those that the system hands out by itself: the program must find its own
// free again after a restart.
var lastPort atomic.Int32

func freeAddress(t testing.TB) string {
	t.Helper()
	lastPort.CompareAndSwap(0, int32(20000+os.Getpid()%10000))
	for {
		address := fmt.Sprintf("127.0.0.1:%d", 20000+lastPort.Add(1)%12000)
		listener, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		if err := listener.Close(); err != nil {
			t.Fatal(err)
		}
		return address
	}
}

func listen(t testing.TB, address string) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// start runs the program until the test ends or stop is called.
func (r *rig) start() {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	if r.log == nil {
		r.log = slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo})
	}
	h, err := openHouse(ctx, r.config, slog.New(r.log))
	if err != nil {
		r.t.Fatal(err)
	}
	r.house = h
	if _, measuring := r.t.(*testing.B); measuring {
		h.pages.Limits.Lift()
	}
	h.pages.Limits.LiftPages() // a test looks every 10 ms
	h.flow.MayRun = 0          // the simulated portal carries out at once
	if r.tune != nil {
		r.tune(h)
	}
	ended := make(chan error, 1)
	listener := listen(r.t, r.config.ListenAddr)
	go func() { ended <- h.serve(ctx, listener) }()
	var once sync.Once
	r.stop = func() {
		once.Do(func() {
			http.DefaultClient.CloseIdleConnections() // a server waits for connections that were never used
			cancel()
			if err := <-ended; err != nil {
				r.t.Errorf("serve: %v", err)
			}
		})
	}
	r.t.Cleanup(r.stop)
}

// install opens the installer as an administrator does, connects the PBX and
// finishes.
func (r *rig) install() {
	r.t.Helper()
	frame, err := r.portal.StartInstall(admin)
	if err != nil {
		r.t.Fatal(err)
	}
	if page := r.open(frame); !strings.Contains(page, "data-install-finish") {
		r.t.Fatalf("the installation did not end:\n%s", page)
	}
	r.portal.FinishInstall()
	r.deliver()
	r.session = sessionIn(r.t, r.open(r.frame(admin, "DEFAULT")))
	r.eventually("the handlers are looked after", func() bool { return r.sim.Count(r.portal.Name(), "placement.get") > 3 })
	r.key = keyIn(r.t, r.post("/settings/keys", url.Values{"name": {"Test PBX"}}))
	r.save(url.Values{"command_url": {r.pbx.url}})
	r.pbx.secret = secretIn(r.t, r.post("/settings/secret/reveal", nil))
}

// report sends events of the PBX and returns the answer.
func (r *rig) report(events ...map[string]any) (int, string) {
	r.t.Helper()
	body, err := json.Marshal(events)
	if err != nil {
		r.t.Fatal(err)
	}
	request, err := http.NewRequest(http.MethodPost, r.url+"/pbx/v1/events", strings.NewReader(string(body)))
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+r.key)
	return answerTo(r.t, request)
}

// tell reports events and expects them to be taken.
func (r *rig) tell(events ...map[string]any) {
	r.t.Helper()
	if status, body := r.report(events...); status != http.StatusAccepted {
		r.t.Fatalf("events: %d %s", status, body)
	}
}

// deliver waits until the portal has delivered all its events.
func (r *rig) deliver() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := r.sim.WaitIdle(ctx); err != nil {
		r.t.Fatal(err)
	}
}

// eventually polls until holds is true.
func (r *rig) eventually(what string, holds func() bool) {
	r.t.Helper()
	eventually(r.t, what, holds)
}

func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(90 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("%s: not within 90 s", what)
		case <-tick.C:
		}
	}
}

// finished waits until the log has n calls and none of them is going on.
func (r *rig) finished(n int) {
	r.t.Helper()
	r.eventually("all calls finished", func() bool { return r.allFinished(n) })
}

func (r *rig) allFinished(n int) bool {
	page := r.page("/calls")
	return strings.Count(page, `<tr id="call-`) == n && !strings.Contains(page, "result-waiting") && !strings.Contains(page, "result-retrying")
}

// registered waits until the portal knows n calls that are going on.
func (r *rig) registered(n int) {
	r.t.Helper()
	r.eventually("call registered", func() bool { return r.portal.Snapshot().Unfinished == n })
}

func lead(id int64) crm.Ref    { return crm.Ref{Type: crm.TypeLead, ID: id} }
func deal(id int64) crm.Ref    { return crm.Ref{Type: crm.TypeDeal, ID: id} }
func contact(id int64) crm.Ref { return crm.Ref{Type: crm.TypeContact, ID: id} }
func company(id int64) crm.Ref { return crm.Ref{Type: crm.TypeCompany, ID: id} }

// alive reports whether the program at that address answers.
func alive(address string) bool {
	answer, err := http.Get(address + "/readyz")
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

func postgreSQL(t testing.TB) string {
	t.Helper()
	return modelstest.PostgreSQL(t)
}
