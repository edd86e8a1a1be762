package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"callwise/app/b24"
	"callwise/app/b24/b24sim"
	"callwise/models"

	"gorm.io/gorm"
)

// removals are the jobs that find out whether the app was removed.
func (r *rig) removals() int {
	r.t.Helper()
	var n int64
	err := r.house.store.Transaction(r.t.Context(), func(tx *gorm.DB) error {
		return tx.Table("river_job").Where("kind = ? AND state IN ('scheduled', 'available', 'running')", models.RemovalArgs{}.Kind()).Count(&n).Error
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return int(n)
}

// hurry has the jobs about removals begin now.
func (r *rig) hurry() {
	r.t.Helper()
	err := r.house.store.Transaction(r.t.Context(), func(tx *gorm.DB) error {
		return tx.Exec("UPDATE river_job SET state = 'available', scheduled_at = ? WHERE kind = ? AND state = 'scheduled'",
			time.Now().UTC().Add(-time.Minute), models.RemovalArgs{}.Kind()).Error
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// An employee has the application token in the browser, and may send with it
// whatever and however much they like.
func TestAFloodOfForgedRemovalsRemovesNothing(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		busy := r.sim.Inject(b24sim.QueryLimit("acme", "app.info"))
		defer busy.Remove()
		forged := r.lifecycle("ONAPPUNINSTALL", 0, map[string]string{"CLEAN": "1"})
		asked := r.sim.Count("acme", "app.info")
		var all sync.WaitGroup
		for range 120 {
			all.Go(func() { r.sends("/b24/events", forged, http.StatusOK) })
		}
		all.Wait()
		if n := r.sim.Count("acme", "app.info") - asked; n > 40 {
			t.Errorf("the portal was asked %d times", n)
		}
		if status := r.stored().Status; status != models.PortalActive {
			t.Fatalf("the portal is %s", status)
		}
		if n := r.removals(); n < 1 || n > 2 { // the minute may end meanwhile
			t.Errorf("%d jobs find out what is true", n)
		}
		r.hurry()
		r.eventually("it is found out", func() bool { return r.removals() == 0 })
		if got := r.with(r.session, http.MethodGet, "/settings"); got.status != http.StatusOK || r.stored().Status != models.PortalActive {
			t.Errorf("afterwards: %d, the portal is %s", got.status, r.stored().Status)
		}
	})
}

func TestARemovalIsBelievedOnceItIsToldWhetherItIsTrue(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		b := r.neighbour("other")
		down := r.sim.Inject(b24sim.Fault{Portal: "acme", Method: "app.info", Act: b24sim.ServerError, Times: -1})
		r.portal.Uninstall(true)
		r.deliver()
		if status := r.stored().Status; status != models.PortalActive {
			t.Fatalf("a portal that does not answer is %s", status)
		}
		down.Remove()
		r.hurry()
		r.eventually("the removal is believed", func() bool {
			status, _ := r.do(http.MethodGet, r.url+"/settings", nil, r.session)
			return status == http.StatusUnauthorized
		})
		r.forgotten()
		if got := b.with(b.session, http.MethodGet, "/settings"); got.status != http.StatusOK {
			t.Errorf("the other portal: %d", got.status)
		}
	})
}

// The portal passes on what the authorization server has told it, whose trouble it may
// be, or is closed for a while, or keeps the app's users out; and whoever has the
// application token may report a removal meanwhile.
func TestARemovalIsNotBelievedWhileThePortalRefusesTokensThatAreNotKnownToBeDead(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		for _, refusal := range []struct {
			status int
			code   string
		}{
			{401, "WRONG_TOKEN"}, {401, "ERROR_OAUTH"}, {401, "invalid_grant"}, {401, "NO_AUTH_FOUND"}, {401, "invalid_token"},
			{403, "user_access_error"}, {500, "PORTAL_DELETED"}, {403, "PORTAL_DELETED"},
		} {
			r := newRig(t, freshDatabase(t), classic)
			id := r.stored().ID
			refused := r.sim.Inject(b24sim.Fault{Portal: "acme", Method: "app.info", Status: refusal.status, Code: refusal.code, Act: b24sim.Refuse, Times: -1})
			if err := r.house.flow.Removed(t.Context(), id, true, time.Now()); err == nil {
				t.Errorf("%s settles it", refusal.code)
			}
			if got := r.stored(); got == nil || got.Status != models.PortalActive {
				t.Errorf("after %s: %+v", refusal.code, got)
			}
			refused.Remove()
			if err := r.house.flow.Removed(t.Context(), id, true, time.Now()); err != nil {
				t.Error(err)
			}
		}
	})
}

