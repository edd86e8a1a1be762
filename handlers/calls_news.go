package handlers

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"

	"callwise/models"
	"callwise/views"

	"github.com/labstack/echo/v4"
)

// Bounds of what a page tells about itself when it asks for news.
const (
	newsPerAnswer = 50
	rowsToldOf    = 200
)

// news are the calls that came since the page was made, those on it that
// changed, and how many calls each preset then has; 204 if there are none. That
// the day of the page is over is news as well.
func (h *Handlers) news(c echo.Context) error {
	v, ctx := viewFrom(c), c.Request().Context()
	since, err := strconv.ParseInt(cmp.Or(c.FormValue("since"), "0"), 10, 64)
	if err != nil {
		return echo.ErrBadRequest.WithInternal(err)
	}
	values, _ := views.ReadFilter(c.FormValue)
	values = values.Known()
	fresh, err := h.freshCalls(c, v, values, since)
	if err != nil {
		return err
	}
	going, err := pairsIn(c.FormValue("going"))
	if err != nil {
		return err
	}
	changed, err := h.changedCalls(c, v, going)
	if err != nil {
		return err
	}
	day := c.FormValue("day")
	over := day != "" && day != h.today(v)
	if len(fresh)+len(changed) == 0 && !over {
		return c.NoContent(http.StatusNoContent)
	}
	employees, err := h.Store.Employees(ctx, v.portal.ID)
	if err != nil {
		return err
	}
	counts, err := h.counts(ctx, v, values)
	if err != nil {
		return err
	}
	w := h.words(v, employees)
	page := views.CallsPage{Page: views.Page{L: v.l, Session: v.token}, Rows: w.rows(fresh), DayOver: over}
	page.Filter.Presets = v.l.Presets(values, views.FilterChoices{Counts: counts, CountedTo: models.CountedTo})
	return render(c, http.StatusOK, views.CallNews(page, w.rows(changed)))
}

// today is the portal's date.
func (h *Handlers) today(v view) string { return h.Now().In(v.zone).Format(time.DateOnly) }

func (w words) rows(calls []models.CallRow) []views.CallRow {
	var rows []views.CallRow
	for _, call := range calls {
		rows = append(rows, w.row(call))
	}
	return rows
}

// freshCalls are the calls that came; a log with the oldest first has its news
// at the end, where nobody looks.
func (h *Handlers) freshCalls(c echo.Context, v view, values views.FilterValues, since int64) ([]models.CallRow, error) {
	if values.Order == "oldest" {
		return nil, nil
	}
	shown, err := pairsIn(c.FormValue("shown"))
	if err != nil {
		return nil, err
	}
	var known []int64
	for id := range shown {
		known = append(known, id)
	}
	filter, err := h.filterOf(c.Request().Context(), v, values)
	if err != nil {
		return nil, err
	}
	return h.Store.FreshCalls(c.Request().Context(), v.portal.ID, filter, since, known, newsPerAnswer)
}

// changedCalls are those of the calls that are not any more as the page has
// them.
func (h *Handlers) changedCalls(c echo.Context, v view, shown map[int64]string) ([]models.CallRow, error) {
	var ids []int64
	for id := range shown {
		ids = append(ids, id)
	}
	rows, err := h.Store.CallRowsByID(c.Request().Context(), v.portal.ID, ids)
	if err != nil {
		return nil, err
	}
	var changed []models.CallRow
	for _, row := range rows {
		if rowVersion(row) != shown[row.ID] {
			changed = append(changed, row)
		}
	}
	return changed, nil
}

// rowVersion changes with every change of a call.
func rowVersion(row models.CallRow) string { return strconv.FormatInt(row.UpdatedAt.UnixMicro(), 36) }

// pairsIn reads "9:k3f 8:k2a 7": ids of calls, with their versions as far as
// they matter.
func pairsIn(text string) (map[int64]string, error) {
	words := strings.Fields(text)
	pairs := make(map[int64]string, min(len(words), rowsToldOf))
	for _, word := range words[:min(len(words), rowsToldOf)] {
		number, version, _ := strings.Cut(word, ":")
		id, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, echo.ErrBadRequest.WithInternal(err)
		}
		pairs[id] = version
	}
	return pairs, nil
}
