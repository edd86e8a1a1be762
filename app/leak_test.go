package main

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
)

func TestOnlyThePortalMayFrameItsPages(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	want := "frame-ancestors " + originOf(t, r.portal.URL())
	for name, got := range map[string]reply{
		"application": r.postFrame(r.frame(admin, "DEFAULT")),
		"call log":    r.postFrame(r.frame(anna, "TELEPHONY_ANALYTICS_MENU")),
		"settings":    r.with(r.session, http.MethodGet, "/settings"),
		"not found":   r.with(r.session, http.MethodGet, "/calls/999"),
		"installer":   r.postFrame(r.clickInstall()),
	} {
		policy := strings.Split(got.header.Get("Content-Security-Policy"), "; ")
		if !slices.Contains(policy, want) {
			t.Errorf("%s: %v, want %s", name, policy, want)
		}
		if got.header.Get("X-Frame-Options") != "" || got.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %v", name, got.header)
		}
	}
}

func TestEveryPageHasExactlyThisPolicy(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	want := "default-src 'none'; script-src 'self' " + originOf(t, r.config.JSURL) + "; style-src 'self'; img-src 'self' data:; " +
		"media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors " + originOf(t, r.portal.URL())
	asked := 0
	for _, route := range r.routes() {
		method, path, _ := strings.Cut(route, " ")
		if slices.Contains(publicRoutes, route) || slices.Contains(keyRoutes, route) || path == "/calls.csv" || path == "/settings/export" {
			continue
		}
		asked++
		got := r.with(r.session, method, strings.NewReplacer(":id", "1", ":version", "1").Replace(path))
		if diff := cmp.Diff(want, got.header.Get("Content-Security-Policy")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", route, diff)
		}
		if got.header.Get("Referrer-Policy") != "no-referrer" || got.header.Get("X-Content-Type-Options") != "nosniff" || got.header.Get("X-Frame-Options") != "" || got.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", route, got.header)
		}
		if token := got.header.Get("X-Session"); token != "" {
			t.Errorf("%s: a fresh session is renewed", route)
		}
		for _, named := range addressTag.FindAllStringSubmatch(got.body, -1) {
			foreign := strings.Contains(named[1], "//") && named[1] != r.config.JSURL && !strings.HasPrefix(named[1], r.url+"/") && !strings.HasPrefix(named[1], r.portal.URL()+"/")
			if foreign || strings.Contains(named[1], r.session) {
				t.Errorf("%s: the page has the address %s", route, named[1])
			}
		}
	}
	if asked < 30 {
		t.Errorf("%d routes were asked", asked)
	}
}

// addressTag is every address in a page that a browser loads or goes to.
var addressTag = regexp.MustCompile(`(?:src|href|action|formaction|hx-get|hx-post|data-url)="([^"]*)"`)

func TestAMessageToNobodyStandsInAnyFrameAndHoldsNoSession(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	forged := r.frame(admin, "DEFAULT")
	forged.Form.Set("AUTH_ID", "made-up")
	for name, got := range map[string]reply{
		"forged frame": r.postFrame(forged),
		"no session":   r.send(r.request(http.MethodPost, "/calls", formType, "session=x")),
	} {
		policy := strings.Split(got.header.Get("Content-Security-Policy"), "; ")
		if !slices.Contains(policy, "frame-ancestors *") || !slices.Contains(policy, "script-src 'self'") || sessionTag.MatchString(got.body) {
			t.Errorf("%s: %v\n%s", name, policy, got.body)
		}
	}
}

// A buffer is what a program logged; it may be written to at any time.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// ofChance is what a line of the log, or a line of the metrics, holds by chance: it
// may look like a part of a number.
var ofChance = regexp.MustCompile(`\btime=\S+|\bduration=[\d.]+|\brequest=[0-9a-f-]{36}|\btrace=("[0-9a-f ]+"|[0-9a-f]{32})|^(callwise_\S+) [\d.e+-]+`)

