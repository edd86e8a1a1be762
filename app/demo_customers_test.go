package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A demoVisitor does over HTTP what a newcomer does with the mouse.
type demoVisitor struct {
	t       *testing.T
	url     string
	app     string // where the program is
	session string
}

// post sends a form as the portal's page does and returns the answer.
func (v *demoVisitor) post(address string, form url.Values) string {
	v.t.Helper()
	request, err := http.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("X-Demo", "live")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		v.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		v.t.Fatalf("%s: %d %s", address, answer.StatusCode, body)
	}
	return string(body)
}

var (
	sessionField = regexp.MustCompile(`<meta name="session" content="([^"]+)"`)
	versionField = regexp.MustCompile(`name="version" value="(\d+)"`)
	callArticle  = regexp.MustCompile(`<article id="(demo-[^"]+)" class="ringing"`)
	whyButton    = regexp.MustCompile(`(?s)<td data-label="(?:Why|Почему)".*?<span>(.*?)</span>`)
)

func submatch(t *testing.T, pattern *regexp.Regexp, text string) string {
	t.Helper()
	found := pattern.FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("%s is not in %.2000s", pattern, text)
	}
	return strings.TrimSpace(html.UnescapeString(found[1]))
}

// open opens a page of the program in the frame.
func (v *demoVisitor) open(as string) string {
	v.t.Helper()
	var opening struct {
		URL    string
		Fields map[string]string
	}
	if err := json.Unmarshal([]byte(v.post(v.url+"/demo/frame", url.Values{"as": {as}})), &opening); err != nil {
		v.t.Fatal(err)
	}
	form := url.Values{}
	for name, value := range opening.Fields {
		form.Set(name, value)
	}
	v.app, _, _ = strings.Cut(opening.URL, "/b24/")
	return v.post(opening.URL, form)
}

// newDemoVisitor installs the program and switches everything on.
func newDemoVisitor(t *testing.T) *demoVisitor {
	t.Helper()
	v := &demoVisitor{t: t, url: startDemo(t).url}
	if page := v.open("install"); !strings.Contains(page, "data-install-finish") {
		t.Fatalf("the installer stopped: %s", page)
	}
	v.post(v.url+"/demo/installed", url.Values{})
	settings := v.open("admin")
	v.session = submatch(t, sessionField, settings)
	form := url.Values{"version": {submatch(t, versionField, settings)}, "session": {v.session}, "repeat_in_bitrix24": {"on"}}
	for _, name := range []string{"create_entities", "outgoing_calls", "repeated_leads", "builtin_lines"} {
		form[name] = []string{"off", "on"}
	}
	v.post(v.app+"/settings/save", form)
	return v
}

// live is what the portal's page shows now.
func (v *demoVisitor) live() string {
	v.t.Helper()
	return fetch(v.t, v.url+"/demo/live")
}

// rings waits for a call on the telephone and returns its id.
func (v *demoVisitor) rings() string {
	v.t.Helper()
	var id string
	becomes(v.t, "the telephone", func() error {
		found := callArticle.FindStringSubmatch(v.live())
		if found == nil {
			return errors.New("it does not ring")
		}
		id = found[1]
		return nil
	})
	return id
}

// log returns the Why column of the call log, the newest call first.
func (v *demoVisitor) log() []string {
	v.t.Helper()
	page := v.post(v.app+"/calls", url.Values{"session": {v.session}})
	var reasons []string
	for _, found := range whyButton.FindAllStringSubmatch(page, -1) {
		reasons = append(reasons, strings.TrimSpace(html.UnescapeString(found[1])))
	}
	return reasons
}

// place calls a customer, or has them call; the call ends as press does.
func (v *demoVisitor) place(path, customer, press string) {
	v.t.Helper()
	v.post(v.url+path, url.Values{"customer": {customer}, "extension": {"102"}})
	form := url.Values{"call": {v.rings()}, "status": {"no_answer"}, "extension": {"102"}}
	if strings.HasSuffix(path, "in") {
		form.Set("status", "missed")
	}
	if press == "/demo/hangup" {
		v.post(v.url+"/demo/answer", form)
	}
	v.post(v.url+press, form)
}

