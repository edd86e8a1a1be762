package call

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 8, 21, 12, 0, 0, 0, time.UTC)

func at(second int) time.Time { return noon.Add(seconds(second)) }

func TestFold(t *testing.T) {
	started := Event{Type: Started, At: at(0), Direction: Incoming, Phone: "+493012345678", Line: "4930999", Extensions: []string{"101", "102"}}
	answered := Event{Type: Answered, At: at(8), Extension: "102"}
	ended := Event{Type: Ended, At: at(68), Extension: "102", Status: StatusAnswered, Duration: 60}
	talk := Call{
		Direction: Incoming, Phone: "+493012345678", Line: "4930999", Extensions: []string{"101", "102"},
		StartedAt: at(0), AnsweredAt: at(8), EndedAt: at(68), AnsweredBy: "102", TalkedLast: "102",
		Status: StatusAnswered, Duration: 60, Ended: true,
	}
	with := func(change func(*Call)) Call {
		c := talk
		change(&c)
		return c
	}
	tests := []struct {
		name   string
		events []Event
		want   Call
	}{
		{"no event, no call", nil, Call{Extensions: []string{}}},
		{"a call in its order", []Event{started, answered, ended}, talk},
		{"a call while it rings", []Event{started}, Call{
			Direction: Incoming, Phone: "+493012345678", Line: "4930999", Extensions: []string{"101", "102"},
			Ringing: []string{"101", "102"}, StartedAt: at(0),
		}},
		{"a queue that goes on to the next one", []Event{started, {Type: Ringing, At: at(4), Extensions: []string{"103"}}}, Call{
			Direction: Incoming, Phone: "+493012345678", Line: "4930999", Extensions: []string{"101", "102", "103"},
			Ringing: []string{"103"}, StartedAt: at(0),
		}},
		{"a group that is rung one by one in a moment", []Event{
			{Type: Ringing, At: at(0), Extensions: []string{"103"}}, {Type: Ringing, At: at(0), Extensions: []string{"104", "103"}},
		}, Call{Extensions: []string{"103", "104"}, Ringing: []string{"103", "104"}, StartedAt: at(0)}},
		{"a colleague who is rung while the call is held", []Event{
			started, answered, {Type: Ringing, At: at(20), Extensions: []string{"105"}},
		}, Call{
			Direction: Incoming, Phone: "+493012345678", Line: "4930999", Extensions: []string{"101", "102", "105"}, Ringing: []string{"105"},
			StartedAt: at(0), AnsweredAt: at(8), AnsweredBy: "102", TalkedLast: "102", Status: StatusAnswered,
		}},
		{"an ended event alone is a call", []Event{{
			Type: Ended, At: at(68), Direction: Outgoing, Phone: "030", Line: "4930999", Extension: "102", Status: StatusAnswered, Duration: 60,
		}}, Call{
			Direction: Outgoing, Phone: "030", Line: "4930999", Extensions: []string{}, StartedAt: at(8), AnsweredAt: at(8), EndedAt: at(68),
			AnsweredBy: "102", TalkedLast: "102", Status: StatusAnswered, Duration: 60, Ended: true,
		}},
		{"a missed call", []Event{started, {Type: Ended, At: at(30), Status: StatusMissed, Extension: "101"}}, Call{
			Direction: Incoming, Phone: "+493012345678", Line: "4930999", Extensions: []string{"101", "102"},
			StartedAt: at(0), EndedAt: at(30), Status: StatusMissed, Ended: true, LegOnly: true,
		}},
		{"a missed call of which each leg's end is told", []Event{
			started, {Type: Ended, At: at(28), Status: StatusNoAnswer, Extension: "102"}, {Type: Ended, At: at(30), Status: StatusMissed, Extension: "101"},
		}, Call{
			Direction: Incoming, Phone: "+493012345678", Line: "4930999", Extensions: []string{"101", "102"},
			StartedAt: at(0), EndedAt: at(30), Status: StatusMissed, Ended: true,
		}},
		{"a missed call whose end is of no leg", []Event{started, {Type: Ended, At: at(30), Status: StatusMissed}}, Call{
			Direction: Incoming, Phone: "+493012345678", Line: "4930999", Extensions: []string{"101", "102"},
			StartedAt: at(0), EndedAt: at(30), Status: StatusMissed, Ended: true,
		}},
		{"a leg that nobody answered does not end the talk of another", []Event{
			started, answered, {Type: Ended, At: at(20), Status: StatusMissed, Extension: "101"},
		}, with(func(c *Call) { c.EndedAt, c.Duration, c.Ended = time.Time{}, 0, false })},
		{"an answered call does not become missed by a late leg", []Event{
			started, answered, ended, {Type: Ended, At: at(90), Extension: "101", Status: StatusMissed, Duration: 99},
		}, talk},
		{"an answered call that failed was answered", []Event{
			started, answered, {Type: Ended, At: at(68), Status: StatusFailed},
		}, talk},
		{"who rings later rings after", []Event{started, {Type: Ringing, At: at(4), Extensions: []string{"102", "103"}}, answered, ended},
			with(func(c *Call) { c.Extensions = []string{"101", "102", "103"} })},
		{"whom the end repeats rang first", []Event{
			{Type: Ringing, At: at(4), Extensions: []string{"103"}}, {Type: Ended, At: at(30), Direction: Incoming, Extensions: []string{"101"}, Status: StatusMissed},
		}, Call{
			Direction: Incoming, Extensions: []string{"101", "103"}, StartedAt: at(4), EndedAt: at(30), Status: StatusMissed, Ended: true,
		}},
		{"who a call is transferred to talked last", []Event{
			started, answered, {Type: Transferred, At: at(20), From: "102", To: "105"}, {Type: Ended, At: at(68), Status: StatusAnswered, Duration: 60},
		}, with(func(c *Call) { c.TalkedLast = "105" })},
		{"the end knows better who talked last", []Event{
			started, answered, {Type: Transferred, At: at(20), From: "102", To: "105"}, ended,
		}, talk},
		{"an answered call whose PBX counts no seconds", []Event{
			started, answered, {Type: Ended, At: at(68), Status: StatusAnswered},
		}, talk},
		{"recording and transcript", []Event{
			started, answered, ended,
			{Type: RecordingReady, At: at(80), URL: "https://pbx.example/2.mp3"},
			{Type: RecordingReady, At: at(70), URL: "https://pbx.example/1.mp3"},
			{Type: TranscriptReady, At: at(75), Messages: []Message{{Client, 0, 4, "hello"}}},
		}, with(func(c *Call) {
			c.RecordingURL, c.Transcript = "https://pbx.example/1.mp3", []Message{{Client, 0, 4, "hello"}}
		})},
		{"times in another zone", []Event{
			started, answered, {Type: Ended, At: at(68).In(time.FixedZone("", 7200)), Extension: "102", Status: StatusAnswered, Duration: 60},
		}, talk},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Fold(tt.events)); diff != "" {
				t.Errorf("Fold (-want +got):\n%s", diff)
			}
		})
	}
}

