package main

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"callwise/app/b24/b24sim"
)

func (r *rig) frame(user int64, placement string) b24sim.Frame {
	r.t.Helper()
	frame, err := r.portal.OpenFrame(user, placement, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return frame
}

// open posts a frame as the portal's page makes the browser do.
func (r *rig) open(frame b24sim.Frame) string {
	r.t.Helper()
	status, page := r.do(http.MethodPost, frame.URL, frame.Form, "")
	if status != http.StatusOK {
		r.t.Fatalf("frame: %d\n%s", status, page)
	}
	return page
}

// post sends a form of the administrator's page.
func (r *rig) post(path string, form url.Values) string {
	r.t.Helper()
	status, page := r.do(http.MethodPost, r.url+path, form, r.session)
	if status != http.StatusOK {
		r.t.Fatalf("POST %s: %d\n%s", path, status, page)
	}
	return page
}

// page asks for a page with the administrator's session.
func (r *rig) page(path string) string {
	r.t.Helper()
	status, page := r.do(http.MethodGet, r.url+path, nil, r.session)
	if status != http.StatusOK {
		r.t.Fatalf("GET %s: %d\n%s", path, status, page)
	}
	return page
}

// save stores settings; what form does not name stays.
func (r *rig) save(form url.Values) {
	r.t.Helper()
	form.Set("version", versionIn(r.t, r.page("/settings")))
	r.post("/settings/save", form)
}

// replaceSecret replaces what signs commands to the PBX, and is what does now.
func (r *rig) replaceSecret() string {
	r.t.Helper()
	return secretIn(r.t, r.post("/settings/secret/rotate", url.Values{"seen": {seenIn(r.t, r.page("/settings"))}}))
}

// switches turns the three switches on that are named by their first letters:
// c, o, r; and tells that Bitrix24's own switch is on with b.
func (r *rig) switches(on string) {
	r.t.Helper()
	form := url.Values{"repeat_in_bitrix24": {"off"}}
	for letter, name := range map[string]string{"c": "create_entities", "o": "outgoing_calls", "r": "repeated_leads"} {
		form.Set(name, "off")
		if strings.Contains(on, letter) {
			form.Set(name, "on")
		}
	}
	if strings.Contains(on, "b") {
		form.Set("repeat_in_bitrix24", "on")
	}
	looks := r.lineLooks()
	r.save(form)
	if touches := func(l string) bool { return strings.Contains(on, l) != strings.Contains(r.lit, l) }; touches("c") || touches("o") {
		looks++
	}
	r.lit = on
	creates := strings.Contains(on, "c") && strings.Contains(on, "o")
	r.eventually("lines follow the switches", func() bool {
		lines := r.portal.Lines()
		return r.lineLooks() >= looks && len(lines) > 0 && lines[0].AutoCreate == creates
	})
}

// lineLooks is how often the program has looked at the portal's lines.
func (r *rig) lineLooks() int { return r.sim.Count(r.portal.Name(), "telephony.externalLine.get") }

func (r *rig) do(method, address string, form url.Values, session string) (int, string) {
	r.t.Helper()
	request, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
	if err != nil {
		r.t.Fatal(err)
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if session != "" {
		request.Header.Set("Authorization", "Bearer "+session)
	}
	return answerTo(r.t, request)
}

func answerTo(t testing.TB, request *http.Request) (int, string) {
	t.Helper()
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

var (
	sessionTag = regexp.MustCompile(`<meta name="session" content="([^"]+)"`)
	versionTag = regexp.MustCompile(`name="version" value="(\d+)"`)
	keyTag     = regexp.MustCompile(`id="new-key" value="([^"]+)"`)
	secretTag  = regexp.MustCompile(`id="command-secret" value="([^"]+)"`)
	seenTag    = regexp.MustCompile(`name="seen" value="([^"]+)"`)
)

func match(t testing.TB, what string, tag *regexp.Regexp, page string) string {
	t.Helper()
	found := tag.FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("no %s in the page:\n%s", what, page)
	}
	return found[1]
}

func sessionIn(t testing.TB, page string) string { return match(t, "session", sessionTag, page) }
func versionIn(t testing.TB, page string) string { return match(t, "version", versionTag, page) }
func keyIn(t testing.TB, page string) string     { return match(t, "key", keyTag, page) }
func secretIn(t testing.TB, page string) string  { return match(t, "secret", secretTag, page) }
func seenIn(t testing.TB, page string) string    { return match(t, "mark of the secret", seenTag, page) }
