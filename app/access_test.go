package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/handlers"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
	"github.com/labstack/echo/v4"
)

// A reply is an answer of the program as a client sees it.
type reply struct {
	status int
	header http.Header
	body   string
}

func (r *rig) send(request *http.Request) reply {
	r.t.Helper()
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return reply{answer.StatusCode, answer.Header, string(body)}
}

func (r *rig) request(method, address, kind, body string) *http.Request {
	r.t.Helper()
	if !strings.HasPrefix(address, "http") {
		address = r.url + address
	}
	request, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	return request
}

const formType = "application/x-www-form-urlencoded"

func (r *rig) postFrame(frame b24sim.Frame) reply {
	r.t.Helper()
	return r.send(r.request(http.MethodPost, frame.URL, formType, frame.Form.Encode()))
}

func (r *rig) with(session, method, path string) reply {
	r.t.Helper()
	request := r.request(method, path, "", "")
	request.Header.Set("Authorization", "Bearer "+session)
	return r.send(request)
}

// neighbour is another portal of the same program, with the app installed.
func (r *rig) neighbour(name string) *rig {
	r.t.Helper()
	n := *r
	n.portal = r.sim.AddPortal(b24sim.PortalConfig{Name: name, RepeatSales: true, Users: employees()})
	n.pbx, n.session, n.key = newExchange(r.t), "", ""
	n.install()
	return &n
}

// rows counts what is stored.
func (r *rig) rows(tables ...string) map[string]int {
	r.t.Helper()
	counts, stored := map[string]int{}, r.dump()
	for _, table := range tables {
		counts[table] = len(stored[table])
	}
	return counts
}

func TestAForgedFrameOpensNothingAndNamesNoHostThatWeAsk(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		var hits atomic.Int32
		trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
		t.Cleanup(trap.Close)
		r := newRig(t, address, classic)
		other := r.neighbour("other")
		stranger, _ := other.portal.Token(admin)
		hostile := func(f b24sim.Frame) {
			f.Form.Set("DOMAIN", strings.TrimPrefix(trap.URL, "http://"))
			f.Form.Set("SERVER_ENDPOINT", trap.URL+"/rest/")
			f.Form.Set("client_endpoint", trap.URL+"/rest/")
		}
		before := r.rows("portals", "tokens")
		for _, tt := range []struct {
			name   string
			forge  func(f b24sim.Frame)
			status int
		}{
			{"a token that nobody gave", func(f b24sim.Frame) { f.Form.Set("AUTH_ID", "made-up") }, 403},
			{"a token of another portal", func(f b24sim.Frame) { f.Form.Set("AUTH_ID", stranger) }, 403},
			{"another portal's name", func(f b24sim.Frame) { f.Form.Set("member_id", other.portal.MemberID()) }, 403},
			{"a portal that does not exist", func(f b24sim.Frame) { f.Form.Set("member_id", strings.Repeat("0", 32)) }, 403},
			{"a refresh token for an access token", func(f b24sim.Frame) { f.Form.Set("AUTH_ID", f.Form.Get("REFRESH_ID")) }, 403},
			{"an authorization server of the sender's", func(f b24sim.Frame) { hostile(f); f.Form.Set("AUTH_ID", "made-up") }, 403},
			{"no token", func(f b24sim.Frame) { f.Form.Del("AUTH_ID") }, 400},
			{"no portal", func(f b24sim.Frame) { f.Form.Del("member_id") }, 400},
			{"nothing at all", func(f b24sim.Frame) { clear(f.Form) }, 400},
		} {
			for _, path := range []string{"/b24/app", "/b24/calls", "/b24/install"} {
				t.Run(tt.name+" at "+path, func(t *testing.T) {
					frame := r.frame(admin, "DEFAULT")
					frame.URL = r.url + path
					tt.forge(frame)
					got := r.postFrame(frame)
					if got.status != tt.status || sessionTag.MatchString(got.body) {
						t.Errorf("%d\n%s", got.status, got.body)
					}
					if strings.Contains(got.body, "administrators can") {
						t.Error("the page speaks of rights although nobody was recognised")
					}
				})
			}
		}
		frame := r.frame(admin, "DEFAULT")
		hostile(frame)
		got := r.postFrame(frame)
		if got.status != http.StatusOK || !strings.Contains(got.header.Get("Content-Security-Policy"), "frame-ancestors "+originOf(t, r.portal.URL())) {
			t.Errorf("a true token with names of the sender's: %d %v", got.status, got.header)
		}
		for _, token := range r.tokens() {
			if token.AuthHost != r.config.OAuthHosts[0] {
				t.Errorf("a pair is renewed at %s", token.AuthHost)
			}
		}
		if n := hits.Load(); n != 0 {
			t.Errorf("%d requests reached a host that a frame named", n)
		}
		if diff := cmp.Diff(before, r.rows("portals", "tokens")); diff != "" {
			t.Errorf("stored (-before +after):\n%s", diff)
		}
	})
}

func originOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Scheme + "://" + u.Host
}

func TestEventsThatProveNothingChangeNothing(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		other := r.neighbour("other")
		click := func(change func(url.Values)) string {
			form := r.lifecycle("ONEXTERNALCALLSTART", 0, map[string]string{
				"CALL_ID": "externalCall.1", "USER_ID": "18", "PHONE_NUMBER": "+4930901821", "CRM_ENTITY_ID": "0",
			})
			change(form)
			return form.Encode()
		}
		event := func(name string, change func(url.Values)) string {
			form := r.lifecycle(name, 0, map[string]string{"CLEAN": "1"})
			change(form)
			return form.Encode()
		}
		same := func(url.Values) {}
		token := func(value string) func(url.Values) {
			return func(f url.Values) { f.Set("auth[application_token]", value) }
		}
		many := func(f url.Values) {
			for i := range 600 {
				f.Set(fmt.Sprintf("data[k%d]", i), "x")
			}
		}
		foreign := func(f url.Values) {
			access, _ := other.portal.Token(admin)
			f.Set("auth[access_token]", access)
			f.Set("auth[application_token]", "another")
		}
		forgedInstall := func(f url.Values) { foreign(f); f.Set("auth[member_id]", strings.Repeat("0", 32)) }
		before := r.rows("portals", "tokens", "events", "calls")
		for _, tt := range []struct {
			name, kind, body string
			status           int
		}{
			{"a wrong application token", formType, click(token("wrong")), 403},
			{"the application token of another portal", formType, click(token(other.portal.ApplicationToken())), 403},
			{"an empty application token", formType, click(token("")), 403},
			{"no application token", formType, click(func(f url.Values) { f.Del("auth[application_token]") }), 403},
			{"a removal with a wrong token", formType, event("ONAPPUNINSTALL", token("wrong")), 403},
			{"an update with a token of another portal", formType, event("ONAPPUPDATE", foreign), 403},
			{"an update with a wrong token and no access token", formType, event("ONAPPUPDATE", token("wrong")), 403},
			{"an installation with a token of another portal", formType, event("ONAPPINSTALL", foreign), 403},
			{"an installation of a portal that does not exist", formType, event("ONAPPINSTALL", forgedInstall), 403},
			{"a system user with a wrong token", formType, event("ONAPPUSERREADY", token("wrong")), 403},
			{"a portal that is not known", formType, click(func(f url.Values) { f.Set("auth[member_id]", strings.Repeat("0", 32)) }), 404},
			{"an installation without tokens of an unknown portal", formType, event("ONAPPINSTALL", func(f url.Values) { f.Set("auth[member_id]", "nobody") }), 404},
			{"JSON", "application/json", `{"event":"ONEXTERNALCALLSTART"}`, 400},
			{"no content type", "", click(same), 400},
			{"a multipart form", "multipart/form-data; boundary=x", "--x--", 400},
			{"a broken encoding", formType, "event=%zz", 400},
			{"too many pairs", formType, click(many), 400},
			{"keys that are too deep", formType, click(func(f url.Values) { f.Set("data[a][b][c][d][e][f][g]", "x") }), 400},
			{"keys that are not closed", formType, click(func(f url.Values) { f.Set("data[a", "x") }), 400},
			{"no event", formType, click(func(f url.Values) { f.Del("event") }), 400},
			{"no portal", formType, click(func(f url.Values) { f.Del("auth[member_id]") }), 400},
			{"nothing", formType, "", 400},
			{"more than 64 KiB", formType, click(func(f url.Values) { f.Set("data[text]", strings.Repeat("x", 64<<10)) }), 413},
			{"an event that nobody waits for", formType, event("ONCRMLEADADD", same), 200},
			{"an unknown event", formType, event("ONSOMETHINGNEW", same), 200},
		} {
			t.Run(tt.name, func(t *testing.T) {
				got := r.send(r.request(http.MethodPost, "/b24/events", tt.kind, tt.body))
				if got.status != tt.status {
					t.Errorf("%d, want %d\n%s", got.status, tt.status, got.body)
				}
			})
		}
		t.Run("more than 64 KiB in pieces", func(t *testing.T) {
			request := r.request(http.MethodPost, "/b24/events", formType, "")
			request.Body, request.ContentLength = io.NopCloser(strings.NewReader("a="+strings.Repeat("x", 65<<10))), -1
			if got := r.send(request); got.status != http.StatusRequestEntityTooLarge {
				t.Errorf("%d", got.status)
			}
		})
		if diff := cmp.Diff(before, r.rows("portals", "tokens", "events", "calls")); diff != "" {
			t.Errorf("stored (-before +after):\n%s", diff)
		}
		if status := r.stored().Status; status != models.PortalActive {
			t.Errorf("the portal is %s", status)
		}
	})
}

