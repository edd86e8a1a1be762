package models_test

import (
	"encoding/json"
	"testing"
	"time"

	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
)

func TestAnInstallationMayBeRepeated(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		s.Now = func() time.Time { return noon }
		first := install(t, s, "one")
		want := &models.Portal{
			ID: first.ID, MemberID: "one", Endpoint: "https://one.bitrix24.com/rest/", AuthHost: "https://oauth.bitrix.info",
			ApplicationToken: "application-token-of-one", Status: models.PortalInstalling, Lang: "de", PortalCountry: "DE",
			TimeZone: "Europe/Berlin", Settings: models.DefaultSettings(), SettingsVersion: 1, CreatedAt: noon, UpdatedAt: noon,
		}
		if diff := cmp.Diff(want, first); diff != "" {
			t.Errorf("portal (-want +got):\n%s", diff)
		}
		twin := install(t, s, "two")
		check(t, s.SaveSettings(t.Context(), models.SettingsEdit{PortalID: first.ID, Version: 1, Settings: models.Settings{CreateEntities: true}}))
		check(t, s.SetStatus(t.Context(), first.ID, models.PortalActive, ""))

		s.Now = func() time.Time { return noon.Add(time.Hour) }
		again := must[*models.Portal](t)(s.SaveInstall(t.Context(), models.Install{MemberID: "one", Endpoint: "https://new.bitrix24.com/rest/"}))
		want.Endpoint, want.Status, want.InstalledAt = "https://new.bitrix24.com/rest/", models.PortalActive, &noon
		want.Settings, want.SettingsVersion = models.Settings{CreateEntities: true}, 2
		want.UpdatedAt = noon.Add(time.Hour)
		if diff := cmp.Diff(want, again); diff != "" {
			t.Errorf("portal installed again (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(twin, must[*models.Portal](t)(s.Portal(t.Context(), "two"))); diff != "" {
			t.Errorf("the other portal changed:\n%s", diff)
		}
	})
}

func TestAPortalKeepsWhatItIsTold(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		s.Now = func() time.Time { return noon }
		p, twin := install(t, s, "one"), install(t, s, "two")
		ctx := t.Context()
		check(t, s.SetApplicationToken(ctx, p.ID, "fresh"))
		check(t, s.SetCommandURL(ctx, p.ID, "https://pbx.example/commands"))
		check(t, s.SetCommandSecret(ctx, p.ID, "whsec_x"))
		check(t, s.SetStatus(ctx, p.ID, models.PortalSuspended, "PAYMENT_REQUIRED"))
		check(t, s.Moved(ctx, p.ID, "https://moved.bitrix24.com/rest/"))
		check(t, s.SetMode(ctx, p.ID, crm.Simple))
		check(t, s.SaveInstallState(ctx, p.ID, "5", "acme.pbx", "crm,telephony", "placement"))
		check(t, s.SetLanguage(ctx, p.ID, "br", "BR"))
		check(t, s.SetTimeZone(ctx, p.ID, "America/Sao_Paulo"))
		want := *p
		want.Lang, want.PortalCountry, want.TimeZone = "br", "BR", "America/Sao_Paulo"
		want.ApplicationToken, want.CommandURL, want.CommandSecret = "fresh", "https://pbx.example/commands", "whsec_x"
		want.Status, want.StatusCode = models.PortalSuspended, "PAYMENT_REQUIRED"
		want.Endpoint, want.CRMMode, want.CRMModeAt = "https://moved.bitrix24.com/rest/", crm.Simple, &noon
		want.RestAppID, want.AppCode, want.Scopes, want.MissingScopes = "5", "acme.pbx", "crm,telephony", "placement"
		if diff := cmp.Diff(&want, must[*models.Portal](t)(s.PortalByID(ctx, p.ID))); diff != "" {
			t.Errorf("portal (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(twin, must[*models.Portal](t)(s.PortalByID(ctx, twin.ID))); diff != "" {
			t.Errorf("the other portal changed:\n%s", diff)
		}
		check(t, s.SetCommandURL(ctx, p.ID, ""))
		if got := must[*models.Portal](t)(s.PortalByID(ctx, p.ID)).CommandURL; got != "" {
			t.Errorf("a removed command URL is %q", got)
		}
		wantErr(t, s.SetStatus(ctx, 999, models.PortalActive, ""), models.ErrNotFound)
		wantErr(t, s.SetCommandURL(ctx, 999, "x"), models.ErrNotFound)
		_, err := s.Portal(ctx, "three")
		wantErr(t, err, models.ErrNotFound)
	})
}

