package pbx

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"callwise/app/crm"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func TestCommandsAreTheInterfacesJSON(t *testing.T) {
	tests := []struct {
		name    string
		command any
		want    string
	}{
		{"a click in a contact's card", Originate{
			Bitrix24CallID: "externalCall.1", Phone: "+493012345678", Extension: "104", UserID: 17, Line: "4930999",
			CRMEntity: &crm.Ref{Type: crm.TypeContact, ID: 412},
		}, `{"type":"call.originate","bitrix24_call_id":"externalCall.1","phone":"+493012345678","dtmf_after_connect":"","extension":"104","user_id":17,"line":"4930999","crm_entity":{"type":"contact","id":412}}`},
		{"a dialled number", Originate{Bitrix24CallID: "externalCall.1", Phone: "030", DTMFAfterConnect: "5"},
			`{"type":"call.originate","bitrix24_call_id":"externalCall.1","phone":"030","dtmf_after_connect":"5","extension":"","user_id":0,"line":"","crm_entity":null}`},
		{"a callback", Callback{CommandID: "cb-1", Phone: "030", Extension: "104", Announce: "A callback", Line: "4930999"},
			`{"type":"callback.originate","command_id":"cb-1","phone":"030","extension":"104","announce":"A callback","line":"4930999"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := json.Marshal(tt.command)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("command (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSendSignsWhatThePBXCanVerify(t *testing.T) {
	secret, now := NewSecret(), time.Now()
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	type received struct{ Method, Path, ID, ContentType, Body string }
	var got received
	pbx := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || verifier.Verify(body, r.Header) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		got = received{r.Method, r.URL.Path, r.Header.Get("webhook-id"), r.Header.Get("Content-Type"), string(body)}
		w.WriteHeader(http.StatusAccepted)
	}))
	defer pbx.Close()
	if err := Send(t.Context(), pbx.Client(), pbx.URL+"/commands", []string{NewSecret(), secret}, "cmd-1", now, Callback{CommandID: "cb-1"}); err != nil {
		t.Fatal(err)
	}
	want := received{"POST", "/commands", "cmd-1", "application/json", `{"type":"callback.originate","command_id":"cb-1","phone":"","extension":"","announce":"","line":""}`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	if err := Send(t.Context(), pbx.Client(), pbx.URL, []string{NewSecret()}, "cmd-1", now, Callback{}); err == nil {
		t.Error("the PBX takes another secret")
	}
}

func TestSendSaysWhyACommandWasNotTaken(t *testing.T) {
	elsewhere := false
	mux := http.NewServeMux()
	mux.HandleFunc("/busy", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	mux.Handle("/moved", http.RedirectHandler("/elsewhere", http.StatusTemporaryRedirect))
	mux.HandleFunc("/elsewhere", func(http.ResponseWriter, *http.Request) { elsewhere = true })
	mux.HandleFunc("/silent", func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	mux.HandleFunc("/talkative", func(w http.ResponseWriter, _ *http.Request) {
		for range 1000 {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	})
	pbx := httptest.NewServer(mux)
	defer pbx.Close()
	impatient := *pbx.Client()
	impatient.Timeout = 50 * time.Millisecond
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name   string
		ctx    context.Context
		client *http.Client
		url    string
		secret string
		want   string
	}{
		{"busy", t.Context(), pbx.Client(), pbx.URL + "/busy", NewSecret(), "pbx: command refused with status 503"},
		{"moved", t.Context(), pbx.Client(), pbx.URL + "/moved", NewSecret(), "pbx: command refused with status 307"},
		{"silent", t.Context(), &impatient, pbx.URL + "/silent", NewSecret(), "pbx: command not answered in time"},
		{"broken off", cancelled, pbx.Client(), pbx.URL, NewSecret(), "pbx: command broken off"},
		{"nobody there", t.Context(), pbx.Client(), "http://127.0.0.1:1/secret-path", NewSecret(), "pbx: command address not reached"},
		{"no address", t.Context(), pbx.Client(), "http://secret host/", NewSecret(), "pbx: the command address is malformed"},
		{"no secret", t.Context(), pbx.Client(), pbx.URL, "", "pbx: the command secret is malformed"},
		{"a malformed secret", t.Context(), pbx.Client(), pbx.URL, "whsec_???", "pbx: the command secret is malformed"},
		{"an endless answer", t.Context(), pbx.Client(), pbx.URL + "/talkative", NewSecret(), "<nil>"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := Send(tt.ctx, tt.client, tt.url, []string{tt.secret}, "cmd-1", noon, Callback{Phone: "+493012345678"})
			text := "<nil>"
			if err != nil {
				text = err.Error()
			}
			if text != tt.want {
				t.Errorf("error = %q, want %q", text, tt.want)
			}
		})
	}
	if elsewhere {
		t.Error("a redirect was followed")
	}
	if err := Send(cancelled, pbx.Client(), pbx.URL, []string{NewSecret()}, "cmd-1", noon, Callback{}); !errors.Is(err, context.Canceled) {
		t.Errorf("the cause is lost: %v", err)
	}
}

func TestNewSecretIsOfStandardWebhooks(t *testing.T) {
	first, second := NewSecret(), NewSecret()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(first, "whsec_"))
	if err != nil || len(key) != 32 || !strings.HasPrefix(first, "whsec_") || first == second {
		t.Errorf("secret of %d bytes, %v", len(key), err)
	}
}

func TestTheDescriptionNamesEveryWordAndField(t *testing.T) {
	text := string(OpenAPI)
	var words []string
	for name := range fields {
		words = append(words, "        "+name+":")
	}
	for _, list := range []any{types, directions, statuses, sides} {
		raw, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		words = append(words, strings.NewReplacer(`"`, ``, `,`, `, `).Replace(string(raw)))
	}
	words = append(words, "/pbx/v1/events:", "/pbx/v1/customers:", "  call.originate:", "  callback.originate:", "openapi: 3.1")
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("openapi.yaml lacks %q", word)
		}
	}
}
