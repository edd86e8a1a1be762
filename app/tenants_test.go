package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
)

// neighbour is another portal of the same program, with the app installed, and with
// more employees.
func (r *rig) neighbour(name string, more ...b24sim.User) *rig {
	r.t.Helper()
	n := *r
	n.portal = r.sim.AddPortal(b24sim.PortalConfig{Name: name, RepeatSales: true, Users: append(employees(), more...)})
	n.pbx, n.session, n.key = newExchange(r.t), "", ""
	n.install()
	return &n
}

// ownNames are the routes whose names are each portal's own: the same name in
// another portal is another thing.
var ownNames = []string{
	"/settings/history/:version", "/settings/history/:version/restore", "/pbx/v1/calls/:call/recording",
	"/health/cure/:remedy",
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

		foreign, asked := map[string]string{"/calls/:id": callID, "/settings/keys/:id": keyID, "/settings/test-call/:id": callID}, 0
		for _, route := range r.routes() {
			method, pattern, _ := strings.Cut(route, " ")
			if !strings.Contains(pattern, "/:") || slices.Contains(ownNames, pattern) {
				continue
			}
			before, after, _ := strings.Cut(pattern, "/:id")
			id, known := foreign[before+"/:id"]
			if !known {
				t.Errorf("%s: whose id is it? Give this test one of another portal", route)
			}
			asked++
			want := http.StatusNotFound
			if slices.Contains(keyRoutes, route) {
				want = http.StatusUnauthorized
			}
			if got := r.with(r.session, method, before+"/"+id+after); got.status != want || strings.Contains(got.body, "Secretly") {
				t.Errorf("%s: %d", route, got.status)
			}
		}
		if asked < 12 {
			t.Errorf("%d routes were asked", asked)
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
