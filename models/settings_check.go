package models

import (
	"encoding/json"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"

	"callwise/app/call"
	"callwise/app/rules"
)

// A SettingErrorCode says what is wrong with a value.
type SettingErrorCode string

// What can be wrong with a value.
const (
	UnknownSetting SettingErrorCode = "unknown_setting"
	UnknownChoice  SettingErrorCode = "unknown_choice"
	NotANumber     SettingErrorCode = "not_a_number"
	OutOfRange     SettingErrorCode = "out_of_range"
	TooMany        SettingErrorCode = "too_many"
	ValueTooLong   SettingErrorCode = "value_too_long"
	NotAPhone      SettingErrorCode = "not_a_phone"
	NotATime       SettingErrorCode = "not_a_time"
	EndsBefore     SettingErrorCode = "ends_before"
	NobodyNamed    SettingErrorCode = "nobody_named"
	NoDays         SettingErrorCode = "no_days"
	UnknownCountry SettingErrorCode = "unknown_country"
	WrongShape     SettingErrorCode = "wrong_shape"
	NotJSON        SettingErrorCode = "not_json"
	NamedTwice     SettingErrorCode = "named_twice"   // in the file
	OtherVersion   SettingErrorCode = "other_version" // of the file
)

// A SettingError is a value that cannot be stored; Path is empty if it is the
// whole.
type SettingError struct {
	Path string
	Code SettingErrorCode
	// Item is what is wrong of a list, who is not known, or what a file names twice.
	Item string
	// Line of a file, from 1, in which it stops being JSON, or names something again.
	Line int
	// Least and Most bound a number; Most alone, how many or how long.
	Least, Most int
}

// Bounds of the settings.
const (
	maxLines      = 200
	maxExclusions = 500
	maxExtensions = 2000
	maxCards      = 2000
	maxName       = 100 // characters
	maxDuty       = 50
	maxAlerted    = 20
	maxDeadline   = 7 * 24 * 60 // minutes
	maxRecording  = 1000        // megabytes
)

// UnmarshalJSON gives absent keys their defaults.
func (s *Settings) UnmarshalJSON(text []byte) error {
	type plain Settings
	read := plain(DefaultSettings())
	if err := json.Unmarshal(text, &read); err != nil {
		return err
	}
	*s = Settings(read)
	s.tidy()
	return nil
}

// ReadSettings reads settings from JSON; absent keys have their defaults.
func ReadSettings(text []byte) (Settings, error) {
	var s Settings
	err := json.Unmarshal(text, &s)
	return s, err
}

// tidy gives equal settings one form: what says nothing is left out.
func (s *Settings) tidy() {
	for number, line := range s.Lines {
		if line == (LineRules{}) {
			delete(s.Lines, number)
		}
	}
	if len(s.Lines) == 0 {
		s.Lines = nil
	}
	if len(s.Extensions) == 0 {
		s.Extensions = nil
	}
	if len(s.Card.Employees) == 0 {
		s.Card.Employees = nil
	}
	for _, items := range []*[]string{&s.Callbacks.Duty, &s.Alerts.Users, &s.Exclusions.Numbers, &s.Exclusions.Extensions} {
		if len(*items) == 0 {
			*items = nil
		}
	}
	slices.Sort(s.Missed.Days)
	s.Missed.Days = slices.Compact(s.Missed.Days)
}

// Check says what is wrong with the settings, in the order of the page.
func (s Settings) Check() []SettingError {
	var c checker
	c.unless(slices.Contains([]rules.Repeat{rules.RepeatOn, rules.RepeatOff, rules.RepeatUnknown}, s.RepeatInBitrix24), UnknownChoice, "repeat_in_bitrix24")
	c.unless(slices.Contains([]Recovery{RecoverByItself, RecoverOnClick, RecoverNever}, s.Recovery), UnknownChoice, "recovery")
	c.owner(s.Responsible.Created, "created", OwnerTaker, OwnerCard, OwnerEmployee)
	c.owner(s.Responsible.Missed, "missed", OwnerTaker, OwnerCard, OwnerLastTalked, OwnerEmployee)
	c.users(s.Callbacks.Duty, maxDuty, "callbacks", "duty")
	c.lines(s.Lines)
	c.missed(s.Missed)
	c.card(s.Card)
	c.unless(s.Recordings.Mode == RecordingAttach || s.Recordings.Mode == RecordingLink, UnknownChoice, "recordings", "mode")
	c.within(s.Recordings.MaxMB, 0, maxRecording, "recordings", "max_mb")
	c.exclusions(s.Exclusions)
	c.unless(s.DefaultCountry == "" || call.KnownCountry(s.DefaultCountry), UnknownCountry, "default_country")
	c.users(s.Alerts.Users, maxAlerted, "alerts", "users")
	c.extensions(s.Extensions)
	return c.wrong
}

type checker struct{ wrong []SettingError }

func (c *checker) unless(fine bool, code SettingErrorCode, parts ...string) {
	if !fine {
		c.wrong = append(c.wrong, SettingError{Path: SettingPath(parts...), Code: code})
	}
}

