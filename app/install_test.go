package main

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/app/callflow"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"gorm.io/gorm"
)

// second is another administrator of a portal that has two.
const second = 2

func twoAdmins() []b24sim.User {
	return append(employees(), b24sim.User{ID: second, Name: "Paul", LastName: "Roth", Admin: true})
}

var stepTag = regexp.MustCompile(`(?s)<li class="step.*?<strong>(.*?)</strong>.*?<span class="badge[^>]*>(.*?)</span>\s*(?:<p class="help">(.*?)</p>)?`)

// steps are what an installer's page tells: "Check permissions: Failed placement".
func steps(page string) []string {
	var told []string
	for _, step := range stepTag.FindAllStringSubmatch(page, -1) {
		told = append(told, strings.TrimSpace(html.UnescapeString(step[1]+": "+step[2]+" "+step[3])))
	}
	return told
}

var allSteps = []string{
	"Check access to Bitrix24: Done", "Store the connection: Done", "Check permissions: Done", "Read how the CRM is set up: Done",
	"Subscribe to call events: Done", "Add the call log to the telephony menu: Done", "Register the telephone line: Done",
	"Read employees and extensions: Done",
}

// clickInstall opens the installer as an administrator does.
func (r *rig) clickInstall() b24sim.Frame {
	r.t.Helper()
	frame, err := r.portal.StartInstall(admin)
	if err != nil {
		r.t.Fatal(err)
	}
	return frame
}

// setUp opens the installer and expects it to finish.
func (r *rig) setUp() {
	r.t.Helper()
	r.expectSteps(r.open(r.clickInstall()), allSteps...)
	r.portal.FinishInstall()
	r.deliver()
}

func (r *rig) expectSteps(page string, want ...string) {
	r.t.Helper()
	if diff := cmp.Diff(want, steps(page)); diff != "" {
		r.t.Errorf("steps (-want +got):\n%s", diff)
	}
	done := len(want) == len(allSteps) && !strings.Contains(strings.Join(want, ""), "Failed")
	if finishes := strings.Contains(page, "data-install-finish"); finishes != done {
		r.t.Errorf("the page calls installFinish: %t", finishes)
	}
}

// stored is the portal as the program has it.
func (r *rig) stored() *models.Portal {
	r.t.Helper()
	portal, err := r.house.store.Portal(r.t.Context(), r.portal.MemberID())
	if err != nil {
		r.t.Fatal(err)
	}
	return portal
}

func (r *rig) tokens() []models.Token {
	r.t.Helper()
	tokens, err := r.house.store.LiveTokens(r.t.Context(), r.stored().ID)
	if err != nil {
		r.t.Fatal(err)
	}
	return tokens
}

// lifecycle is an event of the portal, with the tokens of user if there is one.
func (r *rig) lifecycle(name string, user int64, data map[string]string) url.Values {
	form := url.Values{
		"event": {name}, "ts": {fmt.Sprint(time.Now().Unix())},
		"auth[member_id]": {r.portal.MemberID()}, "auth[application_token]": {r.portal.ApplicationToken()},
		"auth[client_endpoint]": {r.portal.Endpoint()}, "auth[server_endpoint]": {r.config.OAuthHosts[0] + "/rest/"},
	}
	if user != 0 {
		access, refresh := r.portal.Token(user)
		form.Set("auth[access_token]", access)
		form.Set("auth[refresh_token]", refresh)
		form.Set("auth[expires_in]", "3600")
		form.Set("auth[user_id]", fmt.Sprint(user))
	}
	for key, value := range data {
		form.Set("data["+key+"]", value)
	}
	return form
}

// sends posts an event and expects a status.
func (r *rig) sends(path string, event url.Values, want int) {
	r.t.Helper()
	if status, body := r.do(http.MethodPost, r.url+path, event, ""); status != want {
		r.t.Errorf("%s: %d, want %d\n%s", event.Get("event"), status, want, body)
	}
}

func handlersAt(address string) []b24sim.Handler {
	var all []b24sim.Handler
	for _, event := range callflow.Events {
		all = append(all, b24sim.Handler{Event: event, URL: address + "/b24/events"})
	}
	return all
}

// setting is what the portal keeps for the app.
type setting struct {
	Handlers   []b24sim.Handler
	Placements []b24sim.Placement
	Lines      []b24sim.Line
}

func (r *rig) setting() setting {
	return setting{r.portal.Handlers(), r.portal.Placements(), r.portal.Lines()}
}

func (r *rig) wanted() setting {
	return setting{
		handlersAt(r.url),
		[]b24sim.Placement{{Code: "TELEPHONY_ANALYTICS_MENU", URL: r.url + "/b24/calls", Title: "Callwise: call log"}},
		[]b24sim.Line{{Number: "callwise", Name: "Callwise"}},
	}
}

