package pbx

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"callwise/app/call"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 8, 21, 12, 0, 0, 0, time.UTC)

func TestParseEvents(t *testing.T) {
	event := func(change func(*call.Event)) []Event {
		e := call.Event{CallID: "c-917", At: noon}
		change(&e)
		return []Event{{"e-1", e}}
	}
	with := func(fields string) string {
		return `{"id":"e-1","call":"c-917","at":"2026-08-21T15:00:00+03:00",` + fields + `}`
	}
	tests := []struct {
		name, body string
		want       []Event
	}{
		{"started", with(`"type":"call.started","direction":"incoming","phone":"+493012345678","line":"4930999","extensions":["104","105"],"bitrix24_call_id":"externalCall.1"`),
			event(func(e *call.Event) {
				e.Type, e.Direction, e.Phone, e.Line = call.Started, call.Incoming, "+493012345678", "4930999"
				e.Extensions, e.B24ID = []string{"104", "105"}, "externalCall.1"
			})},
		{"started by a hidden number", with(`"type":"call.started","direction":"redirected"`),
			event(func(e *call.Event) { e.Type, e.Direction = call.Started, call.Redirected })},
		{"ringing", with(`"type":"call.ringing","extensions":["104"]`),
			event(func(e *call.Event) { e.Type, e.Extensions = call.Ringing, []string{"104"} })},
		{"answered", with(`"type":"call.answered","extension":"104"`),
			event(func(e *call.Event) { e.Type, e.Extension = call.Answered, "104" })},
		{"transferred", with(`"type":"call.transferred","from":"104","to":"105"`),
			event(func(e *call.Event) { e.Type, e.From, e.To = call.Transferred, "104", "105" })},
		{"ended", with(`"type":"call.ended","status":"answered","duration":95,"extension":"104"`),
			event(func(e *call.Event) { e.Type, e.Status, e.Duration, e.Extension = call.Ended, "answered", 95, "104" })},
		{"ended with all that started has", with(`"type":"call.ended","status":"missed","direction":"internal","phone":"105"`),
			event(func(e *call.Event) {
				e.Type, e.Status, e.Direction, e.Phone = call.Ended, "missed", call.Internal, "105"
			})},
		{"recording", with(`"type":"recording.ready","url":"http://127.0.0.1:9/1.mp3"`),
			event(func(e *call.Event) { e.Type, e.URL = call.RecordingReady, "http://127.0.0.1:9/1.mp3" })},
		{"transcript", with(`"type":"transcript.ready","messages":[{"side":"client","start":0,"stop":4,"text":"Hello,\nthere","mood":"good"}]`),
			event(func(e *call.Event) {
				e.Type, e.Messages = call.TranscriptReady, []call.Message{{Side: call.Client, Start: 0, Stop: 4, Text: "Hello,\nthere"}}
			})},
		{"what is not known is ignored, null is missing", with(`"type":"call.answered","extension":"104","from":null,"duration":null,"x":{"y":[1,{"z":null}]}`),
			event(func(e *call.Event) { e.Type, e.Extension = call.Answered, "104" })},
		{"128 characters, not bytes", `{"id":"e-1","call":"` + strings.Repeat("ж", 128) + `","at":"2026-08-21T12:00:00Z","type":"call.answered","extension":"1"}`,
			event(func(e *call.Event) {
				e.CallID, e.Type, e.Extension = strings.Repeat("ж", 128), call.Answered, "1"
			})},
		{"a fraction of a second", `{"id":"e-1","call":"c-917","at":"2026-08-21T12:00:00.25Z","type":"call.answered","extension":"1"}`,
			event(func(e *call.Event) {
				e.At, e.Type, e.Extension = noon.Add(250*time.Millisecond), call.Answered, "1"
			})},
		{"no event", ` [ ] `, []Event{}},
		{"an array", "[" + with(`"type":"call.answered","extension":"104"`) + "," + strings.Replace(with(`"type":"call.ended","status":"answered"`), "e-1", "e-2", 1) + "]",
			[]Event{
				{"e-1", call.Event{Type: call.Answered, CallID: "c-917", At: noon, Extension: "104"}},
				{"e-2", call.Event{Type: call.Ended, CallID: "c-917", At: noon, Status: "answered"}},
			}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseEvents([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("ParseEvents (-want +got):\n%s", diff)
			}
		})
	}
}

// good is an event that is right; replace makes it wrong.
const good = `{"id":"e-1","type":"call.started","call":"c-917","at":"2026-08-21T12:00:00Z","direction":"incoming","phone":"030","extensions":["104"],"extension":"1","to":"1","status":"missed","duration":1,"url":"https://a/b","messages":[{"side":"user","start":1,"stop":2,"text":"x"}]}`

