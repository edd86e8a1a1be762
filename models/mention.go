package models

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/url"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// mentionBatch is how many rows are read at a time for what they mention.
const mentionBatch = 200

// mentions are the texts of a table that may name a number of which the row is
// not: the title of a card, a name, an event that belongs to no call.
type mentions struct {
	table, settled string   // rows that are still worked on are left alone
	texts, jsons   []string // columns
}

// ofOpenCall holds for events of a call that goes on: it is carried by what
// they say.
const ofOpenCall = `EXISTS (SELECT 1 FROM calls c WHERE c.portal_id = events.portal_id AND c.state = 'open'
	AND (c.call_key = events.call_key OR 'pbx:' || c.pbx_call_id = events.call_key OR 'b24:' || c.b24_call_id = events.call_key))`

var mentioning = []mentions{
	{"calls", "state <> 'open'", []string{"customer_name", "search"}, []string{`"case"`, "decision", "plan", "records", "progress"}},
	{"events", "done_at IS NOT NULL AND NOT " + ofOpenCall, nil, []string{"payload"}},
}

// besideDigits is what may stand between two digits of a number in JSON.
const besideDigits = `(\\u00a0|[^0-9A-Za-z]){0,3}`

// A TextEraser returns a text without a number.
type TextEraser func(string) string

// EraseMentions takes a number out of what a portal's rows say besides: digits
// are its last ones, by which rows are found. It returns how many rows it
// changed, and how many it left because they are still worked on.
func (s *Store) EraseMentions(ctx context.Context, portalID int64, digits string, erase TextEraser) (changed, left int, err error) {
	near := strings.Join(strings.Split(digits, ""), besideDigits)
	nearby, err := regexp.Compile(near)
	if err != nil {
		return 0, 0, err
	}
	for _, m := range mentioning {
		for after := int64(0); ; {
			rows, err := s.mentioned(ctx, m, portalID, after, near)
			if err != nil {
				return changed, left, err
			}
			for _, row := range rows {
				after = row.ID
				if !nearby.MatchString(strings.Join(row.Columns, " ")) {
					continue // SQLite has no expressions to look for
				}
				done, busy, err := s.eraseMention(ctx, m, portalID, row, erase)
				if err != nil {
					return changed, left, err
				}
				changed, left = changed+done, left+busy
			}
			if len(rows) < mentionBatch {
				break
			}
		}
	}
	missing, err := s.eraseMissing(ctx, portalID, erase)
	if err != nil {
		return changed + missing, left, err
	}
	filters, err := s.eraseFilters(ctx, portalID, erase)
	return changed + missing + filters, left, err
}

// A mentionRow is a row as it is stored: columns as text.
type mentionRow struct {
	ID      int64
	Settled bool
	Columns []string
}

// mentioned returns rows that may hold the digits near each other: more than
// mention the number, on SQLite all, but none that does is missing.
func (s *Store) mentioned(ctx context.Context, m mentions, portalID, after int64, near string) ([]mentionRow, error) {
	var casts []string
	for _, column := range m.columns() {
		casts = append(casts, "COALESCE(CAST("+column+" AS text), '')")
	}
	texts, values := strings.Join(casts, " || ' ' || ")+" ~ ?", []any{portalID, after, near, mentionBatch}
	if s.pool == nil {
		texts, values = "true", []any{portalID, after, mentionBatch}
	}
	query := "SELECT id, " + m.settled + ", " + strings.Join(casts, ", ") + " FROM " + m.table +
		" WHERE portal_id = ? AND id > ? AND " + texts + " ORDER BY id LIMIT ?"
	found, err := s.with(ctx).Raw(query, values...).Rows()
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var rows []mentionRow
	for found.Next() {
		row := mentionRow{Columns: make([]string, len(casts))}
		into := []any{&row.ID, &row.Settled}
		for i := range row.Columns {
			into = append(into, &row.Columns[i])
		}
		if err := found.Scan(into...); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, found.Err()
}

func (m mentions) columns() []string { return append(append([]string{}, m.texts...), m.jsons...) }

// eraseMention rewrites the columns of a row that mention the number, unless
// the row has changed since it was read.
func (s *Store) eraseMention(ctx context.Context, m mentions, portalID int64, row mentionRow, erase TextEraser) (changed, busy int, err error) {
	set, values, where, was := []string{}, []any{}, []string{}, []any{}
	for i, column := range m.columns() {
		text := erase(row.Columns[i])
		if i >= len(m.texts) {
			if text, err = eraseJSON(row.Columns[i], erase); err != nil {
				return 0, 0, err
			}
		}
		if text != row.Columns[i] {
			set, values = append(set, column+" = ?"), append(values, text)
			where, was = append(where, "CAST("+column+" AS text) = ?"), append(was, row.Columns[i])
		}
	}
	if len(set) == 0 {
		return 0, 0, nil
	}
	if !row.Settled {
		return 0, 1, nil
	}
	values = append(append(values, portalID, row.ID), was...)
	written := s.with(ctx).Exec("UPDATE "+m.table+" SET "+strings.Join(set, ", ")+
		" WHERE portal_id = ? AND id = ? AND "+m.settled+" AND "+strings.Join(where, " AND "), values...)
	return int(written.RowsAffected), 1 - int(written.RowsAffected), written.Error
}

// eraseJSON erases in every text of a JSON document, and leaves the rest as it
// is written.
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
		if token.Kind() == '"' {
			text := token.String()
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

// eraseFilters forgets the filters of the call log that search for the number.
func (s *Store) eraseFilters(ctx context.Context, portalID int64, erase TextEraser) (int, error) {
	var filters []LogFilter
	if err := s.with(ctx).Where("portal_id = ?", portalID).Find(&filters).Error; err != nil {
		return 0, err
	}
	forgotten := 0
	for _, f := range filters {
		text, err := url.QueryUnescape(f.Filter)
		if err != nil {
			text = f.Filter
		}
		if erase(text) == text {
			continue
		}
		gone := s.with(ctx).Where("portal_id = ? AND user_id = ?", portalID, f.UserID).Delete(&LogFilter{})
		if gone.Error != nil {
			return forgotten, gone.Error
		}
		forgotten++
	}
	return forgotten, nil
}
