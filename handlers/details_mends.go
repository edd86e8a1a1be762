package handlers

import (
	"slices"
	"strconv"
	"strings"

	"callwise/app/b24"
	"callwise/app/callflow"
	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"
	"callwise/views"
)

// attention is what an administrator is to mend in a call.
func (w words) attention(c models.Call, records crm.Records, employees []models.Employee) *views.Attention {
	if c.Attention == models.NoAttention {
		return nil
	}
	code := string(c.Attention)
	key := "attention." + code
	if c.Attention == models.AttentionFailed && c.ErrorCode == callflow.CodeNeedsAuth {
		key += ".auth"
	}
	extension := w.extension(c.Extension)
	a := &views.Attention{
		Code: code, Title: w.l.T(key, "Extension", extension),
		Text: w.l.T(key+".text", "Code", c.ErrorCode, "Extension", extension, "Cards", w.refused(c.Progress.BindFailed)),
	}
	switch c.Attention {
	case models.AttentionUser:
		a.Choices = activeEmployees(employees)
	case models.AttentionCard:
		a.Choices = w.cards(c, records)
	}
	return a
}

// refused names cards with the codes of their refusals.
func (w words) refused(failures []models.BindFailure) string {
	names := make([]string, len(failures))
	for i, f := range failures {
		names[i] = w.l.Entity("", views.Ref{Type: f.Ref.Type.String(), ID: f.Ref.ID}).Text + " (" + f.Code + ")"
	}
	return strings.Join(names, ", ")
}

// activeEmployees are those whom an extension may be given to. The first choice
// is none, so that nobody is chosen unseen.
func activeEmployees(employees []models.Employee) []views.Option {
	choices := []views.Option{{Label: "—", Chosen: true}}
	for _, e := range employees {
		if e.Active {
			label := strings.TrimSpace(e.Name + " " + e.Extension)
			choices = append(choices, views.Option{Value: strconv.FormatInt(e.UserID, 10), Label: label})
		}
	}
	return choices
}

// cards are the client's cards that what was created may be linked to; the one
// it is linked to, as far as we know, is chosen.
func (w words) cards(c models.Call, records crm.Records) []views.Option {
	if c.Case == nil {
		return nil
	}
	var choices []views.Option
	for _, ref := range c.Case.CRM.Cards() {
		link := w.l.Entity("", views.Ref{Type: ref.Type.String(), ID: ref.ID})
		choices = append(choices, views.Option{
			Value: ref.Type.String() + ":" + strconv.FormatInt(ref.ID, 10), Chosen: c.Plan != nil && c.Plan.Link == ref,
			Label: strings.TrimSpace(link.Text + " " + records.Title(ref)),
		})
	}
	return choices
}

// mendsOf are what else an administrator may do about a call.
func mendsOf(c models.Call) []views.MendCode {
	offered := []models.Attention{models.AttentionFailed, models.AttentionCreate, models.AttentionBind}
	var mends []views.MendCode
	if c.Retriable() && !slices.Contains(offered, c.Attention) {
		mends = append(mends, views.MendRetry)
	}
	if c.Endable() {
		mends = append(mends, views.MendMissed)
	}
	if c.Replayable() {
		mends = append(mends, views.MendReplay)
	}
	return mends
}

// explained says what is special about a call: that it was left out, or that
// nothing was written and what would have been.
func (w words) explained(c models.Call) []string {
	switch {
	case c.State == models.CallIgnored && c.Progress.Excluded == models.ByRepeat:
		return []string{w.l.T("explained.repeat")}
	case c.State == models.CallIgnored:
		return []string{w.l.T("explained.ignored")}
	case c.Progress.DryRun && c.Decision == nil:
		return []string{w.l.T("explained.dry_run.undecided")}
	case c.Progress.DryRun:
		return []string{w.dryRun(*c.Decision)}
	}
	return nil
}

// dryRun says what a decision would have done.
func (w words) dryRun(d rules.Decision) string {
	said := []string{w.l.T("explained.dry_run"), w.l.DryRun(string(d.Create))}
	var names []string
	for _, t := range d.LogTo {
		if !t.New {
			names = append(names, w.l.Entity("", views.Ref{Type: t.Type.String(), ID: t.ID}).Text)
		}
	}
	if len(names) > 0 {
		said = append(said, w.l.T("explained.dry_run.logged", "Cards", strings.Join(names, ", ")))
	}
	return strings.Join(said, " ")
}

// problem says why a call waits, or what of it failed, and when it goes on.
func (w words) problem(r models.CallRow) string {
	if r.ErrorCode == callflow.CodeNeedsAuth {
		return w.l.T("problem.auth")
	}
	said := w.l.T("problem."+mishap(r), "Code", r.ErrorCode)
	if r.RetryAt != nil {
		said += " " + w.l.T("problem.next", "When", w.l.Moment(*r.RetryAt, w.now, w.zone).Text)
	}
	return said
}

// recording says where a call's recording is. The PBX keeps it for an hour at
// least; what Bitrix24 was given is there for good.
func (w words) recording(c models.Call, d dialogue) views.RecordingDetails {
	r := c.Progress.Recording
	state, code := recordingState(r), r.Code
	failed := state == "failed" || state == "absent"
	switch {
	case state == "failed" && code == string(b24.UploadElsewhere):
		state = "elsewhere"
	case callflow.Unfetched(r):
		state, code = "unfetched", r.Waiting
	case state == "awaited":
		code = r.Waiting
	case state != "":
	case c.Kind == models.KindBuiltin, c.Kind == models.KindOther:
		state = "foreign"
	case d.uploaded && outside(c):
		state = "kept_out"
	case d.uploaded:
		state = "uploaded"
	case d.heard != "" && outside(c):
		state = "left_out"
	case d.heard != "":
		state = "waiting"
	case c.State == models.CallOpen:
		state = "open"
	default:
		state = "none"
	}
	return views.RecordingDetails{Text: w.l.T("details.recording."+state, "Code", code), Failed: failed, Player: d.player}
}
