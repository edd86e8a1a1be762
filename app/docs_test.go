package main

import (
	"bytes"
	"encoding/json"
	"html"
	"maps"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/app/pbx"
	"callwise/app/pbx/pbxsim"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/google/go-cmp/cmp"
)

var (
	guideExample = regexp.MustCompile(`(?s)<pre data-example="([a-z]+)">(.*?)</pre>`)
	guideRequest = regexp.MustCompile(`(?s)^curl (\S+) .* -d '(.*)'$`)
	guideAddress = regexp.MustCompile(`http://[^\s']+`)
	untold       = regexp.MustCompile(`>\s*docs\.[a-z]`)
)

// guide reads the page for PBX developers, and its examples by their kind.
func (r *rig) guide(t *testing.T) (reply, map[string][]string) {
	t.Helper()
	page := r.send(r.request(http.MethodGet, "/pbx/docs", "", ""))
	examples := map[string][]string{}
	for _, found := range guideExample.FindAllStringSubmatch(page.body, -1) {
		examples[found[1]] = append(examples[found[1]], html.UnescapeString(found[2]))
	}
	return page, examples
}

// asPBX sends a request with the portal's key.
func (r *rig) asPBX(method, target, body string) reply {
	r.t.Helper()
	request := r.request(method, target, "", body)
	request.Header.Set("Authorization", "Bearer "+r.key)
	return r.send(request)
}

func TestTheGuideForDevelopersIsForEverybodyInTwoLanguages(t *testing.T) {
	r := bareRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	r.start()
	for _, tt := range []struct{ name, query, accept, lang string }{
		{"nothing asked for", "", "", "en"},
		{"the address asks", "?lang=ru", "en", "ru"},
		{"the browser asks", "", "ru-RU,ru;q=0.9", "ru"},
		{"the browser likes another one more", "", "ru;q=0.3, en-GB", "en"},
		{"a language we have no words for", "?lang=de", "uk", "en"},
		{"nonsense", "?lang=../../etc", "ru", "ru"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			request := r.request(http.MethodGet, "/pbx/docs"+tt.query, "", "")
			request.Header.Set("Accept-Language", tt.accept)
			got := r.send(request)
			if got.status != http.StatusOK || !strings.Contains(got.body, `<html lang="`+tt.lang+`"`) || got.header.Get("Content-Language") != tt.lang {
				t.Errorf("%d, want a page in %s\n%s", got.status, tt.lang, got.body)
			}
			if missing := untold.FindString(got.body); missing != "" || !strings.Contains(got.body, r.url+"/pbx/v1/openapi.yaml") {
				t.Errorf("the page does not lead to the description, or a text is missing: %s", missing)
			}
		})
	}
}

func TestTheGuideIsKeptByBrowsersUntilItChanges(t *testing.T) {
	r := bareRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	r.start()
	ask := func(method, tag string) reply {
		request := r.request(method, "/pbx/docs", "", "")
		request.Header.Set("If-None-Match", tag)
		return r.send(request)
	}
	got := ask(http.MethodGet, "")
	if got.header.Get("Cache-Control") != "public, max-age=3600" || !slices.Contains(got.header.Values("Vary"), "Accept-Language") {
		t.Errorf("caches get %v", got.header)
	}
	if policy := got.header.Get("Content-Security-Policy"); !strings.Contains(policy, "style-src 'self'") || strings.Contains(got.body, "style=") || strings.Contains(got.body, "<script") {
		t.Errorf("the policy is %q", policy)
	}
	tag := got.header.Get("ETag")
	for method, known := range map[string]string{http.MethodGet: tag, http.MethodHead: ""} {
		want := http.StatusOK
		if known != "" {
			want = http.StatusNotModified
		}
		if again := ask(method, known); again.status != want || again.body != "" || again.header.Get("ETag") != tag || tag == "" {
			t.Errorf("%s %q: %d, %d bytes", method, known, again.status, len(again.body))
		}
	}
}

