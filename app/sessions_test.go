package main

import (
	"html"
	"net/http"
	"strings"
	"testing"
	"time"

	"callwise/handlers"
)

// visitorOf is the rig's administrator.
func visitorOf(r *rig) handlers.Visitor {
	p := r.stored()
	return handlers.Visitor{PortalID: p.ID, UserID: admin, Admin: true, Lang: "en", Removals: p.Removals}
}

// aged is a session of the rig's portal that was issued half an hour ago.
func (r *rig) aged(user int64, asAdmin bool) string {
	r.t.Helper()
	visitor := visitorOf(r)
	visitor.UserID, visitor.Admin = user, asAdmin
	return signed(r.t, time.Now().Add(-30*time.Minute), visitor, r.config.EncryptionKeys)
}

func TestASessionFromBeforeARemovalOpensNothingAfterTheAppCameBack(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		server := recordings(t)
		r := newRig(t, address, classic)
		old := r.session
		address = html.UnescapeString(match(t, "player", player, r.recorded("c1", server+"/call.mp3")))
		r.portal.Uninstall(false)
		r.deliver()
		r.setUp()
		if got := r.with(old, http.MethodGet, "/settings"); got.status != http.StatusUnauthorized {
			t.Errorf("the old session: %d", got.status)
		}
		if got := r.hear(address, ""); got.status != http.StatusUnauthorized {
			t.Errorf("the old key of a recording: %d", got.status)
		}
		fresh := sessionIn(t, r.open(r.frame(admin, "DEFAULT")))
		if got := r.with(fresh, http.MethodGet, "/settings"); got.status != http.StatusOK {
			t.Errorf("a new session: %d", got.status)
		}
	})
}

func TestARenewedSessionIsWhatItsVisitorIsByNow(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.eventually("the employees are read", func() bool { return r.stored().EmployeesAt != nil })
		renewed := func(user int64, asAdmin bool, path string) (status int, session string) {
			got := r.with(r.aged(user, asAdmin), http.MethodGet, path)
			return got.status, got.header.Get("X-Session")
		}
		if status, session := renewed(admin, true, "/settings"); status != http.StatusOK || r.with(session, http.MethodGet, "/settings").status != http.StatusOK {
			t.Errorf("an administrator: %d, renewed to %q", status, session)
		}
		if status, session := renewed(admin, true, "/settings"); status != http.StatusOK || session != "" {
			t.Errorf("an administrator who was confirmed just now: %d, renewed to %q", status, session)
		}
		if status, session := renewed(anna, false, "/calls"); status != http.StatusOK || r.with(session, http.MethodGet, "/calls").status != http.StatusOK {
			t.Errorf("an employee: %d, renewed to %q", status, session)
		}
		if status, session := renewed(999, false, "/calls"); status != http.StatusOK || session != "" {
			t.Errorf("somebody who is no employee any more: %d, renewed to %q", status, session)
		}
		if status, session := renewed(omar, true, "/settings"); status != http.StatusOK || session != "" {
			t.Errorf("an administrator who left us no tokens: %d, renewed to %q", status, session)
		}
	})
}

func TestAnAdministratorWhoIsNoneAnyMoreLosesTheSettingsWithinTheHour(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.portal.SetAdmin(admin, false)
		got := r.with(r.aged(admin, true), http.MethodGet, "/settings")
		if got.status != http.StatusForbidden {
			t.Errorf("settings: %d", got.status)
		}
		session := got.header.Get("X-Session")
		if got := r.with(session, http.MethodGet, "/settings"); got.status != http.StatusForbidden {
			t.Errorf("settings with the renewed session: %d", got.status)
		}
		if got := r.with(session, http.MethodGet, "/calls"); got.status != http.StatusOK || strings.Contains(got.body, `id="tab-settings"`) {
			t.Errorf("calls with the renewed session: %d", got.status)
		}
	})
}

func TestADismissedAdministratorsSessionIsNotRenewed(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.portal.Dismiss(admin)
		if got := r.with(r.aged(admin, true), http.MethodGet, "/settings"); got.header.Get("X-Session") != "" {
			t.Error("renewed")
		}
	})
}