func (r *rig) isSet() {
	r.t.Helper()
	if diff := cmp.Diff(r.wanted(), r.setting()); diff != "" {
		r.t.Errorf("what the portal keeps for us (-want +got):\n%s", diff)
	}
}

// bindings is how often something was made in the portal.
func (r *rig) bindings() map[string]int {
	made := map[string]int{}
	for _, method := range []string{"event.bind", "event.unbind", "placement.bind", "placement.unbind", "telephony.externalLine.add", "telephony.externalLine.update"} {
		if n := r.sim.Count("", method); n > 0 {
			made[method] = n
		}
	}
	return made
}

func TestTheFirstInstallationSetsEverythingUp(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := bareRig(t, address, classic)
		r.start()
		frame := r.clickInstall()
		page := r.open(frame)
		r.expectSteps(page, allSteps...)
		r.isSet()

		portal := r.stored()
		want := &models.Portal{
			ID: portal.ID, MemberID: r.portal.MemberID(), Endpoint: r.portal.Endpoint(), AuthHost: r.config.OAuthHosts[0],
			ApplicationToken: r.portal.ApplicationToken(), Status: models.PortalActive, Lang: "en", PortalCountry: "US", TimeZone: "Europe/Berlin",
			CRMMode: "classic", RestAppID: fmt.Sprint(b24sim.AppID), Scopes: "crm,telephony,placement,user_basic",
			Settings: models.DefaultSettings(), SettingsVersion: 1,
		}
		times := cmpopts.IgnoreFields(models.Portal{}, "CRMModeAt", "EmployeesAt", "InstalledAt", "CreatedAt", "UpdatedAt")
		if diff := cmp.Diff(want, portal, times); diff != "" {
			t.Errorf("portal (-want +got):\n%s", diff)
		}
		if portal.InstalledAt == nil || portal.EmployeesAt == nil {
			t.Error("the time of the installation is not stored")
		}
		wantTokens := []models.Token{{
			PortalID: portal.ID, UserID: admin, Kind: models.TokenInstaller, AuthHost: r.config.OAuthHosts[0],
			AccessToken: frame.Form.Get("AUTH_ID"), RefreshToken: frame.Form.Get("REFRESH_ID"),
		}}
		if diff := cmp.Diff(wantTokens, r.tokens(), cmpopts.IgnoreFields(models.Token{}, "ID", "ExpiresAt", "RenewedAt")); diff != "" {
			t.Errorf("tokens (-want +got):\n%s", diff)
		}
		staff, err := r.house.store.Employees(t.Context(), portal.ID)
		if err != nil {
			t.Fatal(err)
		}
		wantStaff := []models.Employee{
			{PortalID: portal.ID, UserID: admin, Name: "Vera Stein", Extension: "101", Phones: []string{}, Active: true},
			{PortalID: portal.ID, UserID: anna, Name: "Anna Brandt", Extension: "104", Phones: []string{}, Active: true},
			{PortalID: portal.ID, UserID: omar, Name: "Omar Haddad", Extension: "105", Phones: []string{"+4915100000018"}, Active: true},
		}
		if diff := cmp.Diff(wantStaff, staff, cmpopts.SortSlices(func(a, b models.Employee) bool { return a.UserID < b.UserID })); diff != "" {
			t.Errorf("employees (-want +got):\n%s", diff)
		}
	})
}

func TestInstallingAgainBindsNothingTwiceAndKeepsTheSettings(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("cr")
		r.sim.ClearRequests()
		r.setUp()
		r.isSet()
		if diff := cmp.Diff(map[string]int{}, r.bindings()); diff != "" {
			t.Errorf("made again (-want +got):\n%s", diff)
		}
		if tokens := r.tokens(); len(tokens) != 1 {
			t.Errorf("%d pairs of tokens, want the installer's", len(tokens))
		}
		want := models.Settings{CreateEntities: true, RepeatedLeads: true, RepeatInBitrix24: "off", BuiltinLines: true}
		if diff := cmp.Diff(want, r.stored().Settings); diff != "" {
			t.Errorf("settings (-want +got):\n%s", diff)
		}
	})
}

