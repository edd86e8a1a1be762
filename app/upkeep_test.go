package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"callwise/app/b24"
	"callwise/app/b24/b24sim"
	"callwise/app/call"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
)

func TestABodyMayBeAsLargeAsTheSpecificationSaysAndNotAByteMore(t *testing.T) {
	r := newRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	post := func(path, kind string, size int) int {
		request, err := http.NewRequest(http.MethodPost, r.url+path, strings.NewReader(strings.Repeat(" ", size)))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", kind)
		request.Header.Set("Authorization", "Bearer "+r.key)
		status, _ := answerTo(t, request)
		return status
	}
	got := map[string]int{
		"an event of 64 KiB":      post("/b24/events", "application/x-www-form-urlencoded", 64<<10),
		"an event of a byte more": post("/b24/events", "application/x-www-form-urlencoded", 64<<10+1),
		"a report of 256 KiB":     post("/pbx/v1/events", "application/json", 256<<10),
		"a report of a byte more": post("/pbx/v1/events", "application/json", 256<<10+1),
	}
	want := map[string]int{
		"an event of 64 KiB": 400, "an event of a byte more": 413, "a report of 256 KiB": 400, "a report of a byte more": 413,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
}

func TestLostEventHandlersAreBoundAgainWhenAnAdministratorOpensTheApp(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		bound := len(r.portal.Handlers())
		access, _ := r.portal.Token(admin)
		form := url.Values{"auth": {access}, "event": {b24.ExternalCallStart}, "handler": {r.url + "/b24/events"}}
		if status, body := r.do(http.MethodPost, r.portal.Endpoint()+"event.unbind", form, ""); status != http.StatusOK {
			t.Fatalf("event.unbind: %d %s", status, body)
		}
		if n := len(r.portal.Handlers()); n != bound-1 {
			t.Fatalf("%d handlers, want one less than %d", n, bound)
		}
		r.open(r.frame(admin, "DEFAULT"))
		r.eventually("the handler is back", func() bool { return len(r.portal.Handlers()) == bound })
	})
}

// A portal's row may be sealed with a key that is not there any more.
func TestAPortalThatCannotBeOpenedKeepsNoOtherFromItsUpkeep(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		var logged buffer
		r := bareRig(t, address, classic)
		r.log = slog.NewJSONHandler(&logged, &slog.HandlerOptions{Level: slog.LevelError})
		r.start()
		r.install()
		shut := sealedBefore(t, address)
		reads, looks := r.reads(), r.sim.Count("acme", "voximplant.statistic.get")
		if err := r.house.flow.Refresh(t.Context(), 0); err != nil {
			t.Error(err)
		}
		if err := r.house.flow.RecoverAll(t.Context()); err != nil {
			t.Error(err)
		}
		if r.reads() == reads || r.sim.Count("acme", "voximplant.statistic.get") == looks {
			t.Error("the employees or the statistics of the other portal are not read")
		}
		if lines := logLines(t, logged.String(), map[string]any{"level": "ERROR", "msg": "portal passed over", "portal": float64(shut)}); len(lines) < 2 {
			t.Errorf("logged:\n%s", logged.String())
		}
	})
}

// sealedBefore stores a portal with a key that the program has not.
func sealedBefore(t *testing.T, address string) (id int64) {
	t.Helper()
	keys, err := models.ParseKeyring("before:" + testKey)
	if err != nil {
		t.Fatal(err)
	}
	store, err := models.Open(t.Context(), address, keys)
	if err != nil {
		t.Fatal(err)
	}
	portal, err := store.SaveInstall(t.Context(), models.Install{
		MemberID: "before", Endpoint: "https://before.bitrix24.com/rest/", AuthHost: "https://oauth.bitrix.info", ApplicationToken: "token",
	})
	if err := errors.Join(err, store.Close()); err != nil {
		t.Fatal(err)
	}
	return portal.ID
}

func TestWhatWasSaidIsAddedToTheFinishedCallOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
		said := map[string]any{
			"id": "c1-said", "type": "transcript.ready", "call": "c1", "at": time.Now().Format(time.RFC3339),
			"messages": []map[string]any{
				{"side": "client", "start": 0, "stop": 4, "text": "Hello"}, {"side": "user", "start": 4, "stop": 6, "text": "Good morning"},
			},
		}
		r.tell(started("c1", "incoming", "+4930901821"), said, answered("c1", "104"), ended("c1", "answered", 9))
		r.eventually("transcript", func() bool { return r.sim.Count("acme", "telephony.call.attachTranscription") > 0 })
		r.finished(1)
		want := []string{"Client: Hello", "User: Good morning"}
		if diff := cmp.Diff(want, r.portal.Statistics()[0].Transcript); diff != "" {
			t.Errorf("transcript (-want +got):\n%s", diff)
		}
		if n := r.sim.Count("acme", "telephony.call.attachTranscription"); n != 1 {
			t.Errorf("it was added %d times", n)
		}
	})
}

