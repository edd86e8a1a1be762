package handlers

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"callwise/app/call"
	"callwise/app/callflow"
	"callwise/models"
	"callwise/views"

	"github.com/labstack/echo/v4"
)

// privacyShown is how many former requests the page lists.
const privacyShown = 20

// privacyPages are the routes about what is stored of one number. The number
// stands in the body of a form, never in an address.
func (h *Handlers) privacyPages(a *echo.Group) {
	a.Match([]string{http.MethodGet, http.MethodPost}, "/settings/privacy", h.privacy)
	a.POST("/settings/privacy/export", h.exportNumber)
	a.POST("/settings/privacy/erase", h.eraseNumber)
}

// privacy shows how much is stored about the number that was posted, if one was.
func (h *Handlers) privacy(c echo.Context) error {
	v := viewFrom(c)
	if c.Request().Method == http.MethodGet {
		return h.renderPrivacy(c, v, http.StatusOK, privacyForm{})
	}
	asked, err := postedNumber(c, v)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if asked.wrong() {
		status = http.StatusUnprocessableEntity
	}
	return h.renderPrivacy(c, v, status, asked)
}

// eraseNumber has what is stored about a number erased once the visitor has typed
// the word that says so. That may take a while: the page says how far it is.
func (h *Handlers) eraseNumber(c echo.Context) error {
	v, ctx := viewFrom(c), c.Request().Context()
	asked, err := postedNumber(c, v)
	if err != nil {
		return err
	}
	form, err := postedForm(c)
	if err != nil {
		return err
	}
	asked.asked = true
	asked.unsure = !strings.EqualFold(strings.TrimSpace(form.Get("word")), v.l.ErasureWord())
	if asked.unsure || asked.wrong() {
		return h.renderPrivacy(c, v, http.StatusUnprocessableEntity, asked)
	}
	fresh, err := h.Store.AskErasure(ctx, v.portal, v.visitor.UserID, asked.phone.Key())
	if errors.Is(err, models.ErrBusy) {
		v.notice = &views.Notice{Text: v.l.N("privacy.full", models.MostErasures), Failed: true}
		return h.renderPrivacy(c, v, http.StatusConflict, asked)
	}
	if err != nil {
		return err
	}
	v.notice = &views.Notice{Text: v.l.T("privacy.again")}
	if fresh {
		h.notePrivacy(c, v, models.PrivacyErasure)
		v.notice.Text = v.l.T("privacy.begun")
	}
	return h.renderPrivacy(c, v, http.StatusOK, privacyForm{})
}

// notePrivacy has the log say who asked for what; never about which number.
func (h *Handlers) notePrivacy(c echo.Context, v view, kind models.PrivacyKind) {
	h.Log.InfoContext(c.Request().Context(), "data of a number asked for", "kind", kind, "portal", v.portal.ID, "user", v.visitor.UserID)
}

// A privacyForm is what was asked about a number. The zero value asks nothing.
type privacyForm struct {
	typed  string
	asked  bool
	phone  call.Phone
	unsure bool // the word that confirms is missing
}

// wrong reports what is no number.
func (p privacyForm) wrong() bool { return p.asked && p.phone.Hidden() }

// postedNumber reads the number of a form; without one, nothing is asked.
func postedNumber(c echo.Context, v view) (privacyForm, error) {
	form, err := postedForm(c)
	if err != nil {
		return privacyForm{}, err
	}
	typed := form.Get("number")
	if len(typed) > maxNumber {
		typed = strings.ToValidUTF8(typed[:maxNumber], "")
	}
	return privacyForm{typed: typed, asked: form.Has("number"), phone: call.ParsePhone(typed, v.portal.Country())}, nil
}

func (h *Handlers) renderPrivacy(c echo.Context, v view, status int, asked privacyForm) error {
	ctx := c.Request().Context()
	w, err := h.settingWords(ctx, v)
	if err != nil {
		return err
	}
	page := views.PrivacyPage{Page: h.page(v, views.SettingsTab, true), Number: asked.typed}
	if asked.wrong() {
		page.Error = v.l.T("privacy.number.hidden")
	}
	if asked.asked && !asked.wrong() {
		if page.Found, err = h.numberFound(c, v, asked); err != nil {
			return err
		}
	}
	requests, err := h.Store.PrivacyRequests(ctx, v.portal.ID, privacyShown)
	if err != nil {
		return err
	}
	for _, r := range requests {
		page.Requests = append(page.Requests, h.privacyRow(v, w, r))
	}
	return render(c, status, views.Privacy(page))
}

// privacyRow is a line of the list of requests.
func (h *Handlers) privacyRow(v view, w settingWords, r models.PrivacyRequest) views.PrivacyRow {
	row := views.PrivacyRow{
		When: v.l.Moment(r.At, h.Now(), v.zone), Who: w.who(r.UserID), Pending: r.Pending(), Waiting: r.Waiting,
		What: v.l.Asked(string(r.Kind), r.Pending(), int(r.Calls), int(r.Mentions)),
	}
	if r.DoneAt != nil {
		row.Done = v.l.Moment(*r.DoneAt, h.Now(), v.zone)
	}
	return row
}

// numberFound is how much is stored about a number.
func (h *Handlers) numberFound(c echo.Context, v view, asked privacyForm) (*views.NumberFound, error) {
	ctx := c.Request().Context()
	calls, open, err := h.Store.CountCallsOfNumber(ctx, v.portal.ID, asked.phone.Variants())
	if err != nil {
		return nil, err
	}
	employee, err := h.employeeOf(c, v, asked.phone)
	if err != nil {
		return nil, err
	}
	return &views.NumberFound{
		Pretty: asked.phone.Pretty(), Calls: int(calls), Open: int(open), Unsure: asked.unsure, Employee: employee,
		Excluded: callflow.Excludes(v.portal.Settings.Exclusions, asked.phone, v.portal.Country()),
	}, nil
}

// employeeOf is the name of the employee whose own number it is.
func (h *Handlers) employeeOf(c echo.Context, v view, phone call.Phone) (string, error) {
	employees, err := h.Store.Employees(c.Request().Context(), v.portal.ID)
	for _, e := range employees {
		if slices.Contains(e.Phones, phone.Key()) {
			return e.Name, nil
		}
	}
	return "", err
}
