package handlers

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"callwise/app/b24"
	"callwise/app/callflow"
	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"
	"callwise/views"
)

// Bounds of what is well.
const (
	clickLately    = 30 * 24 * time.Hour
	troubleLately  = 7 * 24 * time.Hour
	waitsPartly    = 2 * time.Minute // events that wait for their turn wait seconds
	waitsBroken    = 15 * time.Minute
	budgetWindow   = 10 * time.Minute // Bitrix24's own
	operatingMost  = 480.0            // seconds of work of a method in that time
	operatingTight = 0.8
)

// An ownCheck is one check of what we know ourselves.
type ownCheck func(context.Context, view, facts) (views.HealthLine, error)

// facts are what several checks ask for.
type facts struct {
	connected bool // there is a PBX key
	incidents map[models.IncidentKind]models.Incident
	heard     models.Heard
	staff     staff
}

// ownLines are the checks that ask nobody, in the order of [views.OwnChecks].
func (h *Handlers) ownLines(ctx context.Context, v view, connected bool) ([]views.HealthLine, error) {
	known := facts{connected: connected, incidents: map[models.IncidentKind]models.Incident{}}
	open, err := h.Store.Incidents(ctx, v.portal.ID)
	if err != nil {
		return nil, err
	}
	for _, i := range open {
		known.incidents[i.Kind] = i
	}
	if known.heard, err = h.Store.Heard(ctx, v.portal.ID); err != nil {
		return nil, err
	}
	if known.staff, err = h.staff(ctx, v); err != nil {
		return nil, err
	}
	checks := map[views.HealthCode]ownCheck{
		views.HealthHeardPBX: h.heardPBX, views.HealthHeard: h.heardBitrix24, views.HealthQueue: h.queueLine, views.HealthFailed: h.failedLine,
		views.HealthOutgoing: h.outgoingLine, views.HealthRepeat: h.repeatLine, views.HealthExtensions: extensionsLine,
		views.HealthBudget: h.budgetLine, views.HealthAlerts: h.alertsLine, views.HealthGaps: h.gapsLine,
	}
	var lines []views.HealthLine
	for _, code := range views.OwnChecks {
		line, err := checks[code](ctx, v, known)
		if err != nil {
			return nil, err
		}
		line.Code = code
		lines = append(lines, line)
	}
	return lines, nil
}

func (h *Handlers) when(v view, at time.Time) string { return v.l.Moment(at, h.Now(), v.zone).Text }

func off(text, mend string) views.HealthLine {
	return views.HealthLine{State: views.HealthOff, Text: text, Mend: mend}
}

func (v view) toSettings() *views.HealthPlace { return v.l.HealthPlace("settings", "/settings") }

func (h *Handlers) heardPBX(_ context.Context, v view, f facts) (views.HealthLine, error) {
	if !f.connected {
		line := off(v.l.T("health.heard_pbx.key"), v.l.T("health.heard_pbx.key.mend"))
		line.Place = v.toSettings()
		return line, nil
	}
	if silent, ok := f.incidents[models.IncidentSilentPBX]; ok {
		return views.HealthLine{State: views.HealthBroken, Text: v.l.N("health.heard.silent", silent.Usual), Mend: v.l.T("health.heard_pbx.silent.mend")}, nil
	}
	at := f.heard[models.SourcePBX]
	if at.IsZero() {
		return off(v.l.T("health.heard_pbx.none"), v.l.T("health.heard_pbx.none.mend")), nil
	}
	return works(v.l.T("health.heard.works", "When", h.when(v, at))), nil
}

func (h *Handlers) heardBitrix24(_ context.Context, v view, f facts) (views.HealthLine, error) {
	if silent, ok := f.incidents[models.IncidentSilentBitrix24]; ok {
		return views.HealthLine{State: views.HealthBroken, Text: v.l.N("health.heard.silent", silent.Usual), Mend: v.l.T("health.heard.silent.mend")}, nil
	}
	at := f.heard[models.SourceBitrix24]
	if at.IsZero() {
		return off(v.l.T("health.heard.none"), v.l.T("health.heard.none.mend")), nil
	}
	return works(v.l.T("health.heard.works", "When", h.when(v, at))), nil
}

