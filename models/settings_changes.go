package models

import (
	"slices"
	"strings"
)

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
