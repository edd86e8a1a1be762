package callflow

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"testing"
	"testing/iotest"

	"callwise/app/b24"
	"callwise/app/call"
	"callwise/models"
)

// FuzzBitrix24Event takes a body of /b24/events as far as the call that is
// worked on.
func FuzzBitrix24Event(f *testing.F) {
	for _, name := range []string{b24.ExternalCallStart, b24.ExternalCallBackStart, b24.VoximplantInit, b24.VoximplantStart, b24.VoximplantEnd} {
		f.Add("event=" + name + "&auth[member_id]=m&auth[application_token]=t&ts=1786527000&data[CALL_ID]=externalCall.1&data[PHONE_NUMBER]=%2B493012&data[CALL_TYPE]=2&data[CALLER_ID]=x&data[CALL_DURATION]=-1&data[CALL_FAILED_CODE]=304")
	}
	f.Fuzz(func(t *testing.T, body string) {
		form, err := url.ParseQuery(body)
		if err != nil {
			return
		}
		event, err := b24.ParseEvent(form)
		if err != nil {
			if !errors.Is(err, b24.ErrMalformed) {
				t.Fatalf("error %v", err)
			}
			return
		}
		if event.SentBy("") || event.SentBy(event.ApplicationToken+"x") {
			t.Fatal("a wrong token proves it")
		}
		stored, ours, err := CallEvent(event)
		if err != nil || !ours {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
		if !json.Valid(stored.Payload) || bytes.Contains(stored.Payload, []byte(`\u0000`)) || stored.EventKey == "" || stored.CallKey == "" {
			t.Fatalf("%+v cannot be stored", stored)
		}
		told, err := tellAll([]models.Event{stored})
		if err != nil {
			t.Fatal(err)
		}
		if folded := call.Fold(told); folded.Duration < 0 {
			t.Fatalf("%+v", folded)
		}
	})
}

// FuzzRecording reads an upload in pieces of any size.
func FuzzRecording(f *testing.F) {
	f.Add([]byte("RIFF\x24\x00\x00\x00WAVEfmt "), true)
	f.Add([]byte("ID3\x04\x00\x00\x00\x00\x00\x00"), false)
	f.Add([]byte("\xff\xfb\x90\x00"), true)
	f.Add([]byte("<html><script>alert(1)</script>"), true)
	f.Add([]byte{}, true)
	f.Fuzz(func(t *testing.T, body []byte, slowly bool) {
		var from io.Reader = bytes.NewReader(body)
		if slowly {
			from = iotest.OneByteReader(from)
		}
		p := &pieces{body: from, buffer: make([]byte, 64)}
		var read []byte
		for {
			piece, err := p.next()
			if err != nil {
				t.Fatal(err)
			}
			if len(piece) == 0 {
				break
			}
			read = append(read, piece...)
		}
		if !bytes.Equal(read, body) {
			t.Fatal("not what was sent")
		}
		kind := audioKind(body)
		if kind != "" && kind != "wav" && kind != "mp3" {
			t.Fatalf("kind %q", kind)
		}
		if kind != "" && (bytes.HasPrefix(body, []byte("<")) || bytes.HasPrefix(body, []byte("MZ")) || bytes.HasPrefix(body, []byte("%PDF"))) {
			t.Fatalf("a page or a program is %s", kind)
		}
	})
}
