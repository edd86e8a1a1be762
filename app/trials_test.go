package main

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"callwise/app/b24/b24sim"

	"github.com/google/go-cmp/cmp"
)

// ask posts a form as htmx does, for a part of the page.
func (r *rig) ask(path string, form url.Values) string {
	r.t.Helper()
	request := r.request(http.MethodPost, path, formType, form.Encode())
	request.Header.Set("Authorization", "Bearer "+r.session)
	request.Header.Set("HX-Request", "true")
	got := r.send(request)
	if got.status != http.StatusOK {
		r.t.Fatalf("%s: %d\n%s", path, got.status, got.body)
	}
	return got.body
}

// reads fails the test unless a page holds all texts.
func reads(t *testing.T, page string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			t.Errorf("%q is not in the page:\n%s", text, page)
		}
	}
}

var testCallTag = regexp.MustCompile(`/settings/test-call/(\d+)`)

// testCall sends a test call and waits until it has ended.
func (r *rig) testCall(form url.Values) (id, page string) {
	r.t.Helper()
	sent := r.post("/settings/test-call", form)
	id = match(r.t, "test call", regexp.MustCompile(`/calls/(\d+)`), sent)
	r.eventually("the test call has ended", func() bool {
		page = r.page("/settings/test-call/" + id)
		return !strings.Contains(page, `hx-trigger="every 1s"`)
	})
	return id, page
}

func TestATestCallGoesTheWholeWayAndWritesNothing(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("corb")
		before := r.portal.Snapshot()
		r.sim.ClearRequests()
		id, page := r.testCall(url.Values{"number": {"+49 30 901820"}, "direction": {"incoming"}, "extension": {"104"}})
		reads(t, page, "The test call went the whole way", "is read as +49 30 901820", "3 events are stored",
			"This number was not in the CRM, so a new lead would have been created.", "To be created: New lead", "Employee: Anna Brandt, extension 104", "Call card: when it rings")
		if wrote := r.writes(); len(wrote) != 0 {
			t.Errorf("written for a test call: %v", wrote)
		}
		if diff := cmp.Diff(before, r.portal.Snapshot()); diff != "" {
			t.Errorf("the portal has changed (-before +after):\n%s", diff)
		}
		if commands := r.pbx.taken(); len(commands) != 0 {
			t.Errorf("the PBX was told %v", commands)
		}
		reads(t, r.page("/calls/"+id), "call-"+id)
		reads(t, r.ask("/settings/what-if", nil), "There are no decided calls yet")

		other := r.neighbour("other")
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if got := r.with(other.session, method, "/settings/test-call/"+id); got.status != http.StatusNotFound {
				t.Errorf("%s: another portal sees the test call: %d", method, got.status)
			}
		}
	})
}

func TestATestCallNamesTheStepThatFailsAndItsMend(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	_, page := r.testCall(url.Values{"number": {"12"}, "direction": {"outgoing"}, "extension": {"199"}})
	reads(t, page, "2 steps did not work", "No country has such a number", "Nobody has the extension 199")
	_, page = r.testCall(url.Values{"number": {"anonymous"}})
	reads(t, page, "A hidden number", "The CRM is not asked about such calls.", "Nothing: such calls stand in this log only.")
	r.set("exclusions/numbers", "+4930*")
	_, page = r.testCall(url.Values{"number": {"+4930901820"}})
	reads(t, page, "is excluded in the settings")

	for name, form := range map[string]url.Values{
		"no number": {"number": {" "}}, "a long number": {"number": {strings.Repeat("1", 41)}}, "a long extension": {"number": {"1"}, "extension": {strings.Repeat("1", 41)}},
	} {
		status, body := r.do(http.MethodPost, r.url+"/settings/test-call", form, r.session)
		if status != http.StatusUnprocessableEntity || !strings.Contains(body, "test_number-error") {
			t.Errorf("%s: %d", name, status)
		}
	}
	r.tell(started("c1", "internal", "105"), ended("c1", "answered", 3))
	r.finished(4)
	real := match(t, "call", regexp.MustCompile(`<tr id="call-(\d+)"`), r.page("/calls"))
	if got := r.with(r.session, http.MethodGet, "/settings/test-call/"+real); got.status != http.StatusNotFound {
		t.Errorf("a real call as a test call: %d", got.status)
	}
}

