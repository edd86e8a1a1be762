package views

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"
)

// behind answers in the place of a page while there is a status, as a reverse
// proxy does that does not reach us.
func behind(status *atomic.Int32, page http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		down := int(status.Load())
		if down == 0 {
			page(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(down)
		_, _ = fmt.Fprintf(w, "<html>\r\n<head><title>%d</title></head>\r\n<body>\r\n<center><h1>%d</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n", down, down) // a cut page shows in the browser
	}
}

func TestAnErrorPageOfTheProxyTakesNobodysPlace(t *testing.T) {
	l := Localizer{}
	var down atomic.Int32
	address := serve(t, map[string]http.HandlerFunc{
		"GET /":                  show(Settings(settingsOn(l))),
		"POST /settings":         behind(&down, show(Settings(settingsOn(l)))),
		"POST /settings/preview": behind(&down, show(PreviewRegion(settingsChanged(l).Preview))),
		"POST /settings/what-if": behind(&down, show(WhatIfRegion(whatIfOf(l, 30, true)))),
		"POST /settings/save":    behind(&down, show(Settings(settingsSaved(l)))),
		"GET /calls":             show(Calls(callLog(l))),
		"POST /calls":            behind(&down, show(Calls(callLogOfEmployee(l)))),
	})
	tab := openTab(t, 1280, 900)
	quiet := `document.querySelectorAll(".htmx-request").length === 0`
	said := quiet + ` && document.getElementById("notices").textContent.startsWith("No answer from the server.")`
	lost := func(status int, selector string) {
		t.Helper()
		evaluate[bool](t, tab, `document.getElementById("notices").replaceChildren(); true`)
		down.Store(int32(status))
		tab.do(t, click(selector))
		tab.is(t, said)
		down.Store(0)
	}
	for _, status := range []int{413, 502, 503, 504} {
		tab.do(t, chromedp.Navigate(address+"/"), chromedp.WaitVisible(chromedp.CSS("#what-if")))
		lost(status, "#outgoing_calls")
		tab.is(t, `document.getElementById("preview") !== null && document.getElementById("what-if") !== null`)
		lost(status, "#savebar .button-primary")
		tab.is(t, `document.getElementById("outgoing_calls").checked && document.querySelector(".savebar-open") !== null && document.title.startsWith("Settings")`)
		tab.do(t, click("#savebar .button-primary"))
		tab.is(t, `document.querySelector(".toast [role=status]") !== null`)

		tab.do(t, chromedp.Navigate(address+"/calls"), chromedp.WaitVisible(chromedp.CSS("#preset-missed")))
		lost(status, "#preset-missed")
		lost(status, "#tab-settings")
		tab.is(t, `location.pathname + location.search === "/calls" && document.querySelector("h1").textContent === "Call log"`)
	}
}

// refusing answers as the program does when it cannot do what was asked for,
// while there is a refusal.
func refusing(l Localizer, by *atomic.Pointer[refusal], page http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		refused := by.Load()
		if refused == nil {
			page(w, r)
			return
		}
		w.WriteHeader(refused.status)
		show(Plain(PlainPage{Page: Page{L: l}, Kind: refused.kind}))(w, r)
	}
}

// A refusal is a page instead of what was asked for, and what is said of it to
// whoever has changes that are not saved.
type refusal struct {
	status int
	kind   PlainKind
	said   string
}

func TestWhatIsEnteredOutlivesARefusal(t *testing.T) {
	for _, lang := range []string{"en", "ru"} {
		t.Run(lang, func(t *testing.T) { outliveRefusals(t, ForLang(lang)) })
	}
}

func outliveRefusals(t *testing.T, l Localizer) {
	var refused atomic.Pointer[refusal]
	routes := map[string]http.HandlerFunc{"GET /": show(Settings(settingsOn(l)))}
	for pattern, page := range map[string]http.HandlerFunc{
		"POST /settings":         show(Settings(settingsOn(l))),
		"POST /settings/preview": show(PreviewRegion(settingsChanged(l).Preview)),
		"POST /settings/what-if": show(WhatIfRegion(whatIfOf(l, 30, true))),
		"POST /settings/review":  show(Settings(settingsReview(l))),
		"POST /settings/save":    show(Settings(settingsSaved(l))),
		"POST /calls":            show(Calls(callLog(l))),
	} {
		routes[pattern] = refusing(l, &refused, page)
	}
	tab := openTab(t, 400, 900)
	tab.do(t, chromedp.Navigate(serve(t, routes)+"/"), click("#outgoing_calls"))
	quiet := `document.querySelectorAll(".htmx-request").length === 0`
	tab.is(t, quiet+` && document.querySelector(".savebar-open") !== null`)
	kept := `document.getElementById("outgoing_calls").checked && document.getElementById("preview") !== null && document.getElementById("what-if") !== null && document.querySelector(".savebar-open") !== null`
	for _, r := range []refusal{
		{http.StatusForbidden, NoPermission, l.T("plain.no_permission") + ". " + l.T("notice.kept")},
		{http.StatusTooManyRequests, TooMany, l.T("plain.too_many") + ". " + l.T("notice.kept")},
		{http.StatusInternalServerError, ServerError, l.T("plain.server_error") + ". " + l.T("notice.kept")},
		{http.StatusUnauthorized, SessionExpired, l.T("notice.over")},
	} {
		refused.Store(&r)
		for _, asks := range []string{"#repeated_leads", "#review-open", "#savebar .button-primary"} {
			evaluate[bool](t, tab, `document.getElementById("notices").replaceChildren(); true`)
			tab.do(t, click(asks))
			tab.is(t, fmt.Sprintf(`%s && document.getElementById("notices").textContent === %q && %s`, quiet, r.said, kept))
		}
	}
	tab.is(t, `document.querySelector(".notice").getBoundingClientRect().bottom <= document.getElementById("savebar").getBoundingClientRect().top`)
	tab.do(t, click("#tab-calls"), click("#leaving [value=leave]"))
	tab.is(t, `document.querySelector("h1").textContent === "`+l.T("plain.session_expired")+`" && document.getElementById("notices").textContent === ""`)
}
