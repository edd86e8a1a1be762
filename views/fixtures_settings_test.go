package views

import (
	"fmt"
	"maps"
	"strings"
	"time"
)

// settingShots are the states of the settings, their history and their import.
func settingShots(l Localizer) []shot {
	return []shot{
		{"settings-filled", Settings(settingsFilled(l))},
		{"settings-errors", Settings(settingsWrong(l))},
		{"settings-conflict", Settings(settingsConflict(l))},
		{"settings-review", Settings(settingsReview(l))},
		{"settings-undo", Settings(settingsUndo(l))},
		{"settings-imported", Settings(settingsImported(l))},
		{"settings-many", Settings(settingsMany(l))},
		{"history-first", History(historyFirst(l))},
		{"history", History(historyLong(l))},
		{"history-version", History(historyOpen(l, false))},
		{"history-restore", History(historyOpen(l, true))},
		{"import", Import(ImportPage{Page: page(l, SettingsTab), Most: 64 << 10})},
		{"import-problems", Import(importWrong(l))},
		{"privacy", Privacy(PrivacyPage{Page: page(l, SettingsTab)})},
		{"privacy-wrong", Privacy(PrivacyPage{Page: page(l, SettingsTab), Number: "anonymous", Error: l.T("privacy.number.hidden")})},
		{"privacy-found", Privacy(numberFoundPage(l))},
	}
}

// valuesAtFirst are the settings of a portal that chose nothing.
func valuesAtFirst() map[string]string {
	return map[string]string{
		"dry_run": "off", "create_entities": "off", "outgoing_calls": "off", "repeated_leads": "off", "repeat_in_bitrix24": "unknown",
		"builtin_lines": "on", "other_apps": "off", "recovery": "auto",
		"responsible/created/who": "taker", "responsible/created/employee": "0", "responsible/created/fallback": "0",
		"responsible/missed/who": "taker", "responsible/missed/employee": "0", "responsible/missed/fallback": "0",
		"missed/todo": "off", "missed/deadline": "30", "missed/working_hours": "off", "missed/days": "1\n2\n3\n4\n5", "missed/from": "09:00", "missed/to": "18:00",
		"card/when": "ring", "recordings/mode": "attach", "recordings/max_mb": "0", "default_country": "", "mask_numbers": "off",
	}
}

var settingNames = SettingNames{
	People:  map[string]string{"1": "Vera Stein", "17": "Anna Weber", "18": "Jonas Becker", "19": "Anastasia Konstantinopolskaja-Wintermantel"},
	Sources: map[string]string{"CALL": "Call", "WEB": "Website", "ADVERTISING": "Advertising"}, Country: "DE",
}

// withChoices adds what the portal knows: people, sources, countries.
func withChoices(p SettingsPage) SettingsPage {
	for _, id := range []string{"17", "19", "18", "1"} {
		p.People = append(p.People, Choice{id, settingNames.People[id]})
	}
	p.Sources = []Choice{{"", p.L.UsualSource()}, {"CALL", "Call"}, {"WEB", "Website"}, {"ADVERTISING", "Advertising"}}
	for _, code := range []string{"AT", "DE", "CH"} {
		p.Countries = append(p.Countries, Choice{code, p.L.Country(code)})
	}
	p.PortalCountry = p.L.Country("DE")
	return p
}

func lineOf(number, name string) SettingLine {
	path := func(what string) string { return "lines/" + number + "/" + what }
	return SettingLine{number, name, LinePaths{path("name"), path("source"), path("create_entities"), path("outgoing_calls"), path("repeated_leads"), path("responsible")}}
}

func settingsFilled(l Localizer) SettingsPage {
	p := settingsOn(l)
	maps.Copy(p.Values, map[string]string{
		"responsible/created/who": "card", "responsible/missed/who": "employee", "responsible/missed/employee": "19", "responsible/missed/fallback": "404",
		"lines/+493055501/name": "Sales Berlin", "lines/+493055501/responsible": "19", "lines/+493055502/responsible": "404", "callbacks/duty": "19\n404", "lines/+493055501/source": "WEB", "lines/+493055502/create_entities": "off", "lines/sip: a/b/source": "GONE",
		"missed/todo": "on", "missed/deadline": "90", "missed/working_hours": "on",
		"card/when": "answer", "card/employees/17": "never", "card/employees/19": "ring", "recordings/mode": "link", "recordings/max_mb": "20",
		"exclusions/numbers": "+4930*\n112", "exclusions/extensions": "900", "default_country": "AT", "mask_numbers": "on",
	})
	p.Lines = []SettingLine{lineOf("+493055501", ""), lineOf("+493055502", "Support"), lineOf("sip: a/b", "")}
	p.Cards = []CardException{{"card/employees/19", settingNames.People["19"]}, {"card/employees/17", "Anna Weber"}}
	p.SourcesUnread = true
	return p
}

