package views

import (
	"time"

	"github.com/a-h/templ"
)

// A HealthPage tells an administrator whether everything works, one line a
// check, and how to mend what does not.
type HealthPage struct {
	Page
	// Portal are the checks that ask Bitrix24; without Asked they are still to
	// be asked, and only their names are shown.
	Portal []HealthLine
	Asked  Moment
	Here   []HealthLine // what we know ourselves
}

// A HealthState is how a check ended.
type HealthState string

// The states, the gravest first.
const (
	HealthBroken HealthState = "broken" // red: it does not work
	HealthPartly HealthState = "partly" // yellow: a part does not work
	HealthOff    HealthState = "off"    // grey: not configured, or nothing known yet
	HealthUnread HealthState = "unread" // grey: it could not be read
	HealthWorks  HealthState = "works"  // green
)

// HealthStates lists every state.
var HealthStates = []HealthState{HealthBroken, HealthPartly, HealthOff, HealthUnread, HealthWorks}

// A HealthCode names a check; health.<code> is its name.
type HealthCode string

// The checks that ask Bitrix24, in their order, and those that do not.
const (
	HealthAccess     HealthCode = "access"     // tokens are valid, and whose they are
	HealthApp        HealthCode = "app"        // installed, and paid for
	HealthScopes     HealthCode = "scopes"     // permissions
	HealthEvents     HealthCode = "events"     // handlers are bound
	HealthPlacements HealthCode = "placements" // we are shown
	HealthLines      HealthCode = "lines"      // CRM_AUTO_CREATE follows the switches
	HealthMode       HealthCode = "mode"       // CRM mode
	HealthClock      HealthCode = "clock"      // clock skew

	HealthOutgoing   HealthCode = "outgoing"   // default outgoing line
	HealthRepeat     HealthCode = "repeat"     // repeat sales mode
	HealthExtensions HealthCode = "extensions" // unmapped or double
	HealthHeard      HealthCode = "heard"      // last event of Bitrix24
	HealthHeardPBX   HealthCode = "heard_pbx"  // last event of the PBX
	HealthQueue      HealthCode = "queue"      // what waits
	HealthFailed     HealthCode = "failed"     // calls that failed
	HealthBudget     HealthCode = "budget"     // requests and operating time
	HealthAlerts     HealthCode = "alerts"     // who is told
	HealthGaps       HealthCode = "gaps"       // calls that did not reach us
)

// PortalChecks and OwnChecks list every check in order.
var (
	PortalChecks = []HealthCode{HealthAccess, HealthApp, HealthScopes, HealthEvents, HealthPlacements, HealthLines, HealthMode, HealthClock}
	OwnChecks    = []HealthCode{HealthHeardPBX, HealthHeard, HealthQueue, HealthFailed, HealthGaps, HealthOutgoing, HealthRepeat, HealthExtensions, HealthBudget, HealthAlerts}
)

// A HealthLine is one check.
type HealthLine struct {
	Code   HealthCode
	State  HealthState
	Text   string // what was found
	Mend   string // how to mend it; empty where there is nothing to mend
	Remedy string // what a click mends, the last part of /health/cure/…; empty for none
	Reopen bool   // the portal opens the application anew, which brings fresh tokens
	Place  *HealthPlace
}

// A HealthPlace is where something is mended by hand.
type HealthPlace struct {
	Label   string
	Address string  // of the page
	Fields  []Field // of its form
}

// HealthPlace names the place with its words, health.place.<code>.
func (l Localizer) HealthPlace(code, address string, fields ...Field) *HealthPlace {
	return &HealthPlace{Label: l.T("health.place." + code), Address: address, Fields: fields}
}

func (h HealthLine) icon() string {
	switch h.State {
	case HealthBroken:
		return "circle-x"
	case HealthPartly:
		return "triangle-alert"
	case HealthWorks:
		return "circle-check"
	}
	if h.State == HealthUnread {
		return "rotate-cw"
	}
	return "plug"
}

// badge is the colour of the state's word.
func (h HealthLine) badge() string {
	switch h.State {
	case HealthBroken:
		return "badge-danger"
	case HealthPartly:
		return "badge-warning"
	case HealthWorks:
		return "badge-success"
	}
	return "badge-quiet"
}

func (h HealthLine) id() string { return "health-" + string(h.Code) }

// asks has htmx ask Bitrix24 once the page is there: one that hangs does not
// keep the page from being shown.
func (p HealthPage) asks() templ.Attributes {
	if p.Asked.Machine != "" {
		return nil
	}
	return templ.Attributes{
		"hx-get": "/health/portal", "hx-trigger": "load", "hx-target": "#health-portal", "hx-select": "#health-portal", "hx-swap": "outerHTML",
		"aria-busy": "true",
	}
}

// AlertFacts are what an alert tells.
type AlertFacts struct {
	Kind        string // access, administrator, silent_pbx, silent_bitrix24, failures
	Code        string
	Seen, Usual int
	Began       time.Time // in the zone it is told in
	Ended       time.Time // zero while it goes on
}

// AlertWords are the message of an alert, or of the all-clear.
func AlertWords(l Localizer, a AlertFacts) string {
	at := func(t time.Time) string { return l.Moment(t, t.AddDate(2, 0, 0), t.Location()).Text }
	if !a.Ended.IsZero() {
		return l.T("alert."+a.Kind+".over", "From", at(a.Began), "To", at(a.Ended))
	}
	return l.N("alert."+a.Kind, a.Usual, "Seen", a.Seen, "At", at(a.Began)) + " " + l.T("alert.look")
}
