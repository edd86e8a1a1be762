package b24sim

import (
	"io"
	"net/url"
	"slices"
	"strings"
	"time"
)

// An event is something that happened on the portal.
type event struct {
	name    string
	data    *array
	userID  int64 // who caused it; 0 = nobody, so there is no token
	refresh bool  // lifecycle events carry the refresh token too
}

// A Delivery is an event that was posted to a handler. It is posted once,
// whatever the answer.
type Delivery struct {
	Event   string
	Handler string
	Body    string     // as posted
	Form    url.Values // the same, decoded
	At      time.Time  // when it was posted, by the portal's clock
	Status  int        // of the answer; 0 = there was none
	Answer  string     // its first 4 KiB, of one that is cut off what came of it
}

// Deliveries are the events posted so far, in their order.
func (p *Portal) Deliveries() []Delivery {
	defer p.lock()()
	return slices.Clone(p.log)
}

// raise queues an event for every handler that is bound to it. Before the
// installation is finished, and while the application is not paid for, nothing
// is sent, and nobody is told.
func (p *Portal) raise(e event) {
	if !p.app.installed || p.app.unpaid || p.losing {
		return
	}
	for _, h := range p.app.handlers {
		if h.event == e.name {
			p.post(h.url, e, h.id, h.authType)
		}
	}
}

// post queues one event for one address.
func (p *Portal) post(address string, e event, handlerID, authType int64) {
	body := obj("event", e.name)
	if handlerID != 0 {
		body.set("event_handler_id", handlerID)
	}
	body.set("data", e.data)
	body.set("ts", p.now().Unix())
	if authType != 0 {
		e.userID = authType
	}
	body.set("auth", p.eventAuth(e))
	p.queue = append(p.queue, &Delivery{Event: e.name, Handler: address, Body: buildQuery(body)})
	p.sim.pending++
	if p.sim.pending == 1 {
		p.sim.idle = make(chan struct{})
	}
	if p.sending {
		return
	}
	p.sending = true
	go p.deliver()
}

// eventAuth is the auth block: the token group only when somebody caused the
// event (bitrix24-platform.md, 6.4).
func (p *Portal) eventAuth(e event) *array {
	auth := obj()
	if e.userID != 0 {
		t := p.issue(e.userID)
		auth.set("access_token", t.access)
		auth.set("expires", t.expires.Unix())
		auth.set("expires_in", int64(accessTTL.Seconds()))
		auth.set("scope", strings.Join(p.config.Scopes, ","))
		auth.set("status", p.config.Status)
		auth.set("user_id", e.userID)
		if e.refresh {
			auth.set("refresh_token", t.refresh)
		} else {
			delete(p.sim.refresh, t.refresh)
		}
	}
	base := p.sim.config.BaseURL
	auth.set("domain", hostOf(base))
	auth.set("server_endpoint", base+"/rest/")
	auth.set("client_endpoint", p.endpoint())
	auth.set("member_id", p.config.MemberID)
	auth.set("application_token", p.app.token)
	return auth
}

// deliver empties the portal's queue, one event after the other.
func (p *Portal) deliver() {
	for {
		d := p.nextDelivery()
		if d == nil {
			return
		}
		status, answer := p.sim.send(d)
		p.delivered(d, status, answer)
	}
}

func (p *Portal) nextDelivery() *Delivery {
	defer p.lock()()
	if len(p.queue) == 0 {
		p.sending = false
		return nil
	}
	d := p.queue[0]
	p.queue = p.queue[1:]
	d.At = p.now()
	return d
}

func (s *Sim) send(d *Delivery) (status int, answer string) {
	resp, err := s.config.HTTP.Post(d.Handler, "application/x-www-form-urlencoded", strings.NewReader(d.Body))
	if err != nil {
		return 0, ""
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10)) // cut off or not: a portal does not mind
	return resp.StatusCode, string(body)
}

func (p *Portal) delivered(d *Delivery, status int, answer string) {
	defer p.lock()()
	d.Status, d.Answer = status, answer
	form, err := url.ParseQuery(d.Body)
	if err != nil {
		panic("b24sim: an event that is no form: " + err.Error())
	}
	d.Form = form
	p.log = append(p.log, *d)
	p.sim.pending--
	if p.sim.pending == 0 {
		close(p.sim.idle)
	}
}
