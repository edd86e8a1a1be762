package handlers

import (
	"context"
	"slices"
	"strings"

	"callwise/models"
	"callwise/views"
)

// maxMeanwhile is how many versions a conflict looks back for who made them.
const maxMeanwhile = 50

// authors are who saved since a version, in the order of their saves, and who
// last changed each value. Of a version that there is not, nobody is known.
type authors struct {
	names []string
	of    map[string]string // by path
	last  views.Moment
}

func (h *Handlers) authorsSince(ctx context.Context, v view, w settingWords, since int) (authors, error) {
	known := authors{of: map[string]string{}}
	if since == 0 {
		return known, nil
	}
	versions, err := h.Store.SettingsHistory(ctx, v.portal.ID, 0, maxMeanwhile)
	if err != nil {
		return known, err
	}
	slices.Reverse(versions)
	for i, version := range versions {
		if version.Version <= since {
			continue
		}
		who := w.who(version.UserID)
		if !slices.Contains(known.names, who) {
			known.names = append(known.names, who)
		}
		known.last = v.l.Moment(version.At, h.Now(), v.zone)
		if i == 0 {
			continue
		}
		for _, c := range versions[i-1].Settings.Changes(version.Settings) {
			known.of[c.Path] = who
		}
	}
	return known, nil
}

// showConflict adds to a page who saved what meanwhile, and at each field that
// both changed what the other one set.
func (h *Handlers) showConflict(ctx context.Context, page *views.SettingsPage, v view, conflict settingsConflict, w settingWords) error {
	known, err := h.authorsSince(ctx, v, w, conflict.since)
	if err != nil {
		return err
	}
	page.Conflict = &views.Conflict{
		Who: strings.Join(known.names, ", "), When: known.last, Changes: w.changes(conflict.changes), URL: conflict.url,
	}
	page.Notes = map[string]string{}
	values := v.portal.Settings.Values()
	for _, path := range conflict.both {
		page.Notes[path] = v.l.SettingNote(known.of[path], w.fact(path, values[path]).Value)
	}
	return nil
}

// changes are the differences between two versions in words.
func (w settingWords) changes(changes []models.SettingChange) []views.SettingChange {
	told := make([]views.SettingChange, 0, len(changes))
	for _, c := range changes {
		told = append(told, w.l.SettingChange(models.SettingParts(c.Path), c.From, c.To, w.names))
	}
	return told
}
