package models

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"
	"gorm.io/gorm"
)

// Tables is the struct of every table but leases, which has none.
var Tables = map[string]any{
	"portals": portalRow{}, "tokens": tokenRow{}, "pbx_keys": PBXKey{}, "employees": Employee{}, "lines": Line{},
	"events": Event{}, "calls": Call{}, "rest_log": RESTRequest{}, "recent_creations": creationRow{},
	"settings_versions": SettingsVersion{}, "log_filters": LogFilter{}, "recordings": Audio{}, "recording_chunks": audioChunk{},
	"privacy_requests": PrivacyRequest{}, "erased_calls": ErasedCall{},
	"incidents": Incident{}, "alerts": Alert{},
	"reconciliations": Reconciliation{}, "missing_calls": MissingCall{}, "unread_statistics": UnreadStatistic{},
}

// CallRows is the second struct of the table calls, with fewer columns.
var CallRows any = CallRow{}

// SQL runs a statement outside of a transaction.
func SQL(s *Store, ctx context.Context, statement string) error {
	_, err := s.sql.ExecContext(ctx, statement)
	return err
}

// Pools are those of a Store on PostgreSQL.
func Pools(s *Store) []*pgxpool.Pool { return []*pgxpool.Pool{s.pool, s.soonPool} }

// MostConnections is how many connections a pool may have of which pgxpool says so many.
var MostConnections = mostConnections

// PurgeBatch is how many rows one statement of a purge removes.
const PurgeBatch = purgeBatch

// MentionWindow is how many rows an erasure looks through in one step.
const MentionWindow = mentionWindow

// MentionQueries look through the rows of each table.
func MentionQueries(s *Store) (queries []string) {
	for _, m := range mentioning {
		queries = append(queries, s.mentionQuery(m))
	}
	return queries
}

// RepeatQuery is what [Store.RepeatShown] asks for one reason.
func RepeatQuery(tx *gorm.DB, portalID int64) string {
	return tx.ToSQL(func(tx *gorm.DB) *gorm.DB {
		return repeatAsked(tx, portalID, repeatReasons[0]).Find(&[]Call{})
	})
}

// Walk is a walk of which a test takes the steps.
type Walk struct{ walk }

// NewWalk goes through rows of a table.
func NewWalk(table, along, where string, values []any, some int) *Walk {
	return &Walk{walk{table: table, along: along, where: where, values: values, some: some}}
}

// Step has something done to the next rows.
func (w *Walk) Step(db *gorm.DB, do func(where string, values []any) error) (bool, error) {
	return w.step(db, do)
}

// MissedCondition is what the index of missed calls is found by.
var MissedCondition = missed
