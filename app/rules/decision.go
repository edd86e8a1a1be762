package rules

import "callwise/app/crm"

// Create is what a call makes in the CRM.
type Create string

// What a call can make. The last one is a repeated customer of a simple CRM who
// has no client card.
const (
	None                Create = "none"
	Lead                Create = "lead"
	DealContact         Create = "deal_contact"
	RepeatedLead        Create = "repeated_lead"
	RepeatedDeal        Create = "repeated_deal"
	RepeatedDealContact Create = "repeated_deal_contact"
)

// A Reason says why something is, or is not, created: one per decision. The
// sentences are in decision.md, part E.
type Reason string

// Reasons of a decision.
const (
	NewCreated             Reason = "NEW_CREATED"
	NewCreateOff           Reason = "NEW_CREATE_OFF"
	NewOutgoingOff         Reason = "NEW_OUTGOING_OFF"
	OpenEntity             Reason = "OPEN_ENTITY"
	KnownCreateOff         Reason = "KNOWN_CREATE_OFF"
	KnownOutgoingOff       Reason = "KNOWN_OUTGOING_OFF"
	RepeatOffPBX           Reason = "REPEAT_OFF_PBX"
	RepeatOffB24           Reason = "REPEAT_OFF_B24"
	RepeatContact          Reason = "REPEAT_CONTACT"
	RepeatClosedDeal       Reason = "REPEAT_CLOSED_DEAL"
	RepeatLeadToDeal       Reason = "REPEAT_LEAD_TO_DEAL"
	RepeatLeadToContact    Reason = "REPEAT_LEAD_TO_CONTACT"
	RepeatLeadLost         Reason = "REPEAT_LEAD_LOST"
	RepeatOutLeadToContact Reason = "REPEAT_OUT_LEAD_TO_CONTACT"
	InternalCall           Reason = "INTERNAL_CALL"
	HiddenNumber           Reason = "HIDDEN_NUMBER"
	EmployeeNumber         Reason = "EMPLOYEE_NUMBER"
	ExcludedNumber         Reason = "EXCLUDED_NUMBER"
	InfoCall               Reason = "INFO_CALL"
	TransferLeg            Reason = "TRANSFER_LEG"
)

// Reasons are all reasons, in the order of decision.md E.
var Reasons = []Reason{
	NewCreated, NewCreateOff, NewOutgoingOff, OpenEntity, KnownCreateOff, KnownOutgoingOff, RepeatOffPBX,
	RepeatOffB24, RepeatContact, RepeatClosedDeal, RepeatLeadToDeal, RepeatLeadToContact, RepeatLeadLost,
	RepeatOutLeadToContact, InternalCall, HiddenNumber, EmployeeNumber, ExcludedNumber, InfoCall, TransferLeg,
}

// A Note adds to a reason: any number per call.
type Note string

// Notes of a decision, then notes on what actually happened.
const (
	ClosedCardClick Note = "CLOSED_CARD_CLICK"
	NoTarget        Note = "NO_TARGET"
	BindingLimit    Note = "BINDING_LIMIT"

	PlatformDeclined    Note = "PLATFORM_DECLINED"
	PlatformCreated     Note = "PLATFORM_CREATED"
	CreateFailed        Note = "CREATE_FAILED"
	BindPartial         Note = "BIND_PARTIAL"
	SnapshotFailed      Note = "SNAPSHOT_FAILED"
	DuplicateSuppressed Note = "DUPLICATE_SUPPRESSED"
)

// Notes are all notes, in the order of decision.md E.
var Notes = []Note{
	ClosedCardClick, NoTarget, BindingLimit,
	PlatformDeclined, PlatformCreated, CreateFailed, BindPartial, SnapshotFailed, DuplicateSuppressed,
}

// A Target is an entity the call is logged to: one that exists, or one that
// the call itself creates (New, without an id).
type Target struct {
	Type crm.EntityType `json:"type"`
	ID   int64          `json:"id,omitempty"`
	New  bool           `json:"new,omitempty"`
}

// A Decision is what should become of a call, and why. LogTo and Notes are
// never nil.
type Decision struct {
	Create Create   `json:"create"`
	LogTo  []Target `json:"log_to"` // in the order of decision.md B.2, no repeats, at most 100
	Reason Reason   `json:"reason"`
	Notes  []Note   `json:"notes"`
}

// A Switch names one of the four settings that people can flip.
type Switch string

// The four switches, named as in [Settings].
const (
	SwitchCreateEntities   Switch = "create_entities"
	SwitchOutgoingCalls    Switch = "outgoing_calls"
	SwitchRepeatedLeads    Switch = "repeated_leads"
	SwitchRepeatInBitrix24 Switch = "repeat_in_bitrix24"
)

// A Change is one switch, where it would have to stand (a bool, or a [Repeat]
// for Bitrix24's switch), and what would then be created.
type Change struct {
	Switch Switch `json:"switch"`
	To     any    `json:"to"`
	Create Create `json:"create"`
}

// A Step is one row of the decision table that was tried.
type Step struct {
	Row    string `json:"row"` // "P1" … "D15", as in decision.md B.3
	Reason Reason `json:"reason"`
	Held   bool   `json:"held"`
}
