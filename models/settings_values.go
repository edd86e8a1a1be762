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
			wrong = append(wrong, SettingError{Path: path, Code: code})
		}
	}
	text, err := json.Marshal(tree)
	if err != nil {
		panic(err)
	}
	next, err := ReadSettings(text)
	if err != nil {
		return s, append(wrong, SettingError{Code: WrongShape})
	}
	return next, InOrder(append(wrong, next.Check()...))
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
