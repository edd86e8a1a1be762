package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// enter opens the settings in a tab as the frame does: with a form that carries
// a session.
func (b *browserTab) enter(t *testing.T, r *rig, session string) {
	t.Helper()
	portal := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!DOCTYPE html><title>portal</title><link rel="icon" href="data:,"><form method="post" action="%s/settings"><input type="hidden" name="session" value="%s"><button id="enter">Open</button></form>`, r.url, session)
	}))
	t.Cleanup(portal.Close)
	b.do(t, chromedp.Navigate(portal.URL), chromedp.Click(chromedp.CSS("#enter")), chromedp.WaitVisible(chromedp.CSS("#create_entities")))
}

// holds waits until an expression is true in the page.
func (b *browserTab) holds(t *testing.T, expression string) {
	t.Helper()
	becomes(t, expression, func() error {
		yes, err := ask[bool](b, portalPage, "return "+expression)
		if err == nil && !yes {
			err = errors.New("not yet")
		}
		return err
	})
}

func (b *browserTab) click(t *testing.T, selector string) {
	t.Helper()
	b.do(t, chromedp.Click(chromedp.CSS(selector)))
}

// tabTo presses Tab until a control has the focus.
func (b *browserTab) tabTo(t *testing.T, selector string) {
	t.Helper()
	for range 200 {
		b.do(t, chromedp.KeyEvent("\t"))
		there, err := ask[bool](b, portalPage, `return document.activeElement.matches(`+jsText(selector)+`)`)
		if err != nil {
			t.Fatal(err)
		}
		if there {
			return
		}
	}
	t.Fatalf("%s is not reached with Tab", selector)
}

const shownBar = `document.getElementById("savebar").classList.contains("savebar-open")`

func TestSettingsAreSavedWithTheKeyboardAlone(t *testing.T) {
	tab := openTab(t, 1280, 900)
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	r.save(url.Values{"lines/22/name": {"Sales"}})
	tab.enter(t, r, r.session)
	tab.tabTo(t, "#outgoing_calls")
	tab.do(t, chromedp.KeyEvent(" "))
	tab.holds(t, `document.querySelector("[data-inherits=outgoing_calls]").selectedOptions[0].textContent === "Inherited (on)"`)
	tab.do(t, chromedp.KeyEvent(" "))
	tab.holds(t, `document.querySelector("[data-inherits=outgoing_calls]").selectedOptions[0].textContent === "Inherited (off)" && !(`+shownBar+`)`)
	tab.tabTo(t, ".menu a[href='#missed']")
	tab.do(t, chromedp.KeyEvent("\r"))
	tab.tabTo(t, "[id='missed-todo']")
	tab.do(t, chromedp.KeyEvent(" "))
	tab.holds(t, shownBar+` && document.querySelector("[data-count]").textContent === "1 change"`)
	tab.tabTo(t, "#add_card_employee")
	tab.do(t, chromedp.KeyEvent("Omar"))
	tab.holds(t, `document.querySelector("[data-count]").textContent === "2 changes" && document.querySelectorAll(".exceptions [data-add-row]").length === 2`)
	tab.tabTo(t, "#add_duty")
	tab.do(t, chromedp.KeyEvent("Anna"))
	tab.holds(t, `document.querySelector("[data-count]").textContent === "3 changes" && document.querySelectorAll("[aria-labelledby=callbacks] [data-add-row]").length === 2`)
	tab.tabTo(t, "[id='recordings-max_mb']")
	tab.do(t, chromedp.KeyEvent("x"))
	tab.tabTo(t, "#review-open")
	tab.do(t, chromedp.KeyEvent("\r"))
	tab.holds(t, `document.activeElement.id === "problems" && document.querySelector("[id='recordings-max_mb']").getAttribute("aria-invalid") === "true"`)
	tab.tabTo(t, ".problems a")
	tab.do(t, chromedp.KeyEvent("\r"))
	tab.holds(t, `document.activeElement.id === "recordings-max_mb"`)
	if _, err := ask[bool](tab, portalPage, `document.activeElement.select(); return true`); err != nil {
		t.Fatal(err)
	}
	tab.do(t, chromedp.KeyEvent("25"))
	tab.holds(t, `document.querySelector("[data-count]").textContent === "4 changes"`)
	tab.tabTo(t, "#review-open")
	tab.do(t, chromedp.KeyEvent("\r"))
	tab.holds(t, `document.querySelector("#review:modal .changes-list")?.children.length === 4`)
	tab.do(t, chromedp.KeyEvent("\x1b"))
	tab.holds(t, `!document.getElementById("review").open && document.activeElement.id === "review-open"`)
	tab.do(t, chromedp.KeyEvent("\r"))
	tab.holds(t, `document.querySelector("#review:modal") !== null`)
	tab.tabTo(t, "#review .button-primary")
	tab.do(t, chromedp.KeyEvent("\r"))
	tab.holds(t, `document.querySelector(".toast [role=status]") !== null && !(`+shownBar+`)`)
	if s := r.stored().Settings; !s.Missed.Todo || s.Card.Employees[omar] != "never" || !slices.Equal(s.Callbacks.Duty, []string{"17"}) || s.Recordings.MaxMB != 25 {
		t.Errorf("saved: %+v", s)
	}
	tab.tabTo(t, "#undo")
	tab.do(t, chromedp.KeyEvent("\r"))
	tab.holds(t, `document.querySelector(".toast [role=status]")?.textContent.includes("Undone")`)
	if s := r.stored().Settings; s.Missed.Todo || s.Callbacks.Duty != nil || s.Recordings.MaxMB != 0 {
		t.Errorf("after Undo: %+v", s)
	}
	tab.allow("422")
	tab.quiet(t)
}

// allow forgets what the browser itself says about answers with a status.
func (b *browserTab) allow(status string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var rest []string
	for _, complaint := range b.complaints {
		if !strings.Contains(complaint, "status of "+status) {
			rest = append(rest, complaint)
		}
	}
	b.complaints = rest
}

func TestTwoTabsAreTwoAdministrators(t *testing.T) {
	mine, theirs := openTab(t, 1280, 900), openTab(t, 400, 900)
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	mine.enter(t, r, r.session)
	theirs.enter(t, r, r.as(anna))
	theirs.click(t, "#repeated_leads")
	theirs.click(t, "[id='card-when-never']")
	theirs.click(t, "#savebar .button-primary")
	theirs.holds(t, `document.querySelector(".toast [role=status]") !== null`)

	mine.click(t, "#outgoing_calls")
	mine.click(t, "[id='card-when-answer']")
	mine.click(t, "#savebar .button-primary")
	mine.holds(t, `document.activeElement.id === "conflict" && document.getElementById("conflict").textContent.includes("Anna Brandt")`)
	mine.holds(t, `document.getElementById("repeated_leads").checked && document.getElementById("outgoing_calls").checked && document.getElementById("card-when-answer").checked`)
	mine.holds(t, `document.getElementById("card-when-note").textContent.includes("Never") && document.querySelector("[data-count]").textContent === "2 changes"`)
	mine.inspect(t, portalPage)
	mine.click(t, "#savebar .button-primary")
	mine.holds(t, `document.activeElement.matches(".toast [role=status]") && !(`+shownBar+`)`)
	if s := r.stored().Settings; !s.RepeatedLeads || !s.OutgoingCalls || s.Card.When != "answer" {
		t.Errorf("saved: %+v", s)
	}

	// Undo of what theirs saved first keeps what was saved since.
	theirs.click(t, "#undo")
	theirs.holds(t, `document.getElementById("conflict") !== null && !document.getElementById("repeated_leads").checked && document.getElementById("outgoing_calls").checked`)
	mine.allow("409")
	theirs.allow("409")
	mine.quiet(t)
	theirs.quiet(t)
}

func TestChangesOutliveTheSession(t *testing.T) {
	tab := openTab(t, 1280, 900)
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	tab.enter(t, r, r.session)
	tab.click(t, "[id='missed-todo']")
	tab.holds(t, shownBar+` && document.querySelectorAll(".htmx-request").length === 0`)
	if _, err := ask[bool](tab, portalPage, `document.querySelector("meta[name=session]").content = "over"; return true`); err != nil {
		t.Fatal(err)
	}
	for _, asks := range []string{"#outgoing_calls", "#savebar .button-primary"} {
		tab.click(t, asks)
		tab.holds(t, `document.getElementById("notices").textContent.startsWith("Your session has ended") && document.querySelectorAll(".htmx-request").length === 0`)
		tab.holds(t, shownBar+` && document.getElementById("missed-todo").checked && document.getElementById("outgoing_calls").checked`)
	}
	tab.allow("401")
	tab.quiet(t)
}

func TestAVersionIsBroughtBackInTheBrowser(t *testing.T) {
	tab := openTab(t, 400, 900)
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	r.save(url.Values{"missed/todo": {"on"}})
	for i := range 22 {
		r.save(url.Values{"missed/deadline": {fmt.Sprint(100 + i)}})
	}
	tab.enter(t, r, r.session)
	tab.click(t, "form[action='/settings/history'] .button")
	tab.holds(t, `location.pathname === "/settings/history" && document.querySelectorAll(".version").length === 20`)
	tab.click(t, "#more-versions button")
	tab.holds(t, `document.querySelectorAll(".version").length === 24 && !document.getElementById("more-versions") && document.activeElement.id === "version-4"`)
	tab.click(t, "#button--2")
	tab.holds(t, `document.querySelector("#version:modal .everything") !== null`)
	tab.do(t, chromedp.KeyEvent("\x1b"))
	tab.holds(t, `!document.getElementById("version").open && document.activeElement.id === "button--2"`)
	tab.click(t, "#button-restore-2")
	tab.holds(t, `document.querySelector("#version:modal .changes-list")?.children.length === 1`)
	tab.inspect(t, portalPage)
	tab.click(t, "#version .button-primary")
	tab.holds(t, `location.pathname === "/settings" && document.querySelector(".toast [role=status]")?.textContent.includes("Version 2 is in force again")`)
	if s := r.stored().Settings; !s.Missed.Todo || s.Missed.Deadline != 30 {
		t.Errorf("restored: %+v", s.Missed)
	}
	tab.quiet(t)
}

func TestSettingsAreReadAndSavedWithoutScripts(t *testing.T) {
	tab := openTab(t, 1280, 900)
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	tab.do(t, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
	tab.enter(t, r, r.session)
	shows := func(selector string) { tab.do(t, chromedp.WaitVisible(chromedp.CSS(selector))) }
	tab.click(t, "#create_entities")
	tab.click(t, "#savebar #review-open")
	shows("#review .changes-list")
	tab.click(t, "#review .button-outline:not(.button-icon)")
	tab.click(t, "[id='missed-todo']")
	tab.click(t, "#savebar .button-primary")
	shows(".toast #undo")
	if s := r.stored().Settings; !s.CreateEntities || !s.Missed.Todo {
		t.Errorf("saved: %+v", s)
	}
	tab.click(t, "#undo")
	tab.holds(t, `document.querySelector(".toast [role=status]")?.textContent.includes("Undone")`)
	if s := r.stored().Settings; s.CreateEntities || s.Missed.Todo {
		t.Errorf("after Undo: %+v", s)
	}
	tab.click(t, "form[action='/settings/history'] .button")
	shows("#version-3")
	tab.click(t, "#button-restore-2")
	shows("#version .changes-list")
	tab.click(t, "#version .button-primary")
	shows(".toast #undo")
	if s := r.stored().Settings; !s.CreateEntities || !s.Missed.Todo {
		t.Errorf("restored: %+v", s)
	}
	tab.click(t, "form[action='/settings/import'] .button")
	tab.do(t, chromedp.SendKeys(chromedp.CSS("#import-text"), `{"version": 1, "settings": {"mask_numbers": true}}`))
	tab.click(t, "form[action='/settings/import'] .button-primary")
	shows("#review .changes-list")
	tab.click(t, "#review .button-primary")
	shows(".toast #undo")
	if !r.stored().Settings.MaskNumbers {
		t.Error("the import was not saved")
	}
	tab.quiet(t)
}
