package models_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"callwise/app/call"
	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"
	"callwise/models/modelstest"

	"gorm.io/gorm"
)

// asksRepeat is a call of a client that Bitrix24 was asked to make a repeated lead
// for, and made none.
func asksRepeat() models.Call {
	return models.Call{
		Case:     &rules.Case{Settings: rules.Settings{CRMMode: crm.Classic}, CRM: crm.Snapshot{Contacts: []int64{412}}},
		Decision: &rules.Decision{Create: rules.RepeatedLead, Reason: rules.RepeatContact},
		Plan:     &rules.Plan{Creator: rules.ByPlatform, CRMCreate: true},
		Progress: models.Progress{Notes: []rules.Note{rules.PlatformDeclined}},
	}
}

// decided stores a call that began at a time after noon, and was decided then.
func decided(t *testing.T, s *models.Store, portalID int64, key string, at time.Duration, is models.Call) {
	t.Helper()
	c := must[*models.Call](t)(s.EnsureCall(t.Context(), models.Call{PortalID: portalID, Kind: models.KindPBX, CallKey: key, StartedAt: noon.Add(at)}))
	c.Direction, c.Case, c.Decision, c.Plan, c.Progress = call.Incoming, is.Case, is.Decision, is.Plan, is.Progress
	c.DecidedAt, c.SettingsVersion = ptr(noon.Add(at)), 1
	check(t, s.SaveCall(t.Context(), c))
}

// shown is what calls show of repeat sales mode.
func shown(t *testing.T, s *models.Store, portalID int64) string {
	t.Helper()
	got, err := s.RepeatShown(t.Context(), portalID)
	if errors.Is(err, models.ErrNotFound) {
		return "nothing"
	}
	check(t, err)
	return fmt.Sprintf("%s at %s", map[bool]string{true: "on", false: "off"}[got.On], got.Began.Sub(noon))
}

func TestWhatACallShowsOfRepeatSalesMode(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		for _, tt := range []struct {
			name   string
			key    string
			change func(c *models.Call)
			want   string
		}{
			{"Bitrix24 created nothing", "pbx:1", func(*models.Call) {}, "off at 1h0m0s"},
			{"Bitrix24 created a lead", "pbx:1", func(c *models.Call) {
				c.Progress = models.Progress{Created: []crm.Ref{{Type: crm.TypeLead, ID: 5}}}
			}, "on at 1h0m0s"},
			{"the app's lead is no repeated one", "pbx:1", func(c *models.Call) {
				c.Plan, c.Progress = &rules.Plan{Creator: rules.ByApp}, models.Progress{Repeated: ptr(false)}
			}, "off at 1h0m0s"},
			{"the app's lead is one", "pbx:1", func(c *models.Call) {
				c.Plan, c.Progress = &rules.Plan{Creator: rules.ByApp}, models.Progress{Repeated: ptr(true)}
			}, "on at 1h0m0s"},
			{"of a company", "pbx:1", func(c *models.Call) { c.Case.CRM = crm.Snapshot{Companies: []int64{7}} }, "off at 1h0m0s"},
			{"Bitrix24 could not", "pbx:1", func(c *models.Call) { c.Progress.Register.CreateFailed = true }, "nothing"},
			{"it is not known yet", "pbx:1", func(c *models.Call) { c.Progress.Notes = nil }, "nothing"},
			{"without a card", "pbx:1", func(c *models.Call) { c.Case.CRM.Contacts = nil }, "nothing"},
			{"the app created, and Bitrix24 did not tell", "pbx:1", func(c *models.Call) {
				c.Plan, c.Progress = &rules.Plan{Creator: rules.ByApp}, models.Progress{Created: []crm.Ref{{Type: crm.TypeLead, ID: 5}}}
			}, "nothing"},
			{"a new client", "pbx:1", func(c *models.Call) { c.Decision.Reason = rules.NewCreated }, "nothing"},
			{"in simple mode", "pbx:1", func(c *models.Call) { c.Case.Settings.CRMMode = crm.Simple }, "nothing"},
			{"in dry run", "pbx:1", func(c *models.Call) { c.Progress.DryRun = true }, "nothing"},
			{"a test call", "test:1", func(*models.Call) {}, "nothing"},
		} {
			t.Run(tt.name, func(t *testing.T) {
				p, twin := active(t, s, tt.name), active(t, s, "twin of "+tt.name)
				is := asksRepeat()
				tt.change(&is)
				decided(t, s, p.ID, tt.key, time.Hour, is)
				if got := shown(t, s, p.ID); got != tt.want {
					t.Errorf("%s, want %s", got, tt.want)
				}
				if got := shown(t, s, twin.ID); got != "nothing" {
					t.Errorf("for the other portal: %s", got)
				}
			})
		}
	})
}