func TestParseEventsRefuses(t *testing.T) {
	replace := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in the good event", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	as := func(eventType, without string) string {
		return strings.Replace(replace(`call.started`, eventType), without, ``, 1)
	}
	tests := []struct {
		name, body string
		want       Invalid
	}{
		{"a number", `1`, Invalid{"", "must be an event or an array of events"}},
		{"null", `null`, Invalid{"", "must be an event or an array of events"}},
		{"an array of numbers", `[1]`, Invalid{"/0", "must be an object"}},
		{"an array of null", `[null]`, Invalid{"/0", "must not be null"}},
		{"an empty object", `{}`, Invalid{"/id", "is required"}},
		{"the second event", "[" + good + `,{"id":"e-2"}]`, Invalid{"/1/type", "is required"}},
		{"101 events", "[" + strings.Repeat(good+",", 100) + good + "]", Invalid{"/100", "is too much: there may be 100 events"}},
		{"no id", replace(`"id":"e-1",`, ``), Invalid{"/id", "is required"}},
		{"null for an id", replace(`"e-1"`, `null`), Invalid{"/id", "is required"}},
		{"an empty id", replace(`"e-1"`, `""`), Invalid{"/id", "must have 1 to 128 characters"}},
		{"an id that is too long", replace(`e-1`, strings.Repeat("ж", 129)), Invalid{"/id", "must have 1 to 128 characters"}},
		{"an id that is a number", replace(`"e-1"`, `1`), Invalid{"/id", "must be a text"}},
		{"an id that a database cannot keep", replace(`e-1`, `e\u0000`), Invalid{"/id", "must have no control characters"}},
		{"an unknown type", replace(`call.started`, `call.begun`), Invalid{"/type", "is no known word"}},
		{"no call", replace(`"call":"c-917",`, ``), Invalid{"/call", "is required"}},
		{"no time", replace(`"at":"2026-08-21T12:00:00Z",`, ``), Invalid{"/at", "is required"}},
		{"a time without zone", replace(`00Z`, `00`), Invalid{"/at", "must be an RFC 3339 time with a zone"}},
		{"a time that is a number", replace(`"2026-08-21T12:00:00Z"`, `1787300010`), Invalid{"/at", "must be an RFC 3339 time with a zone"}},
		{"a day that is none", replace(`08-21`, `02-30`), Invalid{"/at", "must be an RFC 3339 time with a zone"}},
		{"a time of another age", replace(`2026`, `0000`), Invalid{"/at", "must be a time of this century"}},
		{"no direction", replace(`"direction":"incoming",`, ``), Invalid{"/direction", "is required"}},
		{"an unknown direction", replace(`incoming`, `info`), Invalid{"/direction", "is no known word"}},
		{"a phone that is a number", replace(`"030"`, `30`), Invalid{"/phone", "must be a text"}},
		{"a phone that is too long", replace(`030`, strings.Repeat("1", 65)), Invalid{"/phone", "must have 0 to 64 characters"}},
		{"extensions that are a text", replace(`["104"]`, `"104"`), Invalid{"/extensions", "must be an array of extensions"}},
		{"an extension that is a number", replace(`["104"]`, `["103",104]`), Invalid{"/extensions/1", "must be a text"}},
		{"an extension that is null", replace(`["104"]`, `["103",null]`), Invalid{"/extensions/1", "must not be null"}},
		{"an empty extension", replace(`["104"]`, `[""]`), Invalid{"/extensions/0", "must have 1 to 32 characters"}},
		{"101 extensions", replace(`["104"]`, `["1"`+strings.Repeat(`,"1"`, 100)+`]`), Invalid{"/extensions/100", "is too much: there may be 100 extensions"}},
		{"nobody rings", as(`call.ringing`, `"extensions":["104"],`), Invalid{"/extensions", "is required"}},
		{"nobody answers", as(`call.answered`, `"extension":"1",`), Invalid{"/extension", "is required"}},
		{"transferred to nobody", as(`call.transferred`, `"to":"1",`), Invalid{"/to", "is required"}},
		{"ended without a status", as(`call.ended`, `"status":"missed",`), Invalid{"/status", "is required"}},
		{"a recording without an address", as(`recording.ready`, `"url":"https://a/b",`), Invalid{"/url", "is required"}},
		{"a transcript without messages", as(`transcript.ready`, `,"messages":[{"side":"user","start":1,"stop":2,"text":"x"}]`), Invalid{"/messages", "is required"}},
		{"an unknown status", replace(`missed`, `gone`), Invalid{"/status", "is no known word"}},
		{"a negative duration", replace(`"duration":1`, `"duration":-1`), Invalid{"/duration", "must be a whole number of seconds, not negative"}},
		{"half a second", replace(`"duration":1`, `"duration":0.5`), Invalid{"/duration", "must be a whole number of seconds, not negative"}},
		{"more seconds than a database keeps", replace(`"duration":1`, `"duration":2147483648`), Invalid{"/duration", "must be a whole number of seconds, not negative"}},
		{"a duration in quotes", replace(`"duration":1`, `"duration":"1"`), Invalid{"/duration", "must be a whole number of seconds"}},
		{"a file", replace(`https://a/b`, `file:///etc/passwd`), Invalid{"/url", "must be an http or https address"}},
		{"an address without a host", replace(`https://a/b`, `https:///b`), Invalid{"/url", "must be an http or https address"}},
		{"an address with a line break", replace(`https://a/b`, `https://a/\n`), Invalid{"/url", "must have no control characters"}},
		{"an unknown side", replace(`"side":"user"`, `"side":"boss"`), Invalid{"/messages/0/side", "is no known word"}},
		{"a silent message", replace(`"text":"x"`, `"text":""`), Invalid{"/messages/0/text", "is required"}},
		{"a message that a database cannot keep", replace(`"text":"x"`, `"text":"\u0000"`), Invalid{"/messages/0/text", "must have no control characters"}},
		{"a message that is too long", replace(`"text":"x"`, `"text":"`+strings.Repeat("x", 10_001)+`"`), Invalid{"/messages/0/text", "must have at most 10000 characters"}},
		{"a message that ends before it begins", replace(`"stop":2`, `"stop":0`), Invalid{"/messages/0/stop", "must not be before start"}},
		{"a message that is a text", replace(`[{"side":"user","start":1,"stop":2,"text":"x"}]`, `["x"]`), Invalid{"/messages/0", "must be an object"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			events, err := ParseEvents([]byte(tt.body))
			got, ok := errors.AsType[*Invalid](err)
			if !ok || events != nil {
				t.Fatalf("ParseEvents = %v, %v", events, err)
			}
			if diff := cmp.Diff(tt.want, *got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseEventsRefusesWhatIsNoJSON(t *testing.T) {
	for name, body := range map[string]string{
		"nothing":                    ``,
		"space":                      ` `,
		"half an event":              good[:50],
		"two events":                 good + good,
		"a trailing comma":           `[` + good + `,]`,
		"a name twice":               `{"id":"1","id":"2"}`,
		"bytes that are no UTF-8":    "{\"id\":\"\xff\"}",
		"deep nesting":               strings.Repeat(`[`, 100_000),
		"deep nesting, well ended":   nested(32),
		"wrong before it is no JSON": `{"id":1,`,
	} {
		if events, err := ParseEvents([]byte(body)); !errors.Is(err, ErrSyntax) || events != nil {
			t.Errorf("%s: %v, %v", name, events, err)
		}
	}
}

func TestParseEventsPassesOverWhatItDoesNotKnow(t *testing.T) {
	want, err := ParseEvents([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseEvents([]byte(nested(31)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// nested is a good event with an unknown field of arrays in arrays.
func nested(depth int) string {
	return `{"x":` + strings.Repeat(`[`, depth) + strings.Repeat(`]`, depth) + `,` + strings.TrimPrefix(good, `{`)
}

func TestErrorsQuoteNothing(t *testing.T) {
	_, err := ParseEvents([]byte(strings.Replace(good, `"030"`, `["+493012345678"]`, 1)))
	if got, want := fmt.Sprint(err), "pbx: /phone must be a text"; got != want {
		t.Errorf("error = %q, want %q", got, want)
	}
}

// FuzzParseEvents: what is read can be stored and read again.
func FuzzParseEvents(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("[" + good + "]"))
	f.Add([]byte(`{"id":1`))
	f.Fuzz(func(t *testing.T, body []byte) {
		events, err := ParseEvents(body)
		if err != nil {
			if _, ok := errors.AsType[*Invalid](err); !ok && !errors.Is(err, ErrSyntax) {
				t.Fatalf("error %v", err)
			}
			return
		}
		for _, e := range events {
			stored, err := json.Marshal(e.Event)
			if err != nil {
				t.Fatal(err)
			}
			var again call.Event
			if err := json.Unmarshal(stored, &again); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(call.Fold([]call.Event{e.Event}), call.Fold([]call.Event{again})); diff != "" {
				t.Fatalf("stored and read (-want +got):\n%s", diff)
			}
		}
	})
}
