package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
)

// dump is everything the database holds, table by table, as text.
func (r *rig) dump() map[string][]string {
	r.t.Helper()
	all := map[string][]string{}
	err := r.house.store.Transaction(r.t.Context(), func(tx *gorm.DB) error {
		tables, err := tx.Migrator().GetTables()
		if err != nil {
			return err
		}
		for _, table := range tables {
			var rows []map[string]any
			if err := tx.Table(table).Find(&rows).Error; err != nil {
				return err
			}
			for _, row := range rows {
				all[table] = append(all[table], textOf(row))
			}
		}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}

func textOf(row map[string]any) string {
	for name, value := range row {
		if bytes, ok := value.([]byte); ok {
			row[name] = string(bytes)
		}
	}
	return fmt.Sprint(row)
}

// holds reports the tables of a dump that hold any of the words.
func holds(dump map[string][]string, words ...string) []string {
	var found []string
	for table, rows := range dump {
		for _, row := range rows {
			for _, word := range words {
				if strings.Contains(row, word) {
					found = append(found, fmt.Sprintf("%s holds %s: %s", table, word, row))
				}
			}
		}
	}
	return found
}

// furnished is a portal with something in every table.
func furnished(t *testing.T, address string) (*rig, []string) {
	t.Helper()
	r := newRig(t, address, classic)
	r.switches("corb")
	r.portal.AddContact(b24sim.Contact{Name: "Mia", LastName: "Vogt", Phones: []string{"+4930901821"}})
	r.tell(started("c1", "outgoing", "+4930901821"), answered("c1", "104"), ended("c1", "answered", 5))
	r.finished(1)
	r.tell(started("c2", "incoming", "+4930901829"))
	r.registered(1)
	r.eventually("no job is worked on", func() bool { return len(holds(r.dump(), "state:running")) == 0 })
	return r, []string{"30901821", "30901829", "Vogt", "Brandt", "15100000018"}
}

// forgotten expects that sessions and keys of a removed portal open nothing.
func (r *rig) forgotten() {
	r.t.Helper()
	if status, _ := r.do(http.MethodGet, r.url+"/settings", nil, r.session); status != http.StatusUnauthorized {
		r.t.Errorf("a session from before: %d", status)
	}
	if status, body := r.report(started("c9", "incoming", "+4930901820")); status != http.StatusUnauthorized {
		r.t.Errorf("a PBX key from before: %d %s", status, body)
	}
}

func TestAnUninstallationThatCleansLeavesNothingOfThePortal(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r, personal := furnished(t, address)
		member := r.portal.MemberID()
		if len(holds(r.dump(), personal...)) == 0 {
			t.Fatal("nothing personal is stored to begin with")
		}
		uninstall := r.lifecycle("ONAPPUNINSTALL", 0, map[string]string{"CLEAN": "1"})
		r.portal.Uninstall(true)
		r.deliver()
		r.forgotten()
		r.sends("/b24/events", uninstall, http.StatusNotFound)
		left := r.dump()
		for _, table := range []string{"portals", "tokens", "pbx_keys", "employees", "lines", "events", "calls", "rest_log", "recent_creations"} {
			if len(left[table]) != 0 {
				t.Errorf("%s: %v", table, left[table])
			}
		}
		for _, found := range holds(left, append(personal, member, "portal_id")...) {
			t.Error(found)
		}
	})
}

func TestAnUninstallationThatKeepsSettingsKeepsNothingElse(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r, personal := furnished(t, address)
		settings := r.stored().Settings
		r.portal.Uninstall(false)
		r.deliver()
		r.forgotten()
		for _, found := range holds(r.dump(), personal...) {
			t.Error(found)
		}
		left := r.dump()
		for _, table := range []string{"tokens", "pbx_keys", "employees", "events", "rest_log", "recent_creations"} {
			if len(left[table]) != 0 {
				t.Errorf("%s: %v", table, left[table])
			}
		}
		portal := r.stored()
		if portal.Status != models.PortalUninstalled || portal.ApplicationToken != "" || portal.CommandSecret != "" {
			t.Errorf("portal = %+v, want one without secrets", portal)
		}
		if diff := cmp.Diff(settings, portal.Settings); diff != "" {
			t.Errorf("settings (-before +after):\n%s", diff)
		}
	})
}

