package models

import (
	"encoding/json"

	"callwise/app/crm"
	"callwise/app/rules"
)

// Settings are what the administrator of a portal chose.
type Settings struct {
	CreateEntities   bool         `json:"create_entities"`
	OutgoingCalls    bool         `json:"outgoing_calls"`
	RepeatedLeads    bool         `json:"repeated_leads"`
	RepeatInBitrix24 rules.Repeat `json:"repeat_in_bitrix24"`
	// BuiltinLines and OtherApps say whose calls are handled besides the Cloud
	// PBX's (decision.md F.7).
	BuiltinLines bool `json:"builtin_lines"`
	OtherApps    bool `json:"other_apps"`
	// DefaultCountry, ISO 3166, is where numbers without a country code are
	// from; empty means the portal's own country.
	DefaultCountry string `json:"default_country"`
}

// DefaultSettings are those of a portal that chose nothing.
func DefaultSettings() Settings {
	return Settings{RepeatInBitrix24: rules.RepeatUnknown, BuiltinLines: true}
}

// UnmarshalJSON gives absent keys their defaults.
func (s *Settings) UnmarshalJSON(text []byte) error {
	type plain Settings
	read := plain(DefaultSettings())
	if err := json.Unmarshal(text, &read); err != nil {
		return err
	}
	*s = Settings(read)
	return nil
}

// Rules are the settings as an argument of the decision. Simple mode hides and
// ignores Bitrix24's own repeat switch, so unless the administrator turned it
// off here it counts as on (decision.md B.5-7).
func (s Settings) Rules(mode crm.Mode) rules.Settings {
	repeat := s.RepeatInBitrix24
	if mode == crm.Simple && repeat == rules.RepeatUnknown {
		repeat = rules.RepeatOn
	}
	return rules.Settings{
		CreateEntities: s.CreateEntities, OutgoingCalls: s.OutgoingCalls, RepeatedLeads: s.RepeatedLeads,
		RepeatInBitrix24: repeat, CRMMode: mode,
	}
}

// AutoCreate is whether Bitrix24 may create entities for calls that its users
// place through an external line (decision.md F.3).
func (s Settings) AutoCreate() bool { return s.CreateEntities && s.OutgoingCalls }
