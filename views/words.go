package views

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Ref is an entity of the CRM. Title may be empty.
type Ref struct {
	Type  string // lead, deal, contact, company
	ID    int64
	Title string
}

// An Outcome is what became of a call, as it is stored.
type Outcome struct {
	Origin   string     // https://portal of the links, without a path
	State    ResultKind // ResultWaiting, ResultRetrying, ResultFailed, ResultIgnored, ResultRepeat or ResultDryRun; empty when done
	Ended    bool       // ResultWaiting: for Bitrix24, not for the end of the call
	Would    string     // what the dry run would have created
	Created  []Ref
	LoggedTo []Ref // everything the call is logged to, the created included
	// Past: created or added, if it is not known any more to what.
	Past ResultKind
	// Whole names every entity, however many: the log counts those beyond linksInLine.
	Whole bool
}

// linksInLine is how many entities a line of the log names; the dialog and the
// export name all.
const linksInLine = 3

// Entity returns the link to the card of r, at the portal with this origin.
//
// https://apidocs.bitrix24.com/sdk/bx24-js-sdk/additional-functions/bx24-open-path.html
func (l Localizer) Entity(origin string, r Ref) EntityLink {
	path := "/crm/" + r.Type + "/details/" + strconv.FormatInt(r.ID, 10) + "/"
	return EntityLink{Text: l.T("entity."+r.Type, "ID", r.ID), Title: r.Title, Path: path, Href: origin + path}
}

// Entities returns the links to all of refs.
func (l Localizer) Entities(origin string, refs []Ref) []EntityLink {
	links := make([]EntityLink, 0, len(refs))
	for _, r := range refs {
		links = append(links, l.Entity(origin, r))
	}
	return links
}

// Result says what became of a call: "Lead #812 created", "Added to Contact #9".
func (l Localizer) Result(o Outcome) Result {
	var lines []ResultLine
	if o.State != "" {
		lines = append(lines, ResultLine{Before: l.state(o)})
	}
	created, added := o.Created, without(o.LoggedTo, o.Created)
	if len(created) > 0 {
		lines = append(lines, l.line("result.created", o, created))
	}
	if len(added) > 0 {
		lines = append(lines, l.line("result.added", o, added))
	}
	kind := o.State
	switch {
	case kind != "":
	case len(created) > 0:
		kind = ResultCreated
	case len(added) > 0:
		kind = ResultAdded
	case o.Past != "":
		kind = o.Past
		lines = append(lines, ResultLine{Before: l.T("result.past." + string(kind))})
	default:
		kind = ResultNothing
		lines = append(lines, ResultLine{Before: l.T("result.nothing")})
	}
	return Result{Kind: kind, Lines: lines}
}

// state says what there is still to come, or why nothing came.
func (l Localizer) state(o Outcome) string {
	if o.State == ResultDryRun && o.Would != "" {
		return l.T("result.dry_run." + o.Would)
	}
	if o.State == ResultWaiting && o.Ended {
		return l.T("result.waiting.ended")
	}
	return l.T("result." + string(o.State))
}

// line puts links where the text of key has {{.Entities}}.
func (l Localizer) line(key string, o Outcome, refs []Ref) ResultLine {
	shown := refs
	if !o.Whole {
		shown = refs[:min(len(refs), linksInLine)]
	}
	more := ""
	if n := len(refs) - len(shown); n > 0 {
		more = l.N("result.more", n)
	}
	const here = "\x00"
	before, after, _ := strings.Cut(l.T(key, "Entities", here), here)
	return ResultLine{Before: before, Entities: l.Entities(o.Origin, shown), After: more + after}
}

func without(refs, others []Ref) []Ref {
	return slices.DeleteFunc(slices.Clone(refs), func(r Ref) bool {
		return slices.ContainsFunc(others, func(o Ref) bool { return o.Type == r.Type && o.ID == r.ID })
	})
}

// Call names a call: "Incoming, answered". No status is a call going on.
func (l Localizer) Call(direction, status string) string {
	if status == "" {
		status = "open"
	}
	return l.T("call.words", "Direction", l.word("direction", direction), "Status", l.word("status", status))
}

// Direction names a direction: "Incoming".
func (l Localizer) Direction(direction string) string { return l.word("direction", direction) }

// CallTitle heads the dialog: "Incoming call, +49 30 901820".
func (l Localizer) CallTitle(direction, phone string) string {
	return l.T("call.title", "Call", l.word("call.name", direction), "Phone", phone)
}

// HiddenNumber stands where a phone number would.
func (l Localizer) HiddenNumber() string { return l.T("call.hidden") }

// Event names a stored event: "call.started", "ONVOXIMPLANTCALLEND".
func (l Localizer) Event(kind string) string { return l.word("event", kind) }

// Source names the sender of an event: "pbx", "bitrix24".
func (l Localizer) Source(source string) string { return l.word("source", source) }

// Recording names the state of a recording: "waiting", "attached", "failed".
func (l Localizer) Recording(state string) string { return l.word("recording", state) }

// Create names what a decision creates: "Repeated lead", "Nothing".
func (l Localizer) Create(create string) string { return l.word("create", create) }

// State describes row 1–11 of decision.md part C.
func (l Localizer) State(row int) string { return l.T(fmt.Sprintf("state.%d", row)) }

// TableRow names a row of part C; row 0, a special call, stands in no table.
func (l Localizer) TableRow(direction string, row int) string {
	switch {
	case row == 0:
		return l.T("table.special")
	case direction == "outgoing":
		return l.T("table.outgoing", "Row", row, "State", l.State(row))
	default:
		return l.T("table.incoming", "Row", row, "State", l.State(row))
	}
}

// Tried describes a row of decision.md B.3 ("P1" … "D15").
func (l Localizer) Tried(row string, held bool) TriedRow {
	return TriedRow{Row: row, Condition: l.word("row", row), Held: held}
}

// WouldChange names the one switch that would have changed what is created
// (interface.md §5), turned to "on" or "off". Without a switch it says that
// there is none.
func (l Localizer) WouldChange(name, to, create string) string {
	if name == "" {
		return l.T("change.none")
	}
	return l.T("change."+name+"."+to, "Created", l.word("would", create))
}

// Settings names the version of the settings that decided a call.
func (l Localizer) Settings(version int64) string {
	return l.T("details.version", "Version", version)
}
