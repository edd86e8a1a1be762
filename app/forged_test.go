package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"callwise/app/b24/b24sim"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
)

// rows counts what is stored.
func (r *rig) rows(tables ...string) map[string]int {
	r.t.Helper()
	counts, stored := map[string]int{}, r.dump()
	for _, table := range tables {
		counts[table] = len(stored[table])
	}
	return counts
}

func TestAForgedFrameOpensNothingAndNamesNoHostThatWeAsk(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		var hits atomic.Int32
		trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
		t.Cleanup(trap.Close)
		r := newRig(t, address, classic)
		other := r.neighbour("other")
		stranger, _ := other.portal.Token(admin)
		hostile := func(f b24sim.Frame) {
			f.Form.Set("DOMAIN", strings.TrimPrefix(trap.URL, "http://"))
			f.Form.Set("SERVER_ENDPOINT", trap.URL+"/rest/")
			f.Form.Set("client_endpoint", trap.URL+"/rest/")
		}
		before := r.rows("portals", "tokens")
		for _, tt := range []struct {
			name   string
			forge  func(f b24sim.Frame)
			status int
		}{
			{"a token that nobody gave", func(f b24sim.Frame) { f.Form.Set("AUTH_ID", "made-up") }, 403},
			{"a token of another portal", func(f b24sim.Frame) { f.Form.Set("AUTH_ID", stranger) }, 403},
			{"another portal's name", func(f b24sim.Frame) { f.Form.Set("member_id", other.portal.MemberID()) }, 403},
			{"a portal that does not exist", func(f b24sim.Frame) { f.Form.Set("member_id", strings.Repeat("0", 32)) }, 403},
			{"a refresh token for an access token", func(f b24sim.Frame) { f.Form.Set("AUTH_ID", f.Form.Get("REFRESH_ID")) }, 403},
			{"an authorization server of the sender's", func(f b24sim.Frame) { hostile(f); f.Form.Set("AUTH_ID", "made-up") }, 403},
			{"no token", func(f b24sim.Frame) { f.Form.Del("AUTH_ID") }, 400},
			{"no portal", func(f b24sim.Frame) { f.Form.Del("member_id") }, 400},
			{"nothing at all", func(f b24sim.Frame) { clear(f.Form) }, 400},
		} {
			for _, path := range []string{"/b24/app", "/b24/calls", "/b24/install"} {
				t.Run(tt.name+" at "+path, func(t *testing.T) {
					frame := r.frame(admin, "DEFAULT")
					frame.URL = r.url + path
					tt.forge(frame)
					got := r.postFrame(frame)
					if got.status != tt.status || sessionTag.MatchString(got.body) {
						t.Errorf("%d\n%s", got.status, got.body)
					}
					if strings.Contains(got.body, "administrators can") {
						t.Error("the page speaks of rights although nobody was recognised")
					}
				})
			}
		}
		frame := r.frame(admin, "DEFAULT")
		hostile(frame)
		got := r.postFrame(frame)
		if got.status != http.StatusOK || !strings.Contains(got.header.Get("Content-Security-Policy"), "frame-ancestors "+originOf(t, r.portal.URL())) {
			t.Errorf("a true token with names of the sender's: %d %v", got.status, got.header)
		}
		for _, token := range r.tokens() {
			if token.AuthHost != r.config.OAuthHosts[0] {
				t.Errorf("a pair is renewed at %s", token.AuthHost)
			}
		}
		if n := hits.Load(); n != 0 {
			t.Errorf("%d requests reached a host that a frame named", n)
		}
		if diff := cmp.Diff(before, r.rows("portals", "tokens")); diff != "" {
			t.Errorf("stored (-before +after):\n%s", diff)
		}
	})
}

func originOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Scheme + "://" + u.Host
}

// digits are n digits that no database packs into a few.
func digits(n int) string {
	source := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, n)
	for i := range text {
		text[i] = '0' + byte(source.IntN(10))
	}
	return string(text)
}

func TestANumberAndALineOfAnyLengthAreKept(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		id := strings.Repeat("x", 255)
		r.sends("/b24/events", r.lifecycle("ONVOXIMPLANTCALLEND", 0, map[string]string{
			"CALL_ID": id, "CALL_TYPE": "2", "PHONE_NUMBER": digits(9000), "PORTAL_NUMBER": digits(9000), "CALL_DURATION": "5",
		}), http.StatusOK)
		r.finished(1)
		if c := r.call("b24:" + id); len(c.Phone) != 64 || len(c.Line) != 100 || c.ErrorCode != "" {
			t.Errorf("the number has %d characters, the line %d, error %q", len(c.Phone), len(c.Line), c.ErrorCode)
		}
	})
}

