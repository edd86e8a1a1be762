package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"callwise/app/b24"
	"callwise/app/b24/b24sim"
	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
)

// missingCounts are the calls of each gap that are missing and recovered.
func (r *rig) gaps() [][2]int {
	r.t.Helper()
	gaps, err := r.house.store.Gaps(r.t.Context(), r.stored().ID, time.Time{}, time.Now().Add(time.Hour))
	if err != nil {
		r.t.Fatal(err)
	}
	var counts [][2]int
	for _, g := range gaps {
		counts = append(counts, [2]int{g.Missing, g.Recovered})
	}
	return counts
}

func (r *rig) recover() {
	r.t.Helper()
	if err := r.house.flow.Recover(r.t.Context(), r.stored()); err != nil {
		r.t.Fatal(err)
	}
}

// talk is an incoming call on a line of Bitrix24 itself.
func (r *rig) talk(phone string, seconds int) string {
	r.t.Helper()
	defer r.deliver()
	return r.talkOnly(phone, seconds)
}

// talkOnly is talk whose events may still be on their way.
func (r *rig) talkOnly(phone string, seconds int) string {
	r.t.Helper()
	c := r.portal.StartCall(b24sim.BuiltinCall{Incoming: true, Phone: phone, Line: "4930901800", UserID: anna})
	c.End("200", seconds)
	return c.ID
}

func recovering(after time.Duration) func(*house) {
	return func(h *house) { h.flow.RecoverAfter = after }
}

func TestCallsWhoseEventsWereLostAreTakenUpOnceByTheSameRules(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := tuned(t, address, classic, recovering(0))
		r.switches("c")
		b := r.neighbour("other")
		known := r.talk("+4930901800", 3) // before the first look
		r.worked(known)
		r.recover()
		b.recover()
		r.portal.LoseEvents(true)
		first, second := r.talk("+4930901821", 1), r.talk("+4930901821", 0)
		other := r.portal.StartCall(b24sim.BuiltinCall{Incoming: true, Phone: "+4930901822", OtherApp: 99, UserID: anna})
		other.End("200", 3)
		r.portal.LoseEvents(false)
		if r.row(first) != nil {
			t.Fatal("the call is known although its events were lost")
		}
		if err := r.house.flow.RecoverAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.worked(first, second)
		once := r.trace(first, second)
		want := trace{
			Calls: map[string]outcome{
				first:  {State: models.CallFinished, Reason: rules.NewCreated},
				second: {State: models.CallFinished, Reason: rules.OpenEntity},
			},
			Statistics: once.Statistics, Cards: once.Cards, Leads: 2, Logged: once.Logged,
		}
		if once.Calls[first].Reason == rules.OpenEntity { // which of the two comes first is not told
			want.Calls[first], want.Calls[second] = want.Calls[second], want.Calls[first]
		}
		if diff := cmp.Diff(want, once); diff != "" {
			t.Errorf("left behind (-want +got):\n%s", diff)
		}
		r.recover()
		r.deliver()
		r.worked(first, second)
		if diff := cmp.Diff(once, r.trace(first, second)); diff != "" {
			t.Errorf("a second look changed (-before +after):\n%s", diff)
		}
		if diff := cmp.Diff([][2]int{{0, 2}}, r.gaps()); diff != "" {
			t.Errorf("gaps (-want +got):\n%s", diff)
		}
		if got := b.gaps(); got != nil {
			t.Errorf("the other portal has gaps: %v", got)
		}
		if page := r.with(r.session, "GET", "/metrics").body; !strings.Contains(page, "callwise_calls_recovered_total 2\n") {
			t.Error("the metric does not tell of 2 calls")
		}
	})
}

