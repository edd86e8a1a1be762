package models

import (
	"strings"
	"time"

	"callwise/app/call"
	"callwise/app/rules"

	"gorm.io/gorm"
)

// An Outcome is whether somebody took a call.
type Outcome string

// Outcomes of calls; a call that goes on has none.
const (
	Answered   Outcome = "answered"
	Unanswered Outcome = "unanswered"
	Missed     Outcome = "missed" // unanswered, and as Bitrix24 counts them: [call.MissedStatuses] of incoming ones
)

// Conditions of indexes, which are found by their text: it may have no parameters.
var (
	unanswered = "status NOT IN ('', 'answered')"
	missed     = "status IN (" + literals(call.MissedStatuses) + ") AND direction IN (" + literals(fromCustomers) + ")"
)

func literals[T ~string](words []T) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = "'" + string(word) + "'"
	}
	return strings.Join(quoted, ", ")
}

// fromCustomers are the directions of calls that customers begin.
var fromCustomers = []call.Direction{call.Incoming, call.Redirected}

// A CallFilter narrows the call log; zero fields do not.
type CallFilter struct {
	From, To  time.Time // when the call began: From ≤ began < To
	Direction call.Direction
	Outcome   Outcome
	Result    CallResult
	Reason    rules.Reason
	Line      string
	UserID    int64
	PhoneKey  string
	Search    Search
	Trouble   bool // given up, or waiting for a repetition
	Attention bool // there is something to mend
	Unmapped  bool // nobody has its extension
	Oldest    bool // the oldest call first
}

// A condition is a part of a filter. An indexed one has an index that has the
// portal's calls with it in the order of time.
type condition struct {
	wanted  bool
	indexed bool
	where   string
	values  []any
}

// conditions are the parts of a filter that are wanted, but for the time, the
// rarest first as far as one can know.
func (f CallFilter) conditions() []condition {
	text, patterns, searched := f.Search.condition()
	var wanted []condition
	for _, c := range []condition{
		{f.PhoneKey != "", true, "phone_key = ?", []any{clean(f.PhoneKey)}},
		{f.Attention, true, "attention <> ''", nil},
		{f.Unmapped, true, "user_id = 0 AND extension <> ''", nil},
		{f.Trouble, true, "result IN ('failed', 'retrying')", nil},
		{f.Reason != "", true, "reason = ?", []any{f.Reason}},
		{f.UserID != 0, true, "user_id = ?", []any{f.UserID}},
		{f.Line != "", true, "line = ?", []any{clean(f.Line)}},
		{f.Result != "", true, "result = ?", []any{f.Result}},
		{f.Outcome == Missed, true, missed, nil},
		{f.Outcome == Unanswered, true, unanswered, nil},
		{f.Direction != "", true, "direction = ?", []any{f.Direction}},
		{f.Outcome == Answered, false, "status = 'answered'", nil},
		{searched, false, text, patterns},
	} {
		if c.wanted {
			wanted = append(wanted, c)
		}
	}
	return wanted
}

// along are the calls of a portal within the time of the filter, narrowed by
// the one condition that has an index, and what is left to ask of each of them.
func (s *Store) along(tx *gorm.DB, portalID int64, f CallFilter) (*gorm.DB, []condition) {
	query := f.within(tx.Table("calls").Where("portal_id = ?", portalID))
	rest := f.conditions()
	if len(rest) > 0 && rest[0].indexed {
		return query.Where(rest[0].where, rest[0].values...), rest[1:]
	}
	return query, rest
}

func (f CallFilter) within(query *gorm.DB) *gorm.DB {
	if !f.From.IsZero() {
		query = query.Where("started_at >= ?", Stored(f.From))
	}
	if !f.To.IsZero() {
		query = query.Where("started_at < ?", Stored(f.To))
	}
	return query
}

// behind are the calls that come after a place in the log.
func (f CallFilter) behind(query *gorm.DB, after Cursor) *gorm.DB {
	switch {
	case after == (Cursor{}):
		return query
	case f.Oldest:
		return query.Where("(started_at, id) > (?, ?)", Stored(after.At), after.ID)
	}
	return query.Where("(started_at, id) < (?, ?)", Stored(after.At), after.ID)
}

func (f CallFilter) order() string {
	if f.Oldest {
		return "started_at, id"
	}
	return "started_at DESC, id DESC"
}

// all joins conditions to one expression.
func all(conditions []condition) (string, []any) {
	var parts []string
	var values []any
	for _, c := range conditions {
		parts = append(parts, "("+c.where+")")
		values = append(values, c.values...)
	}
	return strings.Join(parts, " AND "), values
}
