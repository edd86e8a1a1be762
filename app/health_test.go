package main

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/app/call"
	"callwise/app/callflow"
	"callwise/app/crm"
	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
)

var healthTag = regexp.MustCompile(`<li class="health-line health-(\w+)" id="health-(\w+)">`)

// health is how each check stands on the health page and in what Bitrix24 told.
func (r *rig) health() map[string]string {
	r.t.Helper()
	states := map[string]string{}
	for _, found := range healthTag.FindAllStringSubmatch(r.page("/health")+r.asksHealth(), -1) {
		states[found[2]] = found[1]
	}
	return states
}

// asksHealth is the part of the page that asks Bitrix24, as htmx gets it.
func (r *rig) asksHealth() string {
	r.t.Helper()
	request := r.request(http.MethodGet, "/health/portal", "", "")
	request.Header.Set("Authorization", "Bearer "+r.session)
	request.Header.Set("HX-Request", "true")
	got := r.send(request)
	if got.status != http.StatusOK || strings.Contains(got.body, "<html") {
		r.t.Fatalf("/health/portal: %d\n%s", got.status, got.body)
	}
	return got.body
}

// unwell are the checks that are not green.
func (r *rig) unwell() map[string]string {
	states := r.health()
	for code, state := range states {
		if state == "works" {
			delete(states, code)
		}
	}
	return states
}

func TestAFreshPortalIsGreenButForWhatIsStillToBeSetUp(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		want := map[string]string{
			"access": "works", "app": "works", "scopes": "works", "events": "works", "placements": "works", "lines": "works", "mode": "works", "clock": "works",
			"heard_pbx": "off", "heard": "off", "queue": "works", "failed": "works", "gaps": "off", "outgoing": "off", "repeat": "partly", "extensions": "works", "budget": "works", "alerts": "off",
		}
		if diff := cmp.Diff(want, r.health()); diff != "" {
			t.Errorf("health (-want +got):\n%s", diff)
		}
		r.switches("corb")
		r.portal.Click(b24sim.Click{UserID: anna, Phone: "+4930901821"})
		r.eventually("the click is known", func() bool { return len(r.pbx.taken()) == 1 })
		r.tell(started("c1", "incoming", "+4930901820"), ended("c1", "answered", 5))
		r.eventually("call", func() bool { return len(r.portal.Statistics()) == 1 })
		r.recover()
		r.eventually("all green but the alerts", func() bool { return cmp.Equal(map[string]string{"alerts": "off"}, r.unwell()) })
	})
}