// TestStatisticsThatCannotBeReadAreSeen is also about the first look, which only
// learns where they end.
func TestStatisticsThatCannotBeReadAreSeen(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		var later atomic.Int64
		r := tuned(t, address, classic, func(h *house) {
			h.flow.RecoverAfter = 0
			h.pages.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
		})
		b := r.neighbour("other")
		sees := func(one *rig, after time.Duration, want string) {
			t.Helper()
			later.Store(int64(after))
			if got := one.health()["gaps"]; got != want {
				t.Errorf("%s after %v: %s, want %s", one.portal.Name(), after, got, want)
			}
		}
		for _, before := range []string{"off", "works"} { // not read yet, and read
			refused := r.refusing("voximplant.statistic.get", 403, "ACCESS_DENIED")
			if err := r.house.flow.RecoverAll(t.Context()); err != nil {
				t.Fatal(err)
			}
			sees(r, 29*time.Minute, before)
			sees(r, 31*time.Minute, "partly")
			sees(b, 31*time.Minute, "works")
			wants(t, r.page("/health"), "Bitrix24’s call statistics cannot be read (ACCESS_DENIED).")
			refused.Remove()
			r.recover()
			sees(r, 31*time.Minute, "works")
		}
		reads := func(code string) int { return r.counted(`callwise_statistics_reads_total{code="` + code + `"} `) }
		if denied, ok := reads("ACCESS_DENIED"), reads("ok"); denied != 2 || ok < 4 {
			t.Errorf("%d refused and %d read looks are counted", denied, ok)
		}
	})
}

// TestAPortalThatDoesNotAnswerForLongIsLookedAtOnceAnHour is also about its employees.
func TestAPortalThatDoesNotAnswerForLongIsLookedAtOnceAnHour(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		var later atomic.Int64
		r := tuned(t, address, classic, func(h *house) {
			h.flow.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
			h.flow.Bitrix24.Sleep = func(context.Context, time.Duration) error { return nil }
		})
		b := r.neighbour("other")
		asked := func(one *rig) int {
			return r.sim.Count(one.portal.Name(), "voximplant.statistic.get") + r.sim.Count(one.portal.Name(), "user.get")
		}
		looks := func(when string, want bool) {
			t.Helper()
			mine, theirs := asked(r), asked(b)
			if err := errors.Join(r.house.flow.RecoverAll(t.Context()), r.house.flow.Refresh(t.Context(), 0)); err != nil {
				t.Fatal(err)
			}
			if got := asked(r) > mine; got != want || asked(b) == theirs {
				t.Errorf("%s it is asked: %v; the other portal %d times", when, got, asked(b)-theirs)
			}
		}
		fault := r.sim.Inject(b24sim.Fault{Portal: "acme", Times: -1, Act: b24sim.Drop})
		looks("at first", true)
		looks("within the hour", true)
		later.Store(int64(61 * time.Minute))
		looks("after an hour", true)
		looks("right after that", false)
		fault.Remove()
	})
}

// forgets brings the database back to before all calls, after the first look.
func (r *rig) forgets() {
	r.t.Helper()
	for _, table := range []string{"calls", "events", "missing_calls", "recent_creations", "rest_log"} {
		r.sql("DELETE FROM " + table)
	}
	r.sql("UPDATE reconciliations SET last_id = 0")
}

// TestCallsThatARestoredDatabaseHasForgottenAreNotLoggedTwice brings the database back
// to before a call of a number in the exceptions list, of which Bitrix24 made no activity.
func TestCallsThatARestoredDatabaseHasForgottenAreNotLoggedTwice(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := tuned(t, address, classic, recovering(0))
		r.switches("c")
		r.recover()
		id := r.lose("+4930901821")
		r.recover()
		r.worked(id)
		before := r.portal.Totals()
		r.forgets()
		r.recover()
		r.worked(id)
		if diff := cmp.Diff(before, r.portal.Totals()); diff != "" || before.Activities != 1 {
			t.Errorf("%d activities, and after the restoration (-want +got):\n%s", before.Activities, diff)
		}
	})
}

