package handlers

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"callwise/app/callflow"
	"callwise/models"
	"callwise/views"

	"github.com/labstack/echo/v4"
)

// A settingsForm is what the settings page shows besides what is stored. The
// zero value shows what is stored.
type settingsForm struct {
	edit     *settingsEdit // what was entered
	review   bool          // shows what Save would change
	imported bool          // from a file
	conflict *settingsConflict
	done     *settingsDone
	keyName  string
	keyError views.FieldError
	newKey   *views.NewKey
	reveal   bool
	replaced bool // the command secret, since the visitor's page
	trial    trial
}

// A settingsDone is what was just saved.
type settingsDone struct {
	before *models.Portal
	said   string
}

// A settingsConflict is what somebody else saved meanwhile.
type settingsConflict struct {
	changes []models.SettingChange // what they changed
	both    []string               // paths that both changed, and differently
	url     bool                   // both changed the command URL
	since   int                    // the version that the visitor's form was made from
}

// renderConflict shows an edit together with what others saved since its
// version: theirs where only they changed a value, the visitor's elsewhere.
func (h *Handlers) renderConflict(c echo.Context, v view, e *settingsEdit) error {
	var err error
	if v.portal, err = h.Store.PortalByID(c.Request().Context(), v.portal.ID); err != nil {
		return err
	}
	shown := settingsForm{conflict: &settingsConflict{changes: e.base.Changes(v.portal.Settings), url: e.bothURL(v), since: e.version}}
	merged := *e
	merged.next, shown.conflict.both = e.base.Merge(v.portal.Settings, e.next)
	merged.version, merged.urlWas = v.portal.SettingsVersion, v.portal.CommandURL
	merged.errors, merged.entered = merged.next.Check(), nil
	if !e.changesURL() {
		merged.hasURL = false
	}
	shown.edit = &merged
	return h.renderSettings(c, v, http.StatusConflict, shown)
}

// renderSettings shows the settings page.
func (h *Handlers) renderSettings(c echo.Context, v view, status int, shown settingsForm) error {
	ctx := c.Request().Context()
	keys, err := h.Store.PBXKeys(ctx, v.portal.ID)
	if err != nil {
		return err
	}
	w, err := h.settingWords(ctx, v)
	if err != nil {
		return err
	}
	last, err := h.Store.SettingsHistory(ctx, v.portal.ID, 0, 1)
	if err != nil {
		return err
	}
	used, err := h.Store.LinesUsed(ctx, v.portal.ID)
	if err != nil {
		return err
	}
	page := h.settingsPage(v, shown, keys, w)
	if page.RepeatRefuted, err = h.repeatWarning(ctx, v); err != nil {
		return err
	}
	page.Lines = w.settingLines(page.Values, v.portal.Settings, used)
	if page.Trials, err = h.trials(ctx, v, shown, keys); err != nil {
		return err
	}
	for _, version := range last {
		page.History = views.LastChange{Who: w.who(version.UserID), When: v.l.Moment(version.At, h.Now(), v.zone)}
	}
	if shown.conflict != nil {
		if err := h.showConflict(ctx, &page, v, *shown.conflict, w); err != nil {
			return err
		}
	}
	return render(c, status, views.Settings(page))
}

// repeatWarning says that a call has shown repeat sales mode to be off; empty if
// none has.
func (h *Handlers) repeatWarning(ctx context.Context, v view) (string, error) {
	at, refuted, err := h.repeatRefuted(ctx, v)
	if err != nil || !refuted {
		return "", err
	}
	return v.l.T("health.repeat.refuted", "When", h.when(v, at)), nil
}

// settingsPage is the settings page's view-model, without what only the store
// knows.
func (h *Handlers) settingsPage(v view, shown settingsForm, keys []models.PBXKey, w settingWords) views.SettingsPage {
	stored := v.portal.Settings
	now, values := stored, stored.Values()
	version, urlWas := v.portal.SettingsVersion, v.portal.CommandURL
	if shown.edit != nil {
		now, values = shown.edit.next, shown.edit.next.Values()
		maps.Copy(values, shown.edit.entered)
		version, urlWas = shown.edit.found(v)
	}
	page := views.SettingsPage{
		Page: h.page(v, views.SettingsTab, len(keys) > 0), Version: int64(version),
		Values: values, SimpleMode: v.portal.Mode() == "simple",
		People: w.people, Sources: w.sources, SourcesUnread: w.sourcesUnread, Cards: w.cards(values, stored),
		Countries: countries(v.l), Preview: preview(v, now, shown.trial.line), Connection: h.connection(v, shown, keys), CommandURLWas: urlWas,
	}
	page.AlertsUnheard = values["alerts/users"] != "" && !callflow.MayAlert(v.portal)
	if v.portal.PortalCountry != "" {
		page.PortalCountry = v.l.Country(v.portal.PortalCountry)
	}
	if shown.edit != nil {
		h.showEdit(&page, v, shown, w)
	}
	if shown.done != nil {
		page.Saved, page.SavedText, page.Undo = true, shown.done.said, undoOf(shown.done.before, v.portal)
		if page.Undo == nil {
			page.SavedText = v.l.NothingChanged()
		}
	}
	return page
}