// Routes that need no session, and those open to every employee. All others
// are the administrators'.
var (
	publicRoutes = []string{
		"GET /healthz", "GET /readyz", "GET /metrics", "GET /static/*",
		"POST /b24/events", "POST /b24/install", "POST /b24/app", "POST /b24/calls",
		"GET /b24/install", "GET /b24/app", "GET /b24/calls", "HEAD /b24/install", "HEAD /b24/app", "HEAD /b24/calls",
		"GET /pbx/v1/openapi.yaml", "POST /pbx/v1/events", "GET /pbx/v1/customers",
	}
	employeeRoutes = []string{"GET /calls", "POST /calls", "GET /calls/:id", "POST /calls/:id"}
)

// routes are all routes of the program.
func (r *rig) routes() []string {
	var all []string
	for _, route := range r.house.handler.(*echo.Echo).Routes() {
		if route.Method != echo.RouteNotFound {
			all = append(all, route.Method+" "+route.Path)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestEveryRouteOpensToExactlyThoseWhoMay(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.tell(started("c1", "internal", "105"), ended("c1", "answered", 3))
		r.finished(1)
		employee := sessionIn(t, r.open(r.frame(anna, "DEFAULT")))
		id := match(t, "call", regexp.MustCompile(`<tr id="call-(\d+)"`), r.page("/calls"))
		routes := r.routes()
		for _, route := range append(slices.Clone(publicRoutes), employeeRoutes...) {
			if !slices.Contains(routes, route) {
				t.Errorf("%s is gone", route)
			}
		}
		for _, route := range routes {
			method, path, _ := strings.Cut(route, " ")
			path = strings.NewReplacer(":id", id, "*", "app.css").Replace(path)
			t.Run(route, func(t *testing.T) {
				nobody, worker := r.send(r.request(method, path, "", "")), r.with(employee, method, path)
				for _, got := range []reply{nobody, worker} {
					if got.header.Get("Set-Cookie") != "" {
						t.Error("a cookie is set")
					}
				}
				if slices.Contains(publicRoutes, route) {
					return
				}
				want := http.StatusForbidden
				if slices.Contains(employeeRoutes, route) {
					want = http.StatusOK
				}
				if nobody.status != http.StatusUnauthorized || worker.status != want {
					t.Errorf("nobody gets %d, want 401; an employee %d, want %d", nobody.status, worker.status, want)
				}
				for _, got := range []reply{nobody, worker} {
					if !strings.Contains(got.body, `id="page"`) && !strings.Contains(got.body, "<dialog") {
						t.Errorf("no whole page for %d:\n%s", got.status, got.body)
					}
				}
			})
		}
	})
}

func TestWhatIsNotThereIsSaidInTheVisitorsLanguageWithTheTabs(t *testing.T) {
	portal := classic
	portal.Language = "ru"
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", portal)
	got := r.with(r.session, http.MethodGet, "/calls/999")
	if got.status != http.StatusNotFound || !strings.Contains(got.body, "Здесь ничего нет") || !strings.Contains(got.body, `id="tab-settings"`) {
		t.Errorf("%d\n%s", got.status, got.body)
	}
	employee := sessionIn(t, r.open(r.frame(anna, "DEFAULT")))
	got = r.with(employee, http.MethodGet, "/settings")
	if got.status != http.StatusForbidden || !strings.Contains(got.body, "Это доступно только администраторам") || !strings.Contains(got.body, `id="tab-calls"`) || strings.Contains(got.body, `id="tab-settings"`) {
		t.Errorf("%d\n%s", got.status, got.body)
	}
}

func TestAPortalThatIsNotInstalledIsToldSo(t *testing.T) {
	r := bareRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	r.start()
	r.clickInstall()
	r.portal.FinishInstall()
	got := r.postFrame(r.frame(admin, "DEFAULT"))
	if got.status != http.StatusNotFound || !strings.Contains(got.body, "Callwise is not installed here") {
		t.Errorf("%d\n%s", got.status, got.body)
	}
}

func TestHeadSaysThatTheAddressesOfTheCardAreThere(t *testing.T) {
	r := bareRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	r.start()
	for _, path := range []string{"/b24/install", "/b24/app", "/b24/calls"} {
		for _, method := range []string{http.MethodHead, http.MethodGet} {
			if got := r.send(r.request(method, path, "", "")); got.status != http.StatusOK {
				t.Errorf("%s %s: %d", method, path, got.status)
			}
		}
	}
}

func TestNoPortalSeesOrTouchesAnother(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.tell(started("c0", "internal", "104"), ended("c0", "answered", 1))
		r.finished(1)
		b := r.neighbour("other")
		b.portal.AddContact(b24sim.Contact{Name: "Bea", LastName: "Secretly", Phones: []string{"+4930901821"}})
		b.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
		b.finished(1)
		callID := match(t, "call", regexp.MustCompile(`<tr id="call-(\d+)"`), b.page("/calls"))
		keyID := match(t, "key", regexp.MustCompile(`/settings/keys/(\d+)/revoke`), b.page("/settings"))

		for _, request := range []string{
			"GET /calls/" + callID, "POST /calls/" + callID, "POST /settings/keys/" + keyID + "/revoke",
		} {
			method, path, _ := strings.Cut(request, " ")
			if got := r.with(r.session, method, path); got.status != http.StatusNotFound || strings.Contains(got.body, "Secretly") {
				t.Errorf("%s: %d", request, got.status)
			}
		}
		for _, path := range []string{"/calls", "/settings"} {
			if page := r.page(path); strings.Contains(page, "Secretly") || strings.Contains(page, "call-"+callID+`"`) || strings.Contains(page, "/settings/keys/"+keyID+"/") {
				t.Errorf("%s shows what is another portal's", path)
			}
		}

		// The same names in A's PBX are A's own calls.
		before := b.portal.Snapshot()
		logged := strings.Count(b.page("/calls"), "<tr id=")
		r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "missed", 0))
		r.finished(2)
		click := b.portal.Click(b24sim.Click{UserID: omar, Phone: "+4930901821"})
		b.eventually("the click is known", func() bool { return len(b.pbx.taken()) == 1 })
		r.tell(ended("p7", "answered", 30), started("p7", "outgoing", "+4930901821", map[string]any{"bitrix24_call_id": click}))
		r.finished(3)
		if n := b.portal.Snapshot().Unfinished; n != before.Unfinished+1 {
			t.Errorf("the other portal has %d calls going on, want the click", n)
		}
		if got := strings.Count(b.page("/calls"), "<tr id="); got != logged+1 {
			t.Errorf("%d calls in the other portal's log, want %d", got, logged+1)
		}

		customer := func(r *rig) string {
			request := r.request(http.MethodGet, "/pbx/v1/customers?phone=%2B4930901821", "", "")
			request.Header.Set("Authorization", "Bearer "+r.key)
			return r.send(request).body
		}
		if got := customer(r); strings.Contains(got, "Secretly") {
			t.Errorf("A's key tells B's customer: %s", got)
		}
		if got := customer(b); !strings.Contains(got, "Secretly") {
			t.Errorf("B's key does not tell B's customer: %s", got)
		}
	})
}

