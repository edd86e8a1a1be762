package main

import (
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"callwise/app/b24/b24sim"
	"callwise/app/callflow"
)

// What moderators do first (§10.1, 7): install on a clean portal, remove with
// all data, and install again; each time a call has its lead.
func TestTheAppIsInstalledRemovedAndInstalledAgainOnACleanPortal(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.lit = ""
		r.switches("c")
		r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
		r.finished(1)
		r.portal.Uninstall(true)
		r.deliver()
		r.forgotten()
		if left := r.dump()["portals"]; len(left) != 0 {
			t.Errorf("left: %v", left)
		}
		r.install()
		r.lit = ""
		r.switches("c")
		r.tell(started("c1", "incoming", "+4930901822"), ended("c1", "missed", 0))
		r.finished(1)
		if leads := r.portal.Leads(); len(leads) != 2 {
			t.Errorf("%d leads, want one of each installation", len(leads))
		}
	})
}

// A portal on its own server stands in a folder, on a port of its own (§10.3):
// every address of ours is built from the one the authorization server tells.
func TestAPortalOnItsOwnServerMayHaveAFolderAndAPort(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", b24sim.PortalConfig{Name: "intranet", RepeatSales: true})
	home, err := url.Parse(r.portal.URL())
	if err != nil || home.Port() == "" || !strings.HasSuffix(strings.TrimSuffix(home.Path, "/"), "/intranet") {
		t.Fatalf("the portal is at %s", home)
	}
	r.switches("c")
	r.tell(started("c1", "incoming", "+4930901821"), answered("c1", "104"), ended("c1", "answered", 5))
	r.finished(1)
	if leads := r.portal.Leads(); len(leads) != 1 {
		t.Errorf("%d leads", len(leads))
	}
	page := r.with(r.session, http.MethodGet, "/calls")
	if link := strings.TrimSuffix(r.portal.URL(), "/") + "/crm/lead/details/1/"; !strings.Contains(page.body, link) {
		t.Errorf("the log does not lead to %s", link)
	}
	if !slices.Contains(strings.Split(page.header.Get("Content-Security-Policy"), "; "), "frame-ancestors "+originOf(t, r.portal.URL())) {
		t.Errorf("not framed by the portal alone: %v", page.header)
	}
}

var permission = regexp.MustCompile("`(crm|telephony|placement|user\\w*|im|imopenlines|task|disk|department|[a-z_]+\\.[a-z]+)`")

// The permissions that are asked for are the same wherever they are named, and
// each is needed by the first call already (§10.1, 6).
func TestNoPermissionIsAskedForWithoutNeed(t *testing.T) {
	for _, document := range []string{"../README.md", "market/card.en.md", "market/card.ru.md"} {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		named := map[string]bool{}
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(line, "| Permissions") && !strings.HasPrefix(line, "| Права") {
				continue
			}
			for _, m := range permission.FindAllStringSubmatch(line, -1) {
				named[m[1]] = true
			}
		}
		for _, scope := range callflow.Scopes {
			if !named[scope] {
				t.Errorf("%s does not name %s", document, scope)
			}
		}
		if len(named) != len(callflow.Scopes) {
			t.Errorf("%s names %v", document, named)
		}
	}
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	r.switches("c")
	r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
	r.finished(1)
	for scope, methods := range map[string]string{"crm": "crm.", "telephony": "telephony.", "placement": "placement.", "user_basic": "user."} {
		used := slices.ContainsFunc(r.sim.Requests(), func(q b24sim.Request) bool {
			return slices.ContainsFunc(append(q.Commands, q.Method), func(m string) bool { return strings.HasPrefix(m, methods) })
		})
		if !used || !slices.Contains(callflow.Scopes, scope) {
			t.Errorf("%s is asked for, and nothing needs it", scope)
		}
	}
}

// The details of a call show what was asked and answered, for seven days and
// without what is private (§10.1, 4).
func TestTheRESTLogOfACallShowsRequestsAndAnswersMasked(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		r.portal.AddContact(b24sim.Contact{Name: "Mia", LastName: "Vogt", Phones: []string{"+4930901821"}})
		r.tell(started("c1", "incoming", "+4930901821"), answered("c1", "104"), ended("c1", "answered", 5))
		r.finished(1)
		id := match(t, "call", regexp.MustCompile(`<tr id="call-(\d+)"`), r.page("/calls"))
		_, log, found := strings.Cut(r.page("/calls/"+id), `id="requests-title"`)
		for _, want := range []string{"Request and answer", "telephony.externalCall.register", "&#34;result&#34;", "&#34;PHONE_NUMBER&#34;: &#34;…1821&#34;"} {
			if !found || !strings.Contains(log, want) {
				t.Errorf("the log does not show %s", want)
			}
		}
		log, _, _ = strings.Cut(log, "</section>")
		for _, private := range []string{"901821", "Vogt", "access_token", "application_token"} {
			if strings.Contains(log, private) {
				t.Errorf("the log shows %s", private)
			}
		}
		stored := map[string][]string{"rest_log": r.dump()["rest_log"]}
		for _, row := range holds(stored, "30901821", "Vogt", "Brandt", "access_token", "refresh_token") {
			t.Error(row)
		}
		for _, pair := range r.tokens() {
			for _, row := range holds(stored, pair.AccessToken, pair.RefreshToken) {
				t.Error(row)
			}
		}
		if answers := holds(stored, `"result"`); len(answers) < 5 {
			t.Errorf("%d answers are kept", len(answers))
		}
	})
}
