package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long a page may take to become what it should be.
const patience = 3 * time.Minute

// A browserTab is a tab of a real browser, with everything its page and the
// frame in it complained about.
type browserTab struct {
	ctx        context.Context
	mu         sync.Mutex
	complaints []string
}

// A place is the portal's page, or the program's page in the portal's frame.
type place string

const (
	portalPage place = "document"
	appFrame   place = `document.getElementById("frame")`
)

// openTab starts a browser, or skips the test where there is none.
func openTab(t *testing.T, width, height int64) *browserTab {
	t.Helper()
	path := chromium()
	if path == "" && os.Getenv("CALLWISE_REQUIRE") == "all" {
		t.Fatal("no browser here: Chromium is not installed, and CALLWISE_REQUIRE=all")
	}
	if path == "" {
		t.Skip("no browser here: Chromium is not installed")
	}
	ctx, quit := chromedp.NewContext(t.Context(), chromedp.WithAllocatorOptions(
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true)))
	t.Cleanup(quit)
	tab := &browserTab{ctx: ctx}
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			tab.hear(m)
		}
	}()
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, height)); err != nil { // without a limit: it would be the browser's
		t.Fatal(err)
	}
	return tab
}

// chromium is the path of a browser, "" if there is none.
func chromium() string {
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

func (b *browserTab) hear(m chromedp.ConsoleMessage) {
	switch m.Type {
	case chromedp.ConsoleWarning, chromedp.ConsoleError, chromedp.ConsoleException:
		b.mu.Lock()
		defer b.mu.Unlock()
		b.complaints = append(b.complaints, m.String()+" "+m.URL)
	}
}

// quiet fails the test if a page complained on the console.
func (b *browserTab) quiet(t *testing.T) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, complaint := range b.complaints {
		t.Errorf("on the console: %s", complaint)
	}
}

func (b *browserTab) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// becomes tries until it is done or patience ends.
func becomes(t *testing.T, what string, try func() error) {
	t.Helper()
	var err error
	deadline := time.After(patience)
	for {
		if err = try(); err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%s: %v", what, err)
		case <-time.After(25 * time.Millisecond):
		}
	}
}

// send sends a command to the browser. A tab that crashed answers nothing.
func send[P, R any](b *browserTab, command cdp.Command[P, R], params P) (R, error) {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	result, err := chromedp.Call(ctx, command, params)
	if err != nil {
		err = fmt.Errorf("%s: %w", command.Method, err)
	}
	return result, err
}

// document is the document of a place, which changes whenever it is loaded.
func (b *browserTab) document(at place) (cdp.BackendNodeID, error) {
	found, err := send(b, runtime.Evaluate, runtime.EvaluateParams{Expression: string(at)})
	if err != nil {
		return 0, err
	}
	described, err := send(b, dom.DescribeNode, dom.DescribeNodeParams{ObjectID: found.Result.ObjectID})
	switch {
	case err != nil:
		return 0, err
	case at == portalPage:
		return described.Node.BackendNodeID, nil
	case described.Node.ContentDocument == nil:
		return 0, errors.New("nothing in the frame")
	}
	return described.Node.ContentDocument.BackendNodeID, nil
}

// find returns what is shown with this role and accessible name, as the
// browser tells them to a screen reader.
func (b *browserTab) find(at place, role, name string) (cdp.BackendNodeID, error) {
	root, err := b.document(at)
	if err != nil {
		return 0, err
	}
	found, err := send(b, accessibility.QueryAXTree, accessibility.QueryAXTreeParams{
		BackendNodeID: root, Role: role, AccessibleName: name,
	})
	if err != nil {
		return 0, err
	}
	for _, node := range found.Nodes {
		if !node.Ignored {
			return node.BackendDOMNodeID, nil
		}
	}
	return 0, fmt.Errorf("no %s %q", role, name)
}

// arrives waits until the frame has loaded a page for which the expression
// holds. Chromium crashes when it is asked for accessible names of a page that
// is just being replaced, so this comes before find, see and press.
func (b *browserTab) arrives(t *testing.T, expression string) {
	t.Helper()
	becomes(t, expression, func() error {
		there, err := ask[bool](b, appFrame, `return document.readyState === "complete" && (`+expression+`)`)
		if err == nil && !there {
			err = errors.New("not yet")
		}
		return err
	})
}

// see waits until something with this role and name is shown.
func (b *browserTab) see(t *testing.T, at place, role, name string) {
	t.Helper()
	becomes(t, "see", func() error {
		_, err := b.find(at, role, name)
		return err
	})
}

// press clicks it with the mouse.
func (b *browserTab) press(t *testing.T, at place, role, name string) {
	t.Helper()
	becomes(t, "press", func() error {
		node, err := b.find(at, role, name)
		if err != nil {
			return err
		}
		x, y, err := b.rests(node)
		if err != nil {
			return err
		}
		return chromedp.Do(b.ctx, chromedp.MouseClickXY(x, y))
	})
}

