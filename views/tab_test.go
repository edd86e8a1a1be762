package views

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/chromedp/chromedp"
)

// policy is the strictest Content-Security-Policy that the pages must live with.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'"

// A browserTab is a page of a real browser with everything it complained about.
type browserTab struct {
	context.Context
	mu         sync.Mutex
	complaints []string
}

// openTab starts a browser of this size, or skips where there is none.
func openTab(t *testing.T, width, height int64) *browserTab {
	t.Helper()
	path := chromium()
	if path == "" {
		t.Skip("no browser here: Chromium is not installed")
	}
	ctx, quit := chromedp.NewContext(t.Context(),
		chromedp.WithAllocatorOptions(chromedp.ExecPath(path), chromedp.NoSandbox))
	t.Cleanup(quit)
	tab := &browserTab{Context: ctx}
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			tab.hear(m)
		}
	}()
	tab.do(t, chromedp.EmulateViewport(width, height))
	return tab
}

func chromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

func (b *browserTab) hear(m chromedp.ConsoleMessage) {
	switch m.Type {
	case chromedp.ConsoleWarning, chromedp.ConsoleError, chromedp.ConsoleException:
		b.mu.Lock()
		defer b.mu.Unlock()
		b.complaints = append(b.complaints, m.String()+" "+m.URL)
	}
}

// quiet fails the test if the page complained on the console.
func (b *browserTab) quiet(t *testing.T) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, complaint := range b.complaints {
		t.Errorf("on the console: %s", complaint)
	}
	b.complaints = nil
}

func (b *browserTab) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// leads does steps that end on another page, and waits until that page is loaded: without scripts
// nothing else tells it from the one before.
func (b *browserTab) leads(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b, time.Minute)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// is waits until the expression is true in the page.
func (b *browserTab) is(t *testing.T, expression string) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		if yes, err := chromedp.Run(b, chromedp.Evaluate[bool](expression)); err == nil && yes {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("never became true: %s", expression)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func evaluate[T any](t *testing.T, b *browserTab, expression string, opts ...chromedp.EvaluateOption) T {
	t.Helper()
	value, err := chromedp.Run(b, chromedp.Evaluate[T](expression, opts...))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// serve answers with pages by their path, and with the static files.
func serve(t *testing.T, routes map[string]http.HandlerFunc) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServer(http.Dir("../static"))))
	mux.Handle("GET /axe/", http.StripPrefix("/axe/", http.FileServer(http.Dir("testdata/axe-core"))))
	if routes["POST /calls/overview"] == nil { // every log asks for it
		mux.HandleFunc("POST /calls/overview", show(CallOverview(callLogWithOverview(Localizer{}))))
	}
	if routes["POST /calls/news"] == nil {
		mux.HandleFunc("POST /calls/news", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	}
	for pattern, handler := range routes {
		mux.HandleFunc(pattern, handler)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func show(c templ.Component) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = c.Render(r.Context(), w) // a broken page shows in the browser
	}
}

// An asked is what a request of the page brought along.
type asked struct{ method, authorization, body string }

func record(requests chan<- asked, answer templ.Component, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // a malformed form is empty
		requests <- asked{r.Method, r.Header.Get("Authorization"), r.PostForm.Encode()}
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		show(answer)(w, r)
	}
}

func click(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.Click(chromedp.CSS(selector))
}

func drain(requests chan asked) {
	for {
		select {
		case <-requests:
		default:
			return
		}
	}
}