// Whatever the portal says: its tokens are good for an hour, and then the
// authorization server does not renew them.
func TestARemovalFromAPortalThatIsClosedIsBelievedOnceItsTokensAreDead(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		var ahead atomic.Int64
		r := tuned(t, address, classic, func(h *house) {
			h.flow.Bitrix24.Now = clockAhead(&ahead)
		})
		b := r.neighbour("other")
		id := r.stored().ID
		r.sim.Inject(b24sim.Fault{Portal: "acme", Method: "app.info", Status: 403, Code: "PORTAL_DELETED", Act: b24sim.Refuse, Times: -1})
		if err := r.house.flow.Removed(t.Context(), id, false, time.Now()); err == nil {
			t.Error("a portal that is closed settles it")
		}
		r.portal.RevokeTokens(admin)
		ahead.Store(int64(time.Hour + time.Minute))
		if err := r.house.flow.Removed(t.Context(), id, false, time.Now()); err != nil {
			t.Error(err)
		}
		if got := r.stored(); got.Status != models.PortalUninstalled {
			t.Errorf("the portal is %s", got.Status)
		}
		if got := b.with(b.session, http.MethodGet, "/settings"); got.status != http.StatusOK {
			t.Errorf("the other portal: %d", got.status)
		}
	})
}

func TestARemovalThatCannotBeStoredIsDoneLater(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		allow := r.breaks("DELETE ON tokens")
		r.portal.Uninstall(false)
		r.deliver()
		allow()
		if n := r.removals(); n == 0 {
			t.Fatal("nothing is left that would forget the portal")
		}
		r.hurry()
		r.eventually("the portal is forgotten", func() bool { return r.stored().Status == models.PortalUninstalled })
	})
}

// What is removed and comes back at once is not removed by a job from before.
func TestARemovalThatWasNotClearDoesNotRemoveWhatIsInstalledAnew(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		if err := r.house.flow.Removed(t.Context(), r.stored().ID, true, time.Now()); err != nil {
			t.Error(err)
		}
		if err := r.house.flow.Removed(t.Context(), r.stored().ID, true, r.stored().InstalledAt.Add(-time.Hour)); err != nil {
			t.Error(err)
		}
		if status := r.stored().Status; status != models.PortalActive {
			t.Errorf("the portal is %s", status)
		}
	})
}

func TestTheApplicationTokenAloneDoesNotHaveUsAskWithoutEnd(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r, _ := limitedRig(t, address)
		event := func(name string) *http.Request {
			form := r.lifecycle(name, 0, map[string]string{"access_token": "made-up", "refresh_token": "made-up"})
			form.Set("auth[access_token]", "made-up")
			return r.request(http.MethodPost, "/b24/events", formType, form.Encode())
		}
		for i, name := range []string{"ONAPPINSTALL", "ONAPPUSERREADY"} {
			from := fmt.Sprintf("203.0.113.%d", 1+i)
			asked := r.sim.Count("", "oauth/app.info")
			others, last := until(t, http.StatusTooManyRequests, 100, func() reply { return r.from(from, event(name)) })
			if wait := last.header.Get("Retry-After"); others != 20 || wait != "10" || r.sim.Count("", "oauth/app.info")-asked > 20 {
				t.Errorf("%s: refused after %d, Retry-After %q, %d questions", name, others, wait, r.sim.Count("", "oauth/app.info")-asked)
			}
		}
		// The portal's own events come from elsewhere.
		genuine := r.request(http.MethodPost, "/b24/events", formType, r.lifecycle("ONAPPINSTALL", admin, nil).Encode())
		if got := r.from("203.0.113.9", genuine); got.status != http.StatusOK {
			t.Errorf("a genuine event: %d", got.status)
		}
	})
}

