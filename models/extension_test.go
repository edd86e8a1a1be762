package models_test

import (
	"errors"
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"
)

func TestTheAdministratorsWordOnExtensionsWins(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		check(t, s.ReplaceEmployees(ctx, p.ID, []models.Employee{
			{UserID: 17, Name: "Ada", Extension: "104", Active: true}, {UserID: 18, Name: "Bob", Extension: "105", Active: true},
			{UserID: 19, Name: "Gone", Extension: "106"},
		}))
		p.Settings.Extensions = map[string]int64{"104": 18, "7001": 17, "700": 17, "701": 17, "105": 19}
		twin.Settings.Extensions = p.Settings.Extensions
		for extension, want := range map[string]int64{"104": 18, "700": 17, "105": 18, "106": 0, "": 0} {
			e, err := s.EmployeeAt(ctx, p, extension)
			if want == 0 {
				wantErr(t, err, models.ErrNotFound)
				continue
			}
			if err != nil || e.UserID != want {
				t.Errorf("at %q: %+v, %v, want %d", extension, e, err, want)
			}
			if _, err := s.EmployeeAt(ctx, twin, extension); !errors.Is(err, models.ErrNotFound) {
				t.Errorf("at %q of the other portal: %v", extension, err)
			}
		}
		for name, tt := range map[string]struct {
			user       int64
			inBitrix24 string
			want       string
		}{
			"the shortest of three":                      {17, "104", "700"},
			"the only one":                               {18, "105", "104"},
			"Bitrix24's":                                 {1, "101", "101"},
			"one that is somebody else's now":            {1, "104", ""},
			"one that was given to somebody who is gone": {1, "105", ""},
			"none": {1, "", ""},
		} {
			if got, err := s.ExtensionOf(ctx, p, tt.user, tt.inBitrix24); err != nil || got != tt.want {
				t.Errorf("%s = %q, %v, want %q", name, got, err, tt.want)
			}
		}
	})
}

func TestWhoLastTalkedWithANumber(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		talk := func(portalID int64, key, phone string, minute int, user int64, answered bool) int64 {
			at := noon.Add(time.Duration(minute) * time.Minute)
			c := models.Call{PortalID: portalID, Kind: models.KindPBX, CallKey: key, PhoneKey: phone, StartedAt: at, UserID: user}
			if answered {
				c.AnsweredAt = &at
			}
			return must[*models.Call](t)(s.EnsureCall(ctx, c)).ID
		}
		talk(p.ID, "pbx:1", "+49301", 1, 17, true)
		last := talk(p.ID, "pbx:2", "+49301", 2, 18, true)
		talk(p.ID, "pbx:3", "+49301", 3, 19, false)
		talk(p.ID, "pbx:4", "+49301", 4, 0, true)
		talk(p.ID, "test:5", "+49301", 5, 20, true)
		talk(p.ID, "pbx:6", "+49302", 6, 21, true)
		talk(twin.ID, "pbx:7", "+49301", 7, 22, true)
		for name, tt := range map[string]struct {
			portal, except, want int64
			phone                string
		}{
			"the newest answered call": {p.ID, 0, 18, "+49301"},
			"another call":             {p.ID, last, 17, "+49301"},
			"another number":           {p.ID, 0, 21, "+49302"},
			"nobody":                   {p.ID, 0, 0, "+49303"},
			"the other portal":         {twin.ID, 0, 22, "+49301"},
		} {
			if got, err := s.LastTalked(ctx, tt.portal, tt.phone, tt.except); err != nil || got != tt.want {
				t.Errorf("%s: %d, %v, want %d", name, got, err, tt.want)
			}
		}
	})
}

func TestACallIsOpenedWithItsEventsOrNotAtAll(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		event := func(key, payload string) models.Event {
			return models.Event{Source: models.SourceCallwise, EventKey: key, CallKey: "test:1", Type: "call.started", Payload: []byte(payload), HappenedAt: noon}
		}
		c := models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: "test:1", Progress: models.Progress{DryRun: true}}
		if _, err := s.OpenCall(ctx, c, []models.Event{event("a", "{}"), event("b", "{")}); err == nil {
			t.Error("an event that is no JSON was taken")
		}
		_, err := s.CallByKey(ctx, p.ID, "test:1")
		wantErr(t, err, models.ErrNotFound)
		first := must[*models.Call](t)(s.OpenCall(ctx, c, []models.Event{event("a", "{}"), event("b", "{}")}))
		again := must[*models.Call](t)(s.OpenCall(ctx, c, []models.Event{event("a", "{}"), event("b", "{}")}))
		if again.ID != first.ID || !first.Progress.DryRun {
			t.Errorf("calls %+v, %+v, want one in dry run", first, again)
		}
		if n := len(must[[]models.Event](t)(s.EventsOf(ctx, p.ID, "test:1"))); n != 2 {
			t.Errorf("%d events, want 2", n)
		}
		if n := len(must[[]models.Event](t)(s.EventsOf(ctx, twin.ID, "test:1"))); n != 0 {
			t.Errorf("the other portal has %d events", n)
		}
	})
}
