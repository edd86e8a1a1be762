package main

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"callwise/app/b24/b24sim"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

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
			CRMMode: "classic", RestAppID: fmt.Sprint(b24sim.AppID), AppCode: "app.test", Scopes: "crm,telephony,placement,user_basic",
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
		want := models.DefaultSettings()
		want.CreateEntities, want.RepeatedLeads, want.RepeatInBitrix24 = true, true, "off"
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
			r := bareRig(t, address, b24sim.PortalConfig{RepeatSales: true, Language: "de"})
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

// refused are the events of the portal that were not taken.
func (r *rig) refused() []string {
	r.t.Helper()
	r.deliver()
	var names []string
	for _, d := range r.portal.Deliveries() {
		if d.Status != http.StatusOK {
			names = append(names, d.Event)
		}
	}
	return names
}

func TestAPortalWhoseFramesCarryNoApplicationTokenTellsItWithItsInstallation(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		old := classic
		old.OldFrames = true
		r := newRig(t, address, old)
		if got := r.stored().ApplicationToken; got != r.portal.ApplicationToken() {
			t.Error("the application token is not stored")
		}
		r.isSet()
		r.portal.Click(b24sim.Click{UserID: omar, Phone: "+4930901821"})
		r.eventually("the click reaches the PBX", func() bool { return len(r.pbx.taken()) == 1 })
		if refused := r.refused(); len(refused) != 0 {
			t.Errorf("refused: %v", refused)
		}
		for _, path := range []string{"/calls", "/health/portal"} {
			if strings.Contains(r.page(path), "cannot verify the events of Bitrix24") || strings.Contains(r.page(path), "the token that proves them") {
				t.Errorf("%s says that events are refused", path)
			}
		}
	})
}

func TestAnAdministratorIsToldThatEventsAreRefusedAndInstallingAgainHelps(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		old := classic
		old.OldFrames = true
		r := bareRig(t, address, old)
		r.start()
		r.portal.LoseEvents(true) // as of an installation that has not bound its own event
		r.install()
		r.switches("cr")
		r.portal.LoseEvents(false)
		r.portal.Click(b24sim.Click{UserID: omar, Phone: "+4930901821"})
		if refused := r.refused(); len(refused) == 0 || r.stored().ApplicationToken != "" {
			t.Errorf("refused: %v", refused)
		}
		for path, want := range map[string]string{
			"/calls": "cannot verify the events of Bitrix24 yet", "/health/portal": "has not sent us yet the token that proves them",
		} {
			if page := r.page(path); !strings.Contains(page, want) || !strings.Contains(page, "install it again: the settings are kept") {
				t.Errorf("%s does not say that events are refused", path)
			}
		}
		r.portal.Uninstall(true)
		r.deliver()
		r.install()
		if portal := r.stored(); portal.ApplicationToken != r.portal.ApplicationToken() || !portal.Settings.RepeatedLeads || portal.Status != models.PortalActive {
			t.Errorf("the portal is %s, its settings %+v", portal.Status, portal.Settings)
		}
		if strings.Contains(r.page("/calls"), "has not told us yet") {
			t.Error("the page still says that events are refused")
		}
		r.portal.Click(b24sim.Click{UserID: omar, Phone: "+4930901822"})
		r.eventually("the click reaches the PBX", func() bool { return len(r.pbx.taken()) == 1 })
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

// An administrator may come while a round finds that there is no access.
func TestACallWithoutAccessIsTriedAgainSoonAndItsPortalIsNotAsked(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.portal.RevokeTokens(admin)
		r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
		attempts := func(n int) func() bool {
			return func() bool {
				row := r.row("c1")
				return row != nil && row.Attempts >= n
			}
		}
		r.eventually("the call is put off", attempts(1))
		asked := len(r.sim.Requests())
		r.eventually("it is tried again", attempts(2))
		if n := len(r.sim.Requests()); n != asked {
			t.Errorf("the portal was asked %d times more", n-asked)
		}
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
		if err := r.house.store.SaveSettings(t.Context(), models.SettingsEdit{PortalID: portal.ID, Version: portal.SettingsVersion, Settings: lost}); err != nil {
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

func TestAnInstallationThatFailsInTheMiddleIsCompletedByASecondTry(t *testing.T) {
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
