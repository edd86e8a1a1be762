package handlers

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"

	"callwise/app/b24"
	"callwise/app/call"
	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"
	"callwise/views"
)

// words turns what is stored about calls into what people read, in one
// portal's time zone and one visitor's language. Nothing is decided anew: every
// word on what happened comes from the stored decision and outcome.
type words struct {
	l         views.Localizer
	now       time.Time
	zone      *time.Location
	address   string // of the portal's own pages
	country   string
	employees map[int64]string
	masked    bool // numbers are hidden from this visitor
}

func (h *Handlers) words(v view, employees []models.Employee) words {
	w := words{
		l: v.l, now: h.Now(), zone: v.zone, address: portalAddress(v.portal), country: v.portal.Country(),
		employees: make(map[int64]string, len(employees)), masked: v.masked(),
	}
	for _, e := range employees {
		w.employees[e.UserID] = e.Name
	}
	return w
}

// row is a call in the log.
func (w words) row(r models.CallRow) views.CallRow {
	row := views.CallRow{
		L: w.l, ID: r.ID, Time: w.l.Moment(r.StartedAt, w.now, w.zone), Direction: string(r.Direction),
		Answered: r.Status == "" || r.Status == call.StatusAnswered, Call: w.l.Call(string(r.Direction), string(r.Status)),
		Customer: w.name(r.CustomerName), Phone: w.phone(r.Phone), Employee: w.employees[r.UserID], Extension: r.Extension,
		Line: r.Line, Duration: w.l.Duration(time.Duration(r.Duration) * time.Second),
		Result: w.l.Result(w.outcome(r, crm.Records{})), Recording: w.l.Recording(recordingState(r.Progress.Recording)),
	}
	if r.Result == models.ResultWaiting || r.Result == models.ResultRetrying {
		row.Going = strconv.FormatInt(r.ID, 10) + ":" + versionOf(r)
	}
	if r.Decision != nil {
		row.Why = w.why(r.Decision, r.Progress)
	}
	return row
}

// why is the reason of a decision or, where nothing came of a creation, what
// kept it from coming about.
func (w words) why(d *rules.Decision, p models.Progress) string {
	if d.Create != rules.None && len(p.Created) == 0 {
		for _, note := range []rules.Note{rules.PlatformDeclined, rules.CreateFailed} {
			if slices.Contains(p.Notes, note) {
				return w.note(note, d, p)
			}
		}
	}
	return views.ReasonSentence(w.l, string(d.Reason), string(d.Create))
}

// note says what actually happened. A creation that was refused for good is not
// tried again.
func (w words) note(note rules.Note, d *rules.Decision, p models.Progress) string {
	create, code := "", string(note)
	if d != nil {
		create = string(d.Create)
	}
	if note == rules.CreateFailed && p.CreateDone {
		code += ".final"
	}
	return views.NoteSentence(w.l, code, create)
}

// phone is a number as people write it, as much of it as the visitor may see.
func (w words) phone(raw string) string {
	phone := call.ParsePhone(raw, w.country)
	if phone.Hidden() {
		return w.l.HiddenNumber()
	}
	if w.masked {
		return maskNumber(phone.Pretty())
	}
	return phone.Pretty()
}

// name is a customer's name or a card's title, which may hold a number.
func (w words) name(name string) string {
	if w.masked {
		return maskText(name)
	}
	return name
}

func recordingState(r models.Recording) string {
	switch {
	case r.URL == "":
		return ""
	case r.Code != "":
		return "failed"
	}
	return "attached"
}

// outcome is what became of a call, as it is stored.
func (w words) outcome(r models.CallRow, records crm.Records) views.Outcome {
	return views.Outcome{
		Origin: w.address, State: stateOf(r), Would: wouldOf(r), Created: w.refsOf(r.Progress.Created, records), LoggedTo: w.refsOf(r.Progress.Bound, records),
	}
}

// stateOf says whether there is still something to come.
func stateOf(r models.CallRow) views.ResultKind {
	switch {
	case r.State == models.CallFailed:
		return views.ResultFailed
	case r.RetryAt != nil:
		return views.ResultRetrying
	case r.State == models.CallOpen:
		return views.ResultWaiting
	case r.State == models.CallIgnored:
		return views.ResultIgnored
	case r.Progress.DryRun:
		return views.ResultDryRun
	}
	return ""
}

// wouldOf is what the decision wants to be created.
func wouldOf(r models.CallRow) string {
	if r.Decision == nil {
		return ""
	}
	return string(r.Decision.Create)
}

// mishap names what a stored error means for its call.
func mishap(r models.CallRow) string {
	switch state := stateOf(r); state {
	case views.ResultFailed, views.ResultRetrying, views.ResultWaiting:
		return string(state)
	}
	return "partial"
}

func (w words) refsOf(refs []crm.Ref, records crm.Records) []views.Ref {
	shown := make([]views.Ref, 0, len(refs))
	for _, ref := range refs {
		shown = append(shown, views.Ref{Type: ref.Type.String(), ID: ref.ID, Title: w.name(records.Title(ref))})
	}
	return shown
}

