package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// The demo's past week comes over the PBX API like every call, and its
// recordings can be heard.
func TestDemoReportsAWeekOfCalls(t *testing.T) {
	v := newDemoVisitor(t)
	v.post(v.url+"/demo/week", url.Values{})
	becomes(t, "a week of calls", func() error {
		page := v.post(v.app+"/calls", url.Values{"session": {v.session}})
		rows := strings.Count(page, `<tr id="call-`)
		if rows < 10 || !strings.Contains(page, "so a new lead was created.") {
			return fmt.Errorf("%d calls", rows)
		}
		return nil
	})
	answer, err := http.Get(v.url + "/demo/recordings/any.wav")
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Error(err)
	}
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "audio/wav" || answer.ContentLength < 1000 {
		t.Errorf("recording: %d, %s, %d bytes", answer.StatusCode, answer.Header.Get("Content-Type"), answer.ContentLength)
	}
}

// The demo's telephone plays the scenarios of `callwise play`.
func TestDemoPlaysAScenario(t *testing.T) {
	v := newDemoVisitor(t)
	v.post(v.url+"/demo/scenario", url.Values{"scenario": {"blind-transfer"}, "customer": {"0"}})
	becomes(t, "the call in the log", func() error {
		page := v.post(v.app+"/calls", url.Values{"session": {v.session}})
		if rows := strings.Count(page, `<tr id="call-`); rows != 1 || !strings.Contains(page, "so a new lead was created.") {
			return fmt.Errorf("%d calls", rows)
		}
		return nil
	})
	if page := v.live(); !strings.Contains(page, "101 passes the call to 102") {
		t.Errorf("the requests are not shown:\n%s", page)
	}
}
