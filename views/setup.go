package views

import "github.com/a-h/templ"

// A Setup is the first run: three steps on top of the settings, until the first
// real call was decided. The zero value shows nothing.
type Setup struct {
	L         Localizer
	Session   string
	Shown     bool
	Creates   bool // something is created, or chosen not to be: the settings were saved
	Connected bool // a PBX has used a key
	Checks    []SetupCheck
}

// A SetupCheck is one line of the third step.
type SetupCheck struct {
	Code   SetupCode
	Fine   bool
	Detail string // what exactly was found; empty is fine
}

// A SetupCode names a check; setup.<code> says what is checked, and
// setup.<code>.mend how it turns green.
type SetupCode string

// The checks, in their order.
const (
	SetupAccess     SetupCode = "access"     // Bitrix24 accepts our tokens
	SetupInstalled  SetupCode = "installed"  // events are bound, and come
	SetupKey        SetupCode = "key"        // the PBX has a key
	SetupReported   SetupCode = "reported"   // the PBX has reported a call
	SetupRepeat     SetupCode = "repeat"     // the repeat sales mode is confirmed
	SetupExtensions SetupCode = "extensions" // every extension belongs to somebody
)

// SetupCodes lists every check in order.
var SetupCodes = []SetupCode{SetupAccess, SetupInstalled, SetupKey, SetupReported, SetupRepeat, SetupExtensions}

// fine counts the checks that are.
func (s Setup) fine() int {
	n := 0
	for _, c := range s.Checks {
		if c.Fine {
			n++
		}
	}
	return n
}

func (s Setup) done() bool { return s.fine() == len(s.Checks) }

// poll has the region look again while something is still to turn green.
func (s Setup) poll() templ.Attributes {
	if s.done() {
		return nil
	}
	return templ.Attributes{"hx-get": "/settings/setup", "hx-trigger": "every 10s", "hx-target": "this", "hx-select": "#setup-state", "hx-swap": "outerHTML"}
}
