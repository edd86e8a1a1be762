package models

import (
	"time"

	"callwise/app/call"
	"callwise/app/crm"
	"callwise/app/rules"
)

// Progress is what was done for a call, so that a repetition does not do it
// again and people can see it.
type Progress struct {
	// Deferred: registered without a decision, which is made before the end.
	Deferred bool     `json:"deferred,omitempty"`
	Register Register `json:"register"`
	// Created is what came into being for this call, whoever created it.
	Created     []crm.Ref `json:"created,omitempty"`
	CreateTried bool      `json:"create_tried,omitempty"`
	CreateDone  bool      `json:"create_done,omitempty"`
	// AskedAt is when something that is to come into being was last asked for, if the
	// answer is not known.
	AskedAt time.Time `json:"asked_at,omitzero"`
	// Awaited: somebody waits for the answer, or has died meanwhile. What is asked for
	// may have been sent long after AskedAt then: it waits for its turn.
	Awaited bool `json:"awaited,omitempty"`
	// Technical is the lead of ours that simple mode is to convert.
	Technical Technical `json:"technical,omitzero"`
	// LeftOut: of its events not all are read.
	LeftOut bool `json:"left_out,omitempty"`
	// Repeated is whether Bitrix24 flagged the lead that the app made for a client
	// as a repeated one; nil without such a lead, or if it did not tell.
	Repeated *bool `json:"repeated,omitempty"`
	// Leg: another call of the PBX answers the same click already.
	Leg bool `json:"leg,omitempty"`
	// Refused are users whom Bitrix24 does not take calls for any more.
	Refused []int64 `json:"refused,omitempty"`
	// Ordered: a job tells the PBX to place the call.
	Ordered bool `json:"ordered,omitempty"`
	// NoExtension: nobody can be rung for the click.
	NoExtension bool          `json:"no_extension,omitempty"`
	Finish      Finish        `json:"finish"`
	Bound       []crm.Ref     `json:"bound,omitempty"`
	BindFailed  []BindFailure `json:"bind_failed,omitempty"`
	// Skipped are cards that do not exist any more.
	Skipped []crm.Ref `json:"skipped,omitempty"`
	// ActivityTried: an activity of our own was asked for.
	ActivityTried bool       `json:"activity_tried,omitempty"`
	AnchorLifted  bool       `json:"anchor_lifted,omitempty"`
	Recording     Recording  `json:"recording"`
	Transcript    Transcript `json:"transcript,omitzero"`
	// Popup is what was done about the call card on the screen.
	Popup Popup `json:"popup,omitzero"`
	// Excluded calls are not handled.
	Excluded Exclusion `json:"excluded,omitempty"`
	// Owner is who is responsible for what the call creates, once chosen.
	Owner int64 `json:"owner,omitempty"`
	// Callee is the employee whom a callback rings, once chosen.
	Callee   int64    `json:"callee,omitempty"`
	Assigned Assigned `json:"assigned,omitzero"`
	Todo     Todo     `json:"todo,omitzero"`
	// DryRun: decided, and nothing was written to the portal.
	DryRun bool `json:"dry_run,omitempty"`
	// Settled is what an administrator wants to hear no more of.
	Settled []Attention `json:"settled,omitempty"`
	// Card is the client's card that an administrator chose for what was created.
	Card *crm.Ref `json:"card,omitempty"`
	// Removed: the app was removed from the portal since. Nothing is left of the call
	// but its outcome, and nothing is done for it any more.
	Removed bool `json:"removed,omitempty"`
	// Notes are what actually happened, beside the decision's own notes.
	Notes []rules.Note `json:"notes,omitempty"`
	Steps []Step       `json:"steps,omitempty"`
}

// sentBy is the latest time at which what was asked for last can have been sent, as far
// as is known. No round of work takes longer than a job.
func (p Progress) sentBy(now time.Time) time.Time {
	switch {
	case !p.Awaited:
		return p.AskedAt
	case now.Sub(p.AskedAt).Abs() < jobTimeout:
		return now
	}
	return p.AskedAt.Add(jobTimeout)
}

// Technical is a lead that simple mode makes a deal of: perhaps not at once, and then it
// may not be found any more.
type Technical struct {
	ID      int64     `json:"id,omitempty"` // 0 = not known
	AskedAt time.Time `json:"asked_at,omitzero"`
}

