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
	Day      string // the portal's date, by which the rows are worded and chosen
	DayOver  bool   // the date that somebody's page goes by is over
	Overview *Overview
	Empty    EmptyState // why Rows is empty
	Open     *CallDetails
	Gaps     Gaps // for administrators
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
	Test      bool   // made up by an administrator
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
	ResultRepeat   ResultKind = "repeat"   // a number clicked twice
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
