package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"callwise/app/callflow"
	"callwise/app/crm"
	"callwise/models"
	"callwise/views"

	"github.com/labstack/echo/v4"
)

// call shows the details of a call.
func (h *Handlers) call(c echo.Context) error {
	id, err := callID(c)
	if err != nil {
		return err
	}
	return h.renderCall(c, viewFrom(c), id, http.StatusOK, nil)
}

// renderLinked shows the call that a link names. The link's id is anybody's:
// only a call of the visitor's portal is found.
func (h *Handlers) renderLinked(c echo.Context, v view) error {
	id, err := strconv.ParseInt(v.open, 10, 64)
	if err != nil {
		return models.ErrNotFound
	}
	return h.renderCall(c, v, id, http.StatusOK, nil)
}

// callID is the call that a route is about.
func callID(c echo.Context) (int64, error) {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return 0, models.ErrNotFound
	}
	return id, nil
}

// renderCall answers with the dialog about a call for htmx, else with the log
// and the dialog open over it: that is a page of its own, which forms without
// scripts, the way back and links into the portal lead to.
func (h *Handlers) renderCall(c echo.Context, v view, id int64, status int, notice *views.Notice) error {
	shown, err := h.dialog(c, v, id)
	if err != nil {
		return err
	}
	shown.Notice = notice
	header := c.Request().Header
	if header.Get("HX-Request") != "" && header.Get("HX-History-Restore-Request") == "" {
		return render(c, status, views.CallDialog(shown))
	}
	behind, err := queryOf(c)
	if err != nil {
		return err
	}
	page, err := h.callsPage(c, v, behind)
	if err != nil {
		return err
	}
	page.Open = &shown
	return render(c, status, views.Calls(page))
}

// A dialogue is what the dialog about a call is made of.
type dialogue struct {
	view      view
	details   *models.Details
	employees []models.Employee
	line      models.LineRules // of the call's line, when it was decided
	heard     string           // where the PBX says the recording is; empty without one
	uploaded  bool             // its bytes are here
	player    string           // where it can be heard here
}

func (h *Handlers) dialog(c echo.Context, v view, id int64) (views.CallDetails, error) {
	ctx := c.Request().Context()
	details, err := h.Store.CallDetails(ctx, v.portal.ID, id)
	if err != nil {
		return views.CallDetails{}, err
	}
	d := dialogue{view: v, details: details}
	if d.employees, err = h.Store.Employees(ctx, v.portal.ID); err != nil {
		return views.CallDetails{}, err
	}
	if d.line, err = h.lineRules(c, details.Call); err != nil {
		return views.CallDetails{}, err
	}
	if d.heard, err = callflow.RecordingURL(details.Events); err != nil {
		return views.CallDetails{}, err
	}
	if d.uploaded, err = h.Flow.HasAudio(ctx, &details.Call); err != nil {
		return views.CallDetails{}, err
	}
	// What was uploaded and is not here any more is in Bitrix24.
	if recording := details.Call.Progress.Recording; d.uploaded || recording.Upload == 0 && (d.heard != "" || recording.URL != "") {
		key, err := h.Sessions.IssueListen(v.visitor, id)
		if err != nil {
			return views.CallDetails{}, err
		}
		d.player = "/calls/" + strconv.FormatInt(id, 10) + "/recording?key=" + url.QueryEscape(key)
	}
	return h.words(v, d.employees).details(d), nil
}

// lineRules are what the settings that decided a call said of its line. A
// version that is not kept says nothing.
func (h *Handlers) lineRules(c echo.Context, one models.Call) (models.LineRules, error) {
	line := callflow.RulesLine(one.Kind, one.Line)
	if one.Decision == nil || line == "" {
		return models.LineRules{}, nil
	}
	version, err := h.Store.SettingsAt(c.Request().Context(), one.PortalID, one.SettingsVersion)
	if errors.Is(err, models.ErrNotFound) {
		return models.LineRules{}, nil
	}
	if err != nil {
		return models.LineRules{}, err
	}
	return version.Settings.Lines[line], nil
}

// details is the dialog about a call.
func (w words) details(d dialogue) views.CallDetails {
	c := d.details.Call
	row, records := rowOf(c), crm.Records{}
	if c.Records != nil {
		records = *c.Records
	}
	shown := views.CallDetails{
		L: w.l, ID: c.ID, Session: d.view.token, Admin: d.view.visitor.Admin,
		Title: w.l.CallTitle(string(c.Direction), w.number(row)), Facts: w.facts(row),
		Attention: w.attention(c, records, d.employees), Mends: mendsOf(c), Explained: w.explained(c),
		Timeline: w.timeline(c, d.details.Events), Steps: w.steps(c.Progress.Steps),
		Decision: w.decision(c, d.line), Result: w.l.Result(w.outcome(row, records)),
		Created:   w.l.Entities(w.address, w.refsOf(c.Progress.Created, records)),
		LoggedTo:  w.l.Entities(w.address, w.refsOf(c.Progress.Bound, records)),
		Recording: w.recording(c, d), Requests: w.requests(d.details.REST), Link: callflow.LinkTo(d.view.portal, w.address, c.ID),
	}
	shown.Outside = outside(c)
	if card := c.Progress.Card; card != nil {
		shown.Card = &w.l.Entities(w.address, w.refsOf([]crm.Ref{*card}, records))[0]
	}
	for _, note := range c.Progress.Notes {
		shown.Outcomes = append(shown.Outcomes, w.note(note, c.Decision, c.Progress))
	}
	if c.ErrorCode != "" && c.Attention != models.AttentionFailed {
		shown.Problem = w.problem(row)
	}
	return shown
}

// outside reports a call that is over and that Bitrix24 knows nothing of.
func outside(c models.Call) bool { return c.State != models.CallOpen && c.B24CallID == nil }

// rowOf is a call as the log shows it.
func rowOf(c models.Call) models.CallRow {
	return models.CallRow{
		ID: c.ID, PortalID: c.PortalID, Kind: c.Kind, CallKey: c.CallKey, Direction: c.Direction, Phone: c.Phone, CustomerName: c.CustomerName,
		Line: c.Line, UserID: c.UserID, Extension: c.Extension, StartedAt: c.StartedAt, Duration: c.Duration, Status: c.Status,
		State: c.State, Decision: c.Decision, Progress: c.Progress, RetryAt: c.RetryAt, ErrorCode: c.ErrorCode,
		Result: c.Result, UpdatedAt: c.UpdatedAt,
	}
}

// factColumns are what the dialog repeats of the row, in this order.
var factColumns = []string{"time", "call", "customer", "employee", "extension", "line", "duration", "recording"}

// facts are the row's cells as a list.
func (w words) facts(r models.CallRow) []views.Fact {
	row := w.row(r)
	cells := map[string]string{
		"time": row.Time.Full, "call": row.Call, "customer": row.Customer, "employee": row.Employee,
		"extension": row.Extension, "line": row.Line, "duration": row.Duration, "recording": row.Recording,
	}
	var facts []views.Fact
	for _, column := range factColumns {
		if cells[column] != "" {
			facts = append(facts, views.Fact{Name: w.l.T("column." + column), Value: cells[column]})
		}
	}
	return facts
}

// mishap names what a stored error means for its call.
func mishap(r models.CallRow) string {
	switch state := stateOf(r); state {
	case views.ResultFailed, views.ResultRetrying, views.ResultWaiting:
		return string(state)
	}
	return "partial"
}
