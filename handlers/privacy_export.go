package handlers

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"callwise/app/call"
	"callwise/app/callflow"
	"callwise/models"

	"github.com/labstack/echo/v4"
)

// An exportHead is what stands in an export besides the calls.
type exportHead struct {
	Number    string    `json:"number"`
	Spellings []string  `json:"spellings"` // that were looked for
	Portal    string    `json:"portal"`
	At        time.Time `json:"exported_at"`
	Excluded  bool      `json:"in_exclusions"`
	Employee  string    `json:"employee,omitempty"` // whose own number it is
}

// An exportedCall is all that is stored of a call, as it is stored.
type exportedCall struct {
	ID         int64             `json:"id"`
	Kind       models.CallKind   `json:"kind"`
	Key        string            `json:"call"`
	B24CallID  *string           `json:"bitrix24_call_id,omitempty"`
	Direction  call.Direction    `json:"direction"`
	Phone      string            `json:"phone"`
	Customer   string            `json:"customer_name"`
	Line       string            `json:"line"`
	UserID     int64             `json:"user_id"`
	Extension  string            `json:"extension"`
	StartedAt  time.Time         `json:"started_at"`
	AnsweredAt *time.Time        `json:"answered_at"`
	EndedAt    *time.Time        `json:"ended_at"`
	Duration   int               `json:"duration"`
	Status     call.Status       `json:"status"`
	Result     models.CallResult `json:"result"`
	Case       any               `json:"case"`
	Decision   any               `json:"decision"`
	Records    any               `json:"crm_records"`
	Progress   any               `json:"progress"`
	Events     []exportedEvent   `json:"events"`
	Requests   []exportedRequest `json:"requests"`
}

type exportedEvent struct {
	Source     models.Source   `json:"source"`
	Type       string          `json:"type"`
	HappenedAt time.Time       `json:"happened_at"`
	ArrivedAt  time.Time       `json:"arrived_at"`
	Payload    json.RawMessage `json:"payload"`
}

type exportedRequest struct {
	At     time.Time       `json:"at"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Status int             `json:"status"`
	Code   string          `json:"code,omitempty"`
	Answer json.RawMessage `json:"answer"`
}

// exportNumber sends what is stored about a number as one JSON file, call by
// call: the memory holds no more of them at a time.
func (h *Handlers) exportNumber(c echo.Context) error {
	v, ctx := viewFrom(c), c.Request().Context()
	asked, err := postedNumber(c, v)
	if err != nil {
		return err
	}
	if asked.phone.Hidden() {
		asked.asked = true
		return h.renderPrivacy(c, v, http.StatusUnprocessableEntity, asked)
	}
	keys := asked.phone.Variants()
	calls, _, err := h.Store.CountCallsOfNumber(ctx, v.portal.ID, keys)
	if err != nil {
		return err
	}
	employee, err := h.employeeOf(c, v, asked.phone)
	if err != nil {
		return err
	}
	if err := h.Store.AddExport(ctx, v.portal.ID, v.visitor.UserID, calls); err != nil {
		return err
	}
	h.notePrivacy(c, v, models.PrivacyExport)
	head := exportHead{
		Number: asked.phone.Dial(), Spellings: keys, Portal: portalAddress(v.portal), At: h.Now().UTC(), Employee: employee,
		Excluded: callflow.Excludes(v.portal.Settings.Exclusions, asked.phone, v.portal.Country()),
	}
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	header.Set(echo.HeaderContentDisposition, `attachment; filename="callwise-number-`+h.Now().In(v.zone).Format(time.DateOnly)+`.json"`)
	c.Response().WriteHeader(http.StatusOK)
	troubled(c, h.sendNumber(c, v, head, keys))
	return nil // the status is sent; what went wrong is in the log
}

// sendNumber writes the file. It is not whole, and no JSON, if it ends early.
func (h *Handlers) sendNumber(c echo.Context, v view, head exportHead, keys []string) error {
	ctx, out := c.Request().Context(), json.NewEncoder(c.Response())
	if _, err := c.Response().Write([]byte(`{"about":`)); err != nil {
		return err
	}
	if err := out.Encode(head); err != nil {
		return err
	}
	next := `,"calls":[`
	for after := int64(0); ; {
		calls, err := h.Store.CallsOfNumber(ctx, v.portal.ID, keys, after, 1)
		if err != nil {
			return err
		}
		if len(calls) == 0 {
			break
		}
		after = calls[0].ID
		whole, err := h.exportedCall(ctx, &calls[0])
		if err != nil {
			return err
		}
		if err := http.NewResponseController(c.Response().Writer).SetWriteDeadline(time.Now().Add(exportPatience)); err != nil {
			return err
		}
		if _, err := c.Response().Write([]byte(next)); err != nil {
			return err
		}
		if err := out.Encode(whole); err != nil {
			return err
		}
		next = ","
	}
	end := "]}\n"
	if next != "," {
		end = next + end
	}
	_, err := c.Response().Write([]byte(end))
	return err
}

// exportedCall reads all that belongs to a call.
func (h *Handlers) exportedCall(ctx context.Context, row *models.Call) (exportedCall, error) {
	d, err := h.Store.CallDetails(ctx, row.PortalID, row.ID)
	if err != nil {
		return exportedCall{}, err
	}
	c := d.Call
	shown := exportedCall{
		ID: c.ID, Kind: c.Kind, Key: c.CallKey, B24CallID: c.B24CallID, Direction: c.Direction, Phone: c.Phone, Customer: c.CustomerName,
		Line: c.Line, UserID: c.UserID, Extension: c.Extension, StartedAt: c.StartedAt, AnsweredAt: c.AnsweredAt, EndedAt: c.EndedAt,
		Duration: c.Duration, Status: c.Status, Result: c.Result, Case: c.Case, Decision: c.Decision, Records: c.Records,
		Progress: c.Progress, Events: []exportedEvent{}, Requests: []exportedRequest{},
	}
	for _, e := range d.Events {
		shown.Events = append(shown.Events, exportedEvent{e.Source, e.Type, e.HappenedAt, e.ArrivedAt, e.Payload})
	}
	for _, r := range d.REST {
		shown.Requests = append(shown.Requests, exportedRequest{r.At, r.Method, r.Params, r.Status, r.Code, r.Answer})
	}
	return shown, nil
}