// What is written down before it is asked for, and may have been done when the program
// was killed, is not done again.
func TestATranscriptThatMayHaveBeenAddedIsNotAddedAgain(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		said := func(id string) map[string]any {
			return map[string]any{
				"id": id + "-said", "type": "transcript.ready", "call": id, "at": now(),
				"messages": []map[string]any{{"side": "client", "start": 0, "stop": 4, "text": "Hello"}},
			}
		}
		attached := func() int { return r.sim.Count("acme", "telephony.call.attachTranscription") }
		r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "missed", 0), started("c2", "incoming", "+4930901822"), ended("c2", "missed", 0))
		r.finished(2)
		tried := r.row("c1")
		tried.Progress.Transcript.Tried = true
		if err := r.house.store.SaveCall(t.Context(), tried); err != nil {
			t.Fatal(err)
		}
		r.tell(said("c1"))
		r.worked("c1")
		if n := attached(); n != 0 || !r.row("c1").Progress.Transcript.Done {
			t.Errorf("what may have been added was added %d times", n)
		}
		fault := r.sim.Inject(b24sim.Fault{Method: "telephony.call.attachTranscription", Act: b24sim.Hold})
		r.tell(said("c2"))
		r.eventually("it is written down before it is asked for", func() bool { return attached() == 1 && r.row("c2").Progress.Transcript.Tried })
		fault.Release()
		r.worked("c2")
		if n := attached(); n != 1 || !r.row("c2").Progress.Transcript.Done {
			t.Errorf("it was added %d times", n)
		}
	})
}

// However many calls of a portal have no end, those of others are closed as well.
func TestCallsWithoutAnEndAreClosedHoweverManyThereAre(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		portal := r.stored().ID
		for i := range 501 {
			_, err := r.house.store.EnsureCall(t.Context(), models.Call{
				PortalID: portal, Kind: models.KindPBX, CallKey: fmt.Sprint("pbx:s", i), Direction: call.Internal, StartedAt: time.Now().Add(-time.Hour),
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := r.house.flow.CloseStale(t.Context(), -time.Minute); err != nil {
			t.Fatal(err)
		}
		if left, err := r.house.store.StaleCalls(t.Context(), time.Now().Add(time.Minute)); err != nil || len(left) != 0 {
			t.Errorf("%d calls are not told of: %v", len(left), err)
		}
	})
}

func TestACreationThatFailsDoesNotKeepTheCardOpenAndIsDoneLater(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("corb")
		id := r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
		fault := r.sim.Inject(b24sim.Fault{Portal: "acme", Method: "crm.lead.add", Times: -1, Act: b24sim.Refuse, Status: 503, Code: "QUERY_LIMIT_EXCEEDED"})
		r.tell(started("c1", "outgoing", "+4930901821"), ended("c1", "answered", 5))
		r.eventually("finished without its lead", func() bool { return len(r.portal.Statistics()) == 1 && len(r.portal.Cards()) == 0 })
		fault.Remove()
		r.finished(1)
		leads := r.portal.Leads()
		if len(leads) != 1 {
			t.Fatalf("leads = %+v, want the one that was put off", leads)
		}
		r.logged(lead(leads[0].ID), contact(id))
		r.logSays("so a repeated lead was created.")
	})
}

func TestALookUpThatHangsDoesNotKeepTheCardFromBeingShown(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := bareRig(t, address, classic)
		r.tune = func(h *house) { h.flow.ReadWait = 200 * time.Millisecond }
		r.start()
		r.install()
		r.switches("c")
		fault := r.sim.Inject(b24sim.Fault{Portal: "acme", Method: "crm.duplicate.findbycomm", Act: b24sim.Hold})
		r.tell(started("c1", "incoming", "+4930901820"))
		r.registered(1)
		fault.Release()
		r.tell(ended("c1", "answered", 5))
		r.finished(1)
		if n := len(r.portal.Leads()); n != 1 {
			t.Errorf("%d leads, want the one that was decided at the end", n)
		}
	})
}

func TestTheLogDoesNotSayThatSomethingWasCreatedWhenBitrix24Declined(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		r.portal.Exclude("+4930901820")
		r.tell(started("c1", "incoming", "+4930901820"), ended("c1", "missed", 0))
		r.finished(1)
		r.logSays("Bitrix24 did not create the", "Nothing created")
		if strings.Contains(r.page("/calls"), "so a new lead was created") {
			t.Error("the log says that a lead was created")
		}
	})
}

// TestACallWhoseEndNeverComesIsClosedAsFailedAndNoTalkIsMadeUp closes one that
// rings, one that is talked on, and a click of which the PBX said nothing more.
func TestACallWhoseEndNeverComesIsClosedAsFailedAndNoTalkIsMadeUp(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		var ahead atomic.Int64
		r := tuned(t, address, classic, func(h *house) {
			h.flow.Now = clockAhead(&ahead)
		})
		r.switches("c")
		r.tell(started("c1", "incoming", "+4930901821"))
		r.tell(started("c2", "incoming", "+4930901822", map[string]any{"extensions": []string{"105"}}), answered("c2", "105"))
		id := r.click(b24sim.Click{UserID: admin, Phone: "+4930901823", Line: "callwise"})
		r.registered(3)
		r.eventually("the PBX is told of the click", func() bool { return len(r.pbx.taken()) == 1 }) // by our clock
		r.worked("c1", "c2", id)
		for _, after := range []time.Duration{3*time.Hour - time.Minute, 3*time.Hour + time.Minute} {
			ahead.Store(int64(after))
			if err := r.house.flow.CloseStale(t.Context(), 3*time.Hour); err != nil {
				t.Fatal(err)
			}
			r.worked("c1", "c2", id)
			if n := len(r.portal.Statistics()); after < 3*time.Hour && n != 0 {
				t.Errorf("%d calls are closed after %v", n, after)
			}
		}
		want := map[string]ending{
			"+4930901821": {anna, "+4930901821", "503", 0}, "+4930901822": {omar, "+4930901822", "200", 0}, "+4930901823": {admin, "+4930901823", "503", 0},
		}
		got := map[string]ending{}
		for _, e := range r.endings() {
			got[e.Phone] = e
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("statistics (-want +got):\n%s", diff)
		}
		r.expectCards(nil)
	})
}