func (c *checker) within(number, least, most int, parts ...string) {
	if number < least || number > most {
		c.wrong = append(c.wrong, SettingError{Path: SettingPath(parts...), Code: OutOfRange, Least: least, Most: most})
	}
}

// few bounds how many there are of something.
func (c *checker) few(count, most int, parts ...string) {
	if count > most {
		c.wrong = append(c.wrong, SettingError{Path: SettingPath(parts...), Code: TooMany, Most: most})
	}
}

// short bounds how long a text is.
func (c *checker) short(text string, parts ...string) {
	if utf8.RuneCountInString(text) > maxName {
		c.wrong = append(c.wrong, SettingError{Path: SettingPath(parts...), Code: ValueTooLong, Most: maxName})
	}
}

// each says which item of a list is the first that is wrong.
func (c *checker) each(items []string, bad func(string) bool, code SettingErrorCode, parts ...string) {
	if i := slices.IndexFunc(items, bad); i >= 0 {
		c.wrong = append(c.wrong, SettingError{Path: SettingPath(parts...), Code: code, Item: shortened(items[i])})
	}
}

// shortened is the beginning of a text that may be of any length.
func shortened(text string) string {
	const shown = 40
	if r := []rune(text); len(r) > shown {
		return string(r[:shown]) + "…"
	}
	return text
}

func (c *checker) owner(o OwnerRule, use string, choices ...Owner) {
	c.unless(slices.Contains(choices, o.Who), UnknownChoice, "responsible", use, "who")
	c.unless(o.Who != OwnerEmployee || o.Employee > 0, NobodyNamed, "responsible", use, "employee")
	c.unless(o.Employee >= 0, NotANumber, "responsible", use, "employee")
	c.unless(o.Fallback >= 0, NotANumber, "responsible", use, "fallback")
}

func (c *checker) users(users []string, most int, parts ...string) {
	c.few(len(users), most, parts...)
	for _, user := range users {
		c.unless(isUser(user), NotANumber, parts...)
	}
}

// sourcePattern are the STATUS_IDs that Bitrix24 gives.
var sourcePattern = regexp.MustCompile(`^[A-Za-z0-9_:.-]{0,50}$`)

func (c *checker) lines(lines map[string]LineRules) {
	c.few(len(lines), maxLines, "lines")
	for number, line := range lines {
		c.short(number, "lines", number, "name")
		c.short(line.Name, "lines", number, "name")
		c.unless(sourcePattern.MatchString(line.Source), UnknownChoice, "lines", number, "source")
		c.unless(line.Responsible >= 0, NotANumber, "lines", number, "responsible")
		c.override(line.CreateEntities, number, "create_entities")
		c.override(line.OutgoingCalls, number, "outgoing_calls")
		c.override(line.RepeatedLeads, number, "repeated_leads")
	}
}

func (c *checker) override(o Override, line, name string) {
	c.unless(o == Inherited || o == OverrideOn || o == OverrideOff, UnknownChoice, "lines", line, name)
}

func (c *checker) missed(m MissedCalls) {
	c.within(m.Deadline, 1, maxDeadline, "missed", "deadline")
	from, begins := clockTime(m.From)
	to, ends := clockTime(m.To)
	c.unless(begins, NotATime, "missed", "from")
	c.unless(ends, NotATime, "missed", "to")
	c.unless(!begins || !ends || from.Before(to), EndsBefore, "missed", "to")
	c.unless(len(m.Days) > 0 || !m.WorkingHours, NoDays, "missed", "days")
	for _, day := range m.Days {
		c.unless(len(day) == 1 && day >= "1" && day <= "7", UnknownChoice, "missed", "days")
	}
}

func clockTime(text string) (time.Time, bool) {
	at, err := time.Parse("15:04", text)
	return at, err == nil && len(text) == len("15:04")
}

func (c *checker) card(card CallCard) {
	known := func(t CardTime) bool { return t == CardOnRing || t == CardOnAnswer || t == CardNever }
	c.unless(known(card.When), UnknownChoice, "card", "when")
	c.few(len(card.Employees), maxCards, "card", "employees")
	for _, when := range card.Employees {
		c.unless(known(when), UnknownChoice, "card", "employees")
	}
}

var exclusionPattern = regexp.MustCompile(`^\+?[0-9 ()./-]{2,30}\*?$`)

func (c *checker) exclusions(e Exclusions) {
	c.few(len(e.Numbers), maxExclusions, "exclusions", "numbers")
	c.few(len(e.Extensions), maxExclusions, "exclusions", "extensions")
	bad := func(n string) bool { return !exclusionPattern.MatchString(n) || len(call.DigitsOf(n)) < 2 }
	c.each(e.Numbers, bad, NotAPhone, "exclusions", "numbers")
	for _, extension := range e.Extensions {
		c.short(extension, "exclusions", "extensions")
	}
}

func (c *checker) extensions(users map[string]int64) {
	c.few(len(users), maxExtensions, "extensions")
	for extension, user := range users {
		c.unless(user > 0, NobodyNamed, "extensions", extension)
		c.short(extension, "extensions", extension)
	}
}
