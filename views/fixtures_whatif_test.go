package views

import (
	"fmt"
	"time"
)

// trialShots are the states of what can be tried out.
func trialShots(l Localizer) []shot {
	dry := callLog(l)
	dry.Banners = []Banner{{Kind: DryRun}}
	dryEmployee := callLogOfEmployee(l)
	dryEmployee.Banners = []Banner{{Kind: DryRun}}
	return []shot{
		{"settings-whatif-none", Settings(with(l, func(t *Trials) { t.WhatIf = NewWhatIf(l, 0, nil, false) }))},
		{"settings-whatif-same", Settings(with(l, func(t *Trials) { t.WhatIf = whatIfOf(l, 0, false) }))},
		{"settings-whatif-all", Settings(with(l, func(t *Trials) { t.WhatIf = whatIfOf(l, 30, true) }))},
		{"settings-line", Settings(settingsOfLine(l))},
		{"settings-dry-run", Settings(settingsDry(l))},
		{"settings-setup-done", Settings(with(l, func(t *Trials) { t.Setup = setupOf(l, len(SetupCodes)) }))},
		{"settings-extensions", Settings(with(l, func(t *Trials) { t.Employees = employeesToMend(l) }))},
		{"settings-extensions-many", Settings(with(l, func(t *Trials) { t.Employees = manyEmployees(l) }))},
		{"settings-number-excluded", Settings(with(l, func(t *Trials) {
			t.Number = NumberExample{L: l, Session: "token", Raw: "12", Variants: []string{"12"}, Excluded: true}
		}))},
		{"settings-number-hidden", Settings(with(l, func(t *Trials) { t.Number = NumberExample{L: l, Session: "token", Raw: "anonymous", Hidden: true} }))},
		{"settings-test-call-wrong", Settings(with(l, func(t *Trials) { t.TestCall.Number, t.TestCall.Error = "", ErrNumberMissing }))},
		{"test-call-running", TestCallPage(testCallOf(l, 5, 0))},
		{"test-call-done", TestCallPage(testCallOf(l, len(TestCodes), 0))},
		{"test-call-failed", TestCallPage(testCallOf(l, 4, 1))},
		{"calls-dry-run", Calls(dry)},
		{"calls-dry-run-employee", Calls(dryEmployee)},
	}
}

// with is the settings page with one of the trials in another state.
func with(l Localizer, change func(*Trials)) SettingsPage {
	p := settingsOn(l)
	change(&p.Trials)
	return p
}

func settingsDry(l Localizer) SettingsPage {
	p := settingsOn(l)
	p.Banners = []Banner{{Kind: DryRun}}
	return p
}

func settingsOfLine(l Localizer) SettingsPage {
	p := settingsChanged(l)
	p.Preview.Session = "token"
	p.Preview.Lines = []Option{{Label: l.T("preview.line.all")}, {Value: "493055501", Label: l.T("preview.line.named", "Name", "Hamburg", "Number", "+49 30 55501"), Chosen: true}}
	return p
}

// firstTrials are those of a portal where nothing has happened yet.
func firstTrials(l Localizer) Trials {
	return Trials{
		Setup: setupOf(l, 2), WhatIf: NewWhatIf(l, 0, nil, false), TestCall: testFormOf(l),
		Employees: Employees{L: l, Session: "token", People: people(2), Without: 2},
		Number:    numberOf(l),
	}
}

// usualTrials are those of a portal at work.
func usualTrials(l Localizer) Trials {
	return Trials{
		WhatIf: whatIfOf(l, 12, false), TestCall: testFormOf(l), Number: numberOf(l),
		Employees: Employees{
			L: l, Session: "token", Read: l.Moment(now, now, berlin), People: people(3), Without: 1,
			Rows: []EmployeeRow{{Name: "Anna Weber", Extension: "104"}, {Name: "Jonas Becker", Extension: "105"}},
		},
	}
}

func numberOf(l Localizer) NumberExample {
	return NumberExample{
		L: l, Session: "token", Raw: "030 901820", Country: "DE", E164: "+4930901820", Pretty: "+49 30 901820",
		Variants: []string{"+4930901820", "4930901820", "030901820", "30901820"},
	}
}

