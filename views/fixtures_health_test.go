package views

// healthShots are the states of the health page: all colours, and what is still
// to be asked.
func healthShots(l Localizer) []shot {
	well := healthPage(l)
	for i := range well.Portal {
		well.Portal[i] = HealthLine{Code: well.Portal[i].Code, State: HealthWorks, Text: l.T("health.queue.works")}
	}
	for i := range well.Here {
		well.Here[i] = HealthLine{Code: well.Here[i].Code, State: HealthWorks, Text: l.T("health.queue.works")}
	}
	asking, silent := healthPage(l), healthPage(l)
	asking.Portal, asking.Asked = nil, Moment{}
	for i, line := range silent.Portal {
		silent.Portal[i] = HealthLine{Code: line.Code, State: HealthUnread, Text: l.T("health.silent", "Seconds", 10)}
	}
	silent.Portal[0].Mend = l.T("health.unread.mend")
	silent.Banners = []Banner{{Kind: Suspended, Code: "PAYMENT_REQUIRED"}}
	silent.Notice = &Notice{Text: l.T("health.not_cured", "Code", "PORTAL_UNREACHABLE"), Failed: true}
	return []shot{{"health", Health(healthPage(l))}, {"health-well", Health(well)}, {"health-asking", Health(asking)}, {"health-silent", Health(silent)}}
}

// healthPage has lines of every colour and with every kind of mend.
func healthPage(l Localizer) HealthPage {
	settings := l.HealthPlace("settings", "/settings")
	return HealthPage{
		Page: page(l, HealthTab), Asked: l.Moment(now, now, berlin),
		Portal: []HealthLine{
			{Code: HealthAccess, State: HealthBroken, Text: l.T("health.access.nobody", "Code", "INVALID_GRANT"), Mend: l.T("health.access.nobody.mend"), Reopen: true},
			{Code: HealthApp, State: HealthWorks, Text: l.T("health.app.works", "Version", 4)},
			{Code: HealthScopes, State: HealthPartly, Text: l.T("health.scopes.missing", "Scopes", "placement, user_basic"), Mend: l.T("health.scopes.missing.mend"), Remedy: "scopes"},
			{Code: HealthEvents, State: HealthPartly, Text: l.T("health.events.missing", "Names", "ONEXTERNALCALLBACKSTART, ONVOXIMPLANTCALLSTART"), Mend: l.T("health.events.missing.mend"), Remedy: "handlers"},
			{Code: HealthPlacements, State: HealthUnread, Text: l.T("health.unread", "Code", "INSUFFICIENT_SCOPE"), Mend: l.T("health.unread.mend")},
			{Code: HealthLines, State: HealthPartly, Text: l.T("health.lines.wrong", "Numbers", "+493055501, +493055502"), Mend: l.T("health.lines.wrong.mend"), Remedy: "lines"},
			{Code: HealthMode, State: HealthPartly, Text: l.T("health.mode.differs"), Mend: l.T("health.mode.differs.mend"), Remedy: "mode"},
			{Code: HealthClock, State: HealthBroken, Text: l.N("health.clock.behind", 421), Mend: l.T("health.clock.mend")},
		},
		Here: []HealthLine{
			{Code: HealthHeardPBX, State: HealthBroken, Text: l.N("health.heard.silent", 14), Mend: l.T("health.heard_pbx.silent.mend")},
			{Code: HealthHeard, State: HealthWorks, Text: l.T("health.heard.works", "When", l.Moment(now, now, berlin).Text)},
			{Code: HealthQueue, State: HealthBroken, Text: l.N("health.queue.some", 22, "When", l.Moment(now, now, berlin).Text), Mend: l.T("health.queue.mend"), Remedy: "retry"},
			{Code: HealthFailed, State: HealthPartly, Text: l.N("health.failed.some", 3) + " " + l.N("health.failed.retrying", 1), Mend: l.T("health.failed.mend"), Place: l.HealthPlace("calls", "/calls", FilterValues{Result: "trouble"}.Fields()...)},
			{Code: HealthGaps, State: HealthPartly, Text: l.N("health.gaps.missing", 12), Mend: l.T("health.gaps.click"), Place: l.HealthPlace("gaps", "/calls")},
			{Code: HealthOutgoing, State: HealthOff, Text: l.T("health.outgoing.none"), Mend: l.T("health.outgoing.mend")},
			{Code: HealthRepeat, State: HealthPartly, Text: l.T("health.repeat.unknown"), Mend: l.T("health.repeat.unknown.mend"), Place: settings},
			{Code: HealthExtensions, State: HealthPartly, Text: l.T("health.extensions.strays", "Numbers", "104, 105, 199") + " " + l.T("health.extensions.doubles", "Numbers", "101"), Mend: l.T("health.extensions.mend"), Remedy: "employees", Place: settings},
			{Code: HealthBudget, State: HealthPartly, Text: l.T("health.budget.tight", "Used", l.N("health.budget.works", 812, "Peak", 4, "Seconds", 401)), Mend: l.T("health.budget.mend")},
			{Code: HealthAlerts, State: HealthOff, Text: l.T("health.alerts.scope"), Mend: l.T("health.alerts.scope.mend")},
		},
	}
}
