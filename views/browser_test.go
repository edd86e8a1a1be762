package views

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Every page in every state and both languages: axe-core finds nothing, the
// console stays empty, and nothing is wider than the frame, also when one reads
// from right to left.
func TestEveryPageIsAccessibleAndFitsItsFrame(t *testing.T) {
	axe, err := os.ReadFile("testdata/axe-core/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	routes := map[string]http.HandlerFunc{}
	var names []string
	for _, lang := range []string{"en", "ru"} {
		for _, s := range shots(ForLang(lang)) {
			name := s.name + "." + lang
			names = append(names, name)
			routes["GET /page/"+name] = show(s.page)
		}
	}
	end := callLog(Localizer{})
	end.More, end.Rows = "", nil
	routes["POST /calls"] = show(CallRows(end))                                                          // a search goes on
	routes["GET /health/portal"] = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() } // Bitrix24 is still asked
	routes["GET /settings/privacy"] = routes["GET /health/portal"]                                       // a number is still being erased
	routes["GET /settings/test-call/7"] = routes["GET /health/portal"]                                   // a test call is still on its way
	address := serve(t, routes)
	for _, width := range []int64{1280, 400} {
		tab := openTab(t, width, 900)
		for _, name := range names {
			t.Run(fmt.Sprintf("%s at %d px", name, width), func(t *testing.T) {
				tab.do(t, chromedp.Navigate(address+"/page/"+name))
				tab.is(t, `document.readyState === "complete"`)
				inspect(t, tab, string(axe))
			})
		}
	}
}

func inspect(t *testing.T, tab *browserTab, axe string) {
	t.Helper()
	fits(t, tab)
	evaluate[bool](t, tab, `document.documentElement.dir = "rtl"; true`)
	fits(t, tab)
	evaluate[bool](t, tab, `document.documentElement.dir = "ltr"; true`)
	evaluate[bool](t, tab, axe+"; true")
	violations := evaluate[[]string](t, tab, `axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations.map(v =>
		v.id + ": " + v.help + ": " + v.nodes.map(n => n.html.slice(0, 160) + " " + n.failureSummary).join(" | ")))`, chromedp.EvalAwaitPromise)
	for _, v := range violations {
		t.Error(v)
	}
	tab.quiet(t)
}

// settingsFields is what the sections send after Outgoing calls was moved.
const settingsFields = "add_card_employee=&add_card_when=never&alerts%2Fusers=&alerts%2Fusers=&builtin_lines=off&builtin_lines=on&callbacks%2Fduty=&callbacks%2Fduty=&card%2Fwhen=ring&create_entities=off&create_entities=on&default_country=&dry_run=off&" +
	"exclusions%2Fextensions=&exclusions%2Fnumbers=&mask_numbers=off&missed%2Fdays=&missed%2Fdays=1&missed%2Fdays=2&missed%2Fdays=3&missed%2Fdays=4&missed%2Fdays=5&" +
	"missed%2Fdeadline=30&missed%2Ffrom=09%3A00&missed%2Fto=18%3A00&missed%2Ftodo=off&missed%2Fworking_hours=off&other_apps=off&outgoing_calls=off&outgoing_calls=on&" +
	"recordings%2Fmax_mb=0&recordings%2Fmode=attach&recovery=auto&repeat_in_bitrix24=on&repeated_leads=off&repeated_leads=on&" +
	"responsible%2Fcreated%2Femployee=0&responsible%2Fcreated%2Ffallback=0&responsible%2Fcreated%2Fwho=taker&responsible%2Fmissed%2Femployee=0&responsible%2Fmissed%2Ffallback=0&responsible%2Fmissed%2Fwho=taker"

