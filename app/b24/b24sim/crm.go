package b24sim

import (
	"time"

	"callwise/app/crm"
)

// A Lead is a lead as the CRM keeps it. When one is added, what is left out
// gets the CRM's default; StatusID CONVERTED or JUNK makes a closed one.
type Lead struct {
	ID                   int64
	Title                string
	Name, LastName       string
	StatusID             string // NEW by default
	Semantics            string // P, S or F; follows from StatusID
	ContactID, CompanyID int64
	ReturnCustomer       bool // the repeated-lead flag
	Phones               []string
	ResponsibleID        int64
	SourceID             string
	OriginatorID         string
	OriginID             string
	CreatedAt, ClosedAt  time.Time
}

// A Deal is a deal as the CRM keeps it.
type Deal struct {
	ID                  int64
	Title               string
	CategoryID          int64  // the funnel; 0 is the default one
	StageID             string // the funnel's first stage by default
	Semantics           string // P, S or F; follows from StageID
	ContactIDs          []int64
	CompanyID, LeadID   int64
	Recurring           bool // a template of regular deals, not a deal
	ReturnCustomer      bool
	ResponsibleID       int64
	SourceID            string
	OriginatorID        string
	OriginID            string
	CreatedAt, ClosedAt time.Time
}

// A Contact is a person as the CRM keeps it.
type Contact struct {
	ID             int64
	Name, LastName string
	Phones         []string
	CompanyIDs     []int64
	LeadID         int64
	ResponsibleID  int64
	SourceID       string
	OriginatorID   string
	OriginID       string
	CreatedAt      time.Time
}

// A Company is a firm as the CRM keeps it.
type Company struct {
	ID            int64
	Title         string
	Phones        []string
	LeadID        int64
	My            bool // one of the portal's own companies, never a customer
	ResponsibleID int64
	OriginatorID  string
	OriginID      string
	CreatedAt     time.Time
}

// An Activity is an item in the timeline of the objects it is bound to.
type Activity struct {
	ID            int64
	Owner         crm.Ref
	Bindings      []crm.Ref // in the order they were made
	Provider      string
	Kind          string // CALL, CALLBACK or TODO
	Subject       string
	Direction     int // 1 incoming, 2 outgoing
	Completed     bool
	Missed        bool
	ResponsibleID int64
	CallID        string
	Note          string // what crm.timeline.note.save left
	Description   string
	Recording     string // name of the attached file
	OriginatorID  string
	OriginID      string
	StartedAt     time.Time
	EndedAt       time.Time
	Deadline      time.Time // of a to-do
}
