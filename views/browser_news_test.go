package views

import (
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/a-h/templ"
	"github.com/chromedp/chromedp"
)

// newsfeed answers the page's questions with whatever was put there last.
type newsfeed struct {
	next atomic.Pointer[templ.Component]
}

func (n *newsfeed) put(c templ.Component) { n.next.Store(&c) }

func (n *newsfeed) answer(requests chan<- asked) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := n.next.Swap(nil)
		if c == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		record(requests, *c)(w, r)
	}
}

// focusAtTop focuses a control while the top of the log is in sight.
func focusAtTop(t *testing.T, tab *browserTab, selector string) {
	t.Helper()
	seen := evaluate[bool](t, tab, `new Promise(then => {
		window.scrollTo(0, 0)
		document.querySelector("`+selector+`").focus({preventScroll: true})
		new IntersectionObserver(entries => requestAnimationFrame(() => then(entries[0].isIntersecting))).observe(document.querySelector(".log thead"))
	})`, chromedp.EvalAwaitPromise)
	if !seen {
		t.Fatal("the top of the log is out of sight")
	}
}

func TestNewCallsAppearWithoutMovingTheReader(t *testing.T) {
	l := Localizer{}
	requests := make(chan asked, 10)
	came := func(ids ...int64) templ.Component {
		page := callLog(l)
		page.Rows = page.Rows[:len(ids)]
		for i, id := range ids {
			page.Rows[i].ID, page.Rows[i].Going = id, ""
		}
		return CallNews(page, nil)
	}
	var n newsfeed
	long := callLog(l)
	var charts newsfeed
	charts.put(CallOverview(callLogWithOverview(l)))
	drawings := make(chan asked, 10)
	address := serve(t, map[string]http.HandlerFunc{
		"GET /": show(Calls(long)), "POST /calls/news": n.answer(requests), "POST /calls/overview": charts.answer(drawings),
	})
	tab := openTab(t, 1280, 600)
	tab.do(t, chromedp.Navigate(address+"/"))
	first := `document.querySelector(".log tbody tr").id`
	tab.is(t, `document.querySelectorAll("#overview .bar").length > 0`)

	t.Run("at the top of the log they are put there", func(t *testing.T) {
		n.put(came(21))
		tab.is(t, first+` === "call-21" && document.getElementById("arrived").hidden`)
		got := form(t, <-requests)
		if got.Get("since") != "10" || got.Get("going") != "10:k1" || got.Get("shown") != "" || got.Get("period") != "all" || got.Get("session") != "token" {
			t.Errorf("form %v", got)
		}
	})
	t.Run("one that was reported late stands where its time belongs", func(t *testing.T) {
		page := callLog(l)
		before, late := page.Rows[3], page.Rows[0]
		late.ID, late.Going, late.Time = 20, "", before.Time
		page.Rows = []CallRow{late}
		n.put(CallNews(page, nil))
		tab.is(t, fmt.Sprintf(`document.getElementById("call-20")?.nextElementSibling.id === "call-%d" && %s === "call-21"`, before.ID, first))
		drain(requests)
	})
	t.Run("to one who reads in the table they are offered", func(t *testing.T) {
		tab.do(t, chromedp.Focus(chromedp.CSS("#call-7 .why button")))
		n.put(came(23, 22))
		tab.is(t, `!document.getElementById("arrived").hidden && document.getElementById("arrived").textContent === "2 new calls"`)
		tab.is(t, first+` === "call-21" && document.activeElement.closest("tr").id === "call-7"`)
		if got := form(t, <-requests); got.Get("shown") != "21 20" && got.Get("shown") != "20 21" {
			t.Errorf("form %v", got)
		}
		focusAtTop(t, tab, "#arrived")
		n.put(came(24, 23, 22))
		tab.is(t, `document.getElementById("arrived").textContent === "3 new calls" && document.activeElement.id === "arrived"`)
		drain(requests)
		tab.do(t, click("#arrived"))
		tab.is(t, first+` === "call-24" && document.getElementById("arrived").hidden && document.activeElement.closest("tr").id === "call-24"`)
	})
	t.Run("to one who has scrolled down as well", func(t *testing.T) {
		evaluate[bool](t, tab, `document.activeElement.blur(); window.scrollTo(0, document.body.scrollHeight); true`)
		tab.is(t, `window.scrollY > 300`)
		place := evaluate[float64](t, tab, `document.getElementById("call-2").getBoundingClientRect().top`)
		n.put(came(25))
		tab.is(t, `document.getElementById("arrived").textContent === "1 new call" && !document.getElementById("arrived").hidden`)
		if now := evaluate[float64](t, tab, `document.getElementById("call-2").getBoundingClientRect().top`); now != place {
			t.Errorf("a row moved from %v to %v", place, now)
		}
		tab.is(t, `(r => r.top >= 0 && r.bottom <= innerHeight)(document.getElementById("arrived").getBoundingClientRect())`)
		drain(requests)
	})
	t.Run("a call that goes on changes in its place, and the focus stays", func(t *testing.T) {
		tab.do(t, chromedp.Focus(chromedp.CSS("#call-10 .why button")))
		done := callLog(l).Rows[0]
		done.Duration, done.Going = "0:42", ""
		n.put(CallNews(CallsPage{Page: Page{L: l}, Filter: long.Filter}, []CallRow{done}))
		tab.is(t, `document.getElementById("call-10").textContent.includes("0:42") && document.querySelectorAll("tr[id=call-10]").length === 1`)
		tab.is(t, `document.activeElement.closest("tr")?.id === "call-10"`)
		drain(requests)
		n.put(came(26))
		if got := form(t, <-requests); got.Get("going") != "" {
			t.Errorf("form %v", got)
		}
	})
	t.Run("the counts and the charts tell of them, the charts once in a while", func(t *testing.T) {
		drain(drawings)
		page := callLog(l)
		page.Rows, page.Filter.Presets = nil, l.Presets(FilterValues{}, FilterChoices{Counts: []int{7, 6, 5, 4, 3, 2}, CountedTo: 1000})
		n.put(CallNews(page, callLog(l).Rows[1:2]))
		tab.is(t, `[...document.querySelectorAll(".presets .count")].map(c => c.textContent).join() === "7,6,5,4,3,2"`)
		if n := len(drawings); n != 0 {
			t.Errorf("the charts were drawn %d times again at once", n)
		}
		drawn := callLogWithOverview(l)
		drawn.Overview.Title = "drawn again"
		charts.put(CallOverview(drawn))
		evaluate[bool](t, tab, `Date.now = (now => () => now() + 31000)(Date.now); true`)
		tab.is(t, `document.querySelector(".overview-title").textContent === "drawn again"`)
		if got := form(t, <-drawings); got.Get("session") != "token" || got.Get("period") != "all" {
			t.Errorf("form %v", got)
		}
		tab.is(t, `[...document.querySelectorAll(".chart-failed .bar")].filter(b => b.tabIndex === 0).length === 1`)
	})
	tab.quiet(t)
}

