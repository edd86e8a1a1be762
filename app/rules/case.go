package rules

import (
	"callwise/app/call"
	"callwise/app/crm"
)

// A Case is all that a decision may depend on. Its JSON is interface.md §5.
type Case struct {
	Call     Call         `json:"call"`
	Settings Settings     `json:"settings"`
	CRM      crm.Snapshot `json:"crm"`
}

// A Call is the call as far as the rules look at it (decision.md B.1). Whether
// it was answered does not matter: entities are created when a call starts.
type Call struct {
	Direction call.Direction `json:"direction"`
	Internal  bool           `json:"internal"` // both ends are extensions
	Hidden    bool           `json:"hidden"`   // the number has no usable digits
	Employee  bool           `json:"employee"` // the number is a phone of an active Bitrix24 user
	Leg       bool           `json:"leg"`      // a further part of a conversation that is registered already
	Origin    *Origin        `json:"origin"`   // nil when the call started from no card
}

// An Origin is the card where the number was clicked, or the entity that a
// callback form names.
type Origin struct {
	Type   crm.EntityType `json:"type"`
	ID     int64          `json:"id"`
	Closed bool           `json:"closed"`
}

// Ref names the origin's entity.
func (o Origin) Ref() crm.Ref {
	return crm.Ref{Type: o.Type, ID: o.ID}
}

// Settings are what an administrator chose, and the portal's CRM mode.
type Settings struct {
	CreateEntities   bool     `json:"create_entities"` // CE, the master switch
	OutgoingCalls    bool     `json:"outgoing_calls"`  // CO
	RepeatedLeads    bool     `json:"repeated_leads"`  // RP
	RepeatInBitrix24 Repeat   `json:"repeat_in_bitrix24"`
	CRMMode          crm.Mode `json:"crm_mode"`
}

// DefaultSettings are those of a portal where nobody has chosen anything.
func DefaultSettings() Settings {
	return Settings{RepeatInBitrix24: RepeatUnknown, CRMMode: crm.Classic}
}

// Repeat mirrors Bitrix24's own switch "Enable repeat sales mode", which cannot
// be read over REST. Everything but [RepeatOn] counts as off (decision.md B.5-8).
type Repeat string

// Positions of Bitrix24's switch.
const (
	RepeatOn      Repeat = "on"
	RepeatOff     Repeat = "off"
	RepeatUnknown Repeat = "unknown" // not confirmed by an administrator
)