func TestEveryCheckOfThePortalTurnsRedOrYellowAndOneClickMendsIt(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		var ahead atomic.Int64
		r := tuned(t, address, classic, func(h *house) { h.pages.Now = clockAhead(&ahead) })
		r.switches("corb")
		tell := func(method string, form url.Values) {
			t.Helper()
			access, _ := r.portal.Token(admin)
			form.Set("auth", access)
			if status, body := r.do(http.MethodPost, r.portal.Endpoint()+method, form, ""); status != http.StatusOK {
				t.Fatalf("%s: %d %s", method, status, body)
			}
		}
		for _, tt := range []struct {
			name, check, state, cure string
			breaks                   func()
		}{
			{"an event is not bound", "events", "partly", "handlers", func() {
				tell("event.unbind", url.Values{"event": {"ONVOXIMPLANTCALLEND"}, "handler": {r.url + "/b24/events"}})
			}},
			{"the call log is not shown", "placements", "partly", "handlers", func() {
				tell("placement.unbind", url.Values{"PLACEMENT": {"TELEPHONY_ANALYTICS_MENU"}})
			}},
			{"a line creates on its own", "lines", "partly", "lines", func() {
				tell("telephony.externalLine.update", url.Values{"NUMBER": {r.portal.Lines()[0].Number}, "CRM_AUTO_CREATE": {"N"}})
			}},
			{"a line is gone", "lines", "partly", "lines", func() {
				tell("telephony.externalLine.delete", url.Values{"NUMBER": {r.portal.Lines()[0].Number}})
			}},
			{"the CRM mode was switched", "mode", "partly", "mode", func() { r.portal.SetMode(crm.Simple) }},
			{"and back", "mode", "partly", "mode", func() { r.portal.SetMode(crm.Classic) }},
			{"an extension is held twice", "extensions", "partly", "", func() {
				r.portal.SetExtension(omar, "104")
				r.post("/health/cure/employees", nil)
			}},
			{"and is not any more", "extensions", "partly", "employees", func() { r.portal.SetExtension(omar, "105") }},
			{"an extension is nobody's", "extensions", "partly", "", func() {
				end := ended("c1", "answered", 5)
				end["extension"] = "999"
				r.tell(started("c1", "incoming", "+4930901820", map[string]any{"extensions": []string{"999"}}), end)
				r.finished(1)
			}},
			{"and is somebody's", "extensions", "partly", "employees", func() { r.portal.SetExtension(omar, "999") }},
		} {
			t.Run(tt.name, func(t *testing.T) {
				tt.breaks()
				if got := r.health()[tt.check]; got != tt.state {
					t.Errorf("%s is %s, want %s", tt.check, got, tt.state)
				}
				if tt.cure == "" {
					return
				}
				if page := r.post("/health/cure/"+tt.cure, nil); !strings.Contains(page, "Done.") {
					t.Errorf("not mended:\n%s", page)
				}
				if got := r.health()[tt.check]; got != "works" {
					t.Errorf("%s is %s after the mend", tt.check, got)
				}
			})
		}
		r.portal.Click(b24sim.Click{UserID: anna, Phone: "+4930901821"})
		r.eventually("the click is known", func() bool { return len(r.pbx.taken()) == 1 })
		for _, tt := range []struct {
			name, check, state string
			breaks             func() (mend func())
		}{
			{"a permission is missing", "scopes", "partly", func() func() {
				r.portal.SetScopes("crm", "telephony", "user_basic")
				return func() { r.portal.SetScopes("crm", "telephony", "placement", "user_basic") }
			}},
			{"one question is refused", "clock", "unread", func() func() {
				return r.sim.Inject(b24sim.Fault{Method: "server.time", Times: -1, Act: b24sim.Refuse, Code: "x"}).Remove
			}},
			{"the installation is not finished", "app", "broken", func() func() {
				r.portal.UpdateApp(admin, 2, false)
				r.deliver()
				return r.portal.FinishInstall
			}},
			{"the paid period is over", "app", "broken", func() func() {
				r.portal.EndPaidPeriod()
				return r.portal.Pay
			}},
			{"there is no address for commands", "outgoing", "broken", func() func() {
				r.save(url.Values{"command_url": {""}})
				return func() { r.save(url.Values{"command_url": {r.pbx.url}}) }
			}},
			{"nobody has clicked for a month", "outgoing", "off", func() func() {
				ahead.Store(int64(31 * 24 * time.Hour))
				return func() { ahead.Store(int64(29 * 24 * time.Hour)) }
			}},
		} {
			t.Run(tt.name, func(t *testing.T) {
				mend := tt.breaks()
				if got := r.health()[tt.check]; got != tt.state {
					t.Errorf("%s is %s, want %s", tt.check, got, tt.state)
				}
				mend()
				if got := r.health()[tt.check]; got != "works" {
					t.Errorf("%s is %s afterwards", tt.check, got)
				}
			})
		}
	})
}

func TestTheClocksAreComparedLive(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	real := r.house.flow.Bitrix24.Now
	for _, tt := range []struct {
		off   time.Duration
		state string
		says  string
	}{{0, "works", "agree"}, {-time.Minute, "partly", "ahead of ours"}, {20 * time.Minute, "broken", "behind ours"}} {
		r.house.flow.Bitrix24.Now = func() time.Time { return time.Now().Add(tt.off) }
		page := r.asksHealth()
		if !strings.Contains(page, `health-`+tt.state+`" id="health-clock"`) || !strings.Contains(page, tt.says) {
			t.Errorf("off by %v:\n%s", tt.off, page)
		}
	}
	r.house.flow.Bitrix24.Now = real
}

