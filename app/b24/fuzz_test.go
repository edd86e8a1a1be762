package b24

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// FuzzTokens reads what an authorization server may answer to a renewal.
func FuzzTokens(f *testing.F) {
	f.Add(200, []byte(`{"access_token":"a","refresh_token":"r","expires":1786527000,"expires_in":"3600","client_endpoint":"https://acme.bitrix24.com/rest/","member_id":"m","user_id":"7","status":"L"}`))
	f.Add(400, []byte(`{"error":"invalid_grant","error_description":"x"}`))
	f.Add(404, []byte(`{"error":{"code":"NOT_FOUND","message":"y"}}`))
	f.Add(200, []byte(`{"access_token":"a","refresh_token":"r","expires_in":-9223372036854775808,"client_endpoint":"http://169.254.169.254/rest/","member_id":"m"}`))
	app := &App{ClientID: "c", ClientSecret: "s"}
	f.Fuzz(func(t *testing.T, status int, text []byte) {
		token, portal, err := app.parseTokens(WorldAuthHost, reply{status, text})
		if err != nil {
			if token.AccessToken != "" || portal.Endpoint != "" {
				t.Fatal("something in spite of an error")
			}
			return
		}
		if token.AccessToken == "" || token.RefreshToken == "" || portal.MemberID == "" || token.AuthHost != WorldAuthHost {
			t.Fatalf("%+v", portal)
		}
		if !strings.HasPrefix(portal.Endpoint, "https://") {
			t.Fatalf("secrets go to %q", portal.Endpoint)
		}
	})
}

// FuzzProfile reads what a portal may say of a user, and an authorization
// server of a token.
func FuzzProfile(f *testing.F) {
	f.Add([]byte(`{"result":{"ID":"1","ADMIN":true,"NAME":"Vera","LAST_NAME":"Stein","TIME_ZONE":"Europe/Berlin"}}`))
	f.Add([]byte(`{"result":[]}`))
	f.Add([]byte(`{"result":{"client_id":"c","install":{"member_id":"m","domain":"acme.bitrix24.com:8443","uri":"https://acme.example/b24"}}}`))
	app := &App{ClientID: "c"}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := parseAnswer("profile", reply{http.StatusOK, text})
		if err != nil {
			return
		}
		var user Map[json.RawMessage]
		if decode("profile", got.Result, &user) == nil {
			if profile, err := profileOf(user); err == nil && profile.UserID == 0 {
				t.Fatal("nobody is somebody")
			}
		}
		var proof verified
		if decode("app.info", got.Result, &proof) != nil {
			return
		}
		for _, loopback := range []bool{false, true} {
			endpoint, err := app.Endpoint(proof.address(loopback) + "/rest/")
			if err == nil && !strings.HasPrefix(endpoint, "https://") {
				t.Fatalf("%q", endpoint)
			}
		}
	})
}

// FuzzEndpoint takes an address that a portal, an event or a redirect names.
func FuzzEndpoint(f *testing.F) {
	for _, address := range []string{
		"https://acme.bitrix24.com/rest/", "https://acme.example:8443/b24/rest", "http://127.0.0.1:1/rest/", "https://user:pass@x/rest/",
		"https://x/rest/?a=b", "https://x/rest/#", "//x/rest/", "https://x\\@y/rest/", "javascript://x/rest/", "https://x/rest/../../rest/",
		"https://oauth.bitrix.info/rest/", "https://OAUTH.bitrix24.tech:443/rest/", "https://oauth.bitrix.info.evil.example/rest/",
	} {
		f.Add(address)
	}
	strict, loose := &App{}, &App{AllowLoopback: true}
	f.Fuzz(func(t *testing.T, address string) {
		if host := strict.AuthHost(address); host != WorldAuthHost && host != RussiaAuthHost {
			t.Fatalf("the client secret goes to %q", host)
		}
		for _, app := range []*App{strict, loose} {
			endpoint, err := app.Endpoint(address)
			if err != nil {
				continue
			}
			again, err := app.Endpoint(endpoint)
			if err != nil || again != endpoint {
				t.Fatalf("%q becomes %q: %v", endpoint, again, err)
			}
			u, err := url.Parse(endpoint)
			if err != nil || u.User != nil || u.Host == "" || u.RawQuery != "" || !strings.HasSuffix(u.Path, "/rest/") || !app.safe(u) {
				t.Fatalf("%q is taken: %v", endpoint, err)
			}
		}
	})
}
