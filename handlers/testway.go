package handlers

import (
	"time"

	"callwise/app/call"
	"callwise/app/rules"
	"callwise/models"
	"callwise/views"
)

// How long a step of a test call may take, and how long the page looks.
const (
	testPatience = 20 * time.Second
	testWatched  = time.Minute
)

// A testWay tells the steps of a test call from what is stored about it.
type testWay struct {
	*Handlers
	v          view
	w          words
	details    *models.Details
	keys       []models.PBXKey
	authorised bool
	age        time.Duration
}

func (t testWay) page() views.TestCall {
	row := &t.details.Call
	shown := views.TestCall{
		Page: t.Handlers.page(t.v, views.SettingsTab, len(t.keys) > 0), ID: row.ID,
		Title: t.v.l.CallTitle(string(row.Direction), t.w.phone(row.Phone)),
		Ended: row.State != models.CallOpen || t.age > testWatched,
	}
	for _, step := range []func() views.TestStep{t.access, t.key, t.number, t.stored, t.worker, t.crm, t.decided, t.sent, t.command} {
		shown.Steps = append(shown.Steps, step())
	}
	return shown
}

func (t testWay) fine(code views.TestCode, detail string) views.TestStep {
	return views.TestStep{Code: code, State: views.TestFine, Detail: detail}
}

// failed is a step that does not work, with its mend.
func (t testWay) failed(code views.TestCode, why string, pairs ...any) views.TestStep {
	return views.TestStep{Code: code, State: views.TestFailed, Mend: t.v.l.T("testcall."+string(code)+"."+why, pairs...)}
}

func (t testWay) skipped(code views.TestCode, why string) views.TestStep {
	return views.TestStep{Code: code, State: views.TestSkipped, Detail: t.v.l.T("testcall." + string(code) + "." + why)}
}

// pending is a step that is still to come; after a while something is wrong.
func (t testWay) pending(code views.TestCode) views.TestStep {
	if t.age > testPatience {
		return t.failed(code, "late")
	}
	return t.waiting(code)
}

func (t testWay) access() views.TestStep {
	if !t.authorised || t.v.portal.Status == models.PortalReauth {
		return t.failed(views.TestAccess, "mend")
	}
	if t.v.portal.Status == models.PortalSuspended {
		return t.failed(views.TestAccess, "suspended", "Code", t.v.portal.StatusCode)
	}
	return t.fine(views.TestAccess, "")
}

func (t testWay) key() views.TestStep {
	if len(t.keys) == 0 {
		return t.failed(views.TestKey, "mend")
	}
	if used := t.lastUsed(t.v, t.keys); used != "" {
		return t.fine(views.TestKey, used)
	}
	return t.skipped(views.TestKey, "unused")
}

func (t testWay) number() views.TestStep {
	phone := call.ParsePhone(t.details.Call.Phone, t.w.country)
	switch {
	case phone.Hidden():
		return t.skipped(views.TestNumber, "hidden")
	case phone.E164 == "":
		return t.failed(views.TestNumber, "mend", "Country", t.w.country)
	}
	return t.fine(views.TestNumber, t.v.l.T("testcall.number.read", "Raw", phone.Raw, "Pretty", phone.Pretty()))
}

func (t testWay) stored() views.TestStep {
	if len(t.details.Events) == 0 {
		return t.pending(views.TestStored)
	}
	return t.fine(views.TestStored, t.v.l.N("testcall.stored.events", len(t.details.Events)))
}

// worker is green as soon as anything was done for the call.
func (t testWay) worker() views.TestStep {
	row := &t.details.Call
	if row.DecidedAt != nil || row.Attempts > 0 || len(row.Progress.Steps) > 0 {
		return t.fine(views.TestWorker, "")
	}
	for _, e := range t.details.Events {
		if e.DoneAt != nil {
			return t.fine(views.TestWorker, "")
		}
	}
	return t.pending(views.TestWorker)
}

func (t testWay) crm() views.TestStep {
	d := t.details.Call.Decision
	switch {
	case t.details.Call.State == models.CallIgnored:
		return t.skipped(views.TestCRM, "unread")
	case d == nil && t.details.Call.ErrorCode != "":
		return t.failed(views.TestCRM, "refused", "Code", t.details.Call.ErrorCode)
	case d == nil && t.worker().State != views.TestFine:
		return t.waiting(views.TestCRM)
	case d == nil:
		return t.pending(views.TestCRM)
	case d.Reason == rules.InternalCall, d.Reason == rules.HiddenNumber:
		return t.skipped(views.TestCRM, "unread")
	}
	var took time.Duration
	for _, r := range t.details.REST {
		took += r.Duration
	}
	return t.fine(views.TestCRM, t.v.l.N("testcall.crm.read", len(t.details.REST), "Took", t.v.l.Took(took)))
}

func (t testWay) decided() views.TestStep {
	d := t.details.Call.Decision
	switch {
	case t.details.Call.State == models.CallIgnored:
		return t.skipped(views.TestDecided, "ignored")
	case d == nil:
		return t.waiting(views.TestDecided)
	}
	return t.fine(views.TestDecided, views.DryRunSentence(t.v.l, string(d.Reason), string(d.Create)))
}

// waiting is a step whose turn comes after one that may have failed.
func (t testWay) waiting(code views.TestCode) views.TestStep {
	return views.TestStep{Code: code, State: views.TestWaiting}
}

// sent is what Bitrix24 would be told of such a call.
func (t testWay) sent() views.TestStep {
	row, s := &t.details.Call, t.v.portal.Settings
	switch {
	case row.State == models.CallIgnored:
		return t.skipped(views.TestSent, "ignored")
	case row.Decision == nil:
		return t.waiting(views.TestSent)
	case row.Decision.Reason == rules.InternalCall, row.Decision.Reason == rules.HiddenNumber:
		return t.skipped(views.TestSent, "nothing")
	}
	step := t.fine(views.TestSent, "")
	if row.UserID == 0 && row.Extension != "" {
		step = t.failed(views.TestSent, "unmapped", "Extension", row.Extension)
	}
	step.Lines = append(step.Lines, t.v.l.T("testcall.sent.create", "Create", t.v.l.Create(string(row.Decision.Create))))
	if row.Line != "" {
		step.Lines = append(step.Lines, t.v.l.T("testcall.sent.line", "Line", lineLabel(t.v.l, s, row.Line)))
	}
	if name := t.w.employees[row.UserID]; name != "" {
		step.Lines = append(step.Lines,
			t.v.l.T("testcall.sent.employee", "Name", name, "Extension", row.Extension),
			t.v.l.T("testcall.sent.card."+string(s.Card.For(row.UserID))))
	}
	return step
}

// command looks at the form of the address only: no real call is ever placed.
func (t testWay) command() views.TestStep {
	address := t.v.portal.CommandURL
	if address == "" {
		return t.skipped(views.TestCommand, "none")
	}
	if wrong := t.checkCommandURL(address); wrong != views.NoError {
		return t.failed(views.TestCommand, "mend")
	}
	return t.skipped(views.TestCommand, "form")
}
