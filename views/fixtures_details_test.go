package views

import "time"

// detailShots are the states of the dialog about a call.
func detailShots(l Localizer) []shot {
	states := []struct {
		name   string
		change func(*CallDetails)
	}{
		{"waiting", func(d *CallDetails) {
			*d = undecided(l)
			d.Admin, d.Mends, d.Problem = true, []MendCode{MendMissed}, ""
			d.Recording.Text = l.T("details.recording.open")
		}},
		{"retrying", func(d *CallDetails) {
			d.Mends = []MendCode{MendRetry}
			d.Problem = l.T("problem.retrying", "Code", "QUERY_LIMIT_EXCEEDED") + " " + l.T("problem.next", "When", l.Moment(now.Add(time.Minute), now, berlin).Text)
			d.Recording = RecordingDetails{Text: l.T("details.recording.waiting"), Player: "/silence.mp3"}
		}},
		{"failed", func(d *CallDetails) {
			d.Attention = wrong(l, "failed", "")
			d.Notice = &Notice{Text: l.T("mended.refused", "Code", "ACCESS_DENIED"), Failed: true}
			d.Recording = RecordingDetails{Text: l.T("details.recording.failed", "Code", "ERROR_CORE"), Failed: true}
		}},
		{"needs-auth", func(d *CallDetails) {
			d.Attention = wrong(l, "failed", ".auth")
			d.Recording = RecordingDetails{Text: l.T("details.recording.awaited", "Code", "HTTP_404"), Player: "/silence.mp3"}
		}},
		{"create-refused", func(d *CallDetails) {
			d.Attention = wrong(l, "create", "")
			d.Recording = RecordingDetails{Text: l.T("details.recording.absent", "Code", "PBX_UNREACHABLE"), Failed: true}
		}},
		{"partial", func(d *CallDetails) {
			d.Attention = wrong(l, "partial", "")
			d.Notice = &Notice{Text: l.T("mended.retry")}
			d.Recording.Text = l.T("details.recording.link")
		}},
		{"unmapped", func(d *CallDetails) {
			d.Attention = wrong(l, "unmapped", "")
			d.Attention.Choices = []Option{{Label: "—", Chosen: true}, {Value: "17", Label: "Anna Brandt 104"}, {Value: "18", Label: "Anastasia Konstantinopolskaja-Wintermantel 105"}}
			d.Recording.Text = l.T("details.recording.too_large")
		}},
		{"choose-card", func(d *CallDetails) {
			d.Attention = wrong(l, "card", "")
			d.Attention.Choices = []Option{{Value: "contact:9", Label: l.Entity("", Ref{Type: "contact", ID: 9}).Text + " Anna Müller", Chosen: true}, {Value: "company:4", Label: l.Entity("", Ref{Type: "company", ID: 4}).Text + " Müller GmbH"}}
		}},
		{"dry-run", func(d *CallDetails) {
			d.Explained = []string{l.T("explained.dry_run") + " " + l.DryRun("repeated_lead") + " " + l.T("explained.dry_run.logged", "Cards", l.Entity("", Ref{Type: "contact", ID: 9}).Text)}
			d.Decision.Sentence = DryRunSentence(l, "REPEAT_LEAD_TO_DEAL", "repeated_lead")
			d.Created, d.LoggedTo, d.Outcomes, d.Requests = nil, nil, nil, nil
		}},
		{"ignored", func(d *CallDetails) {
			*d = undecided(l)
			d.Admin, d.Mends, d.Problem = true, []MendCode{MendReplay}, ""
			d.Explained = []string{l.T("explained.ignored")}
			d.Recording.Text = l.T("details.recording.none")
		}},
		{"employee", func(d *CallDetails) { d.Admin, d.Attention = false, wrong(l, "failed", "") }},
	}
	var shots []shot
	for _, s := range states {
		d := details(l)
		s.change(&d)
		shots = append(shots, shot{"details-" + s.name, Calls(callLogOpen(l, d))})
	}
	all := callLog(l)
	all.Notice = &Notice{Text: l.N("mended.all", 500) + " " + l.N("mended.left", 21)}
	return append(shots, shot{"calls-retried", Calls(all)})
}

// wrong is something to be mended.
func wrong(l Localizer, code, special string) *Attention {
	key := "attention." + code + special
	return &Attention{
		Code: code, Title: l.T(key, "Extension", "109"),
		Text: l.T(key+".text", "Extension", "109", "Code", "ACCESS_DENIED", "Cards", l.Entity("", Ref{Type: "deal", ID: 55}).Text+" (ACCESS_DENIED)"),
	}
}
