package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
)

// talkative is a portal that lets us alert people.
func talkative(language string) b24sim.PortalConfig {
	config := classic
	config.Language = language
	config.Scopes = []string{"crm", "telephony", "placement", "user_basic", "im"}
	return config
}

// notices are what people read in the chat: "user: text".
func (r *rig) notices() []string {
	var all []string
	for _, n := range r.portal.Notices() {
		all = append(all, fmt.Sprintf("%d: %s", n.UserID, n.Text))
	}
	return all
}

func (r *rig) watch() {
	r.t.Helper()
	if err := r.house.flow.Watch(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

// alerted watches until people have read n notices, and then once more: none
// may come twice.
func (r *rig) alerted(n int) []string {
	r.t.Helper()
	r.eventually("told", func() bool {
		r.watch()
		return len(r.portal.Notices()) >= n
	})
	r.watch()
	got := r.notices()
	if len(got) != n {
		r.t.Errorf("%d notices, want %d: %q", len(got), n, got)
	}
	return got
}

// usually has n calls in the log at this time of the week, for four weeks. They
// count all at once, as calls do that are no trials any more: the program watches
// beside the test.
func (r *rig) usually(n int, kind models.CallKind) {
	r.t.Helper()
	portal := r.stored()
	for week := 1; week <= 4; week++ {
		for i := range n {
			call := models.Call{
				PortalID: portal.ID, Kind: kind, CallKey: fmt.Sprintf("test:%s:usual-%d-%d", kind, week, i),
				StartedAt: time.Now().In(portal.Zone()).AddDate(0, 0, -7*week).Add(-30 * time.Minute), State: models.CallFinished,
			}
			c, err := r.house.store.EnsureCall(r.t.Context(), call)
			if err != nil {
				r.t.Fatal(err)
			}
			c.State = models.CallFinished
			if err := r.house.store.SaveCall(r.t.Context(), c); err != nil {
				r.t.Fatal(err)
			}
		}
	}
	err := r.house.store.Transaction(r.t.Context(), func(tx *gorm.DB) error {
		return tx.Exec("UPDATE calls SET call_key = substr(call_key, 6) WHERE call_key LIKE 'test:%:usual-%'").Error
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

func TestASilenceIsToldOnceAndItsEndOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, talkative("en"))
		other := r.neighbour("other")
		r.save(url.Values{"alerts/users": {"1\n17"}})
		r.usually(7, models.KindPBX)
		silent := "Callwise: the PBX has reported no call for two hours; usually there are 7 at this time. Open Callwise in Bitrix24 and look at the page Health."
		want := []string{"1: " + silent, "17: " + silent}
		if diff := cmp.Diff(want, r.alerted(2)); diff != "" {
			t.Fatalf("notices (-want +got):\n%s", diff)
		}
		if page := r.page("/health"); !strings.Contains(page, "usually there are 7 calls at this time") {
			t.Error("the health page does not say so")
		}
		r.tell(started("c1", "incoming", "+4930901820"), ended("c1", "answered", 5))
		r.finished(29)
		got := r.alerted(4)
		if len(got) != 4 || !strings.HasPrefix(got[2], "1: Callwise, all clear: the PBX reports calls again.") || !strings.HasPrefix(got[3], "17: Callwise, all clear") {
			t.Errorf("notices = %q", got)
		}
		if n := len(other.portal.Notices()); n != 0 || other.health()["heard_pbx"] != "off" {
			t.Errorf("the other portal was told %d times", n)
		}
	})
}

func TestASilenceOfBitrix24IsToldAlthoughItsCallsAreRecovered(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := tuned(t, address, talkative("en"), recovering(0))
		r.save(url.Values{"alerts/users": {"1"}})
		r.recover()
		id := r.lose("+4930901821")
		r.recover()
		r.worked(id)
		r.usually(7, models.KindBuiltin)
		silent := "Callwise: Bitrix24 has told us of no call for two hours; usually there are 7 at this time. Open Callwise in Bitrix24 and look at the page Health."
		if diff := cmp.Diff([]string{"1: " + silent}, r.alerted(1)); diff != "" {
			t.Errorf("notices (-want +got):\n%s", diff)
		}
		r.worked(r.talk("+4930901822", 5))
		if got := r.alerted(2); !strings.HasPrefix(got[1], "1: Callwise, all clear: Bitrix24 tells us of calls again.") {
			t.Errorf("notices = %q", got)
		}
	})
}

