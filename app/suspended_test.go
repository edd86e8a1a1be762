package main

import (
	"fmt"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/models"

	"gorm.io/gorm"
)

// requests are those that a portal and the authorization server have got.
type requests struct{ Portal, Renewals int }

func (r *rig) requests() requests {
	return requests{r.sim.Count(r.portal.Name(), ""), r.sim.Count("", "oauth/token")}
}

// settles waits until what the program begins with, and what installations, visits and
// switches have asked for, is done.
func (r *rig) settles() {
	r.t.Helper()
	r.eventually("no upkeep is under way", func() bool {
		var jobs struct{ Waiting, Begun int64 }
		err := r.house.store.Transaction(r.t.Context(), func(tx *gorm.DB) error {
			return tx.Raw(`SELECT count(CASE WHEN kind NOT IN ('call', 'command') AND finalized_at IS NULL THEN 1 END) AS waiting,
				count(CASE WHEN kind = 'employees' AND finalized_at IS NOT NULL THEN 1 END) AS begun FROM river_job`).Scan(&jobs).Error
		})
		return err == nil && jobs.Waiting == 0 && jobs.Begun > 0
	})
}

// callsOn has so many calls begin and end, and returns what the PBX calls them.
func (r *rig) callsOn(prefix string, n int) []string {
	r.t.Helper()
	var ids []string
	for i := range n {
		id := fmt.Sprint(prefix, i)
		ids = append(ids, id)
		r.tell(started(id, "incoming", fmt.Sprintf("+49309018%02d%d", len(prefix), i)), ended(id, "answered", 5))
	}
	return ids
}

// allWait waits until each of these calls waits for its repetition.
func (r *rig) allWait(ids ...string) {
	r.t.Helper()
	for _, id := range ids {
		r.retrying(id)
	}
}

// anotherRound has calls that wait worked on now, and waits until they wait again.
func (r *rig) anotherRound(ids ...string) {
	r.t.Helper()
	attempts := map[string]int{}
	for _, id := range ids {
		attempts[id] = r.row(id).Attempts
	}
	if err := r.house.store.WakeFailing(r.t.Context(), r.stored().ID); err != nil {
		r.t.Fatal(err)
	}
	for _, id := range ids {
		r.eventually(id+" has been tried again", func() bool {
			c := r.row(id)
			return c.Attempts > attempts[id] && c.RetryAt != nil
		})
	}
}

// expiredRig is a rig whose access tokens have expired, beside another portal whose
// tokens have been renewed since.
func expiredRig(t *testing.T, address string) (r, other *rig) {
	t.Helper()
	r = agingRig(t, address)
	r.switches("c")
	other = r.neighbour("other")
	r.settles()
	r.later(2 * time.Hour)
	other.tell(started("o0", "incoming", "+4930901820"), ended("o0", "answered", 5))
	other.eventually("the other's tokens are renewed", func() bool { return len(other.portal.Statistics()) == 1 })
	return r, other
}

