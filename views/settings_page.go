package views

// A SettingsPage is the settings as the form shows them: what is saved, or,
// after a refused save (422, 409), what the administrator had entered.
type SettingsPage struct {
	Page
	Version  int64 // of the saved settings; comes back in the field "version"
	Unsaved  bool  // the form differs from what is saved: the save bar is open at once
	Saved    bool  // just saved: says so
	Conflict *Conflict

	CreateEntities bool
	OutgoingCalls  bool
	RepeatedLeads  bool
	Repeat         string // on, off, unknown
	SimpleMode     bool   // CRM without leads
	BuiltinLines   bool
	OtherApps      bool

	Preview    Preview
	Trials     Trials
	Connection Connection
}

// A Conflict tells that somebody saved between opening and saving.
type Conflict struct {
	Who  string // name of the administrator; empty is "another administrator"
	When Moment
}

// A Connection is the section about the PBX.
type Connection struct {
	Keys       []Key
	NewKey     *NewKey    // just made: its value is shown this once
	KeyName    string     // what was typed into the refused form
	KeyError   FieldError // of KeyName
	APIAddress string     // where the PBX sends events

	CommandURL      string
	CommandURLError FieldError
	CommandSecret   CommandSecret
}

// A Key is a PBX key that works.
type Key struct {
	ID       int64
	Name     string
	Hint     string // last characters
	Created  Moment
	LastUsed Moment // zero: never
}

// A NewKey is a key whose value nobody will see again.
type NewKey struct{ Name, Value string }

// A CommandSecret signs the commands to the PBX (Standard Webhooks, whsec_…).
type CommandSecret struct {
	Exists bool
	Value  string // only after Reveal or Rotate; otherwise empty and shown masked
}

// A FieldError says why a field was refused; its text is error.<value>.
type FieldError string

// The errors of the settings' fields.
const (
	NoError         FieldError = ""
	ErrNotAnAddress FieldError = "not_an_address" // no absolute URL
	ErrNotHTTPS     FieldError = "not_https"      // https is required
	ErrNotReachable FieldError = "not_reachable"  // private or loopback address
	ErrTooLong      FieldError = "too_long"       // over 500 characters
	ErrNameMissing  FieldError = "name_missing"   // a key needs a name
	ErrNameTooLong  FieldError = "name_too_long"  // over 60 characters
	ErrTooManyKeys  FieldError = "too_many_keys"  // revoke one first

	ErrNumberMissing FieldError = "number_missing"  // a test call needs a number
	ErrNumberTooLong FieldError = "number_too_long" // over 40 characters
)
