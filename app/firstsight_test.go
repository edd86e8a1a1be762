package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A sight is what the log's row tells of a call that nothing is decided for.
type sight struct {
	Phone, Line, Extension string
	User                   int64
}

// TestTheLogShowsWhoCallsWhileTheCRMIsRead has a portal hang at the first reading
// of a number: that call, and another of the number that waits for it, stand in
// the log with all that the PBX told.
func TestTheLogShowsWhoCallsWhileTheCRMIsRead(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := tuned(t, address, classic, func(h *house) { h.flow.LockWait = time.Minute })
		r.switches("c")
		held := r.holding("crm.duplicate.findbycomm")
		sees := func(id string, want sight) {
			t.Helper()
			r.eventually("the call is there", func() bool { return r.row(id) != nil })
			c := r.row(id)
			if diff := cmp.Diff(want, sight{c.Phone, c.Line, c.Extension, c.UserID}); diff != "" || c.DecidedAt != nil {
				t.Errorf("%s at first sight, decided at %v (-want +got):\n%s", id, c.DecidedAt, diff)
			}
		}
		r.tell(started("c1", "incoming", "+49 30 901821"))
		<-held.Reached()
		sees("c1", sight{"+49 30 901821", "4930901820", "104", anna})
		r.tell(started("c2", "incoming", "030 901821", map[string]any{"extensions": []string{"105"}, "line": "+49 30 901822"}))
		sees("c2", sight{"030 901821", "4930901822", "105", omar})
		wants(t, r.page("/calls"), "Anna Brandt", "Omar Haddad")
		held.Release()
		r.registered(2)
		r.tell(ended("c1", "answered", 5), ended("c2", "answered", 5))
		r.finished(2)
	})
}
