package main

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
)

// flood stores very many events of a type for a call of the PBX, of which nobody is told:
// more than a statement of either database takes values.
func (r *rig) flood(callID, kind string) {
	r.t.Helper()
	portal, at := r.stored().ID, time.Now().UTC()
	payload := fmt.Sprintf(`{"type":%q,"call":%q,"at":%q,"extension":"104","extensions":["104"]}`, kind, callID, at.Format(time.RFC3339))
	err := r.house.store.Transaction(r.t.Context(), func(tx *gorm.DB) error {
		return tx.Exec(`
			WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 70000)
			INSERT INTO events (portal_id, source, event_key, call_key, type, payload, happened_at, arrived_at)
			SELECT CAST(? AS bigint), 'pbx', CAST(? AS text) || ' ' || n, CAST(? AS text), CAST(? AS text), ?, ?, ? FROM numbers`,
			portal, callID+" "+kind, "pbx:"+callID, kind, payload, at, at).Error
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// waiting is how many events of the portal are not worked on.
func (r *rig) waiting() (n int) {
	r.t.Helper()
	portal := r.stored().ID
	err := r.house.store.Transaction(r.t.Context(), func(tx *gorm.DB) error {
		return tx.Raw("SELECT count(*) FROM events WHERE portal_id = ? AND done_at IS NULL", portal).Scan(&n).Error
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

func TestACallWithVeryManyEventsIsWorkedToItsEndAndHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, address string) {
		var logged buffer
		r := bareRig(t, address, classic)
		r.log = slog.NewTextHandler(&logged, nil)
		r.start()
		r.install()
		twin := r.neighbour("other")
		twin.tell(started("c1", "incoming", "+4930901821"))

		r.flood("c1", "call.ringing")
		r.tell(started("c1", "incoming", "+4930901820"), answered("c1", "104"), ended("c1", "answered", 5))
		r.finished(1)
		twin.tell(ended("c1", "missed", 0))
		twin.finished(1)
		r.eventually("all events are worked on", func() bool { return r.waiting() == 0 })

		r.flood("c1", "call.answered")
		r.tell(rings("c1", "105"))
		r.eventually("those that came later are worked on", func() bool { return r.waiting() == 0 })
		for _, each := range []*rig{r, twin} {
			if s := each.portal.Snapshot(); s.Unfinished != 0 || len(s.Statistics) != 1 {
				t.Errorf("%d calls finished, %d not", len(s.Statistics), s.Unfinished)
			}
		}
		if n := strings.Count(logged.String(), "events left out"); n != 1 {
			t.Errorf("said %d times that events are left out", n)
		}
	})
}