// aboutWrong is what the sentences on wrong values are about.
var aboutWrong = []any{"Item", "mother", "Line", 3, "Least", 1, "Most", 500}

func settingsWrong(l Localizer) SettingsPage {
	p := settingsFilled(l)
	p.Values["recordings/max_mb"], p.Values["missed/to"], p.Values["exclusions/numbers"], p.Values["missed/days"] = "many", "08:00", "mother", ""
	for _, wrong := range []struct{ path, code string }{
		{"lines", "too_many"}, {"missed/days", "no_days"}, {"missed/to", "ends_before"}, {"card/employees", "unknown_choice"},
		{"recordings/max_mb", "not_a_number"}, {"exclusions/numbers", "not_a_phone"}, {"responsible/created/employee", "nobody_named"},
	} {
		p.Problems = append(p.Problems, Problem{wrong.path, l.SettingName(strings.Split(wrong.path, "/"), settingNames), l.SettingProblem(wrong.code, aboutWrong...)})
	}
	p.Problems[0].Name, p.Problems[3].Name = l.SettingFamily("lines"), l.SettingFamily("card/employees")
	p.Values["responsible/created/who"] = "employee"
	p.Unsaved, p.Stored = true, map[string]string{"recordings/max_mb": "20", "missed/to": "18:00", "exclusions/numbers": "", "missed/days": "1\n2\n3\n4\n5"}
	return p
}

// someChanges are changes of every kind in words.
func someChanges(l Localizer) []SettingChange {
	var told []SettingChange
	for _, c := range []struct{ path, from, to string }{
		{"create_entities", "off", "on"}, {"repeat_in_bitrix24", "unknown", "on"}, {"responsible/missed/employee", "0", "19"},
		{"lines/+493055501/source", "", "WEB"}, {"lines/+493055501/responsible", "", "19"}, {"callbacks/duty", "17", "19\n17"}, {"lines/+493055501/outgoing_calls", "", "off"}, {"missed/deadline", "30", "120"},
		{"missed/days", "1\n2\n3\n4\n5", "1\n2\n3\n4\n5\n6"}, {"card/employees/17", "", "never"}, {"recordings/max_mb", "0", "20"},
		{"exclusions/numbers", "112", "+4930*\n+4940123456"}, {"default_country", "", "AT"}, {"extensions/104", "", "18"},
	} {
		told = append(told, l.SettingChange(strings.Split(c.path, "/"), c.from, c.to, settingNames))
	}
	return told
}

func settingsConflict(l Localizer) SettingsPage {
	p := settingsFilled(l)
	p.Unsaved, p.Stored = true, map[string]string{"missed/deadline": "120", "create_entities": "off", "card/when": "ring"}
	p.Conflict = &Conflict{Who: "Anna Weber", When: l.Moment(now, now, berlin), Changes: someChanges(l)[4:7], URL: true}
	p.Notes = map[string]string{}
	for path, value := range map[string]string{
		"missed/deadline": "120", "create_entities": "off", "card/when": "ring", "repeat_in_bitrix24": "off", "lines/+493055501/source": "ADVERTISING", "card/employees/17": "ring",
	} {
		p.Notes[path] = l.SettingNote("Anna Weber", l.SettingValue(strings.Split(path, "/"), value, settingNames))
	}
	return p
}

func settingsReview(l Localizer) SettingsPage {
	p := settingsFilled(l)
	p.Unsaved, p.Stored = true, map[string]string{"card/when": "ring"}
	p.Review = &Review{Changes: someChanges(l)}
	return p
}

func settingsImported(l Localizer) SettingsPage {
	p := settingsReview(l)
	p.Review.Imported = true
	p.Carried = []Choice{{"extensions/104", "18"}}
	return p
}

