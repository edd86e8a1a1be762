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

// noticed is true when the notice stands in the corner in sight, is spoken by
// screen readers, and begins with these words.
func noticed(words string) string {
	return fmt.Sprintf(`[...document.querySelectorAll("[role=status] > .notice")].some(line => {
		const r = line.getBoundingClientRect(), seen = document.elementFromPoint(r.left + r.width / 2, r.top + r.height / 2)
		return seen === line && line.textContent.startsWith(%q)
	})`, words)
}

// forget has a page that said nothing yet.
func forget(t *testing.T, tab *browserTab) {
	t.Helper()
	evaluate[bool](t, tab, `document.querySelectorAll(".notice").forEach(line => line.remove()); true`)
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
		"GET /calls/9":           show(CallDialog(unmappedCall(l))),
		"POST /calls/9/settle":   behind(&down, show(CallDialog(mended(l)))),
	})
	tab := openTab(t, 1280, 900)
	quiet := `document.querySelectorAll(".htmx-request").length === 0`
	said := quiet + ` && ` + noticed("No answer from the server.")
	lost := func(status int, selector string) {
		t.Helper()
		forget(t, tab)
		down.Store(int32(status))
		tab.do(t, click(selector))
		tab.is(t, said)
		down.Store(0)
	}
	for _, status := range []int{413, 502} {
		tab.do(t, chromedp.Navigate(address+"/"), chromedp.WaitVisible(chromedp.CSS("#what-if")))
		lost(status, "#outgoing_calls")
		tab.is(t, `document.getElementById("preview") !== null && document.getElementById("what-if") !== null`)
		lost(status, "#savebar .button-primary")
		tab.is(t, `document.getElementById("outgoing_calls").checked && document.querySelector(".savebar-open") !== null && document.title.startsWith("Settings")`)
		tab.do(t, click("#savebar .button-primary"))
		tab.is(t, quiet+` && document.querySelector(".toast [role=status]") !== null && document.querySelector(".savebar-open") === null`) // else the browser asks

		tab.do(t, chromedp.Navigate(address+"/calls"), chromedp.WaitVisible(chromedp.CSS("#preset-missed")))
		lost(status, "#preset-missed")
		lost(status, "#tab-settings")
		tab.is(t, `location.pathname + location.search === "/calls" && document.querySelector("h1").textContent === "Call log"`)

		tab.do(t, click("#call-9 button"), chromedp.WaitVisible(chromedp.CSS("#details:modal .mends")))
		lost(status, "#details .mends form:last-child .button")
		tab.do(t, click("#details .mends form:last-child .button"))
		tab.is(t, `document.querySelector("#details:modal [data-mended]") !== null`)
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
	review := settingsReview(l)
	review.Values["outgoing_calls"] = "on"
	for pattern, page := range map[string]http.HandlerFunc{
		"POST /settings":         show(Settings(settingsOn(l))),
		"POST /settings/preview": show(PreviewRegion(settingsChanged(l).Preview)),
		"POST /settings/what-if": show(WhatIfRegion(whatIfOf(l, 30, true))),
		"POST /settings/review":  show(Settings(review)),
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
		refused.Store(nil)
		tab.do(t, click("#review-open"), chromedp.WaitVisible(chromedp.CSS("#review:modal")))
		tab.is(t, quiet)
		refused.Store(&r)
		for _, asks := range []string{"#review .button-primary", "#repeated_leads", "#review-open", "#savebar .button-primary"} {
			forget(t, tab)
			tab.do(t, click(asks))
			tab.is(t, fmt.Sprintf(`%s && document.getElementById("notices").textContent === %q && %s && %s`, quiet, r.said, noticed(r.said), kept))
			tab.do(t, chromedp.KeyEvent("\x1b"))
			tab.is(t, `document.querySelector("dialog:modal") === null && `+noticed(r.said))
		}
	}
	tab.is(t, `document.querySelector(".notice").getBoundingClientRect().bottom <= document.getElementById("savebar").getBoundingClientRect().top`)
	tab.do(t, click("#tab-calls"), click("#leaving [value=leave]"))
	tab.is(t, `document.querySelector("h1").textContent === "`+l.T("plain.session_expired")+`" && document.getElementById("notices").textContent === ""`)
}
