package handlers

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"callwise/app/callflow"
	"callwise/app/rules"
	"callwise/models"
	"callwise/views"

	"github.com/labstack/echo/v4"
)

// whatIfCalls is how many of the last calls are decided anew.
const whatIfCalls = 500

// A trial is what is tried out on the settings page besides what is entered.
// The zero value tries nothing in particular.
type trial struct {
	line          string // whose rules the tables show
	all           bool   // every call of the what-if is listed
	number        *string
	test          *testInput
	testError     views.FieldError
	employeesCode string // with which reading the employees failed
}

// trialPages are the routes of what can be tried out. Some take the whole form
// of the settings.
func (h *Handlers) trialPages(a *echo.Group) {
	both := []string{http.MethodGet, http.MethodPost}
	a.POST("/settings/preview", h.previewSettings)
	a.POST("/settings/what-if", h.tryCalls)
	a.POST("/settings/number", h.readNumber)
	a.POST("/settings/test-call", h.sendTestCall)
	a.Match(both, "/settings/test-call/:id", h.testCall)
	a.POST("/settings/employees/read", h.readEmployees)
	a.Match(both, "/settings/setup", h.checkSetup)
	a.POST("/settings/dry-run/off", h.endDryRun)
}

// tried is the settings page with what is entered in a form and not saved.
func tried(v view, form url.Values, now models.Settings, t trial) settingsForm {
	version, _ := versionOf(form.Get("version")) // 0, that of no form, is the current one
	return settingsForm{edit: &settingsEdit{version: version, base: v.portal.Settings, next: now}, trial: t}
}

// settingsIn are the settings that a form shows.
func settingsIn(v view, shown settingsForm) models.Settings {
	if shown.edit != nil {
		return shown.edit.next
	}
	return v.portal.Settings
}

// trials are the parts of the settings page where settings are tried out.
func (h *Handlers) trials(ctx context.Context, v view, shown settingsForm, keys []models.PBXKey) (views.Trials, error) {
	now := settingsIn(v, shown)
	known, err := h.staff(ctx, v)
	if err != nil {
		return views.Trials{}, err
	}
	trials := views.Trials{
		Employees: h.employees(v, now, known, shown.trial.employeesCode),
		Number:    numberExample(v, now, shown.trial.number),
		TestCall:  testForm(v, now, known, shown.trial),
	}
	if trials.WhatIf, err = h.whatIf(ctx, v, now, shown.trial.all); err != nil {
		return views.Trials{}, err
	}
	trials.Setup, err = h.setup(ctx, v, keys, known)
	return trials, err
}

// tryCalls shows how the last calls would turn out with settings that are not
// saved.
func (h *Handlers) tryCalls(c echo.Context) error {
	v := viewFrom(c)
	form, err := postedForm(c)
	if err != nil {
		return err
	}
	now, all := enteredFrom(form, v.portal.Settings), form.Get("what_if_all") == "on"
	if !asPart(c) {
		return h.renderSettings(c, v, http.StatusOK, tried(v, form, now, trial{all: all}))
	}
	shown, err := h.whatIf(c.Request().Context(), v, now, all)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, views.WhatIfRegion(shown))
}

// whatIf decides the last calls anew with settings.
func (h *Handlers) whatIf(ctx context.Context, v view, now models.Settings, all bool) (views.WhatIf, error) {
	calls, err := h.Store.RecentCases(ctx, v.portal.ID, whatIfCalls)
	if err != nil {
		return views.WhatIf{}, err
	}
	w := h.words(v, nil)
	var pairs []views.WhatIfPair
	for _, c := range calls {
		if after, differs := decidedWith(c, now); differs {
			pairs = append(pairs, views.WhatIfPair{
				ID: c.ID, Time: v.l.Moment(c.StartedAt, w.now, w.zone), Direction: string(c.Direction), Customer: c.CustomerName,
				Phone: w.phone(c.Phone), Before: cellOf(*c.Decision), After: cellOf(after),
			})
		}
	}
	shown := views.NewWhatIf(v.l, len(calls), pairs, all)
	shown.Session = v.token
	if len(calls) > 0 {
		shown.Since = v.l.Moment(calls[len(calls)-1].StartedAt, w.now, w.zone)
	}
	return shown, nil
}

// decidedWith is what would be decided for a call with other settings, and
// whether anything else would come of it. Reasons and notes alone are no
// difference.
func decidedWith(c models.Call, s models.Settings) (rules.Decision, bool) {
	again := *c.Case
	again.Settings = s.Rules(c.Case.Settings.CRMMode, callflow.RulesLine(c.Kind, c.Line))
	after := rules.Decide(again)
	return after, after.Create != c.Decision.Create || !slices.Equal(after.LogTo, c.Decision.LogTo)
}