func TestTwoProcessesTellOnce(t *testing.T) {
	r := newRig(t, postgreSQL(t), talkative("ru"))
	r.save(url.Values{"alerts/users": {"1"}})
	r.usually(5, models.KindClick)
	second := *r
	second.config.ListenAddr = freeAddress(t)
	second.start()
	var all sync.WaitGroup
	for i := range 8 {
		via := []*rig{r, &second}[i%2]
		all.Go(func() { via.watch() })
	}
	all.Wait()
	r.eventually("told", func() bool {
		r.watch() // whoever had the lease may not be done
		return len(r.portal.Notices()) == 1
	})
	if n := r.sim.Count("acme", "im.notify.system.add"); n != 1 {
		t.Errorf("%d notifications were sent", n)
	}
	if got := r.notices()[0]; !strings.HasPrefix(got, "1: Callwise: Битрикс24 два часа не сообщает о звонках; обычно в это время бывает 5 звонков.") {
		t.Errorf("notice %q", got)
	}
}

func TestWhoCouldNotBeToldHearsOfItWhenItIsOver(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, talkative("en"))
		r.save(url.Values{"alerts/users": {"17"}})
		fault := r.sim.Inject(b24sim.Fault{Portal: "acme", Times: -1, Act: b24sim.Refuse, Status: 403, Code: "PAYMENT_REQUIRED"})
		r.tell(started("c1", "incoming", "+4930901820"), ended("c1", "answered", 5))
		r.eventually("the state is known", func() bool { return r.stored().Status == models.PortalSuspended })
		r.watch()
		if n := len(r.portal.Notices()); n != 0 {
			t.Fatalf("%d notices from a portal that refuses everything", n)
		}
		fault.Remove()
		r.open(r.frame(admin, "DEFAULT"))
		r.eventually("it works again", func() bool { return r.stored().Status == models.PortalActive })
		got := r.alerted(1)
		if len(got) != 1 || !strings.HasPrefix(got[0], "17: Callwise, all clear: Bitrix24 answers our requests again. From ") {
			t.Errorf("notices = %q", got)
		}
	})
}

func TestFailuresAreToldWhenTheyAreManyAndAlsoThatOneAccessIsLeft(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		config := talkative("en")
		config.SystemUser = true
		r := newRig(t, address, config)
		r.save(url.Values{"alerts/users": {"1"}})
		for i := range 6 {
			key := fmt.Sprint("pbx:f", i)
			c, err := r.house.store.EnsureCall(t.Context(), models.Call{PortalID: r.stored().ID, Kind: models.KindPBX, CallKey: key, StartedAt: time.Now().Add(-time.Minute)})
			if err != nil {
				t.Fatal(err)
			}
			if c.State = models.CallFinished; i > 0 {
				c.State = models.CallFailed
			}
			if err := r.house.store.SaveCall(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		want := []string{"1: Callwise: 5 of the last 6 calls could not be logged. They are tried again. Open Callwise in Bitrix24 and look at the page Health."}
		if diff := cmp.Diff(want, r.alerted(1)); diff != "" {
			t.Errorf("notices (-want +got):\n%s", diff)
		}
		if got := r.health()["failed"]; got != "broken" {
			t.Errorf("failed calls are %s on the health page", got)
		}
		r.eventually("the system user's tokens are kept", func() bool { return len(r.tokens()) == 2 })
		r.portal.RevokeTokens(admin)
		r.asksHealth()
		if got := r.alerted(2); len(got) != 2 || !strings.HasPrefix(got[1], "1: Callwise: no administrator’s access works any more since ") {
			t.Errorf("notices = %q", got)
		}
		if got := r.health()["access"]; got != "partly" {
			t.Errorf("access is %s", got)
		}
		r.open(r.frame(admin, "DEFAULT"))
		if got := r.alerted(3); len(got) != 3 || !strings.HasPrefix(got[2], "1: Callwise, all clear: an administrator’s access works again.") {
			t.Errorf("notices = %q", got)
		}
	})
}

