package models_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
)

// furnish gives a portal a row in every table, and an open and a finished call.
func furnish(t *testing.T, s *models.Store, memberID string) *models.Portal {
	t.Helper()
	ctx := t.Context()
	p := active(t, s, memberID)
	check(t, s.SetCommandURL(ctx, p.ID, "https://pbx.example/commands"))
	check(t, s.SetCommandSecret(ctx, p.ID, "whsec_of_"+memberID))
	_, _, err := s.AddPBXKey(ctx, p.ID, "Main", 1)
	check(t, err)
	check(t, s.ReplaceEmployees(ctx, p.ID, []models.Employee{{UserID: 17, Name: "Ada", Extension: "104", Active: true}}))
	check(t, s.SaveLine(ctx, models.Line{PortalID: p.ID, Number: "4930"}))
	check(t, s.SaveSettings(ctx, models.SettingsEdit{PortalID: p.ID, Version: 1, Settings: models.DefaultSettings(), UserID: 1}))
	add(t, s, p.ID, event("1", "pbx:p-1", 0))
	c := ensure(t, s, p.ID, "pbx:p-1")
	full(c)
	check(t, s.SaveCall(ctx, c))
	ensure(t, s, p.ID, "pbx:open")
	check(t, s.AddRESTRequests(ctx, models.RESTRequest{PortalID: p.ID, CallID: &c.ID, At: noon, Method: "app.info", Params: json.RawMessage(`{}`)}))
	check(t, s.SaveLogFilter(ctx, p.ID, 17, "text=Ada"))
	check(t, s.Remember(ctx, models.RecentCreation{PortalID: p.ID, PhoneKey: "+49301234567", CallID: c.ID, Refs: []crm.Ref{}, For: time.Minute}))
	audio(t, s, p.ID, "pbx:p-1")
	check(t, s.AddMissing(ctx, p.ID, 7, []models.MissingCall{{CallKey: "b24:lost", Payload: json.RawMessage(`{"PHONE_NUMBER":"+49301234567"}`), Began: 1, Seen: 2}}))
	check(t, s.SetUnread(ctx, p.ID, "ACCESS_DENIED"))
	check(t, s.Wake(ctx, []models.CallArgs{{PortalID: p.ID, CallKey: "pbx:p-1"}}))
	check(t, s.EraseCall(ctx, erasing(t, s, p, "+49305550199"), erasable(t, s, p.ID)))
	must[bool](t)(s.BeginIncident(ctx, models.Incident{PortalID: p.ID, Kind: models.IncidentAccess}))
	for _, i := range must[[]models.Incident](t)(s.Incidents(ctx, p.ID)) {
		check(t, s.AddAlert(ctx, models.Alert{IncidentID: i.ID, PortalID: p.ID, UserID: 17}))
	}
	must[bool](t)(s.Acquire(ctx, fmt.Sprintf("number:%d:+49301234567", p.ID), "w", time.Minute))
	return p
}

// erasable is a finished call without anything that belongs to it.
func erasable(t *testing.T, s *models.Store, portalID int64) int64 {
	t.Helper()
	c := must[*models.Call](t)(s.EnsureCall(t.Context(), models.Call{
		PortalID: portalID, Kind: models.KindOther, CallKey: "b24:erasable", State: models.CallFinished, StartedAt: noon,
	}))
	return c.ID
}

var portalTables = []string{"tokens", "pbx_keys", "employees", "lines", "events", "calls", "rest_log", "recent_creations", "settings_versions", "log_filters", "recordings", "recording_chunks", "privacy_requests", "erased_calls", "incidents", "alerts", "reconciliations", "missing_calls", "unread_statistics"}

