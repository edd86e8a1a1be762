package views

import (
	"slices"
	"time"

	"github.com/a-h/templ"
)

var (
	berlin = mustZone("Europe/Berlin")
	now    = time.Date(2026, 3, 4, 14, 5, 9, 0, berlin)
)

func mustZone(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return zone
}

// A shot is one page in one state.
type shot struct {
	name string
	page templ.Component
}

// shots are all pages in all states, in the language of l.
func shots(l Localizer) []shot {
	return append(slices.Concat(settingShots(l), detailShots(l), trialShots(l), healthShots(l)), []shot{
		{"about", Plain(PlainPage{Page: Page{L: l}, Kind: About})},
		{"session-expired", Plain(PlainPage{Page: Page{L: l}, Kind: SessionExpired})},
		{"no-permission", Plain(PlainPage{Page: page(l, CallsTab), Kind: NoPermission})},
		{"not-found", Plain(PlainPage{Page: page(l, CallsTab), Kind: NotFound})},
		{"not-installed", Plain(PlainPage{Page: Page{L: l}, Kind: NotInstalled})},
		{"unreachable", Plain(PlainPage{Page: Page{L: l}, Kind: Unreachable})},
		{"not-read", Plain(PlainPage{Page: page(l, SettingsTab), Kind: NotRead})},
		{"too-large", Plain(PlainPage{Page: page(l, SettingsTab), Kind: TooLarge})},
		{"too-many", Plain(PlainPage{Page: Page{L: l}, Kind: TooMany})},
		{"server-error", Plain(PlainPage{Page: Page{L: l}, Kind: ServerError, Request: "7c1e0b9a54d2"})},
		{"docs", Docs(docs(l))},
		{"install-done", install(l, false)},
		{"install-failed", install(l, true)},
		{"settings-first", Settings(firstSettings(l))},
		{"settings", Settings(settingsOn(l))},
		{"settings-changed", Settings(settingsChanged(l))},
		{"settings-saved", Settings(settingsSaved(l))},
		{"settings-invalid", Settings(settingsInvalid(l))},
		{"settings-banners", Settings(settingsBanners(l))},
		{"calls", Calls(callLog(l))},
		{"calls-employee", Calls(callLogOfEmployee(l))},
		{"calls-filtered", Calls(callLogFiltered(l))},
		{"calls-searching", Calls(callLogSearching(l))},
		{"calls-overview", Calls(callLogWithOverview(l))},
		{"calls-gaps", Calls(callLogWithGaps(l))},
		{"calls-not-connected", Calls(callLogEmpty(l, EmptyPBX))},
		{"calls-none", Calls(callLogEmpty(l, EmptyLog))},
		{"calls-waiting", Calls(callLogEmpty(l, EmptyWaiting))},
		{"calls-no-results", Calls(callLogEmpty(l, EmptyFiltered))},
		{"details", Calls(callLogOpen(l, details(l)))},
		{"details-undecided", Calls(callLogOpen(l, undecided(l)))},
	}...)
}

func page(l Localizer, tab Tab) Page {
	return Page{L: l, Session: "token", Tab: tab, Admin: true}
}

func install(l Localizer, failed bool) templ.Component {
	p := InstallPage{Page: Page{L: l, Session: "token"}, Action: "/b24/install"}
	parts := []templ.Component{InstallStart(p)}
	for i, code := range Steps {
		step := Step{L: l, Code: code, Failed: failed && i == 4}
		parts = append(parts, InstallStep(step))
		if step.Failed {
			break
		}
	}
	return templ.Join(append(parts, InstallEnd(InstallResult{InstallPage: p, Failed: failed}))...)
}

func firstSettings(l Localizer) SettingsPage {
	p := page(l, SettingsTab)
	p.Banners = []Banner{{Kind: NotConnected}}
	none := pairs(quiet, quiet)
	return withChoices(SettingsPage{
		Page: p, Version: 1, Values: valuesAtFirst(),
		Preview:    NewPreview(l, none, none),
		Trials:     firstTrials(l),
		Connection: Connection{APIAddress: "https://callwise.example.com/pbx/v1/events"},
	})
}

func settingsOn(l Localizer) SettingsPage {
	yesterday := l.Moment(now.AddDate(0, 0, -1), now, berlin)
	values := valuesAtFirst()
	values["create_entities"], values["repeated_leads"], values["repeat_in_bitrix24"] = "on", "on", "on"
	return withChoices(SettingsPage{
		Page: page(l, SettingsTab), Version: 7, Values: values,
		Preview: NewPreview(l, pairs(repeats, repeats), pairs(outgoingOff, outgoingOff)),
		Trials:  usualTrials(l),
		Connection: Connection{
			APIAddress: "https://callwise.example.com/pbx/v1/events",
			Keys: []Key{
				{ID: 1, Name: "Berlin office", Hint: "k7Qz", Created: l.Moment(now.AddDate(0, -2, 0), now, berlin), LastUsed: l.Moment(now, now, berlin)},
				{ID: 2, Name: "Hamburg", Hint: "Xp0a", Created: yesterday},
			},
			CommandURL:    "https://pbx.example.com/callwise/commands",
			CommandSecret: CommandSecret{Exists: true, OldUntil: "5 March 2026, 14:05"},
		},
		CommandURLWas: "https://pbx.example.com/callwise/commands",
		History:       LastChange{Who: "Anna Weber", When: yesterday},
	})
}