func TestTheLastCallShowsHowRepeatSalesModeStandsUntilAnAdministratorDeniesIt(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		s.Now = func() time.Time { return noon }
		p, twin := active(t, s, "one"), active(t, s, "two")
		is := func(what string, want string) {
			t.Helper()
			if got := shown(t, s, p.ID); got != want {
				t.Errorf("%s: %s, want %s", what, got, want)
			}
			if got := shown(t, s, twin.ID); got != "on at 5h0m0s" {
				t.Errorf("%s: for the other portal %s", what, got)
			}
		}
		on := asksRepeat()
		on.Progress = models.Progress{Created: []crm.Ref{{Type: crm.TypeLead, ID: 5}}}
		decided(t, s, twin.ID, "pbx:1", 5*time.Hour, on)
		for i, reason := range []rules.Reason{
			rules.RepeatContact, rules.RepeatClosedDeal, rules.RepeatLeadToDeal, rules.RepeatLeadToContact, rules.RepeatLeadLost,
		} {
			began := time.Duration(i) * time.Minute
			off := asksRepeat()
			off.Decision.Reason = reason
			decided(t, s, p.ID, fmt.Sprint("pbx:off", i), began, off)
			is(string(reason), fmt.Sprint("off at ", began))
		}
		decided(t, s, p.ID, "pbx:on", time.Hour, on)
		is("a later call", "on at 1h0m0s")
		decided(t, s, p.ID, "pbx:off", 2*time.Hour, asksRepeat())
		save := func(of *models.Portal, version int, repeat rules.Repeat) {
			t.Helper()
			settings := models.DefaultSettings()
			settings.RepeatInBitrix24 = repeat
			check(t, s.SaveSettings(t.Context(), models.SettingsEdit{PortalID: of.ID, Version: version, Settings: settings, UserID: 1}))
		}
		save(p, 1, rules.RepeatOn)
		is("other settings were changed", "off at 2h0m0s")
		save(p, 2, rules.RepeatOff)
		is("denied", "nothing")
		save(p, 3, rules.RepeatOn)
		is("and confirmed anew", "nothing")
	})
}

func TestWhatCallsShowOfRepeatSalesModeIsFoundByAnIndexOfTheirPortal(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p, twin := active(t, s, "one"), active(t, s, "two")
		for i := range 60 {
			of := []*models.Portal{p, twin}[i%2]
			is := asksRepeat()
			if i%10 > 1 {
				is.Decision.Reason = rules.OpenEntity
			}
			decided(t, s, of.ID, fmt.Sprint("pbx:", i), time.Duration(i)*time.Minute, is)
		}
		check(t, s.Transaction(t.Context(), func(tx *gorm.DB) error {
			explain := "EXPLAIN QUERY PLAN "
			if tx.Name() == "postgres" {
				explain = "EXPLAIN "
				check(t, tx.Exec("SET LOCAL enable_seqscan = off").Error)
			}
			var plan []map[string]any
			check(t, tx.Raw(explain+models.RepeatQuery(tx, p.ID)).Scan(&plan).Error)
			if said := fmt.Sprint(plan); !strings.Contains(said, "calls_reason") || strings.Contains(said, "B-TREE") || strings.Contains(said, "Sort") {
				t.Errorf("plan: %s", said)
			}
			return nil
		}))
	})
}
