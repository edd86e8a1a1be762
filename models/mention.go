package models

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"gorm.io/gorm"
)

// mentionWindow is about how many rows of a table, by the keys of their calls, are
// looked through in one step: on SQLite nothing else is read or written meanwhile.
const mentionWindow = 500

// mentions are the texts of a table that may name a number of which the row is
// not: the title of a card, a name, an event that belongs to no call.
type mentions struct {
	table, settled string   // rows that are still worked on are left alone
	texts, jsons   []string // columns
	dropped        bool     // the row goes, not only the number in it
}

// ofOpenCall holds for events of a call that goes on: it is carried by what
// they say.
const ofOpenCall = `EXISTS (SELECT 1 FROM calls c WHERE c.portal_id = events.portal_id AND c.state = 'open'
	AND (c.call_key = events.call_key
		OR c.pbx_call_id = substr(events.call_key, 5) AND events.call_key LIKE 'pbx:%'
		OR c.b24_call_id = substr(events.call_key, 5) AND events.call_key LIKE 'b24:%'))`

// mentioning are the steps of an erasure, in their order.
var mentioning = []mentions{
	{table: "calls", settled: "state <> 'open'", texts: []string{"customer_name", "search"}, jsons: []string{`"case"`, "decision", "plan", "records", "progress"}},
	{table: "events", settled: "done_at IS NOT NULL AND NOT " + ofOpenCall, jsons: []string{"payload"}},
	// The calls that nobody has told of: those that are taken up name no number.
	{table: "missing_calls", settled: "recovered = 0", jsons: []string{"payload"}, dropped: true},
}

// besideDigits is what may stand between two digits of a number in JSON.
const besideDigits = `(\\u00a0|[^0-9A-Za-z]){0,3}`

// A TextEraser returns a text without a number.
type TextEraser func(string) string

// EraseMentions takes the number of an erasure out of what the next rows of its
// portal say besides, and has e go on behind them: digits are the number's last
// ones, by which rows are found. e waits, and stays where it is, when some of the
// rows are still worked on. It reports whether all rows were looked through
// before. ErrConflict means that another worker did the step.
func (s *Store) EraseMentions(ctx context.Context, e *Erasure, digits string, erase TextEraser) (over bool, err error) {
	if e.Step >= len(mentioning) {
		return true, nil
	}
	m, next := mentioning[e.Step], *e
	last, err := s.windowAfter(ctx, m.table, e.PortalID, e.AfterKey)
	if err != nil {
		return false, err
	}
	if last == "" {
		next.Step, next.AfterKey = e.Step+1, ""
		return false, s.step(s.with(ctx), e, next)
	}
	next.AfterKey, next.Waiting = last, false
	rows, err := s.mentioned(ctx, m, e.PortalID, e.AfterKey, last, digits)
	if err != nil {
		return false, err
	}
	return false, s.Transaction(ctx, func(tx *gorm.DB) error {
		for _, row := range rows {
			changed, busy, err := eraseMention(tx, m, e.PortalID, row, erase)
			if err != nil {
				return err
			}
			next.Mentions += changed
			if busy {
				next.AfterKey, next.Waiting = e.AfterKey, true
			}
		}
		return s.step(tx, e, next)
	})
}

// windowAfter is the last key of the next rows of a portal behind a key; empty when
// there are none. Only the portal's own rows are met, by an index that all three
// tables have.
func (s *Store) windowAfter(ctx context.Context, table string, portalID int64, key string) (string, error) {
	var last *string
	err := s.with(ctx).Raw("SELECT max(call_key) FROM (SELECT call_key FROM "+table+
		" WHERE portal_id = ? AND call_key > ? ORDER BY call_key LIMIT ?) AS rows_of_it", portalID, key, mentionWindow).Scan(&last).Error
	if err != nil || last == nil {
		return "", err
	}
	return *last, nil
}

// step writes down how far an erasure has come, unless it is elsewhere already.
func (s *Store) step(tx *gorm.DB, e *Erasure, next Erasure) error {
	saved := ofErasure(tx, e).Where("step = ? AND after_key = ?", e.Step, e.AfterKey).Updates(map[string]any{
		"step": next.Step, "after_key": next.AfterKey, "waiting": next.Waiting, "mentions": gorm.Expr("mentions + ?", next.Mentions-e.Mentions),
	})
	if saved.Error == nil && saved.RowsAffected == 0 {
		return ErrConflict
	}
	*e = next
	return saved.Error
}

// A mentionRow is a row as it is stored: columns as text.
type mentionRow struct {
	ID      int64
	Columns []string
}