// session signs a session as the program does, at another time.
func signed(t *testing.T, at time.Time, visitor handlers.Visitor, keys string) string {
	t.Helper()
	signing, err := sessionKeys(keys)
	if err != nil {
		t.Fatal(err)
	}
	s := &handlers.Sessions{Keys: signing, Now: func() time.Time { return at }}
	token, err := s.Issue(visitor)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestASessionThatIsOverOpensNothing(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		other := r.neighbour("other")
		visitor := handlers.Visitor{PortalID: r.stored().ID, UserID: admin, Admin: true, Lang: "en"}
		nobody := handlers.Visitor{PortalID: 9999, UserID: admin, Admin: true, Lang: "en"}
		removed := other.session
		other.portal.Uninstall(false)
		r.deliver()
		stranger := "other:" + strings.Repeat("A", 43) + "="
		for _, tt := range []struct{ name, session string }{
			{"an hour old", signed(t, time.Now().Add(-time.Hour), visitor, r.config.EncryptionKeys)},
			{"from the future", signed(t, time.Now().Add(time.Hour), visitor, r.config.EncryptionKeys)},
			{"signed with another key", signed(t, time.Now(), visitor, stranger)},
			{"of a portal that does not exist", signed(t, time.Now(), nobody, r.config.EncryptionKeys)},
			{"of a portal that removed the app", removed},
			{"a PBX key", r.key},
			{"nonsense", "x.y.z"},
			{"nothing", ""},
		} {
			t.Run(tt.name, func(t *testing.T) {
				for _, path := range []string{"/settings", "/calls"} {
					got := r.with(tt.session, http.MethodGet, path)
					if got.status != http.StatusUnauthorized || !strings.Contains(got.body, "Open this page from Bitrix24") || !strings.Contains(got.body, `id="page"`) {
						t.Errorf("%s: %d\n%s", path, got.status, got.body)
					}
				}
				got := r.send(r.request(http.MethodPost, "/settings/keys", formType, url.Values{"session": {tt.session}, "name": {"x"}}.Encode()))
				if got.status != http.StatusUnauthorized {
					t.Errorf("in a form: %d", got.status)
				}
			})
		}
		if got := r.with(signed(t, time.Now(), visitor, r.config.EncryptionKeys), http.MethodGet, "/settings"); got.status != http.StatusOK {
			t.Errorf("a session that is not over: %d", got.status)
		}
		if got := r.send(r.request(http.MethodGet, "/settings?session="+r.session, "", "")); got.status != http.StatusUnauthorized {
			t.Errorf("a session in an address: %d", got.status)
		}
	})
}

