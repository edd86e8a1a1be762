package main

import (
	"encoding/csv"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"callwise/app/b24/b24sim"

	"github.com/chromedp/chromedp"
)

// hostile are texts that would run, close something, or be computed, if a page,
// a picture or a spreadsheet took them for more than text.
var hostile = []string{
	`"><script>document.title="pwned"</script>`,
	`'"><img src=x onerror=document.title="pwned">`,
	`</svg></title><svg onload=document.title="pwned">`,
	`=HYPERLINK("http://evil.example","x")`,
	`{{constructor.constructor("document.title='pwned'")()}}`,
}

// hostileRig is a portal in which everything that has a name has a hostile one,
// and two calls of it.
func hostileRig(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", b24sim.PortalConfig{RepeatSales: true, Users: []b24sim.User{
		{ID: admin, Name: hostile[0], LastName: "Stein", Extension: "101", Admin: true},
		{ID: anna, Name: hostile[1], LastName: hostile[2], Extension: "104"},
		{ID: omar, Name: hostile[3], Extension: "105"},
	}})
	r.switches("corb")
	r.save(url.Values{"lines/22/name": {hostile[1]}})
	r.post("/settings/keys", url.Values{"name": {hostile[0][:40]}})
	contact := r.portal.AddContact(b24sim.Contact{Name: hostile[0], LastName: hostile[1], Phones: []string{"+4930901821"}, ResponsibleID: anna})
	r.portal.AddLead(b24sim.Lead{Title: hostile[2], Name: hostile[3], Phones: []string{"+4930901822"}, ResponsibleID: omar})
	r.portal.AddDeal(b24sim.Deal{Title: hostile[4], ContactIDs: []int64{contact}})
	by := map[string]string{hostile[0]: "104", hostile[3]: "105", hostile[1]: `<b>105`}
	for id, phone := range map[string]string{hostile[0]: "+4930901821", hostile[3]: "+4930901822", hostile[1]: `"><img src=x>`} {
		end := ended(id, "answered", 5)
		end["extension"] = by[id]
		r.tell(
			started(id, "incoming", phone, map[string]any{"line": "22", "extensions": []string{by[id], "104"}}),
			answered(id, by[id]), end,
			map[string]any{"id": id[:8] + "-rec", "type": "recording.ready", "call": id, "at": time.Now().Format(time.RFC3339Nano), "url": `http://127.0.0.1:1/"><script>document.title="pwned"</script>.mp3`},
			map[string]any{"id": id[:8] + "-txt", "type": "transcript.ready", "call": id, "at": time.Now().Format(time.RFC3339Nano), "messages": []map[string]any{{"side": "client", "text": hostile[0]}}},
		)
		r.worked(id)
	}
	return r
}

// visit opens a page as the frame does: with a form that carries the session.
func (b *browserTab) visit(t *testing.T, r *rig, path string) {
	t.Helper()
	portal := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!DOCTYPE html><title>portal</title><link rel="icon" href="data:,"><form method="post" action="%s"><input type="hidden" name="session" value="%s"><button id="enter">Open</button></form>`, html.EscapeString(r.url+path), r.session)
	}))
	t.Cleanup(portal.Close)
	b.do(t, chromedp.Navigate(portal.URL), chromedp.Click(chromedp.CSS("#enter")), chromedp.WaitVisible(chromedp.CSS("body")))
	b.holds(t, `document.readyState === "complete" && document.title !== "portal"`)
}

func TestHostileNamesAndNumbersAreTextOnEveryPage(t *testing.T) {
	tab := openTab(t, 1280, 900)
	r := hostileRig(t)
	page := r.page("/calls")
	if !strings.Contains(page, html.EscapeString(hostile[1])) && !strings.Contains(page, "pwned") {
		t.Fatal("the log shows none of it")
	}
	paths := []string{"/calls", "/calls/overview", "/settings", "/settings/history", "/settings/import", "/calls?text=" + url.QueryEscape(hostile[0])}
	for _, id := range hostile[:2] {
		paths = append(paths, fmt.Sprint("/calls/", r.row(id).ID))
	}
	paths = append(paths, fmt.Sprint("/calls/", r.row(hostile[3]).ID))
	shown := 0
	for _, path := range paths {
		t.Run(path, func(t *testing.T) {
			tab.visit(t, r, path)
			tab.holds(t, `!document.title.includes("pwned") && !document.querySelector("img[src=x], [onerror], [onload], script:not([src]), b:not([class]):empty")`)
			scripts, err := ask[[]string](tab, portalPage, `return [...document.scripts].map(s => s.src)`)
			if err != nil {
				t.Fatal(err)
			}
			if i := slices.IndexFunc(scripts, func(s string) bool {
				return s != r.config.JSURL && !strings.HasPrefix(s, r.url+"/static/")
			}); i >= 0 {
				t.Errorf("the page runs %s", scripts[i])
			}
			text, err := ask[string](tab, portalPage, `return document.documentElement.innerText + [...document.querySelectorAll("input, option")].map(e => e.value + e.label).join()`)
			if err != nil {
				t.Fatal(err)
			}
			shown += strings.Count(text, "pwned")
			tab.quiet(t)
		})
	}
	if shown < 10 {
		t.Errorf("hostile texts are shown %d times: this test looks at too little", shown)
	}
}

func TestHostileNamesAreNoFormulasInTheExport(t *testing.T) {
	r := hostileRig(t)
	got := r.download(url.Values{"period": {"all"}})
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(got.body, "\uFEFF"))).ReadAll()
	if err != nil || len(rows) != 4 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows {
		for _, cell := range row {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r\n") {
				t.Errorf("a spreadsheet computes %q", cell)
			}
		}
	}
	if !strings.Contains(got.body, "HYPERLINK") || !strings.Contains(got.body, "pwned") {
		t.Errorf("the hostile names are not in it:\n%s", got.body)
	}
	disposition := got.header.Get("Content-Disposition")
	if strings.ContainsAny(strings.TrimPrefix(disposition, `attachment; filename="`), "<>'\r\n") {
		t.Errorf("Content-Disposition %q", disposition)
	}
}
