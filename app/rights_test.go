package main

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"callwise/app/b24"
	"callwise/app/b24/b24sim"
	"callwise/app/callflow"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
)

// officeOfTwo is a portal with two administrators and, if wanted, the app's own account.
func officeOfTwo(systemUser bool) b24sim.PortalConfig {
	return b24sim.PortalConfig{RepeatSales: true, SystemUser: systemUser, Users: twoAdmins()}
}

// boundFor says of each event of ours in whose names it is bound.
func (r *rig) boundFor() map[string][]int64 {
	bound := map[string][]int64{}
	for _, h := range r.portal.Handlers() {
		if h.URL == r.url+"/b24/events" {
			bound[h.Event] = append(bound[h.Event], h.AuthType)
		}
	}
	return bound
}

// once are the bindings by which every event comes once.
func once() map[string][]int64 {
	bound := map[string][]int64{}
	for _, event := range callflow.Events {
		bound[strings.ToUpper(event)] = []int64{0}
	}
	return bound
}

// boundOnce looks after the handlers, and checks that every event is bound once.
func (r *rig) boundOnce() {
	r.t.Helper()
	if err := r.house.flow.MendHandlers(r.t.Context(), r.stored().ID); err != nil {
		r.t.Error(err)
	}
	if diff := cmp.Diff(once(), r.boundFor()); diff != "" {
		r.t.Errorf("bindings (-want +got):\n%s", diff)
	}
}

// comesOnce clicks on a number and checks that we hear of it once.
func (r *rig) comesOnce() {
	r.t.Helper()
	before := len(r.portal.Deliveries())
	r.portal.Click(b24sim.Click{UserID: anna, Phone: "+4930901829"})
	r.deliver()
	came := 0
	for _, d := range r.portal.Deliveries()[before:] {
		if d.Event == "ONEXTERNALCALLSTART" {
			came++
		}
	}
	if came != 1 {
		r.t.Errorf("the click came %d times", came)
	}
}

// alive are the users whose pairs live, in the order in which they are used.
func (r *rig) alive() []int64 {
	r.t.Helper()
	var users []int64
	for _, token := range r.tokens() {
		users = append(users, token.UserID)
	}
	return users
}

// systemUser is the app's own account.
func (r *rig) systemUser() int64 {
	r.t.Helper()
	var user int64
	r.eventually("the app's own account has access", func() bool {
		for _, token := range r.tokens() {
			if token.Kind == models.TokenSystem {
				user = token.UserID
			}
		}
		return user != 0
	})
	return user
}

// bindsAs binds all events in the name of a user who is no administrator, but that
// of the installation: a portal may have bound that itself.
func (r *rig) bindsAs(user int64) {
	r.t.Helper()
	access, _ := r.portal.Token(user)
	for _, event := range slices.DeleteFunc(slices.Clone(callflow.Events), func(e string) bool { return e == b24.AppInstall }) {
		form := url.Values{"auth": {access}, "event": {event}, "handler": {r.url + "/b24/events"}}
		if status, body := r.do(http.MethodPost, r.portal.Endpoint()+"event.bind", form, ""); status != http.StatusOK {
			r.t.Fatalf("event.bind: %d %s", status, body)
		}
	}
}

func TestWithTheInstallerGoneEveryEventStillComesOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, officeOfTwo(true))
		other := r.neighbour("other")
		before := other.boundFor()
		system := r.systemUser()
		mia := r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
		r.portal.Dismiss(admin)
		r.open(r.frame(second, "DEFAULT"))
		r.boundOnce()
		r.comesOnce()
		r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
		r.eventually("the call is logged", func() bool { return len(r.portal.ActivitiesOf(contact(mia))) == 1 })
		if diff := cmp.Diff([]int64{system, second}, r.alive()); diff != "" {
			t.Errorf("access (-want +got):\n%s", diff)
		}
		if _, err := r.house.flow.Client(r.stored()).Statistics(t.Context(), 0); err != nil {
			t.Errorf("statistics: %v", err)
		}
		if got := r.stored().Status; got != models.PortalActive {
			t.Errorf("the portal is %s", got)
		}
		if diff := cmp.Diff(before, other.boundFor()); diff != "" {
			t.Errorf("the other portal's bindings (-before +after):\n%s", diff)
		}
	})
}

func TestTheAppsOwnAccountAloneBindsNothingAndCallsGoOn(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, officeOfTwo(true))
		system := r.systemUser()
		mia := r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
		r.portal.Dismiss(admin)
		r.boundOnce()
		r.comesOnce()
		r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
		r.eventually("the call is logged", func() bool { return len(r.portal.ActivitiesOf(contact(mia))) == 1 })
		r.worked("c1")
		client := r.house.flow.Client(r.stored())
		asked := len(r.sim.Requests())
		if err := client.RejectEmployees(t.Context()); err != nil || len(r.sim.Requests()) != asked {
			t.Errorf("%v after %d requests", err, len(r.sim.Requests())-asked)
		}
		if err := r.house.flow.Refresh(t.Context(), 0); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]int64{system}, r.alive()); diff != "" || r.stored().Status != models.PortalActive {
			t.Errorf("the portal is %s, access (-want +got):\n%s", r.stored().Status, diff)
		}
		told, err := r.house.flow.Condition(t.Context(), r.stored())
		if err != nil || told.Owner.Value.UserID != system || told.Events.Err == nil || told.Lines.Err != nil {
			t.Errorf("%v, condition = %+v", err, told)
		}
		if page := r.asksHealth(); strings.Count(page, "Bitrix24 did not tell: ACCESS_DENIED.") != 2 || strings.Contains(page, "Check again in a minute") {
			t.Errorf("page:\n%s", page)
		}
	})
}

