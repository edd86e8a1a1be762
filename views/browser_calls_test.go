package views

import (
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"
)

// moreRows are the rows of the log with other ids, for each of two pages, and nothing
// behind them.
func moreRows(l Localizer, before string) CallsPage {
	more := callLog(l)
	beyond := map[string]int64{"cursor": 100, "last": 200}[before]
	more.More = map[string]string{"cursor": "last"}[before]
	for i := range more.Rows {
		more.Rows[i].ID += beyond
	}
	return more
}

func TestCallLogInTheBrowser(t *testing.T) {
	l := Localizer{}
	requests := make(chan asked, 10)
	expired := func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		show(Plain(PlainPage{Page: Page{L: l}, Kind: SessionExpired}))(w, r)
	}
	address := serve(t, map[string]http.HandlerFunc{
		"GET /":        show(Calls(callLog(l))),
		"GET /calls/9": record(requests, CallDialog(details(l))),
		"GET /calls/8": expired,
		"POST /calls": func(w http.ResponseWriter, r *http.Request) {
			if before := r.FormValue("before"); before != "" {
				record(requests, CallRows(moreRows(l, before)))(w, r)
				return
			}
			values, _ := ReadFilter(r.FormValue)
			page := callLogOfEmployee(l)
			page.Filter = filterOf(l, values.Bar(r.FormValue("bar"), r.FormValue("chart")).Known())
			record(requests, Calls(page))(w, r)
		},
	})
	tab := openTab(t, 1280, 900)
	tab.do(t, chromedp.Navigate(address+"/"))

	t.Run("a row opens its dialog; Escape closes it and the focus returns", func(t *testing.T) {
		tab.do(t, chromedp.Focus(chromedp.CSS("#call-9 button")), chromedp.KeyEvent("\r"))
		tab.is(t, `document.querySelector("#details:modal h2")?.textContent.startsWith("Outgoing call")`)
		if got := <-requests; got != (asked{"GET", "Bearer token", ""}) {
			t.Errorf("request %+v", got)
		}
		// The page stays as high as the dialog: the frame follows the page.
		tab.is(t, `(window.since ??= performance.now(), performance.now() - window.since > 200) &&
			document.body.offsetHeight >= document.getElementById("details").offsetTop + document.getElementById("details").offsetHeight`)
		tab.do(t, chromedp.KeyEvent("\x1b"))
		tab.is(t, `!document.getElementById("details").open && document.activeElement.closest("tr")?.id === "call-9"`)
	})
	t.Run("the close button closes it as well", func(t *testing.T) {
		tab.do(t, click("#call-9 button"))
		tab.is(t, `document.querySelector("#details:modal") !== null`)
		tab.do(t, click("#details .button-icon"))
		tab.is(t, `!document.getElementById("details").open`)
		drain(requests)
	})
	t.Run("show more appends rows and moves the focus to the first of them", func(t *testing.T) {
		tab.do(t, chromedp.Focus(chromedp.CSS("#more button")), chromedp.KeyEvent("\r"))
		tab.is(t, `document.activeElement.closest("tr")?.id === "call-110"`)
		tab.do(t, chromedp.Focus(chromedp.CSS("#more button")), chromedp.KeyEvent("\r"))
		tab.is(t, `document.querySelectorAll(".log tbody tr").length === 27 && document.getElementById("more") === null`)
		tab.is(t, `document.activeElement.closest("tr")?.id === "call-210"`)
		for _, before := range []string{"cursor", "last"} {
			if got := form(t, <-requests); got.Get("before") != before || got.Get("period") != "all" {
				t.Errorf("form %v, want before %s", got, before)
			}
		}
	})
	t.Run("a preset narrows the log by one click, and stands in the address", func(t *testing.T) {
		tab.do(t, chromedp.Focus(chromedp.CSS("#preset-missed")), chromedp.KeyEvent("\r"))
		tab.is(t, `location.search === "?period=all&outcome=missed" && document.querySelector(".preset[aria-current]").textContent.includes("Missed")`)
		tab.is(t, `document.activeElement.id === "preset-missed"`)
		drain(requests)
	})
	t.Run("a chip takes one part of the filter away", func(t *testing.T) {
		tab.is(t, `document.querySelectorAll(".chip").length === 1 && document.querySelector(".chip").ariaLabel === "Remove the filter Outcome: Missed"`)
		tab.do(t, click(".chip"))
		tab.is(t, `location.search === "?period=all" && document.querySelector(".chip") === null`)
		drain(requests)
	})
	t.Run("the time's heading turns the order round", func(t *testing.T) {
		tab.is(t, `document.querySelector("th[aria-sort]").ariaSort === "descending"`)
		tab.do(t, chromedp.Focus(chromedp.CSS("#sort")), chromedp.KeyEvent("\r"))
		tab.is(t, `document.querySelector("th[aria-sort]").ariaSort === "ascending" && location.search === "?period=all&order=oldest"`)
		tab.is(t, `document.activeElement.id === "sort"`)
		drain(requests)
	})
	t.Run("a day of the overview narrows the log to it, by the keyboard alone", func(t *testing.T) {
		tab.is(t, `[...document.querySelectorAll(".chart-failed .bar")].filter(b => b.tabIndex === 0).length === 1`)
		tab.do(t, chromedp.Focus(chromedp.CSS(".chart-failed .bar:last-of-type")))
		press(t, tab, "ArrowLeft")
		tab.is(t, `document.activeElement.title === "3 March 2026: Failed: 0" && document.activeElement.tabIndex === 0`)
		tab.do(t, chromedp.KeyEvent("\r"))
		tab.is(t, `location.search.includes("from=2026-03-03") && location.search.includes("to=2026-03-03") && location.search.includes("result=trouble")`)
		tab.is(t, `[...document.querySelectorAll(".chip")].some(c => c.textContent.includes("3 March 2026"))`)
		drain(requests)
	})
	t.Run("the export is a form with the session and the filter, and no address", func(t *testing.T) {
		tab.do(t, chromedp.Navigate(address+"/"))
		got := evaluate[string](t, tab, `new URLSearchParams(new FormData(document.querySelector(".export"))) + " " + document.querySelector(".export").getAttribute("action") + " " + document.querySelector(".export").method`)
		if got != "session=token&period=all /calls.csv post" {
			t.Errorf("export: %s", got)
		}
	})
	tab.quiet(t)
	t.Run("an expired session replaces the page, whatever was asked for", func(t *testing.T) {
		tab.do(t, click("#call-8 button"))
		tab.is(t, `document.querySelector("h1").textContent === "Open this page from Bitrix24"`)
	})
}