// Each extension compared with all before it would take a core for half an hour.
func TestOfVeryManyExtensionsTheFirstAreKept(t *testing.T) {
	const events, each, kept = 10_000, 100, 200
	for _, apart := range []int{0, 1} {
		var rung []Event
		var first []string
		for n := range events {
			e := Event{Type: Ringing, At: at(apart * n)}
			for x := range each {
				e.Extensions = append(e.Extensions, fmt.Sprintf("%06d", n*each+x))
			}
			rung = append(rung, e)
		}
		for x := range kept {
			first = append(first, fmt.Sprintf("%06d", x))
		}
		want := Call{Extensions: first, Ringing: first, StartedAt: at(0)}
		if apart > 0 {
			want.Ringing = rung[events-1].Extensions
		}
		if diff := cmp.Diff(want, Fold(rung)); diff != "" {
			t.Errorf("%d s apart (-want +got):\n%s", apart, diff)
		}
	}
}

func TestFoldDoesNotDependOnOrderOrRepetition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := rapid.SliceOfN(rapid.Custom(drawEvent), 1, 8).Draw(t, "events")
		twice := append(slices.Clone(events), rapid.SliceOf(rapid.SampledFrom(events)).Draw(t, "again")...)
		shuffled := rapid.Permutation(twice).Draw(t, "shuffled")
		before := slices.Clone(shuffled)
		want, got := Fold(events), Fold(shuffled)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("Fold (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(before, shuffled); diff != "" {
			t.Fatalf("Fold changed its argument (-want +got):\n%s", diff)
		}
		saysAnswered := slices.ContainsFunc(events, func(e Event) bool {
			return e.Type == Answered || e.Type == Ended && e.Status == StatusAnswered
		})
		if got.Answered() != saysAnswered {
			t.Fatalf("answered = %v, want %v", got.Answered(), saysAnswered)
		}
	})
}

func drawEvent(t *rapid.T) Event {
	extension := rapid.SampledFrom([]string{"", "101", "102", "103"})
	zone := time.FixedZone("", 3600*rapid.IntRange(-2, 2).Draw(t, "zone"))
	return Event{
		Type:       rapid.SampledFrom(lifecycle).Draw(t, "type"),
		At:         at(rapid.IntRange(0, 5).Draw(t, "at")).In(zone),
		Direction:  rapid.SampledFrom([]Direction{"", Incoming, Outgoing}).Draw(t, "direction"),
		Phone:      rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "phone"),
		Line:       rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "line"),
		Extensions: rapid.SliceOfN(extension, 0, 2).Draw(t, "extensions"),
		Extension:  extension.Draw(t, "extension"),
		To:         extension.Draw(t, "to"),
		Status:     rapid.SampledFrom([]Status{StatusAnswered, StatusMissed, StatusFailed}).Draw(t, "status"),
		Duration:   rapid.IntRange(0, 3).Draw(t, "duration"),
		URL:        rapid.SampledFrom([]string{"", "https://a", "https://b"}).Draw(t, "url"),
		Messages:   []Message{{Client, rapid.IntRange(0, 1).Draw(t, "start"), 2, "hi"}},
	}
}