// rows counts what is stored of a portal, jobs and leases of numbers too.
func rows(t *testing.T, s *models.Store, portalID int64) map[string]int {
	t.Helper()
	counts := map[string]int{}
	check(t, s.Transaction(t.Context(), func(tx *gorm.DB) error {
		for _, table := range portalTables {
			var n int
			if err := tx.Raw("SELECT count(*) FROM "+table+" WHERE portal_id = ?", portalID).Scan(&n).Error; err != nil {
				return err
			}
			counts[table] = n
		}
		var leases int
		err := tx.Raw("SELECT count(*) FROM leases WHERE name LIKE ?", fmt.Sprintf("number:%d:%%", portalID)).Scan(&leases).Error
		counts["leases"] = leases
		return err
	}))
	for _, job := range sorted(t, jobs(t, s)) {
		if strings.Contains(job, fmt.Sprintf(`"portal_id":%d}`, portalID)) || strings.Contains(job, fmt.Sprintf(`"portal_id":%d,`, portalID)) {
			counts["jobs"]++
		}
	}
	return counts
}

var furnished = map[string]int{
	"tokens": 1, "pbx_keys": 1, "employees": 1, "lines": 1, "events": 2, "calls": 2, "rest_log": 1, "recent_creations": 1, "settings_versions": 2, "log_filters": 1, "recordings": 1, "recording_chunks": 2, "privacy_requests": 1, "erased_calls": 1, "incidents": 1, "alerts": 1, "reconciliations": 1, "missing_calls": 1, "unread_statistics": 1, "leases": 1, "jobs": 2,
}

// uninstall has a portal forgotten wholly, and returns what was left after the first
// transaction.
func uninstall(t *testing.T, s *models.Store, portalID int64, clean bool) models.ForgetArgs {
	t.Helper()
	rest := must[models.ForgetArgs](t)(s.Uninstall(t.Context(), portalID, clean))
	if !must[bool](t)(s.Forget(t.Context(), rest, s.Now().Add(time.Minute))) {
		t.Fatal("a minute is not enough to forget a portal")
	}
	return rest
}

func TestACleanUninstallationLeavesNothing(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p, twin := furnish(t, s, "one"), furnish(t, s, "two")
		if diff := cmp.Diff(furnished, rows(t, s, p.ID)); diff != "" {
			t.Fatalf("furnished (-want +got):\n%s", diff)
		}
		uninstall(t, s, p.ID, true)
		uninstall(t, s, p.ID, true)
		for table, n := range rows(t, s, p.ID) {
			if n != 0 {
				t.Errorf("%d rows in %s", n, table)
			}
		}
		_, err := s.PortalByID(t.Context(), p.ID)
		wantErr(t, err, models.ErrNotFound)
		if diff := cmp.Diff(furnished, rows(t, s, twin.ID)); diff != "" {
			t.Errorf("the other portal (-want +got):\n%s", diff)
		}
		if again := install(t, s, "one"); again.ID == p.ID {
			t.Error("a portal's id is used again")
		}
	})
}