func testFormOf(l Localizer) TestCallForm {
	return TestCallForm{
		Number: "030 901820", Extension: "104",
		Directions: []Option{{Value: "incoming", Label: l.Direction("incoming"), Chosen: true}, {Value: "outgoing", Label: l.Direction("outgoing")}},
		Lines:      []Option{{Value: "493055501", Label: "+49 30 55501"}},
	}
}

func whatIfOf(l Localizer, differ int, all bool) WhatIf {
	changes := []WhatIfPair{
		{Direction: "incoming", Customer: "Müller GmbH", Before: known("REPEAT_OFF_PBX"), After: repeated("REPEAT_CONTACT")},
		{Direction: "outgoing", Phone: "+49 30 901820", Before: lead, After: nothingTo("NEW_OUTGOING_OFF")},
		{Direction: "incoming", Customer: "Anastasia Konstantinopolskaja-Wintermantel", Before: openOne, After: openTwo},
	}
	var pairs []WhatIfPair
	for i := range differ {
		p := changes[i%len(changes)]
		p.ID, p.Time = int64(i+1), l.Moment(now.Add(-time.Duration(i)*time.Hour), now, berlin)
		pairs = append(pairs, p)
	}
	w := NewWhatIf(l, 500, pairs, all)
	w.Session, w.Since = "token", l.Moment(now.AddDate(0, -1, 0), now, berlin)
	return w
}

// setupOf is the first run with the first checks fine.
func setupOf(l Localizer, fine int) Setup {
	s := Setup{L: l, Session: "token", Shown: true, Creates: fine > 2, Connected: fine > 2}
	for i, code := range SetupCodes {
		s.Checks = append(s.Checks, SetupCheck{Code: code, Fine: i < fine})
	}
	if fine < len(SetupCodes) {
		s.Checks[len(s.Checks)-1].Detail = l.N("setup.extensions.wrong", 2)
	}
	return s
}

func people(n int) []EmployeeName {
	var list []EmployeeName
	for i := range n {
		list = append(list, EmployeeName{ID: int64(17 + i), Name: fmt.Sprintf("Anna Weber %d", i+1)})
	}
	return list
}

func employeesToMend(l Localizer) Employees {
	e := usualTrials(l).Employees
	e.Failed = "QUERY_LIMIT_EXCEEDED"
	e.Strays = []Extension{{Number: "199", Calls: 21}, {Number: "sip/1 4", Calls: 1, Owner: 18}}
	e.Doubles = []Extension{{Number: "104", Names: []string{"Anna Weber", "Anastasia Konstantinopolskaja-Wintermantel"}}}
	e.Own = []Extension{{Number: "105", Names: []string{"Jonas Becker"}, Owner: 17}, {Number: "106", Owner: 99, Gone: true}}
	e.Rows[1].Note = l.T("employees.note", "Name", "Anna Weber 1")
	return e
}

func manyEmployees(l Localizer) Employees {
	e := employeesToMend(l)
	e.Failed, e.People, e.More, e.Without = "", people(employeesInSelect+1), 1, 5
	return e
}

// testCallOf is a test call whose first steps are fine, and then some failed.
func testCallOf(l Localizer, fine, failed int) TestCall {
	t := TestCall{
		Page: page(l, SettingsTab), ID: 7, Title: l.CallTitle("incoming", "+49 30 901820"), Ended: fine == len(TestCodes) || failed > 0,
	}
	for i, code := range TestCodes {
		step := TestStep{Code: code, State: TestWaiting}
		switch {
		case code == TestCommand:
			step.State, step.Detail = TestSkipped, l.T("testcall.command.none")
		case i < fine:
			step.State = TestFine
		case i < fine+failed:
			step.State, step.Mend = TestFailed, l.T("testcall.worker.late")
		}
		if code == TestSent && step.State == TestFine {
			step.Lines = []string{l.T("testcall.sent.create", "Create", l.Create("lead")), l.T("testcall.sent.card.ring")}
		}
		t.Steps = append(t.Steps, step)
	}
	return t
}