func TestAPortalThatHangsOrRefusesLeavesThePageAndTurnsItsLinesGrey(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		for _, tt := range []struct {
			name   string
			fault  b24sim.Fault
			access string
		}{
			{"garbage", b24sim.Fault{Act: b24sim.Garbage}, "unread"},
			{"a broken connection", b24sim.Fault{Act: b24sim.Drop}, "unread"},
			{"no plan", b24sim.Fault{Act: b24sim.Refuse, Method: "batch", Status: 403, Code: "ACCESS_DENIED", Text: "REST API is available only on commercial plans"}, "broken"},
			{"too late", b24sim.Fault{Act: b24sim.Hold}, "unread"},
		} {
			t.Run(tt.name, func(t *testing.T) {
				tt.fault.Portal, tt.fault.Times = "acme", -1
				fault := r.sim.Inject(tt.fault)
				defer fault.Remove()
				if page := r.page("/health"); !strings.Contains(page, `hx-get="/health/portal"`) || !strings.Contains(page, `id="health-queue"`) {
					t.Errorf("the page does not come:\n%s", page)
				}
				page := r.asksHealth()
				states := map[string]int{}
				for _, found := range healthTag.FindAllStringSubmatch(page, -1) {
					states[found[1]]++
				}
				want := map[string]int{"unread": 8}
				if tt.access == "broken" {
					want = map[string]int{"unread": 7, "broken": 1}
				}
				if diff := cmp.Diff(want, states); diff != "" {
					t.Errorf("states (-want +got):\n%s\n%s", diff, page)
				}
			})
		}
	})
}

func TestWithoutScriptsTheHealthPageIsAskedForByAButton(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	if page := r.post("/health", nil); !strings.Contains(page, `action="/health/portal"`) {
		t.Errorf("no button:\n%s", page)
	}
	page := r.post("/health/portal", nil)
	if !strings.Contains(page, `id="health-access"`) || !strings.Contains(page, `id="health-queue"`) || !strings.Contains(page, "<html") {
		t.Errorf("not the whole page:\n%s", page)
	}
}

func TestTheHealthOfOnePortalSaysNothingOfAnother(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		other := r.neighbour("other")
		other.portal.SetExtension(omar, "104")
		other.post("/health/cure/employees", nil)
		other.tell(started("b1", "incoming", "+4930901821"))
		other.eventually("registered", func() bool { return other.portal.Snapshot().Unfinished == 1 })
		if got := r.health(); got["extensions"] != "works" || got["heard_pbx"] != "off" {
			t.Errorf("health = %v", got)
		}
		if got := other.health(); got["extensions"] != "partly" || got["heard_pbx"] != "works" {
			t.Errorf("the other's health = %v", got)
		}
		asked := r.sim.Count("other", "app.info")
		r.asksHealth()
		r.post("/health/cure/handlers", nil)
		if n := r.sim.Count("other", "app.info"); n != asked {
			t.Error("the other portal was asked")
		}
		employee := sessionIn(t, r.open(r.frame(anna, "DEFAULT")))
		for _, route := range []string{"GET /health", "GET /health/portal", "POST /health/cure/handlers"} {
			method, path, _ := strings.Cut(route, " ")
			got := r.with(employee, method, path)
			if got.status != http.StatusForbidden || !strings.Contains(got.body, "administrators") {
				t.Errorf("%s: %d\n%s", route, got.status, got.body)
			}
		}
		if got := r.with(r.session, http.MethodPost, "/health/cure/everything"); got.status != http.StatusNotFound {
			t.Errorf("a remedy that does not exist: %d", got.status)
		}
	})
}

func TestCallsThatWaitTooLongAndThoseGivenUpAreSeen(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		fault := r.sim.Inject(b24sim.Fault{Portal: "acme", Method: "telephony.externalcall.finish", Times: -1, Act: b24sim.Refuse, Code: "ERROR_CORE", Text: "no"})
		r.tell(started("c1", "incoming", "+4930901820"), ended("c1", "answered", 5))
		r.eventually("given up", func() bool {
			page := r.page("/health")
			return strings.Contains(page, "1 call was given up.") && strings.Contains(page, `name="result" value="trouble"`)
		})
		fault.Remove()
		r.sim.Inject(b24sim.Fault{Portal: "acme", Times: -1, Act: b24sim.Drop})
		r.tell(started("c2", "incoming", "+4930901821"))
		r.eventually("waits", func() bool { return strings.Contains(r.page("/health"), "the oldest since") })
	})
}