func TestAnUninstallationKeepsSettingsAndNamelessCalls(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		s.Now = func() time.Time { return noon }
		ctx := t.Context()
		p, twin := furnish(t, s, "one"), furnish(t, s, "two")
		check(t, s.SaveSettings(ctx, models.SettingsEdit{PortalID: p.ID, Version: 2, Settings: models.Settings{CreateEntities: true}}))
		before := must[*models.Portal](t)(s.PortalByID(ctx, p.ID))
		finished := must[*models.Call](t)(s.CallByKey(ctx, p.ID, "pbx:p-1"))
		kept := uninstall(t, s, p.ID, false).KeptAs
		if _, err := s.Uninstall(ctx, p.ID, false); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("uninstalled again: %v", err)
		}
		for table, n := range rows(t, s, p.ID) {
			if n != 0 {
				t.Errorf("%d rows in %s", n, table)
			}
		}

		if diff := cmp.Diff(map[string]int{
			"tokens": 0, "pbx_keys": 0, "employees": 0, "lines": 1, "events": 0, "calls": 2, "rest_log": 0, "recent_creations": 0, "settings_versions": 3, "log_filters": 0, "recordings": 0, "recording_chunks": 0, "privacy_requests": 0, "erased_calls": 0, "incidents": 0, "alerts": 0, "reconciliations": 0, "missing_calls": 0, "unread_statistics": 0, "leases": 0,
		}, rows(t, s, kept)); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
		want := *before
		want.ApplicationToken, want.CommandSecret, want.Status = "", "", models.PortalUninstalled
		want.EmployeesAt, want.InstalledAt, want.UninstalledAt, want.Removals = nil, nil, &noon, 1
		want.ID = kept
		if diff := cmp.Diff(&want, must[*models.Portal](t)(s.Portal(ctx, "one"))); diff != "" {
			t.Errorf("portal (-want +got):\n%s", diff)
		}
		nameless := *finished
		nameless.Attention, nameless.Phone, nameless.PhoneKey, nameless.CustomerName, nameless.Search, nameless.UserID, nameless.Extension = "", "", "", "", "", 0, ""
		nameless.PortalID = kept
		nameless.Case, nameless.Plan, nameless.Records, nameless.RetryAt = nil, nil, nil, nil
		nameless.Progress = models.Progress{Notes: finished.Progress.Notes, DryRun: finished.Progress.DryRun, Excluded: finished.Progress.Excluded, CreateDone: finished.Progress.CreateDone, Removed: true}
		decision := *finished.Decision
		decision.LogTo = []rules.Target{}
		nameless.Decision = &decision
		if diff := cmp.Diff(&nameless, must[*models.Call](t)(s.CallByID(ctx, kept, finished.ID))); diff != "" {
			t.Errorf("call (-want +got):\n%s", diff)
		}
		if open := must[*models.Call](t)(s.CallByKey(ctx, kept, "pbx:open")); open.State != models.CallFailed || open.ErrorCode != "UNINSTALLED" {
			t.Errorf("open call: %s %s", open.State, open.ErrorCode)
		}
		if diff := cmp.Diff(furnished, rows(t, s, twin.ID)); diff != "" {
			t.Errorf("the other portal (-want +got):\n%s", diff)
		}
		again := install(t, s, "one")
		if again.Status != models.PortalInstalling || again.UninstalledAt != nil || !again.Settings.CreateEntities || again.ID != kept {
			t.Errorf("installed again: %+v", again)
		}
	})
}

func TestWhatIsOlderThanItsRetentionIsPurged(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		now := noon
		s.Now = func() time.Time { return now }
		ctx := t.Context()
		p := active(t, s, "one")
		for i, at := range []time.Time{noon, noon.Add(240 * time.Hour)} {
			now = at
			add(t, s, p.ID, event(fmt.Sprint(i), "pbx:a", 0))
			worked(t, s, p.ID, "pbx:a")
			must[*models.Call](t)(s.EnsureCall(ctx, models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: fmt.Sprint(i), StartedAt: at}))
			check(t, s.AddRESTRequests(ctx, models.RESTRequest{PortalID: p.ID, At: at, Method: "app.info"}))
			pass(t, s, 48*time.Hour)
			check(t, s.Remember(ctx, models.RecentCreation{PortalID: p.ID, PhoneKey: fmt.Sprint(i), CallID: 1, Refs: []crm.Ref{}, For: time.Minute}))
			must[bool](t)(s.Acquire(ctx, fmt.Sprintf("number:%d:%d", p.ID, i), "w", time.Minute))
		}
		got := must[models.Purged](t)(s.Purge(ctx, noon.Add(time.Hour), noon.Add(time.Hour)))
		if diff := cmp.Diff(models.Purged{Calls: 1, Events: 1, Requests: 1}, got); diff != "" {
			t.Errorf("purged (-want +got):\n%s", diff)
		}
		want := map[string]int{
			"tokens": 1, "pbx_keys": 0, "employees": 0, "lines": 0, "events": 1, "calls": 1, "rest_log": 1, "recent_creations": 1, "settings_versions": 0, "log_filters": 0, "recordings": 0, "recording_chunks": 0, "privacy_requests": 0, "erased_calls": 0, "incidents": 0, "alerts": 0, "reconciliations": 0, "missing_calls": 0, "unread_statistics": 0, "leases": 1,
		}
		if diff := cmp.Diff(want, rows(t, s, p.ID)); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
		if again := must[models.Purged](t)(s.Purge(ctx, noon, noon)); again != (models.Purged{}) {
			t.Errorf("purged again: %+v", again)
		}
	})
}
