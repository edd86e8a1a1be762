package handlers

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"callwise/app/b24"
	"callwise/app/callflow"
	"callwise/app/crm"
	"callwise/models"
	"callwise/views"
)

// Differences between the clocks that matter: times in the log are wrong, and
// tokens seem to live longer than they do.
const (
	clockPartly = 30 * time.Second
	clockBroken = 5 * time.Minute
)

// portalLines ask Bitrix24 and say what it told.
func (h *Handlers) portalLines(ctx context.Context, v view) ([]views.HealthLine, error) {
	asked, cancel := context.WithTimeout(ctx, conditionWithin)
	defer cancel()
	told, err := h.Flow.Condition(asked, v.portal)
	if err != nil && !b24.IsPortal(err) && asked.Err() == nil {
		return nil, err
	}
	if err != nil {
		return unreadLines(v, err, asked.Err() != nil), nil
	}
	tokens, err := h.Store.TokensOf(ctx, v.portal.ID) // only now: asking may have shown that some are dead
	if err != nil {
		return nil, err
	}
	names, err := h.names(ctx, v.portal.ID)
	if err != nil {
		return nil, err
	}
	lines := []views.HealthLine{
		said(v, views.HealthAccess, told.Owner, func(p b24.Profile) views.HealthLine { return accessLine(v, p, tokens, names) }),
		said(v, views.HealthApp, told.App, func(a b24.AppState) views.HealthLine { return appLine(v, a) }),
		said(v, views.HealthScopes, told.Scopes, func(granted []string) views.HealthLine { return scopesLine(v, granted) }),
		said(v, views.HealthEvents, told.Events, func(missing []string) views.HealthLine { return eventsLine(v, missing) }),
		said(v, views.HealthPlacements, told.Placements, func(missing []string) views.HealthLine { return placementsLine(v, missing) }),
	}
	all, wrong, err := h.Flow.CheckLines(ctx, v.portal, told.Lines.Value)
	if err != nil {
		return nil, err
	}
	return append(lines,
		said(v, views.HealthLines, told.Lines, func([]b24.Line) views.HealthLine { return linesLine(v, all, wrong) }),
		said(v, views.HealthMode, told.Mode, func(m crm.Mode) views.HealthLine { return modeLine(v, m) }),
		said(v, views.HealthClock, told.Ahead, func(d time.Duration) views.HealthLine { return clockLine(v, d) }),
	), nil
}

// said is the line about one answer, or that there was none.
func said[T any](v view, code views.HealthCode, told b24.Told[T], say func(T) views.HealthLine) views.HealthLine {
	line := unreadLine(v, told.Err)
	if told.Err == nil {
		line = say(told.Value)
	}
	line.Code = code
	return line
}

func unreadLine(v view, err error) views.HealthLine {
	mend := "health.unread.mend"
	if errors.Is(err, b24.AccessDenied) && b24.IsPortal(err) && !b24.Suspended(err) {
		mend = "health.access.employee.mend"
	}
	return views.HealthLine{State: views.HealthUnread, Text: v.l.T("health.unread", "Code", codeOf(err)), Mend: v.l.T(mend)}
}

// unreadLines are all checks of a portal that told nothing. Why it has nothing
// to tell us is known of some.
func unreadLines(v view, err error, late bool) []views.HealthLine {
	line := unreadLine(v, err)
	if late {
		line.Text = v.l.T("health.silent", "Seconds", int(conditionWithin.Seconds()))
	}
	var lines []views.HealthLine
	for _, code := range views.PortalChecks {
		one := line
		if code == views.HealthAccess {
			one = refusedLine(v, err, line)
		}
		one.Code, line.Mend = code, "" // said once
		lines = append(lines, one)
	}
	return lines
}

// refusedLine is the access of a portal that does not let us in, else the line.
func refusedLine(v view, err error, line views.HealthLine) views.HealthLine {
	switch {
	case errors.Is(err, b24.ErrNeedsAuth):
		return views.HealthLine{
			State: views.HealthBroken, Text: v.l.T("health.access.nobody", "Code", cmp.Or(v.portal.StatusCode, codeOf(err))),
			Mend: v.l.T("health.access.nobody.mend"), Reopen: true,
		}
	case b24.Suspended(err) || b24.Gone(err):
		return views.HealthLine{
			State: views.HealthBroken, Text: v.l.T("health.access.refused", "Code", codeOf(err)), Mend: v.l.T("health.access.refused.mend"),
		}
	}
	return line
}

func works(text string) views.HealthLine {
	return views.HealthLine{State: views.HealthWorks, Text: text}
}

