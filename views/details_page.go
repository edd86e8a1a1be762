package views

import "strconv"

// CallDetails is the dialog about one call.
type CallDetails struct {
	L         Localizer
	ID        int64
	Session   string
	Admin     bool
	Title     string     // "Incoming call from +49 …"
	Notice    *Notice    // what a mend came to; nil without one
	Attention *Attention // what is to be mended; nil when all is well
	Mends     []MendCode // what else an administrator may do
	Explained []string   // what is special: ignored, dry run
	Facts     []Fact     // what stands in the row, and more
	Timeline  []TimelineEvent
	Steps     []StepRow        // what the app did
	Decision  *DecisionDetails // nil: not decided yet
	Result    Result
	Created   []EntityLink
	LoggedTo  []EntityLink
	Outside   bool        // the call is over, and Bitrix24 does not know it
	Card      *EntityLink // the client's card that an administrator chose
	Outcomes  []string    // sentences: what actually happened (decision.md part E)
	Recording RecordingDetails
	Requests  []RequestRow
	Problem   string // why it failed or waits; empty when all is well
	Link      string // address in the portal that opens this dialog; empty when none is known
}

// A Fact is a name and a value.
type Fact struct{ Name, Value string }

// A Notice says what a mend came to.
type Notice struct {
	Text   string
	Failed bool
}

// An Attention is what an administrator is to mend.
type Attention struct {
	Code    string // failed, create, partial, unmapped, noextension, card
	Title   string
	Text    string
	Choices []Option // of unmapped and card
}

// A MendCode is something an administrator may do about a call.
type MendCode string

// The mends that are a button alone.
const (
	MendRetry  MendCode = "retry"
	MendMissed MendCode = "missed"
	MendReplay MendCode = "replay"
	MendSettle MendCode = "settle"
)

// The mends that need a choice.
const (
	mendExtension MendCode = "extension"
	mendCard      MendCode = "card"
)

// A TimelineEvent is something that happened in a call.
type TimelineEvent struct {
	Event    string // words
	Detail   string // who, how: "104 Anna Brandt"; empty when there is no more to say
	Source   string // "Cloud PBX", "Bitrix24"
	Happened Moment
	Arrived  Moment
	Late     string // "12 s later"; empty when under a second
}

// A StepRow is something the app did for a call.
type StepRow struct {
	Step   string
	At     Moment
	Code   string // how it failed
	Failed bool
}

// DecisionDetails explains a decision.
type DecisionDetails struct {
	Sentence    string
	Create      string
	Notes       []string
	Row         string // "Row 4 of the table for incoming calls"; empty for special calls
	Conditions  []Fact
	Tried       []TriedRow
	WouldChange string // the one switch, or that there is none
	Owner       string // who is responsible by the line's own rule; empty without one
	Line        string // that the line's own rules counted; empty when they did not
	Version     string // version of the settings that decided
}

// A TriedRow is a row of decision.md B.3 that was tried, in order.
type TriedRow struct {
	Row       string // "D4"
	Condition string // words
	Held      bool
}

// RecordingDetails is what there is to say about a recording, and where it can
// be heard; Player is empty when it cannot.
type RecordingDetails struct {
	Text   string
	Failed bool
	Player string
}

// A RequestRow is a line of the REST log.
type RequestRow struct {
	At       Moment
	Method   string
	Duration string
	Code     string // "200", or "400 ERROR_CORE"
	Sent     string // what was asked and what came back, masked; JSON
	Answered string // empty for no answer
	Failed   bool
}

// parts are the sections of the dialog, in order, by their words.
var parts = []string{"timeline", "decision", "entities", "recording", "requests"}

func (d CallDetails) address() string { return "/calls/" + strconv.FormatInt(d.ID, 10) }

// notLogged says where a call is that stands on no card.
func (d CallDetails) notLogged() string {
	switch {
	case d.Decision == nil || len(d.Explained) > 0:
		return d.L.T("details.logged.not")
	case d.Outside:
		return d.L.T("details.logged.outside")
	}
	return d.L.T("details.logged.none")
}

func (d CallDetails) mendAddress(m MendCode) string { return d.address() + "/" + string(m) }

func (n Notice) tone() string {
	if n.Failed {
		return "danger"
	}
	return "success"
}

func (n Notice) icon() string {
	if n.Failed {
		return "triangle-alert"
	}
	return "circle-check"
}

// retriable reports that the mend of this is to try again.
func (a Attention) retriable() bool {
	return a.Code == "failed" || a.Code == "create" || a.Code == "partial"
}