func TestASuspendedPortalIsAskedByTheProbeAloneAndNoCallIsLost(t *testing.T) {
	ways := []struct {
		name string
		back func(*rig)
	}{
		{"the probe", func(r *rig) {
			r.portal.LoseEvents(true)
			r.portal.Pay()
			r.forgetLook()
			r.probe()
		}},
		{"a visit", func(r *rig) {
			r.portal.LoseEvents(true)
			r.portal.Pay()
			r.open(r.frame(admin, "DEFAULT"))
		}},
		{"a payment", func(r *rig) {
			r.portal.Pay()
			r.deliver()
		}},
	}
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, address string) {
				r, other := expiredRig(t, address)
				r.portal.EndPayment()
				ids := r.callsOn("c", 6)
				r.allWait(ids...)
				r.eventually("the portal is suspended", func() bool { return r.stored().Status == models.PortalSuspended })
				r.anotherRound(ids...) // those that began before have ended

				before := r.requests()
				late := r.callsOn("late", 2)
				r.allWait(late...)
				ids = append(ids, late...)
				for range 2 {
					r.anotherRound(ids...)
				}
				other.tell(started("o1", "incoming", "+4930901820"), ended("o1", "answered", 5))
				other.eventually("the other's call is logged", func() bool { return len(other.portal.Statistics()) == 2 })
				if got := r.requests(); got != before {
					t.Errorf("calls that wait have asked: %+v, before %+v", got, before)
				}
				for _, id := range ids {
					if c := r.row(id); c.State != models.CallOpen || c.ErrorCode != "PAYMENT_REQUIRED" {
						t.Errorf("%s is %s %s", id, c.State, c.ErrorCode)
					}
				}

				r.forgetLook()
				r.probe()
				r.eventually("the probe has asked", func() bool { return r.requests() != before })
				r.eventually("it has ended", func() bool { return r.reconciles("available", "running", "scheduled") == 0 })
				if got, want := r.requests(), (requests{before.Portal, before.Renewals + 1}); got != want {
					t.Errorf("asked %+v, want %+v", got, want)
				}

				way.back(r)
				r.eventually("all calls are logged", func() bool { return len(r.portal.Statistics()) == len(ids) })
				if got := r.stored(); got.Status != models.PortalActive || got.StatusCode != "" {
					t.Errorf("the portal is %s %s", got.Status, got.StatusCode)
				}
			})
		})
	}
}

// Nobody waits in vain for a telephone to ring while Bitrix24 does not work for us.
func TestAClickAndACallbackAtASuspendedPortalReachThePBXAndAskNobody(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		other := r.neighbour("other")
		r.set("callbacks/duty", "17")
		r.settles()
		back := lives[0].happens(r)
		r.tell(started("c1", "incoming", "+4930901820"), ended("c1", "answered", 5))
		r.allWait("c1")
		before := r.requests()
		clicked := r.click(b24sim.Click{UserID: omar, Phone: "+4930901821"})
		r.portal.OrderCallback(b24sim.Callback{Phone: "+4930901829", Entity: lead(r.portal.AddLead(b24sim.Lead{Phones: []string{"+4930901829"}})), Line: "4930901820"})
		r.eventually("the PBX is told of both", func() bool { return len(r.pbx.taken()) == 2 })
		r.tell(started("p1", "outgoing", "+4930901821", map[string]any{"bitrix24_call_id": clicked}), ended("p1", "answered", 5))
		r.tell(started("p2", "callback", "+4930901829"), ended("p2", "answered", 5))
		r.allWait(clicked, "p2")
		if answer := r.asksWho("+4930901820"); answer.status < 500 {
			t.Errorf("who calls: %d %s", answer.status, answer.body)
		}
		if got := r.requests(); got != before {
			t.Errorf("asked %+v, before %+v", got, before)
		}
		if told := other.pbx.taken(); len(told) != 0 {
			t.Errorf("the other's PBX was told %v", told)
		}
		back()
		r.forgetLook()
		r.probe()
		r.eventually("all calls are logged", func() bool { return len(r.portal.Statistics()) == 3 })
	})
}

func TestACallThatAsksNobodyDoesNotEndASuspension(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.settles()
		r.portal.EndPayment()
		if err := r.house.store.SetStatus(t.Context(), r.stored().ID, models.PortalSuspended, "PAYMENT_REQUIRED"); err != nil {
			t.Fatal(err)
		}
		before := r.requests()
		r.tell(started("c1", "internal", "104"), ended("c1", "answered", 1))
		r.eventually("it is in the log", func() bool { c := r.row("c1"); return c != nil && c.State == models.CallFinished })
		if got := r.stored(); got.Status != models.PortalSuspended || got.StatusCode != "PAYMENT_REQUIRED" {
			t.Errorf("the portal is %s %s", got.Status, got.StatusCode)
		}
		if got := r.requests(); got != before {
			t.Errorf("asked %+v, before %+v", got, before)
		}
	})
}

