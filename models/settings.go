package models

import (
	"cmp"
	"strconv"

	"callwise/app/crm"
	"callwise/app/rules"
)

// Settings are what the administrator of a portal chose. A change of one value
// is named by its path; see [Settings.Values].
type Settings struct {
	CreateEntities   bool         `json:"create_entities"`
	OutgoingCalls    bool         `json:"outgoing_calls"`
	RepeatedLeads    bool         `json:"repeated_leads"`
	RepeatInBitrix24 rules.Repeat `json:"repeat_in_bitrix24"`
	// BuiltinLines and OtherApps say whose calls are handled besides the Cloud
	// PBX's (decision.md F.7).
	BuiltinLines bool `json:"builtin_lines"`
	OtherApps    bool `json:"other_apps"`
	// DryRun: calls are decided and shown; nothing is written to the CRM.
	DryRun      bool        `json:"dry_run"`
	Responsible Responsible `json:"responsible"`
	Callbacks   Callbacks   `json:"callbacks"`
	// Lines have rules of their own, by number as it stands in the call log.
	Lines      map[string]LineRules `json:"lines,omitempty"`
	Missed     MissedCalls          `json:"missed"`
	Card       CallCard             `json:"card"`
	Recordings Recordings           `json:"recordings"`
	Exclusions Exclusions           `json:"exclusions"`
	// Extensions belong to these users, whatever Bitrix24 says.
	Extensions map[string]int64 `json:"extensions,omitempty"`
	// DefaultCountry, ISO 3166, is where numbers without a country code are
	// from; empty means the portal's own country.
	DefaultCountry string `json:"default_country"`
	// MaskNumbers hides numbers from everybody but administrators.
	MaskNumbers bool   `json:"mask_numbers"`
	Alerts      Alerts `json:"alerts"`
	// Recovery is what becomes of calls whose events did not reach us.
	Recovery Recovery `json:"recovery"`
}

// A Recovery says who takes up calls that Bitrix24's statistics have and no
// event told of.
type Recovery string

// Ways of recovery. Calls of our own whose end got lost are finished by either
// of the first two.
const (
	RecoverByItself Recovery = "auto"
	RecoverOnClick  Recovery = "click" // an administrator does
	RecoverNever    Recovery = "never" // the statistics are not read
)

// Alerts says who is told in Bitrix24's chat when calls stop, fail, or cannot
// be logged: ids of users.
type Alerts struct {
	Users []string `json:"users,omitempty"`
}

// People are the users who are told.
func (a Alerts) People() []int64 {
	var people []int64
	for _, user := range a.Users {
		if id, err := strconv.ParseInt(user, 10, 64); err == nil {
			people = append(people, id)
		}
	}
	return people
}

// An Owner says who is responsible for something.
type Owner string

// The owners that can be chosen.
const (
	OwnerTaker      Owner = "taker"       // who took the call, or was rung
	OwnerCard       Owner = "card"        // who looks after the client's card
	OwnerLastTalked Owner = "last_talked" // who last talked with this number
	OwnerEmployee   Owner = "employee"    // one named employee
)

// An OwnerRule names who is responsible. Fallback is used when nobody is found
// that way; 0 leaves it to the order of decision.md.
type OwnerRule struct {
	Who      Owner `json:"who"`
	Employee int64 `json:"employee"` // of OwnerEmployee
	Fallback int64 `json:"fallback"`
}

// Responsible says whose are the entities that a call creates, and the calls
// that nobody took.
type Responsible struct {
	Created OwnerRule `json:"created"`
	Missed  OwnerRule `json:"missed"`
}

// An Override is a switch of one line: on, off, or inherited.
type Override string

// Positions of an override.
const (
	Inherited   Override = ""
	OverrideOn  Override = "on"
	OverrideOff Override = "off"
)

// LineRules are what one line does differently.
type LineRules struct {
	Name           string   `json:"name,omitempty"`
	Source         string   `json:"source,omitempty"` // STATUS_ID of the SOURCE dictionary; empty is CALL
	CreateEntities Override `json:"create_entities,omitempty"`
	OutgoingCalls  Override `json:"outgoing_calls,omitempty"`
	RepeatedLeads  Override `json:"repeated_leads,omitempty"`
	Responsible    int64    `json:"responsible,omitempty"` // for what its calls create; 0: as for all lines
}

