package demo

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/app/call"
	"callwise/app/crm"
)

// A page is the portal's page as it is opened.
type page struct {
	appURL    string
	people    []b24sim.User
	customers []customer
	live      live
}

// A live is what changes while one looks at it.
type live struct {
	installed bool
	people    []b24sim.User
	calls     []phoneCall
	popups    []popup
	traffic   []traffic
	columns   []column
	fresh     int // how many new things the CRM has
	mode      crm.Mode
	repeat    bool
	excluded  []string
	lines     []b24sim.Line
	handlers  int
	places    int
	open      *card // in the slider
}

// A popup is a call card that an employee sees.
type popup struct {
	id       string
	employee string
	phone    string
	known    []crm.Ref
}

func (d *Demo) showPage(w http.ResponseWriter, r *http.Request) {
	p := page{appURL: d.config.AppURL, people: d.people(), customers: d.customers, live: d.live(r)}
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' "+
		d.config.AppURL+"; frame-src "+d.config.AppURL)
	render(w, func(b *bytes.Buffer) error { return index(p).Render(r.Context(), b) })
}

// about says what an employee is.
func about(u b24sim.User) string {
	text := u.Position
	if u.Admin {
		text += ", administrator"
	}
	if u.Mobile != "" {
		text += ", own mobile " + pretty(u.Mobile)
	}
	return text
}

// showLive answers with everything that changes, or that nothing has.
func (d *Demo) showLive(w http.ResponseWriter, r *http.Request) {
	var body bytes.Buffer
	if err := parts(d.live(r)).Render(r.Context(), &body); err != nil {
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	sum := sha256.Sum256(body.Bytes())
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	w.Header().Set("ETag", tag)
	if r.Method == http.MethodGet && r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	render(w, func(b *bytes.Buffer) error { _, err := body.WriteTo(b); return err })
}

// people are the employees, without the application's own account.
func (d *Demo) people() []b24sim.User {
	return slices.DeleteFunc(d.portal.Users(), func(u b24sim.User) bool { return u.System || u.Dismissed })
}

func (d *Demo) live(r *http.Request) live {
	l := live{
		installed: d.portal.Installed(), people: d.people(), calls: d.phone.recent(), columns: d.board(),
		mode: d.portal.Mode(), repeat: d.portal.RepeatSales(), lines: d.portal.Lines(),
		handlers: len(d.portal.Handlers()), places: len(d.portal.Placements()), traffic: d.traffic(),
	}
	d.mu.Lock()
	l.excluded = slices.Clone(d.excluded)
	d.mu.Unlock()
	l.popups = d.popups(l.calls)
	wanted, _ := parseRef(r.FormValue("open")) // none is no card
	for _, column := range l.columns {
		for i, c := range column.cards {
			l.fresh += count(c)
			if c.ref == wanted {
				l.open = &column.cards[i]
			}
		}
	}
	return l
}

func count(c card) int {
	if c.fresh {
		return 1
	}
	return 0
}

// recent are the telephone's calls, the newest first.
func (t *telephone) recent() []phoneCall {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []phoneCall
	for _, c := range slices.Backward(t.calls) {
		all = append(all, *c)
	}
	return all
}

// popups are the call cards shown now. The portal says who sees one; which
// call it is follows from whose telephone is busy.
func (d *Demo) popups(calls []phoneCall) []popup {
	var all []popup
	for _, shown := range d.portal.Cards() {
		p := popup{id: "popup-" + shown.CallID + "-" + strconv.FormatInt(shown.UserID, 10), employee: d.employee(shown.UserID)}
		extension := d.extension(shown.UserID)
		i := slices.IndexFunc(calls, func(c phoneCall) bool {
			return c.state != over && c.builtin == nil && (c.talker == extension || slices.Contains(c.extensions, extension))
		})
		if i >= 0 {
			p.phone, p.known = calls[i].phone, d.knownBy(calls[i].phone)
		}
		all = append(all, p)
	}
	return all
}

func (d *Demo) extension(userID int64) string {
	for _, u := range d.people() {
		if u.ID == userID {
			return u.Extension
		}
	}
	return ""
}

// knownBy are the objects of the CRM that carry a number.
func (d *Demo) knownBy(number string) []crm.Ref {
	var refs []crm.Ref
	for _, e := range entities(d.portal) {
		if e.semantics != "F" && e.semantics != "S" && sameNumber(e.phones, number) {
			refs = append(refs, e.ref)
		}
	}
	return refs
}

// Who speaks with whom.
const (
	fromPhone = "Telephone → Callwise"
	toPhone   = "Callwise → Telephone"
	toPortal  = "Callwise → Bitrix24"
	toApp     = "Bitrix24 → Callwise"
)

// A traffic is one request on the wire.
type traffic struct {
	at     time.Time
	way    string
	what   string
	status int
	detail string
}

func (t traffic) failed() bool { return t.status < 200 || t.status > 299 }

func (t traffic) result() string {
	if t.status == 0 {
		return "—"
	}
	return strconv.Itoa(t.status)
}

const trafficShown = 16

// traffic is the last requests between the telephone, the program and the
// portal, the newest first.
func (d *Demo) traffic() []traffic {
	var all []traffic
	d.phone.mu.Lock()
	for _, n := range d.phone.notes {
		all = append(all, traffic(n))
	}
	d.phone.mu.Unlock()
	for _, r := range last(d.sim.Requests()) {
		t := traffic{at: r.At, way: toPortal, what: r.Method, status: r.Status, detail: r.Code}
		if len(r.Commands) > 0 {
			t.what = fmt.Sprintf("batch of %d", len(r.Commands))
			t.detail = commands(r.Commands)
		}
		all = append(all, t)
	}
	for _, e := range last(d.portal.Deliveries()) {
		all = append(all, traffic{at: e.At, way: toApp, what: e.Event, status: e.Status})
	}
	slices.SortStableFunc(all, func(a, b traffic) int { return cmp.Compare(b.at.UnixNano(), a.at.UnixNano()) })
	all = all[:min(len(all), trafficShown)]
	for i := range all {
		all[i].at = all[i].at.In(d.zone)
	}
	return all
}

func last[T any](all []T) []T { return all[max(0, len(all)-trafficShown):] }

// commands names what a batch is made of, each method once.
func commands(methods []string) string {
	text := ""
	for i, m := range methods {
		if slices.Index(methods, m) != i {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += m
	}
	return text
}

// Words of the telephone.

func (c phoneCall) heading() string {
	switch c.direction {
	case call.Incoming:
		return "Incoming call"
	case call.Callback:
		return "Callback"
	case call.Internal:
		return "Internal call"
	}
	return "Outgoing call"
}

// incoming reports whether employees' telephones ring, not the customer's.
func (c phoneCall) incoming() bool { return c.direction == call.Incoming }

// answerer is the extension that talks when the customer takes a call that an
// employee placed.
func (c phoneCall) answerer() string {
	if len(c.extensions) == 0 {
		return ""
	}
	return c.extensions[0]
}

func (c phoneCall) status() string {
	switch c.state {
	case ringing:
		return "rings"
	case talking:
		return "talking with " + c.talker
	}
	return c.outcome
}
