package models_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

const schemaAddress = "https://callwise.example.com/settings/schema.json"

func TestAFileOfSettingsComesBackAsItWas(t *testing.T) {
	for name, tt := range map[string]struct{ file, into models.Settings }{
		"everything chosen, into nothing":  {chosen(), models.DefaultSettings()},
		"nothing chosen, into everything":  {models.DefaultSettings(), chosen()},
		"everything chosen, into the same": {chosen(), chosen()},
	} {
		t.Run(name, func(t *testing.T) {
			got, wrong := tt.into.ReadFile(tt.file.File(schemaAddress))
			if diff := cmp.Diff([]models.SettingError(nil), wrong); diff != "" {
				t.Errorf("wrong (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.file, got); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatAFileDoesNotNameStays(t *testing.T) {
	got, wrong := chosen().ReadFile([]byte(`{"version":1,"settings":{"create_entities":false,"card":{"when":"never"}}}`))
	want := chosen()
	want.CreateEntities, want.Card.When = false, models.CardNever
	if diff := cmp.Diff(want, got); diff != "" || len(wrong) > 0 {
		t.Errorf("%+v; settings (-want +got):\n%s", wrong, diff)
	}
}

// brokenFiles are files that are refused; the schema refuses them as well.
var brokenFiles = []struct {
	name, text string
	want       models.SettingError
}{
	{"nothing", ``, models.SettingError{Code: models.NotJSON, Line: 1}},
	{"no JSON", `{"version":1,`, models.SettingError{Code: models.NotJSON, Line: 1}},
	{"no JSON in the third line", "{\n\"version\": 1,\nsettings: {}}", models.SettingError{Code: models.NotJSON, Line: 3}},
	{"a list", `[]`, models.SettingError{Code: models.OtherVersion}},
	{"a name twice", `{"version":1,"version":1,"settings":{}}`, models.SettingError{Code: models.NamedTwice, Item: "version", Line: 1}},
	{"a name twice inside", "{\"version\":1,\"settings\":{\"card\":{\n\"when\":\"ring\",\n\"when\":\"ring\"}}}", models.SettingError{Code: models.NamedTwice, Item: "when", Line: 3}},
	{"a number beyond all", `{"version":1,"settings":{"missed":{"deadline":1e400}}}`, models.SettingError{Path: "missed/deadline", Code: models.WrongShape}},
	{"no version", `{"settings":{}}`, models.SettingError{Code: models.OtherVersion}},
	{"another version", `{"version":2,"settings":{}}`, models.SettingError{Code: models.OtherVersion}},
	{"no settings", `{"version":1}`, models.SettingError{Code: models.OtherVersion}},
	{"a list of settings", `{"version":1,"settings":[]}`, models.SettingError{Path: "settings", Code: models.WrongShape}},
	{"more than settings", `{"version":1,"settings":{},"key":"x"}`, models.SettingError{Path: "key", Code: models.UnknownSetting}},
	{"an unknown setting", `{"version":1,"settings":{"colour":"red"}}`, models.SettingError{Path: "colour", Code: models.UnknownSetting}},
	{"an unknown setting inside", `{"version":1,"settings":{"card":{"colour":"red"}}}`, models.SettingError{Path: "card/colour", Code: models.UnknownSetting}},
	{"a word for a switch", `{"version":1,"settings":{"dry_run":"on"}}`, models.SettingError{Path: "dry_run", Code: models.WrongShape}},
	{"a switch for a word", `{"version":1,"settings":{"card":{"when":true}}}`, models.SettingError{Path: "card/when", Code: models.WrongShape}},
	{"half a minute", `{"version":1,"settings":{"missed":{"deadline":1.5}}}`, models.SettingError{Path: "missed/deadline", Code: models.WrongShape}},
	{"a value for a group", `{"version":1,"settings":{"missed":5}}`, models.SettingError{Path: "missed", Code: models.WrongShape}},
	{"nothing for a group", `{"version":1,"settings":{"lines":null}}`, models.SettingError{Path: "lines", Code: models.WrongShape}},
	{"a word for a list", `{"version":1,"settings":{"exclusions":{"numbers":"112"}}}`, models.SettingError{Path: "exclusions/numbers", Code: models.WrongShape}},
	{"numbers in a list", `{"version":1,"settings":{"exclusions":{"extensions":[900]}}}`, models.SettingError{Path: "exclusions/extensions", Code: models.WrongShape}},
	{"two lines in one", `{"version":1,"settings":{"exclusions":{"numbers":["112\n110"]}}}`, models.SettingError{Path: "exclusions/numbers", Code: models.WrongShape}},
	{"a choice there is not", `{"version":1,"settings":{"recordings":{"mode":"burn"}}}`, models.SettingError{Path: "recordings/mode", Code: models.UnknownChoice}},
	{"too long to wait", `{"version":1,"settings":{"missed":{"deadline":10081}}}`, models.SettingError{Path: "missed/deadline", Code: models.OutOfRange, Least: 1, Most: 10080}},
	{"a time that is none", `{"version":1,"settings":{"missed":{"from":"9:00"}}}`, models.SettingError{Path: "missed/from", Code: models.NotATime}},
	{"a country there is not", `{"version":1,"settings":{"default_country":"XX"}}`, models.SettingError{Path: "default_country", Code: models.UnknownCountry}},
	{"nobody named", `{"version":1,"settings":{"responsible":{"created":{"who":"employee","employee":0}}}}`, models.SettingError{Path: "responsible/created/employee", Code: models.NobodyNamed}},
	{"an extension of nobody", `{"version":1,"settings":{"extensions":{"104":-1}}}`, models.SettingError{Path: "extensions/104", Code: models.NobodyNamed}},
}

func TestABrokenFileIsRefusedAndTheMistakeNamed(t *testing.T) {
	for _, tt := range brokenFiles {
		t.Run(tt.name, func(t *testing.T) {
			_, wrong := models.DefaultSettings().ReadFile([]byte(tt.text))
			if diff := cmp.Diff([]models.SettingError{tt.want}, wrong); diff != "" {
				t.Errorf("wrong (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheSchemaSaysWhatAFileMayHold(t *testing.T) {
	valid := compiled(t)
	check(t, valid(string(models.DefaultSettings().File(schemaAddress))))
	check(t, valid(string(chosen().File(schemaAddress))))
	for _, tt := range brokenFiles {
		if tt.want.Code == models.NotJSON || tt.want.Code == models.NamedTwice {
			continue // a schema never sees what is no JSON
		}
		if err := valid(tt.text); err == nil {
			t.Errorf("%s: the schema allows it", tt.name)
		}
	}
}

// compiled is the schema as a published library understands it.
func compiled(t *testing.T) func(text string) error {
	t.Helper()
	text := must[[]byte](t)(json.Marshal(models.SettingsSchema()))
	document := must[any](t)(jsonschema.UnmarshalJSON(bytes.NewReader(text)))
	compiler := jsonschema.NewCompiler()
	check(t, compiler.AddResource(schemaAddress, document))
	schema := must[*jsonschema.Schema](t)(compiler.Compile(schemaAddress))
	return func(text string) error {
		file, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			return err
		}
		return schema.Validate(file)
	}
}

func TestLinesOfRecentCallsAreKnown(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p, twin := install(t, s, "one"), install(t, s, "two")
		for i, line := range []string{"222", "111", "222", ""} {
			c := ensure(t, s, p.ID, string(rune('a'+i)))
			c.Line = line
			check(t, s.SaveCall(t.Context(), c))
		}
		if diff := cmp.Diff([]string{"111", "222"}, must[[]string](t)(s.LinesUsed(t.Context(), p.ID))); diff != "" {
			t.Errorf("lines (-want +got):\n%s", diff)
		}
		if lines := must[[]string](t)(s.LinesUsed(t.Context(), twin.ID)); len(lines) > 0 {
			t.Errorf("the other portal's lines: %v", lines)
		}
	})
}
