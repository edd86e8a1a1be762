// Package call holds what happens on the phone line, in words of no PBX and no
// CRM: events, the call they add up to, and phone numbers.
package call

import "time"

// A Direction is which way a call goes.
type Direction string

// Directions of a call.
const (
	Incoming   Direction = "incoming"
	Outgoing   Direction = "outgoing"
	Redirected Direction = "redirected" // incoming, sent on to a number outside
	Callback   Direction = "callback"   // the customer asked on a form to be called
	Info       Direction = "info"       // a robot plays a message
	Internal   Direction = "internal"   // between two extensions
)

// An EventType says what happened.
type EventType string

// Types of events.
const (
	Started         EventType = "call.started"
	Ringing         EventType = "call.ringing"
	Answered        EventType = "call.answered"
	Transferred     EventType = "call.transferred"
	Ended           EventType = "call.ended"
	RecordingReady  EventType = "recording.ready"
	TranscriptReady EventType = "transcript.ready"
)

// A Status is how a call ended.
type Status string

// Statuses of an ended call.
const (
	StatusAnswered      Status = "answered"
	StatusMissed        Status = "missed"
	StatusDeclined      Status = "declined"
	StatusCancelled     Status = "cancelled"
	StatusBusy          Status = "busy"
	StatusNoAnswer      Status = "no_answer"
	StatusInvalidNumber Status = "invalid_number"
	StatusUnavailable   Status = "unavailable"
	StatusNoFunds       Status = "no_funds"
	StatusBlocked       Status = "blocked"
	StatusFailed        Status = "failed"
)

// MissedStatuses are those of an incoming call that nobody took, of which Bitrix24
// wants the customer to be called back. Declined, blocked and failed ones are not
// among them.
var MissedStatuses = []Status{StatusMissed, StatusCancelled, StatusNoAnswer, StatusBusy, StatusUnavailable}

// A Side says who of the two spoke.
type Side string

// Sides of a conversation.
const (
	Client Side = "client"
	User   Side = "user"
)

// A Message is one utterance of a transcript; Start and Stop are seconds from
// the beginning of the conversation.
type Message struct {
	Side  Side   `json:"side"`
	Start int    `json:"start"`
	Stop  int    `json:"stop"`
	Text  string `json:"text"`
}

// An Event is one thing a PBX reports about a call. Which fields are filled
// depends on the type (interface.md §4); an [Ended] event may carry those of
// [Started] as well. The JSON is the wire's.
type Event struct {
	Type       EventType `json:"type"`
	CallID     string    `json:"call"`
	At         time.Time `json:"at"`
	Direction  Direction `json:"direction,omitempty"`
	Phone      string    `json:"phone,omitempty"`
	Line       string    `json:"line,omitempty"`
	Extensions []string  `json:"extensions,omitempty"`
	B24ID      string    `json:"bitrix24_call_id,omitempty"`
	Extension  string    `json:"extension,omitempty"`
	From       string    `json:"from,omitempty"`
	To         string    `json:"to,omitempty"`
	Status     Status    `json:"status,omitempty"`
	Duration   int       `json:"duration,omitempty"` // seconds of talk
	URL        string    `json:"url,omitempty"`
	Messages   []Message `json:"messages,omitempty"`
}

// A Call is what its events add up to so far. Times are UTC.
type Call struct {
	Direction    Direction `json:"direction"`
	Phone        string    `json:"phone"` // as the PBX spells it, see [ParsePhone]
	Line         string    `json:"line"`
	Extensions   []string  `json:"extensions"` // that rang, first rung first
	Ringing      []string  `json:"ringing"`    // that ring now, also while somebody talks
	B24ID        string    `json:"bitrix24_call_id"`
	StartedAt    time.Time `json:"started_at"`
	AnsweredAt   time.Time `json:"answered_at"` // zero while, or when, nobody answered
	EndedAt      time.Time `json:"ended_at"`    // zero until it ended
	AnsweredBy   string    `json:"answered_by"` // extension that answered first
	TalkedLast   string    `json:"talked_last"` // extension that talked last
	Status       Status    `json:"status"`      // empty until it is answered or ended
	Duration     int       `json:"duration"`    // seconds of talk, once ended
	Ended        bool      `json:"ended"`
	LegOnly      bool      `json:"leg_only"`      // perhaps: nobody answered, and only some of those who rang are said to have ended
	RecordingURL string    `json:"recording_url"` // of the first
	Transcript   []Message `json:"transcript"`
}

// Answered reports whether somebody talked to the client.
func (c Call) Answered() bool {
	return c.Status == StatusAnswered
}

// Plausible reports a time of this century in UTC: calls have no other, and neither
// databases nor JSON take all that a zone can make of a year.
func Plausible(at time.Time) bool {
	year := at.UTC().Year()
	return year >= 2000 && year < 2100
}