func settingsChanged(l Localizer) SettingsPage {
	p := settingsOn(l)
	p.Values["outgoing_calls"], p.Stored = "on", map[string]string{"outgoing_calls": "off"}
	p.Unsaved, p.SimpleMode = true, true
	p.Preview = NewPreview(l, pairs(repeats, repeats), pairs(outgoingRepeats, outgoingOff))
	return p
}

func settingsSaved(l Localizer) SettingsPage {
	p := settingsOn(l)
	p.Saved = true
	p.RepeatRefuted = l.T("health.repeat.refuted", "When", p.History.When.Text)
	p.Connection.NewKey = &NewKey{Name: "Munich", Value: "cw_4fJt0uYV1mXo2h8Zb6nE5sQ3rPkLdA9w"}
	p.Connection.CommandSecret.Value = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	return p
}

func settingsInvalid(l Localizer) SettingsPage {
	p := settingsOn(l)
	p.Unsaved = true
	p.Connection.CommandURL, p.Connection.CommandURLError = "http://pbx.example.com", ErrNotHTTPS
	p.Connection.KeyError = ErrNameMissing
	p.Connection.CommandSecret.Value, p.Connection.CommandSecret.Replaced = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", true
	p.Problems = []Problem{l.CommandURLProblem(ErrNotHTTPS)}
	return p
}

func settingsBanners(l Localizer) SettingsPage {
	p := settingsOn(l)
	p.Banners = []Banner{
		{Kind: NeedsAuthorisation}, {Kind: Suspended},
		{Kind: InstallationPending}, {Kind: EventsUnproven}, {Kind: MissingScopes, Scopes: "telephony, user_basic"},
	}
	return p
}

// The answers of the rules that the previews are drawn with.
var (
	lead    = PreviewCell{Create: "lead", LogTo: []PreviewTarget{{Type: "lead", New: true}}, Reason: "NEW_CREATED"}
	openOne = PreviewCell{Create: "none", LogTo: []PreviewTarget{{Type: "lead"}}, Reason: "OPEN_ENTITY"}
	openTwo = PreviewCell{Create: "none", LogTo: []PreviewTarget{{Type: "deal"}, {Type: "lead"}, {Type: "contact"}}, Reason: "OPEN_ENTITY"}
)

func known(reason string) PreviewCell {
	return PreviewCell{Create: "none", LogTo: []PreviewTarget{{Type: "contact"}}, Reason: reason}
}

func repeated(reason string) PreviewCell {
	return PreviewCell{Create: "repeated_lead", LogTo: []PreviewTarget{{Type: "lead", New: true}, {Type: "contact"}}, Reason: reason}
}

func nothingTo(reason string) PreviewCell { return PreviewCell{Create: "none", Reason: reason} }

var (
	quiet           = column(nothingTo("NEW_CREATE_OFF"), known("KNOWN_CREATE_OFF"), known("KNOWN_CREATE_OFF"))
	outgoingOff     = column(nothingTo("NEW_OUTGOING_OFF"), known("KNOWN_OUTGOING_OFF"), known("KNOWN_OUTGOING_OFF"))
	repeats         = column(lead, repeated("REPEAT_CONTACT"), repeated("REPEAT_LEAD_TO_CONTACT"))
	outgoingRepeats = column(lead, repeated("REPEAT_CONTACT"), known("REPEAT_OUT_LEAD_TO_CONTACT"))
)

func column(fresh, contact, converted PreviewCell) []PreviewCell {
	return []PreviewCell{fresh, openOne, openTwo, contact, contact, contact, converted, contact, contact, converted, contact}
}

func pairs(now, saved []PreviewCell) []PreviewPair {
	list := make([]PreviewPair, len(now))
	for i := range now {
		list[i] = PreviewPair{Number: i + 1, Now: now[i], Saved: saved[i]}
	}
	return list
}

const portal = "https://acme.bitrix24.com"