func form(t *testing.T, a asked) url.Values {
	t.Helper()
	values, err := url.ParseQuery(a.body)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// press sends a key that writes nothing.
func press(t *testing.T, tab *browserTab, key string) {
	t.Helper()
	evaluate[bool](t, tab, `document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key: "`+key+`", bubbles: true, cancelable: true})); true`)
}

func TestTheFilterIsUsedByTheKeyboardAlone(t *testing.T) {
	l := Localizer{}
	requests := make(chan asked, 10)
	answer := callLogOfEmployee(l)
	answer.Filter = filterOf(l, FilterValues{Text: "müller", Direction: "incoming"})
	address := serve(t, map[string]http.HandlerFunc{
		"GET /": show(Calls(callLog(l))), "POST /calls": record(requests, Calls(answer)),
	})
	tab := openTab(t, 1280, 900)
	tab.do(t, chromedp.Navigate(address+"/"), chromedp.Focus(chromedp.CSS("#text")), chromedp.KeyEvent("müller"), chromedp.KeyEvent("\t\r"))
	tab.is(t, `document.getElementById("fields").open && document.activeElement.tagName === "SUMMARY"`)
	t.Run("Escape closes the fields and the focus stays", func(t *testing.T) {
		tab.do(t, chromedp.KeyEvent("\t"))
		tab.is(t, `document.activeElement.id === "period"`)
		tab.do(t, chromedp.KeyEvent("\x1b"))
		tab.is(t, `!document.getElementById("fields").open && document.activeElement.tagName === "SUMMARY"`)
	})
	t.Run("Enter searches for everything that is set", func(t *testing.T) {
		tab.do(t, chromedp.KeyEvent("\r"), chromedp.Focus(chromedp.CSS("#direction")), chromedp.KeyEvent("i"))
		tab.is(t, `document.getElementById("direction").value === "incoming"`)
		tab.do(t, chromedp.Focus(chromedp.CSS("#text")), chromedp.KeyEvent("\r"))
		got := form(t, <-requests)
		if got.Get("text") != "müller" || got.Get("direction") != "incoming" || got.Get("session") != "token" {
			t.Errorf("form %v", got)
		}
		tab.is(t, `location.search === "?text=m%C3%BCller&direction=incoming" && document.activeElement.id === "text"`)
	})
	t.Run("a number that is searched for does not stand in the address", func(t *testing.T) {
		tab.do(t, chromedp.SetValue(chromedp.CSS("#text"), "+49 30 901820"), chromedp.Focus(chromedp.CSS("#text")), chromedp.KeyEvent("\r"))
		if got := form(t, <-requests); got.Get("text") != "+49 30 901820" {
			t.Errorf("form %v", got)
		}
		tab.is(t, `location.search === "?direction=incoming"`)
	})
	t.Run("a click beside the fields closes them", func(t *testing.T) {
		tab.do(t, click("#fields summary"))
		tab.is(t, `document.getElementById("fields").open`)
		evaluate[bool](t, tab, `document.querySelector("h1").click(); true`)
		tab.is(t, `!document.getElementById("fields").open`)
	})
	tab.quiet(t)
}

func TestDaysAreAPeriodOfTheirOwn(t *testing.T) {
	l := Localizer{}
	requests := make(chan asked, 10)
	week, days := callLogOfEmployee(l), callLogOfEmployee(l)
	week.Filter, days.Filter = filterOf(l, FilterValues{Period: "7days"}), filterOf(l, FilterValues{Period: "custom", From: "2026-03-03", To: "2026-03-04"})
	answer := func(w http.ResponseWriter, r *http.Request) {
		page := week
		if r.FormValue("period") == "custom" {
			page = days
		}
		record(requests, Calls(page))(w, r)
	}
	tab := openTab(t, 1280, 900)
	tab.do(t, chromedp.Navigate(serve(t, map[string]http.HandlerFunc{"GET /": show(Calls(week)), "POST /calls": answer})+"/"))
	for _, tt := range []struct{ name, field, keys, form string }{
		{"a day that is entered takes the place of the period", "#from", "03032026", "from=2026-03-03&period=custom"},
		{"another period takes the place of the days", "#period", "L", "period=7days"},
		{"so does the last day", "#to", "03032026", "period=custom&to=2026-03-03"},
		{"days that are changed stay", "#from", "02022026", "from=2026-02-02&period=custom&to=2026-03-04"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tab.do(t, click("#fields summary"), chromedp.Focus(chromedp.CSS(tt.field)), chromedp.KeyEvent(tt.keys), click("#fields .button-primary"))
			got := form(t, <-requests)
			for name, values := range got {
				if name == "session" || values[0] == "" {
					got.Del(name)
				}
			}
			if got.Encode() != tt.form {
				t.Errorf("form %s, want %s", got.Encode(), tt.form)
			}
			tab.is(t, `!document.getElementById("fields").open`)
		})
	}
	tab.quiet(t)
}