// showEdit adds what differs from the stored settings, and what is wrong.
func (h *Handlers) showEdit(page *views.SettingsPage, v view, shown settingsForm, w settingWords) {
	stored := v.portal.Settings.Values()
	page.Stored = map[string]string{}
	for path := range maps.All(page.Values) {
		if page.Values[path] != stored[path] {
			page.Stored[path] = stored[path]
		}
	}
	changes := v.portal.Settings.Changes(shown.edit.next)
	for _, c := range changes {
		page.Stored[c.Path] = c.From
		if strings.HasPrefix(c.Path, "extensions/") {
			page.Carried = append(page.Carried, views.Choice{Value: c.Path, Label: c.To})
		}
	}
	newURL := shown.edit.changesURL() && shown.edit.url != v.portal.CommandURL
	page.Unsaved = len(page.Stored) > 0 || newURL
	page.Problems = w.problems(shown.edit.errors)
	if shown.edit.urlError != views.NoError {
		page.Problems = append(page.Problems, w.urlProblem(shown.edit.urlError))
	}
	if shown.review {
		page.Review = &views.Review{Imported: shown.imported, Changes: w.changes(changes)}
		if newURL {
			page.Review.Changes = append(page.Review.Changes, v.l.CommandURLChange(v.portal.CommandURL, shown.edit.url))
		}
	}
}

// undoOf is the way back from what a portal has now to what it had before; nil
// if nothing changed.
func undoOf(before, now *models.Portal) *views.Undo {
	u := &views.Undo{
		Version: int64(now.SettingsVersion), To: int64(before.SettingsVersion),
		URL: before.CommandURL != now.CommandURL, CommandURL: now.CommandURL, CommandURLTo: before.CommandURL,
	}
	if u.Version == u.To && !u.URL {
		return nil
	}
	return u
}

// cards are the employees with a time of their own in the form or in what is
// stored, by name.
func (w settingWords) cards(values map[string]string, stored models.Settings) []views.CardException {
	paths := map[string]bool{}
	for _, all := range []map[string]string{values, stored.Values()} {
		for path := range all {
			if strings.HasPrefix(path, "card/employees/") {
				paths[path] = true
			}
		}
	}
	var cards []views.CardException
	for path := range paths {
		id, _ := strconv.ParseInt(models.SettingParts(path)[2], 10, 64)
		cards = append(cards, views.CardException{Path: path, Name: w.who(id)})
	}
	slices.SortFunc(cards, func(a, b views.CardException) int { return strings.Compare(a.Name+a.Path, b.Name+b.Path) })
	return cards
}

func (h *Handlers) connection(v view, shown settingsForm, keys []models.PBXKey) views.Connection {
	con := views.Connection{
		NewKey: shown.newKey, KeyName: shown.keyName, KeyError: shown.keyError,
		APIAddress: h.PublicURL + "/pbx/v1/events", CommandURL: v.portal.CommandURL,
		CommandSecret: views.CommandSecret{Exists: v.portal.CommandSecret != "", Mark: v.portal.SecretMark(), Replaced: shown.replaced},
	}
	if shown.edit != nil && shown.edit.hasURL {
		con.CommandURL, con.CommandURLError = shown.edit.url, shown.edit.urlError
	}
	if len(v.portal.OldSecrets) > 0 && h.Now().Before(v.portal.OldSecrets[0].Until) {
		con.CommandSecret.OldUntil = v.l.Moment(v.portal.OldSecrets[0].Until, h.Now(), v.zone).Text
	}
	if shown.reveal {
		con.CommandSecret.Value = v.portal.CommandSecret
	}
	for _, k := range keys {
		key := views.Key{ID: k.ID, Name: k.Name, Hint: k.Hint, Created: v.l.Moment(k.CreatedAt, h.Now(), v.zone)}
		if k.LastUsedAt != nil {
			key.LastUsed = v.l.Moment(*k.LastUsedAt, h.Now(), v.zone)
		}
		con.Keys = append(con.Keys, key)
	}
	return con
}
