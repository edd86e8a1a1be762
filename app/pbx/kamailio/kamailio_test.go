package kamailio

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callwise/app/call"
	"callwise/app/pbx/pbxsim"

	"github.com/google/go-cmp/cmp"
)

func TestWhatKamailioTellsBecomesAnEvent(t *testing.T) {
	at := time.Date(2026, 11, 27, 1, 9, 8, 867_679_000, time.UTC)
	tell := func(kind string, change func(*told)) told {
		one := told{
			ID: "e1", Type: kind, At: "1795741748.867679", Call: "c1", Direction: call.Incoming, Phone: "+4930901820", Line: "4930901800",
			Extensions: "104, 105", Extension: "104",
		}
		if change != nil {
			change(&one)
		}
		return one
	}
	incoming := func(e call.Event) call.Event {
		e.CallID, e.At = "c1", at
		e.Direction, e.Phone, e.Line, e.Extensions = call.Incoming, "+4930901820", "4930901800", []string{"104", "105"}
		return e
	}
	for _, test := range []struct {
		told told
		want call.Event
	}{
		{tell("started", nil), incoming(call.Event{Type: call.Started})},
		{tell("ringing", nil), call.Event{Type: call.Ringing, CallID: "c1", At: at, Extensions: []string{"104", "105"}}},
		{tell("answered", nil), call.Event{Type: call.Answered, CallID: "c1", At: at, Extension: "104"}},
		{tell("ended", func(t *told) { t.Code, t.Seconds = 200, 6 }), incoming(call.Event{Type: call.Ended, Extension: "104", Status: call.StatusAnswered, Duration: 6})},
		{tell("ended", func(t *told) { t.Code, t.Seconds = 486, 6 }), incoming(call.Event{Type: call.Ended, Extension: "104", Status: call.StatusBusy})},
	} {
		got, err := test.told.event()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(pbxsim.Event{ID: "e1", Event: test.want}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.told.Type, diff)
		}
	}
	for _, malformed := range []told{tell("paused", nil), tell("started", func(t *told) { t.At = "yesterday" }), tell("started", func(t *told) { t.At = "-1" })} {
		if got, err := malformed.event(); err == nil {
			t.Errorf("%+v became %+v", malformed, got)
		}
	}
}

// A message that Kamailio has begun to read and does not take in time leaves
// nothing that a later message could follow.
func TestAMessageThatIsTakenInPartEndsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		w := &carrier{link: near}
		go io.CopyN(io.Discard, far, 3) //nolint:errcheck // it stops there
		if err := w.tell(map[string]string{"taken": "e1"}); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("told in part: %v", err)
		}
		if _, err := far.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the connection goes on: %v", err)
		}
	})
}

func TestTheCodeOfSIPTellsHowACallEnded(t *testing.T) {
	type ways struct{ Incoming, Outgoing call.Status }
	got := map[int]ways{}
	for _, code := range []int{0, 200, 402, 403, 404, 408, 410, 480, 484, 486, 487, 488, 500, 503, 600, 603, 604} {
		got[code] = ways{told{Code: code, Direction: call.Incoming}.status(), told{Code: code, Direction: call.Outgoing}.status()}
	}
	both := func(status call.Status) ways { return ways{status, status} }
	want := map[int]ways{
		200: both("answered"), 402: both("no_funds"), 403: both("blocked"), 486: both("busy"), 600: both("busy"), 603: both("declined"),
		404: both("invalid_number"), 410: both("invalid_number"), 484: both("invalid_number"), 604: both("invalid_number"),
		408: {"missed", "no_answer"}, 480: {"missed", "unavailable"}, 503: {"missed", "unavailable"}, 487: {"missed", "cancelled"},
		0: both("failed"), 488: both("failed"), 500: both("failed"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFramesAreNetstrings(t *testing.T) {
	for text, want := range map[string]error{
		"5:hello,": nil, "0:,": nil,
		"5:hello;": errFrame, "x:,": errFrame, "-1:,": errFrame, "65537:": errFrame, "99999999999999999999:": errFrame,
		"5:hel": io.ErrUnexpectedEOF, "5": io.EOF, "": io.EOF,
	} {
		frame, err := readFrame(bufio.NewReader(strings.NewReader(text)))
		if !errors.Is(err, want) {
			t.Errorf("%q: %q, %v, want %v", text, frame, err, want)
		}
		var back strings.Builder
		if err == nil && (writeFrame(&back, frame) != nil || back.String() != text) {
			t.Errorf("%q is written as %q", text, back.String())
		}
	}
}

// The names are RTPengine's own of 10.5.3.
func TestARecordingIsFoundByItsCallOnceItIsClosed(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "a[b]*")
	for _, name := range []string{
		"metadata/rtpengine-meta-a-b%4010.0.0.1-eb0d8b4d622e5a0c.txt", "metadata/rtpengine-meta-a%20b%2F%25%2A%5Bx%5D-0bdbd0da34f802ee.txt",
		"metadata/rtpengine-meta-x~y_z.%21%27%28%29%2B%2C%3B%3A%3D%26%24%C3%A9-686132be20ffae04.txt",
		"tmp/rtpengine-meta-open-686132be20ffae04.tmp", "pcaps/open-686132be20ffae04.pcap",
	} {
		path := filepath.Join(folder, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for id, want := range map[string]string{
		"a-b@10.0.0.1": "a-b%4010.0.0.1-eb0d8b4d622e5a0c.pcap", "a b/%*[x]": "a%20b%2F%25%2A%5Bx%5D-0bdbd0da34f802ee.pcap",
		"x~y_z.!'()+,;:=&$é": "x~y_z.%21%27%28%29%2B%2C%3B%3A%3D%26%24%C3%A9-686132be20ffae04.pcap",
		"a":                  "", "a-b": "", "open": "", "": "", "../pcaps/open": "", "*": "",
	} {
		if want != "" {
			want = filepath.Join(folder, "pcaps", want)
		}
		if got := findRecording(folder, id); got != want {
			t.Errorf("%q: %q, want %q", id, got, want)
		}
	}
}

func TestOnlySoMuchIsHeldAndEachEventOnce(t *testing.T) {
	w := &carrier{Connector: Connector{Log: slog.New(slog.DiscardHandler)}, queue: make(chan told, maxWaiting), here: map[string]bool{}}
	for i := range maxWaiting {
		frame := fmt.Appendf(nil, `{"id":"e%d"}`, i)
		if err := errors.Join(w.take(frame), w.take(frame)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(w.queue); n != maxWaiting {
		t.Errorf("%d events are held", n)
	}
	more := []byte(`{"id":"more"}`)
	if err := w.take(more); !errors.Is(err, errBehind) {
		t.Errorf("one more: %v", err)
	}
	w.done((<-w.queue).ID)
	if err := w.take(more); err != nil {
		t.Errorf("with room: %v", err)
	}
}