// telling is a PBX's request.
func (r *rig) telling(key, body string) *http.Request {
	request := r.request(http.MethodPost, "/pbx/v1/events", "application/json", body)
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	return request
}

func events(n int) string {
	all := make([]map[string]any, n)
	for i := range all {
		all[i] = started(fmt.Sprint("many", i), "internal", "105")
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err) // maps of texts
	}
	return string(text)
}

func TestThePBXLearnsWhatIsWrongAndNothingOfItIsStored(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		revoked := keyIn(t, r.post("/settings/keys", url.Values{"name": {"Old PBX"}}))
		ids := regexp.MustCompile(`/settings/keys/(\d+)/revoke`).FindAllStringSubmatch(r.page("/settings"), -1)
		last := slices.MaxFunc(ids, func(a, b []string) int { return strings.Compare(a[1], b[1]) })[1]
		r.post("/settings/keys/"+last+"/revoke", nil)
		good := `{"id":"1","type":"call.started","call":"c1","at":"2026-03-04T13:05:09Z","direction":"internal","phone":"105"}`
		for _, tt := range []struct {
			name, key, body string
			status          int
			pointer         string
		}{
			{"no key", "", good, 401, ""},
			{"a wrong key", "wrong", good, 401, ""},
			{"a revoked key", revoked, good, 401, ""},
			{"a session for a key", r.session, good, 401, ""},
			{"no JSON", r.key, `{"id":`, 400, ""},
			{"nothing", r.key, "", 400, ""},
			{"two texts", r.key, good + good, 400, ""},
			{"a name twice", r.key, `{"id":"1","id":"2"}`, 400, ""},
			{"nested too deeply", r.key, strings.Repeat("[", 100) + strings.Repeat("]", 100), 400, ""},
			{"a number for an event", r.key, "7", 422, ""},
			{"no id", r.key, `{"type":"call.ringing","call":"c1","at":"2026-03-04T13:05:09Z"}`, 422, "/id"},
			{"a time without a zone", r.key, `{"id":"1","type":"call.ringing","call":"c1","at":"2026-03-04T13:05:09"}`, 422, "/at"},
			{"a type that does not exist", r.key, `{"id":"1","type":"call.begun","call":"c1","at":"2026-03-04T13:05:09Z"}`, 422, "/type"},
			{"one bad event in an array", r.key, "[" + good + `,{"id":"2","type":"call.ringing","call":"c1","at":"yesterday"}]`, 422, "/1/at"},
			{"101 events", r.key, events(101), 422, "/100"},
			{"more than 256 KiB", r.key, `{"id":"` + strings.Repeat("x", 256<<10) + `"}`, 413, ""},
		} {
			t.Run(tt.name, func(t *testing.T) {
				got := r.send(r.telling(tt.key, tt.body))
				var problem struct {
					Type, Title, Detail, Pointer string
					Status                       int
				}
				if err := json.Unmarshal([]byte(got.body), &problem); err != nil {
					t.Fatalf("%d: %v\n%s", got.status, err, got.body)
				}
				if got.status != tt.status || problem.Status != tt.status || problem.Pointer != tt.pointer {
					t.Errorf("%d %+v, want %d at %q", got.status, problem, tt.status, tt.pointer)
				}
				if kind := got.header.Get("Content-Type"); kind != "application/problem+json" {
					t.Errorf("Content-Type %q", kind)
				}
				if problem.Type != "about:blank" || problem.Title == "" || problem.Detail == "" {
					t.Errorf("problem = %+v", problem)
				}
			})
		}
		if n := r.rows("events")["events"]; n != 0 {
			t.Errorf("%d events are stored", n)
		}
		if status, body := r.do(http.MethodGet, r.url+"/pbx/v1/customers?phone=1", nil, ""); status != http.StatusUnauthorized {
			t.Errorf("customers without a key: %d %s", status, body)
		}
		if got := r.send(r.telling(r.key, events(100))); got.status != http.StatusAccepted || strings.TrimSpace(got.body) != `{"accepted":100,"duplicates":0}` {
			t.Errorf("100 events: %d %s", got.status, got.body)
		}
	})
}

