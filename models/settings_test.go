package models_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
)

// chosen are settings in which every value differs from its default.
func chosen() models.Settings {
	return models.Settings{
		CreateEntities: true, OutgoingCalls: true, RepeatedLeads: true, RepeatInBitrix24: rules.RepeatOn,
		OtherApps: true, DryRun: true,
		Responsible: models.Responsible{
			Created: models.OwnerRule{Who: models.OwnerEmployee, Employee: 17, Fallback: 18},
			Missed:  models.OwnerRule{Who: models.OwnerLastTalked, Employee: 19, Fallback: 20},
		},
		Lines: map[string]models.LineRules{"sip:a/b~c": {
			Name: "Sales", Source: "ADVERTISING",
			CreateEntities: models.OverrideOff, OutgoingCalls: models.OverrideOn, RepeatedLeads: models.OverrideOff, Responsible: 21,
		}},
		Callbacks:      models.Callbacks{Duty: []string{"19", "17"}},
		Missed:         models.MissedCalls{Todo: true, Deadline: 60, WorkingHours: true, Days: []string{"6", "7"}, From: "10:00", To: "16:30"},
		Card:           models.CallCard{When: models.CardOnAnswer, Employees: map[int64]models.CardTime{17: models.CardNever}},
		Recovery:       models.RecoverOnClick,
		Recordings:     models.Recordings{Mode: models.RecordingLink, MaxMB: 20},
		Exclusions:     models.Exclusions{Numbers: []string{"+4930*", "112"}, Extensions: []string{"900"}},
		Extensions:     map[string]int64{"104": 17},
		DefaultCountry: "AT", MaskNumbers: true,
	}
}

