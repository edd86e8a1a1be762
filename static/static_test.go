package static

import (
	"crypto/sha512"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHtmxIsTheVendoredOne(t *testing.T) {
	script, err := files.ReadFile("vendor/htmx/htmx.min.js")
	if err != nil {
		t.Fatal(err)
	}
	version, err := files.ReadFile("vendor/htmx/VERSION")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha512.Sum384(script)
	if digest := "sha384-" + base64.StdEncoding.EncodeToString(sum[:]); !strings.Contains(string(version), digest) {
		t.Errorf("VERSION does not name %s", digest)
	}
}

func TestFilesAreServedWithTheirTagAndNothingElseIs(t *testing.T) {
	for _, tt := range []struct {
		name, path string
		status     int
		kind       string
	}{
		{"the style sheet", "/app.css", http.StatusOK, "text/css; charset=utf-8"},
		{"the script", "/app.js", http.StatusOK, "text/javascript; charset=utf-8"},
		{"htmx", "/vendor/htmx/htmx.min.js", http.StatusOK, "text/javascript; charset=utf-8"},
		{"no folder", "/vendor/", http.StatusNotFound, "text/plain; charset=utf-8"},
		{"no root", "/", http.StatusNotFound, "text/plain; charset=utf-8"},
		{"nothing above", "/../static.go", http.StatusNotFound, "text/plain; charset=utf-8"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer := httptest.NewRecorder()
			Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, tt.path, nil))
			if answer.Code != tt.status || answer.Header().Get("Content-Type") != tt.kind {
				t.Errorf("%d %s, want %d %s", answer.Code, answer.Header().Get("Content-Type"), tt.status, tt.kind)
			}
		})
	}
}

func TestAFileThatIsStillTheSameIsNotSentAgain(t *testing.T) {
	first := httptest.NewRecorder()
	Handler().ServeHTTP(first, httptest.NewRequest(http.MethodGet, "/app.css", nil))
	again := httptest.NewRequest(http.MethodGet, "/app.css", nil)
	again.Header.Set("If-None-Match", first.Header().Get("ETag"))
	answer := httptest.NewRecorder()
	Handler().ServeHTTP(answer, again)
	if answer.Code != http.StatusNotModified {
		t.Errorf("answer %d, want 304", answer.Code)
	}
}
