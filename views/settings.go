package views

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A toggle is a switch of the settings with its consequence.
type toggle struct {
	Name, Label, Help string
}

func (p SettingsPage) version() string { return strconv.FormatInt(p.Version, 10) }

// on reports a switch that is on in the form.
func (p SettingsPage) on(path string) bool { return p.Values[path] == "on" }

// problem says what is wrong with the field of a path; empty for nothing.
func (p SettingsPage) problem(path string) string {
	for _, problem := range p.Problems {
		if problem.Path == path {
			return problem.Text
		}
	}
	return ""
}

// capital is a text that begins a sentence.
func capital(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}

// described names the elements that explain the field of a path.
func (p SettingsPage) described(path string, help bool) string {
	id := fieldID(path)
	var ids []string
	if p.problem(path) != "" {
		ids = append(ids, id+"-error")
	}
	if p.Notes[path] != "" {
		ids = append(ids, id+"-note")
	}
	if help {
		ids = append(ids, id+"-help")
	}
	return strings.Join(ids, " ")
}

// fieldID is the id of the field of a path: whatever stands in a path, it can
// be named in a list of ids and in an address.
func fieldID(path string) string {
	var id strings.Builder
	for _, r := range path {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_':
			id.WriteRune(r)
		case r == '/':
			id.WriteByte('-')
		default:
			fmt.Fprintf(&id, ".%x", r)
		}
	}
	return id.String()
}

// fieldOf is where the error of a path is mended: the first control of a group.
func fieldOf(path string) string {
	switch path {
	case "missed/days":
		return "missed-days-1"
	case "callbacks/duty", "alerts/users":
		return addID(path)
	case "card/employees":
		return "add_card_employee"
	case "extensions":
		return "employees"
	}
	return fieldID(path)
}

func (p SettingsPage) choices(family string, values ...string) []Choice {
	list := make([]Choice, len(values))
	for i, value := range values {
		list[i] = Choice{value, p.L.T(family + "." + value)}
	}
	return list
}

// deadlines are the minutes that can be chosen for a to-do.
var deadlines = []string{"5", "10", "15", "30", "45", "60", "120", "180", "240", "480", "1440", "2880", "4320", "10080"}

func (p SettingsPage) deadlines() []Choice {
	var list []Choice
	for _, minutes := range deadlines {
		list = append(list, Choice{minutes, p.L.Minutes(minutes)})
	}
	return list
}

// other is a choice for a value that is not among the choices, so that it is
// not lost.
func (p SettingsPage) other(list []Choice, path string) []Choice {
	value := p.Values[path]
	if value == "" || value == "0" {
		return nil
	}
	for _, c := range list {
		if c.Value == value {
			return nil
		}
	}
	switch {
	case path == "missed/deadline":
		return []Choice{{value, p.L.Minutes(value)}}
	case strings.HasPrefix(path, "responsible/"), strings.HasSuffix(path, "/responsible"):
		return []Choice{{value, p.L.T("value.person.gone", "ID", value)}}
	}
	return []Choice{{value, value}}
}

// overrides are the positions of a switch of a line; inherited names the value
// of the portal's own switch.
func (p SettingsPage) overrides(portal string) []Choice {
	inherited := p.L.T("override.inherited.off")
	if p.on(portal) {
		inherited = p.L.T("override.inherited.on")
	}
	return []Choice{{"", inherited}, {"on", p.L.T("override.on")}, {"off", p.L.T("override.off")}}
}

// fewLines are shown at once, whether they have rules of their own or not.
const fewLines = 6

// ownLines are the lines with rules of their own, or all if they are few.
func (p SettingsPage) ownLines() []SettingLine {
	if len(p.Lines) <= fewLines {
		return p.Lines
	}
	return slices.DeleteFunc(slices.Clone(p.Lines), func(line SettingLine) bool { return !p.hasRules(line) })
}

// otherLines are those that are not among ownLines: they wait behind a
// disclosure.
func (p SettingsPage) otherLines() []SettingLine {
	if len(p.Lines) <= fewLines {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(p.Lines), p.hasRules)
}

func (p SettingsPage) hasRules(line SettingLine) bool {
	paths := line.Paths
	for _, path := range []string{paths.Name, paths.Source, paths.CreateEntities, paths.OutgoingCalls, paths.RepeatedLeads, paths.Responsible} {
		if p.Values[path] != "" || p.Stored[path] != "" {
			return true
		}
	}
	return false
}

// listed are the people in a list, in their order.
func (p SettingsPage) listed(path string) []Choice {
	var people []Choice
	for _, id := range itemsOf(p.Values[path]) {
		one := Choice{id, p.L.T("value.person.gone", "ID", id)}
		if i := slices.IndexFunc(p.People, func(c Choice) bool { return c.Value == id }); i >= 0 {
			one = p.People[i]
		}
		people = append(people, one)
	}
	return people
}

// here reports a person who can still be chosen.
func (p SettingsPage) here(person Choice) bool { return slices.Contains(p.People, person) }

func placeID(list string, place int) string { return list + "-" + strconv.Itoa(place) }

// addID is the empty control at the end of a list of people.
func addID(path string) string { return "add_" + path[strings.LastIndexByte(path, '/')+1:] }

// linePeople are who can be responsible for what the calls of a line create.
func (p SettingsPage) linePeople() []Choice {
	return append([]Choice{{"", p.L.T("override.inherited")}}, p.People...)
}

func (p SettingsPage) hasDay(day string) bool {
	for _, d := range itemsOf(p.Values["missed/days"]) {
		if d == day {
			return true
		}
	}
	return false
}

// changesInWords says 1 to 20 changes; static/settings.js finds the form of any
// other number.
func (p SettingsPage) changesInWords() string {
	words := make([]string, 20)
	for i := range words {
		words[i] = p.L.N("savebar.changes", i+1)
	}
	return strings.Join(words, "|")
}

// stored is what the form is compared with, where that is not what it came with.
func (p SettingsPage) stored() string {
	if len(p.Stored) == 0 {
		return ""
	}
	text, err := json.Marshal(p.Stored)
	if err != nil {
		panic(err) // texts
	}
	return string(text)
}

func (c Conflict) who(l Localizer) string {
	if c.Who == "" {
		return l.T("conflict.somebody")
	}
	return c.Who
}

// sections are the parts of the page that the menu leads to, in their order.
func (p SettingsPage) sections() []Choice {
	return p.choices("section", "creating", "responsible", "callbacks", "lines", "missed", "card", "recordings", "exclusions", "employees", "connection", "alerts", "history")
}

func (u Undo) version() string { return strconv.FormatInt(u.Version, 10) }
func (u Undo) to() string      { return strconv.FormatInt(u.To, 10) }

func (r PreviewRow) number() string { return strconv.Itoa(r.Number) }

// revoke is where the form posts that ends a key.
func (k Key) revoke() string {
	return "/settings/keys/" + strconv.FormatInt(k.ID, 10) + "/revoke"
}

func (k Key) elementID() string { return "key-" + strconv.FormatInt(k.ID, 10) }

// described names the elements that explain a field: its help and its error.
func described(name string, err FieldError) string {
	if err == NoError {
		return name + "-help"
	}
	return name + "-error " + name + "-help"
}