func settingsUndo(l Localizer) SettingsPage {
	p := settingsFilled(l)
	p.Saved = true
	p.Undo = &Undo{Version: 8, To: 7, URL: true, CommandURL: p.Connection.CommandURL}
	return p
}

// settingsMany has as many lines and exceptions as a large portal.
func settingsMany(l Localizer) SettingsPage {
	p := settingsOn(l)
	for i := range 40 {
		p.Lines = append(p.Lines, lineOf(fmt.Sprintf("+4930555%03d", i), ""))
		id := fmt.Sprint(100 + i)
		p.People = append(p.People, Choice{id, "Employee " + id})
		p.Values["card/employees/"+id] = "never"
		p.Cards = append(p.Cards, CardException{"card/employees/" + id, "Employee " + id})
	}
	p.Values["lines/+4930555007/name"] = "Support"
	return p
}

func historyFirst(l Localizer) HistoryPage {
	return HistoryPage{Page: page(l, SettingsTab), Current: 1, Versions: []SettingsVersion{
		{L: l, Version: 1, Who: l.AtInstallation(), When: l.Moment(now, now, berlin), First: true, Decided: l.CallsDecided(0, false), Current: true},
	}}
}

func historyLong(l Localizer) HistoryPage {
	p := HistoryPage{Page: page(l, SettingsTab), Current: 23, More: 4}
	for i := range 20 {
		changes := someChanges(l)
		p.Versions = append(p.Versions, SettingsVersion{
			L: l, Version: int64(23 - i), Who: "Anna Weber", When: l.Moment(now.Add(-time.Duration(i)*50*time.Hour), now, berlin),
			Changes: changes[i%len(changes):][:1], Decided: l.CallsDecided(i*i*i+1, false), Current: i == 0,
		})
	}
	p.Versions[1].RestoredFrom, p.Versions[2].Changes, p.Versions[3].Changes = 12, nil, someChanges(l)
	p.Versions[3].Decided = l.CallsDecided(10_000, true)
	return p
}

func historyOpen(l Localizer, restore bool) HistoryPage {
	p := historyLong(l)
	p.Open = &VersionDialog{Version: 12, When: l.Moment(now, now, berlin), Restore: restore, Changes: someChanges(l)}
	for path, value := range settingsFilled(l).Values {
		if strings.Count(path, "/") < 3 {
			parts := strings.Split(path, "/")
			p.Open.All = append(p.Open.All, Fact{l.SettingName(parts, settingNames), l.SettingValue(parts, value, settingNames)})
		}
	}
	return p
}

func importWrong(l Localizer) ImportPage {
	return ImportPage{Page: page(l, SettingsTab), Most: 64 << 10, Text: `{"version": 1, "settings": {"card": {"when": "later"}}}`, Problems: []Problem{
		{"card/when", l.SettingName([]string{"card", "when"}, settingNames), l.SettingProblem("unknown_choice")},
		{"colour", "", l.SettingProblem("unknown_setting")},
		{"extensions/104", l.SettingName([]string{"extensions", "104"}, settingNames), l.SettingProblem("nobody_here", "Item", 4711)},
		{"", "", l.SettingProblem("not_json", aboutWrong...)},
	}}
}

// numberFoundPage is the page about a number when everything is to be said.
func numberFoundPage(l Localizer) PrivacyPage {
	when := func(day int) Moment {
		return l.Moment(time.Date(2026, 11, day, 10, 0, 0, 0, time.UTC), time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), time.UTC)
	}
	p := PrivacyPage{
		Page: page(l, SettingsTab), Number: "030 901820",
		Found: &NumberFound{Pretty: "+49 30 901820", Calls: 1204, Open: 1, Excluded: true, Employee: "Anna Weber", Unsure: true},
		Requests: []PrivacyRow{
			{When: when(23), Who: "Vera Stein", What: l.Asked("erasure", true, 20_400, 310), Pending: true},
			{When: when(22), Who: "Anastasia Konstantinopolskaja-Wintermantel", What: l.Asked("erasure", true, 3, 0), Pending: true, Waiting: true},
			{When: when(21), Done: when(22), Who: "Vera Stein", What: l.Asked("erasure", false, 1, 2)},
			{When: when(20), Who: "Anna Weber", What: l.Asked("export", false, 1204, 0)},
		},
	}
	p.Notice = &Notice{Text: l.N("privacy.full", 20), Failed: true}
	return p
}
