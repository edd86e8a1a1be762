package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHealthcheck(t *testing.T) {
	answer := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet || r.URL.Path != "/healthz" {
				status = http.StatusNotFound
			}
			w.WriteHeader(status)
		}
	}
	tests := []struct {
		name   string
		server http.Handler
		want   string // part of the error; empty: healthy
	}{
		{"a server that answers 200 lives", answer(http.StatusOK), ""},
		{"another answer is told", answer(http.StatusServiceUnavailable), "503"},
		{"a redirect is not followed", http.RedirectHandler("http://192.0.2.1/", http.StatusFound), "302"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(tt.server)
			defer server.Close()
			err := healthcheck(t.Context(), listensOn(server))
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("healthcheck = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestHealthcheckOfNoServer(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	if healthcheck(t.Context(), listensOn(server)) == nil {
		t.Error("a server that does not listen is healthy")
	}
}

func TestReachable(t *testing.T) {
	tests := map[string]string{
		":8080":          "127.0.0.1:8080",
		"0.0.0.0:8080":   "127.0.0.1:8080",
		"[::]:8080":      "127.0.0.1:8080",
		"127.0.0.1:80":   "127.0.0.1:80",
		"[::1]:80":       "[::1]:80",
		"10.0.0.3:8080":  "10.0.0.3:8080",
		"localhost:8080": "localhost:8080",
	}
	for addr, want := range tests {
		if got := reachable(addr); got != want {
			t.Errorf("reachable(%q) = %q, want %q", addr, got, want)
		}
	}
}

// listensOn is the address of a server at its port on all addresses.
func listensOn(server *httptest.Server) string {
	_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	return ":" + port
}
