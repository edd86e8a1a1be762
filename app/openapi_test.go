package main

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"callwise/app/b24/b24sim"

	"github.com/pb33f/go-yaml"
	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	validating "github.com/pb33f/libopenapi-validator/config"
	validation "github.com/pb33f/libopenapi-validator/errors"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
)

// hookPath is where the test's PBX takes commands; the webhooks of the
// description are looked up below it like any path.
const hookPath = "/webhooks/"

// A described is the description as the program serves it, with what was
// exercised so far.
type described struct {
	*rig
	model  *v3.Document
	rules  validator.Validator
	strict validator.Validator // takes no field that is not described

	mu   sync.Mutex
	seen map[string]bool // "POST /pbx/v1/events 202"
}

// describe31 reads the description of a running program.
func describe31(r *rig) *described {
	r.t.Helper()
	got := r.send(r.request(http.MethodGet, "/pbx/v1/openapi.yaml", "", ""))
	document, err := libopenapi.NewDocument([]byte(got.body))
	if err != nil {
		r.t.Fatal(err)
	}
	whole, errs := validator.NewValidator(document)
	if len(errs) > 0 {
		r.t.Fatal(errs)
	}
	if ok, wrong := whole.ValidateDocument(); !ok || got.header.Get("Content-Type") != "application/yaml" || !strings.HasPrefix(document.GetVersion(), "3.1") {
		r.t.Errorf("%s is no OpenAPI 3.1: %s", got.header.Get("Content-Type"), complaints(wrong))
	}
	built, err := document.BuildV3Model()
	if err != nil {
		r.t.Fatal(err)
	}
	model := &built.Model
	for name, item := range model.Webhooks.FromOldest() {
		model.Paths.PathItems.Set(hookPath+name, item)
	}
	return &described{
		rig: r, model: model, seen: map[string]bool{},
		rules:  validator.NewValidatorFromV3Model(model, validating.WithFormatAssertions()),
		strict: validator.NewValidatorFromV3Model(model, validating.WithFormatAssertions(), validating.WithStrictMode()),
	}
}

// promised is every operation with every status of the description, and its
// answer.
func (d *described) promised() map[string]*v3.Response {
	all := map[string]*v3.Response{}
	for path, item := range d.model.Paths.PathItems.FromOldest() {
		for method, operation := range item.GetOperations().FromOldest() {
			for status, answer := range operation.Responses.Codes.FromOldest() {
				all[strings.ToUpper(method)+" "+path+" "+status] = answer
			}
		}
	}
	return all
}

