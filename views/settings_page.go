package views

// A SettingsPage is the settings as the form shows them: what is saved, or,
// after a refused save (422, 409) or a review, what the administrator entered.
// Values and their like are by the path of the setting, which is the name of
// its field.
type SettingsPage struct {
	Page
	Version   int64 // of the saved settings; comes back in the field "version"
	Unsaved   bool  // the form differs from what is saved: the save bar is open at once
	Saved     bool  // just saved: says so
	SavedText string
	Undo      *Undo // Saved: the way back
	Conflict  *Conflict
	Review    *Review
	History   LastChange

	Values   map[string]string // what the form shows
	Stored   map[string]string // what is saved, where the form shows something else
	Carried  []Choice          // values that no control of the form shows, by their paths
	Problems []Problem         // what keeps the form from being saved, in the order of the page
	Notes    map[string]string // what somebody else set a value to meanwhile

	SimpleMode    bool // CRM without leads
	People        []Choice
	Lines         []SettingLine
	Sources       []Choice
	SourcesUnread bool // Bitrix24 did not tell its sources
	Cards         []CardException
	Countries     []Choice
	// AlertsUnheard: people are chosen to be alerted, and Bitrix24 does not let us.
	AlertsUnheard bool
	RepeatRefuted string // what a call has shown of repeat sales mode that is said to be on; empty for nothing
	PortalCountry string // its name; empty if Bitrix24 told none

	Preview       Preview
	Trials        Trials
	Connection    Connection
	CommandURLWas string // the saved one: a form that leaves it does not change it
}

// A Choice is a value that can be chosen, in words.
type Choice struct{ Value, Label string }

// A SettingLine is a line in the section about lines.
type SettingLine struct {
	Number string
	Name   string // as Bitrix24 knows it
	Paths  LinePaths
}

// LinePaths are the fields of a line.
type LinePaths struct{ Name, Source, CreateEntities, OutgoingCalls, RepeatedLeads, Responsible string }

// A CardException is an employee who sees the call card at another time.
type CardException struct{ Path, Name string }

// A Problem is what is wrong with the field of a path; without a path, with the
// whole.
type Problem struct{ Path, Name, Text string }

// A SettingChange is one value that differs, in words.
type SettingChange struct{ Name, From, To string }

// A Review is what Save would change.
type Review struct {
	Imported bool // the values came from a file
	Changes  []SettingChange
}

// An Undo is the way back from the settings that were just saved.
type Undo struct {
	Version                  int64 // that was saved
	To                       int64 // the one to bring back; the same if no setting changed
	URL                      bool  // the command URL changed as well
	CommandURL, CommandURLTo string
}

// A LastChange tells who saved last.
type LastChange struct {
	Who  string
	When Moment
}

// A Conflict tells that somebody saved between opening and saving.
type Conflict struct {
	Who     string // name of the administrator; empty is "another administrator"
	When    Moment
	Changes []SettingChange // what they changed
	URL     bool            // both changed the command URL
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
	Exists   bool
	Value    string // only after Reveal or Rotate; otherwise empty and shown masked
	Mark     string // tells it from the one that another page shows
	Replaced bool   // since the page that was to replace it
	// OldUntil is until when the one before counts too; empty when it does not.
	OldUntil string
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