// Whoever runs a portal on a server of their own has it answer whatever they like.
func TestAPortalThatAnswersWithWhatNoDatabaseReadsIsForgotten(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.refusedLead(400, "ODD\x00CODE")
		r.tell(started("c1", "outgoing", "+4930901821"), ended("c1", "answered", 5))
		r.eventually("the lead is refused", func() bool { c := r.row("c1"); return c != nil && c.Attention == models.AttentionCreate })
		r.portal.Uninstall(false)
		r.deliver()
		r.eventually("the number is gone", func() bool { return len(holds(r.dump(), "30901821")) == 0 })
	})
}

func TestAPortalThatComesBackIsInstalledAnewWithItsOldSettings(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("cr")
		first := *r.stored().InstalledAt
		r.portal.Uninstall(false)
		r.deliver()
		if status := r.stored().Status; status != models.PortalUninstalled {
			t.Fatalf("the portal is %s", status)
		}
		r.setUp()
		portal := r.stored()
		if portal.InstalledAt == nil || !portal.InstalledAt.After(first) || portal.Status != models.PortalActive || portal.UninstalledAt != nil {
			t.Errorf("portal = %+v, want one installed after %v", portal, first)
		}
		if !portal.Settings.CreateEntities || !portal.Settings.RepeatedLeads {
			t.Errorf("settings = %+v", portal.Settings)
		}
		r.isSet()
		r.session = sessionIn(t, r.open(r.frame(admin, "DEFAULT")))
		r.key = keyIn(t, r.post("/settings/keys", url.Values{"name": {"New"}}))
		r.tell(started("c1", "incoming", "+4930901820"), ended("c1", "missed", 0))
		r.eventually("lead", func() bool { return len(r.portal.Leads()) == 1 })
	})
}

// What the log says of calls from before does not contradict itself. Of those left out
// nothing was decided.
func TestTheLogOfAPortalThatComesBackSaysWhatWasDoneAndThatTheRestIsGone(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r, _ := furnished(t, address)
		r.tell(started("c3", "incoming", "+4930901835"), ended("c3", "missed", 0))
		r.set("exclusions/numbers", "+4930901836")
		r.tell(started("c4", "incoming", "+4930901836"), ended("c4", "missed", 0))
		r.eventually("the call is left out", func() bool { c := r.row("c4"); return c != nil && c.State == models.CallIgnored })
		r.eventually("the call is logged", func() bool { c := r.row("c3"); return c != nil && c.State == models.CallFinished })
		r.portal.Uninstall(false)
		r.deliver()
		r.forgotten()
		r.setUp()
		r.session = sessionIn(t, r.open(r.frame(admin, "DEFAULT")))
		_, page, _ := strings.Cut(r.page("/calls?period=all"), "<tbody")
		for text, times := range map[string]int{
			"Number removed with the app": 4, "Not handled: excluded in the settings": 1, "Something was created; the link to it was removed with the app": 2, "Could not be completed": 1,
			"Hidden number": 0, "Nothing created": 0, "in progress": 0,
		} {
			if n := strings.Count(page, text); n != times {
				t.Errorf("%q stands there %d times, want %d", text, n, times)
			}
		}

		// What the PBX tells of them later changes nothing any more.
		before := []*models.Call{r.row("c1"), r.row("c2")}
		asked := func() int {
			return r.sim.Count("acme", "telephony.externalCall.hide") + r.sim.Count("acme", "telephony.externalCall.finish") + r.sim.Count("acme", "telephony.externalCall.register")
		}
		asks := asked()
		r.key = keyIn(t, r.post("/settings/keys", url.Values{"name": {"New"}}))
		r.tell(ended("c2", "missed", 0), recording("c1", "https://pbx.example/c1.mp3"))
		r.worked("c1", "c2")
		if diff := cmp.Diff(before, []*models.Call{r.row("c1"), r.row("c2")}); diff != "" {
			t.Errorf("the calls from before (-before +after):\n%s", diff)
		}
		if n := asked() - asks; n != 0 {
			t.Errorf("%d requests about them", n)
		}
	})
}