func TestItSaysWhoseAccessIsUsed(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		config := classic
		config.Users = slices.Concat(employees(), []b24sim.User{{ID: 30, Name: "Boris", LastName: "Quist", Admin: true}})
		r := newRig(t, address, config)
		if page := r.asksHealth(); !strings.Contains(page, "Requests are made as Vera Stein, an administrator.") {
			t.Errorf("page:\n%s", page)
		}
		r.open(r.frame(30, "DEFAULT"))
		r.portal.RevokeTokens(admin)
		page := r.asksHealth()
		if !strings.Contains(page, "Requests are made as Boris Quist. The access of Vera Stein has ended.") {
			t.Errorf("page:\n%s", page)
		}
		r.portal.RevokeTokens(30)
		page = r.asksHealth()
		if !strings.Contains(page, `health-broken" id="health-access"`) || !strings.Contains(page, "data-b24-reload") || r.stored().Status != models.PortalReauth {
			t.Errorf("page:\n%s", page)
		}
	})
}

// Most of what is asked goes as a batch, which the portal answers with 200.
func TestALimitInsideABatchIsCountedAndShown(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		limits := `callwise_portal_requests_total{code="OPERATION_TIME_LIMIT"} `
		if n, state := r.counted(limits), r.health()["budget"]; n != 0 || state != "works" {
			t.Errorf("%d limits, budget %s", n, state)
		}
		r.portal.Spend(searchCustomers, 480*time.Second)
		r.asksWho(mias)
		if n, state := r.counted(limits), r.health()["budget"]; n != 1 || state != "broken" {
			t.Errorf("%d limits, budget %s after one", n, state)
		}
	})
}

func TestWhatWaitsAndWhatIsUsedTurnsYellowAndRed(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		store, portal := r.house.store, r.stored()
		logged := func(entry models.RESTRequest) {
			t.Helper()
			entry.PortalID, entry.At, entry.Method, entry.Params = portal.ID, time.Now(), "crm.lead.list", []byte(`{}`)
			if err := store.AddRESTRequests(t.Context(), entry); err != nil {
				t.Fatal(err)
			}
		}
		logged(models.RESTRequest{Status: 200, Operating: 383})
		if got := r.health()["budget"]; got != "works" {
			t.Errorf("383 seconds: %s", got)
		}
		logged(models.RESTRequest{Status: 200, Operating: 384})
		if got := r.health()["budget"]; got != "partly" {
			t.Errorf("384 seconds: %s", got)
		}
		logged(models.RESTRequest{Status: 429, Code: "OPERATION_TIME_LIMIT"})
		if got := r.health()["budget"]; got != "broken" {
			t.Errorf("a method is paused: %s", got)
		}

		second, third := r.neighbour("second"), r.neighbour("third")
		r.sim.Inject(b24sim.Fault{Times: -1, Act: b24sim.Drop})
		earlier := modelstest.Open(t, address)
		for _, tt := range []struct {
			r    *rig
			age  time.Duration
			want string
		}{{third, time.Minute, "works"}, {second, 3 * time.Minute, "partly"}, {r, 16 * time.Minute, "broken"}} {
			earlier.Now = func() time.Time { return time.Now().Add(-tt.age) }
			event, err := callflow.PBXEvent("1", call.Event{
				Type: call.Started, CallID: "1", At: time.Now(), Direction: call.Incoming, Phone: "+4930901820",
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := earlier.AddEvents(t.Context(), tt.r.stored().ID, []models.Event{event}); err != nil {
				t.Fatal(err)
			}
			if got := tt.r.ownHealth()["queue"]; got != tt.want {
				t.Errorf("what waits for %v is %s, want %s", tt.age, got, tt.want)
			}
		}
		if page := r.post("/health/cure/retry", nil); !strings.Contains(page, "Done.") {
			t.Error("what waits cannot be tried again")
		}
	})
}

// ownHealth is how the checks stand that do not ask Bitrix24.
func (r *rig) ownHealth() map[string]string {
	r.t.Helper()
	states := map[string]string{}
	for _, found := range healthTag.FindAllStringSubmatch(r.page("/health"), -1) {
		states[found[2]] = found[1]
	}
	return states
}
