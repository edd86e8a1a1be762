package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"callwise/app/b24/b24sim"

	"gorm.io/gorm"
)

// reads is how often the portal was asked for its employees.
func (r *rig) reads() int { return r.sim.Count(r.portal.Name(), "user.get") }

// employeesRead makes the list of employees as old as age.
func (r *rig) employeesRead(age time.Duration) {
	r.t.Helper()
	err := r.house.store.Transaction(r.t.Context(), func(tx *gorm.DB) error {
		return tx.Exec("UPDATE portals SET employees_at = ?", time.Now().UTC().Add(-age)).Error
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

func TestAnExtensionThatSomebodyHasJustBeenGivenIsKnownOnTheFirstCall(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.portal.SetExtension(omar, "205")
		r.employeesRead(2 * time.Minute)
		before := r.reads()
		call := func(id, extension string) {
			last := ended(id, "answered", 5)
			last["extension"] = extension
			r.tell(started(id, "incoming", "+4930901821", map[string]any{"extensions": []string{extension}}), last)
		}
		call("c1", "205")
		r.finished(1)
		if s := r.portal.Statistics(); len(s) != 1 || s[0].UserID != omar {
			t.Errorf("statistics = %+v, want a call of Omar's", s)
		}
		if n := r.reads() - before; n != 1 {
			t.Errorf("employees were read %d times, want once", n)
		}
		r.employeesRead(2 * time.Minute)
		call("c2", "999")
		call("c3", "998")
		r.finished(3)
		if n := r.reads() - before; n != 1 {
			t.Errorf("employees were read %d times within a minute, want once", n)
		}
		if page := r.page("/calls?attention=unmapped"); strings.Count(page, `<tr id="call-`) != 2 {
			t.Error("the two calls of nobody's extensions do not need attention")
		}
		if n := len(r.portal.Statistics()); n != 3 {
			t.Errorf("%d calls in Bitrix24, want all three", n)
		}
	})
}

func TestACallThatGoesToNobodysExtensionIsNoLongerItsFirstUsers(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.tell(started("c1", "incoming", "+4930901821", map[string]any{"extensions": []string{"104"}}))
		r.registered(1)
		if user := r.call("pbx:c1").UserID; user != anna {
			t.Fatalf("the call is user %d's, want Anna's", user)
		}
		r.employeesRead(2 * time.Minute) // so the portal is asked while the row changes
		last := ended("c1", "answered", 5)
		last["extension"] = "999"
		before := r.reads()
		r.tell(last)
		r.finished(1)
		if c := r.call("pbx:c1"); c.UserID != 0 || c.Extension != "999" || r.reads() != before+1 {
			t.Errorf("the call is user %d's at %s, employees were read %d times; want nobody's at 999, and once", c.UserID, c.Extension, r.reads()-before)
		}
	})
}

func TestAPortalThatDoesNotTellItsEmployeesLosesNoCall(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.employeesRead(2 * time.Minute)
		r.sim.Inject(b24sim.Fault{Portal: "acme", Method: "user.get", Times: -1, Act: b24sim.Refuse, Status: 403, Code: "ACCESS_DENIED"})
		last := ended("c1", "answered", 5)
		last["extension"] = "999"
		r.tell(started("c1", "incoming", "+4930901821", map[string]any{"extensions": []string{"999"}}), last)
		r.finished(1)
		if n := len(r.portal.Statistics()); n != 1 {
			t.Errorf("%d calls in Bitrix24, want one", n)
		}
	})
}

func TestATimeThatIsStillToComeKeepsNobodyFromReadingTheEmployees(t *testing.T) {
	const month = 30 * 24 * time.Hour
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		for _, tt := range []struct {
			name string
			read func()
		}{
			{"each hour", func() {
				if err := r.house.flow.Refresh(t.Context(), time.Hour); err != nil {
					t.Error(err)
				}
			}},
			{"for an extension that nobody knows", func() {
				last := ended("c1", "answered", 5)
				last["extension"] = "999"
				r.tell(started("c1", "incoming", "+4930901821", map[string]any{"extensions": []string{"999"}}), last)
				r.finished(1)
			}},
			{"for an administrator", func() { r.submit(r.session, "/settings/employees/read", 200, r.form()) }},
		} {
			r.employeesRead(-month)
			before := r.reads()
			if tt.read(); r.reads() != before+1 {
				t.Errorf("%s: read %d times, want once", tt.name, r.reads()-before)
			}
		}
	})
}

func TestEmployeesWhoHaveLeftOrHaveNoNameOrNumberDoNoHarm(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		users := append(employees(),
			b24sim.User{ID: 31},
			b24sim.User{ID: 32, Name: "Gone", Extension: "104", Dismissed: true},
			b24sim.User{ID: 33, Name: "Second", Extension: " 104 "},
			b24sim.User{ID: 34, Extension: "106"},
		)
		r := newRig(t, address, b24sim.PortalConfig{RepeatSales: true, Users: users})
		last := ended("c2", "answered", 5)
		last["extension"] = "106"
		r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "answered", 5))
		r.finished(1)
		r.tell(started("c2", "incoming", "+4930901822", map[string]any{"extensions": []string{"106"}}), last)
		r.finished(2)
		s := r.portal.Statistics()
		if len(s) != 2 || s[0].UserID != anna || s[1].UserID != 34 {
			t.Errorf("statistics = %+v, want calls of who came first and of who has no name", s)
		}
		r.page("/settings")
	})
}

func TestEmployeesAreReadEachHourAndNotAllPortalsTogether(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		for _, tt := range []struct {
			age  time.Duration
			want int
		}{{0, 0}, {49 * time.Minute, 0}, {time.Hour, 1}} {
			r.employeesRead(tt.age)
			before := r.reads()
			if err := r.house.flow.Refresh(t.Context(), time.Hour); err != nil {
				t.Fatal(err)
			}
			if got := r.reads() - before; got != tt.want {
				t.Errorf("a list of %v: read %d times, want %d", tt.age, got, tt.want)
			}
		}
		seen := map[bool]bool{}
		for range 200 {
			r.employeesRead(55 * time.Minute)
			before := r.reads()
			if err := r.house.flow.Refresh(t.Context(), time.Hour); err != nil {
				t.Fatal(err)
			}
			if seen[r.reads() > before] = true; len(seen) == 2 {
				return
			}
		}
		t.Errorf("the turn does not come by chance: %v", seen)
	})
}

func TestAPortalThatHangsHoldsUpNobodysEmployees(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		b := r.neighbour("other")
		r.employeesRead(2 * time.Hour)
		hang := func(of *rig) *b24sim.Injected {
			return r.sim.Inject(b24sim.Fault{Portal: of.portal.Name(), Method: "user.get", Act: b24sim.Hold, Times: -1})
		}
		first, second := hang(r), hang(b)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- r.house.flow.Refresh(ctx, time.Hour) }()
		<-first.Reached()
		select {
		case <-second.Reached():
		case err := <-ended:
			t.Fatalf("the second portal is not asked while the first one hangs: %v", err)
		}
		first.Remove()
		second.Remove()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for _, of := range []*rig{r, b} {
			if read := of.stored().EmployeesAt; time.Since(*read) > time.Hour {
				t.Errorf("%s: employees read at %v", of.portal.Name(), read)
			}
		}
	})
}
