package models

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
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

// Values are all values by their paths, as text: "on" and "off", decimal
// numbers, lists one item a line. What is empty may be missing.
func (s Settings) Values() map[string]string {
	values := map[string]string{}
	flatten(values, "", s.tree())
	return values
}

// tree is the settings as JSON objects.
func (s Settings) tree() map[string]any {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // settings hold nothing that JSON cannot
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var tree map[string]any
	if err := decoder.Decode(&tree); err != nil {
		panic(err)
	}
	return tree
}

func flatten(values map[string]string, path string, node any) {
	switch node := node.(type) {
	case map[string]any:
		for name, child := range node {
			flatten(values, strings.TrimPrefix(path+"/"+escapePart.Replace(name), "/"), child)
		}
	case []any:
		items := make([]string, len(node))
		for i, item := range node {
			items[i] = fmt.Sprint(item)
		}
		values[path] = strings.Join(items, "\n")
	case bool:
		values[path] = map[bool]string{true: "on", false: "off"}[node]
	default:
		values[path] = fmt.Sprint(node)
	}
}

// With returns the settings with some values changed, and what is wrong with
// them; paths that are not named stay as they are. An empty value of a line, a
// user or an extension removes it. With errors the settings are not to be
// stored, but show what was entered as far as it could be read.
func (s Settings) With(values map[string]string) (Settings, []SettingError) {
	tree := s.tree()
	var wrong []SettingError
	for _, path := range slices.Sorted(maps.Keys(values)) {
		if code := put(tree, path, values[path]); code != "" {
			wrong = append(wrong, SettingError{path, code})
		}
	}
	text, err := json.Marshal(tree)
	if err != nil {
		panic(err)
	}
	next, err := ReadSettings(text)
	if err != nil {
		return s, append(wrong, SettingError{"", WrongShape})
	}
	return next, ordered(append(wrong, next.Check()...))
}

// put writes a value into a tree, and says what is wrong with it.
func put(tree map[string]any, path, value string) SettingErrorCode {
	at := settingPlace(path)
	if at < 0 {
		return UnknownSetting
	}
	parts := SettingParts(path)
	node := tree
	for _, part := range parts[:len(parts)-1] {
		child, ok := node[part].(map[string]any)
		if !ok {
			child = map[string]any{}
			node[part] = child
		}
		node = child
	}
	last := parts[len(parts)-1]
	if value == "" && strings.HasSuffix(settingPaths[at].pattern, "*") {
		delete(node, last)
		return ""
	}
	if settingPaths[at].pattern == "card/employees/*" && !isUser(last) {
		return UnknownSetting
	}
	typed, code := parseValue(settingPaths[at].kind, value)
	if code == "" {
		node[last] = typed
	}
	return code
}

// isUser reports the one spelling of a user's id.
func isUser(text string) bool {
	id, err := strconv.ParseInt(text, 10, 64)
	return err == nil && id > 0 && strconv.FormatInt(id, 10) == text
}

func parseValue(kind valueKind, value string) (any, SettingErrorCode) {
	switch kind {
	case flag:
		if value != "on" && value != "off" {
			return nil, UnknownChoice
		}
		return value == "on", ""
	case number:
		if value == "" {
			return 0, ""
		}
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return nil, NotANumber
		}
		return n, ""
	case list:
		return items(value), ""
	}
	return clean(strings.TrimSpace(value)), ""
}

// items are the lines of a text, without empty and repeated ones.
func items(value string) []string {
	kept, seen := []string{}, map[string]bool{"": true}
	for line := range strings.Lines(value) {
		line = clean(strings.TrimSpace(line))
		if !seen[line] {
			seen[line] = true
			kept = append(kept, line)
		}
	}
	return kept
}

// A SettingChange is one value that differs between two versions. Empty is not
// set.
type SettingChange struct{ Path, From, To string }

// Changes are the values that differ from s in next, in the order of the page.
func (s Settings) Changes(next Settings) []SettingChange {
	from, to := s.Values(), next.Values()
	var changes []SettingChange
	for path := range paths(from, to) {
		if from[path] != to[path] {
			changes = append(changes, SettingChange{path, from[path], to[path]})
		}
	}
	return inPageOrder(changes)
}

// All are all values of s, as changes from nothing, in the order of the page.
func (s Settings) All() []SettingChange {
	var all []SettingChange
	for path, value := range s.Values() {
		all = append(all, SettingChange{path, "", value})
	}
	return inPageOrder(all)
}

func inPageOrder(changes []SettingChange) []SettingChange {
	slices.SortFunc(changes, func(a, b SettingChange) int {
		if d := settingPlace(a.Path) - settingPlace(b.Path); d != 0 {
			return d
		}
		return strings.Compare(a.Path, b.Path)
	})
	return changes
}

func paths(all ...map[string]string) map[string]bool {
	names := map[string]bool{}
	for _, values := range all {
		for path := range values {
			names[path] = true
		}
	}
	return names
}

// Merge joins two edits of the same base: what only one of them changed is
// taken from it. Where both changed a value, and differently, mine stands and
// its path is named.
func (s Settings) Merge(theirs, mine Settings) (merged Settings, both []string) {
	edited := map[string]string{}
	other := map[string]string{}
	for _, c := range s.Changes(theirs) {
		other[c.Path] = c.To
	}
	for _, c := range s.Changes(mine) {
		edited[c.Path] = c.To
		if to, ok := other[c.Path]; ok && to != c.To {
			both = append(both, c.Path)
		}
	}
	merged, _ = theirs.With(edited)
	return merged, both
}
