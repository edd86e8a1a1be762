package handlers

import (
	"net/http"
	"time"

	"callwise/views"

	"github.com/labstack/echo/v4"
)

// Days of the overview: of a log without a period, at most, and as many as are
// drawn one by one.
const (
	overviewDays = 30
	longestDays  = 92
	singleDays   = 31
)

// overview are the charts above the log: they alone for htmx, else with the
// whole page.
func (h *Handlers) overview(c echo.Context) error {
	v := viewFrom(c)
	q, err := queryOf(c)
	if err != nil {
		return err
	}
	charts, err := h.charts(c, v, q.values)
	if err != nil {
		return err
	}
	if asPart(c) {
		page := views.CallsPage{Page: views.Page{L: v.l, Session: v.token}, Filter: views.CallFilter{Values: q.values}, Overview: &charts}
		return render(c, http.StatusOK, views.CallOverview(page))
	}
	page, err := h.callsPage(c, v, q)
	if err != nil {
		return err
	}
	page.Overview = &charts
	return render(c, http.StatusOK, views.Calls(page))
}

func (h *Handlers) charts(c echo.Context, v view, values views.FilterValues) (views.Overview, error) {
	filter, err := h.filterOf(c.Request().Context(), v, values)
	if err != nil {
		return views.Overview{}, err
	}
	days := overviewBounds(filter.From, filter.To, h.Now().In(v.zone))
	var bounds []time.Time
	for _, day := range days {
		bounds = append(bounds, dayBegins(day.Year(), day.Month(), day.Day(), v.zone))
	}
	stats, err := h.Store.CallStats(c.Request().Context(), v.portal.ID, filter, bounds)
	if err != nil {
		return views.Overview{}, err
	}
	var spans []views.Span
	for i, s := range stats {
		spans = append(spans, views.Span{
			From: days[i], To: days[i+1].AddDate(0, 0, -1),
			Answered: s.Answered, Unanswered: s.Unanswered, Created: s.Created, Trouble: s.Trouble,
		})
	}
	return views.NewOverview(v.l, values, spans), nil
}

// overviewBounds are the calendar days, or the first ones of the weeks of a long
// time, between two times, and the one after the last. Without a beginning they
// are the last month, and never more than a quarter.
func overviewBounds(begin, end, now time.Time) []time.Time {
	today, from, to := calendarDay(now), calendarDay(begin), calendarDay(end)
	if end.IsZero() || to.After(today) {
		to = today.AddDate(0, 0, 1)
	}
	if begin.IsZero() {
		from = to.AddDate(0, 0, -overviewDays)
	}
	if earliest := to.AddDate(0, 0, -longestDays); from.Before(earliest) {
		from = earliest
	}
	step := 1
	if from.AddDate(0, 0, singleDays).Before(to) {
		step = 7
	}
	var bounds []time.Time
	for at := from; at.Before(to); at = at.AddDate(0, 0, step) {
		bounds = append(bounds, at)
	}
	return append(bounds, to)
}