// fits fails the test if anything is wider than its place.
func fits(t *testing.T, tab *browserTab) {
	t.Helper()
	dir := evaluate[string](t, tab, `document.documentElement.dir`)
	if evaluate[bool](t, tab, `document.documentElement.scrollWidth > window.innerWidth || document.documentElement.scrollLeft !== 0`) {
		t.Errorf("%s: the page scrolls sideways", dir)
	}
	for _, cut := range evaluate[[]string](t, tab, `[...document.querySelectorAll(".card, .part, .dialog, td, th, button")]
		.filter(e => e.scrollWidth > e.clientWidth && getComputedStyle(e).display !== "inline" && !e.closest("thead, .sr"))
		.map(e => e.tagName + " " + e.className + ": " + e.textContent.trim().slice(0, 60))`) {
		t.Errorf("%s: wider than its place: %s", dir, cut)
	}
}

func TestSettingsInTheBrowser(t *testing.T) {
	l := Localizer{}
	requests := make(chan asked, 10)
	address := serve(t, map[string]http.HandlerFunc{
		"GET /":                        show(Settings(settingsOn(l))),
		"POST /settings/preview":       record(requests, PreviewRegion(settingsChanged(l).Preview), "X-Session", "renewed"),
		"POST /settings/what-if":       show(WhatIfRegion(WhatIf{L: l, Session: "renewed"})),
		"POST /settings/save":          record(requests, Settings(settingsSaved(l))),
		"POST /settings":               record(requests, Settings(settingsOn(l))),
		"POST /settings/keys":          record(requests, Settings(settingsSaved(l))),
		"POST /settings/export":        record(requests, Settings(settingsSaved(l)), "Content-Disposition", `attachment; filename="settings.json"`),
		"POST /calls":                  record(requests, Calls(callLog(l))),
		"GET /calls":                   show(Calls(callLog(l))),
		"POST /settings/keys/1/revoke": record(requests, Settings(firstSettings(l))),
	})
	tab := openTab(t, 1280, 900)
	tab.do(t, chromedp.Navigate(address+"/"))
	bar := `getComputedStyle(document.getElementById("savebar")).display`

	t.Run("the save bar is there only while something differs", func(t *testing.T) {
		tab.is(t, bar+` === "none"`)
		tab.do(t, click("#outgoing_calls"))
		tab.is(t, bar+` === "flex"`)
	})
	t.Run("a moved switch asks for the preview, with the session and all switches", func(t *testing.T) {
		got := <-requests
		address := url.QueryEscape("https://pbx.example.com/callwise/commands")
		want := asked{"POST", "Bearer token", must(url.ParseQuery(settingsFields + "&command_url=" + address)).Encode()}
		if got != want {
			t.Errorf("request\n got %+v\nwant %+v", got, want)
		}
		tab.is(t, `document.querySelectorAll("#preview tr.changed").length === 7`)
	})
	t.Run("a renewed session replaces the old one everywhere", func(t *testing.T) {
		tab.is(t, `document.querySelector('meta[name=session]').content === "renewed" && [...document.querySelectorAll("input[name=session]")].every(f => f.value === "renewed")`)
	})
	t.Run("dependencies follow the switches at once", func(t *testing.T) {
		shown := `getComputedStyle(document.querySelector(".depends-create_entities")).display`
		tab.is(t, shown+` === "none"`)
		tab.do(t, click("#create_entities"))
		tab.is(t, shown+` === "flex"`)
		<-requests
	})
	t.Run("saving sends every control, the command URL included", func(t *testing.T) {
		tab.do(t, click("#savebar .button-primary"))
		got := <-requests
		for _, part := range []string{"version=7", "command_url=https", "create_entities=off", "session=renewed"} {
			if !strings.Contains(got.body, part) {
				t.Errorf("%q is not in %q", part, got.body)
			}
		}
		tab.is(t, `document.querySelector('.toast [role=status]') !== null`)
	})
	leaving := `document.getElementById("leaving").matches(":modal")`
	prevented := `!window.dispatchEvent(new Event("beforeunload", {cancelable: true}))`
	t.Run("leaving with changes that are not saved is asked about, and one may stay", func(t *testing.T) {
		tab.do(t, click("#outgoing_calls"), click("#tab-calls"))
		tab.is(t, leaving+` && document.activeElement.textContent === "Stay" && `+prevented)
		tab.do(t, chromedp.KeyEvent("\x1b"))
		tab.is(t, `!`+leaving+` && document.activeElement.id === "tab-calls" && document.querySelector("h1").textContent === "Settings" && `+bar+` === "flex"`)
		tab.do(t, click("#tab-calls"), click("#leaving .button-primary"))
		tab.is(t, `!`+leaving+` && document.querySelector("h1").textContent === "Settings" && `+bar+` === "flex"`)
		drain(requests)
	})
	t.Run("a file that is fetched leaves nothing", func(t *testing.T) {
		evaluate[bool](t, tab, `window.addEventListener("beforeunload", event => { window.asks = event.defaultPrevented }); true`)
		tab.do(t, click(`form[action="/settings/export"] button`))
		tab.is(t, `window.asks === false && !`+leaving+` && `+bar+` === "flex"`)
		drain(requests)
	})
	t.Run("cancel shows what is saved, and the focus is at what was changed last", func(t *testing.T) {
		tab.do(t, click("#savebar [form=reopen]"))
		tab.is(t, `!document.getElementById("outgoing_calls").checked && `+bar+` === "none" && document.activeElement.id === "outgoing_calls" && !(`+prevented+`)`)
		drain(requests)
	})
	t.Run("revoking a key asks back, then changes only the keys", func(t *testing.T) {
		tab.do(t, click("#key-1 summary"), click("#key-1 .button-danger"))
		tab.is(t, `document.querySelector("#keys .keys") === null && document.getElementById("create_entities").checked`)
		drain(requests)
	})
	t.Run("a tab leads to its page, and its address is named", func(t *testing.T) {
		tab.do(t, click("#tab-calls"))
		tab.is(t, `location.pathname === "/calls" && document.querySelector("h1").textContent === "Call log" && document.title.startsWith("Call log")`)
	})
	t.Run("the way back leads to the page before, and it works", func(t *testing.T) {
		drain(requests)
		evaluate[bool](t, tab, `history.back(); true`)
		tab.is(t, `location.pathname === "/" && document.querySelector("h1").textContent === "Settings" && document.getElementById("outgoing_calls")?.dataset !== undefined`)
		tab.do(t, click("#outgoing_calls"))
		tab.is(t, bar+` === "flex" && document.querySelectorAll("#preview tr.changed").length === 7`)
	})
	t.Run("whoever leaves all the same leaves, and the next page begins at its top", func(t *testing.T) {
		drain(requests)
		evaluate[bool](t, tab, `window.scrollTo(0, document.documentElement.scrollHeight); true`)
		tab.is(t, `window.scrollY > 0`)
		tab.do(t, chromedp.Focus(chromedp.CSS("#tab-calls")), chromedp.KeyEvent("\r"))
		tab.is(t, leaving)
		evaluate[bool](t, tab, `window.scrollTo(0, document.documentElement.scrollHeight); true`)
		tab.do(t, chromedp.KeyEvent("\t"), chromedp.KeyEvent("\r"))
		tab.is(t, `document.querySelector("h1").textContent === "Call log" && window.scrollY === 0`)
	})
	t.Run("the way back asks as well", func(t *testing.T) {
		tab.do(t, click("#tab-settings"))
		tab.is(t, `location.pathname === "/settings" && document.getElementById("outgoing_calls") !== null`)
		tab.do(t, click("#outgoing_calls"))
		drain(requests)
		evaluate[bool](t, tab, `history.back(); true`)
		tab.is(t, leaving)
		tab.do(t, click("#leaving .button-primary"))
		tab.is(t, `!`+leaving+` && location.pathname === "/settings" && document.querySelector("h1").textContent === "Settings" && `+bar+` === "flex"`)
		evaluate[bool](t, tab, `history.back(); true`)
		tab.is(t, leaving)
		tab.do(t, click("#leaving [value=leave]"))
		tab.is(t, `location.pathname === "/calls" && document.querySelector("h1").textContent === "Call log"`)
	})
	tab.quiet(t)
}

