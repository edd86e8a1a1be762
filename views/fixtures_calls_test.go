package views

import "time"

func callLog(l Localizer) CallsPage {
	at := func(ago time.Duration) Moment { return l.Moment(now.Add(-ago), now, berlin) }
	row := func(id int64, ago time.Duration, direction, status string, o Outcome, reason, create string) CallRow {
		o.Origin = portal
		return CallRow{
			L: l, ID: id, Time: at(ago), Direction: direction, Answered: status == "answered", Call: l.Call(direction, status),
			Customer: "Müller GmbH", Phone: "+49 30 901820", Employee: "Jonas Becker", Extension: "104", Line: "+49 30 555 01",
			Result: l.Result(o), Why: ReasonSentence(l, reason, create),
		}
	}
	fresh := row(9, time.Minute, "incoming", "answered", Outcome{Created: []Ref{{Type: "lead", ID: 812}}, LoggedTo: []Ref{{Type: "lead", ID: 812}}}, "NEW_CREATED", "lead")
	fresh.Customer, fresh.Duration, fresh.Recording = "", l.Duration(65*time.Second), l.Recording("attached")
	missed := row(8, time.Hour, "incoming", "missed", Outcome{LoggedTo: []Ref{{Type: "deal", ID: 55}, {Type: "contact", ID: 9}}}, "OPEN_ENTITY", "none")
	missed.Employee, missed.Extension = "", ""
	out := row(7, 26*time.Hour, "outgoing", "answered", Outcome{Created: []Ref{{Type: "lead", ID: 811}}, LoggedTo: []Ref{{Type: "lead", ID: 811}, {Type: "contact", ID: 9}}}, "REPEAT_LEAD_TO_DEAL", "repeated_lead")
	out.Duration, out.Customer = l.Duration(3725*time.Second), "Anastasia Konstantinopolskaja-Wintermantel"
	hidden := row(6, 72*time.Hour, "incoming", "missed", Outcome{}, "HIDDEN_NUMBER", "none")
	hidden.Customer, hidden.Phone = "", l.HiddenNumber()
	going := row(10, 0, "incoming", "", Outcome{State: ResultWaiting}, "", "")
	going.Answered, going.Going = true, "10:k1"
	retried := row(5, 400*24*time.Hour, "callback", "answered", Outcome{State: ResultRetrying, LoggedTo: []Ref{{Type: "contact", ID: 1}, {Type: "contact", ID: 2}, {Type: "contact", ID: 3}, {Type: "contact", ID: 4}}}, "REPEAT_CLOSED_DEAL", "repeated_deal")
	forwarded := row(4, 401*24*time.Hour, "redirected", "busy", Outcome{State: ResultFailed}, "REPEAT_OFF_B24", "none")
	excluded := row(3, 402*24*time.Hour, "outgoing", "answered", Outcome{State: ResultIgnored}, "", "")
	dry := row(2, 403*24*time.Hour, "incoming", "answered", Outcome{State: ResultDryRun, Would: "repeated_deal_contact"}, "REPEAT_LEAD_LOST", "repeated_deal_contact")
	dry.Test = true
	return CallsPage{
		Page: page(l, CallsTab), Filter: filterOf(l, FilterValues{}), Newest: "10", Day: "2026-03-04",
		Rows: []CallRow{going, fresh, missed, out, hidden, retried, forwarded, excluded, dry}, More: "cursor",
	}
}

func callLogOfEmployee(l Localizer) CallsPage {
	p := callLog(l)
	p.Admin = false
	p.Banners = []Banner{{Kind: NeedsAuthorisation}}
	p.Filter = filterOf(l, FilterValues{Direction: "incoming", Outcome: "missed"})
	p.Rows, p.More = []CallRow{p.Rows[2]}, ""
	return p
}

func callLogOpen(l Localizer, d CallDetails) CallsPage {
	p := callLog(l)
	p.Open = &d
	return p
}

// filterOf is the filter bar of a portal with two employees and two lines.
func filterOf(l Localizer, values FilterValues) CallFilter {
	return NewCallFilter(l, values, FilterChoices{
		Employees: []Option{{Value: "17", Label: "Jonas Becker"}, {Value: "18", Label: "Anastasia Konstantinopolskaja-Wintermantel"}},
		Lines:     []Option{{Value: "493055501", Label: "Berlin (493055501)"}, {Value: "493055502", Label: "493055502"}},
		Counts:    []int{1001, 312, 57, 3, 9, 0}, CountedTo: 1000,
	})
}

// callLogFiltered is narrowed in every way at once.
func callLogFiltered(l Localizer) CallsPage {
	p := callLog(l)
	p.Filter = filterOf(l, FilterValues{
		Period: "custom", From: "2026-02-01", To: "2026-03-04", Direction: "redirected", Outcome: "missed", Result: "trouble",
		Reason: "REPEAT_OUT_LEAD_TO_CONTACT", Employee: "18", Line: "493055501", Attention: "unmapped", Text: "Konstantinopolskaja", Order: "oldest",
	})
	return p
}

func callLogSearching(l Localizer) CallsPage {
	p := callLog(l)
	p.Filter = filterOf(l, FilterValues{Text: "müller"})
	p.Rows, p.Searched, p.Found = p.Rows[:2], l.T("calls.searched", "Time", p.Rows[2].Time.Text), 2
	return p
}

func callLogWithOverview(l Localizer) CallsPage {
	p := callLog(l)
	p.Overview = ptr(NewOverview(l, FilterValues{}, spans(30, 1)))
	return p
}

// spans are n spans of so many days up to now.
func spans(n, days int) []Span {
	var all []Span
	for i := range n {
		from := now.AddDate(0, 0, days*(i-n)+1)
		all = append(all, Span{From: from, To: from.AddDate(0, 0, days-1), Answered: 3 * i % 17, Unanswered: i * i % 7, Created: i % 5, Trouble: i / 14 % 2})
	}
	return all
}

func ptr[T any](v T) *T { return &v }

func callLogEmpty(l Localizer, why EmptyState) CallsPage {
	p := CallsPage{Page: page(l, CallsTab), Filter: filterOf(l, FilterValues{}), Newest: "0", Empty: why}
	switch why {
	case EmptyFiltered:
		p.Filter = filterOf(l, FilterValues{Direction: "outgoing", Outcome: "unanswered"})
	case EmptyWaiting:
		p.Banners = []Banner{{Kind: Suspended}}
	}
	return p
}

// callLogWithGaps tells of calls that are missing and wait for a click, and of
// some that have been recovered.
func callLogWithGaps(l Localizer) CallsPage {
	p := callLog(l)
	p.Gaps = Gaps{Click: true, List: []Gap{
		{When: l.Span(now.Add(-5*time.Hour), now.Add(-4*time.Hour), now, berlin), Missing: 12},
		{When: l.Span(now.Add(-50*time.Hour), now.Add(-50*time.Hour), now, berlin), Recovered: 1},
	}}
	return p
}