func TestTheContentsOfTheGuideLeadToItsParts(t *testing.T) {
	r := bareRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	r.start()
	page, _ := r.guide(t)
	links := regexp.MustCompile(`href="#([a-z]+)"`).FindAllStringSubmatch(page.body, -1)
	if len(links) < 10 || len(links) != strings.Count(page.body, "<section") {
		t.Errorf("%d links to %d parts", len(links), strings.Count(page.body, "<section"))
	}
	for _, link := range links {
		if !strings.Contains(page.body, `<h2 id="`+link[1]+`"`) {
			t.Errorf("%s leads nowhere", link[0])
		}
	}
}

func TestTheExamplesOfTheGuideWork(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.portal.AddContact(b24sim.Contact{Name: "Anna", LastName: "Schmidt", Phones: []string{"+493012345678"}, ResponsibleID: anna})
		_, examples := r.guide(t)
		var bodies []string
		for _, text := range examples["report"] {
			part := guideRequest.FindStringSubmatch(text)
			if part == nil || part[1] != r.url+"/pbx/v1/events" {
				t.Fatalf("no request to this installation: %q", text)
			}
			bodies = append(bodies, part[2])
		}
		if got := r.asPBX(http.MethodPost, "/pbx/v1/events", bodies[0]); got.status != http.StatusAccepted || got.body != examples["stored"][0]+"\n" {
			t.Errorf("the first event: %d %s, want %s", got.status, got.body, examples["stored"])
		}
		bodies = append(bodies[1:], examples["event"]...)
		for _, body := range bodies {
			if got := r.asPBX(http.MethodPost, "/pbx/v1/events", body); got.status != http.StatusAccepted || !strings.Contains(got.body, `"duplicates":0`) {
				t.Errorf("%s: %d %s", body, got.status, got.body)
			}
		}
		r.finished(3)
		for _, target := range []string{"/pbx/v1/events", "/pbx/v1/nothing"} {
			if got := r.asPBX(http.MethodGet, target, ""); got.status != http.StatusNotFound || got.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("GET %s: %d %s", target, got.status, got.body)
			}
		}
		wrong := r.asPBX(http.MethodPost, "/pbx/v1/events", `[{"id":"w-1","type":"call.ended","call":"w","at":"2026-08-21T11:05:10+03:00"}]`)
		if diff := cmp.Diff(examples["wrong"], []string{wrong.body}); diff != "" {
			t.Error(diff)
		}
		put := guideAddress.FindString(examples["upload"][0])
		if got := r.asPBX(http.MethodPut, strings.TrimPrefix(put, r.url), string(mp3(731904))); got.status != http.StatusCreated || got.body != examples["uploaded"][0]+"\n" {
			t.Errorf("%s: %d %s", put, got.status, got.body)
		}
		asked := guideAddress.FindString(examples["customers"][0])
		got := r.asPBX(http.MethodGet, strings.TrimPrefix(asked, r.url), "")
		if diff := cmp.Diff(shape(t, examples["customer"][0]), shape(t, got.body)); diff != "" {
			t.Errorf("%s: %s", got.body, diff)
		}
	})
}

// shape is JSON with its texts and numbers left out.
func shape(t *testing.T, text string) any {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return hollow(value)
}

func hollow(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for name, inner := range value {
			value[name] = hollow(inner)
		}
		return value
	case []any:
		for i, inner := range value {
			value[i] = hollow(inner)
		}
		return value
	case string:
		return ""
	case float64:
		return 0
	}
	return value
}

