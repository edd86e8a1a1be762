package b24

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const yes = `{"result":true,"time":{"operating":0.2,"operating_reset_at":1787401000}}`

func TestTheTokenTravelsInTheBodyOnly(t *testing.T) {
	var got *http.Request
	d := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Clone(context.Background())
		if a := readRequest(r); a.Auth != "access-1" || a.Method != "user.current" {
			t.Errorf("asked %+v", a)
		}
		write(w, yes)
	})
	if err := d.Call(t.Context(), "user.current", nil, nil); err != nil {
		t.Fatal(err)
	}
	if got.Method != http.MethodPost || got.URL.RawQuery != "" || got.Header.Get("Authorization") != "" ||
		got.UserAgent() != "callwise/1" || got.Header.Get("Accept") != "application/json" || got.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %s %v", got.Method, got.URL, got.Header)
	}
}

func TestCallsAreRepeatedOnlyWhereItIsSafe(t *testing.T) {
	limit, failed := `503 {"error":"QUERY_LIMIT_EXCEEDED"}`, `500 {"error":"INTERNAL_SERVER_ERROR"}`
	tests := []struct {
		name       string
		repeatable bool
		answers    []string
		requests   int
		is         error
	}{
		{"a refusal for the rate is repeated, also of a write", false, []string{limit, limit, limit, yes}, 4, nil},
		{"but not for ever", false, []string{limit}, 4, QueryLimitExceeded},
		{"a portal that could not check the token has done nothing", false, []string{`401 {"error":"CONNECTION_ERROR"}`, yes}, 2, nil},
		{"a write that may have run is not repeated", false, []string{failed, yes}, 1, InternalServerError},
		{"a read that may have run is", true, []string{failed, yes}, 2, nil},
		{"twice at most", true, []string{failed}, 3, InternalServerError},
		{"a page instead of an answer is not repeated for a write", false, []string{`502 <html>`, yes}, 1, oddAnswer("answer is not JSON")},
		{"and is for a read", true, []string{`502 <html>`, yes}, 2, nil},
		{"a block is never repeated", true, []string{`503 {"error":"OVERLOAD_LIMIT"}`, yes}, 1, OverloadLimit},
		{"a missing plan is never repeated", true, []string{`401 {"error":"ACCESS_DENIED","error_description":"REST is available only on commercial plans"}`, yes}, 1, ErrNoREST},
		{"a wrong parameter is never repeated", true, []string{`400 {"error":"ERROR_CORE"}`, yes}, 1, ErrorCore},
		{"an error in a good status is an error", true, []string{`{"error":"","error_description":"no"}`, yes}, 1, Code("")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, s := scripted(t, tt.answers...)
			var opts []Option
			if tt.repeatable {
				opts = append(opts, Repeatable())
			}
			err := d.Call(t.Context(), "crm.lead.add", nil, nil, opts...)
			if !errors.Is(err, tt.is) || len(s.asked) != tt.requests || len(d.keeper.logged()) != tt.requests {
				t.Errorf("%v after %d requests, %d logged", err, len(s.asked), len(d.keeper.logged()))
			}
		})
	}
}

// A portal may keep a request for as long as it is waited for.
func TestARequestIsRepeatedOnlyIfThereIsTimeForIt(t *testing.T) {
	for _, tt := range []struct {
		name       string
		took, left time.Duration // left is for all attempts, 0 for ever
		requests   int32
	}{
		{"one that breaks at once", time.Second, time.Minute, 3},
		{"one that takes longer than is left", heavy, time.Minute, 1},
		{"one that nobody hurries", heavy, 0, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var requests atomic.Int32
			var d *desk
			d = serve(t, func(_ http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				_ = d.clock.Sleep(r.Context(), tt.took)
				panic(http.ErrAbortHandler)
			})
			ctx := t.Context()
			if tt.left > 0 {
				hurried, cancel := context.WithTimeout(ctx, tt.left)
				defer cancel()
				ctx = hurried
			}
			err := d.Call(ctx, "m", nil, nil, Repeatable())
			if !Unsure(err) || !IsPortal(err) || requests.Load() != tt.requests {
				t.Errorf("%v after %d requests, want %d", err, requests.Load(), tt.requests)
			}
		})
	}
}

