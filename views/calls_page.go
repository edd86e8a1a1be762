package views

// A CallsPage is the call log.
type CallsPage struct {
	Page
	Filter   CallFilter
	Rows     []CallRow
	More     string // cursor of the next page; empty at the end
	Searched string // how far back the search has come, if it goes on; else empty
	Found    int    // calls that the search has found so far
	Newest   string // id of the newest call that the log has
	Overview *Overview
	Empty    EmptyState // why Rows is empty
	Open     *CallDetails
}

// An EmptyState says why there is nothing to show.
type EmptyState string

// The empty states of the call log.
const (
	NotEmpty      EmptyState = ""
	EmptyPBX      EmptyState = "not_connected" // no PBX key yet
	EmptyLog      EmptyState = "no_calls"
	EmptyFiltered EmptyState = "no_results"
	EmptyWaiting  EmptyState = "waiting" // the portal answers nothing now
)

// An Option is one choice of a select or a radio group.
type Option struct {
	Value, Label string
	Chosen       bool
}

// A CallRow is one call in the log.
type CallRow struct {
	L         Localizer
	ID        int64
	Time      Moment
	Direction string // incoming, outgoing, …: chooses the icon
	Answered  bool   // colours the icon
	Call      string // "Incoming, answered"
	Customer  string // name, or empty
	Phone     string // number as people write it, or "Hidden number"
	Employee  string // empty: nobody
	Extension string
	Line      string
	Duration  string // "1:05"; empty: no talk
	Result    Result
	Why       string // the reason's sentence; empty while undecided
	Recording string // words; empty: none
	Going     string // id and version of a call that may still change; else empty
}

// A Result says what became of a call. Lines are read one after another.
type Result struct {
	Kind  ResultKind
	Lines []ResultLine
}

// A ResultKind colours the result's mark.
type ResultKind string

// The kinds of result.
const (
	ResultCreated  ResultKind = "created"
	ResultAdded    ResultKind = "added"
	ResultNothing  ResultKind = "nothing"
	ResultWaiting  ResultKind = "waiting"  // the call is going on
	ResultRetrying ResultKind = "retrying" // a step failed and will be repeated
	ResultFailed   ResultKind = "failed"   // given up
	ResultIgnored  ResultKind = "ignored"  // excluded by the administrator
	ResultDryRun   ResultKind = "dry_run"  // decided, and nothing written
)

// A ResultLine is a sentence with links in the middle: "", [Lead #812], " created".
type ResultLine struct {
	Before   string
	Entities []EntityLink
	After    string
}

// An EntityLink leads to a card in the portal.
type EntityLink struct {
	Text  string // "Lead #812"
	Title string // the card's title or the customer's name; empty when not known
	Path  string // for BX24.openPath
	Href  string // the same with the portal's origin; a plain link
}

// CallDetails is the dialog about one call.
type CallDetails struct {
	L        Localizer
	ID       int64
	Title    string // "Incoming call from +49 …"
	Facts    []Fact // what stands in the row, and more
	Timeline []TimelineEvent
	Decision *DecisionDetails // nil: not decided yet
	Result   Result
	Created  []EntityLink
	LoggedTo []EntityLink
	Outcomes []string // sentences: what actually happened (decision.md part E)
	Requests []RequestRow
	Problem  string // why it failed or waits; empty when all is well
}

// A Fact is a name and a value. A zero Held is fine for facts that are no test.
type Fact struct{ Name, Value string }

// A TimelineEvent is something that happened in a call.
type TimelineEvent struct {
	Event    string // words
	Source   string // "Cloud PBX", "Bitrix24"
	Happened Moment
	Arrived  Moment
	Late     string // "12 s later"; empty when under a second
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
	Version     string // version of the settings that decided
}

// A TriedRow is a row of decision.md B.3 that was tried, in order.
type TriedRow struct {
	Row       string // "D4"
	Condition string // words
	Held      bool
}

// A RequestRow is a line of the REST log.
type RequestRow struct {
	At       Moment
	Method   string
	Duration string
	Code     string // "200", or "400 ERROR_CORE"
	Failed   bool
}