func (h *Handlers) queueLine(ctx context.Context, v view, _ facts) (views.HealthLine, error) {
	waits, err := h.Store.BacklogOf(ctx, v.portal.ID)
	if err != nil {
		return views.HealthLine{}, err
	}
	age := h.Now().Sub(waits.Oldest)
	if waits.Events == 0 {
		return works(v.l.T("health.queue.works")), nil
	}
	line := works(v.l.N("health.queue.some", waits.Events, "When", h.when(v, waits.Oldest)))
	if age < waitsPartly {
		return line, nil
	}
	line.State, line.Mend, line.Remedy = views.HealthPartly, v.l.T("health.queue.mend"), string(callflow.RemedyRetry)
	if age >= waitsBroken {
		line.State = views.HealthBroken
	}
	return line, nil
}

func (h *Handlers) failedLine(ctx context.Context, v view, f facts) (views.HealthLine, error) {
	trouble, err := h.Store.Trouble(ctx, v.portal.ID, h.Now().Add(-troubleLately))
	if err != nil {
		return views.HealthLine{}, err
	}
	var said []string
	if trouble.Failed > 0 {
		said = append(said, v.l.N("health.failed.some", trouble.Failed))
	}
	if trouble.Retrying > 0 {
		said = append(said, v.l.N("health.failed.retrying", trouble.Retrying))
	}
	line := views.HealthLine{State: views.HealthPartly, Mend: v.l.T("health.failed.mend")}
	if many, ok := f.incidents[models.IncidentFailures]; ok {
		line.State = views.HealthBroken
		said = append(said, v.l.T("health.failed.many", "Seen", many.Seen, "All", many.Usual))
	}
	if len(said) == 0 {
		return works(v.l.T("health.failed.works")), nil
	}
	line.Text = strings.Join(said, " ")
	line.Place = v.l.HealthPlace("calls", "/calls", views.FilterValues{Result: "trouble"}.Fields()...)
	return line, nil
}

// outgoingLine has only clicks to go by: Bitrix24 does not tell applications
// which number is the default.
func (h *Handlers) outgoingLine(ctx context.Context, v view, _ facts) (views.HealthLine, error) {
	at, err := h.Store.LastCall(ctx, v.portal.ID, models.KindClick)
	if errors.Is(err, models.ErrNotFound) {
		return off(v.l.T("health.outgoing.none"), v.l.T("health.outgoing.mend")), nil
	}
	if err != nil {
		return views.HealthLine{}, err
	}
	if v.portal.CommandURL == "" {
		return views.HealthLine{
			State: views.HealthBroken, Text: v.l.T("health.outgoing.address"), Mend: v.l.T("health.outgoing.address.mend"), Place: v.toSettings(),
		}, nil
	}
	if h.Now().Sub(at) > clickLately {
		return off(v.l.T("health.outgoing.old", "When", h.when(v, at)), v.l.T("health.outgoing.mend")), nil
	}
	return works(v.l.T("health.outgoing.works", "When", h.when(v, at))), nil
}

// repeatLine compares what can be compared: Bitrix24 does not tell applications
// whether its switch is on, but calls may show it.
func (h *Handlers) repeatLine(ctx context.Context, v view, _ facts) (views.HealthLine, error) {
	s := v.portal.Settings
	switch {
	case v.portal.Mode() == crm.Simple:
		return works(v.l.T("health.repeat.simple")), nil
	case s.RepeatInBitrix24 == rules.RepeatUnknown:
		return views.HealthLine{
			State: views.HealthPartly, Text: v.l.T("health.repeat.unknown"), Mend: v.l.T("health.repeat.unknown.mend"), Place: v.toSettings(),
		}, nil
	case s.RepeatInBitrix24 == rules.RepeatOff && s.RepeatedLeads:
		return views.HealthLine{
			State: views.HealthPartly, Text: v.l.T("health.repeat.differs"), Mend: v.l.T("health.repeat.differs.mend"), Place: v.toSettings(),
		}, nil
	}
	at, refuted, err := h.repeatRefuted(ctx, v)
	if err != nil || !refuted {
		return works(v.l.T("health.repeat." + string(s.RepeatInBitrix24))), err
	}
	return views.HealthLine{
		State: views.HealthPartly, Text: v.l.T("health.repeat.refuted", "When", h.when(v, at)), Mend: v.l.T("health.repeat.refuted.mend"), Place: v.toSettings(),
	}, nil
}

