package views

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// next is the next request of the page.
func next(t *testing.T, requests <-chan asked) asked {
	t.Helper()
	select {
	case got := <-requests:
		return got
	case <-time.After(10 * time.Second):
		t.Fatal("the page asks for nothing")
		return asked{}
	}
}

func TestSettingsAreTriedOutInTheBrowser(t *testing.T) {
	l := Localizer{}
	requests := make(chan asked, 20)
	var few atomic.Bool
	address := serve(t, map[string]http.HandlerFunc{
		"GET /":                  show(Settings(settingsOn(l))),
		"POST /settings/preview": record(requests, PreviewRegion(settingsOfLine(l).Preview)),
		"POST /settings/what-if": func(w http.ResponseWriter, r *http.Request) {
			record(requests, WhatIfRegion(whatIfOf(l, 30, !few.Load())))(w, r)
		},
		"POST /settings/number":         record(requests, NumberExampleRegion(NumberExample{L: l, Raw: "12", Variants: []string{"12"}})),
		"POST /settings/employees/read": record(requests, Settings(with(l, func(t *Trials) { t.Employees = employeesToMend(l) }))),
		"GET /calls/3":                  record(requests, CallDialog(details(l))),
	})
	tab := openTab(t, 1280, 900)
	tab.do(t, chromedp.Navigate(address+"/"))

	t.Run("a moved switch refreshes what will happen and the what-if, before it is saved", func(t *testing.T) {
		tab.is(t, `document.querySelectorAll("#what-if .whatif-calls li").length === 3`)
		tab.do(t, click("#outgoing_calls"))
		tab.is(t, `document.querySelectorAll("#preview tr.changed").length === 7 && document.querySelectorAll("#what-if .whatif-calls li").length === 30`)
		one, two := next(t, requests), next(t, requests)
		for _, got := range []asked{one, two} {
			if !strings.Contains(got.body, "outgoing_calls=off&outgoing_calls=on") || got.authorization != "Bearer token" {
				t.Errorf("request %+v", got)
			}
		}
		tab.is(t, `document.activeElement.id === "outgoing_calls"`)
	})
	t.Run("both follow again what they were replaced by, once each", func(t *testing.T) {
		tab.do(t, click("#repeated_leads"))
		next(t, requests)
		next(t, requests)
		tab.is(t, `document.querySelectorAll(".htmx-request").length === 0`)
		if n := len(requests); n != 0 {
			t.Errorf("%d requests too many", n)
		}
	})
	t.Run("all calls are listed when that is asked for, and with the next switch a few again", func(t *testing.T) {
		few.Store(true)
		tab.do(t, click("#outgoing_calls"))
		next(t, requests)
		next(t, requests)
		tab.is(t, `document.querySelectorAll(".htmx-request").length === 0 && document.getElementById("what-if-all") !== null`)
		tab.do(t, click("#what-if-all"))
		if got := next(t, requests); !strings.Contains(got.body, "what_if_all=on") || !strings.Contains(got.body, "create_entities=") {
			t.Errorf("request %+v", got)
		}
		tab.do(t, click("#outgoing_calls"))
		for range 2 {
			if got := next(t, requests); strings.Contains(got.body, "what_if_all") {
				t.Errorf("request %+v", got)
			}
		}
		tab.is(t, `document.querySelectorAll(".htmx-request").length === 0 && document.getElementById("what-if-all") !== null`)
		evaluate[bool](t, tab, `document.getElementById("what-if-all").dispatchEvent(new Event("change", {bubbles: true}))`)
		tab.is(t, `document.querySelector("[data-count]").textContent === "2 changes"`) // both are of the subtests before; the button is none
		few.Store(false)
	})
	t.Run("the tables can be those of a line", func(t *testing.T) {
		tab.do(t, chromedp.SetValue(chromedp.CSS("#preview_line"), ""))
		evaluate[bool](t, tab, `document.getElementById("preview_line").dispatchEvent(new Event("change", {bubbles: true}))`)
		if got := next(t, requests); !strings.Contains(got.body, "preview_line=&") || !strings.Contains(got.body, "create_entities=") {
			t.Errorf("request %+v", got)
		}
	})
	t.Run("a call that differs opens by keyboard, and the focus returns", func(t *testing.T) {
		tab.do(t, chromedp.Focus(chromedp.CSS("#what-if li:nth-child(3) button")), chromedp.KeyEvent("\r"))
		tab.is(t, `document.querySelector("#details:modal h2") !== null && location.pathname.startsWith("/calls/")`)
		tab.do(t, chromedp.KeyEvent("\x1b"))
		tab.is(t, `location.pathname === "/settings" && !document.getElementById("details").open && document.activeElement === document.querySelector("#what-if li:nth-child(3) button")`)
		drain(requests)
	})
	t.Run("the way from a call to the settings it was decided with asks before it leaves, in front of the call", func(t *testing.T) {
		tab.do(t, chromedp.Focus(chromedp.CSS("#what-if li:nth-child(3) button")), chromedp.KeyEvent("\r"))
		tab.is(t, `document.querySelector("#details:modal form.version") !== null`)
		tab.do(t, click("#details form.version button"))
		tab.is(t, `document.getElementById("leaving").matches(":modal") && document.getElementById("leaving").contains(document.activeElement)`)
		tab.do(t, chromedp.KeyEvent("\x1b"))
		tab.is(t, `!document.getElementById("leaving").open && document.querySelector("#details:modal") !== null`)
		tab.do(t, chromedp.KeyEvent("\x1b"))
		tab.is(t, `document.querySelector("dialog[open]") === null && document.body.style.minHeight === ""`)
		drain(requests)
	})
	t.Run("a number is read while it is typed, and the field keeps the focus", func(t *testing.T) {
		tab.do(t, chromedp.Focus(chromedp.CSS("#number_raw")), chromedp.KeyEvent("9"))
		tab.is(t, `document.getElementById("number-read").textContent.includes("No country has such a number")`)
		if got := next(t, requests); !strings.Contains(got.body, "number_raw=9030+901820") {
			t.Errorf("request %+v", got)
		}
		tab.is(t, `document.activeElement.id === "number_raw"`)
	})
	t.Run("employees are read again, and what is entered goes along", func(t *testing.T) {
		tab.do(t, click("#employees-read"))
		tab.is(t, `document.querySelector('[name="extensions/199"]') !== null && document.querySelector('[name="extensions/sip~11 4"]').value === "18"`)
		if got := next(t, requests); !strings.Contains(got.body, "outgoing_calls=on") {
			t.Errorf("request %+v", got)
		}
	})
	t.Run("the owner of an extension is a setting like any other", func(t *testing.T) {
		tab.do(t, chromedp.SetValue(chromedp.CSS("#owner-199"), "17"))
		evaluate[bool](t, tab, `document.getElementById("owner-199").dispatchEvent(new Event("change", {bubbles: true}))`)
		if got := next(t, requests); !strings.Contains(got.body, "extensions%2F199=17") {
			t.Errorf("request %+v", got)
		}
	})
	t.Run("while something is not saved the session is kept alive, whoever sees it", func(t *testing.T) {
		tab.is(t, `document.querySelectorAll(".htmx-request").length === 0 && document.querySelector(".savebar-open") !== null`)
		drain(requests)
		evaluate[bool](t, tab, `Object.defineProperty(document, "hidden", {value: true}); Date.now = (now => () => now() + 21 * 60000)(Date.now); true`)
		if got := next(t, requests); got.method != "POST" || got.authorization == "" {
			t.Errorf("request %+v", got)
		}
	})
	tab.quiet(t)
}