func TestASearchGoesOnByItself(t *testing.T) {
	l := Localizer{}
	var asked atomic.Int32
	address := serve(t, map[string]http.HandlerFunc{
		"GET /": show(Calls(callLogSearching(l))),
		"POST /calls": func(w http.ResponseWriter, r *http.Request) {
			page := moreRows(l, "last")
			page.Rows = page.Rows[2:3]
			if asked.Add(1) == 1 {
				further := callLogSearching(l)
				further.Rows = nil
				show(CallRows(further))(w, r)
				return
			}
			if r.FormValue("found") != "2" || r.FormValue("before") == "" {
				t.Errorf("form %v", r.Form)
			}
			show(CallRows(page))(w, r)
		},
	})
	tab := openTab(t, 1280, 900)
	tab.do(t, chromedp.Navigate(address+"/"))
	tab.is(t, `document.querySelectorAll(".log tbody tr").length === 3 && document.getElementById("more") === null`)
	tab.is(t, `document.activeElement === document.body`)
	tab.quiet(t)
}

func TestTheLogWithoutScripts(t *testing.T) {
	l := Localizer{}
	requests := make(chan asked, 10)
	address := serve(t, map[string]http.HandlerFunc{
		"GET /":                show(Calls(callLogFiltered(l))),
		"POST /calls":          record(requests, Calls(callLogWithOverview(l))),
		"POST /calls/overview": record(requests, Calls(callLogWithOverview(l))),
	})
	tab := openTab(t, 1280, 900)
	withoutScripts(t, tab)
	tab.do(t, chromedp.Navigate(address+"/"))
	tab.leads(t, click(".overview button"))
	if got := form(t, <-requests); got.Get("text") != "Konstantinopolskaja" {
		t.Errorf("overview: %v", got)
	}
	tab.leads(t, click(".chart-failed .bar:last-of-type"))
	if got := form(t, <-requests); got.Get("bar") != "2026-03-04 2026-03-04" || got.Get("chart") != "failed" {
		t.Errorf("bar: %v", got)
	}
	tab.leads(t, click("#fields summary"), click(".popup-actions .button-primary"))
	if got := (<-requests).body; !strings.Contains(got, "session=token") || !strings.Contains(got, "direction=") {
		t.Errorf("search: %s", got)
	}
	tab.do(t, chromedp.Navigate(address+"/"))
	tab.leads(t, click(".chip"))
	if got := form(t, <-requests); got.Has("text") || got.Get("result") != "trouble" {
		t.Errorf("chip: %v", got)
	}
}
