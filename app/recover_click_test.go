package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
)

// lose makes a call of Bitrix24's own happen whose events reach nobody.
func (r *rig) lose(phone string) string {
	r.t.Helper()
	r.portal.LoseEvents(true)
	defer r.portal.LoseEvents(false)
	return r.talk(phone, 0)
}

// gapSeen waits until our clock has come to the portal's time of the last look.
func (r *rig) gapSeen() {
	r.t.Helper()
	r.eventually("the gap is told", func() bool { return strings.Contains(r.page("/calls"), `id="gaps"`) })
}

func TestMissingCallsWaitForTheClickOfAnAdministrator(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := tuned(t, address, classic, recovering(0))
		b := r.neighbour("other")
		for _, one := range []*rig{r, b} {
			one.save(url.Values{"recovery": {"click"}, "create_entities": {"on"}})
			one.recover()
		}
		employee := sessionIn(t, r.open(r.frame(anna, "DEFAULT")))
		mine, theirs := r.lose("+4930901821"), b.lose("+4930901822")
		for _, one := range []*rig{r, b} {
			one.recover()
			one.recover()
		}
		if r.row(mine) != nil || b.row(theirs) != nil {
			t.Fatal("taken up without a click")
		}
		r.gapSeen()
		says(t, r.page("/calls"), ": 1 call is missing.", "Recover the missing calls")
		if got := r.health()["gaps"]; got != "partly" {
			t.Errorf("gaps are %s", got)
		}
		if page := r.with(employee, http.MethodGet, "/calls").body; strings.Contains(page, "missing") {
			t.Error("an employee is told of the gap")
		}
		if got := r.with(employee, http.MethodPost, "/calls/recover").status; got != http.StatusForbidden {
			t.Errorf("an employee recovers calls: %d", got)
		}
		says(t, r.post("/calls/recover", nil), "1 call is being recovered.", "1 call was missing and has been recovered.")
		r.worked(mine)
		says(t, r.post("/calls/recover", nil), "No call is missing any more.")
		r.leaves(trace{
			Calls:      map[string]outcome{mine: {State: models.CallFinished, Reason: rules.NewCreated}},
			Statistics: []ending{{anna, "+4930901821", "200", 0}}, Logged: [][]crm.Ref{{lead(1)}}, Leads: 1,
		}, mine)
		if got := r.health()["gaps"]; got != "works" {
			t.Errorf("gaps are %s after the click", got)
		}
		if b.row(theirs) != nil || !cmp.Equal([][2]int{{1, 0}}, b.gaps()) {
			t.Error("a click in one portal has recovered calls of another")
		}
	})
}

// TestOldCallsWaitForTheClickOfAnAdministrator is about a portal that did not work for
// us for long.
func TestOldCallsWaitForTheClickOfAnAdministrator(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := tuned(t, address, classic, recovering(0))
		b := r.neighbour("other")
		for _, one := range []*rig{r, b} {
			one.switches("c")
			one.recover()
			for age, id := range map[time.Duration]string{71 * time.Hour: "A.new", 73 * time.Hour: "A.old"} {
				one.portal.AddStatistics(b24sim.Statistic{
					Type: 2, Status: "304", CallID: id, Phone: "+49309018" + fmt.Sprint(int(age.Hours())), UserID: anna, StartedAt: time.Now().Add(-age),
				})
			}
			one.recover()
			one.recover()
			one.worked("A.new")
			if one.row("A.old") != nil || !cmp.Equal([][2]int{{0, 1}, {1, 0}}, one.gaps()) {
				t.Errorf("%s: gaps %v", one.portal.Name(), one.gaps())
			}
		}
		r.gapSeen()
		says(t, r.page("/calls"), ": 1 call is missing.", "Calls that began more than three days ago are recovered only after a click.", "Recover the missing calls")
		if got := r.health()["gaps"]; got != "partly" {
			t.Errorf("gaps are %s", got)
		}
		says(t, r.post("/calls/recover", nil), "1 call is being recovered.")
		r.worked("A.old")
		if leads := r.portal.Leads(); len(leads) != 2 {
			t.Errorf("%d leads", len(leads))
		}
		if got := r.health()["gaps"]; got != "works" || b.row("A.old") != nil {
			t.Errorf("gaps are %s after the click, and in the other portal %v", got, b.gaps())
		}
	})
}