func TestATestCallIsWatchedInTheBrowser(t *testing.T) {
	l := Localizer{}
	requests := make(chan asked, 20)
	looked := 0
	address := serve(t, map[string]http.HandlerFunc{
		"GET /":                    show(Settings(settingsOn(l))),
		"POST /settings/test-call": record(requests, TestCallPage(testCallOf(l, 4, 0))),
		"GET /settings/test-call/7": func(w http.ResponseWriter, r *http.Request) {
			looked++
			if looked == 1 {
				show(TestCallPage(testCallOf(l, 6, 0)))(w, r)
				return
			}
			show(TestCallPage(testCallOf(l, len(TestCodes), 0)))(w, r)
		},
		"GET /calls/7":   show(CallDialog(details(l))),
		"POST /settings": record(requests, Settings(settingsOn(l))),
	})
	tab := openTab(t, 1280, 900)
	tab.do(t, chromedp.Navigate(address+"/"), click("#test-call .test-form .button"))
	if got := next(t, requests); got.body != "direction=incoming&extension=104&line=493055501&number=030+901820&session=token" {
		t.Errorf("form %s", got.body)
	}
	tab.is(t, `document.querySelectorAll("#test-call .step-fine").length === 4`)
	tab.is(t, `document.querySelectorAll("#test-call .step-fine").length === 8 && !document.querySelector("#test-call [hx-trigger], #test-call[hx-trigger]")`)
	tab.do(t, click("#test-call-details"))
	tab.is(t, `document.querySelector("#details:modal h2") !== null`)
	tab.do(t, chromedp.KeyEvent("\x1b"), click("#test-call form:last-child .button"))
	tab.is(t, `document.getElementById("test_number") !== null && document.getElementById("create_entities").checked`)
	if looked != 2 {
		t.Errorf("looked %d times", looked)
	}
	tab.quiet(t)
}