func TestAnUpdateMayBringANewApplicationTokenWhichItsAccessTokenProves(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		before := r.portal.ApplicationToken()
		r.sim.ClearRequests()
		r.portal.UpdateApp(admin, 2, true)
		r.deliver()
		if n := r.sim.Count("", "oauth/app.info"); n != 1 {
			t.Errorf("the token was proven %d times, want once", n)
		}
		if got := r.stored().ApplicationToken; got != r.portal.ApplicationToken() || got == before {
			t.Error("the new application token is not stored")
		}
		r.setUp()
		r.portal.Click(b24sim.Click{UserID: omar, Phone: "+4930901821"})
		r.eventually("events come again", func() bool { return len(r.pbx.taken()) == 1 })
		r.isSet()
	})
}

func TestTheEventOfAnInstallationInstallsAsTheInstallerDoes(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		t.Run("before the installer's page", func(t *testing.T) {
			r := bareRig(t, address, classic)
			r.start()
			frame := r.clickInstall()
			r.sends("/b24/install", r.lifecycle("ONAPPINSTALL", admin, map[string]string{"VERSION": "1", "LANGUAGE_ID": "de"}), http.StatusOK)
			r.eventually("set up", func() bool { return r.stored().Status == models.PortalActive })
			r.isSet()
			if portal := r.stored(); portal.ApplicationToken != r.portal.ApplicationToken() || portal.Lang != "de" {
				t.Errorf("portal = %+v", portal)
			}
			r.expectSteps(r.open(frame), allSteps...)
			r.isSet()
		})
		t.Run("after it", func(t *testing.T) {
			r := newRig(t, freshDatabase(t), classic)
			installed := *r.stored().InstalledAt
			r.sim.ClearRequests()
			r.sends("/b24/install", r.lifecycle("ONAPPINSTALL", admin, map[string]string{"VERSION": "1"}), http.StatusOK)
			r.eventually("reconciled", func() bool { return r.sim.Count("acme", "user.get") > 0 })
			r.isSet()
			if diff := cmp.Diff(map[string]int{}, r.bindings()); diff != "" {
				t.Errorf("made again (-want +got):\n%s", diff)
			}
			if got := *r.stored().InstalledAt; !got.Equal(installed) {
				t.Errorf("installed at %v, want %v", got, installed)
			}
		})
	})
}

func TestTheSystemUserGoesOnWhenTheInstallerIsDismissed(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		portal := classic
		portal.SystemUser = true
		r := newRig(t, address, portal)
		var kinds []models.TokenKind
		var system int64
		for _, token := range r.tokens() {
			kinds, system = append(kinds, token.Kind), token.UserID
		}
		if diff := cmp.Diff([]models.TokenKind{models.TokenInstaller, models.TokenSystem}, kinds); diff != "" {
			t.Fatalf("tokens (-want +got):\n%s", diff)
		}
		id := r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
		r.portal.Dismiss(admin)
		r.sim.ClearRequests()
		r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
		r.finished(1)
		r.logged(contact(id))
		for _, request := range r.sim.Requests() {
			if request.Status == http.StatusOK && request.UserID != system {
				t.Errorf("%s was answered to user %d, want the system user %d", request.Method, request.UserID, system)
			}
		}
		if status := r.stored().Status; status != models.PortalActive {
			t.Errorf("the portal is %s", status)
		}
	})
}

const accessBanner = "Bitrix24 no longer accepts our access"

func TestAPortalWithoutAccessWaitsForAnAdministratorAndThenCatchesUp(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, b24sim.PortalConfig{RepeatSales: true, Users: twoAdmins()})
		id := r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
		r.portal.RevokeTokens(admin)
		r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
		r.eventually("the portal waits", func() bool { return r.stored().Status == models.PortalReauth })
		if page := r.page("/calls"); !strings.Contains(page, accessBanner) {
			t.Errorf("no banner:\n%s", page)
		}
		if page := r.open(r.frame(anna, "DEFAULT")); !strings.Contains(page, accessBanner) {
			t.Error("an employee mended the portal")
		}
		if n := len(r.portal.Activities()); n != 0 {
			t.Fatalf("%d calls were logged without access", n)
		}
		r.tell(started("c2", "incoming", "+4930901821"), ended("c2", "missed", 0))
		if page := r.open(r.frame(second, "DEFAULT")); strings.Contains(page, accessBanner) {
			t.Error("the banner stays although an administrator came")
		}
		r.finished(2)
		if n := len(r.portal.ActivitiesOf(contact(id))); n != 2 {
			t.Errorf("%d calls are logged, want both", n)
		}
	})
}

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