func TestEventsThatProveNothingChangeNothing(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		other := r.neighbour("other")
		click := func(change func(url.Values)) string {
			form := r.lifecycle("ONEXTERNALCALLSTART", 0, map[string]string{
				"CALL_ID": "externalCall.1", "USER_ID": "18", "PHONE_NUMBER": "+4930901821", "CRM_ENTITY_ID": "0",
			})
			change(form)
			return form.Encode()
		}
		event := func(name string, change func(url.Values)) string {
			form := r.lifecycle(name, 0, map[string]string{"CLEAN": "1"})
			change(form)
			return form.Encode()
		}
		same := func(url.Values) {}
		token := func(value string) func(url.Values) {
			return func(f url.Values) { f.Set("auth[application_token]", value) }
		}
		many := func(f url.Values) {
			for i := range 600 {
				f.Set(fmt.Sprintf("data[k%d]", i), "x")
			}
		}
		foreign := func(f url.Values) {
			access, _ := other.portal.Token(admin)
			f.Set("auth[access_token]", access)
			f.Set("auth[application_token]", "another")
		}
		forgedInstall := func(f url.Values) { foreign(f); f.Set("auth[member_id]", strings.Repeat("0", 32)) }
		before := r.rows("portals", "tokens", "events", "calls")
		for _, tt := range []struct {
			name, kind, body string
			status           int
		}{
			{"a wrong application token", formType, click(token("wrong")), 403},
			{"the application token of another portal", formType, click(token(other.portal.ApplicationToken())), 403},
			{"an empty application token", formType, click(token("")), 403},
			{"no application token", formType, click(func(f url.Values) { f.Del("auth[application_token]") }), 403},
			{"a removal with a wrong token", formType, event("ONAPPUNINSTALL", token("wrong")), 403},
			{"an update with a token of another portal", formType, event("ONAPPUPDATE", foreign), 403},
			{"an update with a wrong token and no access token", formType, event("ONAPPUPDATE", token("wrong")), 403},
			{"an installation with a token of another portal", formType, event("ONAPPINSTALL", foreign), 403},
			{"an installation of a portal that does not exist", formType, event("ONAPPINSTALL", forgedInstall), 403},
			{"a system user with a wrong token", formType, event("ONAPPUSERREADY", token("wrong")), 403},
			{"a portal that is not known", formType, click(func(f url.Values) { f.Set("auth[member_id]", strings.Repeat("0", 32)) }), 404},
			{"an installation without tokens of an unknown portal", formType, event("ONAPPINSTALL", func(f url.Values) { f.Set("auth[member_id]", "nobody") }), 404},
			{"JSON", "application/json", `{"event":"ONEXTERNALCALLSTART"}`, 400},
			{"no content type", "", click(same), 400},
			{"a multipart form", "multipart/form-data; boundary=x", "--x--", 400},
			{"a broken encoding", formType, "event=%zz", 400},
			{"too many pairs", formType, click(many), 400},
			{"keys that are too deep", formType, click(func(f url.Values) { f.Set("data[a][b][c][d][e][f][g]", "x") }), 400},
			{"keys that are not closed", formType, click(func(f url.Values) { f.Set("data[a", "x") }), 400},
			{"an id of a call that is too long", formType, click(func(f url.Values) { f.Set("data[CALL_ID]", digits(4000)) }), 400},
			{"no event", formType, click(func(f url.Values) { f.Del("event") }), 400},
			{"no portal", formType, click(func(f url.Values) { f.Del("auth[member_id]") }), 400},
			{"nothing", formType, "", 400},
			{"more than 64 KiB", formType, click(func(f url.Values) { f.Set("data[text]", strings.Repeat("x", 64<<10)) }), 413},
			{"an event that nobody waits for", formType, event("ONCRMLEADADD", same), 200},
			{"an unknown event", formType, event("ONSOMETHINGNEW", same), 200},
		} {
			t.Run(tt.name, func(t *testing.T) {
				got := r.send(r.request(http.MethodPost, "/b24/events", tt.kind, tt.body))
				if got.status != tt.status {
					t.Errorf("%d, want %d\n%s", got.status, tt.status, got.body)
				}
			})
		}
		t.Run("more than 64 KiB in pieces", func(t *testing.T) {
			request := r.request(http.MethodPost, "/b24/events", formType, "")
			request.Body, request.ContentLength = io.NopCloser(strings.NewReader("a="+strings.Repeat("x", 65<<10))), -1
			if got := r.send(request); got.status != http.StatusRequestEntityTooLarge {
				t.Errorf("%d", got.status)
			}
		})
		if diff := cmp.Diff(before, r.rows("portals", "tokens", "events", "calls")); diff != "" {
			t.Errorf("stored (-before +after):\n%s", diff)
		}
		if status := r.stored().Status; status != models.PortalActive {
			t.Errorf("the portal is %s", status)
		}
	})
}