// check compares one exchange with the description. A request that is wrong on
// purpose is not compared; its answer is.
func (d *described) check(t testing.TB, operation string, request *http.Request, sent []byte, got reply, wrong bool) {
	t.Helper()
	request.Body = io.NopCloser(bytes.NewReader(sent))
	if ok, errs := d.rules.ValidateHttpRequest(request); !ok && !wrong {
		t.Errorf("request: %s", complaints(errs))
	}
	header := got.header.Clone()
	for _, every := range []string{"Referrer-Policy", "Content-Security-Policy", "X-Content-Type-Options"} {
		header.Del(every) // of every answer, and for browsers
	}
	answer := &http.Response{StatusCode: got.status, Header: header, Body: io.NopCloser(strings.NewReader(got.body)), Request: request}
	if ok, errs := d.strict.GetResponseBodyValidator().ValidateResponseBody(request, answer); !ok {
		t.Errorf("answer %d %s: %s", got.status, got.body, complaints(errs))
	}
	if after := got.header.Get("Retry-After"); got.status == http.StatusTooManyRequests && after == "" {
		t.Error("429 without Retry-After")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen[operation] = true
}

func complaints(errs []*validation.ValidationError) string {
	var all []string
	for _, e := range errs {
		all = append(all, e.Message+": "+e.Reason)
		for _, s := range e.SchemaValidationErrors {
			all = append(all, s.FieldPath+" "+s.Reason)
		}
	}
	return strings.Join(all, "\n")
}

// A probe is a request that brings about one status of one operation.
type probe struct {
	name   string
	does   string // operation and status of the description
	target string // path and query
	body   string
	wrong  bool // the request breaks the description on purpose
	change func(t *testing.T, r *rig, request *http.Request)
}

// probes are the requests of a PBX. A new operation or status of the
// description needs a line here.
func probes() []probe {
	const events, customers = "/pbx/v1/events", "/pbx/v1/customers"
	const ended = `{"id":"o-1","type":"call.ended","call":"o","at":"2026-08-21T10:22:13+03:00","direction":"internal","phone":"105","status":"answered","duration":3}`
	keyless := func(_ *testing.T, _ *rig, request *http.Request) { request.Header.Del("Authorization") }
	// A stranger's address has used up what it may fail.
	crowded := func(t *testing.T, r *rig, request *http.Request) {
		request.Header.Set("Authorization", "Bearer wrong")
		request.Header.Set("X-Forwarded-For", "203.0.113.9")
		until(t, http.StatusTooManyRequests, 100, func() reply { return r.from("203.0.113.9", r.telling("wrong", "{}")) })
	}
	failing := func(fault b24sim.Fault) func(*testing.T, *rig, *http.Request) {
		fault.Method, fault.Times = searchCustomers, -1
		return func(t *testing.T, r *rig, _ *http.Request) { t.Cleanup(r.sim.Inject(fault).Remove) }
	}
	return []probe{
		{name: "one event", does: "POST /pbx/v1/events 202", target: events, body: ended},
		{name: "the same event again", does: "POST /pbx/v1/events 202", target: events, body: "[" + ended + "]"},
		{name: "no JSON", does: "POST /pbx/v1/events 400", target: events, body: `{"id":`, wrong: true},
		{name: "no key", does: "POST /pbx/v1/events 401", target: events, body: ended, wrong: true, change: keyless},
		{name: "too much", does: "POST /pbx/v1/events 413", target: events, body: "[" + strings.Repeat(" ", 256<<10) + "]", wrong: true},
		{name: "no status", does: "POST /pbx/v1/events 422", target: events, body: strings.Replace(ended, "status", "state", 1), wrong: true},
		{name: "too many attempts", does: "POST /pbx/v1/events 429", target: events, body: ended, wrong: true, change: crowded},
		{name: "a customer", does: "GET /pbx/v1/customers 200", target: customers + "?phone=%2B4930901821"},
		{name: "a stranger", does: "GET /pbx/v1/customers 200", target: customers + "?phone=%2B4930901899"},
		{name: "a hidden number", does: "GET /pbx/v1/customers 200", target: customers + "?phone=anonymous"},
		{name: "nobody's key", does: "GET /pbx/v1/customers 401", target: customers + "?phone=1", wrong: true, change: keyless},
		{name: "too long a number", does: "GET /pbx/v1/customers 422", target: customers + "?phone=" + strings.Repeat("1", 65), wrong: true},
		{name: "too many attempts", does: "GET /pbx/v1/customers 429", target: customers + "?phone=1", wrong: true, change: crowded},
		{name: "Bitrix24 refuses", does: "GET /pbx/v1/customers 502", target: customers + "?phone=%2B4930901877",
			change: failing(b24sim.Fault{Act: b24sim.Refuse, Status: 403, Code: "ACCESS_DENIED"})},
		{name: "Bitrix24 is busy", does: "GET /pbx/v1/customers 503", target: customers + "?phone=%2B4930901877",
			change: failing(b24sim.QueryLimit("acme", ""))},
		{name: "Bitrix24 does not answer", does: "GET /pbx/v1/customers 504", target: customers + "?phone=%2B4930901877",
			change: failing(b24sim.Fault{Act: b24sim.Hold})},
	}
}

func TestEveryRequestAndAnswerIsAsTheDescriptionSays(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := bareRig(t, address, classic)
		hooks := r.listenToCommands()
		r.limitsStandStill()
		r.start()
		r.install()
		d := describe31(r)
		d.commands(t, hooks)
		r.portal.AddContact(b24sim.Contact{Name: "Mia", LastName: "Koch", Phones: []string{"+4930901821"}, ResponsibleID: anna})
		lost := r.send(r.request(http.MethodGet, "/pbx/v1/events", "", ""))
		if lost.status != http.StatusNotFound || !strings.Contains(lost.body, `"detail":"There is no such method and path: see /pbx/v1/openapi.yaml."`) {
			t.Errorf("a method there is not: %d %s", lost.status, lost.body)
		}
		d.examples(t)
		for _, p := range probes() {
			t.Run(p.does+" "+p.name, func(t *testing.T) { d.probe(t, p) })
		}
		d.uploads(t)
		for _, promise := range slices.Sorted(maps.Keys(d.promised())) {
			if !d.seen[promise] {
				t.Errorf("%s is described, but nothing here shows it: add a probe", promise)
			}
		}
	})
}

func (d *described) probe(t *testing.T, p probe) {
	method, _, _ := strings.Cut(p.does, " ")
	kind := ""
	if p.body != "" {
		kind = "application/json"
	}
	request := d.request(method, p.target, kind, p.body)
	request.Header.Set("Authorization", "Bearer "+d.key)
	if p.change != nil {
		p.change(t, d.rig, request)
	}
	d.compare(t, p.does, request, []byte(p.body), p.wrong)
}