func TestTheHealthPageCountsTheCallsOfAllGaps(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := tuned(t, address, classic, recovering(0))
		b := r.neighbour("other")
		r.save(url.Values{"recovery": {"click"}})
		for _, one := range []*rig{r, b} {
			one.recover()
		}
		for i := range 12 { // more than are told one by one
			r.portal.AddStatistics(b24sim.Statistic{
				Type: 2, Status: "304", CallID: fmt.Sprint("A.", i), Phone: fmt.Sprint("+4930901820", i), UserID: anna,
				StartedAt: time.Now().Add(-time.Duration(2*i) * time.Hour),
			})
		}
		for _, one := range []*rig{r, b} {
			one.recover()
		}
		r.gapSeen()
		says(t, r.page("/health"), "12 calls are missing: their events did not reach Callwise.")
		says(t, r.post("/calls/recover", nil), "12 calls are being recovered.")
		says(t, r.page("/health"), "12 calls were missing in the last 7 days; they have been recovered.")
		says(t, b.page("/health"), "No call of the last 7 days is missing.")
	})
}

func TestNothingIsLookedForWhereNothingIsToBeRecovered(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := tuned(t, address, classic, recovering(0))
		r.save(url.Values{"recovery": {"click"}, "create_entities": {"on"}})
		r.recover()
		before := r.lose("+4930901821")
		r.recover()
		r.save(url.Values{"recovery": {"never"}})
		r.recover()
		asked := r.sim.Count("acme", "voximplant.statistic.get")
		during := r.lose("+4930901822")
		r.recover()
		if n := r.sim.Count("acme", "voximplant.statistic.get"); n != asked {
			t.Errorf("the statistics were read %d times", n-asked)
		}
		says(t, r.post("/calls/recover", nil), "No call is missing any more.")
		if got := r.health()["gaps"]; got != "off" {
			t.Errorf("gaps are %s", got)
		}
		r.save(url.Values{"recovery": {"auto"}})
		r.recover()
		after := r.lose("+4930901823")
		r.recover()
		r.eventually("the call after that is taken up", func() bool { return r.row(after) != nil })
		r.worked(after)
		if r.row(before) != nil || r.row(during) != nil {
			t.Error("a call is taken up that nobody wanted")
		}
	})
}

// TestAMissingCallWhoseLinesAreNotHandledAnyMoreIsForgotten: F.7's switches
// count when the call is taken up, too.
func TestAMissingCallWhoseLinesAreNotHandledAnyMoreIsForgotten(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := tuned(t, address, classic, recovering(0))
		r.save(url.Values{"recovery": {"click"}, "create_entities": {"on"}})
		r.recover()
		id := r.lose("+4930901821")
		r.recover()
		r.gapSeen()
		r.save(url.Values{"builtin_lines": {"off"}})
		says(t, r.post("/calls/recover", nil), "No call is missing any more.")
		if r.row(id) != nil || r.gaps() != nil {
			t.Errorf("gaps %v", r.gaps())
		}
	})
}

// finishAtPortal finishes a call of the app as the app does, behind its back.
func (r *rig) finishAtPortal(b24ID string, seconds int) {
	r.t.Helper()
	access, _ := r.portal.Token(admin)
	status, body := r.do(http.MethodPost, r.portal.Endpoint()+"telephony.externalCall.finish.json", url.Values{
		"auth": {access}, "CALL_ID": {b24ID}, "USER_ID": {fmt.Sprint(anna)}, "DURATION": {fmt.Sprint(seconds)}, "STATUS_CODE": {"200"},
	}, "")
	if status != http.StatusOK {
		r.t.Fatalf("finish: %d %s", status, body)
	}
}

func TestACallOfOursWhoseFinishGotLostIsFinished(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		for _, recovery := range []string{"auto", "click"} {
			t.Run(recovery, func(t *testing.T) {
				r := tuned(t, freshDatabase(t), classic, recovering(0))
				r.switches("c")
				r.save(url.Values{"recovery": {recovery}})
				r.recover()
				r.tell(started("c1", "incoming", "+4930901821"), answered("c1", "104"))
				r.registered(1)
				r.eventually("the call is known", func() bool { return r.row("c1") != nil && r.row("c1").B24CallID != nil })
				r.worked("c1")
				r.portal.LoseEvents(true)
				r.finishAtPortal(*r.row("c1").B24CallID, 9)
				r.portal.LoseEvents(false)
				r.recover()
				r.eventually("the call is finished", func() bool { return r.row("c1").State == models.CallFinished })
				r.recover()
				r.tell(ended("c1", "answered", 9)) // the PBX comes back
				r.worked("c1")
				got := r.trace("c1")
				want := trace{
					Calls:      map[string]outcome{"c1": {State: models.CallFinished, Reason: rules.NewCreated}},
					Statistics: []ending{{anna, "+4930901821", "200", 9}}, Cards: got.Cards, Logged: [][]crm.Ref{{lead(1)}}, Leads: 1,
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("left behind (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff([][2]int{{0, 1}}, r.gaps()); diff != "" {
					t.Errorf("gaps (-want +got):\n%s", diff)
				}
			})
		}
	})
}

