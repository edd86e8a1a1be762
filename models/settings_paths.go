package models

import (
	"slices"
	"strings"
)

// A valueKind is how a value of the settings is written as text.
type valueKind uint8

const (
	text   valueKind = iota
	flag             // "on", "off"
	number           // decimal
	list             // one item a line
)

// settingPaths are all values of the settings, in the order in which people
// read them; * stands for a line, a user or an extension.
var settingPaths = []struct {
	pattern string
	kind    valueKind
}{
	{"dry_run", flag},
	{"create_entities", flag}, {"outgoing_calls", flag}, {"repeated_leads", flag}, {"repeat_in_bitrix24", text},
	{"builtin_lines", flag}, {"other_apps", flag}, {"recovery", text},
	{"responsible/created/who", text}, {"responsible/created/employee", number}, {"responsible/created/fallback", number},
	{"responsible/missed/who", text}, {"responsible/missed/employee", number}, {"responsible/missed/fallback", number},
	{"callbacks/duty", list},
	{"lines/*/name", text}, {"lines/*/source", text},
	{"lines/*/create_entities", text}, {"lines/*/outgoing_calls", text}, {"lines/*/repeated_leads", text}, {"lines/*/responsible", number},
	{"missed/todo", flag}, {"missed/deadline", number}, {"missed/working_hours", flag},
	{"missed/days", list}, {"missed/from", text}, {"missed/to", text},
	{"card/when", text}, {"card/employees/*", text},
	{"recordings/mode", text}, {"recordings/max_mb", number},
	{"exclusions/numbers", list}, {"exclusions/extensions", list},
	{"default_country", text}, {"mask_numbers", flag},
	{"alerts/users", list},
	{"extensions/*", number},
}

// settingParts are the parts of the patterns in [settingPaths].
var settingParts = func() [][]string {
	all := make([][]string, len(settingPaths))
	for i, p := range settingPaths {
		all[i] = strings.Split(p.pattern, "/")
	}
	return all
}()

// settingPlace is where a path stands in [settingPaths]; -1 for none, or one that
// no database could keep.
func settingPlace(path string) int {
	if clean(path) != path {
		return -1
	}
	parts := strings.Split(path, "/")
	for i, pattern := range settingParts {
		if slices.EqualFunc(pattern, parts, func(pattern, part string) bool {
			return pattern == part || pattern == "*" && part != ""
		}) {
			return i
		}
	}
	return -1
}

// KnownSetting reports the path of a value.
func KnownSetting(path string) bool { return settingPlace(path) >= 0 }

// SettingPatterns are the paths of all values, in the order in which people
// read them; * stands for a line, a user or an extension.
func SettingPatterns() []string {
	patterns := make([]string, len(settingPaths))
	for i, p := range settingPaths {
		patterns[i] = p.pattern
	}
	return patterns
}

// SettingPath joins the parts of a path; a part may hold any characters.
func SettingPath(parts ...string) string {
	escaped := make([]string, len(parts))
	for i, p := range parts {
		escaped[i] = escapePart.Replace(p)
	}
	return strings.Join(escaped, "/")
}

// SettingParts is the way back from [SettingPath].
func SettingParts(path string) []string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		parts[i] = unescapePart.Replace(p)
	}
	return parts
}

// As in JSON Pointer (RFC 6901).
var (
	escapePart   = strings.NewReplacer("~", "~0", "/", "~1")
	unescapePart = strings.NewReplacer("~1", "/", "~0", "~")
)