func TestEverySettingHasAPathAndComesBackFromItsValues(t *testing.T) {
	want := chosen()
	if wrong := want.Check(); len(wrong) > 0 {
		t.Fatalf("wrong: %+v", wrong)
	}
	got, wrong := models.DefaultSettings().With(want.Values())
	if diff := cmp.Diff([]models.SettingError(nil), wrong); diff != "" {
		t.Errorf("wrong (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	if changes := models.DefaultSettings().Changes(want); len(changes) != len(want.Values()) {
		t.Errorf("%d changes of %d values: one is at its default: %+v", len(changes), len(want.Values()), changes)
	}
	back, _ := want.With(models.DefaultSettings().Values())
	if diff := cmp.Diff([]models.SettingChange{
		{"callbacks/duty", "", "19\n17"},
		{"lines/sip:a~1b~0c/name", "", "Sales"}, {"lines/sip:a~1b~0c/source", "", "ADVERTISING"},
		{"lines/sip:a~1b~0c/create_entities", "", "off"}, {"lines/sip:a~1b~0c/outgoing_calls", "", "on"},
		{"lines/sip:a~1b~0c/repeated_leads", "", "off"}, {"lines/sip:a~1b~0c/responsible", "", "21"},
		{"card/employees/17", "", "never"}, {"exclusions/numbers", "", "+4930*\n112"}, {"exclusions/extensions", "", "900"}, {"extensions/104", "", "17"},
	}, models.DefaultSettings().Changes(back)); diff != "" {
		t.Errorf("what is not named stays (-want +got):\n%s", diff)
	}
}

func TestWhatIsWrongWithSettingsIsNamed(t *testing.T) {
	for _, tt := range []struct {
		name, path, value string
		want              models.SettingError
	}{
		{"a setting there is not", "card/colour", "red", models.SettingError{Code: models.UnknownSetting}},
		{"a setting above the others", "missed", "on", models.SettingError{Code: models.UnknownSetting}},
		{"a switch that is neither on nor off", "dry_run", "yes", models.SettingError{Code: models.UnknownChoice}},
		{"an empty switch", "create_entities", "", models.SettingError{Code: models.UnknownChoice}},
		{"a twin there is not", "repeat_in_bitrix24", "maybe", models.SettingError{Code: models.UnknownChoice}},
		{"letters for a number", "missed/deadline", "soon", models.SettingError{Code: models.NotANumber}},
		{"no deadline", "missed/deadline", "0", models.SettingError{Code: models.OutOfRange, Least: 1, Most: 10080}},
		{"a deadline after a week", "missed/deadline", "10081", models.SettingError{Code: models.OutOfRange, Least: 1, Most: 10080}},
		{"a time that is none", "missed/from", "24:00", models.SettingError{Code: models.NotATime}},
		{"a time without its zero", "missed/to", "9:00", models.SettingError{Code: models.NotATime}},
		{"an end before the beginning", "missed/to", "08:59", models.SettingError{Code: models.EndsBefore}},
		{"a day there is not", "missed/days", "8", models.SettingError{Code: models.UnknownChoice}},
		{"an owner there is not", "responsible/created/who", "last_talked", models.SettingError{Code: models.UnknownChoice}},
		{"an employee who is not named", "responsible/missed/who", "employee", models.SettingError{Code: models.NobodyNamed}},
		{"somebody on duty without an id", "callbacks/duty", "17\nAnna", models.SettingError{Code: models.NotANumber}},
		{"a line's employee without an id", "lines/4930/responsible", "-1", models.SettingError{Code: models.NotANumber}},
		{"an override there is not", "lines/4930/create_entities", "inherited", models.SettingError{Code: models.UnknownChoice}},
		{"a source there cannot be", "lines/4930/source", "a b", models.SettingError{Code: models.UnknownChoice}},
		{"a card time there is not", "card/when", "later", models.SettingError{Code: models.UnknownChoice}},
		{"a card for nobody", "card/employees/x", "ring", models.SettingError{Code: models.UnknownSetting}},
		{"a recording mode there is not", "recordings/mode", "burn", models.SettingError{Code: models.UnknownChoice}},
		{"a negative limit", "recordings/max_mb", "-1", models.SettingError{Code: models.OutOfRange, Most: 1000}},
		{"an excluded word", "exclusions/numbers", "+49 30 1234567\nmother", models.SettingError{Code: models.NotAPhone, Item: "mother"}},
		{"one excluded digit", "exclusions/numbers", "1*", models.SettingError{Code: models.NotAPhone, Item: "1*"}},
		{"an excluded extension without end", "exclusions/extensions", strings.Repeat("ж", 101), models.SettingError{Code: models.ValueTooLong, Most: 100}},
		{"a long line that is no number", "exclusions/numbers", strings.Repeat("x", 60), models.SettingError{Code: models.NotAPhone, Item: strings.Repeat("x", 40) + "…"}},
		{"a country there is not", "default_country", "XX", models.SettingError{Code: models.UnknownCountry}},
		{"an extension of nobody", "extensions/104", "-1", models.SettingError{Code: models.NobodyNamed}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, wrong := models.DefaultSettings().With(map[string]string{tt.path: tt.value})
			if len(wrong) == 0 {
				t.Fatal("nothing is wrong")
			}
			got := wrong[0]
			got.Path = "" // an extension's stands where the family does
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("wrong (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTwoEditsAreJoined(t *testing.T) {
	base := models.DefaultSettings()
	theirs, _ := base.With(map[string]string{"create_entities": "on", "missed/deadline": "60", "card/when": "never", "extensions/104": "17"})
	mine, _ := base.With(map[string]string{"repeated_leads": "on", "missed/deadline": "15", "card/when": "never"})
	merged, both := base.Merge(theirs, mine)
	want, _ := base.With(map[string]string{
		"create_entities": "on", "repeated_leads": "on", "missed/deadline": "15", "card/when": "never", "extensions/104": "17",
	})
	if diff := cmp.Diff(want, merged); diff != "" {
		t.Errorf("merged (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"missed/deadline"}, both); diff != "" {
		t.Errorf("changed by both (-want +got):\n%s", diff)
	}
}

func TestALineMayHaveRulesOfItsOwn(t *testing.T) {
	s := models.DefaultSettings()
	s.CreateEntities, s.OutgoingCalls = true, true
	s.Lines = map[string]models.LineRules{"1": {CreateEntities: models.OverrideOff, RepeatedLeads: models.OverrideOn}}
	for line, want := range map[string]rules.Settings{
		"1": {OutgoingCalls: true, RepeatedLeads: true, RepeatInBitrix24: rules.RepeatUnknown, CRMMode: crm.Classic},
		"2": {CreateEntities: true, OutgoingCalls: true, RepeatInBitrix24: rules.RepeatUnknown, CRMMode: crm.Classic},
	} {
		if got := s.Rules(crm.Classic, line); got != want || s.AutoCreate(line) != (line == "2") {
			t.Errorf("line %s: %+v, Bitrix24 creates: %t", line, got, s.AutoCreate(line))
		}
	}
	s.DryRun = true
	if s.AutoCreate("2") {
		t.Error("Bitrix24 creates in dry run")
	}
}

func TestEverySaveIsAVersion(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p, twin := install(t, s, "one"), install(t, s, "two")
		check(t, s.SaveSettings(ctx, models.SettingsEdit{PortalID: p.ID, Version: 1, Settings: chosen(), UserID: 7}))
		check(t, s.SaveSettings(ctx, models.SettingsEdit{PortalID: p.ID, Version: 2, Settings: models.DefaultSettings(), UserID: 8, RestoredFrom: 1}))
		wantErr(t, s.SaveSettings(ctx, models.SettingsEdit{PortalID: p.ID, Version: 2, Settings: chosen(), UserID: 9}), models.ErrConflict)

		history := must[[]models.SettingsVersion](t)(s.SettingsHistory(ctx, p.ID, 0, 10))
		var told []models.SettingsVersion
		for _, v := range history {
			v.At, v.Settings = noon, models.Settings{}
			told = append(told, v)
		}
		want := []models.SettingsVersion{
			{PortalID: p.ID, Version: 3, UserID: 8, RestoredFrom: 1, At: noon},
			{PortalID: p.ID, Version: 2, UserID: 7, At: noon},
			{PortalID: p.ID, Version: 1, At: noon},
		}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("history (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(chosen(), must[*models.SettingsVersion](t)(s.SettingsAt(ctx, p.ID, 2)).Settings); diff != "" {
			t.Errorf("version 2 (-want +got):\n%s", diff)
		}
		older := must[[]models.SettingsVersion](t)(s.SettingsHistory(ctx, p.ID, 3, 1))
		if len(older) != 1 || older[0].Version != 2 {
			t.Errorf("before version 3: %+v", older)
		}
		if first := must[*models.SettingsVersion](t)(s.SettingsAt(ctx, twin.ID, 1)); !cmp.Equal(first.Settings, models.DefaultSettings()) {
			t.Errorf("the other portal began with %+v", first.Settings)
		}
		_, err := s.SettingsAt(ctx, twin.ID, 2)
		wantErr(t, err, models.ErrNotFound)
	})
}

func TestCallsAreCountedByTheVersionThatDecided(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p, twin := install(t, s, "one"), install(t, s, "two")
		for i, portal := range []int64{p.ID, p.ID, twin.ID} {
			c := ensure(t, s, portal, string(rune('a'+i)))
			c.SettingsVersion = 2
			check(t, s.SaveCall(ctx, c))
		}
		if n := must[int](t)(s.CallsDecided(ctx, p.ID, 2)); n != 2 {
			t.Errorf("%d calls, want 2", n)
		}
		if n := must[int](t)(s.CallsDecided(ctx, p.ID, 1)); n != 0 {
			t.Errorf("%d calls under version 1, want 0", n)
		}
	})
}

func TestStoredSettingsOfAnEarlierVersionAreRead(t *testing.T) {
	var got models.Settings
	check(t, json.Unmarshal([]byte(`{"create_entities":true,"missed":{"todo":true}}`), &got))
	want := models.DefaultSettings()
	want.CreateEntities, want.Missed.Todo = true, true
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestTheCardOfNobodyIsNoSetting(t *testing.T) {
	for _, user := range []string{"0", "-3", "07", "abc", "9999999999999999999999"} {
		path := "card/employees/" + user
		next, wrong := models.DefaultSettings().With(map[string]string{path: "never", "create_entities": "on"})
		if diff := cmp.Diff([]models.SettingError{{Path: path, Code: models.UnknownSetting}}, wrong); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
		if len(next.Card.Employees) != 0 || !next.CreateEntities {
			t.Errorf("%s: %v, create entities %t", path, next.Card.Employees, next.CreateEntities)
		}
	}
}

// As long as the largest form: what a form costs grows with its length only.
func TestALongListIsReadAtOnce(t *testing.T) {
	var lines strings.Builder
	for i := range 85_000 {
		fmt.Fprintf(&lines, "%d\n", 10_000+i)
	}
	begin := time.Now()
	_, wrong := models.DefaultSettings().With(map[string]string{"exclusions/numbers": lines.String()})
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("it took %s", took)
	}
	if diff := cmp.Diff([]models.SettingError{{Path: "exclusions/numbers", Code: models.TooMany, Most: 500}}, wrong); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
}
