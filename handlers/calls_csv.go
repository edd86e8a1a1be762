package handlers

import (
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"
	"time"

	"callwise/app/crm"
	"callwise/models"
	"callwise/views"

	"github.com/labstack/echo/v4"
)

const (
	exportPage = 500
	// exportPatience is how long a client may take to read a page of rows.
	exportPatience = time.Minute
)

// byteOrderMark tells spreadsheets that the file is UTF-8.
const byteOrderMark = "\uFEFF"

// export sends the filtered calls as CSV, page by page: neither the store nor
// the memory holds more of them at a time.
func (h *Handlers) export(c echo.Context) error {
	v, ctx := viewFrom(c), c.Request().Context()
	q, err := queryOf(c)
	if err != nil {
		return err
	}
	filter, err := h.filterOf(ctx, v, q.values)
	if err != nil {
		return err
	}
	employees, err := h.Store.Employees(ctx, v.portal.ID)
	if err != nil {
		return err
	}
	first, err := h.Store.CallPage(ctx, v.portal.ID, filter, models.Cursor{}, exportPage)
	if err != nil {
		return err
	}
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, "text/csv; charset=utf-8")
	header.Set(echo.HeaderContentDisposition, `attachment; filename="calls-`+h.Now().In(v.zone).Format(time.DateOnly)+`.csv"`)
	c.Response().WriteHeader(http.StatusOK)
	troubled(c, h.sendRows(c, h.words(v, employees), v, filter, first))
	return nil // the status is sent; what went wrong is in the log
}

// sendRows sends a page of calls, and all that come behind it.
func (h *Handlers) sendRows(c echo.Context, w words, v view, filter models.CallFilter, page models.LogPage) error {
	ctx, out := c.Request().Context(), http.NewResponseController(c.Response().Writer)
	table := csv.NewWriter(c.Response())
	table.UseCRLF = true
	if _, err := c.Response().Write([]byte(byteOrderMark)); err != nil {
		return err
	}
	if err := table.Write(safeCells(views.ExportColumns(v.l, v.zone))); err != nil {
		return err
	}
	for {
		if err := out.SetWriteDeadline(time.Now().Add(exportPatience)); err != nil {
			return err
		}
		for _, row := range page.Rows {
			if err := table.Write(safeCells(w.exported(row))); err != nil {
				return err
			}
		}
		table.Flush()
		if err := table.Error(); err != nil || page.Next == nil {
			return err
		}
		var err error
		if page, err = h.Store.CallPage(ctx, v.portal.ID, filter, *page.Next, exportPage); err != nil {
			return err
		}
	}
}

// exported are the cells of a call in the order of [views.ExportColumns].
func (w words) exported(r models.CallRow) []string {
	row, outcome := w.row(r), w.outcome(r, crm.Records{})
	outcome.Whole = true
	return []string{
		r.StartedAt.In(w.zone).Format("2006-01-02 15:04:05"), row.Call, row.Customer, row.Phone, row.Employee, row.Extension,
		row.Line, strconv.Itoa(r.Duration), w.l.Result(outcome).Text(), row.Why, row.Recording, r.CallKey,
	}
}

// safeCells keeps spreadsheets from taking a text for a formula.
func safeCells(cells []string) []string {
	for i, cell := range cells {
		if strings.IndexAny(cell, "=+-@\t\r\n＝＋－＠") == 0 {
			cells[i] = "'" + cell
		}
	}
	return cells
}