// TestAnErasedCallDoesNotComeBackThroughTheStatistics is about one that was erased
// before they were read.
func TestAnErasedCallDoesNotComeBackThroughTheStatistics(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := tuned(t, address, classic, recovering(0))
		b := r.neighbour("other")
		for _, one := range []*rig{r, b} {
			one.save(url.Values{"recovery": {"click"}, "create_entities": {"on"}})
			one.recover()
		}
		r.worked(r.talk("+4930901821", 3))
		b.lose("+4930901821")
		r.about("/erase", "+4930901821", "word", "erase")
		r.saysPrivacy("Erased: 1 call.")
		for _, one := range []*rig{r, b} {
			one.recover()
		}
		if rows := r.missingRows(); len(rows) != 0 {
			t.Errorf("%s is missing: %s", rows[0].CallKey, rows[0].Payload)
		}
		if rows := b.missingRows(); len(rows) != 1 {
			t.Errorf("%d calls are missing in the other portal", len(rows))
		}
	})
}

func TestOnlyWhatWasMadeWithARecoveredCallIsCountedAsItsOwn(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := tuned(t, address, classic, recovering(0))
		r.switches("c")
		r.recover()
		began := time.Now().Add(-2 * time.Hour)
		want := map[string][]rules.Note{}
		for i, tt := range []struct {
			id    string
			made  time.Duration // after the call began
			notes []rules.Note
		}{
			{"A.before", -time.Minute, nil},
			{"A.during", 20 * time.Second, []rules.Note{rules.PlatformCreated}},
			{"A.atTheEnd", 50 * time.Second, []rules.Note{rules.PlatformCreated}},
			{"A.sinceThen", time.Hour, nil},
		} {
			phone := "+493090182" + fmt.Sprint(i)
			r.portal.AddLead(b24sim.Lead{Phones: []string{phone}, ResponsibleID: anna, CreatedAt: began.Add(tt.made)})
			r.portal.AddStatistics(b24sim.Statistic{
				Type: 2, Status: "200", Duration: 40, CallID: tt.id, Phone: phone, UserID: anna, StartedAt: began,
			})
			want[tt.id] = tt.notes
		}
		r.recover()
		for id, notes := range want {
			r.worked(id)
			if diff := cmp.Diff(notes, r.trace(id).Calls[id].Notes); diff != "" {
				t.Errorf("%s: notes (-want +got):\n%s", id, diff)
			}
		}
	})
}

// TestCallsFromBeforeTheRetentionAreNotMissing is about a portal whose statistics could
// not be read for longer than calls are kept: of those that were handled nothing is left.
func TestCallsFromBeforeTheRetentionAreNotMissing(t *testing.T) {
	const day = 24 * time.Hour
	for _, tt := range []struct {
		name            string
		kept, age, past time.Duration
	}{
		{"calls are kept for a week", 7 * day, 7*day - time.Hour, 7*day + time.Hour},
		{"calls are kept for a day, their events for five", day, 5*day - time.Hour, 5*day + time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, address string) {
				r := bareRig(t, address, classic)
				r.config.Retention, r.tune = tt.kept, recovering(0)
				r.start()
				r.install()
				r.save(url.Values{"recovery": {"click"}})
				r.recover()
				for id, age := range map[string]time.Duration{"A.missing": tt.age, "A.purged": tt.past} {
					r.portal.AddStatistics(b24sim.Statistic{
						Type: 2, Status: "304", CallID: id, Phone: "+4930901821", UserID: anna, StartedAt: time.Now().Add(-age),
					})
				}
				r.recover()
				if rows := r.missingRows(); len(rows) != 1 || rows[0].CallKey != "b24:A.missing" {
					t.Errorf("missing: %+v", rows)
				}
			})
		})
	}
}

// TestAClosedLeadOfACallThatARestoredDatabaseHasForgottenIsNotMadeTwice is also about
// the deal that simple mode has made of it.
func TestAClosedLeadOfACallThatARestoredDatabaseHasForgottenIsNotMadeTwice(t *testing.T) {
	for mode, closes := range map[crm.Mode]func(p *b24sim.Portal){
		crm.Classic: func(p *b24sim.Portal) { p.SetStage(lead(p.Leads()[0].ID), "JUNK") },
		crm.Simple:  func(p *b24sim.Portal) { p.SetStage(deal(p.Deals()[0].ID), "LOSE") },
	} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, address string) {
				r := tuned(t, address, b24sim.PortalConfig{Mode: mode}, recovering(0))
				r.switches("corb")
				r.recover()
				id := r.lose("+4930901821")
				r.recover()
				r.worked(id)
				closes(r.portal)
				before := r.portal.Totals()
				r.forgets()
				r.recover()
				r.worked(id)
				if diff := cmp.Diff(before, r.portal.Totals()); diff != "" || before.Leads != 1 {
					t.Errorf("%d leads, and after the restoration (-want +got):\n%s", before.Leads, diff)
				}
			})
		})
	}
}