func TestDryRunEndsWhereverItsBannerStands(t *testing.T) {
	l := Localizer{}
	requests := make(chan asked, 5)
	dry := callLog(l)
	dry.Banners = []Banner{{Kind: DryRun}}
	address := serve(t, map[string]http.HandlerFunc{
		"GET /":                      show(Calls(dry)),
		"POST /settings/dry-run/off": record(requests, Settings(settingsSaved(l))),
	})
	tab := openTab(t, 1280, 900)
	tab.do(t, chromedp.Navigate(address+"/"), click("#end-dry-run"))
	tab.is(t, `document.querySelector("h1").textContent === "Settings" && location.pathname === "/settings" && document.getElementById("banner-dry_run") === null`)
	if got := next(t, requests); got.body != "session=token" {
		t.Errorf("form %s", got.body)
	}
	tab.quiet(t)
}

func TestTryingOutWithoutScripts(t *testing.T) {
	l := Localizer{}
	requests := make(chan asked, 10)
	address := serve(t, map[string]http.HandlerFunc{
		"GET /":                         show(Settings(settingsOfLine(l))),
		"POST /settings/what-if":        record(requests, Settings(settingsOfLine(l))),
		"POST /settings/preview":        record(requests, Settings(settingsOfLine(l))),
		"POST /settings/number":         record(requests, Settings(settingsOfLine(l))),
		"POST /settings/employees/read": record(requests, Settings(settingsOfLine(l))),
		"POST /settings/test-call":      record(requests, TestCallPage(testCallOf(l, 4, 0))),
		"POST /settings/test-call/7":    record(requests, TestCallPage(testCallOf(l, len(TestCodes), 0))),
		"POST /settings":                record(requests, Settings(settingsOfLine(l))),
	})
	tab := openTab(t, 1280, 900)
	tab.do(t, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
	tab.do(t, chromedp.Navigate(address+"/"))
	for _, tt := range []struct{ name, button, want string }{
		{"the what-if takes what is entered", "#what-if > .button", "create_entities=on"},
		{"the tables of a line", ".preview-line .button", "preview_line=493055501"},
		{"a number", "#number-example .button", "number_raw=030+901820"},
		{"employees", "#employees-read", "session=token"},
		{"a test call", "#test-call .test-form .button", "number=030+901820"},
		{"its progress", "#test-call .needs-no-script .button", "session=token"},
		{"the way back", ".card > .needs-no-script .button", "session=token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tab.do(t, click(tt.button))
			if got := next(t, requests); !strings.Contains(got.body, tt.want) {
				t.Errorf("form %s, want %s", got.body, tt.want)
			}
		})
	}
}