func TestTheAPIAnswersWhatItDoesNotKnowAsProblemsToo(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	r.sim.Inject(b24sim.Fault{Portal: "acme", Times: -1, Act: b24sim.Refuse, Status: 403, Code: "ACCESS_DENIED"})
	for request, want := range map[string]int{
		"PUT /pbx/v1/events": 404, "GET /pbx/v1/nothing": 404, "GET /pbx/v1/customers?phone=%2B4930901821": 502,
	} {
		method, path, _ := strings.Cut(request, " ")
		got := r.with(r.key, method, path)
		if got.status != want || got.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s", request, got.status, got.header.Get("Content-Type"))
		}
	}
}

func TestAPageThatIsAskedForWronglyChangesNothingAndSaysSo(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	before := r.stored()
	switches := "create_entities=on&version=" + versionIn(t, r.page("/settings"))
	for _, tt := range []struct {
		name, method, path, kind, body string
		status                         int
	}{
		{"JSON for a form", http.MethodPost, "/settings/save", "application/json", `{"create_entities":"on"}`, 400},
		{"no content type", http.MethodPost, "/settings/save", "", switches, 400},
		{"a broken encoding", http.MethodPost, "/settings/save", formType, switches + "&x=%zz", 400},
		{"a version that is no number", http.MethodPost, "/settings/save", formType, "create_entities=on&version=x", 400},
		{"no version", http.MethodPost, "/settings/save", formType, "create_entities=on", 400},
		{"more than 64 KiB", http.MethodPost, "/settings/save", formType, switches + "&x=" + strings.Repeat("x", 64<<10), 413},
		{"an old version", http.MethodPost, "/settings/save", formType, "create_entities=on&version=99", 409},
		{"an address that is none", http.MethodPost, "/settings/save", formType, switches + "&command_url=ftp://pbx", 422},
		{"a key without a name", http.MethodPost, "/settings/keys", formType, "name=", 422},
		{"a call whose name is no number", http.MethodGet, "/calls/x", "", "", 404},
		{"a place in the log that is none", http.MethodGet, "/calls?before=%21", "", "", 400},
		{"a page that does not exist", http.MethodGet, "/nothing", "", "", 404},
		{"a method that does not exist", http.MethodDelete, "/settings", "", "", 404},
	} {
		t.Run(tt.name, func(t *testing.T) {
			request := r.request(tt.method, tt.path, tt.kind, tt.body)
			request.Header.Set("Authorization", "Bearer "+r.session)
			request.Header.Set("HX-Request", "true")
			got := r.send(request)
			if got.status != tt.status || !strings.Contains(got.body, `id="page"`) {
				t.Errorf("%d, want %d\n%s", got.status, tt.status, got.body)
			}
			if strings.Contains(got.body, "Something went wrong on our side") {
				t.Error("the page takes the blame for what was asked wrongly")
			}
		})
	}
	if diff := cmp.Diff(before, r.stored()); diff != "" {
		t.Errorf("the portal (-before +after):\n%s", diff)
	}
}

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

