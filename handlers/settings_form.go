package handlers

import (
	"errors"
	"net/url"
	"strconv"
	"strings"

	"callwise/models"
	"callwise/views"

	"github.com/labstack/echo/v4"
)

// A settingsEdit is what somebody wants to save: settings made from a version
// of them, which need not be the current one any more.
type settingsEdit struct {
	version int               // the settings were made from; 0: one that there is not
	base    models.Settings   // of that version
	next    models.Settings   // as entered
	entered map[string]string // as it was typed, by path
	errors  []models.SettingError

	hasURL      bool // the edit has a command URL
	url, urlWas string
	urlError    views.FieldError

	restoredFrom int    // a version that is brought back
	said         string // when it is done; empty is "Saved"
}

func (e *settingsEdit) wrong() bool {
	return len(e.errors) > 0 || e.urlError != views.NoError
}

// found is the version and the command URL that the form found: one that is shown
// again goes on from there, and what others saved since is not taken for its own.
func (e *settingsEdit) found(v view) (version int, url string) {
	version, url = e.version, e.urlWas
	if version == 0 {
		version = v.portal.SettingsVersion
	}
	if !e.hasURL {
		url = v.portal.CommandURL
	}
	return version, url
}

// stale reports that somebody saved since the edit's version. The command URL
// has no version: what the form found there must still be there if it is to be
// replaced.
func (e *settingsEdit) stale(v view) bool {
	return e.version != v.portal.SettingsVersion || e.bothURL(v)
}

// changesURL reports that the form has another command URL than it found.
func (e *settingsEdit) changesURL() bool { return e.hasURL && e.url != e.urlWas }

// bothURL reports that somebody else, too, changed the command URL.
func (e *settingsEdit) bothURL(v view) bool {
	return e.changesURL() && e.urlWas != v.portal.CommandURL && e.url != v.portal.CommandURL
}

// enteredEdit reads what somebody entered in the form of the settings, who names
// employees of the portal only.
func (h *Handlers) enteredEdit(c echo.Context, v view) (*settingsEdit, error) {
	e, err := h.postedEdit(c, v)
	if err != nil {
		return nil, err
	}
	employees, err := h.Store.Employees(c.Request().Context(), v.portal.ID)
	e.errors = models.InOrder(append(e.errors, strangers(employees, e.base, e.next)...))
	return e, err
}

// postedEdit reads the form of the settings.
func (h *Handlers) postedEdit(c echo.Context, v view) (*settingsEdit, error) {
	form, err := postedForm(c)
	if err != nil {
		return nil, err
	}
	version, err := versionOf(form.Get("version"))
	if err != nil {
		return nil, err
	}
	e := &settingsEdit{version: version, entered: settingValues(form)}
	at, err := h.Store.SettingsAt(c.Request().Context(), v.portal.ID, version)
	switch {
	case errors.Is(err, models.ErrNotFound):
		e.version, e.base = 0, v.portal.Settings
	case err != nil:
		return nil, err
	default:
		e.base = at.Settings
	}
	e.next, e.errors = e.base.With(e.entered)
	if !form.Has("command_url") {
		return e, nil
	}
	e.hasURL, e.url, e.urlWas = true, strings.TrimSpace(form.Get("command_url")), v.portal.CommandURL
	if form.Has("command_url_was") {
		e.urlWas = form.Get("command_url_was")
	}
	if e.changesURL() {
		e.urlError = h.checkCommandURL(e.url)
	}
	return e, nil
}

// versionOf reads the number of a version. One that the database cannot hold is
// none.
func versionOf(text string) (int, error) {
	version, err := strconv.ParseInt(text, 10, 32)
	if err != nil || version < 1 {
		return 0, echo.ErrBadRequest.WithInternal(err)
	}
	return int(version), nil
}

// settingValues are the settings in a form, by path. A switch is two fields of
// one name, "off" always and "on" when it is on: the last value counts.
func settingValues(form url.Values) map[string]string {
	values := map[string]string{}
	for i, user := range form["add_card_employee"] {
		if user != "" && i < len(form["add_card_when"]) {
			values[models.SettingPath("card", "employees", user)] = form["add_card_when"][i]
		}
	}
	for name, all := range form {
		switch {
		case !models.KnownSetting(name) || len(all) == 0:
		case name == "missed/days", name == "callbacks/duty", name == "alerts/users":
			values[name] = strings.Trim(strings.Join(all, "\n"), "\n")
		case strings.HasPrefix(name, "exclusions/"):
			values[name] = strings.ReplaceAll(all[len(all)-1], "\r\n", "\n")
		default:
			values[name] = strings.TrimSpace(all[len(all)-1])
		}
	}
	return values
}