// Callbacks says who calls visitors back when the owner of their card cannot:
// ids of users, the first who is free.
type Callbacks struct {
	Duty []string `json:"duty,omitempty"`
}

// MissedCalls says what is done about a call that nobody took.
type MissedCalls struct {
	Todo     bool `json:"todo"`     // a to-do for who is responsible
	Deadline int  `json:"deadline"` // minutes after the call
	// WorkingHours: only time between From and To ("09:00", the portal's zone)
	// on Days (1 Monday to 7 Sunday) counts towards the deadline.
	WorkingHours bool     `json:"working_hours"`
	Days         []string `json:"days"`
	From         string   `json:"from"`
	To           string   `json:"to"`
}

// A CardTime is when Bitrix24 shows the call card.
type CardTime string

// Times of the call card.
const (
	CardOnRing   CardTime = "ring"
	CardOnAnswer CardTime = "answer"
	CardNever    CardTime = "never"
)

// CallCard says when the card is shown, and to whom at another time.
type CallCard struct {
	When      CardTime           `json:"when"`
	Employees map[int64]CardTime `json:"employees,omitempty"`
}

// For is when a user is to see the card: on the first ring, unless something
// else is chosen.
func (c CallCard) For(user int64) CardTime { return cmp.Or(c.Employees[user], c.When, CardOnRing) }

// A RecordingMode is what becomes of a recording.
type RecordingMode string

// Modes of recordings.
const (
	RecordingAttach RecordingMode = "attach" // Bitrix24 fetches and keeps it
	RecordingLink   RecordingMode = "link"   // it stays at the PBX; the call log links to it
)

// Recordings says what becomes of recordings. One over MaxMB stays a link; 0 is
// no limit.
type Recordings struct {
	Mode  RecordingMode `json:"mode"`
	MaxMB int           `json:"max_mb"`
}

// Exclusions are never handled: numbers ("+4930123", or "+4930*" for all that
// begin so) and extensions.
type Exclusions struct {
	Numbers    []string `json:"numbers,omitempty"`
	Extensions []string `json:"extensions,omitempty"`
}

// DefaultSettings are those of a portal that chose nothing.
func DefaultSettings() Settings {
	return Settings{
		RepeatInBitrix24: rules.RepeatUnknown, BuiltinLines: true,
		Responsible: Responsible{Created: OwnerRule{Who: OwnerTaker}, Missed: OwnerRule{Who: OwnerTaker}},
		Missed:      MissedCalls{Deadline: 30, Days: []string{"1", "2", "3", "4", "5"}, From: "09:00", To: "18:00"},
		Card:        CallCard{When: CardOnRing}, Recordings: Recordings{Mode: RecordingAttach},
		Recovery: RecoverByItself,
	}
}

// Rules are the settings as an argument of the decision about a call on a line.
// Simple mode hides and ignores Bitrix24's own repeat switch, so unless the
// administrator turned it off here it counts as on (decision.md B.5-7).
func (s Settings) Rules(mode crm.Mode, line string) rules.Settings {
	repeat := s.RepeatInBitrix24
	if mode == crm.Simple && repeat == rules.RepeatUnknown {
		repeat = rules.RepeatOn
	}
	own := s.Lines[line]
	return rules.Settings{
		CreateEntities:   own.CreateEntities.over(s.CreateEntities),
		OutgoingCalls:    own.OutgoingCalls.over(s.OutgoingCalls),
		RepeatedLeads:    own.RepeatedLeads.over(s.RepeatedLeads),
		RepeatInBitrix24: repeat, CRMMode: mode,
	}
}

func (o Override) over(portal bool) bool {
	if o == Inherited {
		return portal
	}
	return o == OverrideOn
}

// CreatedBy says who is responsible for what a call on a line creates.
func (s Settings) CreatedBy(line string) OwnerRule {
	rule := s.Responsible.Created
	if own := s.Lines[line].Responsible; own != 0 {
		return OwnerRule{Who: OwnerEmployee, Employee: own, Fallback: rule.Fallback}
	}
	return rule
}

// AutoCreate is whether Bitrix24 may create entities for calls that its users
// place through a line (decision.md F.3). In dry run it may not.
func (s Settings) AutoCreate(line string) bool {
	own := s.Rules(crm.Classic, line)
	return own.CreateEntities && own.OutgoingCalls && !s.DryRun
}
