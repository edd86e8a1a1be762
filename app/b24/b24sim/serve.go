package b24sim

import (
	_ "embed"
	"io"
	"net"
	"net/http"
	"strings"
)

const maxBody = 64 << 20

// An exchange is one request on its way through the simulator.
type exchange struct {
	portal     string // name, "" for the authorization server
	method     string // lower case, without .json
	auth       string
	webhook    string
	remote     string // address of the caller without the port
	params     *array
	commands   []command
	tokenInURL bool
	userID     int64
}

var _ http.Handler = (*Sim)(nil)

//go:embed bx24.js
var bx24js []byte

// ServeHTTP answers as the authorization server or as a portal.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/bx24.js":
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		_, _ = w.Write(bx24js)
	case "/oauth/token/":
		s.serveServer(w, r, "oauth/token", s.tokenAnswer)
	case "/rest/app.info", "/rest/app.info.json":
		s.serveServer(w, r, "oauth/app.info", s.appInfoAnswer)
	default:
		s.servePortal(w, r)
	}
}

// serveServer serves a page of the authorization server.
func (s *Sim) serveServer(w http.ResponseWriter, r *http.Request, method string, run func(*exchange) answer) {
	x, ok := readExchange(w, r)
	if !ok {
		return
	}
	x.method = method
	s.exchange(w, r, x, func() answer { return run(x) })
}

func (s *Sim) servePortal(w http.ResponseWriter, r *http.Request) {
	name, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	p, location := s.lookup(name, path)
	if location != "" {
		http.Redirect(w, r, location+querySuffix(r), http.StatusFound)
		return
	}
	method, found := strings.CutPrefix(path, "rest/")
	if p == nil || !found {
		http.NotFound(w, r)
		return
	}
	if method == "upload.json" {
		x := &exchange{portal: p.Name(), method: method, params: &array{}}
		s.exchange(w, r, x, func() answer { return p.uploadAnswer(r) })
		return
	}
	x, ok := readExchange(w, r)
	if !ok {
		return
	}
	x.portal = p.Name()
	x.method, x.webhook = splitMethod(method)
	if x.method == "batch" {
		x.commands = commandsOf(x.params)
	}
	s.exchange(w, r, x, func() answer { return p.restAnswer(x) })
}

// lookup finds a portal by its name, or where it moved.
func (s *Sim) lookup(name, path string) (p *Portal, location string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if to, moved := s.moved[strings.ToLower(name)]; moved {
		return nil, s.config.BaseURL + "/" + to + "/" + path
	}
	return s.portal(name), ""
}

func querySuffix(r *http.Request) string {
	if r.URL.RawQuery == "" {
		return ""
	}
	return "?" + r.URL.RawQuery
}

// splitMethod reads {method}[.json] and {user}/{code}/{method}[.json].
func splitMethod(path string) (method, webhook string) {
	method = strings.ToLower(strings.TrimSuffix(path, ".json"))
	if i := strings.LastIndex(method, "/"); i >= 0 {
		return method[i+1:], method[:i]
	}
	return method, ""
}

// readExchange reads a request; when it cannot, it has answered already.
func readExchange(w http.ResponseWriter, r *http.Request) (*exchange, bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "request entity too large", http.StatusRequestEntityTooLarge)
		return nil, false
	}
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	x := &exchange{remote: host, params: parameters(r, body)}
	x.auth = takeAuth(r, x.params)
	query := r.URL.Query()
	x.tokenInURL = query.Has("auth") || query.Has("access_token")
	return x, true
}

// takeAuth removes the access token from the parameters; a header wins.
func takeAuth(r *http.Request, params *array) string {
	auth := ""
	for _, name := range []string{"access_token", "auth"} {
		if v, ok := params.get(name); ok {
			auth = text(v)
			params.delete(name)
		}
	}
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return strings.TrimSpace(bearer)
	}
	return auth
}

// exchange runs a request through the injected faults, writes it down and
// answers.
func (s *Sim) exchange(w http.ResponseWriter, r *http.Request, x *exchange, run func() answer) {
	before, after := s.faultsFor(x)
	entry := s.begin(x)
	if s.spoil(w, r, before, entry) {
		return
	}
	a := run()
	s.end(entry, x, a)
	if s.spoil(w, r, after, entry) {
		return
	}
	write(w, a)
}

func write(w http.ResponseWriter, a answer) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if a.html {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}
