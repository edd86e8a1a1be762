package main

import (
	"slices"
	"testing"

	"callwise/app/b24/b24sim"
	"callwise/app/crm"
)

// The language of a frame and the zone of a profile are those of whoever opens it.
func TestAnAdministratorFromElsewhereLeavesThePortalWhereItIs(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		bob := b24sim.User{ID: 30, Name: "Bob", Admin: true, Language: "en", TimeZone: "America/New_York"}
		r := newRig(t, address, b24sim.PortalConfig{RepeatSales: true, Language: "de", Users: append(employees(), bob)})
		r.switches("cob")
		mia := r.mia("+4930901821")
		r.open(r.frame(bob.ID, "DEFAULT"))
		if p := r.stored(); p.Lang != "de" || p.Country() != "DE" || p.TimeZone != "Europe/Berlin" {
			t.Errorf("the portal is in %s, %s and %s after the visit", p.Lang, p.Country(), p.TimeZone)
		}
		r.tell(started("c1", "incoming", "030 901821"), answered("c1", "104"), ended("c1", "answered", 12))
		r.finished(1)
		if got, want := r.portal.Activities()[0].Bindings, []crm.Ref{mia}; !slices.Equal(got, want) {
			t.Errorf("the call is logged to %v, want %v", got, want)
		}
	})
}

func TestThePortalsOwnLanguageCounts(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		users := employees()
		users[0].Language = "en" // who installs
		users[2].Mobile = "0171 1234567"
		r := newRig(t, address, b24sim.PortalConfig{Language: "de", Users: users})
		if p := r.stored(); p.Lang != "de" || p.Country() != "DE" {
			t.Errorf("the portal speaks %s and is in %s", p.Lang, p.Country())
		}
		omars, err := r.house.store.EmployeeByUser(t.Context(), r.stored().ID, omar)
		if err != nil || !slices.Equal(omars.Phones, []string{"+491711234567"}) {
			t.Errorf("the employee's numbers are %v, %v", omars, err)
		}
	})
}

// Who installs the app may be a partner from another country.
func TestThePortalIsWhereMostOfItsEmployeesAre(t *testing.T) {
	const berlin, newYork = "Europe/Berlin", "America/New_York"
	for _, tt := range []struct {
		name  string
		zones []string // of the employees; the first installs
		want  string
	}{
		{"most of them elsewhere", []string{berlin, newYork, newYork}, newYork},
		{"half of them elsewhere", []string{berlin, "", newYork, newYork}, berlin},
		{"in a zone that nobody knows", []string{berlin, "Mars/Olympus", "Mars/Olympus"}, berlin},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, address string) {
				users := append(employees(), b24sim.User{ID: 30, Name: "Bob"})[:len(tt.zones)]
				for i, zone := range tt.zones {
					users[i].TimeZone = zone
				}
				r := newRig(t, address, b24sim.PortalConfig{Users: users})
				if got := r.stored().TimeZone; got != tt.want {
					t.Errorf("the portal is in %s, want %s", got, tt.want)
				}
			})
		})
	}
}
