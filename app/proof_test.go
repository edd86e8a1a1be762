package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"callwise/app/b24/b24sim"
)

// silentServer is an authorization server whose app.info does not tell whose
// token it is; everything else it answers as the simulated one.
func silentServer(t *testing.T, address string) string {
	t.Helper()
	target, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	behind := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/rest/app.info" {
			behind.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if _, err := w.Write([]byte(`{"result":{"status":"F"}}`)); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestWhereTheAuthorizationServerDoesNotTellARenewalProvesTheFrame(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := bareRig(t, address, b24sim.PortalConfig{})
		r.config.OAuthHosts = []string{silentServer(t, r.config.OAuthHosts[0])}
		r.start()
		r.install()
		r.tell(started("c1", "incoming", "+4930901820"), ended("c1", "missed", 0))
		r.finished(1)
		if n := r.sim.Count("", "oauth/token"); n == 0 {
			t.Error("nothing proved the frame")
		}

		frame := r.frame(admin, "DEFAULT")
		frame.Form.Set("member_id", "0123456789abcdef0123456789abcdef")
		if status, _ := r.do(http.MethodPost, frame.URL, frame.Form, ""); status != http.StatusForbidden {
			t.Errorf("a frame with another portal's name: %d, want 403", status)
		}
	})
}
