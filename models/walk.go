package models

import (
	"database/sql"
	"errors"

	"gorm.io/gorm"
)

// A walk goes through rows of a table along an index, some at a time. Each step begins
// behind the last one: from the first row on, it would pass over all that has been
// removed for as long as a transaction is open that still sees it, and to back up a
// large database takes hours.
type walk struct {
	table  string
	where  string
	values []any // of where
	// along is one column of an index, behind those of which where names the values:
	// PostgreSQL does not end a scan where it compares two at once.
	along  string
	some   int // rows at a time, and those that are like the last of them
	behind any // along which the last step ended; nil in the beginning
}

// step has something done to the next rows, which are those that a condition with
// values holds for, and reports whether there may be more.
func (w *walk) step(db *gorm.DB, do func(where string, values []any) error) (more bool, err error) {
	where, values := "("+w.where+")", w.values
	if w.behind != nil {
		where, values = where+" AND "+w.along+" > ?", append(values, w.behind)
	}
	var last any
	err = db.Table(w.table).Select(w.along).Where(where, values...).Order(w.along).Offset(w.some - 1).Limit(1).Row().Scan(&last)
	more = !errors.Is(err, sql.ErrNoRows)
	if more && err != nil {
		return false, err
	}
	if more {
		where, values = where+" AND "+w.along+" <= ?", append(values, last)
	}
	if err := do(where, values); err != nil {
		return false, err
	}
	w.behind = last
	return more, nil
}
