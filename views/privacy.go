package views

import "github.com/a-h/templ"

// A PrivacyPage answers what a person may ask a company: what it stores about
// them, and that it be erased. It is about one number at a time.
type PrivacyPage struct {
	Page
	Number   string // as it was typed
	Error    string // what is wrong with it; empty for nothing
	Found    *NumberFound
	Requests []PrivacyRow // what was asked before
}

// A NumberFound is what is stored about a number.
type NumberFound struct {
	Pretty   string
	Calls    int
	Open     int    // of the calls, those that go on
	Excluded bool   // it stands in the exclusions
	Employee string // whose number it is; empty: nobody's here
	Unsure   bool   // the word that confirms an erasure was not typed
}

// A PrivacyRow is a request that somebody made.
type PrivacyRow struct {
	When    Moment
	Done    Moment // zero: it goes on, or nobody wrote it down
	Who     string
	What    string
	Pending bool // it goes on
	Waiting bool // for calls that go on
}

// ErasureWord is what must be typed before a number is erased.
func (l Localizer) ErasureWord() string { return l.T("privacy.word") }

// Asked says what was asked about a number, and what has come of it.
func (l Localizer) Asked(kind string, pending bool, calls, mentions int) string {
	if pending {
		kind = "erasing"
	}
	said := l.T("privacy.asked."+kind, "Calls", l.N("privacy.calls", calls, "Count", l.grouped(calls)))
	if mentions > 0 {
		said += " " + l.N("privacy.mentions", mentions, "Count", l.grouped(mentions))
	}
	return said
}

// How often the page looks how far an erasure is: one that waits takes longer.
const (
	erasureSoon  = "every 2s"
	erasureLater = "every 10s"
)

// poll has the list of requests look again while an erasure goes on.
func (p PrivacyPage) poll() templ.Attributes {
	trigger := ""
	for _, r := range p.Requests {
		switch {
		case r.Pending && !r.Waiting:
			trigger = erasureSoon
		case r.Pending && trigger == "":
			trigger = erasureLater
		}
	}
	if trigger == "" {
		return nil
	}
	return templ.Attributes{"hx-get": "/settings/privacy", "hx-trigger": trigger, "hx-target": "this", "hx-select": "#privacy-asked", "hx-swap": "outerHTML"}
}

func (n NumberFound) stored(l Localizer) string {
	return l.N("privacy.calls", n.Calls, "Count", l.grouped(n.Calls))
}