func TestWithoutItsScopeNobodyIsToldAndThePagesSaySo(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.save(url.Values{"alerts/users": {"1"}})
		r.usually(7, models.KindPBX)
		r.watch()
		if n := r.sim.Count("acme", "im.notify.system.add"); n != 0 {
			t.Errorf("%d notifications were tried", n)
		}
		if page := r.page("/health"); !strings.Contains(page, "has not granted the permission “Chat and Notifications”") || !strings.Contains(page, "usually there are 7 calls") {
			t.Error("the health page does not say so")
		}
		if page := r.page("/settings"); !strings.Contains(page, "so nobody is alerted") {
			t.Error("the settings do not say so")
		}
		r.portal.SetScopes("crm", "telephony", "placement", "user_basic", "im")
		r.post("/health/cure/scopes", nil)
		r.alerted(1)
		if got := r.health()["alerts"]; got != "works" {
			t.Errorf("alerts are %s", got)
		}
	})
}

func TestWhoCannotBeToldKeepsNobodyElseFromHearing(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, talkative("en"))
		r.save(url.Values{"alerts/users": {"1\n17"}})
		r.sim.Inject(b24sim.Fault{Portal: "acme", Method: "im.notify.system.add", Act: b24sim.Refuse, Status: 400, Code: "ERROR_CORE"})
		r.usually(7, models.KindPBX)
		var told []int64
		r.alerted(2)
		for _, n := range r.portal.Notices() {
			told = append(told, n.UserID)
		}
		if diff := cmp.Diff([]int64{17, 1}, told); diff != "" {
			t.Errorf("told, in this order (-want +got):\n%s", diff)
		}
	})
}

func TestAPortalThatHangsKeepsNobodyElseFromHearing(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, talkative("en"))
		b := r.neighbour("other")
		b.portal.SetScopes("crm", "telephony", "placement", "user_basic", "im")
		b.post("/health/cure/scopes", nil)
		var hanging []*b24sim.Injected
		for _, one := range []*rig{r, b} {
			hanging = append(hanging, r.sim.Inject(b24sim.Fault{Portal: one.portal.Name(), Method: "im.notify.system.add", Times: -1, Act: b24sim.Hold}))
			one.save(url.Values{"alerts/users": {"1\n17"}})
			one.usually(7, models.KindPBX)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- r.house.flow.Watch(ctx) }()
		for _, fault := range hanging {
			select {
			case <-fault.Reached():
			case err := <-ended:
				t.Fatalf("one of the portals is not asked while the other one hangs: %v", err)
			}
		}
		for _, fault := range hanging {
			fault.Remove()
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for _, one := range []*rig{r, b} {
			one.alerted(2)
		}
	})
}

func TestAPortalThatDoesNotAnswerIsToldNothingMoreForNow(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, talkative("en"))
		r.save(url.Values{"alerts/users": {"1\n17"}})
		fault := r.sim.Inject(b24sim.Fault{Portal: "acme", Method: "im.notify.system.add", Times: -1, Act: b24sim.Drop})
		r.usually(7, models.KindPBX)
		r.usually(7, models.KindClick)
		r.watch()
		asked := map[string]bool{}
		for _, request := range r.sim.Requests() {
			if request.Method == "im.notify.system.add" {
				params := request.Params.(map[string]any)
				asked[fmt.Sprint(params["USER_ID"], " ", params["TAG"])] = true
			}
		}
		if len(asked) != 1 {
			t.Errorf("asked for %v", asked)
		}
		fault.Remove()
		r.alerted(4)
	})
}

func TestAnAlertThatFailsIsTriedAgainAndReplacesItself(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, talkative("en"))
		r.save(url.Values{"alerts/users": {"1\n17"}})
		r.usually(7, models.KindPBX)
		fault := r.sim.Inject(b24sim.Fault{Portal: "acme", Method: "im.notify.system.add", Nth: 2, Times: -1, Act: b24sim.Drop, After: true})
		r.watch()
		fault.Remove()
		r.alerted(2)
		got := r.portal.Notices()
		told := map[int64]int{}
		for _, n := range got {
			told[n.UserID]++
		}
		if diff := cmp.Diff(map[int64]int{1: 1, 17: 1}, told); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
	})
}