func TestAPortalThatRefusesIsNamedByTheTestCall(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	fault := r.refusing("", http.StatusForbidden, "ACCESS_DENIED")
	defer fault.Remove()
	sent := r.post("/settings/test-call", url.Values{"number": {"+4930901820"}})
	id := match(t, "test call", testCallTag, sent)
	r.eventually("the refusal is told", func() bool {
		return strings.Contains(r.page("/settings/test-call/"+id), "Bitrix24 answered ACCESS_DENIED")
	})
}

func TestACallWithoutALineIsShownByTheRulesOfTheDefaultLine(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("")
		r.set("lines/callwise/create_entities", "on", "lines/callwise/responsible", "18")
		r.tell(started("c1", "incoming", "+4930901820", map[string]any{"line": ""}), ended("c1", "answered", 5))
		r.finished(1)
		reads(t, r.ask("/settings/what-if", nil), "The last call would turn out the same.")
		details := r.page(fmt.Sprintf("/calls/%d", r.call("pbx:c1").ID))
		reads(t, details, "The line callwise has rules of its own", "Omar Haddad")
	})
}

func TestTheLastCallsAreDecidedAnewWithWhatIsEntered(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("")
		r.tell(started("c1", "incoming", "+4930901820"), ended("c1", "answered", 5))
		r.tell(started("c2", "outgoing", "+4930901821"), ended("c2", "answered", 5))
		r.finished(2)
		saved := r.stored()

		reads(t, r.ask("/settings/what-if", nil), "The last 2 calls would all turn out the same.")
		one := r.ask("/settings/what-if", url.Values{"create_entities": {"off", "on"}})
		reads(t, one, "1 of the last 2 calls would turn out differently.", "+1 new lead", "Incoming: 1", "+49 30 901820", "/calls/")
		both := r.ask("/settings/what-if", url.Values{"create_entities": {"off", "on"}, "outgoing_calls": {"on"}, "missed/deadline": {"never"}, "nonsense": {"1"}})
		reads(t, both, "2 of the last 2 calls", "+2 new leads", "Outgoing: 1")
		reads(t, r.post("/settings/what-if", url.Values{"create_entities": {"on"}}), "1 of the last 2 calls", `id="page"`, `id="savebar"`)
		if diff := cmp.Diff(saved, r.stored()); diff != "" {
			t.Errorf("trying out has saved something (-before +after):\n%s", diff)
		}

		r.set("create_entities", "on")
		reads(t, r.ask("/settings/what-if", nil), "1 of the last 2 calls would turn out differently.")
		other := r.neighbour("other")
		reads(t, other.ask("/settings/what-if", url.Values{"create_entities": {"on"}}), "There are no decided calls yet")
	})
}

func TestTheTablesCanBeThoseOfALine(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	form := url.Values{"lines/4930901800/create_entities": {"on"}, "lines/4930901800/name": {"Hamburg"}, "lines/4930901801/name": {"Kiel"}}
	plain := r.ask("/settings/preview", form)
	reads(t, plain, "Hamburg, +49 30 901800", "When an unknown number calls you, nothing is created.")
	if strings.Contains(plain, "Kiel") {
		t.Error("a line without rules of its own can be chosen")
	}
	form.Set("preview_line", "4930901800")
	reads(t, r.ask("/settings/preview", form), "When an unknown number calls you, a new lead is created.")
	form.Set("preview_line", "no line")
	reads(t, r.ask("/settings/preview", form), "When an unknown number calls you, nothing is created.")
	reads(t, r.post("/settings/preview", form), `id="page"`, "Hamburg")
}