func TestALogIsShownAnewWhenItsDayIsOver(t *testing.T) {
	l := Localizer{}
	before, after, news := callLog(l), callLog(l), CallsPage{Page: Page{L: l}, DayOver: true}
	before.Filter = filterOf(l, FilterValues{Outcome: "missed"})
	after.Filter, after.Rows = before.Filter, before.Rows[3:]
	var n newsfeed
	looks, requests := make(chan asked, 10), make(chan asked, 10)
	address := serve(t, map[string]http.HandlerFunc{
		"GET /": show(Calls(before)), "POST /calls/news": n.answer(looks), "POST /calls": record(requests, Calls(after)),
	})
	tab := openTab(t, 400, 900)
	offered := `!document.getElementById("arrived").hidden && document.getElementById("arrived").textContent === "A new day: refresh the log"`
	stays := func(t *testing.T) {
		t.Helper()
		evaluate[bool](t, tab, `document.getElementById("arrived").textContent = ""; true`)
		n.put(CallNews(news, nil))
		if got := form(t, next(t, looks)); got.Get("day") != "2026-03-04" {
			t.Errorf("form %v", got)
		}
		tab.is(t, offered+` && document.getElementById("call-10") !== null`)
	}
	shownAnew := func(t *testing.T) {
		t.Helper()
		got := form(t, next(t, requests))
		if want := (url.Values{"session": {"token"}, "period": {"all"}, "outcome": {"missed"}, "again": {"on"}}); got.Encode() != want.Encode() {
			t.Errorf("form %v, want %v", got, want)
		}
		tab.is(t, `document.getElementById("call-10") === null && document.getElementById("arrived").hidden && document.getElementById("call-7") !== null`)
	}

	t.Run("to one who reads it that is offered", func(t *testing.T) {
		tab.do(t, chromedp.Navigate(address+"/"), chromedp.Focus(chromedp.CSS("#call-9 .why button")))
		stays(t)
		tab.is(t, `document.activeElement.closest("tr").id === "call-9"`)
		focusAtTop(t, tab, "#arrived")
		stays(t)
		tab.is(t, `document.activeElement.id === "arrived"`)
		tab.do(t, chromedp.KeyEvent("\r"))
		shownAnew(t)
		tab.is(t, `document.activeElement.closest("tr")?.id === "call-7"`)
	})
	t.Run("to one who reads the charts as well, and the focus stays", func(t *testing.T) {
		tab.do(t, chromedp.Navigate(address+"/"), chromedp.WaitVisible(chromedp.CSS("#overview .bar")))
		focusAtTop(t, tab, ".chart-calls .bar[tabindex='0']")
		stays(t)
		tab.is(t, `document.activeElement.matches(".chart-calls .bar")`)
	})
	t.Run("to one who sets the filter, too", func(t *testing.T) {
		tab.do(t, chromedp.Navigate(address+"/"), chromedp.Focus(chromedp.CSS("#text")), chromedp.KeyEvent("mül"))
		stays(t)
		tab.is(t, `document.getElementById("text").value === "mül"`)
	})
	t.Run("and to one who has chosen something and looks at the log behind", func(t *testing.T) {
		tab.do(t, chromedp.Navigate(address+"/"), click("#fields summary"), chromedp.Focus(chromedp.CSS("#direction")), chromedp.KeyEvent("O"), click("h1"))
		tab.is(t, `!document.getElementById("fields").open && document.getElementById("direction").value === "outgoing"`)
		stays(t)
		tab.is(t, `document.getElementById("direction").value === "outgoing"`)
	})
	t.Run("else it comes by itself, and the focus stays", func(t *testing.T) {
		tab.do(t, chromedp.Navigate(address+"/"), chromedp.Focus(chromedp.CSS("#preset-missed")))
		n.put(CallNews(news, nil))
		shownAnew(t)
		tab.is(t, `document.activeElement.id === "preset-missed" && location.pathname === "/"`)
	})
	tab.quiet(t)
}

