package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"callwise/models/modelstest"
)

// firstLoad is what opening the app may cost, in bytes on the wire.
const firstLoad = 60 << 10

var assetTag = regexp.MustCompile(`(?:src|href)="(/static/[^"]+)"`)

// What a frame loads from us when it is opened for the first time, the BX24
// library aside, stays small: the page, its style sheets, scripts and icon.
func TestOpeningTheAppLoadsLittle(t *testing.T) {
	r := newRig(t, modelstest.SQLite(t), classic)
	for _, placement := range []string{"DEFAULT", "TELEPHONY_ANALYTICS_MENU"} {
		frame := r.frame(admin, placement)
		total, page := r.transferred(http.MethodPost, frame.URL, frame.Form.Encode())
		assets := assetTag.FindAllStringSubmatch(page, -1)
		if len(assets) < 5 {
			t.Fatalf("the page loads only %v", assets)
		}
		for _, asset := range assets {
			size, _ := r.transferred(http.MethodGet, r.url+asset[1], "")
			total += size
		}
		if total > firstLoad {
			t.Errorf("%s: %d bytes, want at most %d", placement, total, firstLoad)
		}
		t.Logf("%s: %d bytes in %d requests", placement, total, len(assets)+1)
	}
}

// transferred asks as a browser does and returns how many bytes came, and what
// they say.
func (r *rig) transferred(method, address, form string) (int, string) {
	r.t.Helper()
	request, err := http.NewRequest(method, address, strings.NewReader(form))
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header.Set("Accept-Encoding", "gzip")
	if form != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		r.t.Fatalf("%s: %d", request.URL.Path, answer.StatusCode)
	}
	return len(body), unpacked(r.t, answer.Header, body)
}

// unpacked is the text of an answer, compressed or not.
func unpacked(t testing.TB, header http.Header, body []byte) string {
	t.Helper()
	if header.Get("Content-Encoding") != "gzip" {
		return string(body)
	}
	reader, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
