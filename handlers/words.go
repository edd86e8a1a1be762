package handlers

import (
	"slices"
	"strconv"
	"time"

	"callwise/app/call"
	"callwise/app/callflow"
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
	// extensions are the names of active employees by extension.
	extensions map[string]string
	masked     bool // numbers are hidden from this visitor
}

func (h *Handlers) words(v view, employees []models.Employee) words {
	w := words{
		l: v.l, now: h.Now(), zone: v.zone, address: portalAddress(v.portal), country: v.portal.Country(),
		employees: make(map[int64]string, len(employees)), extensions: map[string]string{}, masked: v.masked(),
	}
	for _, e := range employees {
		w.employees[e.UserID] = e.Name
		if e.Active && e.Extension != "" {
			w.extensions[e.Extension] = e.Name
		}
	}
	for extension, user := range v.portal.Settings.Extensions {
		w.extensions[extension] = w.employees[user]
	}
	return w
}

// row is a call in the log.
func (w words) row(r models.CallRow) views.CallRow {
	row := views.CallRow{
		L: w.l, ID: r.ID, Time: w.l.Moment(r.StartedAt, w.now, w.zone), Direction: string(r.Direction),
		Answered: r.Status == "" || r.Status == call.StatusAnswered, Test: r.IsTest(), Call: w.callWords(r),
		Customer: w.name(r.CustomerName), Phone: w.number(r), Employee: w.employees[r.UserID], Extension: w.extension(r.Extension),
		Line: r.Line, Duration: w.l.Duration(time.Duration(r.Duration) * time.Second),
		Result: w.l.Result(w.outcome(r, crm.Records{})), Recording: w.l.Recording(recordingState(r.Progress.Recording)),
	}
	if r.Result == models.ResultWaiting || r.Result == models.ResultRetrying {
		row.Going = strconv.FormatInt(r.ID, 10) + ":" + rowVersion(r)
	}
	if r.Decision != nil {
		row.Why = w.why(r.Decision, r.Progress)
	}
	return row
}

// callWords name a call. One that was given up before it ended does not go on.
func (w words) callWords(r models.CallRow) string {
	if r.State == models.CallFailed && r.Status == "" {
		return w.l.Direction(string(r.Direction))
	}
	return w.l.Call(string(r.Direction), string(r.Status))
}

// number is the number of a call, unless it went with the app.
func (w words) number(r models.CallRow) string {
	if r.Progress.Removed {
		return w.l.T("call.removed")
	}
	return w.phone(r.Phone)
}

// why is the reason of a decision or, where nothing came of a creation, what
// kept it from coming about.
func (w words) why(d *rules.Decision, p models.Progress) string {
	if p.DryRun {
		return views.DryRunSentence(w.l, string(d.Reason), string(d.Create))
	}
	if d.Create != rules.None && len(p.Created) == 0 {
		for _, note := range []rules.Note{rules.PlatformDeclined, rules.CreateFailed} {
			if slices.Contains(p.Notes, note) {
				return w.note(note, d, p)
			}
		}
	}
	return views.ReasonSentence(w.l, string(d.Reason), string(d.Create))
}

// note says what actually happened. A creation that was refused for good is not tried
// again, nor is any since the app was removed.
func (w words) note(note rules.Note, d *rules.Decision, p models.Progress) string {
	create, code := "", string(note)
	if d != nil {
		create = string(d.Create)
	}
	switch {
	case note != rules.CreateFailed:
	case p.CreateDone:
		code += ".final"
	case p.Removed:
		code += ".removed"
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

// extension is who was rung. A call may be passed on to an outside number, which
// is shown as other numbers are.
func (w words) extension(number string) string {
	if _, ours := w.extensions[number]; ours || !w.masked {
		return number
	}
	return maskNumber(number)
}

// name is a customer's name or a card's title, which may hold a number.
func (w words) name(name string) string {
	if w.masked {
		return maskText(name)
	}
	return name
}

// recordingState is the word for what became of a recording; empty when nothing
// is known of one.
func recordingState(r models.Recording) string {
	switch {
	case r.URL == "" && r.Upload == 0:
		return ""
	case r.Kept != "" && r.Upload != 0:
		return r.Kept + "_here"
	case r.Kept != "":
		return r.Kept
	case r.Waiting != "":
		return "awaited"
	case callflow.NeverCame(r):
		return "absent"
	case r.Code != "":
		return "failed"
	}
	return "attached"
}

// outcome is what became of a call, as it is stored.
func (w words) outcome(r models.CallRow, records crm.Records) views.Outcome {
	return views.Outcome{
		Origin: w.address, State: stateOf(r), Ended: r.Status != "", Would: wouldOf(r), Created: w.refsOf(r.Progress.Created, records), LoggedTo: w.refsOf(r.Progress.Bound, records),
		Past: pastOf(r),
	}
}

// pastOf is the outcome of a call of which only that is known.
func pastOf(r models.CallRow) views.ResultKind {
	if r.Progress.Removed && (r.Result == models.ResultCreated || r.Result == models.ResultAdded) {
		return views.ResultKind(r.Result)
	}
	return ""
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
	case r.State == models.CallIgnored && r.Progress.Excluded == models.ByRepeat:
		return views.ResultRepeat
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

func (w words) refsOf(refs []crm.Ref, records crm.Records) []views.Ref {
	shown := make([]views.Ref, 0, len(refs))
	for _, ref := range refs {
		shown = append(shown, views.Ref{Type: ref.Type.String(), ID: ref.ID, Title: w.name(records.Title(ref))})
	}
	return shown
}