func TestTheSignedCommandOfTheGuideIsWhatCallwiseSends(t *testing.T) {
	r := bareRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	r.start()
	_, examples := r.guide(t)
	shown, script := examples["command"][0], examples["verify"][0]
	secret := regexp.MustCompile(`whsec_[^']+`).FindString(script)
	hooks := r.listenToCommands()
	head, body, _ := strings.Cut(shown, "\n\n")
	header := http.Header{}
	for _, line := range strings.Split(head, "\n")[1:] {
		name, value, _ := strings.Cut(line, ": ")
		header.Set(name, value)
	}
	var command pbx.Originate
	if err := json.Unmarshal([]byte(body), &command); err != nil {
		t.Fatal(err)
	}
	seconds, err := strconv.ParseInt(header.Get("Webhook-Timestamp"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	// The rig's PBX does not know the secret, and refuses.
	if err := pbx.Send(t.Context(), http.DefaultClient, r.pbx.url, []string{secret}, header.Get("Webhook-Id"), time.Unix(seconds, 0), command); err == nil {
		t.Error("a command with a foreign secret is accepted")
	}
	sent := <-hooks
	for name := range header {
		if sent.request.Header.Get(name) != header.Get(name) {
			t.Errorf("%s is %q, want %q", name, header.Get(name), sent.request.Header.Get(name))
		}
	}
	if diff := cmp.Diff(string(sent.body), body); diff != "" {
		t.Error(diff)
	}
	checksCommands(t, script, secret, header, []byte(body))
	var callback pbx.Callback
	if err := json.Unmarshal([]byte(examples["callback"][0]), &callback); err != nil {
		t.Fatal(err)
	}
	if again, err := json.Marshal(callback); err != nil || string(again) != examples["callback"][0] {
		t.Errorf("%s, %v", again, err)
	}
}

// checksCommands runs the script of the guide on a genuine command, on one that
// an old secret signed too, and on a forged one.
func checksCommands(t *testing.T, script, secret string, header http.Header, body []byte) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("no openssl here: the shell example of the guide is not run")
	}
	hook, err := standardwebhooks.NewWebhook(secret)
	if err != nil || hook.VerifyIgnoringTimestamp(body, header) != nil {
		t.Errorf("the signature does not fit, %v", err)
	}
	signature := header.Get("Webhook-Signature")
	for changed, want := range map[string]string{
		script: "genuine",
		strings.Replace(script, signature, "v1,AAAA "+signature, 1): "genuine",
		strings.Replace(script, "493012345678", "493012345679", 1):  "forged",
	} {
		command := exec.CommandContext(t.Context(), "sh")
		command.Stdin = strings.NewReader(changed)
		if out, err := command.CombinedOutput(); err != nil || string(bytes.TrimSpace(out)) != want {
			t.Errorf("%s, want %s: %v", out, want, err)
		}
	}
}

func TestTheGuideNamesAllThatTheDescriptionNames(t *testing.T) {
	r := bareRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	r.start()
	page, examples := r.guide(t)
	d := describe31(r)
	event := d.model.Components.Schemas.GetOrZero("Event").Schema()
	for name := range event.Properties.FromOldest() {
		if !strings.Contains(page.body, "<code>"+name+"</code>") {
			t.Errorf("the field %s is not on the page", name)
		}
	}
	for _, word := range event.Properties.GetOrZero("type").Schema().Enum {
		if !strings.Contains(page.body, "<h3><code>"+word.Value+"</code></h3>") {
			t.Errorf("the type %s is not on the page", word.Value)
		}
	}
	for _, s := range pbx.Statuses() {
		if !strings.Contains(page.body, "<code>"+string(s)+"</code>") {
			t.Errorf("the status %s is not on the page", s)
		}
	}
	for _, promise := range slices.Sorted(maps.Keys(d.promised())) {
		status, err := strconv.Atoi(promise[strings.LastIndex(promise, " ")+1:])
		if err == nil && status >= 400 && !strings.Contains(page.body, `<th scope="row">`+strconv.Itoa(status)+" "+http.StatusText(status)) {
			t.Errorf("%s is not in the list of errors", promise)
		}
	}
	scenario := examples["play"][0][strings.LastIndex(examples["play"][0], " ")+1:]
	if !slices.ContainsFunc(pbxsim.Scenarios, func(s pbxsim.Scenario) bool { return s.Name == scenario }) {
		t.Errorf("there is no scenario %s", scenario)
	}
}