// says waits until the call log has n calls and the newest one's reason is want.
func (v *demoVisitor) says(n int, want string) error {
	var log []string
	deadline := time.After(patience)
	for {
		if log = v.log(); len(log) == n && strings.Contains(log[0], want) {
			return nil
		}
		select {
		case <-deadline:
			return fmt.Errorf("%d calls instead of %d, the last because %q, want %q", len(log), n, append(log, "")[0], want)
		case <-time.After(25 * time.Millisecond):
		}
	}
}

// Each customer of the telephone shows what its label says.
func TestDemoCustomersShowTheRowsOfTheTables(t *testing.T) {
	t.Parallel()
	v := newDemoVisitor(t)
	for i, row := range []struct {
		path     string
		customer int
		want     string
	}{
		{"/demo/out", 9, "for outgoing calls no repeated lead is created"}, // row 7
		{"/demo/in", 0, "This number was not in the CRM, so a new lead was created."},
		{"/demo/in", 1, "already has an open lead or deal"},
		{"/demo/in", 2, "already has an open lead or deal"},
		{"/demo/in", 3, "already has an open lead or deal"},
		{"/demo/in", 4, "already has an open lead or deal"},
		{"/demo/in", 5, "has a contact but no lead or deal, so a repeated lead"},
		{"/demo/in", 6, "has a contact but no lead or deal, so a repeated lead"},
		{"/demo/in", 7, "All deals of this customer are closed, so a repeated lead"},
		{"/demo/in", 8, "previous lead became a deal that is now closed, so a repeated lead"},
		{"/demo/in", 9, "previous lead became a contact and the customer called in, so a repeated lead"},
		{"/demo/in", 10, "previous lead was closed without a result, so a repeated lead"},
		{"/demo/in", 11, "previous lead became a deal that is now closed, so a repeated lead"},
		{"/demo/in", 12, "previous lead was closed without a result, so a repeated lead"},
		{"/demo/in", 13, "previous lead was closed without a result, so a repeated lead"},
		{"/demo/in", 14, "in the Bitrix24 exceptions list"},
		{"/demo/in", 15, "belongs to an employee"},
		{"/demo/in", 16, "number is hidden"},
	} {
		v.place(row.path, fmt.Sprint(row.customer), "/demo/giveup")
		if err := v.says(i+1, row.want); err != nil {
			t.Errorf("%s, customer %d: %v", row.path, row.customer, err)
		}
	}
}

// The telephone, the portal's cards, the company's website and Bitrix24's own
// line: every kind of call ends in the call log with its reason.
func TestDemoPlacesEveryKindOfCall(t *testing.T) {
	t.Parallel()
	v, signed := newDemoVisitor(t), false
	for i, row := range []struct {
		name, path string
		form       url.Values
		want       string
	}{
		{"a click in a contact's card", "/demo/click", url.Values{"number": {"+44 20 7946 0114"}, "card": {"contact-4"}, "user": {"2"}},
			"has a contact but no lead or deal, so a repeated lead"},
		{"a callback form", "/demo/callback", url.Values{"number": {"+49 30 23125777"}}, "already has an open lead or deal"},
		{"a call on Bitrix24's own line", "/demo/builtin", url.Values{"number": {"+49 30 23125778"}, "user": {"2"}},
			"This number was not in the CRM, so a new lead was created."},
		{"a call out", "/demo/out", url.Values{"number": {"+49 30 23125779"}, "extension": {"103"}},
			"This number was not in the CRM, so a new lead was created."},
		{"a call between employees", "/demo/out", url.Values{"number": {"103"}, "extension": {"102"}}, "Call between employees"},
	} {
		v.post(v.url+row.path, row.form)
		id := url.Values{"call": {v.rings()}, "extension": {"102"}}
		v.post(v.url+"/demo/answer", id)
		v.post(v.url+"/demo/hangup", id)
		if err := v.says(i+1, row.want); err != nil {
			t.Errorf("%s: %v", row.name, err)
		}
		signed = signed || strings.Contains(v.live(), "signature is good")
	}
	if !signed {
		t.Error("no command is among the requests that are shown")
	}
}