func TestTheFocusDoesNotWaitForALogThatNeverCame(t *testing.T) {
	l := Localizer{}
	after := callLog(l)
	after.Rows = after.Rows[3:]
	var n newsfeed
	looks := make(chan asked, 10)
	address := serve(t, map[string]http.HandlerFunc{
		"GET /": show(Calls(callLog(l))), "POST /calls/news": n.answer(looks),
		"POST /calls": func(w http.ResponseWriter, r *http.Request) {
			if r.FormValue("again") == "on" {
				panic(http.ErrAbortHandler) // the connection breaks off
			}
			show(Calls(after))(w, r)
		},
	})
	tab := openTab(t, 400, 900)
	tab.do(t, chromedp.Navigate(address+"/"), chromedp.Focus(chromedp.CSS("#call-9 .why button")))
	evaluate[bool](t, tab, `window.over = 0; document.addEventListener("htmx:finally:request", event => over += event.detail.ctx.request.action === "/calls"); true`)
	n.put(CallNews(CallsPage{Page: Page{L: l}, DayOver: true}, nil))
	tab.is(t, `!document.getElementById("arrived").hidden`)
	tab.do(t, chromedp.Focus(chromedp.CSS("#arrived")), chromedp.KeyEvent("\r"))
	tab.is(t, `over === 1 && document.getElementById("call-10") !== null`)
	tab.do(t, chromedp.Focus(chromedp.CSS("#preset-missed")), chromedp.KeyEvent("\r"))
	tab.is(t, `over === 2 && document.getElementById("call-10") === null && document.activeElement.id === "preset-missed"`)
}

func TestALogWithoutNewsOrOverviewStaysAsItIs(t *testing.T) {
	l := Localizer{}
	var looks atomic.Int32
	broken := func(w http.ResponseWriter, r *http.Request) {
		looks.Add(1)
		w.WriteHeader(http.StatusInternalServerError)
		show(Plain(PlainPage{Page: Page{L: l}, Kind: ServerError}))(w, r)
	}
	address := serve(t, map[string]http.HandlerFunc{
		"GET /": show(Calls(callLog(l))), "POST /calls/news": broken, "POST /calls/overview": broken,
	})
	tab := openTab(t, 1280, 900)
	tab.do(t, chromedp.Navigate(address+"/"))
	tab.is(t, `document.getElementById("overview").hidden`)
	evaluate[bool](t, tab, `document.getElementById("news").dispatchEvent(new Event("look")); true`)
	tab.is(t, `performance.getEntriesByType("resource").some(r => r.name.endsWith("/calls/news"))`)
	tab.is(t, `document.querySelector("h1").textContent === "Call log" && document.getElementById("notices").textContent === "" && document.querySelectorAll("#page").length === 1`)
	if looks.Load() < 2 {
		t.Errorf("%d requests", looks.Load())
	}
}

func TestALogThatIsRefusedItsNewsSaysSoForGood(t *testing.T) {
	for _, lang := range []string{"en", "ru"} {
		for status, kind := range map[int]PlainKind{http.StatusUnauthorized: SessionExpired, http.StatusForbidden: NoPermission} {
			t.Run(fmt.Sprint(status, " ", lang), func(t *testing.T) {
				l := ForLang(lang)
				address := serve(t, map[string]http.HandlerFunc{
					"GET /": show(Calls(callLog(l))),
					"POST /calls/news": func(w http.ResponseWriter, r *http.Request) {
						w.WriteHeader(status)
						show(Plain(PlainPage{Page: Page{L: l}, Kind: kind}))(w, r)
					},
				})
				tab := openTab(t, 400, 600)
				tab.do(t, chromedp.Navigate(address+"/"))
				tab.is(t, `document.querySelectorAll("#overview .bar").length > 0 && document.getElementById("stopped").offsetHeight === 0`)
				evaluate[bool](t, tab, `window.scrollTo(0, 900); document.getElementById("news").dispatchEvent(new Event("look")); true`)
				line := `document.querySelector("[role=status]#stopped")`
				tab.is(t, line+`?.textContent === "`+l.T("calls.stopped")+`" && window.scrollY > 300`)
				tab.is(t, `(r => r.top >= 0 && r.bottom <= innerHeight)(`+line+`.getBoundingClientRect())`)
				tab.is(t, `document.querySelectorAll(".log tbody tr").length > 5 && document.getElementById("notices").textContent === ""`)
			})
		}
	}
}
