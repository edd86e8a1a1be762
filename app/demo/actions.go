package demo

import (
	"bytes"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"callwise/app/b24/b24sim"
	"callwise/app/call"
	"callwise/app/crm"
)

// An action is something that is clicked on the portal's pages.
type action func(*http.Request) error

func (d *Demo) actions() map[string]action {
	return map[string]action{
		"/demo/installed":  d.finishInstall,
		"/demo/remove":     d.remove,
		"/demo/in":         d.callIn,
		"/demo/out":        d.callOut,
		"/demo/callback":   d.orderCallback,
		"/demo/builtin":    d.callBuiltin,
		"/demo/click":      d.click,
		"/demo/week":       d.playWeek,
		"/demo/scenario":   d.playScenario,
		"/demo/answer":     d.answer,
		"/demo/transfer":   d.transfer,
		"/demo/hangup":     d.hangUp,
		"/demo/giveup":     d.giveUp,
		"/demo/mode":       d.setMode,
		"/demo/repeat":     d.setRepeat,
		"/demo/exceptions": d.exclude,
	}
}

const maxForm = 16 << 10

// act carries out an action and answers with what the pages show now; a
// refusal is one sentence.
func (d *Demo) act(do action) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			http.Error(w, "the form cannot be read", http.StatusBadRequest)
			return
		}
		if err := do(r); err != nil {
			http.Error(w, sentence(err), http.StatusUnprocessableEntity)
			return
		}
		if r.Header.Get("X-Demo") == "" {
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		d.showLive(w, r)
	}
}

