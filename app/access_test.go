package main

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/handlers"

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

// Routes that need no session, and those open to every employee. All others
// are the administrators'.
var (
	publicRoutes = []string{
		"GET /healthz", "GET /readyz", "GET /metrics", "GET /static/*",
		"POST /b24/events", "POST /b24/install", "POST /b24/app", "POST /b24/calls",
		"GET /b24/install", "GET /b24/app", "GET /b24/calls", "HEAD /b24/install", "HEAD /b24/app", "HEAD /b24/calls",
		"GET /settings/schema.json", "GET /pbx/v1/openapi.yaml", "GET /pbx/docs", "HEAD /pbx/docs", "POST /pbx/v1/events", "GET /pbx/v1/customers",
		"PUT /pbx/v1/calls/:call/recording",
	}
	employeeRoutes = []string{"GET /calls", "POST /calls", "GET /calls/:id", "POST /calls/:id", "POST /calls/news", "GET /calls/overview", "POST /calls/overview"}
	// keyRoutes open to a key of their own and to no session: players send none.
	keyRoutes = []string{"GET /calls/:id/recording"}
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
			path = strings.NewReplacer(":id", id, ":version", "1", "*", "app.css").Replace(path)
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
				if slices.Contains(keyRoutes, route) {
					want = http.StatusUnauthorized
				}
				if nobody.status != http.StatusUnauthorized || worker.status != want {
					t.Errorf("nobody gets %d, want 401; an employee %d, want %d", nobody.status, worker.status, want)
				}
				for _, got := range []reply{nobody, worker} {
					if !strings.Contains(got.body, `id="page"`) && !strings.Contains(got.body, "<dialog") && !strings.Contains(got.body, `<table class="arrivals"`) {
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

// session signs a session as the program does, at another time.
func signed(t testing.TB, at time.Time, visitor handlers.Visitor, keys string) string {
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

func TestAPageThatIsAskedForWronglyChangesNothingAndSaysSo(t *testing.T) {
	eachDatabase(t, changesNothingWhenAskedWrongly)
}

func changesNothingWhenAskedWrongly(t *testing.T, address string) {
	r := newRig(t, address, classic)
	before := r.stored()
	switches := "create_entities=on&version=" + versionIn(t, r.page("/settings"))
	saysOf := map[int]string{400: "The request was not understood", 404: "There is nothing here", 413: "That is too much at once"}
	for _, tt := range []struct {
		name, method, path, kind, body string
		status                         int
	}{
		{"JSON for a form", http.MethodPost, "/settings/save", "application/json", `{"create_entities":"on"}`, 400},
		{"no content type", http.MethodPost, "/settings/save", "", switches, 400},
		{"a broken encoding", http.MethodPost, "/settings/save", formType, switches + "&x=%zz", 400},
		{"a version that is no number", http.MethodPost, "/settings/save", formType, "create_entities=on&version=x", 400},
		{"no version", http.MethodPost, "/settings/save", formType, "create_entities=on", 400},
		{"more than 512 KiB", http.MethodPost, "/settings/save", formType, switches + "&x=" + strings.Repeat("x", 512<<10), 413},
		{"more than 64 KiB for a name", http.MethodPost, "/settings/keys", formType, "name=" + strings.Repeat("x", 64<<10), 413},
		{"a version of no number", http.MethodPost, "/settings/undo", formType, "version=1&to=x", 400},
		{"a version there is not", http.MethodPost, "/settings/undo", formType, "version=1&to=99", 404},
		{"a version of the history there is not", http.MethodGet, "/settings/history/99", "", "", 404},
		{"a version of the history that is no number", http.MethodGet, "/settings/history/x", "", "", 404},
		{"a place in the history that is none", http.MethodGet, "/settings/history?before=x", "", "", 400},
		{"a version of the history that no database holds", http.MethodGet, "/settings/history/9999999999", "", "", 404},
		{"a place in the history that no database holds", http.MethodGet, "/settings/history?before=9999999999", "", "", 400},
		{"settings of a version that no database holds", http.MethodPost, "/settings/save", formType, "create_entities=on&version=9999999999", 400},
		{"a version to go back to that no database holds", http.MethodPost, "/settings/undo", formType, "version=1&to=9999999999", 400},
		{"the end of dry run where there is none", http.MethodPost, "/settings/dry-run/off", formType, "", 200},
		{"a card for somebody who is no user", http.MethodPost, "/settings/save", formType, switches + "&card%2Femployees%2F-3=ring", 422},
		{"a file that is none", http.MethodPost, "/settings/import", formType, "file=%7B", 422},
		{"a number for a switch", http.MethodPost, "/settings/save", formType, switches + "&dry_run=7", 422},
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
			if said, ok := saysOf[tt.status]; ok && !strings.Contains(got.body, said) {
				t.Errorf("the page does not say %q\n%s", said, got.body)
			}
		})
	}
	if diff := cmp.Diff(before, r.stored()); diff != "" {
		t.Errorf("the portal (-before +after):\n%s", diff)
	}
}
