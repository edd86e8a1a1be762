package models

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
)

// Of a call no more is read than so many events, and so much of their payload. A call
// has tens of events.
const (
	mostEvents  = 1000
	mostPayload = 4 << 20 // bytes
)

// A call of fewer events than these is read at once if none of them is larger: they are
// within the bound.
const (
	fewEvents   = 64
	longPayload = mostPayload / fewEvents
)

// atOnce is SQL of the events e in tables, which are of one call: of many only of the
// first, and without the payloads that are long.
func atOnce(tx *gorm.DB, tables string) string {
	columns := strings.Replace(fields(tx, &Event{}, "e"), "e.payload",
		fmt.Sprintf("CASE WHEN octet_length(CAST(e.payload AS text)) <= %d THEN e.payload END AS payload", longPayload), 1)
	return fmt.Sprintf("SELECT %s FROM %s ORDER BY e.happened_at, e.id LIMIT %d", columns, tables, fewEvents)
}

// readAtOnce reports that events of [atOnce] are all there are.
func readAtOnce(events []Event) bool {
	return len(events) < fewEvents && !slices.ContainsFunc(events, func(e Event) bool { return e.Payload == nil })
}

// Of the events e of a call that has more, the lightest are read: our own and the ends,
// so that each call ends, then the others in the order they happened. What the next
// event of its type makes void comes last, the newest first.
const (
	weight = "CASE WHEN e.source = 'callwise' OR e.type = 'call.ended' THEN 0 WHEN " + void + " THEN 2 ELSE 1 END"
	age    = "CASE WHEN " + void + " THEN -e.id END"
	void   = "e.type IN ('call.ringing', 'transcript.ready')"
)

// bounded is SQL of those events that are read of the events e in tables, which are of
// one call. Beside each it has the next one's id, which is NULL only if none is left
// out for its payload.
func bounded(tables string) string {
	return fmt.Sprintf(`(
		SELECT *, sum(octet_length(CAST(payload AS text))) OVER lightest AS bytes, lead(id) OVER lightest AS next
		FROM (SELECT e.*, %s AS weight, %s AS age FROM %s ORDER BY weight, age, happened_at, id LIMIT %d) e
		WINDOW lightest AS (ORDER BY weight, age, happened_at, id ROWS UNBOUNDED PRECEDING)
	) e WHERE bytes <= %d`, weight, age, tables, mostEvents, mostPayload)
}

// inOrder is SQL of [bounded], in the order they happened.
func inOrder(tx *gorm.DB, tables string) string {
	return "SELECT " + fields(tx, &Event{}, "e") + ", next FROM " + bounded(tables) + " ORDER BY happened_at, id"
}

// eventsUnder are the events e of a portal under some call keys.
const eventsUnder = "events e WHERE e.portal_id = ? AND e.call_key IN ?"

// eventsOf are the events of a call under its keys, [bounded] and in the order they
// happened, and whether there may be more.
func (s *Store) eventsOf(ctx context.Context, portalID int64, callKeys []string) (events []Event, more bool, err error) {
	var rows []boundEvent
	tx := s.with(ctx)
	err = tx.Raw(inOrder(tx, eventsUnder), portalID, callKeys).Find(&rows).Error
	events, more = eventsIn(rows)
	return events, more, err
}

// A boundEvent is an event of [bounded].
type boundEvent struct {
	Event Event `gorm:"embedded"`
	Next  *int64
}

// eventsIn are the events among rows, and whether there may be more.
func eventsIn(rows []boundEvent) (events []Event, more bool) {
	events, more = make([]Event, len(rows)), len(rows) > 0
	for i, row := range rows {
		events[i] = row.Event
		more = more && row.Next != nil
	}
	return events, more || len(rows) == mostEvents
}

// surplusTogether is how many events one statement marks.
const surplusTogether = 50_000

// markSurplus counts those events of a call that are not read as worked on, and reports
// whether there were any: they have no effect.
func (s *Store) markSurplus(ctx context.Context, portalID int64, callKeys []string) (found bool, err error) {
	for {
		marked := s.soon(ctx).Exec(`
			UPDATE events SET done_at = ? WHERE portal_id = ? AND id IN (
				SELECT e.id FROM `+eventsUnder+` AND e.done_at IS NULL AND e.id NOT IN (SELECT e.id FROM `+bounded(eventsUnder)+`) LIMIT ?)`,
			s.now(), portalID, portalID, callKeys, portalID, callKeys, surplusTogether)
		found = found || marked.RowsAffected > 0
		if marked.Error != nil || marked.RowsAffected < surplusTogether {
			return found, marked.Error
		}
	}
}