// What a worker has in hand when the app is removed does not come back.
func TestWhatIsInFlightDuringARemovalIsForgottenToo(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r, _ := furnished(t, address)
		b := r.neighbour("other")
		b.tell(started("c1", "incoming", "+4930901825"), ended("c1", "missed", 0))
		b.finished(1)
		id := r.stored().ID
		calls, err := r.house.store.CallsOfNumber(t.Context(), id, []string{"+4930901829"}, 0, 1)
		if err != nil || len(calls) != 1 {
			t.Fatal(calls, err)
		}
		r.portal.Uninstall(false)
		r.deliver()
		if err := r.house.store.SaveCall(t.Context(), &calls[0]); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("a call is saved after the removal: %v", err)
		}
		late := models.Event{Source: models.SourcePBX, EventKey: "late", CallKey: "pbx:c2", Type: "call.ended", Payload: []byte(`{"number":"+4930901829"}`), HappenedAt: time.Now()}
		if _, _, err := r.house.store.AddEvents(t.Context(), id, []models.Event{late}); err == nil {
			t.Error("an event is stored after the removal")
		}
		if found := holds(r.dump(), "30901829"); len(found) != 0 {
			t.Errorf("left: %v", found)
		}
		if len(holds(r.dump(), "30901825")) == 0 {
			t.Error("what belongs to the other portal is gone")
		}
	})
}

// What it asks for next is refused, as by a portal that an administrator has to open.
func TestUpkeepThatIsUnderWayDoesNotBringBackAPortalThatIsRemoved(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		id := r.stored().ID
		held := r.holding("event.get")
		ended := make(chan error, 1)
		go func() { ended <- r.house.flow.MendHandlers(context.Background(), id) }()
		<-held.Reached()
		if _, err := r.house.store.Uninstall(t.Context(), id, false); err != nil {
			t.Fatal(err)
		}
		held.Release()
		if err := <-ended; err != nil {
			t.Errorf("the upkeep ends with %v", err)
		}
		if got := r.stored(); got.Status != models.PortalUninstalled || got.StatusCode != "" {
			t.Errorf("the portal is %s %s", got.Status, got.StatusCode)
		}
	})
}

func TestWhatAVersionBeforeLeftOfARemovedPortalIsForgotten(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r, personal := furnished(t, address)
		id := r.stored().ID
		r.sql("UPDATE portals SET status = 'uninstalled', application_token = NULL, command_secret = NULL, installed_at = NULL")
		if err := r.house.store.EnqueueRemoval(t.Context(), id, true); err != nil {
			t.Fatal(err)
		}
		r.hurry()
		r.eventually("it is forgotten", func() bool { return r.removals() == 0 })
		for _, found := range holds(r.dump(), personal...) {
			t.Error(found)
		}
		if got := r.stored(); got.Status != models.PortalUninstalled || len(r.dump()["calls"]) == 0 {
			t.Errorf("the portal is %s, with %d calls", got.Status, len(r.dump()["calls"]))
		}
	})
}

// Bitrix24 sends the event once, and may not wait for the answer.
func TestARemovalIsNotLostWhenItsSenderHangsUp(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		b := r.neighbour("other")
		word := func(clean string) b24.Event {
			e, err := b24.ParseEvent(r.lifecycle("ONAPPUNINSTALL", 0, map[string]string{"CLEAN": clean}))
			if err != nil {
				t.Fatal(err)
			}
			return e
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		allowed := func(int64) error { return nil }
		down := r.sim.Inject(b24sim.Fault{Portal: "acme", Method: "app.info", Act: b24sim.ServerError, Times: -1})
		if err := r.house.flow.Receive(gone, word("0"), allowed); err != nil || r.removals() != 1 {
			t.Errorf("while the portal does not answer: %v, %d jobs find out what is true", err, r.removals())
		}
		down.Remove()
		uninstall := word("0")
		r.portal.LoseEvents(true)
		r.portal.Uninstall(false)
		if err := r.house.flow.Receive(gone, uninstall, allowed); err != nil || r.stored().Status != models.PortalUninstalled {
			t.Errorf("when it says that the app is gone: %v, the portal is %s", err, r.stored().Status)
		}
		r.forgotten()
		if got := b.with(b.session, http.MethodGet, "/settings"); got.status != http.StatusOK {
			t.Errorf("the other portal: %d", got.status)
		}
	})
}
