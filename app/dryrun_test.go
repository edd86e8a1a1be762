package main

import (
	"strings"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/app/call"
	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
)

// set changes settings by their paths, each followed by its value, as the
// settings page does.
func (r *rig) set(values ...string) {
	r.t.Helper()
	store := r.store()
	portal, err := store.Portal(r.t.Context(), r.portal.MemberID())
	if err != nil {
		r.t.Fatal(err)
	}
	changes := map[string]string{}
	for i := 0; i < len(values); i += 2 {
		changes[values[i]] = values[i+1]
	}
	next, wrong := portal.Settings.With(changes)
	if len(wrong) > 0 {
		r.t.Fatalf("settings: %v", wrong)
	}
	err = store.SaveSettings(r.t.Context(), models.SettingsEdit{
		PortalID: portal.ID, Version: portal.SettingsVersion, Settings: next, UserID: admin,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	looks := r.lineLooks()
	if err := store.EnqueueLines(r.t.Context(), portal.ID); err != nil {
		r.t.Fatal(err)
	}
	r.eventually("the lines are looked at", func() bool { return r.lineLooks() > looks })
}

// store is the program's, or another one on its database if it is a process of
// its own.
func (r *rig) store() *models.Store {
	if r.house != nil {
		return r.house.store
	}
	return modelstest.Open(r.t, r.config.DatabaseURL)
}

// call is the program's row of the call with a key.
func (r *rig) call(key string) *models.Call {
	r.t.Helper()
	row, err := r.house.store.CallByKey(r.t.Context(), r.stored().ID, key)
	if err != nil {
		r.t.Fatal(err)
	}
	return row
}

// writes are the requests that change something in the portal.
func (r *rig) writes() []string {
	reads := []string{"list", "get", "profile", "app.info", "findByComm", "search"}
	var all []string
	for _, one := range r.sim.Requests() {
		for _, method := range append([]string{one.Method}, one.Commands...) {
			read := method == "batch"
			for _, word := range reads {
				read = read || strings.Contains(strings.ToLower(method), strings.ToLower(word))
			}
			if !read {
				all = append(all, method)
			}
		}
	}
	return all
}

// linesCreate waits until all lines of the portal let Bitrix24 create, or not.
func (r *rig) linesCreate(yes bool) {
	r.t.Helper()
	r.eventually("lines follow the switches", func() bool {
		for _, line := range r.portal.Lines() {
			if line.AutoCreate != yes {
				return false
			}
		}
		return true
	})
}

func TestInDryRunACallIsDecidedAndNothingIsWritten(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("corb")
		r.set("dry_run", "on", "missed/todo", "on")
		r.linesCreate(false)
		before := r.portal.Snapshot()
		r.sim.ClearRequests()
		r.tell(started("c1", "incoming", "+4930901820"), answered("c1", "104"), ended("c1", "answered", 65), recording("c1", "https://pbx.example/a.mp3"))
		r.tell(started("c2", "incoming", "+4930901821"), ended("c2", "missed", 0))
		r.finished(2)
		if wrote := r.writes(); len(wrote) != 0 {
			t.Errorf("written in dry run: %v", wrote)
		}
		if diff := cmp.Diff(before, r.portal.Snapshot()); diff != "" {
			t.Errorf("the portal has changed (-before +after):\n%s", diff)
		}
		row := r.call("pbx:c1")
		if row.Result != models.ResultDryRun || row.Decision == nil || row.Plan == nil || row.Case == nil || row.B24CallID != nil {
			t.Errorf("call = %+v, want one that was decided in dry run", row)
		}
		r.logSays("This number was not in the CRM")
	})
}

func TestACallKeepsTheDryRunItBeganWith(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		r.tell(started("real", "incoming", "+4930901820"))
		r.registered(1)
		r.set("dry_run", "on")
		r.tell(started("dry", "incoming", "+4930901821"))
		r.eventually("the dry call is decided", func() bool {
			return strings.Contains(r.page("/calls"), "+49 30 901821") && r.call("pbx:dry").DecidedAt != nil
		})
		r.set("dry_run", "off")
		r.tell(ended("real", "answered", 5))
		r.tell(ended("dry", "answered", 5))
		r.finished(2)
		leads := r.portal.Leads()
		if len(leads) != 1 || r.portal.Snapshot().Unfinished != 0 {
			t.Fatalf("leads = %+v, want only the real call's", leads)
		}
		r.logged(lead(leads[0].ID))
		if got := r.call("pbx:dry").Result; got != models.ResultDryRun {
			t.Errorf("result of the call that began in dry run = %q", got)
		}
	})
}