func TestALookThatIsBrokenOffSaysNothingAboutThePortal(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := tuned(t, address, classic, recovering(0))
		held := r.holding("voximplant.statistic.get")
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.house.flow.Recover(ctx, r.stored()) }()
		<-held.Reached()
		cancel()
		held.Release()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		if _, code, err := r.house.store.Unread(t.Context(), r.stored().ID); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("unread: %s, %v", code, err)
		}
	})
}

func TestRowsThatNameNoCallHideNoneThatIsEnteredAfterThem(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := tuned(t, address, classic, recovering(0))
		r.switches("c")
		r.recover()
		for range b24.StatisticsPage / 2 {
			r.portal.AddStatistics(b24sim.Statistic{Type: 2, Status: "304"}, b24sim.Statistic{Type: 2, Status: "304", CallID: strings.Repeat("A", 256)})
		}
		id := r.lose("+4930901821")
		r.recover()
		if diff := cmp.Diff([][2]int{{0, 1}}, r.gaps()); diff != "" {
			t.Fatalf("gaps (-want +got):\n%s", diff)
		}
		r.worked(id)
	})
}

func TestACallWhoseEventsAreOnTheirWayIsLeftToThem(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := tuned(t, address, classic, recovering(time.Hour))
		r.switches("c")
		r.recover()
		r.portal.LoseEvents(true)
		id := r.talk("+4930901821", 40)
		r.recover()
		r.recover()
		if r.row(id) != nil {
			t.Error("taken up although its events may still come")
		}
		if diff := cmp.Diff([][2]int{{1, 0}}, r.gaps()); diff != "" {
			t.Errorf("gaps (-want +got):\n%s", diff)
		}
	})
}

func TestACallThatBeganWithUsAndEndedWithoutUsIsTakenUp(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := tuned(t, address, classic, recovering(0))
		r.switches("")
		known := r.mia("+4930901821")
		r.recover()
		c := r.portal.StartCall(b24sim.BuiltinCall{Incoming: true, Phone: "+4930901821", Line: "4930901800", UserID: anna})
		r.deliver()
		r.worked(c.ID)
		r.portal.LoseEvents(true)
		c.End("200", 9)
		r.recover()
		r.eventually("the call is finished", func() bool { return r.row(c.ID).State == models.CallFinished })
		if diff := cmp.Diff([]crm.Ref{known}, r.trace(c.ID).Logged[0]); diff != "" {
			t.Errorf("logged (-want +got):\n%s", diff)
		}
	})
}

func TestAMissedCallThatWasGivenUpBeforeItsEndWasRecoveredIsRemindedOf(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := tuned(t, address, classic, recovering(0))
		r.set("missed/todo", "on")
		known := r.mia("+4930901821")
		r.recover()
		c := r.portal.StartCall(b24sim.BuiltinCall{Incoming: true, Phone: "+4930901821", Line: "4930901800", UserID: anna})
		r.deliver()
		r.worked(c.ID)
		if err := r.house.flow.CloseStale(t.Context(), -time.Minute); err != nil {
			t.Fatal(err)
		}
		r.worked(c.ID)
		if state := r.row(c.ID).State; state != models.CallFinished {
			t.Fatalf("the call is %s", state)
		}
		r.portal.LoseEvents(true)
		c.End("304", 0)
		for range 2 {
			r.recover()
			r.worked(c.ID)
			if todos := r.todos(); len(todos) != 1 || todos[0].Owner != known {
				t.Errorf("todos = %+v, want one on the card", todos)
			}
		}
	})
}
