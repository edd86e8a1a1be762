package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"callwise/handlers"
)

// stillClock has the clock of a page move only when pass is called in it.
const stillClock = `let at = Date.now(); document.defaultView.Date.now = () => at; document.defaultView.pass = ms => at += ms; return true`

// TestTheLogGoesOnLookingForNewsAfterTheTimeTheServerAskedFor has the visitor
// make as many requests as one may: what comes meanwhile appears when the time
// in Retry-After is over, without anybody's doing.
func TestTheLogGoesOnLookingForNewsAfterTheTimeTheServerAskedFor(t *testing.T) {
	tab := openTab(t, 1280, 900)
	r := bareRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	pass := r.limitsStandStill()
	stand := r.tune
	r.tune = func(h *house) {
		stand(h)
		h.pages.Limits = handlers.NewLimits(r.config.Proxies)
	}
	r.start()
	r.install()
	tab.visit(t, r, "/calls")
	if _, err := ask[bool](tab, portalPage, stillClock); err != nil {
		t.Fatal(err)
	}
	form := url.Values{"since": {"999"}, "session": {r.session}}.Encode()
	_, last := until(t, http.StatusTooManyRequests, 2000, func() reply {
		return r.send(r.request(http.MethodPost, "/calls/news", formType, form))
	})
	if wait := last.header.Get("Retry-After"); wait != "1" {
		t.Errorf("Retry-After %q", wait)
	}
	r.tell(started("c1", "incoming", "+4930901821"))
	r.eventually("the page was refused", func() bool {
		tab.mu.Lock()
		defer tab.mu.Unlock()
		return strings.Contains(strings.Join(tab.complaints, "\n"), "status of 429")
	})
	pass(time.Minute) // it has the server's time, and asks when its own has come
	if _, err := ask[bool](tab, portalPage, `document.defaultView.pass(1000); return true`); err != nil {
		t.Fatal(err)
	}
	tab.holds(t, `document.querySelector(".log tr[id^=call-]") !== null`)
	tab.allow("429")
	tab.quiet(t)
}

// TestALogThatIsOpenOverMidnightCallsYesterdayYesterday has the portal's day end
// while nobody touches the page, and the filter that was chosen elsewhere since
// outlive that.
func TestALogThatIsOpenOverMidnightCallsYesterdayYesterday(t *testing.T) {
	tab := openTab(t, 1280, 900)
	r := bareRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	pass := r.limitsStandStill()
	r.start()
	r.install()
	r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "missed", 0))
	r.finished(1)
	tab.visit(t, r, "/calls?period=all")
	tab.holds(t, `document.querySelector(".log tbody time").textContent.startsWith("Today, ")`)
	r.post("/calls", url.Values{"outcome": {"missed"}})
	pass(24 * time.Hour)
	tab.holds(t, `document.querySelector(".log tbody time").textContent.startsWith("Yesterday, ")`)
	tab.holds(t, `document.getElementById("preset-all").getAttribute("aria-current") === "true"`)
	if page := r.page("/calls"); !strings.Contains(page, `aria-label="Remove the filter Outcome: Missed"`) {
		t.Error("the filter that was chosen last is forgotten")
	}
	tab.quiet(t)
}
