package b24sim

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"callwise/app/crm"
)

const (
	vera   = 1  // the administrator
	anton  = 17 // an employee, extension 104
	client = "+79035551122"
)

// A clock that tests turn by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A world is a simulator with one portal and the application's event handler.
type world struct {
	*Portal
	t      *testing.T
	sim    *Sim
	clock  *clock
	server *httptest.Server
	app    *httptest.Server
	token  string // of the administrator
}

// newWorld serves a portal on which nobody has installed the application.
func newWorld(t *testing.T, config PortalConfig) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{now: time.Date(2026, 8, 21, 10, 0, 0, 0, time.UTC)}}
	w.app = httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(w.app.Close)
	w.sim = New(Config{
		ClientID: "app.1", ClientSecret: "secret", Code: "acme.pbx", Now: w.clock.Now,
		InstallerURL: w.app.URL + "/b24/install", ApplicationURL: w.app.URL + "/b24/app",
	})
	w.server = httptest.NewServer(w.sim)
	t.Cleanup(w.server.Close)
	w.sim.SetBaseURL(w.server.URL)
	if config.Name == "" {
		config.Name = "acme"
	}
	config.TimeZone = "Europe/Moscow"
	config.Users = []User{
		{ID: vera, Name: "Vera", LastName: "Stein", Extension: "101", Admin: true, Email: "v@acme.example", Position: "Sales"},
		{ID: anton, Name: "Anton", LastName: "Berg", Extension: "104", Mobile: "+79031234567"},
	}
	w.Portal = w.sim.AddPortal(config)
	return w
}

// newInstalled is a world where every event is bound and installation finished.
func newInstalled(t *testing.T, config PortalConfig) *world {
	t.Helper()
	w := newWorld(t, config)
	w.startInstall()
	for event := range eventScopes {
		w.must("event.bind", map[string]any{"event": event, "handler": w.app.URL + "/b24/events"})
	}
	w.FinishInstall()
	w.waitIdle()
	w.clock.advance(time.Minute)
	return w
}

func (w *world) startInstall() {
	w.t.Helper()
	frame, err := w.StartInstall(vera)
	if err != nil {
		w.t.Fatal(err)
	}
	w.token = frame.Form.Get("AUTH_ID")
}

func (w *world) waitIdle() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := w.sim.WaitIdle(ctx); err != nil {
		w.t.Fatal(err)
	}
}

// A reply is an answer of REST.
type reply struct {
	Status int
	Body   map[string]any
}

func (r reply) code() any { return r.Body["error"] }

// rest calls a method with the administrator's token.
func (w *world) rest(method string, params map[string]any) reply {
	w.t.Helper()
	all := map[string]any{"auth": w.token}
	for k, v := range params {
		all[k] = v
	}
	body, err := json.Marshal(all)
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := http.Post(w.Endpoint()+method, "application/json", bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	return w.read(resp)
}

func (w *world) read(resp *http.Response) reply {
	w.t.Helper()
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	r := reply{Status: resp.StatusCode}
	if err := json.Unmarshal(body, &r.Body); err != nil {
		w.t.Fatalf("answer %d is not JSON: %s", resp.StatusCode, body)
	}
	return r
}

// must calls a method that is to succeed and returns its result.
func (w *world) must(method string, params map[string]any) any {
	w.t.Helper()
	r := w.rest(method, params)
	if code, refused := r.Body["error"]; refused {
		w.t.Fatalf("%s: %d %v: %v", method, r.Status, code, r.Body["error_description"])
	}
	return r.Body["result"]
}

// object is must for a result that is an object.
func (w *world) object(method string, params map[string]any) map[string]any {
	w.t.Helper()
	result, ok := w.must(method, params).(map[string]any)
	if !ok {
		w.t.Fatalf("%s: the result is no object", method)
	}
	return result
}

// oauth asks the authorization server.
func (w *world) oauth(form url.Values) reply {
	w.t.Helper()
	resp, err := http.Get(w.server.URL + "/oauth/token/?" + form.Encode())
	if err != nil {
		w.t.Fatal(err)
	}
	return w.read(resp)
}

// posted are the deliveries of one event.
func (w *world) posted(event string) []Delivery {
	w.t.Helper()
	w.waitIdle()
	var found []Delivery
	for _, d := range w.Deliveries() {
		if d.Event == event {
			found = append(found, d)
		}
	}
	return found
}

// knownCustomer seeds the customer of the contract's examples.
func (w *world) knownCustomer() {
	at := time.Date(2026, 5, 31, 12, 10, 16, 0, time.UTC)
	w.AddContact(Contact{ID: 412, Name: "Anna", LastName: "Petrova", Phones: []string{client}, LeadID: 3281, ResponsibleID: anton, CreatedAt: at})
	w.AddCompany(Company{ID: 90, Title: "Petrova & Co", Phones: []string{"8 (903) 555-11-22"}, ResponsibleID: anton, CreatedAt: at})
	w.AddLead(Lead{ID: 3277, Phones: []string{client}, StatusID: "JUNK", ResponsibleID: anton, CreatedAt: at})
	w.AddLead(Lead{ID: 3281, Phones: []string{client}, StatusID: "CONVERTED", ContactID: 412, ResponsibleID: anton, CreatedAt: at})
	w.AddDeal(Deal{ID: 555, ContactIDs: []int64{412}, LeadID: 3281, ResponsibleID: anton, CreatedAt: at})
}

func ref(t crm.EntityType, id int64) crm.Ref { return crm.Ref{Type: t, ID: id} }
