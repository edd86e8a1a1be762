package b24sim

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func newHandlerServer(t *testing.T, h http.HandlerFunc) *httptest.Server {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// tried is what the caller saw of crm.lead.add, and what became of it.
type tried struct {
	Err    bool
	Status int
	Type   string
	Body   string
	Leads  int
}

// try posts crm.lead.add once, without the client's own retries.
func (w *world) try() tried {
	w.t.Helper()
	body, _ := json.Marshal(map[string]any{"auth": w.token, "fields": map[string]any{"TITLE": "x"}})
	resp, err := http.Post(w.Endpoint()+"crm.lead.add", "application/json", bytes.NewReader(body))
	if err != nil {
		return tried{Err: true, Leads: len(w.Leads())}
	}
	defer func() { _ = resp.Body.Close() }()
	answer, _ := io.ReadAll(resp.Body)
	return tried{Status: resp.StatusCode, Type: resp.Header.Get("Content-Type"), Body: string(answer[:min(len(answer), 6)]), Leads: len(w.Leads())}
}

func TestFaults(t *testing.T) {
	const html = "text/html; charset=utf-8"
	const asJSON = "application/json; charset=utf-8"
	tests := []struct {
		name  string
		fault Fault
		want  tried
	}{
		{"the connection breaks before", Fault{Act: Drop}, tried{Err: true}},
		{"the answer is lost", Fault{Act: Drop, After: true}, tried{Err: true, Leads: 1}},
		{"5xx before", Fault{Act: ServerError}, tried{Status: 502, Type: html, Body: "<html>"}},
		{"5xx after", Fault{Act: ServerError, Status: 504, After: true}, tried{Status: 504, Type: html, Body: "<html>", Leads: 1}},
		{"HTML with 200", Fault{Act: Garbage, After: true}, tried{Status: 200, Type: html, Body: "<html>", Leads: 1}},
		{"nothing with 200", Fault{Act: Empty}, tried{Status: 200, Type: asJSON}},
		{"a refusal", Fault{Act: Refuse, Status: 403, Code: "user_access_error"}, tried{Status: 403, Type: asJSON, Body: `{"erro`}},
		{"a full bucket", QueryLimit("acme", "crm.lead.add"), tried{Status: 503, Type: asJSON, Body: `{"erro`}},
		{"an expired token", ExpiredToken("", "crm.Lead.add"), tried{Status: 401, Type: asJSON, Body: `{"erro`}},
		{"another portal's", Fault{Portal: "other", Act: Drop}, tried{Status: 200, Type: asJSON, Body: `{"resu`, Leads: 1}},
		{"another method's", Fault{Method: "crm.deal.add", Act: Drop}, tried{Status: 200, Type: asJSON, Body: `{"resu`, Leads: 1}},
		{"the second one's", Fault{Act: Drop, Nth: 2}, tried{Status: 200, Type: asJSON, Body: `{"resu`, Leads: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newInstalled(t, PortalConfig{})
			w.sim.Inject(tt.fault)
			if diff := cmp.Diff(tt.want, w.try()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAFaultIsUsedUp(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	fault := w.sim.Inject(Fault{Method: "crm.lead.add", Act: ServerError, Nth: 2, Times: 2})
	var statuses []int
	for range 5 {
		statuses = append(statuses, w.try().Status)
	}
	if diff := cmp.Diff([]int{200, 502, 502, 200, 200}, statuses); diff != "" || fault.Hits() != 2 {
		t.Errorf("%d hits (-want +got):\n%s", fault.Hits(), diff)
	}
	always := w.sim.Inject(Fault{Act: ServerError, Times: -1})
	for range 3 {
		if got := w.try().Status; got != 502 {
			t.Errorf("got %d", got)
		}
	}
	always.Remove()
	if got := w.try().Status; got != 200 {
		t.Errorf("after removal %d", got)
	}
}

func TestAHeldRequestGoesOnWhenReleased(t *testing.T) {
	w := newInstalled(t, PortalConfig{})
	fault := w.sim.Inject(Fault{Method: "crm.lead.add", Act: Hold})
	done := make(chan tried)
	go func() { done <- w.try() }()
	<-fault.Reached()
	if got := len(w.Leads()); got != 0 {
		t.Errorf("%d leads while it is held", got)
	}
	w.must("profile", nil)
	fault.Release()
	if got := <-done; got.Status != 200 || got.Leads != 1 {
		t.Errorf("released: %+v", got)
	}
}

func TestFaultsInABatch(t *testing.T) {
	t.Run("a refusal meets the one command", func(t *testing.T) {
		w := newInstalled(t, PortalConfig{})
		w.sim.Inject(Fault{Method: "crm.lead.add", Act: Refuse, Code: "ACCESS_DENIED"})
		got := outcome(w.batch(0, "a=crm.lead.add?fields[TITLE]=x", "b=crm.settings.mode.get"))
		if diff := cmp.Diff(map[string]any{"a": "ACCESS_DENIED", "b": 1.0}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	t.Run("a lost answer is lost for the whole request", func(t *testing.T) {
		w := newInstalled(t, PortalConfig{})
		w.sim.Inject(Fault{Method: "crm.lead.add", Act: Garbage, After: true})
		resp, err := http.Post(w.Endpoint()+"batch", "application/json",
			bytes.NewReader([]byte(`{"auth":"`+w.token+`","cmd":{"a":"crm.lead.add?fields[TITLE]=x"}}`)))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		if ct := resp.Header.Get("Content-Type"); ct != "text/html; charset=utf-8" || len(w.Leads()) != 1 {
			t.Errorf("answer %s, %d leads", ct, len(w.Leads()))
		}
	})
	t.Run("the authorization server can fail too", func(t *testing.T) {
		w := newInstalled(t, PortalConfig{})
		w.sim.Inject(Fault{Method: "oauth/token", Act: Refuse, Status: 503, Code: "OVERLOAD_LIMIT"})
		if got := w.oauth(nil); got.Status != 503 || got.code() != "OVERLOAD_LIMIT" {
			t.Errorf("got %d %v", got.Status, got.code())
		}
	})
}
