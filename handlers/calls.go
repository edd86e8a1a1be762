package handlers

import (
	"encoding/base64"
	"encoding/json"
	"net/http"

	"callwise/app/call"
	"callwise/models"
	"callwise/views"

	"github.com/labstack/echo/v4"
)

const callsPerPage = 50

// logQuery is what the log is narrowed to, and where the page begins.
type logQuery struct {
	direction, outcome string
	after              models.Cursor
}

// calls shows the call log: the whole page, or, with a cursor, the next rows.
func (h *Handlers) calls(c echo.Context) error { return h.renderCalls(c, viewFrom(c)) }

func (h *Handlers) renderCalls(c echo.Context, v view) error {
	q, err := queryOf(c)
	if err != nil {
		return err
	}
	page, err := h.callsPage(c, v, q)
	if err != nil {
		return err
	}
	if q.after != (models.Cursor{}) && c.Request().Header.Get("HX-Request") != "" {
		return render(c, http.StatusOK, views.CallRows(page))
	}
	return render(c, http.StatusOK, views.Calls(page))
}

// queryOf reads the filter from the address or the form.
func queryOf(c echo.Context) (logQuery, error) {
	value := func(name string) string { return c.FormValue(name) }
	q := logQuery{direction: value("direction"), outcome: value("outcome")}
	after := value("before")
	if after == "" {
		return q, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(after)
	if err == nil {
		err = json.Unmarshal(text, &q.after)
	}
	if err != nil {
		return q, echo.ErrBadRequest.WithInternal(err)
	}
	return q, nil
}

// cursorText is a place in the log as the page carries it.
func cursorText(at *models.Cursor) (string, error) {
	if at == nil {
		return "", nil
	}
	text, err := json.Marshal(at)
	return base64.RawURLEncoding.EncodeToString(text), err
}

// filterOf turns the words of the page into the store's filter. A call that
// nobody answered counts as missed; an unknown word filters nothing.
func filterOf(q logQuery) models.CallFilter {
	var f models.CallFilter
	switch d := call.Direction(q.direction); d {
	case call.Incoming, call.Outgoing, call.Redirected, call.Callback, call.Info, call.Internal:
		f.Directions = []call.Direction{d}
	}
	switch q.outcome {
	case "answered":
		f.Statuses = []call.Status{call.StatusAnswered}
	case "missed":
		f.Statuses = []call.Status{
			call.StatusMissed, call.StatusDeclined, call.StatusCancelled, call.StatusBusy, call.StatusNoAnswer,
			call.StatusInvalidNumber, call.StatusUnavailable, call.StatusNoFunds, call.StatusBlocked, call.StatusFailed,
		}
	}
	return f
}

func (h *Handlers) callsPage(c echo.Context, v view, q logQuery) (views.CallsPage, error) {
	ctx := c.Request().Context()
	rows, next, err := h.Store.CallPage(ctx, v.portal.ID, filterOf(q), q.after, callsPerPage)
	if err != nil {
		return views.CallsPage{}, err
	}
	keys, err := h.Store.PBXKeys(ctx, v.portal.ID)
	if err != nil {
		return views.CallsPage{}, err
	}
	employees, err := h.Store.Employees(ctx, v.portal.ID)
	if err != nil {
		return views.CallsPage{}, err
	}
	more, err := cursorText(next)
	if err != nil {
		return views.CallsPage{}, err
	}
	page := views.CallsPage{
		Page: h.page(v, views.CallsTab, len(keys) > 0), Filter: views.NewCallFilter(v.l, q.direction, q.outcome), More: more,
	}
	w := h.words(v, employees)
	for _, row := range rows {
		page.Rows = append(page.Rows, w.row(row))
	}
	if len(rows) == 0 {
		page.Empty = emptiness(page.Filter.Active, len(keys) > 0)
	}
	return page, nil
}

// emptiness says why there is nothing to show.
func emptiness(filtered, connected bool) views.EmptyState {
	switch {
	case filtered:
		return views.EmptyFiltered
	case !connected:
		return views.EmptyPBX
	}
	return views.EmptyLog
}