// mentioned returns those rows of a portal, with keys behind after up to last, that
// hold the digits near each other: more than mention the number, but none that
// does is missing.
func (s *Store) mentioned(ctx context.Context, m mentions, portalID int64, after, last, digits string) ([]mentionRow, error) {
	near := strings.Join(strings.Split(digits, ""), besideDigits)
	nearby, err := regexp.Compile(near)
	if err != nil {
		return nil, err
	}
	query, values := s.mentionQuery(m), []any{portalID, after, last, near}
	if s.pool == nil {
		values = values[:3]
	}
	found, err := s.with(ctx).Raw(query, values...).Rows()
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var rows []mentionRow
	for found.Next() {
		row := mentionRow{Columns: make([]string, len(m.columns()))}
		into := []any{&row.ID}
		for i := range row.Columns {
			into = append(into, &row.Columns[i])
		}
		if err := found.Scan(into...); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(row.Columns, nearby.MatchString) {
			rows = append(rows, row)
		}
	}
	return rows, found.Err()
}

// mentionQuery finds rows of a portal by their keys. SQLite has no expressions to
// look for.
func (s *Store) mentionQuery(m mentions) string {
	var casts []string
	for _, column := range m.columns() {
		casts = append(casts, "COALESCE(CAST("+column+" AS text), '')")
	}
	query := "SELECT id, " + strings.Join(casts, ", ") + " FROM " + m.table + " WHERE portal_id = ? AND call_key > ? AND call_key <= ?"
	if s.pool != nil {
		query += " AND " + strings.Join(casts, " || ' ' || ") + " ~ ?"
	}
	return query + " ORDER BY call_key, id"
}

func (m mentions) columns() []string { return append(append([]string{}, m.texts...), m.jsons...) }

// eraseMention rewrites the columns of a row that mention the number, or drops
// the row, and returns how many rows it changed. The row is busy while it is
// worked on, or when it has changed since it was read.
func eraseMention(tx *gorm.DB, m mentions, portalID int64, row mentionRow, erase TextEraser) (changed int64, busy bool, err error) {
	set, values, where, was := []string{}, []any{}, []string{}, []any{}
	for i, column := range m.columns() {
		text := erase(row.Columns[i])
		if i >= len(m.texts) {
			if text, err = eraseJSON(row.Columns[i], erase); err != nil {
				return 0, false, err
			}
		}
		if text != row.Columns[i] {
			set, values = append(set, column+" = ?"), append(values, text)
			where, was = append(where, "CAST("+column+" AS text) = ?"), append(was, row.Columns[i])
		}
	}
	if len(set) == 0 {
		return 0, false, nil
	}
	statement := "UPDATE " + m.table + " SET " + strings.Join(set, ", ")
	if m.dropped {
		statement, values = "DELETE FROM "+m.table, nil
	}
	values = append(append(values, portalID, row.ID), was...)
	written := tx.Exec(statement+" WHERE portal_id = ? AND id = ? AND "+m.settled+" AND "+strings.Join(where, " AND "), values...)
	return written.RowsAffected, written.RowsAffected == 0, written.Error
}

// eraseJSON erases in every text of a JSON document, and leaves the rest as it
// is written. A time is none: its digits may be those of a number, and without
// them the document could not be read any more.
func eraseJSON(document string, erase TextEraser) (string, error) {
	if document == "" {
		return "", nil
	}
	loose := []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}
	read := jsontext.NewDecoder(strings.NewReader(document), loose...)
	var out bytes.Buffer
	write := jsontext.NewEncoder(&out, loose...)
	changed := false
	for {
		token, err := read.ReadToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", err
		}
		if text := token.String(); token.Kind() == '"' && !isTime(text) {
			erased := erase(text)
			changed, token = changed || erased != text, jsontext.String(erased)
		}
		if err := write.WriteToken(token); err != nil {
			return "", err
		}
	}
	if !changed {
		return document, nil
	}
	return strings.TrimSpace(out.String()), nil
}

// isTime reports a time as JSON has it.
func isTime(text string) bool {
	_, err := time.Parse(time.RFC3339Nano, text)
	return err == nil
}

// eraseFilters forgets the filters of a portal's call log that search for the
// number, and returns how many: an employee has one.
func eraseFilters(tx *gorm.DB, portalID int64, erase TextEraser) (int64, error) {
	var filters []LogFilter
	if err := tx.Where("portal_id = ?", portalID).Find(&filters).Error; err != nil {
		return 0, err
	}
	forgotten := int64(0)
	for _, f := range filters {
		text, err := url.QueryUnescape(f.Filter)
		if err != nil {
			text = f.Filter
		}
		if erase(text) == text {
			continue
		}
		gone := tx.Where("portal_id = ? AND user_id = ?", portalID, f.UserID).Delete(&LogFilter{})
		if gone.Error != nil {
			return forgotten, gone.Error
		}
		forgotten++
	}
	return forgotten, nil
}