func TestALateEventOfAnEarlierUninstallationDoesNotRemoveAFreshInstallation(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		for _, tt := range []struct {
			name string
			sent time.Time
		}{
			{"sent before the installation", time.Now().Add(-time.Hour)},
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

func TestSavedSwitchesReachBitrix24InThreeRequestsAndLostOnesWithTheHourlyRefresh(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.sim.ClearRequests()
		r.switches("co")
		if diff := cmp.Diff([]string{"telephony.externalline.get ", "telephony.externalline.get ", "telephony.externalline.update "}, methods(r.sim)); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
		portal := r.stored()
		lost := portal.Settings
		lost.OutgoingCalls = false
		if err := r.house.store.SaveSettings(t.Context(), portal.ID, portal.SettingsVersion, lost); err != nil {
			t.Fatal(err)
		}
		if err := r.house.flow.Refresh(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		r.isSet()
	})
}

func TestAPortalThatWasRenamedIsFollowed(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		id := r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
		before := r.stored().Endpoint
		r.portal.Rename("emca")
		r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
		r.finished(1)
		r.logged(contact(id))
		if got := r.stored().Endpoint; got != r.portal.Endpoint() || got == before {
			t.Errorf("endpoint %s, want %s", got, r.portal.Endpoint())
		}
	})
}

func TestMissingPermissionsAreNamedAndTryAgainWorksOnceTheyAreGranted(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		portal := classic
		portal.Scopes = []string{"crm", "telephony"}
		r := bareRig(t, address, portal)
		r.start()
		page := r.open(r.clickInstall())
		r.expectSteps(page, "Check access to Bitrix24: Done", "Store the connection: Done", "Check permissions: Failed placement, user_basic")
		if missing := r.stored().MissingScopes; missing != "placement,user_basic" {
			t.Errorf("missing scopes %q", missing)
		}
		r.portal.SetScopes("crm", "telephony", "placement", "user_basic")
		status, page := r.do(http.MethodPost, r.url+"/b24/install", url.Values{"session": {formSession(t, page)}}, "")
		if status != http.StatusOK {
			t.Fatalf("try again: %d\n%s", status, page)
		}
		if diff := cmp.Diff(allSteps[2:], steps(page)); diff != "" || !strings.Contains(page, "data-install-finish") {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
		r.isSet()
		if missing := r.stored().MissingScopes; missing != "" {
			t.Errorf("missing scopes %q", missing)
		}
	})
}

var againField = regexp.MustCompile(`name="session" value="([^"]+)"`)

func formSession(t *testing.T, page string) string {
	t.Helper()
	return match(t, "session in a form", againField, page)
}

func TestOnlyAnAdministratorInstalls(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := bareRig(t, address, classic)
		r.start()
		frame := r.clickInstall()
		access, refresh := r.portal.Token(anna)
		frame.Form.Set("AUTH_ID", access)
		frame.Form.Set("REFRESH_ID", refresh)
		status, page := r.do(http.MethodPost, frame.URL, frame.Form, "")
		if status != http.StatusForbidden || !strings.Contains(page, "Only administrators can do this") {
			t.Errorf("%d\n%s", status, page)
		}
		r.sends("/b24/install", r.lifecycle("ONAPPINSTALL", anna, nil), http.StatusNotFound)
		if diff := cmp.Diff(setting{}, r.setting()); diff != "" {
			t.Errorf("set up all the same (-want +got):\n%s", diff)
		}
		if rows := r.dump()["portals"]; len(rows) != 0 {
			t.Errorf("stored: %v", rows)
		}
	})
}

func TestAnInstallationThatFailsInTheMiddleIsCompletedBySecondTry(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		for _, tt := range []struct {
			method string
			done   int
			failed string
		}{
			{"scope", 2, "Check permissions: Failed ACCESS_DENIED"},
			{"event.bind", 4, "Subscribe to call events: Failed ACCESS_DENIED"},
			{"placement.bind", 5, "Add the call log to the telephony menu: Failed ACCESS_DENIED"},
			{"telephony.externalLine.add", 6, "Register the telephone line: Failed ACCESS_DENIED"},
			{"user.get", 7, "Read employees and extensions: Failed ACCESS_DENIED"},
		} {
			t.Run(tt.method, func(t *testing.T) {
				r := bareRig(t, freshDatabase(t), classic)
				r.start()
				fault := r.sim.Inject(b24sim.Fault{Portal: "acme", Method: tt.method, Times: -1, Act: b24sim.Refuse, Status: 403, Code: "ACCESS_DENIED"})
				page := r.open(r.clickInstall())
				r.expectSteps(page, append(append([]string{}, allSteps[:tt.done]...), tt.failed)...)
				if status := r.stored().Status; status != models.PortalInstalling {
					t.Errorf("the portal is %s", status)
				}
				fault.Remove()
				r.setUp()
				r.isSet()
				if status := r.stored().Status; status != models.PortalActive {
					t.Errorf("the portal is %s", status)
				}
			})
		}
	})
}