// repeatRefuted reports a repeat sales mode that is said to be on in Bitrix24
// although the last call that shows it shows that it is off (decision.md B.5-8). The
// time is when that call began.
func (h *Handlers) repeatRefuted(ctx context.Context, v view) (time.Time, bool, error) {
	if v.portal.Mode() == crm.Simple || v.portal.Settings.RepeatInBitrix24 != rules.RepeatOn {
		return time.Time{}, false, nil
	}
	shown, err := h.Store.RepeatShown(ctx, v.portal.ID)
	if errors.Is(err, models.ErrNotFound) {
		return time.Time{}, false, nil
	}
	return shown.Began, err == nil && !shown.On, err
}

func extensionsLine(_ context.Context, v view, f facts) (views.HealthLine, error) {
	if v.portal.EmployeesAt == nil {
		line := off(v.l.T("health.extensions.unread"), "")
		line.Remedy = string(callflow.RemedyEmployees)
		return line, nil
	}
	var strays, said []string
	for _, x := range f.staff.unmapped(v.portal.Settings) {
		strays = append(strays, x.Extension)
	}
	doubles := f.staff.doubles(v.portal.Settings)
	if len(strays) > 0 {
		said = append(said, v.l.T("health.extensions.strays", "Numbers", strings.Join(first(strays, extensionsShown), ", ")))
	}
	if len(doubles) > 0 {
		said = append(said, v.l.T("health.extensions.doubles", "Numbers", strings.Join(first(doubles, extensionsShown), ", ")))
	}
	if len(said) == 0 {
		return works(v.l.N("health.extensions.works", len(f.staff.holders()))), nil
	}
	return views.HealthLine{
		State: views.HealthPartly, Text: strings.Join(said, " "), Mend: v.l.T("health.extensions.mend"),
		Remedy: string(callflow.RemedyEmployees), Place: v.toSettings(),
	}, nil
}

// budgetLine is what of Bitrix24's limits was used, as the REST log tells.
func (h *Handlers) budgetLine(ctx context.Context, v view, _ facts) (views.HealthLine, error) {
	requests, err := h.Store.RequestsSince(ctx, v.portal.ID, h.Now().Add(-budgetWindow))
	if err != nil {
		return views.HealthLine{}, err
	}
	used := spent(requests)
	text := v.l.N("health.budget.works", len(requests), "Peak", used.peak, "Seconds", int(used.operating+.5))
	switch {
	case used.paused:
		return views.HealthLine{State: views.HealthBroken, Text: v.l.T("health.budget.over", "Used", text), Mend: v.l.T("health.budget.mend")}, nil
	case used.limited || used.operating >= operatingTight*operatingMost:
		return views.HealthLine{State: views.HealthPartly, Text: v.l.T("health.budget.tight", "Used", text), Mend: v.l.T("health.budget.mend")}, nil
	}
	return works(text), nil
}

// usage is what requests used of a portal's limits.
type usage struct {
	peak            int     // requests in one second, at most
	operating       float64 // seconds of work of the busiest method
	limited, paused bool    // the portal refused for the rate, or for the work
}

func spent(requests []models.RESTRequest) usage {
	var u usage
	seconds := map[int64]int{}
	for _, r := range requests {
		seconds[r.At.Unix()]++
		u.operating = max(u.operating, r.Operating)
		u.limited = u.limited || strings.EqualFold(r.Code, string(b24.QueryLimitExceeded))
		u.paused = u.paused || strings.EqualFold(r.Code, string(b24.OperationTimeLimit))
	}
	for n := range maps.Values(seconds) {
		u.peak = max(u.peak, n)
	}
	return u
}

func (h *Handlers) alertsLine(ctx context.Context, v view, _ facts) (views.HealthLine, error) {
	if !callflow.MayAlert(v.portal) {
		return off(v.l.T("health.alerts.scope"), v.l.T("health.alerts.scope.mend")), nil
	}
	people := v.portal.Settings.Alerts.People()
	if len(people) == 0 {
		line := off(v.l.T("health.alerts.none"), v.l.T("health.alerts.none.mend"))
		line.Place = v.toSettings()
		return line, nil
	}
	names, err := h.names(ctx, v.portal.ID)
	var told []string
	for _, user := range people {
		told = append(told, cmp.Or(names[user], v.l.T("health.person", "ID", user)))
	}
	slices.Sort(told)
	return works(v.l.N("health.alerts.works", len(told), "Names", strings.Join(told, ", "))), err
}
