package handlers

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"

	"callwise/models"
	"callwise/views"

	"github.com/labstack/echo/v4"
)

const callsPerPage = 50

// logQuery is what the log is narrowed to, and where the page begins.
type logQuery struct {
	values views.FilterValues
	given  bool // by the request, not by an earlier one
	after  models.Cursor
	found  int // calls that the search has found before this page
}

// calls shows the call log: the whole page, or, with a cursor, the next rows.
func (h *Handlers) calls(c echo.Context) error { return h.renderCalls(c, viewFrom(c)) }

func (h *Handlers) renderCalls(c echo.Context, v view) error {
	q, err := queryOf(c)
	if err != nil {
		return err
	}
	if err := h.recall(c, v, &q); err != nil {
		return err
	}
	if q.after != (models.Cursor{}) && asPart(c) {
		page, err := h.callRows(c, v, q)
		if err != nil {
			return err
		}
		return render(c, http.StatusOK, views.CallRows(page))
	}
	page, err := h.callsPage(c, v, q)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, views.Calls(page))
}

// asPart reports a request of htmx: a part of the page is enough for it.
func asPart(c echo.Context) bool { return c.Request().Header.Get("HX-Request") != "" }

// queryOf reads the filter from the address or the form. Wrong words narrow
// nothing.
func queryOf(c echo.Context) (logQuery, error) {
	q := logQuery{}
	q.values, q.given = views.ReadFilter(c.FormValue)
	q.values = q.values.Bar(c.FormValue("bar"), c.FormValue("chart")).Known()
	if found, err := strconv.Atoi(c.FormValue("found")); err == nil {
		q.found = min(max(found, 0), callsPerPage)
	}
	after := c.FormValue("before")
	if after == "" {
		return q, nil
	}
	var err error
	if q.after, err = readCursor(after); err != nil {
		return q, echo.ErrBadRequest.WithInternal(err)
	}
	return q, nil
}

// recall keeps the filter that somebody chose, and brings it back when the log
// is opened anew. What a page asks for again by itself was not chosen now.
func (h *Handlers) recall(c echo.Context, v view, q *logQuery) error {
	ctx := c.Request().Context()
	if !q.given {
		saved, err := h.Store.LogFilterOf(ctx, v.portal.ID, v.visitor.UserID)
		q.values = readAddress(saved)
		return err
	}
	if c.Request().Method != http.MethodPost || q.after != (models.Cursor{}) || c.FormValue("again") != "" {
		return nil
	}
	address := q.values.Address()
	if q.values == (views.FilterValues{}) {
		address = ""
	}
	return h.Store.SaveLogFilter(ctx, v.portal.ID, v.visitor.UserID, address)
}

// cursorText is a place in the log as the page carries it.
func cursorText(at *models.Cursor) (string, error) {
	if at == nil {
		return "", nil
	}
	text, err := json.Marshal(at)
	return base64.RawURLEncoding.EncodeToString(text), err
}

// readCursor is the reverse of cursorText.
func readCursor(text string) (at models.Cursor, err error) {
	plain, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(plain, &at)
	}
	return at, err
}

// callRows is a page of rows with the way to the next.
func (h *Handlers) callRows(c echo.Context, v view, q logQuery) (views.CallsPage, error) {
	ctx := c.Request().Context()
	filter, err := h.filterOf(ctx, v, q.values)
	if err != nil {
		return views.CallsPage{}, err
	}
	found, err := h.Store.CallPage(ctx, v.portal.ID, filter, q.after, callsPerPage)
	if err != nil {
		return views.CallsPage{}, err
	}
	employees, err := h.Store.Employees(ctx, v.portal.ID)
	if err != nil {
		return views.CallsPage{}, err
	}
	more, err := cursorText(found.Next)
	if err != nil {
		return views.CallsPage{}, err
	}
	page := views.CallsPage{
		Page: views.Page{L: v.l, Session: v.token}, Filter: views.CallFilter{Values: q.values},
		More: more, Found: q.found + len(found.Rows),
	}
	w := h.words(v, employees)
	if found.Searched && page.Found < callsPerPage {
		page.Searched = v.l.T("calls.searched", "Time", w.l.Moment(found.Next.At, w.now, w.zone).Text)
	}
	for _, row := range found.Rows {
		page.Rows = append(page.Rows, w.row(row))
	}
	return page, nil
}

// callsPage is the whole page.
func (h *Handlers) callsPage(c echo.Context, v view, q logQuery) (views.CallsPage, error) {
	ctx := c.Request().Context()
	newest, err := h.Store.NewestCall(ctx, v.portal.ID) // before the rows: what comes meanwhile is news
	if err != nil {
		return views.CallsPage{}, err
	}
	day := h.today(v) // before the rows, too
	page, err := h.callRows(c, v, q)
	if err != nil {
		return views.CallsPage{}, err
	}
	keys, err := h.Store.PBXKeys(ctx, v.portal.ID)
	if err != nil {
		return views.CallsPage{}, err
	}
	choices, err := h.filterChoices(ctx, v, q.values)
	if err != nil {
		return views.CallsPage{}, err
	}
	if page.Gaps, err = h.gaps(ctx, v); err != nil {
		return views.CallsPage{}, err
	}
	page.Page = h.page(v, views.CallsTab, len(keys) > 0)
	page.Filter = views.NewCallFilter(v.l, q.values, choices)
	page.Newest, page.Day = strconv.FormatInt(newest, 10), day
	if len(page.Rows) == 0 && page.More == "" {
		page.Empty = emptiness(page.Filter.Active, len(keys) > 0, v.portal.Status)
	}
	return page, nil
}

// emptiness says why there is nothing to show.
func emptiness(filtered, connected bool, portal models.PortalStatus) views.EmptyState {
	switch {
	case filtered:
		return views.EmptyFiltered
	case portal != models.PortalActive:
		return views.EmptyWaiting
	case !connected:
		return views.EmptyPBX
	}
	return views.EmptyLog
}
