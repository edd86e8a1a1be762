package main

import (
	"sync/atomic"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/app/call"
	"callwise/app/callflow"
	"callwise/models"
)

// A bug is what goes wrong in our own house, and a clock that can be moved.
type bug struct {
	there atomic.Bool
	later atomic.Int64
}

// buggy has the program panic where it names what it creates.
func (b *bug) buggy(h *house) {
	title := h.flow.Title
	h.flow.Title = func(lang string, d call.Direction, number string) string {
		if b.there.Load() {
			panic("a bug")
		}
		return title(lang, d, number)
	}
	h.flow.Now = func() time.Time { return time.Now().Add(time.Duration(b.later.Load())) }
}

// builtin is a call of Bitrix24's own line from a new number: the app creates
// its lead.
func (r *rig) builtin(phone string) string {
	c := r.portal.StartCall(b24sim.BuiltinCall{Incoming: true, Phone: phone, Line: "4930901800", UserID: anna})
	c.End("200", 5)
	r.deliver()
	return c.ID
}

func TestABugInOurHouseFailsACallAsAPortalDoes(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		var bug bug
		r := tuned(t, address, classic, bug.buggy)
		r.switches("cob")
		bug.there.Store(true)
		id := r.builtin("+4930901860")
		r.eventually("the call is repeated", func() bool {
			c := r.row(id)
			return c != nil && c.Result == models.ResultRetrying && c.ErrorCode == "INTERNAL" && c.Attempts > 1
		})
		bug.later.Store(int64(callflow.GiveUpAfter))
		r.troubled(id, models.AttentionFailed)
		r.worked(id) // nothing wakes it any more
		bug.there.Store(false)
		r.mend(id, "retry", nil)
		r.eventually("the call is done", func() bool { return r.row(id).State == models.CallFinished })
		if n := len(r.portal.Leads()); n != 1 {
			t.Errorf("%d leads", n)
		}
	})
}

func TestABugThatIsMendedInTimeNeedsNobody(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		var bug bug
		r := tuned(t, address, classic, bug.buggy)
		r.switches("cob")
		bug.there.Store(true)
		id := r.builtin("+4930901860")
		r.retrying(id)
		bug.there.Store(false)
		r.finished(1)
		c := r.row(id)
		if c.Attempts != 0 || c.FailingSince != nil || c.ErrorCode != "" || c.Attention != models.NoAttention || len(r.portal.Leads()) != 1 {
			t.Errorf("%d attempts since %v, %q, %q, %d leads", c.Attempts, c.FailingSince, c.ErrorCode, c.Attention, len(r.portal.Leads()))
		}
	})
}

// TestAPortalThatIsDownIsWaitedForAndNotForEver is the class that passes by
// itself at its end: nothing is tried any more, and one press tries again.
func TestAPortalThatIsDownIsWaitedForAndNotForEver(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		var bug bug
		r := tuned(t, address, classic, bug.buggy)
		r.switches("c")
		down := r.sim.Inject(b24sim.Fault{Portal: "acme", Times: -1, Act: b24sim.Refuse, Status: 503, Code: "OVERLOADED"})
		r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
		r.retrying("c1")
		bug.later.Store(int64(callflow.GiveUpAfter - time.Hour))
		attempts := r.row("c1").Attempts
		r.again("c1")
		r.eventually("an hour before the end the call is repeated", func() bool {
			c := r.row("c1")
			return c.Attempts > attempts && c.Result == models.ResultRetrying
		})
		bug.later.Store(int64(callflow.GiveUpAfter))
		r.again("c1")
		r.troubled("c1", models.AttentionFailed)
		down.Remove()
		r.post("/calls/retry", nil)
		r.eventually("the call is done", func() bool { return r.row("c1").State == models.CallFinished })
		if n := len(r.portal.Leads()); n != 1 {
			t.Errorf("%d leads", n)
		}
	})
}