// rests is the middle of something that does not move any more.
func (b *browserTab) rests(node cdp.BackendNodeID) (x, y float64, err error) {
	x, y, err = b.middle(node)
	if err != nil {
		return 0, 0, err
	}
	_, err = ask[bool](b, portalPage, "await new Promise(r => setTimeout(r, 60)); return true")
	if err != nil {
		return 0, 0, err
	}
	xNow, yNow, err := b.middle(node)
	if err == nil && (x != xNow || y != yNow) {
		err = errors.New("it moves")
	}
	return x, y, err
}

func (b *browserTab) middle(node cdp.BackendNodeID) (x, y float64, err error) {
	_, err = send(b, dom.ScrollIntoViewIfNeeded, dom.ScrollIntoViewIfNeededParams{BackendNodeID: node})
	if err != nil {
		return 0, 0, err
	}
	shape, err := send(b, dom.GetContentQuads, dom.GetContentQuadsParams{BackendNodeID: node})
	if err != nil {
		return 0, 0, err
	}
	if len(shape.Quads) == 0 {
		return 0, 0, errors.New("it has no size")
	}
	for i, v := range shape.Quads[0] {
		if i%2 == 0 {
			x += v / 4
		} else {
			y += v / 4
		}
	}
	return x, y, nil
}

// keys focuses it and presses keys.
func (b *browserTab) keys(t *testing.T, at place, role, name, keys string) {
	t.Helper()
	becomes(t, "keys", func() error {
		node, err := b.find(at, role, name)
		if err != nil {
			return err
		}
		if _, err := send(b, dom.Focus, dom.FocusParams{BackendNodeID: node}); err != nil {
			return err
		}
		return chromedp.Do(b.ctx, chromedp.KeyEvent(keys))
	})
}

// ask evaluates the body of a function in a place, where document is its
// document, and decodes what it returns, or what its promise does.
func ask[T any](b *browserTab, at place, function string) (T, error) {
	var value T
	root, err := b.document(at)
	if err != nil {
		return value, err
	}
	resolved, err := send(b, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: root})
	if err != nil {
		return value, err
	}
	yes := true
	answer, err := send(b, runtime.CallFunctionOn, runtime.CallFunctionOnParams{
		ObjectID: resolved.Object.ObjectID, FunctionDeclaration: "async function () { " + function + " }",
		ReturnByValue: &yes, AwaitPromise: &yes,
	})
	if err != nil {
		return value, err
	}
	if answer.ExceptionDetails != nil {
		return value, errors.New(answer.ExceptionDetails.Text)
	}
	return value, json.Unmarshal(answer.Result.Value, &value)
}

// reads waits until the text of what a selector finds first contains want.
func (b *browserTab) reads(t *testing.T, at place, selector, want string) {
	t.Helper()
	becomes(t, selector, func() error {
		text, err := ask[string](b, at, `const e = document.querySelector(`+jsText(selector)+`); return e ? e.innerText : "(nothing)"`)
		if err == nil && !strings.Contains(text, want) {
			err = fmt.Errorf("%q is not in %q", want, text)
		}
		return err
	})
}

// narrow expects the page in the frame to be as wide as the frame, and takes a
// picture of it.
func (b *browserTab) narrow(t *testing.T, name string) {
	t.Helper()
	b.inspect(t, appFrame)
	wider, err := ask[bool](b, appFrame, `return document.documentElement.scrollWidth > document.defaultView.innerWidth`)
	if err != nil || wider {
		t.Errorf("%s is wider than the frame: %v %v", name, wider, err)
	}
	b.picture(t, name)
}

func jsText(s string) string {
	b, _ := json.Marshal(s) // a string always can be
	return string(b)
}

// inspect lets axe-core look at a place.
func (b *browserTab) inspect(t *testing.T, at place) {
	t.Helper()
	axe, err := os.ReadFile("../views/testdata/axe-core/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	violations, err := ask[[]string](b, at, string(axe)+`;
		const found = await window.axe.run(document, {resultTypes: ["violations"], iframes: false});
		return found.violations.map(v => v.id + ": " + v.help + ": " + v.nodes.map(n => n.html.slice(0, 160) + " " + n.failureSummary).join(" | "));`)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range violations {
		t.Errorf("%s: %s", at, v)
	}
}

// picture keeps what the window shows, if the environment names a folder.
func (b *browserTab) picture(t *testing.T, name string) {
	t.Helper()
	folder := os.Getenv("PICTURES")
	if folder == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(folder+"/"+name+".png", picture, 0o644); err != nil {
		t.Fatal(err)
	}
}

// framePicture is picture of what is in the frame, as large as the window.
func (b *browserTab) framePicture(t *testing.T, name string) {
	t.Helper()
	const style = `document.getElementById("frame").style.cssText = `
	for _, css := range []string{"position: fixed; inset: 0; width: 100vw; height: 100vh; z-index: 9; background: #eef2f4", ""} {
		if _, err := ask[bool](b, portalPage, style+jsText(css)+"; await new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r))); return true"); err != nil {
			t.Fatal(err)
		}
		if css != "" {
			b.picture(t, name)
		}
	}
}
