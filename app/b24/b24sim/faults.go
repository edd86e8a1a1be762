package b24sim

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// An Act is what a fault does to a request.
type Act int

// What can go wrong with a request.
const (
	Drop        Act = iota + 1 // break the connection without an answer
	ServerError                // answer Status (502 by default) with an HTML page
	Garbage                    // answer 200 with an HTML page
	Empty                      // answer 200 with an empty body
	Hold                       // wait for [Injected.Release] or until whoever asks has gone, then go on
	Refuse                     // answer Status (400 by default), Code and Text as the method itself would
	Delay                      // wait for as long as For says, then go on
	Late                       // wait for [Injected.Release], which has to come, whoever has gone, then go on
	Break                      // break the connection without an answer, and otherwise as Late
)

// A Fault says which requests go wrong, and how.
//
// With Refuse a fault meets a method wherever it is executed, in a batch that
// one command; Method "batch" refuses the whole request. All other acts meet
// HTTP requests, a batch being matched also by the methods of its commands.
type Fault struct {
	Portal string // a portal's name; "" = any, the authorization server included
	Method string // any case; "oauth/token" and "oauth/app.info" for the authorization server; "" = any
	Nth    int    // the first match it applies to, counted from the injection; 0 = 1
	Times  int    // to how many matches in a row; 0 = 1, negative = all of them
	Act    Act
	After  bool          // execute the request first and spoil only the answer (not for Refuse)
	Status int           // of ServerError and Refuse
	Code   string        // of Refuse
	Text   string        // of Refuse
	For    time.Duration // of Delay
}

// QueryLimit makes the matching requests meet a full leaky bucket.
func QueryLimit(portal, method string) Fault {
	return Fault{Portal: portal, Method: method, Act: Refuse, Status: errQueryLimit.status, Code: errQueryLimit.code, Text: errQueryLimit.text}
}

// ExpiredToken makes the matching requests meet 401 expired_token.
func ExpiredToken(portal, method string) Fault {
	return Fault{Portal: portal, Method: method, Act: Refuse, Status: errExpiredToken.status, Code: errExpiredToken.code, Text: errExpiredToken.text}
}

// Injected is a fault at work.
type Injected struct {
	sim      *Sim
	fault    Fault
	seen     int // matching requests so far
	hits     int // those that went wrong
	reached  chan struct{}
	released chan struct{}
	release  sync.Once
}

// Inject puts a fault to work until it is used up or removed. Faults are tried
// in the order they were injected; each counts its own matches.
func (s *Sim) Inject(f Fault) *Injected {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.Method = strings.ToLower(f.Method)
	f.Nth = max(f.Nth, 1)
	f.Times = cmp.Or(f.Times, 1)
	i := &Injected{sim: s, fault: f, reached: make(chan struct{}), released: make(chan struct{})}
	s.faults = append(s.faults, i)
	return i
}

// Hits is how many requests have met the fault.
func (i *Injected) Hits() int {
	i.sim.mu.Lock()
	defer i.sim.mu.Unlock()
	return i.hits
}

// Reached is closed when the first request meets the fault.
func (i *Injected) Reached() <-chan struct{} { return i.reached }

// Release lets the requests held by the fault go on, those to come as well.
// It may be repeated.
func (i *Injected) Release() { i.release.Do(func() { close(i.released) }) }

// Remove ends the fault and lets go what it holds.
func (i *Injected) Remove() {
	i.sim.mu.Lock()
	i.sim.faults = slices.DeleteFunc(i.sim.faults, func(other *Injected) bool { return other == i })
	i.sim.mu.Unlock()
	i.Release()
}

// applies counts a match and reports whether it is one that goes wrong.
func (i *Injected) applies() bool {
	i.seen++
	beyond := i.fault.Times >= 0 && i.seen >= i.fault.Nth+i.fault.Times
	if i.seen < i.fault.Nth || beyond {
		return false
	}
	i.hits++
	if i.hits == 1 {
		close(i.reached)
	}
	return true
}

func (i *Injected) matches(portal string, methods ...string) bool {
	f := i.fault
	if f.Portal != "" && !strings.EqualFold(f.Portal, portal) {
		return false
	}
	return f.Method == "" || slices.Contains(methods, f.Method)
}

// faultsFor are the faults that meet a request, before and after it runs.
func (s *Sim) faultsFor(x *exchange) (before, after []*Injected) {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := []string{x.method}
	for _, c := range x.commands {
		names = append(names, c.method)
	}
	for _, i := range s.faults {
		if i.fault.Act == Refuse || !i.matches(x.portal, names...) || !i.applies() {
			continue
		}
		if i.fault.After {
			after = append(after, i)
			continue
		}
		before = append(before, i)
	}
	return before, after
}

// refusalFor is the injected refusal that a method meets, if any.
func (s *Sim) refusalFor(portal, method string) error {
	for _, i := range s.faults {
		f := i.fault
		if f.Act == Refuse && i.matches(portal, method) && i.applies() {
			return &refusal{status: cmp.Or(f.Status, http.StatusBadRequest), code: f.Code, text: f.Text}
		}
	}
	return nil
}

// spoil applies faults to a request; true means that it has been answered.
func (s *Sim) spoil(w http.ResponseWriter, r *http.Request, faults []*Injected, entry *Request) bool {
	for _, i := range faults {
		s.mark(entry, i.fault.Act)
		switch i.fault.Act {
		case Hold:
			select {
			case <-i.released:
			case <-r.Context().Done():
			}
			continue
		case Break:
			hangUp(w)
			<-i.released
			continue
		case Late:
			<-i.released
			continue
		case Delay:
			timer := time.NewTimer(i.fault.For)
			select {
			case <-timer.C:
			case <-i.released:
			case <-r.Context().Done():
			}
			timer.Stop()
			continue
		case Drop:
			panic(http.ErrAbortHandler)
		case ServerError:
			write(w, answer{status: cmp.Or(i.fault.Status, http.StatusBadGateway), body: []byte(errorPage), html: true})
		case Garbage:
			write(w, answer{status: http.StatusOK, body: []byte(errorPage), html: true})
		case Empty:
			write(w, answer{status: http.StatusOK})
		}
		return true
	}
	return false
}

// hangUp breaks a connection; what is answered then reaches nobody.
func hangUp(w http.ResponseWriter) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic("b24sim: " + err.Error())
	}
	connection.Close() //nolint:errcheck
}

func (s *Sim) mark(entry *Request, act Act) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entry.Fault = act
}

const errorPage = "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></body></html>\n"

// LoseEvents says whether what happens on the portal from now on is told to
// nobody, as when its events cannot reach the application: they are not sent
// again. It does happen: the calls stand in the statistics.
func (p *Portal) LoseEvents(lost bool) {
	defer p.lock()()
	p.losing = lost
}

// HoldEvents keeps events on their way until release is called. Those before
// are delivered.
func (p *Portal) HoldEvents() (release func()) {
	defer p.lock()()
	p.sending = true // so that nobody begins
	return func() {
		defer p.lock()()
		p.sending = len(p.queue) > 0
		if p.sending {
			go p.deliver()
		}
	}
}
