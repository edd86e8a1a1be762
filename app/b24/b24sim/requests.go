package b24sim

import (
	"slices"
	"strings"
	"time"
)

// A Request is one HTTP request the simulator received.
type Request struct {
	At       time.Time
	Portal   string   // "" for the authorization server
	Method   string   // lower case; "oauth/token" and "oauth/app.info" are the authorization server's
	Commands []string // the methods of a batch in their order, lower case
	// Params are the parameters without the access token: maps, lists and
	// scalars. Client secret and refresh token are left out too.
	Params any
	UserID int64 // whose token it was; 0 when it was refused before that was known
	Status int   // 0 while it is held or when it was dropped before it ran
	Code   string
	Fault  Act // the injected fault that met it, 0 = none
	// TokenInURL tells that the access token was in the address, where proxies log it.
	TokenInURL bool
}

// begin writes a request down as it arrives.
func (s *Sim) begin(x *exchange) *Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	params := &array{}
	for _, k := range x.params.keys {
		if k != "client_secret" && k != "refresh_token" {
			params.set(k, x.params.values[k])
		}
	}
	entry := &Request{
		At: s.config.Now(), Portal: x.portal, Method: x.method,
		Params: plain(params), TokenInURL: x.tokenInURL,
	}
	for _, c := range x.commands {
		entry.Commands = append(entry.Commands, c.method)
	}
	s.requests = append(s.requests, entry)
	return entry
}

func (s *Sim) end(entry *Request, x *exchange, a answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entry.Status, entry.Code, entry.UserID = a.status, a.code, x.userID
}

// Requests are all requests since the start, or since [Sim.ClearRequests], in
// the order they arrived. Redirects and the script are not among them; an
// upload is the method "upload.json".
func (s *Sim) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Request, 0, len(s.requests))
	for _, entry := range s.requests {
		copied := *entry
		copied.Commands = slices.Clone(entry.Commands)
		all = append(all, copied)
	}
	return all
}

// ClearRequests forgets the requests received so far.
func (s *Sim) ClearRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

// Count is how often a portal received a method, alone or as a command of a
// batch. Portal "" means all portals, method "" every HTTP request (a batch
// being one).
func (s *Sim) Count(portal, method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	method = strings.ToLower(method)
	n := 0
	for _, entry := range s.requests {
		if portal != "" && !strings.EqualFold(entry.Portal, portal) {
			continue
		}
		n += entry.times(method)
	}
	return n
}

func (r *Request) times(method string) int {
	if method == "" || r.Method == method {
		return 1
	}
	n := 0
	for _, c := range r.Commands {
		if c == method {
			n++
		}
	}
	return n
}
