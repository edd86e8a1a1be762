package views

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestTheHealthPageAsksBitrix24ByItselfAndMendsByOneClick(t *testing.T) {
	l := Localizer{}
	requests := make(chan asked, 10)
	asking, mended := healthPage(l), healthPage(l)
	asking.Portal, asking.Asked = nil, Moment{}
	asking.B24JS = "/bx24.js"
	mended.Notice = &Notice{Text: l.T("health.cured")}
	address := serve(t, map[string]http.HandlerFunc{
		"GET /bx24.js": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = w.Write([]byte(bx24)) // a cut script shows in the browser
		},
		"GET /":                      show(Health(asking)),
		"GET /health/portal":         record(requests, HealthPortal(healthPage(l))),
		"POST /health/portal":        record(requests, HealthPortal(healthPage(l))),
		"POST /health/cure/handlers": record(requests, Health(mended)),
		"POST /calls":                record(requests, Calls(callLog(l))),
	})
	tab := openTab(t, 1280, 900)
	tab.do(t, chromedp.Navigate(address+"/"))

	t.Run("Bitrix24 is asked with the session as soon as the page is there", func(t *testing.T) {
		tab.is(t, `document.querySelectorAll("#health-portal .health-partly").length === 4 && !document.getElementById("health-portal").hasAttribute("aria-busy")`)
		if got, want := <-requests, (asked{"GET", "Bearer token", ""}); got != want {
			t.Errorf("request %+v, want %+v", got, want)
		}
	})
	t.Run("it is asked again by a click, and the focus stays", func(t *testing.T) {
		evaluate[bool](t, tab, `window.before = document.getElementById("health-portal"); true`)
		tab.do(t, click("#health-again"))
		<-requests
		tab.is(t, `!window.before.isConnected && document.activeElement.id === "health-again"`)
	})
	t.Run("the access is renewed by the portal, which opens the page anew", func(t *testing.T) {
		tab.do(t, click("#reopen-access"))
		tab.is(t, `asked.includes("reload")`)
	})
	t.Run("a mend says what came of it", func(t *testing.T) {
		tab.do(t, click("#cure-events"))
		<-requests
		tab.is(t, `document.querySelector(".alert-success [role=status], .alert-success[role=status]")?.textContent.trim() === "Done." && location.pathname === "/health"`)
	})
	t.Run("the failed calls are a filter of the log", func(t *testing.T) {
		tab.do(t, click("#place-failed"))
		got := <-requests
		if got.body != "period=all&result=trouble&session=token" {
			t.Errorf("form %s", got.body)
		}
		tab.is(t, `document.querySelector("h1").textContent === "Call log"`)
	})
	tab.quiet(t)
}
