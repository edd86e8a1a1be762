package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// A runningDemo is the command demo while it runs.
type runningDemo struct {
	url  string
	errs *lockedText
	end  func() int // stops it as Ctrl-C does and returns its exit code
}

// A lockedText is what a running command wrote so far.
type lockedText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// startDemo runs `callwise demo` on free ports, until the test ends at the latest.
func startDemo(t *testing.T, args ...string) *runningDemo {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	out, in := io.Pipe()
	d, code := &runningDemo{errs: &lockedText{}}, make(chan int, 1)
	term := terminal{out: in, err: d.errs, getenv: func(string) string { return "" }}
	go func() {
		code <- term.run(ctx, append([]string{"demo", "-app-addr", "127.0.0.1:0", "-portal-addr", "127.0.0.1:0"}, args...))
		_ = in.Close()
	}()
	d.end = sync.OnceValue(func() int {
		stop()
		return <-code
	})
	t.Cleanup(func() {
		if code := d.end(); code != exitOK {
			t.Errorf("demo ended with %d", code)
		}
		if d.errs.String() != "" {
			t.Errorf("demo complained: %s", d.errs)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("demo said nothing: %v %s", err, d.errs)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	d.url = strings.TrimSuffix(strings.Fields(line)[1], "/")
	return d
}

func TestDemoRunsAndStops(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	d := startDemo(t)
	t.Run("the address that is printed shows the portal", func(t *testing.T) {
		page := fetch(t, d.url+"/")
		for _, words := range []string{"Install Callwise", "Telephone", "Marta Kessler", "Row 5: Closed deal only"} {
			if !strings.Contains(page, words) {
				t.Errorf("%q is not on the page", words)
			}
		}
	})
	t.Run("a name of somebody else that means this machine shows nothing", func(t *testing.T) {
		for host, want := range map[string]int{
			"rebound.example": http.StatusMisdirectedRequest, "rebound.example:8081": http.StatusMisdirectedRequest,
			"192.0.2.7": http.StatusMisdirectedRequest, "localhost:8081": http.StatusOK, "127.0.0.1": http.StatusOK,
		} {
			if got := statusAt(t, d.url+"/demo/live", host); got != want {
				t.Errorf("%s: %d, want %d", host, got, want)
			}
		}
	})
	t.Run("it ends with 0 when it is stopped, and leaves no folder", func(t *testing.T) {
		if code := d.end(); code != exitOK {
			t.Errorf("exit code %d", code)
		}
		left, err := filepath.Glob(filepath.Join(folder, "*"))
		if err != nil || len(left) > 0 {
			t.Errorf("left behind: %v %v", left, err)
		}
	})
}

// statusAt is how an address answers a browser that knows it by that host.
func statusAt(t *testing.T, address, host string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	return answer.StatusCode
}

func fetch(t *testing.T, address string) string {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestDemoSaysThatAPortIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, name := range []string{"-app-addr", "-portal-addr"} {
		var errs lockedText
		term := terminal{out: io.Discard, err: &errs, getenv: func(string) string { return "" }}
		args := []string{"demo", "-app-addr", "127.0.0.1:0", "-portal-addr", "127.0.0.1:0", name, taken.Addr().String()}
		if code := term.run(t.Context(), args); code != exitFailed {
			t.Errorf("%s: exit code %d", name, code)
		}
		if !strings.Contains(errs.String(), name) || !strings.Contains(errs.String(), "address already in use") {
			t.Errorf("%s: it said %q", name, errs.String())
		}
	}
}

func TestDemoKeepsItsKeyWithItsData(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "kept")
	var keys []string
	for range 2 {
		d := startDemo(t, "-data", folder)
		d.end()
		key, err := os.ReadFile(filepath.Join(folder, "keys"))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, string(key))
	}
	if keys[0] != keys[1] {
		t.Error("the second start made a new key")
	}
	about, err := os.Stat(filepath.Join(folder, "keys"))
	if err != nil || about.Mode().Perm() != 0o600 {
		t.Errorf("mode of the keys: %v %v", about.Mode(), err)
	}
}

// A newcomer's way through the demo, in a real browser.
func TestDemoInTheBrowser(t *testing.T) {
	tab := openTab(t, 1280, 900)
	d := startDemo(t)
	tab.do(t, chromedp.Navigate(d.url+"/"))

	t.Run("Callwise is installed with a click, and opens its settings", func(t *testing.T) {
		tab.inspect(t, portalPage)
		tab.press(t, portalPage, "button", "Install Callwise")
		tab.arrives(t, `document.getElementById("create_entities") !== null`)
		tab.see(t, appFrame, "switch", "Create entities")
		tab.press(t, portalPage, "button", "Hide telephone")
		tab.inspect(t, appFrame)
	})
	t.Run("switches are moved by mouse and keyboard, and the tables follow before they are saved", func(t *testing.T) {
		const (
			newIncoming = "#preview-incoming tbody td[data-label] span"
			newOutgoing = "#preview-outgoing tbody td[data-label] span"
		)
		tab.see(t, appFrame, "region", "What will happen")
		tab.reads(t, appFrame, newIncoming, "Nothing")
		tab.press(t, appFrame, "switch", "Create entities")
		tab.keys(t, appFrame, "switch", "Outgoing calls", " ")
		tab.keys(t, appFrame, "switch", "Repeated leads", " ")
		tab.press(t, appFrame, "radio", "On")
		tab.reads(t, appFrame, newIncoming, "New lead")
		tab.reads(t, appFrame, newOutgoing, "New lead")
		tab.press(t, appFrame, "button", "Cancel")
		tab.reads(t, appFrame, newIncoming, "Nothing")
		tab.press(t, appFrame, "switch", "Create entities")
		tab.keys(t, appFrame, "button", "Save", "\r")
		tab.reads(t, appFrame, ".toast", "Saved")
		tab.picture(t, "settings")
	})
	t.Run("a call from a new number makes a lead", func(t *testing.T) {
		tab.press(t, portalPage, "button", "Show telephone")
		tab.press(t, portalPage, "button", "Call in")
		tab.reads(t, portalPage, "#popups", "Vera Stein sees the card")
		tab.press(t, portalPage, "button", "Answer on 102")
		tab.press(t, portalPage, "button", "Hang up after 1:05")
		tab.press(t, portalPage, "link", "CRM 1 new")
		tab.reads(t, portalPage, "#column-leads .entity.fresh .timeline", "Incoming call, 1:05, Jonas Brandt")
		tab.inspect(t, portalPage)
		tab.picture(t, "crm")
	})
	t.Run("the call log says why, its details how, and its link opens the card", func(t *testing.T) {
		const why = "This number was not in the CRM, so a new lead was created."
		placeMoreCalls(t, d.url)
		tab.press(t, portalPage, "link", "Callwise")
		tab.press(t, portalPage, "button", "Hide telephone")
		tab.press(t, portalPage, "button", "Call log in Telephony")
		tab.arrives(t, `document.getElementById("filter") !== null`)
		tab.see(t, appFrame, "columnheader", "Why")
		tab.reads(t, appFrame, ".log tbody", why)
		tab.inspect(t, appFrame)
		tab.picture(t, "calls")
		tab.press(t, appFrame, "button", why)
		for _, heading := range []string{"Timeline", "Decision", "Entities", "REST log"} {
			tab.see(t, appFrame, "heading", heading)
		}
		tab.reads(t, appFrame, "#details", why)
		tab.arrives(t, `window.innerHeight >= document.getElementById("details").getBoundingClientRect().bottom`)
		tab.inspect(t, appFrame)
		tab.picture(t, "details")
		standsStill(t, tab)
		link, err := ask[string](tab, appFrame, `return document.getElementById("call-link").value`)
		if err != nil {
			t.Fatal(err)
		}
		tab.do(t, chromedp.Navigate(link))
		tab.arrives(t, `document.querySelector("#details[open]") !== null`)
		tab.reads(t, appFrame, "#details", why)
		tab.press(t, appFrame, "button", "Close")
		tab.press(t, appFrame, "link", "Lead #10")
		tab.reads(t, portalPage, "#slider[open]", "Incoming call, 1:05, Jonas Brandt")
		tab.press(t, portalPage, "button", "Close")
	})
	t.Run("the what-if decides the calls of the log anew before the switch is saved", func(t *testing.T) {
		tab.press(t, portalPage, "link", "Callwise")
		tab.press(t, portalPage, "button", "Administrator")
		tab.arrives(t, `document.getElementById("what-if") !== null`)
		tab.see(t, appFrame, "region", "What-if")
		tab.press(t, appFrame, "switch", "Repeated leads")
		tab.press(t, appFrame, "radio", "On")
		tab.reads(t, appFrame, "#what-if", "of the last 6 calls would turn out differently")
		tab.reads(t, appFrame, "#savebar", "2 changes")
		tab.inspect(t, appFrame)
		tab.picture(t, "whatif")
		tab.press(t, appFrame, "button", "Cancel")
		tab.reads(t, appFrame, "#what-if", "would all turn out the same")
	})
	t.Run("an employee sees the call log and no settings", func(t *testing.T) {
		tab.press(t, portalPage, "button", "Employee")
		tab.arrives(t, `document.getElementById("filter") !== null && document.getElementById("tab-settings") === null`)
		tab.see(t, appFrame, "heading", "Call log")
		if _, err := tab.find(appFrame, "button", "Settings"); err == nil {
			t.Error("an employee has a way to the settings")
		}
		if _, err := tab.find(appFrame, "switch", "Create entities"); err == nil {
			t.Error("an employee sees the switches")
		}
	})
	t.Run("everything fits a narrow window", func(t *testing.T) {
		tab.do(t, chromedp.EmulateViewport(400, 900))
		for _, view := range []string{"Callwise", "CRM 1 new", "Portal", "Telephone"} {
			tab.press(t, portalPage, "link", view)
			tab.inspect(t, portalPage)
			wider, err := ask[bool](tab, portalPage, `return [document.documentElement, document.querySelector("main")].some(e => e.scrollWidth > window.innerWidth)`)
			if err != nil || wider {
				t.Errorf("%s is wider than the window: %v %v", view, wider, err)
			}
		}
	})
	t.Run("the pages fit a narrow frame", func(t *testing.T) {
		tab.press(t, portalPage, "link", "Callwise")
		tab.press(t, portalPage, "button", "Administrator")
		tab.arrives(t, `document.getElementById("create_entities") !== null`)
		tab.narrow(t, "narrow-settings")
		tab.press(t, portalPage, "button", "Call log in Telephony")
		tab.arrives(t, `document.querySelector(".log tbody tr") !== null`)
		tab.narrow(t, "narrow-calls")
		tab.press(t, appFrame, "button", "This number was not in the CRM, so a new lead was created.")
		tab.arrives(t, `document.querySelector("#details[open] h3") !== null`)
		tab.narrow(t, "narrow-details")
	})
	tab.quiet(t)
}

// standsStill fails the test if the dialog moves along when the portal is
// scrolled: its end could never be read.
func standsStill(t *testing.T, tab *browserTab) {
	t.Helper()
	const top = `return document.getElementById("details").getBoundingClientRect().top`
	before, err := ask[float64](tab, appFrame, top)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ask[bool](tab, portalPage, `window.scrollTo(0, document.documentElement.scrollHeight); return true`); err != nil {
		t.Fatal(err)
	}
	tab.arrives(t, fmt.Sprintf(`parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--above")) > %f`, before))
	after, err := ask[float64](tab, appFrame, top)
	if err != nil || after != before {
		t.Errorf("the dialog moved from %v to %v: %v", before, after, err)
	}
}

// placeMoreCalls adds calls to the log of which the first is there already.
func placeMoreCalls(t *testing.T, url string) {
	t.Helper()
	v := &demoVisitor{t: t, url: url}
	v.session = submatch(t, sessionField, v.open("admin"))
	for i, c := range []struct{ path, customer, press, want string }{
		{"/demo/in", "3", "/demo/giveup", "already has an open lead or deal"},
		{"/demo/in", "4", "/demo/hangup", "already has an open lead or deal"},
		{"/demo/out", "0", "/demo/giveup", "creating entities for outgoing calls is switched off"},
		{"/demo/in", "7", "/demo/hangup", "repeated leads are switched off"},
		{"/demo/in", "15", "/demo/giveup", "belongs to an employee"},
	} {
		v.place(c.path, c.customer, c.press)
		if err := v.says(i+2, c.want); err != nil {
			t.Error(err)
		}
	}
}