func TestAnEndThatComesAfterTheRecoveryChangesNothing(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := tuned(t, address, classic, recovering(0))
		r.switches("c")
		r.recover()
		r.deliver()
		release := r.portal.HoldEvents()
		id := r.talkOnly("+4930901821", 0)
		r.recover()
		r.eventually("the call is taken up", func() bool { return r.row(id) != nil })
		r.worked(id)
		before := r.trace(id)
		if before.Leads != 1 {
			t.Errorf("%d leads", before.Leads)
		}
		release()
		r.deliver()
		r.eventually("the events are there", func() bool { return r.rows("events")["events"] >= 3 })
		r.worked(id)
		r.recover()
		if diff := cmp.Diff(before, r.trace(id)); diff != "" {
			t.Errorf("the late events changed (-before +after):\n%s", diff)
		}
	})
}

// missingRows are the rows of missing calls as they are stored.
func (r *rig) missingRows() []models.MissingCall {
	r.t.Helper()
	rows, err := r.house.store.MissingSince(r.t.Context(), r.stored().ID, time.Now().Add(time.Hour), time.Time{}, 10)
	if err != nil {
		r.t.Fatal(err)
	}
	return rows
}

// TestARecoveryThatWasNotNotedIsRepeatedWithoutASecondCall: as after a kill
// between the event that is stored and the note that it is.
func TestARecoveryThatWasNotNotedIsRepeatedWithoutASecondCall(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := tuned(t, address, classic, recovering(0))
		r.save(url.Values{"recovery": {"click"}, "create_entities": {"on"}})
		r.recover()
		id := r.lose("+4930901821")
		r.recover()
		r.gapSeen()
		rows := r.missingRows()
		r.post("/calls/recover", nil)
		r.eventually("the call is taken up", func() bool { return r.row(id) != nil })
		r.worked(id)
		before := r.trace(id)
		err := r.house.store.Transaction(t.Context(), func(tx *gorm.DB) error {
			return tx.Exec("UPDATE missing_calls SET recovered = 0, payload = ? WHERE id = ?", string(rows[0].Payload), rows[0].ID).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		says(t, r.post("/calls/recover", nil), "1 call is being recovered.")
		r.worked(id)
		if diff := cmp.Diff(before, r.trace(id)); diff != "" {
			t.Errorf("the repetition changed (-before +after):\n%s", diff)
		}
	})
}

// TestARecoveryThatIsKilledLeavesTheCRMAsIfNothingHadHappened kills the process
// at every request that the recovery of a call makes.
func TestARecoveryThatIsKilledLeavesTheCRMAsIfNothingHadHappened(t *testing.T) {
	eachDatabase(t, func(t *testing.T, _ string) {
		r := missingOne(t, freshDatabase(t))
		r.spawn()
		r.post("/calls/recover", nil)
		r.finished(1)
		want, steps := comparable(r.portal.Snapshot()), r.sim.Count("acme", "")
		if len(want.Leads) != 1 || len(want.Activities) != 1 {
			t.Fatalf("undisturbed: %+v", want)
		}
		for step := 1; step <= steps; step++ {
			for _, after := range []bool{false, true} {
				t.Run(fmt.Sprintf("request %d, carried out: %v", step, after), func(t *testing.T) {
					if diff := cmp.Diff(want, recoveryKilled(t, step, after)); diff != "" {
						t.Errorf("the CRM ends otherwise (-undisturbed +killed):\n%s", diff)
					}
				})
			}
		}
	})
}

// missingOne is a portal with a missing call; the program is stopped.
func missingOne(t *testing.T, address string) *rig {
	t.Helper()
	r := tuned(t, address, classic, recovering(0))
	r.save(url.Values{"recovery": {"click"}, "create_entities": {"on"}})
	r.recover()
	r.lose("+4930901821")
	r.recover()
	r.gapSeen()
	r.stop()
	r.sim.ClearRequests()
	return r
}

// recoveryKilled is how the portal ends when the program is killed at a request
// and the button is pressed again afterwards.
func recoveryKilled(t *testing.T, step int, after bool) b24sim.Snapshot {
	t.Helper()
	r := missingOne(t, freshDatabase(t))
	child := r.spawn()
	faults := []*b24sim.Injected{r.sim.Inject(b24sim.Fault{Portal: "acme", Nth: step, Act: b24sim.Hold, After: after})}
	if !after {
		faults = append(faults, r.sim.Inject(b24sim.Fault{Portal: "acme", Nth: step, Act: b24sim.Drop}))
	}
	r.post("/calls/recover", nil)
	eventually(t, "the request to be killed at", func() bool { return reached(faults[0]) || r.allFinished(1) })
	if after && reached(faults[0]) {
		eventually(t, "request carried out", func() bool { return r.sim.Requests()[step-1].Status != 0 })
	}
	child.kill()
	for _, f := range faults {
		f.Release()
	}
	r.spawn()
	r.post("/calls/recover", nil)
	r.finished(1)
	return comparable(r.portal.Snapshot())
}