// Every employee who opens the app has the application token, and an access
// token of their own, in the browser.
func TestAnEmployeeWhoForgesEventsGainsNothing(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		access, _ := r.portal.Token(anna)
		before := r.stored()
		tokens := r.tokens()
		forge := func(name string, change func(url.Values)) url.Values {
			form := r.lifecycle(name, 0, map[string]string{"CLEAN": "1"})
			form.Set("auth[access_token]", access)
			form.Set("auth[refresh_token]", "of-anna")
			change(form)
			return form
		}
		r.sends("/b24/events", forge("ONAPPUNINSTALL", func(url.Values) {}), http.StatusOK)
		r.sends("/b24/events", forge("ONAPPUPDATE", func(f url.Values) { f.Set("auth[application_token]", "of-anna") }), http.StatusForbidden)
		r.sends("/b24/install", forge("ONAPPINSTALL", func(f url.Values) { f.Set("auth[application_token]", "of-anna") }), http.StatusForbidden)
		r.sends("/b24/install", forge("ONAPPUSERREADY", func(f url.Values) {
			f.Set("data[access_token]", access)
			f.Set("data[refresh_token]", "of-anna")
			f.Set("data[user_id]", fmt.Sprint(anna))
		}), http.StatusForbidden)
		after := r.stored()
		if after.Status != models.PortalActive || after.ApplicationToken != before.ApplicationToken {
			t.Errorf("the portal is %s, its application token %t", after.Status, after.ApplicationToken == before.ApplicationToken)
		}
		if diff := cmp.Diff(tokens, r.tokens()); diff != "" {
			t.Errorf("tokens (-before +after):\n%s", diff)
		}
		if got := r.with(r.session, http.MethodGet, "/settings"); got.status != http.StatusOK {
			t.Errorf("the settings: %d", got.status)
		}
	})
}

func TestARemovalIsBelievedOfAPortalWhoseClockIsBehindOurs(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		word := r.lifecycle("ONAPPUNINSTALL", 0, map[string]string{"CLEAN": "1"})
		r.portal.LoseEvents(true)
		r.portal.Uninstall(true)
		asked := r.sim.Count("acme", "app.info")
		word.Set("ts", fmt.Sprint(time.Now().Add(-2*time.Hour).Unix()))
		r.sends("/b24/events", word, http.StatusOK)
		if n := r.sim.Count("acme", "app.info") - asked; n != 0 || r.removals() != 0 {
			t.Errorf("the portal is asked %d times about a removal of long before its installation", n)
		}
		word.Set("ts", fmt.Sprint(time.Now().Add(-10*time.Minute).Unix()))
		r.sends("/b24/events", word, http.StatusOK)
		r.forgotten()
	})
}

func TestALateEventOfAnEarlierUninstallationDoesNotRemoveAFreshInstallation(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		for _, tt := range []struct {
			name string
			sent time.Time
		}{
			{"sent long before the installation", time.Now().Add(-2 * time.Hour)},
			{"sent before the installation", time.Now().Add(-time.Minute)},
			{"delivered by a clock that is ahead", time.Now().Add(time.Minute)},
			{"without a time", time.Time{}},
		} {
			late := r.lifecycle("ONAPPUNINSTALL", 0, map[string]string{"CLEAN": "1"})
			late.Set("ts", fmt.Sprint(tt.sent.Unix()))
			r.sends("/b24/events", late, http.StatusOK)
			if status := r.stored().Status; status != models.PortalActive {
				t.Fatalf("%s: the portal is %s", tt.name, status)
			}
		}
		r.portal.Uninstall(true)
		r.deliver()
		r.forgotten()
	})
}