func TestTheLogNeverHoldsATokenAKeyOrANumber(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := bareRig(t, address, classic)
		var logged buffer
		r.log = slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})
		r.tune = func(h *house) { h.flow.CommandWindow = time.Second }
		r.start()
		r.install()
		frames := []b24sim.Frame{r.frame(admin, "DEFAULT"), r.frame(anna, "TELEPHONY_ANALYTICS_MENU")}
		for _, frame := range frames {
			r.open(frame)
		}
		r.switches("corb")
		r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
		r.finished(1)

		// Now everything that can go wrong.
		r.pbx.mu.Lock()
		r.pbx.refuse = true
		r.pbx.mu.Unlock()
		r.portal.Click(b24sim.Click{UserID: omar, Phone: "+4930901822"})
		r.finished(2)
		fault := r.sim.Inject(b24sim.Fault{Portal: "acme", Times: -1, Act: b24sim.Refuse, Status: 403, Code: "ACCESS_DENIED", Text: "+4930901823"})
		r.tell(started("c3", "incoming", "+4930901823"), ended("c3", "answered", 5))
		r.eventually("given up", func() bool { return strings.Contains(logged.String(), "outcome=given_up") })
		customers := r.request(http.MethodGet, "/pbx/v1/customers?phone=%2B4930901824", "", "")
		customers.Header.Set("Authorization", "Bearer "+r.key)
		r.send(customers)
		r.postFrame(frames[0])
		r.postFrame(r.frame(admin, "DEFAULT"))
		fault.Remove()
		r.sends("/b24/events", url.Values{"event": {"+4930901825"}, "auth[member_id]": {r.portal.MemberID()}, "auth[application_token]": {"wrong-token"}}, http.StatusForbidden)
		r.send(r.telling(r.key, `{"id":"+4930901826"}`))
		r.with("wrong-session", http.MethodGet, "/calls?phone=4930901827")
		r.portal.RevokeTokens(admin)
		r.tell(started("c4", "incoming", "+4930901828"), ended("c4", "answered", 5))
		r.eventually("no access", func() bool { return r.stored().Status == models.PortalReauth })
		again := r.frame(admin, "DEFAULT")
		frames = append(frames, again)
		r.open(again)
		hostileLine := "+4930901829\ntime=now level=ERROR msg=\"forged line\""
		r.send(r.telling(r.key, `[{"id":"x","type":"call.ended","call":"`+strings.ReplaceAll(strings.ReplaceAll(hostileLine, `"`, `\"`), "\n", `\n`)+`","at":"2026-03-04T13:05:09Z","status":"answered"}]`))
		r.sends("/b24/events", url.Values{"event": {hostileLine}, "auth[member_id]": {hostileLine}}, http.StatusNotFound)
		r.with(r.session, http.MethodGet, "/calls/+4930901829%0Aforged")
		counted := r.send(r.request(http.MethodGet, "/metrics", "", "")).body
		r.portal.Uninstall(true)
		r.deliver()
		r.stop()

		words := []string{"9018", "wrong-token", "wrong-session", r.key, r.session, r.pbx.secret, "client_secret", "Brandt", "Haddad"}
		for _, frame := range frames {
			words = append(words, frame.Form.Get("AUTH_ID"), frame.Form.Get("REFRESH_ID"), frame.Form.Get("APPLICATION_TOKEN"))
		}
		text := logged.String()
		if !strings.Contains(text, "route=/b24/app") {
			t.Error("requests are not logged")
		}
		for line := range strings.Lines(text + counted) {
			if strings.HasPrefix(line, "time=now") || strings.Contains(line, "forged") {
				t.Errorf("somebody else wrote into the log: %s", line)
			}
			for _, word := range words {
				if strings.Contains(ofChance.ReplaceAllString(line, "$2"), word) {
					t.Errorf("%q is logged: %s", word, line)
				}
			}
		}
	})
}

func TestMetricsHaveOurNameAndNameNoPortal(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	r.switches("c")
	r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
	r.finished(1)
	page := r.send(r.request(http.MethodGet, "/metrics", "", "")).body
	for line := range strings.Lines(page) {
		if !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "callwise_") {
			t.Errorf("not ours: %s", line)
		}
		if strings.Contains(line, r.portal.MemberID()) || strings.Contains(line, "acme") {
			t.Errorf("a portal is named: %s", line)
		}
	}
	for _, want := range []string{
		`callwise_events_accepted_total{source="pbx"} 2`,
		`callwise_calls_decided_total{reason="NEW_CREATED"} 1`,
		`callwise_portal_requests_total{code="ok"}`,
		"callwise_go_goroutines", "callwise_process_open_fds",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
}
