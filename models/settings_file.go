package models

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// SettingsFileVersion is the version of the file's shape.
const SettingsFileVersion = 1

// A settingsFile is all settings as one JSON text.
type settingsFile struct {
	Schema   string         `json:"$schema"`
	Version  int            `json:"version"`
	Settings map[string]any `json:"settings"`
}

// File writes the settings as one JSON text that names its schema. It holds
// every setting, empty ones too, and nothing else.
func (s Settings) File(schema string) []byte {
	tree := s.tree()
	for i, parts := range settingParts {
		fill(tree, parts, settingPaths[i].kind)
	}
	var text bytes.Buffer
	encoder := stdjson.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(settingsFile{schema, SettingsFileVersion, tree}); err != nil {
		panic(err) // settings hold nothing that JSON cannot
	}
	return text.Bytes()
}

// fill sees that a list or a family of values stands in a tree, though empty.
func fill(tree map[string]any, parts []string, kind valueKind) {
	for _, part := range parts[:len(parts)-1] {
		if part == "*" {
			return
		}
		if tree[part] == nil {
			tree[part] = map[string]any{}
		}
		tree = tree[part].(map[string]any)
	}
	if last := parts[len(parts)-1]; kind == list && tree[last] == nil {
		tree[last] = []any{}
	}
}

// ReadFile reads what [Settings.File] wrote, into s: what the file does not
// name stays as it is; lines, extensions and employees' cards that it names
// replace all there are. Nothing is guessed: an unknown name or a wrong type is
// an error. With errors the settings are not to be stored.
func (s Settings) ReadFile(text []byte) (Settings, []SettingError) {
	var file map[string]any
	if err := json.Unmarshal(text, &file); err != nil {
		return s, []SettingError{unreadable(text, err)}
	}
	var wrong []SettingError
	for name := range file {
		if name != "$schema" && name != "version" && name != "settings" {
			wrong = append(wrong, SettingError{Path: SettingPath(name), Code: UnknownSetting})
		}
	}
	if file["version"] != float64(SettingsFileVersion) || file["settings"] == nil {
		return s, append(wrong, SettingError{Code: OtherVersion})
	}
	tree, ok := file["settings"].(map[string]any)
	if !ok {
		return s, append(wrong, SettingError{Path: "settings", Code: WrongShape})
	}
	values := map[string]string{}
	for name, node := range tree {
		wrong = append(wrong, leaves(values, SettingPath(name), node)...)
	}
	for _, path := range s.replaced(tree) {
		if _, named := values[path]; !named {
			values[path] = ""
		}
	}
	next, mistakes := s.With(values)
	return next, InOrder(append(wrong, mistakes...))
}

// unreadable says what keeps a text from being one object of JSON: a name that
// stands twice, a value that no number or no object can be, or where it ends to be
// JSON.
func unreadable(text []byte, err error) SettingError {
	if broken, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		before := text[:min(broken.ByteOffset, int64(len(text)))]
		wrong := SettingError{Code: NotJSON, Line: 1 + bytes.Count(before, []byte{'\n'})}
		if errors.Is(err, jsontext.ErrDuplicateName) {
			wrong.Code, wrong.Item = NamedTwice, shortened(broken.JSONPointer.LastToken())
		}
		return wrong
	}
	if strange, ok := errors.AsType[*json.SemanticError](err); ok && strange.JSONPointer != "" {
		path := strings.TrimPrefix(string(strange.JSONPointer), "/settings")
		return SettingError{Path: strings.TrimPrefix(path, "/"), Code: WrongShape}
	}
	return SettingError{Code: OtherVersion}
}

// replaced are the values of lines, users and extensions that a file leaves out
// of a family that it names.
func (s Settings) replaced(tree map[string]any) []string {
	card, _ := tree["card"].(map[string]any)
	var gone []string
	for path := range s.Values() {
		parts := SettingParts(path)
		_, lines := tree["lines"].(map[string]any)
		_, cards := card["employees"].(map[string]any)
		_, extensions := tree["extensions"].(map[string]any)
		if parts[0] == "lines" && lines || parts[0] == "extensions" && extensions ||
			parts[0] == "card" && len(parts) == 3 && cards {
			gone = append(gone, path)
		}
	}
	return gone
}

// leaves collects the values below a node, and says which are none.
func leaves(values map[string]string, path string, node any) []SettingError {
	if place := settingPlace(path); place >= 0 {
		value, ok := leaf(settingPaths[place].kind, node)
		if !ok {
			return []SettingError{{Path: path, Code: WrongShape}}
		}
		values[path] = value
		return nil
	}
	if !branches(path) {
		return []SettingError{{Path: path, Code: UnknownSetting}}
	}
	below, ok := node.(map[string]any)
	if !ok {
		return []SettingError{{Path: path, Code: WrongShape}}
	}
	var wrong []SettingError
	for name, child := range below {
		wrong = append(wrong, leaves(values, path+"/"+SettingPath(name), child)...)
	}
	return wrong
}

// branches reports a path that values stand below.
func branches(path string) bool {
	parts := strings.Split(path, "/")
	return slices.ContainsFunc(settingParts, func(pattern []string) bool {
		return len(pattern) > len(parts) && slices.EqualFunc(pattern[:len(parts)], parts, func(pattern, part string) bool {
			return pattern == part || pattern == "*" && part != ""
		})
	})
}

// leaf is a value of a file as text.
func leaf(kind valueKind, node any) (string, bool) {
	switch node := node.(type) {
	case bool:
		return map[bool]string{true: "on", false: "off"}[node], kind == flag
	case float64:
		whole := kind == number && node == math.Trunc(node) && math.Abs(node) < 1<<53
		return strconv.FormatFloat(node, 'f', -1, 64), whole
	case string:
		return node, kind == text
	case []any:
		items := make([]string, len(node))
		for i, item := range node {
			words, ok := item.(string)
			if !ok || strings.ContainsAny(words, "\n\r") {
				return "", false
			}
			items[i] = words
		}
		return strings.Join(items, "\n"), kind == list
	}
	return "", false
}

// InOrder are errors in the order of the page, each once.
func InOrder(wrong []SettingError) []SettingError {
	seen := map[SettingError]bool{}
	for _, e := range wrong {
		seen[e] = true
	}
	return slices.SortedFunc(maps.Keys(seen), func(a, b SettingError) int {
		if d := settingPlace(a.Path) - settingPlace(b.Path); d != 0 {
			return d
		}
		return strings.Compare(a.Path+string(a.Code), b.Path+string(b.Code))
	})
}
