package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"callwise/app/pbx"
	"callwise/app/rules"
	"callwise/models"
	"callwise/views"

	"github.com/labstack/echo/v4"
)

// Bounds of what the settings page takes.
const (
	maxCommandURL = 500
	maxKeyName    = 60
	maxKeys       = 20
)

// A settingsForm is what the settings page shows besides what is stored: what
// was entered, and what is wrong with it. The zero value shows what is stored.
type settingsForm struct {
	entered    *models.Settings
	commandURL *string
	urlError   views.FieldError
	saved      bool
	conflict   bool
	keyName    string
	keyError   views.FieldError
	newKey     *views.NewKey
	reveal     bool
	trial      trial
}

func (h *Handlers) settings(c echo.Context) error {
	return h.renderSettings(c, viewFrom(c), http.StatusOK, settingsForm{})
}

// saveSettings stores what differs from the page's version. A field that is
// missing changes nothing.
func (h *Handlers) saveSettings(c echo.Context) error {
	v := viewFrom(c)
	form, err := postedForm(c)
	if err != nil {
		return err
	}
	shown := settingsForm{}
	next := entered(form, v.portal.Settings)
	shown.entered = &next
	if form.Has("command_url") {
		address := strings.TrimSpace(form.Get("command_url"))
		shown.commandURL, shown.urlError = &address, h.checkCommandURL(address)
	}
	if shown.urlError != views.NoError {
		return h.renderSettings(c, v, http.StatusUnprocessableEntity, shown)
	}
	err = h.storeSettings(c, v, form.Get("version"), shown)
	if errors.Is(err, models.ErrConflict) {
		shown.conflict = true
		return h.renderSettings(c, v, http.StatusConflict, shown)
	}
	if err != nil {
		return err
	}
	if v.portal, err = h.Store.PortalByID(c.Request().Context(), v.portal.ID); err != nil {
		return err
	}
	return h.renderSettings(c, v, http.StatusOK, settingsForm{saved: true})
}

// storeSettings writes the form down and has the lines in Bitrix24 follow the
// switches.
func (h *Handlers) storeSettings(c echo.Context, v view, version string, shown settingsForm) error {
	ctx := c.Request().Context()
	number, err := strconv.Atoi(version)
	if err != nil {
		return echo.ErrBadRequest
	}
	if err := h.Store.SaveSettings(ctx, models.SettingsEdit{
		PortalID: v.portal.ID, Version: number, Settings: *shown.entered, UserID: v.visitor.UserID,
	}); err != nil {
		return err
	}
	if shown.commandURL != nil && *shown.commandURL != v.portal.CommandURL {
		if err := h.Store.SetCommandURL(ctx, v.portal.ID, *shown.commandURL); err != nil {
			return err
		}
	}
	if shown.commandURL != nil && *shown.commandURL != "" && v.portal.CommandSecret == "" {
		if err := h.Store.SetCommandSecret(ctx, v.portal.ID, pbx.NewSecret()); err != nil {
			return err
		}
	}
	if !touchesLines(v.portal.Settings.Changes(*shown.entered)) {
		return nil
	}
	return h.Store.EnqueueLines(ctx, v.portal.ID)
}

// touchesLines reports changes that Bitrix24's external lines follow.
func touchesLines(changes []models.SettingChange) bool {
	return slices.ContainsFunc(changes, func(c models.SettingChange) bool {
		switch models.SettingParts(c.Path)[0] {
		case "create_entities", "outgoing_calls", "dry_run", "lines":
			return true
		}
		return false
	})
}

// entered are the settings with what a form changes.
func entered(form url.Values, s models.Settings) models.Settings {
	for name, target := range map[string]*bool{
		"create_entities": &s.CreateEntities, "outgoing_calls": &s.OutgoingCalls, "repeated_leads": &s.RepeatedLeads,
		"builtin_lines": &s.BuiltinLines, "other_apps": &s.OtherApps,
	} {
		// A switch is two fields of one name: "off" always, "on" when it is on.
		if values := form[name]; len(values) > 0 {
			*target = values[len(values)-1] == "on"
		}
	}
	switch repeat := rules.Repeat(form.Get("repeat_in_bitrix24")); repeat {
	case rules.RepeatOn, rules.RepeatOff, rules.RepeatUnknown:
		s.RepeatInBitrix24 = repeat
	}
	return s
}

// checkCommandURL says what is wrong with an address for commands; none at all
// is fine.
func (h *Handlers) checkCommandURL(address string) views.FieldError {
	if address == "" {
		return views.NoError
	}
	if len(address) > maxCommandURL {
		return views.ErrTooLong
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return views.ErrNotAnAddress
	}
	loopback := h.Insecure && isLoopback(u.Hostname())
	switch {
	case u.Scheme != "https" && !(u.Scheme == "http" && loopback):
		return views.ErrNotHTTPS
	case !loopback && isPrivate(u.Hostname()):
		return views.ErrNotReachable
	}
	return views.NoError
}

// renderSettings shows the settings page.
func (h *Handlers) renderSettings(c echo.Context, v view, status int, shown settingsForm) error {
	keys, err := h.Store.PBXKeys(c.Request().Context(), v.portal.ID)
	if err != nil {
		return err
	}
	page := h.settingsPage(v, shown, keys)
	if page.Trials, err = h.trials(c.Request().Context(), v, shown, keys); err != nil {
		return err
	}
	return render(c, status, views.Settings(page))
}

// settingsPage is the settings page's view-model.
func (h *Handlers) settingsPage(v view, shown settingsForm, keys []models.PBXKey) views.SettingsPage {
	s := v.portal.Settings
	if shown.entered != nil {
		s = *shown.entered
	}
	page := views.SettingsPage{
		Page: h.page(v, views.SettingsTab, len(keys) > 0), Version: int64(v.portal.SettingsVersion),
		Unsaved: shown.conflict || shown.urlError != views.NoError, Saved: shown.saved,
		CreateEntities: s.CreateEntities, OutgoingCalls: s.OutgoingCalls, RepeatedLeads: s.RepeatedLeads,
		Repeat: string(s.RepeatInBitrix24), SimpleMode: v.portal.Mode() == "simple",
		BuiltinLines: s.BuiltinLines, OtherApps: s.OtherApps,
		Preview: preview(v, s, shown.trial.line), Connection: h.connection(v, shown, keys),
	}
	if shown.conflict {
		page.Conflict = &views.Conflict{When: v.l.Moment(v.portal.UpdatedAt, h.Now(), v.zone)}
	}
	return page
}

func (h *Handlers) connection(v view, shown settingsForm, keys []models.PBXKey) views.Connection {
	con := views.Connection{
		NewKey: shown.newKey, KeyName: shown.keyName, KeyError: shown.keyError,
		APIAddress: h.PublicURL + "/pbx/v1/events", CommandURL: v.portal.CommandURL, CommandURLError: shown.urlError,
		CommandSecret: views.CommandSecret{Exists: v.portal.CommandSecret != ""},
	}
	if shown.commandURL != nil {
		con.CommandURL = *shown.commandURL
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