// clickTwice has the page click a button twice, and count the requests to an
// address, and those of them that ended.
func clickTwice(t *testing.T, tab *browserTab, button, address string) {
	t.Helper()
	evaluate[bool](t, tab, `{
		window.sent = window.over = 0
		const send = window.fetch, button = document.querySelector("`+button+`")
		window.fetch = (to, how) => { sent += to === "`+address+`"; return send(to, how) }
		document.addEventListener("htmx:finally:request", event => over += event.detail.ctx.request.action === "`+address+`")
		button.click(); button.click(); true
	}`)
}

// TestWhatIsDoneAtOnceIsDoneOnceAlthoughItIsClickedTwice clicks twice before an
// answer can come. What a form that is gone has sent twice nobody gets to see.
func TestWhatIsDoneAtOnceIsDoneOnceAlthoughItIsClickedTwice(t *testing.T) {
	l := Localizer{}
	page := settingsOn(l)
	page.Connection.KeyName = "Munich"
	log := callLogOpen(l, unmappedCall(l))
	tab := openTab(t, 1280, 900)
	for _, tt := range []struct{ button, post, shown string }{
		{"#secret .confirm .button-danger", "/settings/secret/rotate", "#command-secret"},
		{"#keys form.field-line .button", "/settings/keys", "#new-key"},
		{"#key-1 .button-danger", "/settings/keys/1/revoke", "#new-key"},
		{"#test-call .test-form .button", "/settings/test-call", "#test-call .steps"},
		{"#details .chooser .button", "/calls/9/extension", "#details [data-mended]"},
		{"#details .mends form:last-child .button", "/calls/9/settle", "#details [data-mended]"},
	} {
		t.Run(tt.post, func(t *testing.T) {
			shown, answer := Settings(page), Settings(settingsSaved(l))
			switch {
			case strings.HasPrefix(tt.post, "/calls/"):
				shown, answer = Calls(log), Calls(callLogOpen(l, mended(l)))
			case tt.post == "/settings/test-call":
				answer = TestCallPage(testCallOf(l, len(TestCodes), 0))
			}
			address := serve(t, map[string]http.HandlerFunc{"GET /": show(shown), "POST " + tt.post: show(answer)})
			tab.do(t, chromedp.Navigate(address+"/"))
			evaluate[bool](t, tab, `document.querySelectorAll("#mend-user").forEach(choice => choice.selectedIndex = 1); true`)
			clickTwice(t, tab, tt.button, tt.post)
			tab.is(t, `over > 0 && document.querySelector("`+tt.shown+`") !== null`)
			if sent := evaluate[int](t, tab, `sent`); sent != 1 {
				t.Errorf("sent %d times", sent)
			}
		})
	}
}

