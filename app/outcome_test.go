package main

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
)

// A trace is what calls leave behind, in the log and in the portal.
type trace struct {
	Calls      map[string]outcome
	Statistics []ending
	Logged     [][]crm.Ref // the objects of every activity
	Leads      int
	Unfinished int
	Cards      []b24sim.Card
}

// An outcome is what the log says of one call.
type outcome struct {
	State  models.CallState
	Reason rules.Reason
	Notes  []rules.Note
	Failed []models.BindFailure
}

// An ending is what Bitrix24 was told when a call ended.
type ending struct {
	User     int64
	Phone    string
	Status   string
	Duration int
}

// trace reads what the calls with these ids, of the PBX or of Bitrix24, have
// left behind.
func (r *rig) trace(ids ...string) trace {
	r.t.Helper()
	got := trace{Calls: map[string]outcome{}, Cards: r.portal.Cards()}
	for _, id := range ids {
		got.Calls[id] = outcomeOf(r.row(id))
	}
	s := r.portal.Snapshot()
	got.Leads, got.Unfinished = len(s.Leads), s.Unfinished
	got.Statistics = r.endings()
	for _, a := range s.Activities {
		got.Logged = append(got.Logged, a.Bindings)
	}
	return got
}

func outcomeOf(c *models.Call) outcome {
	if c == nil {
		return outcome{}
	}
	o := outcome{State: c.State, Notes: c.Progress.Notes, Failed: c.Progress.BindFailed}
	if c.Decision != nil {
		o.Reason = c.Decision.Reason
	}
	return o
}

// leaves compares a trace with what is wanted.
func (r *rig) leaves(want trace, ids ...string) {
	r.t.Helper()
	if want.Cards == nil {
		want.Cards = []b24sim.Card{}
	}
	got := r.trace(ids...)
	if got.Cards == nil {
		got.Cards = []b24sim.Card{}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		r.t.Errorf("left behind (-want +got):\n%s", diff)
	}
}

// row is the stored call with that id of the PBX or of Bitrix24, nil without.
func (r *rig) row(id string) *models.Call {
	r.t.Helper()
	portal := r.stored().ID
	c, err := r.house.store.CallByPBX(r.t.Context(), portal, id)
	if errors.Is(err, models.ErrNotFound) {
		c, err = r.house.store.CallByB24(r.t.Context(), portal, id)
	}
	if errors.Is(err, models.ErrNotFound) {
		return nil
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// worked waits until all that was told about these calls is worked on.
func (r *rig) worked(ids ...string) {
	r.t.Helper()
	for _, id := range ids {
		r.eventually("all is done for "+id, func() bool { return r.isWorked(id) })
	}
}

func (r *rig) isWorked(id string) bool {
	r.t.Helper()
	c := r.row(id)
	return c != nil && r.allDone(c)
}

// allDone reports that each event of a call was worked on.
func (r *rig) allDone(c *models.Call) bool {
	r.t.Helper()
	_, events, err := r.house.store.CallAndEvents(r.t.Context(), c.PortalID, c.ID)
	if err != nil {
		r.t.Fatal(err)
	}
	return !slices.ContainsFunc(events, func(e models.Event) bool { return e.DoneAt == nil })
}

// retrying waits until a call waits for its repetition.
func (r *rig) retrying(id string) {
	r.t.Helper()
	r.eventually(id+" waits for a repetition", func() bool {
		c := r.row(id)
		return c != nil && c.RetryAt != nil
	})
}

// again has a call worked on now, also if it was given up.
func (r *rig) again(id string) {
	r.t.Helper()
	c, store := r.row(id), r.house.store
	if _, _, err := store.RetryFailed(r.t.Context(), c.PortalID, 1000); err != nil {
		r.t.Fatal(err)
	}
	if err := store.Wake(r.t.Context(), []models.CallArgs{{PortalID: c.PortalID, CallKey: c.CallKey}}); err != nil {
		r.t.Fatal(err)
	}
}

// tuned is newRig with a last word on the house.
func tuned(t testing.TB, address string, portal b24sim.PortalConfig, tune func(*house)) *rig {
	t.Helper()
	r := bareRig(t, address, portal)
	r.tune = tune
	r.start()
	r.install()
	return r
}

// clockAhead is a clock that is as far ahead as is stored, in nanoseconds.
func clockAhead(ahead *atomic.Int64) func() time.Time {
	return func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
}

// impatient waits only briefly for another call of the same number.
func impatient(h *house) { h.flow.LockWait = 300 * time.Millisecond }

// refusing makes the portal refuse a method until the fault is removed.
func (r *rig) refusing(method string, status int, code string) *b24sim.Injected {
	return r.sim.Inject(b24sim.Fault{Portal: "acme", Method: method, Times: -1, Act: b24sim.Refuse, Status: status, Code: code})
}

// holding holds the next request that names a method.
func (r *rig) holding(method string) *b24sim.Injected {
	return r.sim.Inject(b24sim.Fault{Portal: "acme", Method: method, Act: b24sim.Hold})
}

func with(e map[string]any, name string, value any) map[string]any {
	e[name] = value
	return e
}

func ago(d time.Duration) string { return time.Now().Add(-d).Format(time.RFC3339) }

// mia is a contact with that number.
func (r *rig) mia(phone string) crm.Ref {
	return contact(r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{phone}}))
}

