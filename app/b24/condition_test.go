package b24

import (
	"errors"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/app/crm"

	"github.com/google/go-cmp/cmp"
)

// installedOffice is a portal with the app on it.
func installedOffice(t *testing.T, config b24sim.PortalConfig) *office {
	t.Helper()
	o := open(t, config)
	o.install(t)
	return o
}

func TestAPortalTellsHowItStandsInOneRequest(t *testing.T) {
	o := installedOffice(t, b24sim.PortalConfig{Language: "de"})
	if err := o.EnsureLine(t.Context(), "4930", "Berlin", true); err != nil {
		t.Fatal(err)
	}
	want := Setup{
		EventHandler: o.events, Events: []string{ExternalCallStart, AppPayment},
		Placement: o.events, Placements: []string{"TELEPHONY_ANALYTICS_MENU"}, Titles: map[string]string{"en": "Log"},
	}
	asked := len(o.sim.Requests())
	got, err := o.Condition(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(o.sim.Requests()) - asked; n != 1 {
		t.Errorf("%d requests", n)
	}
	told := Condition{
		Owner:      Told[Profile]{Value: Profile{UserID: 1, Admin: true, Name: "Vera Stein", TimeZone: "Europe/Berlin"}},
		App:        Told[AppState]{Value: AppState{ID: "3", Code: "app.1", Version: 1, Status: "F", Installed: true, Language: "de", License: "de_pro100"}},
		Scopes:     Told[[]string]{Value: []string{"crm", "telephony", "placement", "user_basic"}},
		Events:     Told[[]string]{Value: []string{AppPayment}},
		Placements: Told[[]string]{Value: []string{"TELEPHONY_ANALYTICS_MENU"}},
		Lines:      Told[[]Line]{Value: []Line{{"4930", "Berlin", true}}},
		Mode:       Told[crm.Mode]{Value: crm.Classic},
	}
	if diff := cmp.Diff(told, got); diff != "" {
		t.Errorf("condition (-want +got):\n%s", diff)
	}
}

func TestWhatAPortalDoesNotTellHidesNothingElse(t *testing.T) {
	o := installedOffice(t, b24sim.PortalConfig{})
	o.portal.SetScopes("crm", "placement", "user_basic")
	o.sim.Inject(b24sim.Fault{Method: "server.time", Act: b24sim.Refuse, Code: "ERROR_CORE"})
	got, err := o.Condition(t.Context(), Setup{})
	if err != nil || !errors.Is(got.Lines.Err, InsufficientScope) || !errors.Is(got.Ahead.Err, ErrorCore) {
		t.Errorf("%v, %v, %v", err, got.Lines.Err, got.Ahead.Err)
	}
	if got.Mode.Err != nil || got.Mode.Value != crm.Classic || got.App.Err != nil {
		t.Errorf("condition = %+v", got)
	}
}

func TestTheClocksAreComparedInTheMiddleOfTheRequest(t *testing.T) {
	o := installedOffice(t, b24sim.PortalConfig{})
	o.app.Now = func() time.Time { return o.clock.Now().Add(-90 * time.Second) }
	got, err := o.Condition(t.Context(), Setup{})
	if err != nil || got.Ahead.Err != nil || got.Ahead.Value != 90*time.Second {
		t.Errorf("%v, ahead by %v (%v), want 1m30s", err, got.Ahead.Value, got.Ahead.Err)
	}
}

func TestANotificationReachesTheUserOnceHoweverOftenItIsSent(t *testing.T) {
	o := installedOffice(t, b24sim.PortalConfig{Scopes: []string{"crm", "telephony", "placement", "user_basic", "im"}})
	for range 2 {
		if told, err := o.Notify(t.Context(), Notice{UserID: 1, Text: "Calls fail.", Tag: "incident 7"}); err != nil || !told {
			t.Fatalf("%v, %v", told, err)
		}
	}
	if told, err := o.Notify(t.Context(), Notice{UserID: 99, Text: "x", Tag: "y"}); err != nil || told {
		t.Errorf("nobody: %v, %v", told, err)
	}
	if got := o.portal.Notices(); len(got) != 1 || got[0].UserID != 1 || got[0].Text != "Calls fail." {
		t.Errorf("notices = %+v", got)
	}
	o.portal.SetScopes("crm")
	if _, err := o.Notify(t.Context(), Notice{UserID: 1, Text: "x"}); !errors.Is(err, InsufficientScope) {
		t.Errorf("without the scope: %v", err)
	}
}

func TestWhoIsAskedIsNoAdministratorAndBindingsAreToldByOneWhoIs(t *testing.T) {
	told := func(owner, rows string) string {
		return `{"result":{"result":{"owner":` + owner + `,"mode":1,"events":[` + rows + `],"placements":[]}}}`
	}
	want := Setup{EventHandler: handler, Events: []string{ExternalCallStart}}
	bound := `{"event":"ONEXTERNALCALLSTART","handler":"` + handler + `","auth_type":"0"}`
	system, boris := told(`{"ID":"512","ADMIN":false}`, ""), told(`{"ID":"30","ADMIN":true}`, bound)
	tests := []struct {
		name    string
		gone    []int64
		answers []string
		auths   []string
		owner   int64
		is      error // of what only an administrator is told
	}{
		{"another administrator tells of them", []int64{1}, []string{system, boris}, []string{"access-512", "access-30"}, 512, nil},
		{"nobody does", []int64{1, 30}, []string{system}, []string{"access-512"}, 512, AccessDenied},
		{"who was one is not asked again", []int64{512}, []string{told(`{"ID":"1","ADMIN":false}`, ""), boris}, []string{"access-1", "access-30"}, 30, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, s := withPairs(t, tt.answers...)
			d.without(tt.gone...)
			got, err := d.Condition(t.Context(), want)
			if err != nil || got.Owner.Value.UserID != tt.owner || got.Mode.Value != crm.Classic {
				t.Errorf("%v, condition = %+v", err, got)
			}
			if !errors.Is(got.Events.Err, tt.is) || !errors.Is(got.Placements.Err, tt.is) || len(got.Events.Value) != 0 {
				t.Errorf("events %+v, placements %+v", got.Events, got.Placements)
			}
			if diff := cmp.Diff(tt.auths, s.auths()); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}
