package views

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestAnErasureIsFollowedUntilItIsDone(t *testing.T) {
	l := Localizer{}
	list := func(rows ...PrivacyRow) PrivacyPage { return PrivacyPage{Page: page(l, SettingsTab), Requests: rows} }
	going := PrivacyRow{Who: "Vera Stein", What: l.Asked("erasure", true, 3, 0), Pending: true}
	waiting := going
	waiting.Waiting = true
	done := PrivacyRow{Who: "Vera Stein", What: l.Asked("erasure", false, 5, 2)}
	requests := make(chan asked, 10)
	address := serve(t, map[string]http.HandlerFunc{
		"GET /going":            show(Privacy(list(waiting, going))),
		"GET /waiting":          show(Privacy(list(waiting, done))),
		"GET /done":             show(Privacy(list(done))),
		"GET /settings/privacy": record(requests, Privacy(list(done))),
	})
	tab := openTab(t, 1280, 900)
	trigger := `(document.getElementById("privacy-asked").getAttribute("hx-trigger") ?? "never")`
	for path, want := range map[string]string{"going": erasureSoon, "waiting": erasureLater, "done": "never"} {
		tab.do(t, chromedp.Navigate(address+"/"+path))
		tab.is(t, trigger+` === "`+want+`"`)
	}
	tab.do(t, chromedp.Navigate(address+"/going"))
	tab.is(t, `document.getElementById("privacy-asked").textContent.includes("Being erased. So far: 3 calls.")`)
	if got, want := <-requests, (asked{"GET", "Bearer token", ""}); got != want {
		t.Errorf("looked with %+v, want %+v", got, want)
	}
	tab.is(t, `document.getElementById("privacy-asked").textContent.includes("Erased: 5 calls. Also taken out of 2 other entries.")`)
	tab.is(t, trigger+` === "never" && document.querySelectorAll("#privacy-asked").length === 1`)
	tab.quiet(t)
}