func TestAClickOnAnExtensionIsFinishedAlthoughItIsNotLogged(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("corb")
		id := r.click(b24sim.Click{UserID: omar, Phone: "104", Line: "callwise"})
		r.tell(started("p7", "outgoing", "104", map[string]any{"bitrix24_call_id": id, "extensions": []string{"105"}}),
			with(ended("p7", "answered", 3), "extension", "105"))
		r.worked("p7")
		r.leaves(trace{
			Calls:      map[string]outcome{id: {State: models.CallFinished, Reason: rules.InternalCall}},
			Statistics: []ending{{omar, "104", "200", 3}},
		}, id)
	})
}

func TestABuiltInCallWithoutAnEndIsClosedAndStillTakesItsEnd(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		known := r.mia("+4930901821")
		c := r.portal.StartCall(b24sim.BuiltinCall{Incoming: true, Phone: "+4930901821", Line: "4930901800", UserID: anna})
		r.deliver()
		r.worked(c.ID)
		soon := time.Now().Add(time.Minute)
		if err := r.house.flow.CloseStale(t.Context(), -time.Minute); err != nil {
			t.Fatal(err)
		}
		r.worked(c.ID)
		r.leaves(trace{Calls: map[string]outcome{c.ID: {State: models.CallFinished}}, Unfinished: 1}, c.ID)
		stale, err := r.house.store.StaleCalls(t.Context(), soon)
		if err != nil || len(stale) != 0 {
			t.Errorf("still without an end: %v, %v", stale, err)
		}

		c.End("200", 40)
		r.deliver()
		r.worked(c.ID)
		r.leaves(trace{
			Calls:      map[string]outcome{c.ID: {State: models.CallFinished, Reason: rules.KnownCreateOff}},
			Statistics: []ending{{anna, "+4930901821", "200", 40}},
			Logged:     [][]crm.Ref{{known}},
		}, c.ID)
	})
}

func TestACallOfAnEmployeeWhoHasLeftGoesToSomebodyElse(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		known := r.mia("+4930901821")
		r.tell(started("c1", "incoming", "+4930901821"), answered("c1", "104"))
		r.registered(1)
		r.portal.Dismiss(anna) // the list of employees still has her
		r.tell(ended("c1", "answered", 5))
		r.worked("c1")
		r.tell(started("c2", "incoming", "+4930901822"), ended("c2", "answered", 9))
		r.worked("c2")
		r.leaves(trace{
			Calls: map[string]outcome{
				"c1": {State: models.CallFinished, Reason: rules.KnownCreateOff},
				"c2": {State: models.CallFinished, Reason: rules.NewCreateOff},
			},
			Statistics: []ending{{admin, "+4930901821", "200", 5}, {admin, "+4930901822", "200", 9}},
			Logged:     [][]crm.Ref{{known}},
		}, "c1", "c2")
	})
}

func TestACallOfNobodysExtensionIsTakenThoughTheInstallerHasLeft(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, b24sim.PortalConfig{RepeatSales: true, SystemUser: true})
		r.portal.Dismiss(admin)
		r.tell(started("c1", "incoming", "+4930901821", map[string]any{"extensions": []string{"999"}}),
			with(ended("c1", "missed", 0), "extension", ""))
		r.worked("c1")
		r.leaves(trace{
			Calls:      map[string]outcome{"c1": {State: models.CallFinished, Reason: rules.NewCreateOff}},
			Statistics: []ending{{anna, "+4930901821", "304", 0}},
		}, "c1")
	})
}

func TestAFailedCallThatSucceedsLaterIsLiveAgain(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		known := r.mia("+4930901821")
		refused := r.refusing("telephony.externalCall.register", 403, "ACCESS_DENIED")
		r.tell(started("c1", "incoming", "+4930901821"))
		r.worked("c1")
		r.leaves(trace{Calls: map[string]outcome{"c1": {State: models.CallFailed, Reason: rules.KnownCreateOff}}}, "c1")
		refused.Remove()
		r.tell(answered("c1", "104"))
		r.worked("c1")
		call := r.row("c1")
		r.leaves(trace{
			Calls: map[string]outcome{"c1": {State: models.CallOpen, Reason: rules.KnownCreateOff}}, Unfinished: 1,
			Cards: []b24sim.Card{{CallID: *call.B24CallID, UserID: anna}},
		}, "c1")
		r.tell(ended("c1", "answered", 5))
		r.worked("c1")
		r.leaves(trace{
			Calls:      map[string]outcome{"c1": {State: models.CallFinished, Reason: rules.KnownCreateOff}},
			Statistics: []ending{{anna, "+4930901821", "200", 5}},
			Logged:     [][]crm.Ref{{known}},
		}, "c1")
	})
}