// bx24 stands in for the portal's library and notes what it is asked.
const bx24 = `window.asked = []; window.BX24 = {
	init: then => setTimeout(then), fitWindow: () => asked.push("fit"), installFinish: () => asked.push("finish"),
	reloadWindow: () => asked.push("reload"), openPath: (path, then) => asked.push("open " + path),
	scrollParentWindow: y => asked.push("scroll " + y),
};`

func TestPagesInThePortalsFrame(t *testing.T) {
	l := Localizer{}
	log := callLog(l)
	log.B24JS = "/bx24.js"
	address := serve(t, map[string]http.HandlerFunc{
		"GET /bx24.js": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = w.Write([]byte(bx24)) // a cut script shows in the browser
		},
		"GET /b24/app":   show(Calls(log)),
		"GET /settings":  show(Settings(settingsChanged(l))),
		"POST /settings": show(Settings(settingsOn(l))),
		"GET /portal": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Del("Content-Security-Policy")
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte(`<!DOCTYPE html><title>portal</title><link rel="icon" href="/static/icon.svg"><style>*{margin:0;border:0}</style><iframe src="/settings" width="1280" height="2600"></iframe>`))
		},
		"GET /b24/done":   show(installInFrame(false)),
		"GET /b24/failed": show(installInFrame(true)),
	})
	tab := openTab(t, 1280, 900)

	t.Run("the frame gets the height of its content, and an address that can be asked for", func(t *testing.T) {
		tab.do(t, chromedp.Navigate(address+"/b24/app?DOMAIN=acme.bitrix24.com"))
		tab.is(t, `asked.includes("fit") && location.pathname + location.search === "/calls?DOMAIN=acme.bitrix24.com"`)
	})
	t.Run("an entity opens in the portal", func(t *testing.T) {
		tab.do(t, click("#call-9 a"))
		tab.is(t, `asked.includes("open /crm/lead/details/812/")`)
	})
	t.Run("another page has the portal scroll to its top", func(t *testing.T) {
		tab.do(t, click("#tab-settings"))
		tab.is(t, `document.querySelector("h1").textContent === "Settings" && asked.filter(a => a === "scroll 0").length === 1`)
	})
	t.Run("the save bar stands where the portal shows the frame, however high it is", func(t *testing.T) {
		tab.do(t, chromedp.Navigate(address+"/portal"))
		place := `Math.round(document.querySelector("iframe").contentDocument.getElementById("savebar").getBoundingClientRect().bottom)`
		tab.is(t, `Math.abs(`+place+` - 900) < 30`)
		evaluate[bool](t, tab, `window.scrollTo(0, 600); true`)
		tab.is(t, `Math.abs(`+place+` - 1500) < 30`)
	})
	t.Run("a finished installation is told to the portal once", func(t *testing.T) {
		tab.do(t, chromedp.Navigate(address+"/b24/done"))
		tab.is(t, `asked.filter(a => a === "finish").length === 1`)
	})
	t.Run("a failed installation is not, and Try again loads the frame anew", func(t *testing.T) {
		tab.do(t, chromedp.Navigate(address+"/b24/failed"))
		tab.is(t, `asked.includes("fit")`)
		tab.do(t, click(".result button"))
		tab.is(t, `asked.includes("reload") && !asked.includes("finish")`)
	})
	tab.quiet(t)
}