func TestWaitsGrow(t *testing.T) {
	d, _ := scripted(t, `503 {"error":"QUERY_LIMIT_EXCEEDED"}`)
	_ = d.Call(t.Context(), "m", nil, nil)
	for i, least := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
		if len(d.clock.slept) != 3 || d.clock.slept[i] < least || d.clock.slept[i] > least*5/4 {
			t.Fatalf("slept %v", d.clock.slept)
		}
	}
}

func TestWhatWasNotSentIsRepeated(t *testing.T) {
	d, _ := scripted(t, yes)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.keeper.portal.Endpoint = "http://" + listener.Addr().String() + "/rest/"
	listener.Close()
	err = d.Call(t.Context(), "crm.lead.add", nil, nil)
	if failure, ok := errors.AsType[*Failure](err); !ok || failure.Sent || Unsure(err) || len(d.keeper.logged()) != 4 {
		t.Errorf("%v, %d logged", err, len(d.keeper.logged()))
	}
}

func TestWhatBrokeOffMayHaveRun(t *testing.T) {
	var requests atomic.Int32
	d := serve(t, func(http.ResponseWriter, *http.Request) { requests.Add(1); panic(http.ErrAbortHandler) })
	if err := d.Call(t.Context(), "crm.lead.add", nil, nil); !Unsure(err) || requests.Load() != 1 {
		t.Errorf("%v after %d requests", err, requests.Load())
	}
}

func TestALargeAnswerIsCutOff(t *testing.T) {
	d, _ := scripted(t, `{"result":"`+strings.Repeat("x", maxAnswer)+`"}`)
	if err := d.Call(t.Context(), "m", nil, nil); !errors.Is(err, oddAnswer("answer too large")) {
		t.Error(err)
	}
}

func TestARenamedPortalIsFollowed(t *testing.T) {
	moved := &script{answers: []string{yes}}
	fresh := serve(t, moved.ServeHTTP)
	old := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", fresh.server.URL+r.URL.Path)
		w.WriteHeader(http.StatusFound)
	})
	for range 2 {
		if err := old.Call(t.Context(), "crm.lead.add", Params{"a": "b"}, nil); err != nil {
			t.Fatal(err)
		}
	}
	want := asked{"crm.lead.add", "access-1", map[string]any{"a": "b"}}
	if diff := cmp.Diff([]asked{want, want}, moved.asked); diff != "" {
		t.Error(diff)
	}
	if old.keeper.portal.Endpoint != fresh.server.URL+"/rest/" || len(old.keeper.logged()) != 3 {
		t.Errorf("moved to %s, %d logged", old.keeper.portal.Endpoint, len(old.keeper.logged()))
	}
}

func TestRedirectsElsewhereAreRefused(t *testing.T) {
	for _, location := range []string{"", "http://evil.example/rest/m", "https://acme.example/login", "ftp://a/rest/m", "https://user@a/rest/m", "/rest/m"} {
		d := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusFound)
		})
		before := d.keeper.portal.Endpoint
		err := d.Call(t.Context(), "m", nil, nil)
		if _, ok := errors.AsType[*Failure](err); !ok || Unsure(err) || d.keeper.portal.Endpoint != before {
			t.Errorf("%q: %v", location, err)
		}
	}
}

func TestARedirectIsFollowedOnce(t *testing.T) {
	d := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "/further"+r.URL.Path)
		w.WriteHeader(http.StatusFound)
	})
	for _, err := range []error{
		d.Call(t.Context(), "m", nil, nil),
		func() error { _, err := d.app.Verify(t.Context(), "", "x", acme); return err }(),
		func() error { _, err := d.app.Profile(t.Context(), d.server.URL+"/rest/", "x"); return err }(),
		func() error { _, _, err := d.app.Refresh(t.Context(), "", "x"); return err }(),
	} {
		if failure, ok := errors.AsType[*Failure](err); !ok || !errors.Is(failure, oddAnswer("redirected")) {
			t.Errorf("%v", err)
		}
	}
}

