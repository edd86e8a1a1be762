package handlers

import (
	"slices"
	"strings"
	"testing"

	"callwise/models"
	"callwise/views"

	"github.com/google/go-cmp/cmp"
)

// everySetting are settings in which every value says something.
func everySetting() models.Settings {
	s := models.DefaultSettings()
	s.Lines = map[string]models.LineRules{"22": {Name: "Sales", Source: "WEB", CreateEntities: "on", OutgoingCalls: "off", RepeatedLeads: "on", Responsible: 17}}
	s.Callbacks.Duty, s.Alerts.Users = []string{"17"}, []string{"18"}
	s.Card.Employees = map[int64]models.CardTime{17: models.CardNever}
	s.Exclusions = models.Exclusions{Numbers: []string{"112"}, Extensions: []string{"900"}}
	s.Extensions = map[string]int64{"104": 17}
	return s
}

func TestEverySettingHasWordsInEveryLanguage(t *testing.T) {
	named := map[string]bool{}
	for _, lang := range []string{"en", "ru"} {
		w := settingWords{l: views.ForLang(lang)}
		for _, c := range everySetting().All() {
			fact := w.fact(c.Path, c.To)
			if strings.Contains(fact.Name, "setting.") || strings.Contains(fact.Value, ".") && fact.Value != c.To {
				t.Errorf("%s: %s = %q has no words: %+v", lang, c.Path, c.To, fact)
			}
			change := w.l.SettingChange(models.SettingParts(c.Path), "", c.To, w.names)
			if change.Name == "" || change.To == "" {
				t.Errorf("%s: the change of %s has no words: %+v", lang, c.Path, change)
			}
			named[patternOf(c.Path)] = true
		}
	}
	for _, pattern := range models.SettingPatterns() {
		if !named[pattern] {
			t.Errorf("%s was not looked at", pattern)
		}
	}
}

func patternOf(path string) string {
	for _, pattern := range models.SettingPatterns() {
		if slices.EqualFunc(strings.Split(pattern, "/"), strings.Split(path, "/"), func(p, part string) bool { return p == "*" || p == part }) {
			return pattern
		}
	}
	return path
}

func TestEveryChoiceAndEveryMistakeHasWords(t *testing.T) {
	choices := map[string][]string{
		"repeat_in_bitrix24": {"on", "off", "unknown"}, "responsible/missed/who": {"taker", "card", "last_talked", "employee"},
		"lines/22/create_entities": {"", "on", "off"}, "lines/22/source": {""}, "lines/22/responsible": {"", "17"}, "callbacks/duty": {"", "17"}, "alerts/users": {"", "18"}, "lines/22/name": {""},
		"card/when": {"ring", "answer", "never"}, "card/employees/17": {""}, "recordings/mode": {"attach", "link"}, "recovery": {"auto", "click", "never"}, "dry_run": {"on", "off"},
		"missed/days": {"1\n2\n3\n4\n5\n6\n7", ""}, "recordings/max_mb": {"0", "20"}, "missed/deadline": {"1", "45", "60", "90", "1440"},
		"responsible/missed/fallback": {"0"}, "responsible/missed/employee": {"0", "17"}, "extensions/104": {""}, "default_country": {"", "DE"},
	}
	codes := []models.SettingErrorCode{
		models.UnknownSetting, models.UnknownChoice, models.NotANumber, models.OutOfRange, models.TooMany, models.ValueTooLong, models.NotAPhone,
		models.NotATime, models.EndsBefore, models.NobodyNamed, models.NoDays, models.UnknownCountry, models.WrongShape, models.NotJSON, models.NamedTwice, models.OtherVersion,
	}
	for _, lang := range []string{"en", "ru"} {
		w := settingWords{l: views.ForLang(lang)}
		for path, values := range choices {
			said := map[string]bool{}
			for _, value := range values {
				text := w.fact(path, value).Value
				if text == "" || text == value || strings.Contains(text, "value.") || said[text] {
					t.Errorf("%s: %s = %q is %q", lang, path, value, text)
				}
				said[text] = true
			}
		}
		for _, code := range codes {
			if text := w.l.SettingProblem(string(code)); text == string(code) {
				t.Errorf("%s: %s has no words", lang, code)
			}
		}
	}
}

func TestCountriesHaveTheirNamesOfTodayInTheOrderOfTheLanguage(t *testing.T) {
	for lang, want := range map[string][]string{
		"en": {"Afghanistan", "Åland Islands", "Albania", "Eswatini", "North Macedonia"},
		"ru": {"Австралия", "Армения", "Афганистан", "Северная Македония", "Эсватини"},
	} {
		var names []string
		for _, c := range countries(views.ForLang(lang)) {
			if slices.Contains(want, c.Label) {
				names = append(names, c.Label)
			}
		}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("%s (-want +got):\n%s", lang, diff)
		}
	}
}
