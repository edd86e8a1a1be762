// Package crm holds what a portal's CRM knows about one number at one moment:
// values only, with no rule and no wire format of Bitrix24.
package crm

import (
	"errors"
	"time"
)

// An EntityType is a kind of CRM object. Its number is Bitrix24's owner type,
// its text (and JSON) form one of the words lead, deal, contact, company.
//
// https://apidocs.bitrix24.com/api-reference/crm/data-types.html
type EntityType uint8

// The kinds of objects a call can be logged to.
const (
	TypeLead    EntityType = 1
	TypeDeal    EntityType = 2
	TypeContact EntityType = 3
	TypeCompany EntityType = 4
)

// ErrEntityType says that a text names no kind of CRM object known here.
var ErrEntityType = errors.New("crm: unknown entity type")

var (
	words = [...]string{TypeLead: "lead", TypeDeal: "deal", TypeContact: "contact", TypeCompany: "company"}
	codes = [...]string{TypeLead: "LEAD", TypeDeal: "DEAL", TypeContact: "CONTACT", TypeCompany: "COMPANY"}
)

// String is the text form, empty for a type that is not known.
func (t EntityType) String() string {
	if int(t) >= len(words) {
		return ""
	}
	return words[t]
}

// Code is Bitrix24's word for t (LEAD, DEAL, CONTACT, COMPANY), empty for a
// type that is not known.
func (t EntityType) Code() string {
	if int(t) >= len(codes) {
		return ""
	}
	return codes[t]
}

// ParseCode is the reverse of [EntityType.Code].
func ParseCode(code string) (EntityType, bool) {
	return find(codes[:], code)
}

// MarshalText writes the text form. The zero type, which no object has, is
// written as an empty text so that a zero [Ref] can be stored.
func (t EntityType) MarshalText() ([]byte, error) {
	if t > TypeCompany {
		return nil, ErrEntityType
	}
	return []byte(t.String()), nil
}

// UnmarshalText reads what MarshalText writes.
func (t *EntityType) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*t = 0
		return nil
	}
	parsed, ok := find(words[:], string(text))
	if !ok {
		return ErrEntityType
	}
	*t = parsed
	return nil
}

func find(names []string, name string) (EntityType, bool) {
	for i, n := range names {
		if n == name && n != "" {
			return EntityType(i), true
		}
	}
	return 0, false
}

// A Ref names one object of a portal's CRM. The zero Ref names none.
type Ref struct {
	Type EntityType `json:"type"`
	ID   int64      `json:"id"`
}

// An Outcome is what a closed lead became.
type Outcome string

// Outcomes of a closed lead, as decision.md B.1 defines them.
const (
	OutcomeDeal    Outcome = "deal"    // a deal that names the lead exists
	OutcomeContact Outcome = "contact" // no such deal, but a contact or company
	OutcomeLost    Outcome = "lost"    // junk, or nothing of it is left
)

// A ClosedLead is a lead at a final stage and what it became.
type ClosedLead struct {
	ID      int64   `json:"id"`
	Outcome Outcome `json:"outcome"`
}

// A Snapshot is all of a CRM that a decision may depend on (decision.md B.1).
// Its JSON is the "crm" object of interface.md §5.
type Snapshot struct {
	Excluded    bool         `json:"excluded"` // the number is in Bitrix24's exceptions list
	OpenLeads   []int64      `json:"open_leads"`
	OpenDeals   []int64      `json:"open_deals"`
	Contacts    []int64      `json:"contacts"`     // client cards: contacts
	Companies   []int64      `json:"companies"`    // client cards: companies
	ClosedLeads []ClosedLead `json:"closed_leads"` // newest first
	ClosedDeals []int64      `json:"closed_deals"`
}

// Cards are the client's cards: contacts first.
func (s Snapshot) Cards() []Ref {
	var cards []Ref
	for _, id := range s.Contacts {
		cards = append(cards, Ref{TypeContact, id})
	}
	for _, id := range s.Companies {
		cards = append(cards, Ref{TypeCompany, id})
	}
	return cards
}

// Semantics is what a stage means, whatever a portal calls the stage.
type Semantics string

// Semantics of the stages of leads and deals.
const (
	Open Semantics = "P"
	Won  Semantics = "S"
	Lost Semantics = "F"
)

// A Mode says whether a portal works with leads.
//
// https://apidocs.bitrix24.com/api-reference/crm/crm-settings-mode-get.html
type Mode string

// CRM modes.
const (
	Classic Mode = "classic" // leads, then deals
	Simple  Mode = "simple"  // deals only; a new lead is converted at once
)

// A Lead as a portal tells it.
type Lead struct {
	ID            int64     `json:"id"`
	Title         string    `json:"title"`
	Semantics     Semantics `json:"semantics"`
	ContactID     int64     `json:"contact_id"` // 0 when it names none
	CompanyID     int64     `json:"company_id"` // 0 when it names none
	Repeated      bool      `json:"repeated"`   // IS_RETURN_CUSTOMER
	ResponsibleID int64     `json:"responsible_id"`
	CreatedAt     time.Time `json:"created_at"`
	ClosedAt      time.Time `json:"closed_at"` // zero while open
	ByPhone       bool      `json:"by_phone"`  // it carries the number itself
	// OtherSpelling: it carries the number, but not as Bitrix24 itself looks for
	// it when a call is registered.
	OtherSpelling bool `json:"other_spelling,omitempty"`
}

// A Deal as a portal tells it; never a recurring template.
type Deal struct {
	ID            int64     `json:"id"`
	Title         string    `json:"title"`
	Semantics     Semantics `json:"semantics"`
	ContactIDs    []int64   `json:"contact_ids"` // main contact first
	CompanyID     int64     `json:"company_id"`
	LeadID        int64     `json:"lead_id"` // the lead that became it, 0 when none
	ResponsibleID int64     `json:"responsible_id"`
	CreatedAt     time.Time `json:"created_at"`
	ClosedAt      time.Time `json:"closed_at"` // zero while open
}

// A Contact as a portal tells it.
type Contact struct {
	ID            int64     `json:"id"`
	Name          string    `json:"name"`
	LeadID        int64     `json:"lead_id"` // the lead that became it, 0 when none
	CompanyID     int64     `json:"company_id"`
	ResponsibleID int64     `json:"responsible_id"`
	CreatedAt     time.Time `json:"created_at,omitzero"`
	ByPhone       bool      `json:"by_phone"` // it carries the number itself
	// OtherSpelling: it carries the number, but not as Bitrix24 itself looks for
	// it when a call is registered.
	OtherSpelling bool `json:"other_spelling,omitempty"`
	// Evidence: it only tells what became of the lead that it was made of, and is
	// no client card.
	Evidence bool `json:"evidence,omitempty"`
}

// A Company as a portal tells it.
type Company struct {
	ID            int64     `json:"id"`
	Title         string    `json:"title"`
	LeadID        int64     `json:"lead_id"` // the lead that became it, 0 when none
	ResponsibleID int64     `json:"responsible_id"`
	CreatedAt     time.Time `json:"created_at,omitzero"`
	ByPhone       bool      `json:"by_phone"` // it carries the number itself
	// OtherSpelling: it carries the number, but not as Bitrix24 itself looks for
	// it when a call is registered.
	OtherSpelling bool `json:"other_spelling,omitempty"`
	// Evidence: it only tells what became of the lead that it was made of, and is
	// no client card.
	Evidence bool `json:"evidence,omitempty"`
}