// Register is the registration of a call in Bitrix24. Tried without CallID
// means that the answer is not known.
type Register struct {
	Tried bool `json:"tried,omitempty"`
	// Refused: the last attempt did not run; the next one decides anew.
	Refused bool      `json:"refused,omitempty"`
	At      time.Time `json:"at,omitzero"`
	// What was asked for: a repetition must ask for the same.
	UserID    int64          `json:"user_id,omitempty"`
	Phone     string         `json:"phone,omitempty"`
	Line      string         `json:"line,omitempty"`
	Direction call.Direction `json:"direction,omitempty"`
	StartedAt time.Time      `json:"started_at,omitzero"`
	Named     *crm.Ref       `json:"named,omitempty"` // what the call is about, if Bitrix24 was told
	// Create: an attempt asked for an object. One that comes after it without a plan
	// does not: the one before may not have run.
	Create bool `json:"create,omitempty"`
	// Anchor is Named if the call is to be taken off it in the end.
	Anchor *crm.Ref `json:"anchor,omitempty"`
	// What was answered.
	CallID  string  `json:"call_id,omitempty"`
	Primary crm.Ref `json:"primary,omitzero"`
	// CreateFailed: Bitrix24 wanted to create something, and could not.
	CreateFailed bool `json:"create_failed,omitempty"`
	// Ahead is how much later it was by Bitrix24's clock than by ours.
	Ahead time.Duration `json:"ahead,omitempty"`
}

// An Exclusion is why a call is not handled.
type Exclusion string

// Exclusions by what the administrator named, and of what nobody meant to do.
const (
	NotExcluded Exclusion = ""
	ByNumber    Exclusion = "number"
	ByExtension Exclusion = "extension" // all of the call's
	ByRepeat    Exclusion = "repeat"    // the number was clicked again at once
)

// Assigned is that what was created was given to [Progress].Owner.
type Assigned struct {
	Done bool   `json:"done,omitempty"`
	Code string `json:"code,omitempty"`
}

// Todo is the reminder of a missed call. Tried without Done means that the
// answer is not known.
type Todo struct {
	Tried    bool      `json:"tried,omitempty"`
	Done     bool      `json:"done,omitempty"`
	Card     crm.Ref   `json:"card,omitzero"`
	UserID   int64     `json:"user_id,omitempty"`
	Deadline time.Time `json:"deadline,omitzero"`
	ID       int64     `json:"id,omitempty"` // 0: not wanted, nothing to put it on, or Code
	Code     string    `json:"code,omitempty"`
}

// Popup is the call card that Bitrix24 opens on an employee's screen.
type Popup struct {
	Users  []int64 `json:"users,omitempty"`  // who sees it
	Opened bool    `json:"opened,omitempty"` // Users is known
	Hidden bool    `json:"hidden,omitempty"`
}

// Finish is the end of a call in Bitrix24. Tried without Done means that the
// answer is not known.
type Finish struct {
	Tried       bool      `json:"tried,omitempty"`
	Done        bool      `json:"done,omitempty"`
	At          time.Time `json:"at,omitzero"`
	ActivityID  int64     `json:"activity_id,omitempty"`
	StatisticID string    `json:"statistic_id,omitempty"`
}

// Recording is the audio that Bitrix24 was told of, by the address or the upload
// it came from. Kept says why it stays where it is.
type Recording struct {
	URL    string `json:"url,omitempty"`
	Upload int64  `json:"upload,omitempty"` // id of the [Audio]
	FileID int64  `json:"file_id,omitempty"`
	Code   string `json:"code,omitempty"`
	Kept   string `json:"kept,omitempty"`
	// Waiting is why the PBX's file is not there yet; it is looked for again at
	// NextAt, after so many Tries.
	Waiting string    `json:"waiting,omitempty"`
	NextAt  time.Time `json:"next_at,omitzero"`
	Tries   int       `json:"tries,omitempty"`
	// Passed are addresses whose recording could not be attached.
	Passed []string `json:"passed,omitempty"`
}

// Attached reports that Bitrix24 has the recording.
func (r Recording) Attached() bool {
	return (r.URL != "" || r.Upload != 0) && r.Code == "" && r.Kept == "" && r.Waiting == ""
}

// Why a recording stays where it is.
const (
	KeptAsLink   = "link"      // the settings say so
	KeptTooLarge = "too_large" // it is larger than the settings allow
)

// Transcript is what was said, as Bitrix24 was given it.
type Transcript struct {
	Tried bool   `json:"tried,omitempty"` // without Done: the answer is not known
	Done  bool   `json:"done,omitempty"`
	ID    int64  `json:"id,omitempty"`
	Code  string `json:"code,omitempty"`
}

// A BindFailure is a card the call could not be logged to.
type BindFailure struct {
	Ref  crm.Ref `json:"ref"`
	Code string  `json:"code"`
}

// A Step is one thing done for a call; Code says how it failed.
type Step struct {
	Name string    `json:"name"`
	At   time.Time `json:"at"`
	Code string    `json:"code,omitempty"`
}
