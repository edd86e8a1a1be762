package handlers

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"callwise/app/b24"
	"callwise/app/call"
	"callwise/app/callflow"
	"callwise/app/rules"
	"callwise/models"
	"callwise/views"
)

// timeline is what happened in order. Bitrix24 tells times to the second only,
// so within a second the order of arrival counts.
func (w words) timeline(c models.Call, events []models.Event) []views.TimelineEvent {
	events = slices.Clone(events)
	slices.SortStableFunc(events, func(a, b models.Event) int {
		return cmp.Or(a.HappenedAt.Truncate(time.Second).Compare(b.HappenedAt.Truncate(time.Second)), a.ArrivedAt.Compare(b.ArrivedAt))
	})
	var shown []views.TimelineEvent
	for _, e := range events {
		what, detail := happening(c, e), w.detail(e)
		if what == string(callflow.CommandUntaken) {
			detail = "" // how the call ends it does not say
		}
		shown = append(shown, views.TimelineEvent{
			Event: w.l.Event(what), Detail: detail, Source: w.l.Source(string(e.Source)),
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
func happening(c models.Call, e models.Event) string {
	switch {
	case e.Type == b24.VoximplantStart && c.Kind != models.KindBuiltin:
		return "registered"
	case callflow.Untaken(c.ID, e):
		return string(callflow.CommandUntaken)
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
			Duration: w.l.Took(e.Duration), Sent: indented(e.Params), Answered: indented(e.Answer),
			Failed: e.Status != http.StatusOK || e.Code != "",
		})
	}
	return rows
}

// indented is JSON for people to read.
func indented(text json.RawMessage) string {
	var shown bytes.Buffer
	if json.Indent(&shown, text, "", "  ") != nil {
		return string(text)
	}
	return shown.String()
}

// decision explains the stored decision by the stored case.
func (w words) decision(c models.Call, own models.LineRules) *views.DecisionDetails {
	if c.Decision == nil || c.Case == nil {
		return nil
	}
	sentence := views.ReasonSentence
	if c.Progress.DryRun {
		sentence = views.DryRunSentence
	}
	facts, overridden := caseFacts(*c.Case), overridden(own)
	line := cmp.Or(own.Name, callflow.RulesLine(c.Kind, c.Line))
	facts.OfLine = overridden
	d := &views.DecisionDetails{
		Sentence: sentence(w.l, string(c.Decision.Reason), string(c.Decision.Create)),
		Create:   w.l.Create(string(c.Decision.Create)), Conditions: w.l.Conditions(facts),
		Row: w.l.TableRow(string(c.Case.Call.Direction), rules.RowOf(*c.Case)), WouldChange: w.wouldChange(*c.Case),
		Version: w.l.Settings(int64(c.SettingsVersion)),
	}
	if len(overridden) > 0 {
		d.Line = w.l.T("decision.line", "Line", line)
	}
	if own.Responsible != 0 && c.Decision.Create != rules.None {
		d.Owner = w.l.T("decision.owner", "Line", line, "Who", cmp.Or(w.employees[own.Responsible], w.l.UnknownPerson(own.Responsible)))
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

// overridden are the switches that a line sets for itself.
func overridden(own models.LineRules) []string {
	var names []string
	for _, one := range []struct {
		name string
		to   models.Override
	}{
		{"create_entities", own.CreateEntities}, {"outgoing_calls", own.OutgoingCalls}, {"repeated_leads", own.RepeatedLeads},
	} {
		if one.to != models.Inherited {
			names = append(names, one.name)
		}
	}
	return names
}

// detail is what an event of the PBX, or of ours, says besides its name: whose
// telephones, which way, how it ended. A payload that cannot be read says nothing.
func (w words) detail(e models.Event) string {
	var told call.Event
	if e.Source == models.SourceBitrix24 || json.Unmarshal(e.Payload, &told) != nil {
		return ""
	}
	var said []string
	if told.Status != "" {
		said = append(said, w.l.Status(string(told.Status)))
	}
	if talked := w.l.Duration(time.Duration(told.Duration) * time.Second); talked != "" {
		said = append(said, talked)
	}
	var who []string
	for _, extension := range append(told.Extensions, told.Extension) {
		if extension != "" {
			who = append(who, w.who(extension))
		}
	}
	if told.To != "" {
		who = append(who, w.who(told.From)+" → "+w.who(told.To))
	}
	return strings.Join(append(said, who...), ", ")
}

// who is an extension, with the name of whoever has it.
func (w words) who(extension string) string {
	return strings.TrimSpace(w.extension(extension) + " " + w.extensions[extension])
}

// steps are what was done for a call, in order.
func (w words) steps(steps []models.Step) []views.StepRow {
	var rows []views.StepRow
	for _, s := range steps {
		rows = append(rows, views.StepRow{
			Step: w.l.Did(s.Name), At: w.l.Instant(s.At, w.zone), Code: s.Code, Failed: s.Code != "" && s.Name != "decide",
		})
	}
	return rows
}