func TestInDryRunAClickReachesThePBXAndItsCardIsClosedInTheEnd(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("corb")
		r.set("dry_run", "on")
		r.linesCreate(false)
		r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
		id := r.portal.Click(b24sim.Click{UserID: omar, Phone: "+4930901821", Line: "callwise"})
		r.eventually("command", func() bool { return len(r.pbx.taken()) == 1 })
		if n := len(r.portal.Cards()); n != 1 {
			t.Fatalf("%d cards, want that of the click", n)
		}
		r.sim.ClearRequests()
		begin, end := started("p1", "outgoing", "+4930901821"), ended("p1", "answered", 5)
		begin["bitrix24_call_id"], begin["extensions"], end["extension"] = id, []string{"105"}, "105"
		r.tell(begin, end)
		r.finished(1)
		if cards := r.portal.Cards(); len(cards) != 0 {
			t.Errorf("cards still shown: %v", cards)
		}
		if diff := cmp.Diff([]string{"telephony.externalcall.hide"}, r.writes()); diff != "" {
			t.Errorf("written (-want +got):\n%s", diff)
		}
		if n := len(r.portal.Leads()); n != 0 {
			t.Errorf("%d leads created in dry run", n)
		}
	})
}

func TestInDryRunACallbackReachesTheOwnersExtensionAndIsNotRegistered(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.set("dry_run", "on")
		made := r.portal.AddLead(b24sim.Lead{Title: "Form", Phones: []string{"+4930901829"}, ResponsibleID: omar})
		r.sim.ClearRequests()
		r.portal.OrderCallback(b24sim.Callback{Phone: "+4930901829", Entity: lead(made), Line: "4930901820"})
		r.eventually("command", func() bool { return len(r.pbx.taken()) == 1 })
		if got := r.pbx.taken()[0]["extension"]; got != "105" {
			t.Errorf("extension = %v, want the owner's", got)
		}
		r.tell(started("p8", "callback", "+4930901829"), ended("p8", "answered", 20))
		r.finished(1)
		if wrote := r.writes(); len(wrote) != 0 {
			t.Errorf("written in dry run: %v", wrote)
		}
	})
}

func TestInDryRunACallOfBitrix24sOwnLineIsDecidedAndNothingIsWritten(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("crb")
		r.set("dry_run", "on")
		r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
		r.sim.ClearRequests()
		c := r.portal.StartCall(b24sim.BuiltinCall{Incoming: true, Phone: "+4930901821", Line: "4930901800", UserID: anna})
		c.Answer()
		c.End("200", 40)
		r.deliver()
		r.finished(1)
		if wrote := r.writes(); len(wrote) != 0 {
			t.Errorf("written in dry run: %v", wrote)
		}
		r.logSays("a repeated lead")
	})
}

func TestATestCallIsDecidedWithoutTouchingTheCRM(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("c")
		r.sim.ClearRequests()
		at := time.Now().UTC().Truncate(time.Second)
		told := []call.Event{
			{Type: call.Started, At: at, Direction: call.Incoming, Phone: "+4930901820", Line: "4930901820", Extensions: []string{"104"}},
			{Type: call.Ended, At: at.Add(time.Second), Status: call.StatusMissed},
		}
		portal := r.stored().ID
		first, err := r.house.flow.DryCall(t.Context(), portal, "test:1", told)
		if err != nil {
			t.Fatal(err)
		}
		again, err := r.house.flow.DryCall(t.Context(), portal, "test:1", told)
		if err != nil || again != first {
			t.Errorf("DryCall again = %d, %v, want %d", again, err, first)
		}
		r.finished(1)
		row := r.call("test:1")
		if row.ID != first || row.Result != models.ResultDryRun || row.Reason != "NEW_CREATED" || row.UserID != anna {
			t.Errorf("call = %+v, want a dry run of a new number", row)
		}
		if wrote := r.writes(); len(wrote) != 0 {
			t.Errorf("written for a test call: %v", wrote)
		}
		if _, err := r.house.flow.DryCall(t.Context(), portal, "pbx:1", told); err == nil {
			t.Error("a test call under a PBX's key was taken")
		}
	})
}