func TestAddresses(t *testing.T) {
	app := &App{}
	for address, want := range map[string]string{
		"https://Acme.Bitrix24.com/rest/": "https://acme.bitrix24.com/rest/",
		"https://box.example:8443/b/rest": "https://box.example:8443/b/rest/",
		"http://acme.bitrix24.com/rest/":  "",
		"http://127.0.0.1/rest/":          "",
		"https://acme.bitrix24.com/":      "",
		"https://u:p@acme.example/rest/":  "",
		"https://acme.example/rest/?a=b":  "",
		"acme.bitrix24.com":               "",
		"https:///rest/":                  "",
	} {
		if got, err := app.Endpoint(address); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %s %v", address, got, err)
		}
	}
	for endpoint, want := range map[string]string{
		"https://oauth.bitrix.info/rest/":       WorldAuthHost,
		"https://oauth.bitrix24.tech/rest/":     RussiaAuthHost,
		"https://oauth.bitrix24.tech":           RussiaAuthHost,
		"https://evil.example/rest/":            WorldAuthHost,
		"http://oauth.bitrix24.tech/rest/":      WorldAuthHost,
		"https://oauth.bitrix24.tech.evil.ex/":  WorldAuthHost,
		"https://oauth.bitrix24.tech@evil.ex/r": WorldAuthHost,
		"":                                      WorldAuthHost,
	} {
		if got := app.AuthHost(endpoint); got != want {
			t.Errorf("%q: %s", endpoint, got)
		}
	}
}

func TestTheLogHidesWhatIsPrivate(t *testing.T) {
	d, _ := scripted(t, yes)
	ctx := WithCall(t.Context(), 77)
	_ = d.Call(ctx, "crm.lead.add", Params{
		"access_token": "t", "PHONE_NUMBER": "+4930123456", "LINE_NUMBER": "104", "TYPE": 2, "USER_ID": []int64{5},
		"fields": Params{"TITLE": "Anna Petrova", "PHONE": []Params{{"VALUE": "+4930123456", "VALUE_TYPE": "WORK"}}, "NAME": "Анна"},
		"values": []string{"+4930123456"}, "CALL_ID": "externalCall.1", "filter": Params{"@id": Ref("a", "LEAD")},
		"odd": struct{ Phone string }{"+4930123456"},
	}, nil)
	d.app.HTTP = nil
	batch := Batch{}
	batch.Add("a", "crm.lead.get", Params{"id": 5})
	batch.Add("b", "crm.lead.add", Params{"fields": Params{"TITLE": "Anna"}})
	batch.Add("c", "crm.lead.get", Params{"id": 6})
	_, _ = d.Batch(ctx, batch)
	want := []Request{
		{At: noon, CallID: 77, Method: "crm.lead.add", Status: 200, Operating: 0.2, Answer: []byte(`{"result":true}`), Params: []byte(
			`{"CALL_ID":"externalCall.1","LINE_NUMBER":"…04","PHONE_NUMBER":"…3456","TYPE":2,"USER_ID":[5],` +
				`"fields":{"NAME":"4 characters","PHONE":[{"VALUE":"…3456","VALUE_TYPE":"WORK"}],"TITLE":"12 characters"},` +
				`"filter":{"@id":"$result[a][LEAD]"},"odd":"hidden","values":["…3456"]}`)},
		{At: noon, CallID: 77, Method: "batch: crm.lead.get, crm.lead.add", Status: 200, Operating: 0.2, Answer: []byte(`{"result":true}`), Params: []byte(
			`[{"key":"a","method":"crm.lead.get","params":{"id":5}},{"key":"b","method":"crm.lead.add","params":{"fields":{"TITLE":"4 characters"}}},` +
				`{"key":"c","method":"crm.lead.get","params":{"id":6}}]`)},
	}
	if diff := cmp.Diff(want, d.keeper.logged(), cmp.Transformer("text", func(b []byte) string { return string(b) })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
