package views

import (
	"cmp"
	"strconv"
	"strings"
)

// A HistoryPage is the versions of the settings, the newest first.
type HistoryPage struct {
	Page
	Current  int64 // version of the settings that are in force
	Versions []SettingsVersion
	More     int64 // version to go on from; 0: that was all
	Open     *VersionDialog
}

// A SettingsVersion is what somebody once saved.
type SettingsVersion struct {
	L            Localizer
	Version      int64
	Who          string
	When         Moment
	RestoredFrom int64 // 0: none
	Changes      []SettingChange
	First        bool   // there is nothing before it
	Decided      string // how many calls were decided under it
	Current      bool
}

// A VersionDialog shows one version: everything of it, or, before it is brought
// back, what that would change.
type VersionDialog struct {
	Version int64
	When    Moment
	All     []Fact // everything of it
	Restore bool
	Changes []SettingChange // Restore: from the settings in force
}

// An ImportPage takes a file of settings.
type ImportPage struct {
	Page
	Text     string
	Problems []Problem
	Most     int // bytes that a file may have
}

// CallsDecided says how many calls were decided under a version; capped tells
// that there may be more.
func (l Localizer) CallsDecided(n int, capped bool) string {
	count := l.grouped(n)
	if capped {
		count += "+"
	}
	return l.N("history.calls", n, "Count", count)
}

// grouped writes a number with its thousands apart.
func (l Localizer) grouped(n int) string {
	digits := strconv.Itoa(n)
	var parts []string
	for len(digits) > 3 {
		parts = append([]string{digits[len(digits)-3:]}, parts...)
		digits = digits[:len(digits)-3]
	}
	return strings.Join(append([]string{digits}, parts...), l.T("number.thousands"))
}

// SettingProblem says what is wrong with a value, by the code of the mistake and
// what it is about: Item, Line, Least, Most.
func (l Localizer) SettingProblem(code string, about ...any) string {
	return l.word("wrong", code, about...)
}

// SettingNote tells what somebody else set a value to meanwhile.
func (l Localizer) SettingNote(who, value string) string {
	return l.T("conflict.note", "Who", cmp.Or(who, l.T("conflict.somebody")), "Value", value)
}

// AtInstallation names who made the first version.
func (l Localizer) AtInstallation() string { return l.T("history.installation") }

// UnknownPerson names a user of whom only the id is known.
func (l Localizer) UnknownPerson(id int64) string { return l.T("value.person", "ID", id) }

// NothingChanged is what a toast says when there was nothing to save.
func (l Localizer) NothingChanged() string { return l.T("settings.nothing") }

// Undone is what a toast says after an undo.
func (l Localizer) Undone() string { return l.T("settings.undone") }

// Restored is what a toast says after a version was brought back.
func (l Localizer) Restored(version int64) string {
	return l.T("settings.restored", "Version", version)
}

func (v SettingsVersion) number() string { return strconv.FormatInt(v.Version, 10) }

func (v SettingsVersion) address() string { return "/settings/history/" + v.number() }

func (d VersionDialog) restore() string {
	return "/settings/history/" + strconv.FormatInt(d.Version, 10) + "/restore"
}

func (p HistoryPage) current() string { return strconv.FormatInt(p.Current, 10) }
func (p HistoryPage) more() string    { return strconv.FormatInt(p.More, 10) }
func (p ImportPage) most() string     { return strconv.Itoa(p.Most) }