func TestTheLogNeverHoldsATokenAKeyOrANumber(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := bareRig(t, address, classic)
		var logged buffer
		r.log = slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})
		r.tune = func(h *house) { h.flow.CommandWindow = 100 * time.Millisecond }
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
		r.eventually("given up", func() bool { return strings.Contains(logged.String(), "given up") })
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
		r.portal.Uninstall(true)
		r.deliver()
		r.stop()

		words := []string{"9018", "wrong-token", "wrong-session", r.key, r.session, r.pbx.secret, "client_secret", "Brandt", "Haddad"}
		for _, frame := range frames {
			words = append(words, frame.Form.Get("AUTH_ID"), frame.Form.Get("REFRESH_ID"), frame.Form.Get("APPLICATION_TOKEN"))
		}
		text := logged.String()
		if !strings.Contains(text, "route=/b24/app") {
			t.Error("requests are not logged at debug level")
		}
		for line := range strings.Lines(text) {
			for _, word := range words {
				if strings.Contains(line, word) {
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

func TestAPortalThatDoesNotAnswerNeverHoldsUpAnother(t *testing.T) {
	eachDatabase(t, func(t *testing.T, _ string) {
		for name, act := range map[string]b24sim.Act{
			"nothing": b24sim.Empty, "garbage": b24sim.Garbage, "a broken connection": b24sim.Drop, "an error page": b24sim.ServerError, "too late": b24sim.Hold,
		} {
			t.Run(name, func(t *testing.T) {
				r := newRig(t, freshDatabase(t), classic)
				other := r.neighbour("other")
				fault := r.sim.Inject(b24sim.Fault{Portal: "acme", Times: -1, Act: act})
				defer fault.Remove()
				for i := range workersAtOnce + 10 {
					r.tell(started(fmt.Sprint("a", i), "incoming", fmt.Sprintf("+49309018%03d", i)))
				}
				<-fault.Reached()
				begun := time.Now()
				other.tell(started("b", "incoming", "+4930901821"), ended("b", "answered", 5))
				other.eventually("the other portal's call is done", func() bool { return other.portal.Snapshot().Unfinished == 0 && len(other.portal.Statistics()) == 1 })
				if took := time.Since(begun); took > 10*time.Second {
					t.Errorf("the other portal's call took %v", took)
				}
			})
		}
	})
}
