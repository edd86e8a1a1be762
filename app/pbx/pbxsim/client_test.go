package pbxsim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"callwise/app/call"

	"github.com/google/go-cmp/cmp"
)

// answers is a server that gives these answers, the last one for ever, and
// counts the requests.
func answers(t *testing.T, all ...http.HandlerFunc) (Client, *atomic.Int32) {
	t.Helper()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(asked.Add(1))
		all[min(n, len(all))-1](w, r)
	}))
	t.Cleanup(server.Close)
	return Client{URL: server.URL, Key: "the-key"}, &asked
}

func says(status int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

func drops(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func TestAnEventIsSentAsTheInterfaceHasIt(t *testing.T) {
	var path, key string
	var sent []map[string]any
	client, _ := answers(t, func(w http.ResponseWriter, r *http.Request) {
		path, key = r.Method+" "+r.URL.Path, r.Header.Get("Authorization")
		if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
			t.Error(err)
		}
		says(http.StatusAccepted, "application/json", `{"accepted":1,"duplicates":2}`)(w, r)
	})
	e := Event{"e1", call.Event{Type: call.Answered, CallID: "c1", At: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC), Extension: "104"}}
	got, err := client.Report(t.Context(), e)
	if want := (Answer{1, 2}); err != nil || got != want || path != "POST /pbx/v1/events" || key != "Bearer the-key" {
		t.Errorf("%s with %q: %v, %v", path, key, got, err)
	}
	want := []map[string]any{{"id": "e1", "type": "call.answered", "call": "c1", "at": "2026-11-23T10:00:00Z", "extension": "104"}}
	if diff := cmp.Diff(want, sent); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
}

func TestOnlyWhatMayPassIsTriedAgain(t *testing.T) {
	const problem = "application/problem+json"
	good := says(http.StatusAccepted, "application/json", `{"accepted":1}`)
	for _, test := range []struct {
		name    string
		answers []http.HandlerFunc
		asked   int32
		err     string
	}{
		{"accepted", []http.HandlerFunc{good}, 1, ""},
		{"a server that is down a while", []http.HandlerFunc{says(503, "text/plain", "no"), drops, says(429, "", ""), good}, 4, ""},
		{"a server that stays down", []http.HandlerFunc{says(502, "text/html", "<p>"+strings.Repeat("x", 1000))}, 4, "Callwise answered 502 Bad Gateway"},
		{"a refused key", []http.HandlerFunc{says(401, problem, `{"detail":"Send a PBX key."}`)}, 1, "Callwise answered 401 Unauthorized: Send a PBX key."},
		{"a wrong event", []http.HandlerFunc{says(422, problem, `{"detail":"must be a time","pointer":"/0/at"}`)}, 1, "Callwise answered 422 Unprocessable Entity: /0/at must be a time"},
		{
			"what tells too much", []http.HandlerFunc{says(422, problem, `{"detail":"the-key +49 30 901820\n(030)901820, 12"}`)}, 1,
			"Callwise answered 422 Unprocessable Entity: … … …, 12",
		},
		{"a problem that is no JSON", []http.HandlerFunc{says(400, problem, `{`)}, 1, "Callwise answered 400 Bad Request"},
		{"a redirect", []http.HandlerFunc{says(307, "", "")}, 1, "Callwise answered 307 Temporary Redirect"},
		{"another server", []http.HandlerFunc{says(200, "text/html", "<html>")}, 1, "Callwise answered 200 OK"},
		{"an answer that is none", []http.HandlerFunc{says(202, "text/html", "<html>")}, 1, errAnswer.Error()},
		{"an answer that is too long", []http.HandlerFunc{says(202, "application/json", "{}"+strings.Repeat(" ", maxAnswer))}, 1, errAnswer.Error()},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			client, asked := answers(t, test.answers...)
			_, err := client.Report(t.Context(), Event{ID: "e1"})
			if text := fmt.Sprint(err); err == nil && test.err != "" || err != nil && text != test.err {
				t.Errorf("error %q, want %q", text, test.err)
			}
			if asked.Load() != test.asked {
				t.Errorf("%d requests, want %d", asked.Load(), test.asked)
			}
		})
	}
}

func TestAServerThatIsNotThereIsSaidWithoutTheNumber(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, err := Client{URL: server.URL, Key: "the-key"}.Customer(t.Context(), "+4930901820")
	if err == nil || !strings.HasPrefix(err.Error(), "Callwise did not answer: dial tcp") || strings.Contains(err.Error(), "30901820") {
		t.Errorf("error %v", err)
	}
}

func TestAClientStopsWhenItIsToldTo(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	client, asked := answers(t, func(w http.ResponseWriter, r *http.Request) {
		stop()
		says(503, "", "")(w, r)
	})
	if _, err := client.Report(ctx, Event{ID: "e1"}); !errors.Is(err, context.Canceled) || asked.Load() != 1 {
		t.Errorf("%d requests, error %v", asked.Load(), err)
	}
}

func TestACustomerIsLookedUp(t *testing.T) {
	for _, test := range []struct{ body, want string }{
		{`{"known":false,"name":"","entities":[],"responsible":null}`, "nobody known"},
		{`{"known":true,"name":"Mia","entities":[{"type":"contact","id":4,"title":"Mia"}],"responsible":{"user_id":17,"extension":"104","on_duty":true}}`, "known, 1 in the CRM, ring 104"},
		{`{"known":true,"name":"Mia","entities":[{"type":"lead","id":4,"title":"Mia"}],"responsible":{"user_id":17,"extension":"104"}}`, "known, 1 in the CRM, 104 is not on duty"},
		{`{"known":true,"name":"Mia","entities":[{"type":"lead","id":4,"title":"Mia"}]}`, "known, 1 in the CRM, nobody to ring"},
	} {
		var phone string
		client, _ := answers(t, func(w http.ResponseWriter, r *http.Request) {
			phone = r.URL.Query().Get("phone")
			says(http.StatusOK, "application/json", test.body)(w, r)
		})
		found, err := client.Customer(t.Context(), "+4930901820")
		if err != nil || phone != "+4930901820" || describe(found) != test.want {
			t.Errorf("%s of %q: %q, %v", test.body, phone, describe(found), err)
		}
	}
}