func sentence(err error) string {
	text := strings.TrimPrefix(err.Error(), "b24sim: ")
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// finishInstall is BX24.installFinish. The telephone is connected as soon as
// the program is installed.
func (d *Demo) finishInstall(r *http.Request) error {
	d.portal.FinishInstall()
	return d.phone.connect(r.Context())
}

// remove uninstalls the program from the portal.
func (d *Demo) remove(r *http.Request) error {
	d.portal.Uninstall(r.PostForm.Get("clean") != "")
	d.phone.disconnect()
	return nil
}

// number is the number chosen or typed in a form of the telephone.
func (d *Demo) number(r *http.Request) (string, error) {
	typed := strings.TrimSpace(r.PostForm.Get("number"))
	if typed != "" {
		return typed, nil
	}
	i, err := strconv.Atoi(r.PostForm.Get("customer"))
	if err != nil || i < 0 || i >= len(d.customers) {
		return "", errNoNumber
	}
	if d.customers[i].phone == "" {
		return d.phone.nextNumber(), nil
	}
	return d.customers[i].phone, nil
}

func (d *Demo) callIn(r *http.Request) error {
	number, err := d.number(r)
	if err != nil {
		return err
	}
	rung := r.PostForm["extension"]
	if len(rung) == 0 {
		return errNobody
	}
	return d.phone.place(r.Context(), phoneCall{direction: call.Incoming, phone: number, line: lineOf(r), extensions: rung})
}

func (d *Demo) callOut(r *http.Request) error {
	number, err := d.number(r)
	if err != nil {
		return err
	}
	if number == hiddenNumber {
		return errors.New("a hidden number cannot be called; choose another one")
	}
	c := phoneCall{direction: call.Outgoing, phone: number, line: lineOf(r), extensions: r.PostForm["extension"]}
	if d.isExtension(number) {
		c.direction = call.Internal
	}
	return d.phone.place(r.Context(), c)
}

func (d *Demo) isExtension(number string) bool {
	return slices.ContainsFunc(d.portal.Users(), func(u b24sim.User) bool { return u.Extension == number })
}

// lineOf is the line of a call, the first one if the form names none.
func lineOf(r *http.Request) string {
	if line := r.PostForm.Get("line"); line == secondLine {
		return line
	}
	return mainLine
}

func (d *Demo) callBuiltin(r *http.Request) error {
	number, err := d.number(r)
	if err != nil {
		return err
	}
	c := phoneCall{direction: call.Incoming, phone: number}
	if r.PostForm.Get("direction") == "outgoing" {
		c.direction = call.Outgoing
	}
	user := d.user(r)
	c.extensions = []string{user.Extension}
	d.phone.builtin(c, user.ID)
	return nil
}

// user is the employee a form names, the administrator if it names none.
func (d *Demo) user(r *http.Request) b24sim.User {
	users := d.portal.Users()
	id, _ := strconv.ParseInt(r.FormValue("user"), 10, 64) // none is 0
	i := slices.IndexFunc(users, func(u b24sim.User) bool { return u.ID == id && !u.System })
	return users[max(i, 0)]
}

// click is a click on a number in a card.
func (d *Demo) click(r *http.Request) error {
	if err := d.phone.connect(r.Context()); err != nil {
		return err
	}
	ref, _ := parseRef(r.PostForm.Get("card")) // none is the dial pad
	id := d.portal.Click(b24sim.Click{UserID: d.user(r).ID, Phone: r.PostForm.Get("number"), Entity: ref, Line: d.clickLine()})
	if id == "" {
		return errNoNumber
	}
	return nil
}

// clickLine is the line the portal uses for outgoing calls: the application's
// first.
func (d *Demo) clickLine() string {
	lines := d.portal.Lines()
	if len(lines) == 0 {
		return ""
	}
	return lines[0].Number
}

func (d *Demo) orderCallback(r *http.Request) error {
	if err := d.phone.connect(r.Context()); err != nil {
		return err
	}
	number, err := d.number(r)
	if err != nil {
		return err
	}
	o := b24sim.Callback{Phone: number, Name: "Website visitor", Line: d.clickLine(), Text: "Callback from the website"}
	for _, e := range entities(d.portal) {
		if e.ref.Type == crm.TypeContact && r.PostForm.Get("found") != "" && sameNumber(e.phones, number) {
			o.Entity = e.ref
			break
		}
	}
	d.portal.OrderCallback(o)
	return nil
}

func (d *Demo) answer(r *http.Request) error {
	return d.phone.answer(r.Context(), r.PostForm.Get("call"), r.PostForm.Get("extension"))
}

func (d *Demo) transfer(r *http.Request) error {
	return d.phone.transfer(r.Context(), r.PostForm.Get("call"), r.PostForm.Get("extension"))
}

func (d *Demo) hangUp(r *http.Request) error {
	return d.phone.hangUp(r.Context(), r.PostForm.Get("call"))
}

func (d *Demo) giveUp(r *http.Request) error {
	status := call.Status(r.PostForm.Get("status"))
	if !slices.Contains([]call.Status{call.StatusMissed, call.StatusDeclined, call.StatusNoAnswer, call.StatusBusy}, status) {
		return errOver
	}
	return d.phone.giveUp(r.Context(), r.PostForm.Get("call"), status)
}

func (d *Demo) setMode(r *http.Request) error {
	mode := crm.Classic
	if r.PostForm.Get("mode") == string(crm.Simple) {
		mode = crm.Simple
	}
	d.portal.SetMode(mode)
	return nil
}

func (d *Demo) setRepeat(r *http.Request) error {
	d.portal.SetRepeatSales(r.PostForm.Get("repeat") == "on")
	return nil
}

func (d *Demo) exclude(r *http.Request) error {
	number := strings.TrimSpace(r.PostForm.Get("number"))
	if number == "" {
		return errNoNumber
	}
	d.portal.Exclude(number)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.excluded = append(d.excluded, number)
	return nil
}

// render writes a page, or nothing of it.
func render(w http.ResponseWriter, page func(*bytes.Buffer) error) {
	var body bytes.Buffer
	if err := page(&body); err != nil {
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = body.WriteTo(w) // the browser is gone; nobody to tell
}