// looks has the program look at its portals after a while, and reports how often it
// has asked this one.
func (r *rig) looks(after time.Duration, asks *b24sim.Injected) int {
	r.t.Helper()
	before := asks.Hits()
	if after > 0 {
		r.leasesAge("probe:", after)
	}
	r.watch()
	r.eventually("nothing asks any more", func() bool { return r.reconciles("available", "running", "scheduled") == 0 })
	return asks.Hits() - before
}

func TestASuspendedPortalIsAskedHourlyAtFirstAndThenDaily(t *testing.T) {
	for code, first := range map[string]time.Duration{"PAYMENT_REQUIRED": time.Hour, "OVERLOAD_LIMIT": 24 * time.Hour} {
		t.Run(code, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, address string) {
				r := agingRig(t, address)
				other := r.neighbour("other")
				r.settles()
				asks := r.sim.Inject(b24sim.Fault{Portal: "acme", Times: -1, Act: b24sim.Refuse, Status: 401, Code: code})
				if err := r.house.store.SetStatus(t.Context(), r.stored().ID, models.PortalSuspended, code); err != nil {
					t.Fatal(err)
				}
				others := other.requests().Portal
				for _, look := range []struct {
					later, after time.Duration
					asks         int
				}{
					{0, 0, 1},
					{0, first - time.Minute, 0},
					{0, 2 * time.Minute, 1},
					{6 * time.Hour, first, 1},
					{0, 23 * time.Hour, 0},
					{0, 2 * time.Hour, 1},
				} {
					r.later(look.later)
					if got := r.looks(look.after, asks); got != look.asks {
						t.Errorf("%v: asked %d times", look, got)
					}
				}
				if got := other.requests().Portal; got != others {
					t.Errorf("the other portal is asked %d times", got-others)
				}
			})
		})
	}
}

// What a renewal is refused with has a way back, too, and is not asked for again and
// again for the same refresh token.
func TestARenewalThatIsRefusedIsNotRepeatedByCalls(t *testing.T) {
	for _, tt := range []struct {
		status int
		code   string
		want   string
	}{
		{400, "INVALID_REQUEST", "INVALID_REQUEST"},
		{401, "INVALID_CLIENT", "UNINSTALLED"},
		{403, "PAYMENT_REQUIRED", "PAYMENT_REQUIRED"},
	} {
		t.Run(tt.code, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, address string) {
				r, other := expiredRig(t, address)
				refused := r.sim.Inject(b24sim.Fault{Method: "oauth/token", Times: -1, Act: b24sim.Refuse, Status: tt.status, Code: tt.code})
				// A portal that waits for an administrator may be refused that, too.
				if err := r.house.store.SetStatus(t.Context(), r.stored().ID, models.PortalReauth, "USER_ACCESS_ERROR"); err != nil {
					t.Fatal(err)
				}
				ids := r.callsOn("c", 2)
				r.eventually("the portal is suspended", func() bool {
					return r.stored().Status == models.PortalSuspended && r.stored().StatusCode == tt.want
				})
				r.allWait(ids...)
				r.anotherRound(ids...) // those that began before have ended
				hits := refused.Hits()
				r.anotherRound(ids...)
				if n := refused.Hits(); n != hits {
					t.Errorf("asked for %d times more", n-hits)
				}
				if got := other.stored(); got.Status != models.PortalActive {
					t.Errorf("the other portal is %s %s", got.Status, got.StatusCode)
				}
				// Paid or mended, but the employee still may not use the app.
				refused.Remove()
				restricted := refusedBy(401, "user_access_error", "The user does not have access to the application.")(r)
				r.looksAgain()
				r.eventually("it waits for an administrator", func() bool {
					return r.stored().Status == models.PortalReauth && r.stored().StatusCode == "USER_ACCESS_ERROR"
				})
				restricted()
				r.probe()
				r.eventually("all calls are logged", func() bool { return len(r.portal.Statistics()) == len(ids) })
			})
		})
	}
}

// looksAgain has the program look now whether the portal works again.
func (r *rig) looksAgain() {
	r.t.Helper()
	r.forgetLook()
	r.watch()
}
