package views

import (
	"context"
	"net/http"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// unmappedCall is the dialog with the mend that needs a choice.
func unmappedCall(l Localizer) CallDetails {
	d := details(l)
	d.ID = 9
	d.Attention = wrong(l, "unmapped", "")
	d.Attention.Choices = []Option{{Label: "—", Chosen: true}, {Value: "17", Label: "Anna Brandt 104"}}
	return d
}

// mended is the same dialog after the mend.
func mended(l Localizer) CallDetails {
	d := details(l)
	d.ID = 9
	d.Notice = &Notice{Text: l.N("mended.extension", 2)}
	return d
}

func TestACallIsMendedWithTheKeyboardAlone(t *testing.T) {
	l := Localizer{}
	requests := make(chan asked, 10)
	log := callLog(l)
	address := serve(t, map[string]http.HandlerFunc{
		"GET /":                   show(Calls(log)),
		"GET /calls/9":            record(requests, CallDialog(unmappedCall(l))),
		"POST /calls/9/extension": record(requests, CallDialog(mended(l))),
		"POST /calls":             record(requests, Calls(log)),
	})
	tab := openTab(t, 1280, 900)
	tab.do(t, chromedp.Navigate(address+"/"))
	press := func(keys ...string) {
		for _, key := range keys {
			tab.do(t, chromedp.KeyEvent(key))
		}
	}

	t.Run("the dialog opens with the focus inside, and the address names the call", func(t *testing.T) {
		tab.do(t, chromedp.Focus(chromedp.CSS("#call-9 button")))
		press("\r")
		tab.is(t, `document.querySelector("#details:modal")?.contains(document.activeElement) && location.pathname === "/calls/9"`)
		drain(requests)
	})
	t.Run("a part is reached by its link, and takes the focus", func(t *testing.T) {
		press("\t", "\t", "\r")
		tab.is(t, `document.activeElement.id === "decision-title" && location.hash === ""`)
	})
	t.Run("the focus stays in the dialog", func(t *testing.T) {
		for range 40 {
			press("\t")
			tab.is(t, `document.activeElement === document.body || document.getElementById("details").contains(document.activeElement)`)
		}
	})
	t.Run("an employee is chosen and saved; what came of it is read first", func(t *testing.T) {
		tab.do(t, chromedp.Focus(chromedp.CSS("#mend-user")))
		press("A", "\t", "\r")
		if got := <-requests; got != (asked{"POST", "Bearer token", "session=token&user=17"}) {
			t.Errorf("request %+v", got)
		}
		tab.is(t, `document.querySelector("#details:modal > .dialog-body > [role=status]") === document.activeElement && document.activeElement.textContent.includes("Saved. 2 calls")`)
	})
	t.Run("Escape leads back to the row, and the log is asked for anew", func(t *testing.T) {
		press("\x1b")
		tab.is(t, `!document.getElementById("details").open && location.pathname === "/calls"`)
		if got := <-requests; got.method != "POST" {
			t.Errorf("request %+v", got)
		}
		tab.is(t, `document.activeElement.closest("tr")?.id === "call-9"`)
	})
	tab.quiet(t)
}

func TestTheWayBackLeadsToTheCallThatWasOpen(t *testing.T) {
	l := Localizer{}
	address := serve(t, map[string]http.HandlerFunc{
		"GET /": show(Calls(callLog(l))),
		"GET /calls/9": func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("HX-Request") != "" && r.Header.Get("HX-History-Restore-Request") == "" {
				show(CallDialog(unmappedCall(l)))(w, r)
				return
			}
			show(Calls(callLogOpen(l, unmappedCall(l))))(w, r)
		},
		"POST /settings/history": show(Settings(settingsOn(l))),
	})
	tab := openTab(t, 1280, 900)
	tab.do(t, chromedp.Navigate(address+"/"), click("#call-9 button"))
	tab.is(t, `document.querySelector("#details:modal") !== null`)
	tab.do(t, click(".version button"))
	tab.is(t, `location.pathname === "/settings/history" && document.querySelector("h1").textContent === "Settings"`)
	evaluate[bool](t, tab, `history.back(); true`)
	tab.is(t, `location.pathname === "/calls/9" && document.querySelector("#details:modal #mend-user") !== null`)
	tab.quiet(t)
}

func TestACallIsMendedWithoutScripts(t *testing.T) {
	l := Localizer{}
	requests := make(chan asked, 10)
	address := serve(t, map[string]http.HandlerFunc{
		"GET /":                   show(Calls(callLogOpen(l, unmappedCall(l)))),
		"POST /calls/9/extension": record(requests, Calls(callLogOpen(l, mended(l)))),
	})
	tab := openTab(t, 1280, 900)
	tab.do(t, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
	tab.do(t, chromedp.Navigate(address+"/"), chromedp.Focus(chromedp.CSS("#mend-user")), chromedp.KeyEvent("A"), click(".chooser button"))
	if got := <-requests; got.body != "session=token&user=17" {
		t.Errorf("form %s", got.body)
	}
	tab.do(t, chromedp.WaitVisible(chromedp.CSS("#details [role=status]")), click(".dialog-head button"))
}

func TestACallThatALinkOpensNamesItselfOnceThePortalIsMet(t *testing.T) {
	l := Localizer{}
	page := callLogOpen(l, unmappedCall(l))
	page.B24JS = "/bx24.js"
	address := serve(t, map[string]http.HandlerFunc{
		"GET /bx24.js": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = w.Write([]byte(bx24)) // a cut script shows in the browser
		},
		"GET /b24/calls": show(Calls(page)),
	})
	tab := openTab(t, 1280, 900)
	tab.do(t, chromedp.Navigate(address+"/b24/calls?DOMAIN=acme.bitrix24.com"))
	tab.is(t, `document.querySelector("#details:modal") !== null && location.pathname + location.search === "/calls/9?DOMAIN=acme.bitrix24.com"`)
	tab.do(t, chromedp.KeyEvent("\x1b"))
	tab.is(t, `location.pathname + location.search === "/calls?DOMAIN=acme.bitrix24.com"`)
	tab.quiet(t)
}