// accessLine says whose tokens work, and whose do not any more.
func accessLine(v view, owner b24.Profile, tokens []models.Token, names map[int64]string) views.HealthLine {
	name := cmp.Or(owner.Name, names[owner.UserID], v.l.T("health.person", "ID", owner.UserID))
	if !owner.Admin {
		return views.HealthLine{
			State: views.HealthPartly, Text: v.l.T("health.access.employee", "Name", name), Mend: v.l.T("health.access.employee.mend"), Reopen: v.visitor.Admin,
		}
	}
	var dead []string
	for _, t := range tokens {
		if t.DeadCode != "" {
			dead = append(dead, personOf(v, t, names))
		}
	}
	if len(dead) == 0 {
		return works(v.l.T("health.access.works", "Name", name))
	}
	return views.HealthLine{
		State: views.HealthPartly, Text: v.l.N("health.access.dead", len(dead), "Name", name, "Names", strings.Join(dead, ", ")),
		Mend: v.l.T("health.access.dead.mend"),
	}
}

func personOf(v view, t models.Token, names map[int64]string) string {
	if t.Kind == models.TokenSystem {
		return v.l.T("health.person.system")
	}
	return cmp.Or(names[t.UserID], v.l.T("health.person", "ID", t.UserID))
}

func (h *Handlers) names(ctx context.Context, portalID int64) (map[int64]string, error) {
	employees, err := h.Store.Employees(ctx, portalID)
	names := make(map[int64]string, len(employees))
	for _, e := range employees {
		names[e.UserID] = e.Name
	}
	return names, err
}

func appLine(v view, a b24.AppState) views.HealthLine {
	switch {
	case a.PaymentExpired:
		return views.HealthLine{State: views.HealthBroken, Text: v.l.T("health.app.unpaid"), Mend: v.l.T("health.app.unpaid.mend")}
	case !a.Installed:
		return views.HealthLine{State: views.HealthBroken, Text: v.l.T("health.app.unfinished"), Mend: v.l.T("health.app.unfinished.mend"), Reopen: true}
	}
	return works(v.l.T("health.app.works", "Version", a.Version))
}

func scopesLine(v view, granted []string) views.HealthLine {
	missing := callflow.MissingOf(granted)
	if len(missing) == 0 && v.portal.MissingScopes == "" {
		return works(v.l.T("health.scopes.works", "Scopes", strings.Join(callflow.Scopes, ", ")))
	}
	if len(missing) == 0 {
		missing = strings.Split(v.portal.MissingScopes, ",") // granted since: it is to be read
	}
	return views.HealthLine{
		State: views.HealthPartly, Text: v.l.T("health.scopes.missing", "Scopes", strings.Join(missing, ", ")),
		Mend: v.l.T("health.scopes.missing.mend"), Remedy: string(callflow.RemedyScopes),
	}
}

func eventsLine(v view, missing []string) views.HealthLine {
	if len(missing) == 0 && eventsUnproven(v.portal) {
		return views.HealthLine{State: views.HealthBroken, Text: v.l.T("health.events.unproven"), Mend: v.l.T("health.events.unproven.mend")}
	}
	if len(missing) == 0 {
		return works(v.l.N("health.events.works", len(callflow.Events)))
	}
	state := views.HealthPartly
	if len(missing) == len(callflow.Events) {
		state = views.HealthBroken
	}
	return views.HealthLine{
		State: state, Text: v.l.T("health.events.missing", "Names", strings.Join(missing, ", ")),
		Mend: v.l.T("health.events.missing.mend"), Remedy: string(callflow.RemedyHandlers),
	}
}

// placementsLine does not miss a placement that some portals do not have.
func placementsLine(v view, missing []string) views.HealthLine {
	missing = slices.DeleteFunc(missing, callflow.Optional)
	if len(missing) == 0 {
		return works(v.l.T("health.placements.works"))
	}
	return views.HealthLine{
		State: views.HealthPartly, Text: v.l.T("health.placements.missing", "Names", strings.Join(missing, ", ")),
		Mend: v.l.T("health.placements.missing.mend"), Remedy: string(callflow.RemedyHandlers),
	}
}

func linesLine(v view, all int, wrong []string) views.HealthLine {
	if len(wrong) == 0 {
		return works(v.l.N("health.lines.works", all))
	}
	return views.HealthLine{
		State: views.HealthPartly, Text: v.l.T("health.lines.wrong", "Numbers", strings.Join(first(wrong, extensionsShown), ", ")),
		Mend: v.l.T("health.lines.wrong.mend"), Remedy: string(callflow.RemedyLines),
	}
}

func modeLine(v view, told crm.Mode) views.HealthLine {
	if told == v.portal.Mode() {
		return works(v.l.T("health.mode.works." + string(told)))
	}
	return views.HealthLine{
		State: views.HealthPartly, Text: v.l.T("health.mode.differs"), Mend: v.l.T("health.mode.differs.mend"), Remedy: string(callflow.RemedyMode),
	}
}

func clockLine(v view, ahead time.Duration) views.HealthLine {
	if ahead.Abs() < clockPartly {
		return works(v.l.T("health.clock.works"))
	}
	line := views.HealthLine{State: views.HealthPartly, Mend: v.l.T("health.clock.mend")}
	if ahead.Abs() >= clockBroken {
		line.State = views.HealthBroken
	}
	line.Text = v.l.N("health.clock.ahead", int(ahead.Seconds()))
	if ahead < 0 {
		line.Text = v.l.N("health.clock.behind", int(-ahead.Seconds()))
	}
	return line
}
