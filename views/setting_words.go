package views

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// SettingNames are the names that ids have in the words of settings.
type SettingNames struct {
	People  map[string]string // by user id
	Sources map[string]string // by STATUS_ID
	Country string            // the portal's own, ISO 3166; may be empty
}

// SettingName names the value at a path, given as its parts.
func (l Localizer) SettingName(parts []string, names SettingNames) string {
	key, item := settingKey(parts)
	if key == "card.employees" {
		item = l.person(item, names)
	}
	return l.T("setting."+key, "Item", item)
}

// settingKey is the key of a path's words, and the line, user or extension that
// it is about.
func settingKey(parts []string) (key, item string) {
	switch {
	case len(parts) == 3 && parts[0] == "lines":
		return "lines." + parts[2], parts[1]
	case len(parts) == 3 && parts[0] == "card":
		return "card.employees", parts[2]
	case len(parts) == 2 && parts[0] == "extensions":
		return "extensions", parts[1]
	}
	return strings.Join(parts, "."), ""
}

// SettingChange puts the change of the value at a path into words. Of a list it
// says what was added and removed.
func (l Localizer) SettingChange(parts []string, from, to string, names SettingNames) SettingChange {
	change := SettingChange{Name: l.SettingName(parts, names)}
	if parts[0] == "callbacks" || parts[0] == "alerts" {
		from, to = l.people(from, names), l.people(to, names)
	} else if parts[0] != "exclusions" {
		change.From, change.To = l.SettingValue(parts, from, names), l.SettingValue(parts, to, names)
		return change
	}
	before, after := itemsOf(from), itemsOf(to)
	var told []string
	for _, part := range []struct {
		key   string
		items []string
	}{{"value.added", missingIn(before, after)}, {"value.removed", missingIn(after, before)}} {
		if len(part.items) > 0 {
			told = append(told, l.T(part.key, "Items", l.itemsInWords(part.items)))
		}
	}
	change.To = strings.Join(told, "; ")
	if change.To == "" {
		change.To = l.T("value.reordered")
	}
	return change
}

// SettingValue puts the value at a path into words.
func (l Localizer) SettingValue(parts []string, value string, names SettingNames) string {
	key, _ := settingKey(parts)
	switch key {
	case "repeat_in_bitrix24":
		return l.word("repeat", value)
	case "responsible.created.who", "responsible.missed.who":
		return l.word("owner", value)
	case "responsible.created.employee", "responsible.missed.employee":
		return l.personOr(value, "value.nobody", names)
	case "responsible.created.fallback", "responsible.missed.fallback":
		return l.personOr(value, "value.usual_order", names)
	case "extensions":
		return l.personOr(value, "value.as_in_bitrix24", names)
	case "lines.name":
		return l.orWord(value, "value.no_name")
	case "lines.source":
		return l.sourceName(value, names)
	case "lines.responsible":
		return l.personOr(value, "override.inherited", names)
	case "callbacks.duty", "alerts.users":
		return l.itemsInWords(itemsOf(l.people(value, names)))
	case "lines.create_entities", "lines.outgoing_calls", "lines.repeated_leads":
		return l.word("override", cmp.Or(value, "inherited"))
	case "missed.deadline":
		return l.Minutes(value)
	case "missed.days":
		return l.days(value)
	case "missed.from", "missed.to":
		return value
	case "card.when", "card.employees":
		return l.word("cardtime", cmp.Or(value, "everybody"))
	case "recovery":
		return l.word("recovery", value)
	case "recordings.mode":
		return l.word("recordings", value)
	case "recordings.max_mb":
		return l.megabytes(value)
	case "exclusions.numbers", "exclusions.extensions":
		return l.itemsInWords(itemsOf(value))
	case "default_country":
		return l.countryOr(value, names.Country)
	}
	return l.word("word", value)
}

// Minutes says a number of minutes in the unit that fits: "45 minutes", "2
// hours", "3 days".
func (l Localizer) Minutes(value string) string {
	n, err := strconv.Atoi(value)
	switch {
	case err != nil:
		return value
	case n > 0 && n%1440 == 0:
		return l.N("value.days", n/1440)
	case n > 0 && n%60 == 0:
		return l.N("value.hours", n/60)
	}
	return l.N("value.minutes", n)
}

func (l Localizer) megabytes(value string) string {
	if value == "0" || value == "" {
		return l.T("value.no_limit")
	}
	return l.T("value.megabytes", "N", value)
}

func (l Localizer) days(value string) string {
	var days []string
	for _, day := range itemsOf(value) {
		days = append(days, l.word("day.short", day))
	}
	return l.orWord(strings.Join(days, ", "), "value.no_days")
}

// people are the names of users, one a line.
func (l Localizer) people(ids string, names SettingNames) string {
	people := itemsOf(ids)
	for i, id := range people {
		people[i] = l.person(id, names)
	}
	return strings.Join(people, "\n")
}

func (l Localizer) person(id string, names SettingNames) string {
	if name := names.People[id]; name != "" {
		return name
	}
	return l.T("value.person", "ID", id)
}

func (l Localizer) personOr(id, none string, names SettingNames) string {
	if id == "" || id == "0" {
		return l.T(none)
	}
	return l.person(id, names)
}

func (l Localizer) sourceName(id string, names SettingNames) string {
	if id == "" {
		return l.T("value.usual_source")
	}
	return cmp.Or(names.Sources[id], id)
}

func (l Localizer) orWord(value, key string) string {
	if value == "" {
		return l.T(key)
	}
	return value
}

// Country names a country by its ISO 3166 code: by a text of ours where it has
// another name since the library's were collected.
func (l Localizer) Country(code string) string {
	key := "country." + code
	if name := l.T(key); name != key {
		return name
	}
	region, err := language.ParseRegion(code)
	if err != nil {
		return code
	}
	return cmp.Or(display.Regions(language.Make(l.Tag())).Name(region), code)
}

func (l Localizer) countryOr(code, own string) string {
	switch {
	case code != "":
		return l.Country(code)
	case own == "":
		return l.T("value.country.unknown")
	}
	return l.T("value.country", "Country", l.Country(own))
}

// namedItems is how many items of a list are named; the others are counted.
const namedItems = 12

func (l Localizer) itemsInWords(items []string) string {
	if len(items) == 0 {
		return l.T("value.empty")
	}
	shown := strings.Join(items[:min(len(items), namedItems)], ", ")
	if more := len(items) - namedItems; more > 0 {
		return shown + " " + l.N("value.more", more)
	}
	return shown
}

func itemsOf(value string) []string {
	if value == "" {
		return nil
	}
	return strings.Split(value, "\n")
}

// missingIn are the items that are not in a list.
func missingIn(list, items []string) []string {
	return slices.DeleteFunc(slices.Clone(items), func(item string) bool { return slices.Contains(list, item) })
}

// SettingFamily names the lines, the employees' cards or the extensions as a
// whole.
func (l Localizer) SettingFamily(path string) string { return l.word("family", path) }

// UsualSource names the source of a line that has none of its own.
func (l Localizer) UsualSource() string { return l.T("value.usual_source") }

// CommandURLChange puts a change of the command URL into words.
func (l Localizer) CommandURLChange(from, to string) SettingChange {
	return SettingChange{l.T("connection.command"), l.orWord(from, "value.empty"), l.orWord(to, "value.empty")}
}

// CommandURLProblem says what is wrong with the command URL.
func (l Localizer) CommandURLProblem(err FieldError) Problem {
	return Problem{"command_url", l.T("connection.command"), l.T("error." + string(err))}
}