// examples sends every example of a request body, and compares every example
// of an answer with its schema.
func (d *described) examples(t *testing.T) {
	for path, item := range d.model.Paths.PathItems.FromOldest() {
		for method, operation := range item.GetOperations().FromOldest() {
			d.exampleRequests(t, strings.ToUpper(method), path, operation)
		}
	}
	for promise, answer := range d.promised() {
		part := strings.Fields(promise)
		for kind, media := range answer.Content.FromOldest() {
			for name, text := range texts(t, media) {
				t.Run("example of "+promise+" "+name, func(t *testing.T) {
					d.exampleAnswer(t, d.request(part[0], part[1], "", ""), part[2], kind, text)
				})
			}
		}
	}
}

func (d *described) exampleAnswer(t *testing.T, request *http.Request, code, kind, text string) {
	status, err := strconv.Atoi(code)
	if err != nil {
		t.Fatal(err)
	}
	answer := &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(strings.NewReader(text)), Request: request}
	if ok, errs := d.strict.GetResponseBodyValidator().ValidateResponseBody(request, answer); !ok {
		t.Errorf("%s: %s", text, complaints(errs))
	}
}

func (d *described) exampleRequests(t *testing.T, method, path string, operation *v3.Operation) {
	if operation.RequestBody == nil {
		return
	}
	for kind, media := range operation.RequestBody.Content.FromOldest() {
		for name, text := range texts(t, media) {
			t.Run("example of "+method+" "+path+" "+name, func(t *testing.T) { d.exampleRequest(t, method, path, kind, text) })
		}
	}
}

// exampleRequest also sends what a PBX sends; commands go the other way, and
// are compared only.
func (d *described) exampleRequest(t *testing.T, method, path, kind, text string) {
	request := d.request(method, path, kind, text)
	if ok, errs := d.strict.GetRequestBodyValidator().ValidateRequestBody(request); !ok {
		t.Errorf("%s: %s", text, complaints(errs))
	}
	if strings.HasPrefix(path, hookPath) {
		return
	}
	request = d.request(method, path, kind, text)
	request.Header.Set("Authorization", "Bearer "+d.key)
	got := d.send(request)
	if got.status != http.StatusAccepted {
		t.Errorf("the example is not taken: %d %s", got.status, got.body)
	}
}

// texts are the examples of a body, as JSON.
func texts(t *testing.T, media *v3.MediaType) map[string]string {
	t.Helper()
	all := map[string]string{}
	if media.Example != nil {
		all["example"] = asJSON(t, media.Example)
	}
	for name, example := range media.Examples.FromOldest() {
		all[name] = asJSON(t, example.Value)
	}
	return all
}

func asJSON(t *testing.T, node *yaml.Node) string {
	t.Helper()
	var value any
	if err := node.Decode(&value); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A hook is a command as the PBX received it, and what it answered.
type hook struct {
	request *http.Request
	body    []byte
	status  int
}

// listenToCommands makes the rig's PBX keep what it receives.
func (r *rig) listenToCommands() <-chan hook {
	hooks := make(chan hook, 16)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			http.Error(w, "unreadable", http.StatusBadRequest)
			return
		}
		request.Body = io.NopCloser(bytes.NewReader(body))
		recorder := httptest.NewRecorder()
		r.pbx.take(recorder, request)
		hooks <- hook{request.Clone(r.t.Context()), body, recorder.Code}
		w.WriteHeader(recorder.Code)
	}))
	r.t.Cleanup(server.Close)
	r.pbx.url = server.URL + "/commands"
	return hooks
}

// commands makes Bitrix24 ask for both kinds of calls.
func (d *described) commands(t *testing.T, hooks <-chan hook) {
	made := d.portal.AddLead(b24sim.Lead{Title: "Form", Phones: []string{"+4930901829"}, ResponsibleID: omar})
	for _, command := range []struct {
		name string
		ask  func()
	}{
		{"call.originate", func() { d.portal.Click(b24sim.Click{UserID: omar, Phone: "+4930901820", Line: "callwise"}) }},
		{"call.originate", func() { d.portal.Click(b24sim.Click{UserID: anna, Phone: "+4930901829", Entity: lead(made)}) }},
		{"callback.originate", func() {
			d.portal.OrderCallback(b24sim.Callback{Phone: "+4930901829", Entity: lead(made), Line: "4930901820", Text: "A visitor asks for a call"})
		}},
	} {
		t.Run(command.name, func(t *testing.T) {
			command.ask()
			got := <-hooks
			request := got.request
			request.URL.Path, request.RequestURI = hookPath+command.name, ""
			if ok, errs := d.strict.GetRequestBodyValidator().ValidateRequestBody(withBody(request, got.body)); !ok {
				t.Errorf("%s: %s", got.body, complaints(errs))
			}
			answer := reply{status: got.status, header: http.Header{}}
			d.check(t, "POST "+hookPath+command.name+" 2XX", request, got.body, answer, false)
			if got.status/100 != 2 {
				t.Errorf("the PBX answers %d", got.status)
			}
		})
	}
}

func withBody(request *http.Request, body []byte) *http.Request {
	request.Body = io.NopCloser(bytes.NewReader(body))
	return request
}
