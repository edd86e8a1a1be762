package handlers

import (
	"context"
	"net/http"

	"callwise/models"
	"callwise/views"

	"github.com/labstack/echo/v4"
)

const versionsPerPage = 20

// history shows the versions of the settings: the whole page, or, with a place
// to go on from, the next ones.
func (h *Handlers) history(c echo.Context) error {
	v, before := viewFrom(c), 0
	if text := c.FormValue("before"); text != "" {
		var err error
		if before, err = versionOf(text); err != nil {
			return err
		}
	}
	w, err := h.settingWords(c.Request().Context(), v)
	if err != nil {
		return err
	}
	page, err := h.historyPage(c.Request().Context(), v, w, before)
	if err != nil {
		return err
	}
	if before > 0 && c.Request().Header.Get("HX-Request") != "" {
		return render(c, http.StatusOK, views.HistoryRows(page))
	}
	return render(c, http.StatusOK, views.History(page))
}

// historyVersion shows one version: everything of it or, if it is to be brought
// back, what that would change.
func (h *Handlers) historyVersion(c echo.Context) error {
	v, ctx := viewFrom(c), c.Request().Context()
	number, err := versionOf(c.Param("version"))
	if err != nil {
		return models.ErrNotFound
	}
	version, err := h.Store.SettingsAt(ctx, v.portal.ID, number)
	if err != nil {
		return err
	}
	w, err := h.settingWords(ctx, v)
	if err != nil {
		return err
	}
	shown := views.VersionDialog{
		Version: int64(number), When: v.l.Moment(version.At, h.Now(), v.zone), All: w.everything(version.Settings),
		Restore: c.FormValue("ask") == "restore", Changes: w.changes(v.portal.Settings.Changes(version.Settings)),
	}
	if c.Request().Header.Get("HX-Request") != "" {
		around := views.HistoryPage{Page: h.page(v, views.SettingsTab, true), Current: int64(v.portal.SettingsVersion)}
		return render(c, http.StatusOK, views.VersionOf(around, shown))
	}
	page, err := h.historyPage(ctx, v, w, 0)
	if err != nil {
		return err
	}
	page.Open = &shown
	return render(c, http.StatusOK, views.History(page))
}

// restoreVersion brings a version back, as an edit of the settings that the
// visitor compared it with.
func (h *Handlers) restoreVersion(c echo.Context) error {
	v := viewFrom(c)
	number, err := versionOf(c.Param("version"))
	if err != nil {
		return models.ErrNotFound
	}
	version, err := h.Store.SettingsAt(c.Request().Context(), v.portal.ID, number)
	if err != nil {
		return err
	}
	e, err := h.postedEdit(c, v)
	if err != nil {
		return err
	}
	e.next, e.entered, e.errors, e.hasURL = version.Settings, nil, version.Settings.Check(), false
	e.restoredFrom, e.said = number, v.l.Restored(int64(number))
	return h.finishEdit(c, v, e)
}

func (h *Handlers) historyPage(ctx context.Context, v view, w settingWords, before int) (views.HistoryPage, error) {
	keys, err := h.Store.PBXKeys(ctx, v.portal.ID)
	if err != nil {
		return views.HistoryPage{}, err
	}
	// One more than is shown: each version is compared with the one before it.
	versions, err := h.Store.SettingsHistory(ctx, v.portal.ID, before, versionsPerPage+1)
	if err != nil {
		return views.HistoryPage{}, err
	}
	if len(versions) == 0 && before == 0 {
		first, err := h.Store.SettingsAt(ctx, v.portal.ID, v.portal.SettingsVersion)
		if err != nil {
			return views.HistoryPage{}, err
		}
		versions = append(versions, *first)
	}
	page := views.HistoryPage{Page: h.page(v, views.SettingsTab, len(keys) > 0), Current: int64(v.portal.SettingsVersion)}
	for i, version := range versions[:min(len(versions), versionsPerPage)] {
		shown, err := h.shownVersion(ctx, v, w, version)
		if err != nil {
			return page, err
		}
		if shown.First = i+1 == len(versions); !shown.First {
			shown.Changes = w.changes(versions[i+1].Settings.Changes(version.Settings))
		}
		page.Versions = append(page.Versions, shown)
	}
	if len(versions) > versionsPerPage {
		page.More = int64(versions[versionsPerPage-1].Version)
	}
	return page, nil
}

func (h *Handlers) shownVersion(ctx context.Context, v view, w settingWords, version models.SettingsVersion) (views.SettingsVersion, error) {
	decided, err := h.Store.CallsDecided(ctx, v.portal.ID, version.Version)
	return views.SettingsVersion{
		L: v.l, Version: int64(version.Version), Who: w.who(version.UserID), When: v.l.Moment(version.At, h.Now(), v.zone),
		RestoredFrom: int64(version.RestoredFrom), Current: version.Version == v.portal.SettingsVersion,
		Decided: v.l.CallsDecided(decided, decided == models.CallsDecidedMax),
	}, err
}