func TestAnInstallerWhoIsNoAdministratorAnyMoreIsNotUsed(t *testing.T) {
	ways := map[string]func(*rig) error{
		"found with the employees": func(r *rig) error { return r.house.flow.Refresh(r.t.Context(), 0) },
		"found with the handlers":  func(r *rig) error { return r.house.flow.MendHandlers(r.t.Context(), r.stored().ID) },
	}
	eachDatabase(t, func(t *testing.T, _ string) {
		for name, find := range ways {
			t.Run(name, func(t *testing.T) {
				r := newRig(t, freshDatabase(t), officeOfTwo(false))
				r.open(r.frame(second, "DEFAULT"))
				other := r.neighbour("other")
				access, before := other.alive(), other.boundFor()
				r.portal.SetAdmin(admin, false)
				if err := find(r); err != nil {
					t.Error(err)
				}
				if diff := cmp.Diff([]int64{second}, r.alive()); diff != "" || r.stored().Status != models.PortalActive {
					t.Errorf("the portal is %s, access (-want +got):\n%s", r.stored().Status, diff)
				}
				r.boundOnce()
				r.comesOnce()
				if _, err := r.house.flow.Client(r.stored()).Statistics(t.Context(), 0); err != nil {
					t.Errorf("statistics: %v", err)
				}
				if diff := cmp.Diff(access, other.alive()); diff != "" {
					t.Errorf("the other portal's access (-before +after):\n%s", diff)
				}
				if diff := cmp.Diff(before, other.boundFor()); diff != "" {
					t.Errorf("the other portal's bindings (-before +after):\n%s", diff)
				}
			})
		}
	})
}

func TestWithNoAdministratorLeftThePortalWaitsForOneAndThenCatchesUp(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, officeOfTwo(false))
		other := r.neighbour("other")
		r.portal.SetAdmin(admin, false)
		if err := r.house.flow.MendHandlers(t.Context(), r.stored().ID); err != nil {
			t.Error(err)
		}
		if got := r.stored(); got.Status != models.PortalReauth || got.StatusCode != string(b24.AccessDenied) {
			t.Errorf("the portal is %s %q", got.Status, got.StatusCode)
		}
		if page := r.page("/calls"); !strings.Contains(page, "The employee who connected the application is no administrator any more") {
			t.Error("the page does not say why")
		}
		if page := r.inRussian("/calls"); !strings.Contains(page, "Сотрудник, который подключил приложение, больше не администратор") {
			t.Error("the page does not say why in Russian")
		}
		r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
		if n := len(r.portal.Statistics()); n != 0 {
			t.Errorf("%d calls were logged with the rights of an employee", n)
		}
		r.session = sessionIn(t, r.open(r.frame(second, "DEFAULT")))
		r.eventually("the call is logged", func() bool { return len(r.portal.Statistics()) == 1 })
		r.boundOnce()
		r.comesOnce()
		if got := other.stored().Status; got != models.PortalActive {
			t.Errorf("the other portal is %s", got)
		}
	})
}

func TestARefusalInPassingTakesNobodysAccess(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, officeOfTwo(true))
		system := r.systemUser()
		for _, fault := range []b24sim.Fault{
			{Method: "batch", Act: b24sim.Refuse, Status: http.StatusUnauthorized, Code: "user_access_error"},
			{Method: "batch", Act: b24sim.Refuse, Status: http.StatusForbidden, Code: "ACCESS_DENIED"},
			{Method: "profile", Act: b24sim.Refuse, Code: "OPERATION_TIME_LIMIT"}, // last: it has the method left alone for a while
		} {
			fault.Portal, fault.Times = r.portal.Name(), -1
			injected := r.sim.Inject(fault)
			err := r.house.flow.Client(r.stored()).RejectEmployees(t.Context())
			if injected.Hits() == 0 {
				t.Errorf("%s was not met: %v", fault.Code, err)
			}
			injected.Remove()
		}
		if diff := cmp.Diff([]int64{admin, system}, r.alive()); diff != "" || r.stored().Status != models.PortalActive {
			t.Errorf("the portal is %s, access (-want +got):\n%s", r.stored().Status, diff)
		}
	})
}

// An earlier version bound all events once more, as the app's own account.
func TestEventsThatWereBoundTwiceAreBoundOnceWhenAnAdministratorOpensTheApp(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, officeOfTwo(true))
		other := r.neighbour("other")
		other.bindsAs(anna)
		twice := other.boundFor()
		r.bindsAs(r.systemUser())
		r.bindsAs(omar)
		if n := len(r.boundFor()["ONEXTERNALCALLSTART"]); n != 3 {
			t.Fatalf("the event is bound %d times", n)
		}
		r.open(r.frame(admin, "DEFAULT"))
		r.eventually("every event is bound once", func() bool {
			return maps.EqualFunc(r.boundFor(), once(), func(a, b []int64) bool { return slices.Equal(a, b) })
		})
		r.comesOnce()
		if diff := cmp.Diff(twice, other.boundFor()); diff != "" {
			t.Errorf("the other portal's bindings (-before +after):\n%s", diff)
		}
	})
}