// details is the dialog about a call.
func (w words) details(d *models.Details) (views.CallDetails, error) {
	c := d.Call
	row := rowOf(c)
	records := crm.Records{}
	if c.Records != nil {
		records = *c.Records
	}
	shown := views.CallDetails{
		L: w.l, ID: c.ID, Title: w.l.CallTitle(string(c.Direction), w.phone(c.Phone)), Facts: w.facts(row),
		Timeline: w.timeline(c.Kind, d.Events), Decision: w.decision(c), Result: w.l.Result(w.outcome(row, records)),
		Created:  w.l.Entities(w.address, w.refsOf(c.Progress.Created, records)),
		LoggedTo: w.l.Entities(w.address, w.refsOf(c.Progress.Bound, records)),
		Requests: w.requests(d.REST),
	}
	for _, note := range c.Progress.Notes {
		shown.Outcomes = append(shown.Outcomes, w.note(note, c.Decision, c.Progress))
	}
	if c.ErrorCode != "" {
		shown.Problem = w.l.T("problem."+mishap(row), "Code", c.ErrorCode)
	}
	return shown, nil
}

// rowOf is a call as the log shows it.
func rowOf(c models.Call) models.CallRow {
	return models.CallRow{
		ID: c.ID, PortalID: c.PortalID, Kind: c.Kind, Direction: c.Direction, Phone: c.Phone, CustomerName: c.CustomerName,
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

// timeline is what happened in order. Bitrix24 tells times to the second only,
// so within a second the order of arrival counts.
func (w words) timeline(kind models.CallKind, events []models.Event) []views.TimelineEvent {
	events = slices.Clone(events)
	slices.SortStableFunc(events, func(a, b models.Event) int {
		return cmp.Or(a.HappenedAt.Truncate(time.Second).Compare(b.HappenedAt.Truncate(time.Second)), a.ArrivedAt.Compare(b.ArrivedAt))
	})
	var shown []views.TimelineEvent
	for _, e := range events {
		shown = append(shown, views.TimelineEvent{
			Event: w.l.Event(happening(kind, e)), Source: w.l.Source(string(e.Source)),
			Happened: w.l.Instant(e.HappenedAt, w.zone), Arrived: w.l.Instant(e.ArrivedAt, w.zone),
			Late: w.l.Late(e.HappenedAt, e.ArrivedAt),
		})
	}
	return shown
}

// happening is what an event means. Bitrix24 reports the start of an
// application's call when it is registered, whether anybody talks or not.
//
// https://apidocs.bitrix24.com/api-reference/telephony/voximplant/events/on-voximplant-call-start.html
func happening(kind models.CallKind, e models.Event) string {
	if e.Type == b24.VoximplantStart && kind != models.KindBuiltin {
		return "registered"
	}
	return e.Type
}

func (w words) requests(entries []models.RESTRequest) []views.RequestRow {
	var rows []views.RequestRow
	for _, e := range entries {
		code := strconv.Itoa(e.Status)
		if e.Code != "" {
			code += " " + e.Code
		}
		rows = append(rows, views.RequestRow{
			At: w.l.Instant(e.At, w.zone), Method: e.Method, Code: code,
			Duration: w.l.Took(e.Duration),
			Failed:   e.Status != http.StatusOK || e.Code != "",
		})
	}
	return rows
}

// decision explains the stored decision by the stored case.
func (w words) decision(c models.Call) *views.DecisionDetails {
	if c.Decision == nil || c.Case == nil {
		return nil
	}
	d := &views.DecisionDetails{
		Sentence: views.ReasonSentence(w.l, string(c.Decision.Reason), string(c.Decision.Create)),
		Create:   w.l.Create(string(c.Decision.Create)), Conditions: w.l.Conditions(caseFacts(*c.Case)),
		Row: w.l.TableRow(string(c.Case.Call.Direction), rules.RowOf(*c.Case)), WouldChange: w.wouldChange(*c.Case),
		Version: w.l.Settings(int64(c.SettingsVersion)),
	}
	for _, note := range c.Decision.Notes {
		d.Notes = append(d.Notes, views.NoteSentence(w.l, string(note), string(c.Decision.Create)))
	}
	for _, step := range rules.Trace(*c.Case) {
		d.Tried = append(d.Tried, w.l.Tried(step.Row, step.Held))
	}
	return d
}

func (w words) wouldChange(c rules.Case) string {
	change := rules.WouldChange(c)
	if change == nil {
		return w.l.WouldChange("", "", "")
	}
	to := "off"
	switch v := change.To.(type) {
	case bool:
		if v {
			to = "on"
		}
	case rules.Repeat:
		to = string(v)
	}
	return w.l.WouldChange(string(change.Switch), to, string(change.Create))
}

func caseFacts(c rules.Case) views.CaseFacts {
	f := views.CaseFacts{
		Direction: string(c.Call.Direction), Internal: c.Call.Internal, Hidden: c.Call.Hidden, Employee: c.Call.Employee, Leg: c.Call.Leg,
		CreateEntities: c.Settings.CreateEntities, OutgoingCalls: c.Settings.OutgoingCalls, RepeatedLeads: c.Settings.RepeatedLeads,
		Repeat: string(c.Settings.RepeatInBitrix24), Mode: string(c.Settings.CRMMode), Excluded: c.CRM.Excluded,
		OpenLeads: c.CRM.OpenLeads, OpenDeals: c.CRM.OpenDeals, Contacts: c.CRM.Contacts, Companies: c.CRM.Companies,
		ClosedDeals: c.CRM.ClosedDeals,
	}
	if o := c.Call.Origin; o != nil {
		f.Origin, f.OriginClosed = &views.Ref{Type: o.Type.String(), ID: o.ID}, o.Closed
	}
	for _, lead := range c.CRM.ClosedLeads {
		f.ClosedLeads = append(f.ClosedLeads, views.ClosedLead{ID: lead.ID, Outcome: string(lead.Outcome)})
	}
	return f
}