// Who installs, or visits, may be from anywhere, and tells at first only.
func TestAPortalStaysWhereItIsUntilItIsInstalledAnew(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p, twin := active(t, s, "one"), active(t, s, "two")
		from := func(lang, country, zone string) models.Install {
			return models.Install{MemberID: "one", Lang: lang, Country: country, TimeZone: zone}
		}
		isIn := func(in models.Install, lang, country, zone string) {
			t.Helper()
			got := must[*models.Portal](t)(s.SaveInstall(t.Context(), in))
			if got.Lang != lang || got.PortalCountry != country || got.TimeZone != zone {
				t.Errorf("it speaks %s and is in %s and %s, want %s, %s and %s", got.Lang, got.PortalCountry, got.TimeZone, lang, country, zone)
			}
		}
		isIn(from("en", "US", "America/New_York"), "de", "DE", "Europe/Berlin")
		p.ID = uninstall(t, s, p.ID, false).KeptAs
		isIn(from("", "", ""), "de", "DE", "Europe/Berlin")
		p.ID = uninstall(t, s, p.ID, false).KeptAs
		isIn(from("en", "US", "America/New_York"), "en", "US", "America/New_York")
		isIn(from("ru", "RU", "Europe/Moscow"), "en", "US", "America/New_York")
		if diff := cmp.Diff(twin, must[*models.Portal](t)(s.PortalByID(t.Context(), twin.ID))); diff != "" {
			t.Errorf("the other portal changed:\n%s", diff)
		}
	})
}

// Whoever looked at the portal before the removal may still be at work.
func TestAPortalThatTheAppWasRemovedFromIsBroughtBackByAnInstallationOnly(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx, p, twin := t.Context(), active(t, s, "one"), active(t, s, "two")
		p.ID = uninstall(t, s, p.ID, false).KeptAs
		removed := must[*models.Portal](t)(s.PortalByID(ctx, p.ID))
		wantErr(t, s.SetInstalled(ctx, p.ID), models.ErrNotFound)
		for _, status := range models.PortalStatuses {
			wantErr(t, s.SetStatus(ctx, p.ID, status, "X"), models.ErrNotFound)
		}
		if diff := cmp.Diff(removed, must[*models.Portal](t)(s.PortalByID(ctx, p.ID))); diff != "" {
			t.Errorf("the removed portal changed:\n%s", diff)
		}
		if diff := cmp.Diff(twin, must[*models.Portal](t)(s.PortalByID(ctx, twin.ID))); diff != "" {
			t.Errorf("the other portal changed:\n%s", diff)
		}
		install(t, s, "one")
		check(t, s.SetInstalled(ctx, p.ID))
		if got := must[*models.Portal](t)(s.PortalByID(ctx, p.ID)); got.Status != models.PortalActive {
			t.Errorf("the portal is %s after an installation", got.Status)
		}
	})
}

func TestOfTwoAdministratorsWhoSaveSettingsTheSecondIsTold(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p, twin := install(t, s, "one"), install(t, s, "two")
		chosen := models.Settings{RepeatedLeads: true, RepeatInBitrix24: rules.RepeatOn, OtherApps: true, DefaultCountry: "AT"}
		check(t, s.SaveSettings(t.Context(), models.SettingsEdit{PortalID: p.ID, Version: 1, Settings: chosen}))
		wantErr(t, s.SaveSettings(t.Context(), models.SettingsEdit{PortalID: p.ID, Version: 1, Settings: models.Settings{}}), models.ErrConflict)
		wantErr(t, s.SaveSettings(t.Context(), models.SettingsEdit{PortalID: 999, Version: 1, Settings: models.Settings{}}), models.ErrNotFound)
		got := must[*models.Portal](t)(s.PortalByID(t.Context(), p.ID))
		if got.SettingsVersion != 2 || !cmp.Equal(got.Settings, chosen) || got.Country() != "AT" {
			t.Errorf("version %d, settings %+v, country %s", got.SettingsVersion, got.Settings, got.Country())
		}
		if other := must[*models.Portal](t)(s.PortalByID(t.Context(), twin.ID)); !cmp.Equal(other.Settings, models.DefaultSettings()) {
			t.Errorf("the other portal's settings changed: %+v", other.Settings)
		}
	})
}

func TestAbsentSettingsHaveTheirDefaults(t *testing.T) {
	var got models.Settings
	check(t, json.Unmarshal([]byte(`{"create_entities":true}`), &got))
	want := models.DefaultSettings()
	want.CreateEntities = true
	if !cmp.Equal(got, want) {
		t.Errorf("settings %+v, want %+v", got, want)
	}
}

func TestPortalsAreReadPageByPage(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		one, two := install(t, s, "one"), install(t, s, "two")
		var portals []*models.Portal
		for _, sealed := range must[[]models.SealedPortal](t)(s.Portals(t.Context(), 0)) {
			portals = append(portals, must[*models.Portal](t)(sealed.Open()))
		}
		if diff := cmp.Diff([]*models.Portal{one, two}, portals); diff != "" {
			t.Errorf("portals (-want +got):\n%s", diff)
		}
		if rest := must[[]models.SealedPortal](t)(s.Portals(t.Context(), two.ID)); len(rest) != 0 {
			t.Errorf("%d portals behind the last", len(rest))
		}
	})
}
