package b24sim

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"callwise/app/crm"
)

// A Statistic is a finished call in the telephony statistics.
type Statistic struct {
	ID             int64
	CallID         string
	ExternalCallID string // "" for a click and for calls of others
	UserID         int64
	Phone, Line    string
	Type           int // 1 outgoing, 2 incoming, 3 redirected, 4 callback, 5 information
	Duration       int // seconds
	Status, Reason string
	Vote           int
	Entity         crm.Ref
	ActivityID     int64
	AppID          int64  // 0 = a line of Bitrix24 itself
	Recording      string // name of the attached file
	RecordingID    int64
	Transcript     []string // lines as "Client: …" and "User: …"
	TranscriptID   int64
	StartedAt      time.Time
}

// Statistics are the finished calls in the order they were finished.
func (p *Portal) Statistics() []Statistic {
	defer p.lock()()
	return p.statistics()
}

// AddStatistics enters rows that no call has left, with the next ids and, unless they
// have one, the time of now; one without a CallID names no call.
func (p *Portal) AddStatistics(rows ...Statistic) {
	defer p.lock()()
	for _, s := range rows {
		s.ID = int64(len(p.phone.statistics) + 1)
		if s.StartedAt.IsZero() {
			s.StartedAt = p.now()
		}
		p.phone.statistics = append(p.phone.statistics, &s)
	}
}

func (p *Portal) statistics() []Statistic {
	var all []Statistic
	for _, s := range p.phone.statistics {
		copied := *s
		copied.Transcript = slices.Clone(s.Transcript)
		all = append(all, copied)
	}
	return all
}

// portalNumber is the line, or the application when the call had none.
func (s *Statistic) portalNumber() string {
	if s.Line == "" && s.AppID != 0 {
		return "REST_APP:" + text(s.AppID)
	}
	return s.Line
}

// row is a statistics row of the answer: strings and nulls, but for
// RECORD_FILE_ID.
func (s *Statistic) row(appName string) *array {
	r := obj(
		"ID", text(s.ID), "PORTAL_USER_ID", text(s.UserID), "PORTAL_NUMBER", s.portalNumber(), "PHONE_NUMBER", s.Phone,
		"CALL_ID", orNull(s.CallID), "EXTERNAL_CALL_ID", orNull(s.ExternalCallID), "CALL_CATEGORY", "external", "CALL_LOG", nil,
		"CALL_DURATION", text(s.Duration), "CALL_START_DATE", s.StartedAt.Format(time.RFC3339), "CALL_RECORD_URL", nil,
		"CALL_VOTE", nil, "COST", "0.0000", "COST_CURRENCY", "", "CALL_FAILED_CODE", s.Status, "CALL_FAILED_REASON", s.Reason,
		"CRM_ENTITY_TYPE", orNull(s.Entity.Type.Code()), "CRM_ENTITY_ID", textOrNull(s.Entity.ID),
		"CRM_ACTIVITY_ID", textOrNull(s.ActivityID), "REST_APP_ID", textOrNull(s.AppID), "REST_APP_NAME", nil,
		"TRANSCRIPT_ID", textOrNull(s.TranscriptID), "TRANSCRIPT_PENDING", "N", "SESSION_ID", nil, "REDIAL_ATTEMPT", nil,
		"COMMENT", nil, "RECORD_DURATION", nil, "RECORD_FILE_ID", nil, "CALL_TYPE", text(s.Type),
	)
	if s.AppID != 0 {
		r.set("REST_APP_NAME", appName)
	}
	if s.Vote != 0 {
		r.set("CALL_VOTE", text(s.Vote))
	}
	if s.RecordingID != 0 {
		r.set("RECORD_FILE_ID", s.RecordingID)
	}
	return r
}

func textOrNull(id int64) any {
	if id == 0 {
		return nil
	}
	return text(id)
}

// statisticGet is voximplant.statistic.get. Unknown fields of the filter are
// dropped: a typing mistake returns everything.
func (c *call) statisticGet() (any, error) {
	if !c.user.Admin {
		return nil, forbid("ACCESS_DENIED", "Access denied!")
	}
	filter := c.array("FILTER")
	var rows []*array
	for _, s := range c.p.phone.statistics {
		if r := s.row(c.p.sim.config.Code); rowMatches(r, filter) {
			rows = append(rows, r)
		}
	}
	if by := c.text("SORT"); by != "" && by != "CALL_TYPE" {
		slices.SortStableFunc(rows, func(a, b *array) int { return compareTexts(param(a, by), param(b, by)) })
	}
	if c.text("ORDER") == "DESC" {
		slices.Reverse(rows)
	}
	return paged(c, rows, func(r *array) any { return r }), nil
}

func rowMatches(row, filter *array) bool {
	for _, key := range filter.keysOf() {
		op, name := splitOperator(key)
		value, known := row.get(name)
		wanted, _ := wantedValues(filter.values[key])
		if !known || name == "RECORD_FILE_ID" || len(wanted) == 0 {
			continue
		}
		have := text(value)
		if !matchBy(op, wanted, have, func(w string) int { return compareTexts(have, w) }) {
			return false
		}
	}
	return true
}

// compareTexts compares numbers as numbers and dates as moments.
func compareTexts(a, b string) int {
	x, isNumber := integer(a)
	y, both := integer(b)
	if isNumber && both {
		return cmp.Compare(x, y)
	}
	s, err := parseTime(a)
	t, err2 := parseTime(b)
	if err == nil && err2 == nil {
		return s.Compare(t)
	}
	return strings.Compare(a, b)
}