func TestDryRunIsToldOnEveryPageAndEndedFromAnyOfThem(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	r.set("dry_run", "on")
	r.tell(started("c1", "incoming", "+4930901820"), ended("c1", "answered", 5))
	r.finished(1)
	id := match(t, "call", regexp.MustCompile(`<tr id="call-(\d+)"`), r.page("/calls"))
	employee := sessionIn(t, r.open(r.frame(anna, "DEFAULT")))
	for _, path := range []string{"/settings", "/calls", "/calls/" + id, "/settings/nothing"} {
		reads(t, r.with(r.session, http.MethodGet, path).body, "Dry run: nothing is written to Bitrix24", `action="/settings/dry-run/off"`)
	}
	log := r.with(employee, http.MethodGet, "/calls").body
	reads(t, log, "Dry run: nothing is written to Bitrix24")
	if strings.Contains(log, "/settings/dry-run/off") {
		t.Error("an employee is offered to end dry run")
	}
	before := r.stored().SettingsVersion
	page := r.post("/settings/dry-run/off", nil)
	if strings.Contains(page, "Dry run: nothing") || r.stored().Settings.DryRun {
		t.Error("dry run has not ended")
	}
	history, err := r.store().SettingsHistory(t.Context(), r.stored().ID, 0, 1)
	if err != nil || len(history) != 1 || history[0].Version != before+1 || history[0].UserID != admin {
		t.Errorf("history %+v, %v", history, err)
	}
}

func TestExtensionsThatBelongToNobodyOrToTwoAreToldFirst(t *testing.T) {
	portal := classic
	portal.Users = append(employees(), b24sim.User{ID: 19, Name: "Otto", LastName: "Zwei", Extension: "104"})
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", portal)
	r.tell(started("c1", "incoming", "+4930901820", map[string]any{"extensions": []string{"199"}}), ended("c1", "missed", 0))
	r.finished(1)
	page := r.page("/settings")
	reads(t, page, "Extensions that belong to nobody", `name="extensions/199"`, "Extensions that several employees have", `name="extensions/104"`, "Anna Brandt, Otto Zwei")

	asked := r.sim.Count("acme", "user.get")
	r.post("/settings/employees/read", url.Values{"extensions/199": {fmt.Sprint(omar)}})
	r.post("/settings/employees/read", nil)
	if n := r.sim.Count("acme", "user.get") - asked; n > 1 {
		t.Errorf("the list was read %d times within 10 s", n)
	}
	r.set("extensions/199", fmt.Sprint(omar), "extensions/104", fmt.Sprint(anna))
	page = r.page("/settings")
	reads(t, page, "Extensions set here", "Every extension of recent calls belongs to one employee.", "Set here for Anna Brandt")
}

func TestANumberIsReadWithTheCountryThatIsEntered(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	form := url.Values{"number_raw": {"030 901820"}, "default_country": {"DE"}}
	reads(t, r.ask("/settings/number", form), "+49 30 901820", "4930901820, 030901820")
	form.Set("exclusions/numbers", "+4930*")
	reads(t, r.ask("/settings/number", form), "In the exclusions")
	form.Set("number_raw", "private")
	reads(t, r.ask("/settings/number", form), "counts as a hidden number")
	form.Set("number_raw", strings.Repeat("ä", 100))
	reads(t, r.post("/settings/number", form), `id="page"`)
}

func TestTheFirstRunTurnsGreenStepByStep(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	green := func() int { return strings.Count(r.ask("/settings/setup", nil), ">Done<") }
	page := r.page("/settings")
	reads(t, page, "Three steps to the first call", "The PBX has reported a call")
	before := green()
	r.set("repeat_in_bitrix24", "on")
	if n := green(); n != before+1 {
		t.Errorf("%d are green after the repeat mode was confirmed, %d before", n, before)
	}
	r.tell(started("c1", "incoming", "+4930901820"))
	r.registered(1)
	if n := green(); n != before+4 { // the event, and with it the steps "Connect the PBX", which a key alone does not do, and "Check"
		t.Errorf("%d are green after the first event, %d before", n, before)
	}
	if strings.Contains(r.ask("/settings/setup", nil), "hx-trigger") {
		t.Error("the page looks on although all is green")
	}
	reads(t, r.with(r.session, http.MethodGet, "/settings/setup").body, `id="page"`, "Three steps to the first call")
	r.tell(answered("c1", "104"), ended("c1", "answered", 5))
	r.finished(1)
	if strings.Contains(r.page("/settings"), "Three steps to the first call") {
		t.Error("the first run is still shown after the first call was handled")
	}
}