func details(l Localizer) CallDetails {
	instant := func(ms int) Moment { return l.Instant(now.Add(time.Duration(ms)*time.Millisecond), berlin) }
	event := func(kind string, happened, arrived int) TimelineEvent {
		return TimelineEvent{
			Event: l.Event(kind), Detail: "104 Jonas Becker", Source: l.Source("pbx"), Happened: instant(happened), Arrived: instant(arrived),
			Late: l.Late(now.Add(time.Duration(happened)*time.Millisecond), now.Add(time.Duration(arrived)*time.Millisecond)),
		}
	}
	created, contact := Ref{Type: "lead", ID: 811}, Ref{Type: "contact", ID: 9, Title: "Anna Müller"}
	outcome := Outcome{Origin: portal, Created: []Ref{created}, LoggedTo: []Ref{created, contact}}
	return CallDetails{
		L: l, ID: 7, Session: "token", Admin: true, Title: l.CallTitle("outgoing", "+49 30 901820"),
		Facts: []Fact{
			{l.T("column.time"), l.Moment(now, now, berlin).Full}, {l.T("column.employee"), "Jonas Becker, 104"},
			{l.T("column.line"), "+49 30 555 01"}, {l.T("column.duration"), "1:05"},
		},
		Timeline: []TimelineEvent{event("call.started", 0, 40), event("call.answered", 4000, 4050), event("call.ended", 69000, 81000)},
		Decision: &DecisionDetails{
			Sentence: ReasonSentence(l, "REPEAT_LEAD_TO_DEAL", "repeated_lead"),
			Create:   l.Create("repeated_lead"),
			Notes:    []string{NoteSentence(l, "CLOSED_CARD_CLICK", "repeated_lead")},
			Row:      l.TableRow("outgoing", 6),
			Conditions: l.Conditions(CaseFacts{
				Direction: "outgoing", Origin: &Ref{Type: "deal", ID: 31}, OriginClosed: true, CreateEntities: true, OutgoingCalls: true,
				RepeatedLeads: true, Repeat: "on", Mode: "classic", Contacts: []int64{9}, ClosedLeads: []ClosedLead{{31, "deal"}, {12, "lost"}}, ClosedDeals: []int64{31},
				OfLine: []string{"repeated_leads"},
			}),
			Tried:       tried(l, "P1", "P2", "P3", "P4", "P5", "P6", "D1", "D2", "D3", "D4", "D5", "D6", "D7", "D8", "D10", "D11"),
			WouldChange: l.WouldChange("repeated_leads", "off", "none"),
			Line:        l.T("decision.line", "Line", "Berlin"),
			Version:     l.Settings(7),
		},
		Result: l.Result(outcome), Created: l.Entities(portal, outcome.Created), LoggedTo: l.Entities(portal, outcome.LoggedTo),
		Steps: []StepRow{
			{Step: l.Did("decide"), At: instant(200), Code: "REPEAT_LEAD_TO_DEAL"}, {Step: l.Did("register"), At: instant(400)},
			{Step: l.Did("create"), At: instant(900), Code: "ERROR_CORE", Failed: true},
		},
		Recording: RecordingDetails{Text: l.T("details.recording.attached"), Player: "/calls/7/recording?key=key"},
		Link:      "https://acme.bitrix24.com/marketplace/view/acme.callwise/?params[call]=7",
		Outcomes:  []string{NoteSentence(l, "CREATE_FAILED", "repeated_lead"), NoteSentence(l, "BIND_PARTIAL", "none")},
		Requests: []RequestRow{
			{At: instant(100), Method: "batch: crm.duplicate.findbycomm, crm.lead.list, crm.contact.list", Duration: l.Took(85 * time.Millisecond), Code: "200", Sent: "[\n  {\n    \"key\": \"a\"\n  }\n]", Answered: "{\n  \"result\": 412\n}"},
			{At: instant(250), Method: "telephony.externalCall.register", Duration: l.Took(1200 * time.Millisecond), Code: "400 ERROR_CORE", Failed: true},
		},
	}
}

func undecided(l Localizer) CallDetails {
	return CallDetails{
		L: l, ID: 10, Session: "token", Title: l.CallTitle("incoming", l.HiddenNumber()), Facts: []Fact{{l.T("column.line"), "+49 30 555 01"}},
		Problem: NoteSentence(l, "SNAPSHOT_FAILED", "none"), Result: l.Result(Outcome{State: ResultWaiting}),
	}
}

// tried lists rows of which the last one held.
func tried(l Localizer, rows ...string) []TriedRow {
	list := make([]TriedRow, len(rows))
	for i, row := range rows {
		list[i] = l.Tried(row, i == len(rows)-1)
	}
	return list
}

func docs(l Localizer) DocsPage {
	return DocsPage{
		L: l, Host: "https://callwise.example.com", API: "https://callwise.example.com/pbx/v1",
		Problems: []int{400, 401, 404, 409, 413, 415, 422, 429, 500, 502, 503, 504},
		Statuses: []DocsStatus{{"answered", "200", "200"}, {"missed", "304", "603-S"}, {"invalid_number", "404", "404"}},
	}
}
