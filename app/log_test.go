package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"callwise/app/b24/b24sim"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
)

// logLines are the lines of a program's log as JSON that hold all of pick.
func logLines(t *testing.T, text string, pick map[string]any) []map[string]any {
	t.Helper()
	var found []map[string]any
	for line := range strings.Lines(text) {
		var got map[string]any
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		holds := true
		for name, value := range pick {
			holds = holds && got[name] == value
		}
		if holds {
			found = append(found, got)
		}
	}
	return found
}

// steady leaves out what differs from run to run.
func steady(line map[string]any) map[string]any {
	kept := map[string]any{}
	for name, value := range line {
		switch name {
		case "time", "duration", "request", "job":
		default:
			kept[name] = value
		}
	}
	return kept
}

func TestEachRequestHasOneLineInTheLog(t *testing.T) {
	r := bareRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	var logged buffer
	r.log = slog.NewJSONHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})
	r.start()
	r.install()
	r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
	r.finished(1)
	portal, call := float64(r.stored().ID), float64(r.row("c1").ID)
	r.dialog("c1", r.session)
	r.with(r.session, http.MethodGet, "/calls/999")
	r.send(r.telling("wrong-key", `{}`))
	r.send(r.request(http.MethodGet, "/healthz", "", ""))
	refused := r.refusing("crm.status.list", 403, "ACCESS_DENIED")
	r.page("/settings")
	refused.Remove()
	r.stop()

	for _, tt := range []struct {
		route string
		lines int
		last  map[string]any
	}{
		{"/calls/:id", 2, map[string]any{
			"level": "INFO", "msg": "request", "method": "GET", "route": "/calls/:id", "status": 404.0, "portal": portal, "call": 999.0,
		}},
		{"/pbx/v1/events", 2, map[string]any{
			"level": "INFO", "msg": "request", "method": "POST", "route": "/pbx/v1/events", "status": 401.0,
		}},
		{"/healthz", 1, map[string]any{
			"level": "DEBUG", "msg": "request", "method": "GET", "route": "/healthz", "status": 200.0,
		}},
	} {
		lines := logLines(t, logged.String(), map[string]any{"route": tt.route})
		if len(lines) != tt.lines {
			t.Errorf("%s: %d lines, want %d", tt.route, len(lines), tt.lines)
			continue
		}
		if diff := cmp.Diff(tt.last, steady(lines[len(lines)-1])); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.route, diff)
		}
	}
	if told := logLines(t, logged.String(), map[string]any{"route": "/pbx/v1/events", "status": 202.0}); len(told) != 1 || told[0]["portal"] != portal || told[0]["trace"] == nil {
		t.Errorf("events of a PBX: %v", told)
	}
	if first := logLines(t, logged.String(), map[string]any{"route": "/calls/:id", "status": 200.0}); len(first) != 1 || first[0]["call"] != call {
		t.Errorf("the dialog of a call: %v", first)
	}
	known := map[any]bool{"request": true, "job": true}
	for _, line := range logLines(t, logged.String(), nil) {
		if !known[line["msg"]] {
			t.Errorf("a line that is about no request and no job: %v", line)
		}
	}
}

func TestEachJobHasOneLineInTheLogThatNamesItsCall(t *testing.T) {
	r := bareRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	var logged buffer
	r.log = slog.NewJSONHandler(&logged, nil)
	r.start()
	r.install()
	refused := r.refusing("telephony.externalCall.register", 403, "ACCESS_DENIED")
	r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
	r.troubled("c1", models.AttentionFailed)
	call := float64(r.row("c1").ID)
	refused.Remove()
	r.mend("c1", "retry", nil)
	r.eventually("the call is done", func() bool { return r.row("c1").State == models.CallFinished })
	portal := float64(r.stored().ID)
	r.stop()

	told := logLines(t, logged.String(), map[string]any{"route": "/pbx/v1/events", "status": 202.0})
	if len(told) != 1 {
		t.Fatalf("%d lines about the events", len(told))
	}
	trace := told[0]["trace"]
	var got []map[string]any
	for _, line := range logLines(t, logged.String(), map[string]any{"msg": "job", "kind": "call", "call": call}) {
		got = append(got, steady(line))
	}
	if len(got) < 2 {
		t.Fatalf("%d lines about the call", len(got))
	}
	if diff := cmp.Diff(map[string]any{
		"level": "WARN", "msg": "job", "kind": "call", "outcome": "given_up", "portal": portal, "call": call, "trace": trace, "code": "ACCESS_DENIED",
	}, got[0]); diff != "" {
		t.Errorf("the first (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]any{
		"level": "INFO", "msg": "job", "kind": "call", "outcome": "done", "attempt": 1.0, "portal": portal, "call": call, "trace": trace,
	}, got[1]); diff != "" {
		t.Errorf("the second (-want +got):\n%s", diff)
	}
	jobs := map[any]int{}
	for _, line := range logLines(t, logged.String(), map[string]any{"msg": "job", "outcome": "done"}) {
		if line["job"] != nil { // a round for the events of a call is none of the queue's jobs
			jobs[line["job"]]++
		}
	}
	for id, n := range jobs {
		if n != 1 {
			t.Errorf("%d lines about job %v", n, id)
		}
	}
}

// traces are those that the lines with all of pick name, once each, in order.
func traces(t *testing.T, text string, pick map[string]any) []string {
	t.Helper()
	var all []string
	for _, line := range logLines(t, text, pick) {
		trace, _ := line["trace"].(string)
		if !slices.Contains(all, trace) {
			all = append(all, trace)
		}
	}
	return all
}

func TestTheLinesOfRequestsLeadToThoseOfTheirCalls(t *testing.T) {
	r := bareRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	var logged buffer
	r.log = slog.NewJSONHandler(&logged, nil)
	r.start()
	r.install()
	r.tell(started("c1", "incoming", "+4930901821"))
	r.tell(ended("c1", "answered", 5))
	b := r.neighbour("other")
	b.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
	var portals []float64
	for _, one := range []*rig{r, b} {
		portals = append(portals, float64(one.stored().ID))
		one.finished(1)
		one.click(b24sim.Click{UserID: omar, Phone: "+4930901822"})
		one.eventually("the PBX is told", func() bool { return len(one.pbx.taken()) == 1 })
	}
	r.stop()

	text, seen := logged.String(), map[string]bool{}
	for _, portal := range portals {
		call := traces(t, text, map[string]any{"route": "/pbx/v1/events", "portal": portal})
		click := traces(t, text, map[string]any{"msg": "job", "kind": "tell", "portal": portal})
		if len(call) != 1 || len(click) != 1 {
			t.Fatalf("calls %q, clicks %q", call, click)
		}
		for _, trace := range []string{call[0], click[0]} {
			if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(trace) || seen[trace] {
				t.Errorf("trace %q", trace)
			}
			seen[trace] = true
		}
		if jobs := traces(t, text, map[string]any{"msg": "job", "kind": "call", "portal": portal}); !slices.Contains(jobs, call[0]) || !slices.Contains(jobs, click[0]) {
			t.Errorf("jobs %q lack %q or %q", jobs, call, click)
		}
		if events := traces(t, text, map[string]any{"route": "/b24/events"}); !slices.Contains(events, click[0]) {
			t.Errorf("events of Bitrix24 %q lack %q", events, click)
		}
	}
}