func installInFrame(failed bool) templ.Component {
	p := InstallPage{Page: Page{Session: "token", B24JS: "/bx24.js"}, Action: "/b24/install"}
	return templ.Join(InstallStart(p), InstallStep(Step{Code: StepAccess, Failed: failed}), InstallEnd(InstallResult{InstallPage: p, Failed: failed}))
}

func withoutScripts(t *testing.T, tab *browserTab) {
	t.Helper()
	tab.do(t, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
}

func TestReadingAndSavingWithoutScripts(t *testing.T) {
	l := Localizer{}
	requests := make(chan asked, 10)
	address := serve(t, map[string]http.HandlerFunc{
		"GET /":               show(Settings(settingsOn(l))),
		"POST /settings/save": record(requests, Settings(settingsSaved(l))),
		"POST /calls":         record(requests, Calls(callLog(l))),
		"POST /calls/9":       record(requests, Calls(callLogOpen(l, details(l)))),
	})
	tab := openTab(t, 1280, 900)
	withoutScripts(t, tab)

	t.Run("the save bar is always there, and saving sends the session", func(t *testing.T) {
		tab.do(t, chromedp.Navigate(address+"/"))
		tab.leads(t, click("#outgoing_calls"), click("#savebar .button-primary"))
		got := <-requests
		address := url.QueryEscape("https://pbx.example.com/callwise/commands")
		want := must(url.ParseQuery(settingsFields + "&command_url=" + address + "&command_url_was=" + address + "&session=token&version=7")).Encode()
		if got.body != want {
			t.Errorf("form\n got %s\nwant %s", got.body, want)
		}
	})
	t.Run("a tab is a form", func(t *testing.T) {
		tab.leads(t, click("#tab-calls"))
		if got := <-requests; got.body != "session=token" {
			t.Errorf("form %s", got.body)
		}
	})
	t.Run("details are a page with the dialog open", func(t *testing.T) {
		tab.leads(t, click("#call-9 button"))
		tab.do(t, chromedp.WaitVisible(chromedp.CSS("#details-title")))
	})
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
