package views

import (
	"strconv"

	"github.com/a-h/templ"
)

// A TestCallForm asks for a call that is made up to see its whole way.
type TestCallForm struct {
	Number     string
	Directions []Option
	Lines      []Option // own numbers of the company; none: the field is left out
	Extension  string
	Error      FieldError // of Number
}

// A TestCall is the way of a made-up call, as far as it has come.
type TestCall struct {
	Page
	ID    int64
	Title string
	Steps []TestStep
	Ended bool // nothing more will come
}

// A TestStep is one station of the way. Code names it; testcall.<code> says
// what it is.
type TestStep struct {
	Code   TestCode
	State  TestState
	Detail string   // what was found
	Lines  []string // more of it, one a line
	Mend   string   // TestFailed: how to mend it
}

// A TestCode names a step of a test call.
type TestCode string

// The steps, in their order.
const (
	TestAccess  TestCode = "access"
	TestKey     TestCode = "key"
	TestNumber  TestCode = "number"
	TestStored  TestCode = "stored"
	TestWorker  TestCode = "worker"
	TestCRM     TestCode = "crm"
	TestDecided TestCode = "decided"
	TestSent    TestCode = "sent"
	TestCommand TestCode = "command"
)

// TestCodes lists every step in order.
var TestCodes = []TestCode{TestAccess, TestKey, TestNumber, TestStored, TestWorker, TestCRM, TestDecided, TestSent, TestCommand}

// A TestState is how a step stands.
type TestState string

// The states of a step.
const (
	TestFine    TestState = "fine"
	TestFailed  TestState = "failed"
	TestWaiting TestState = "waiting"
	TestSkipped TestState = "skipped" // not needed, and why
)

// failed counts the steps that did.
func (t TestCall) failed() int {
	n := 0
	for _, s := range t.Steps {
		if s.State == TestFailed {
			n++
		}
	}
	return n
}

// outcome is the sentence above the steps.
func (t TestCall) outcome() string {
	switch {
	case !t.Ended:
		return t.L.T("testcall.running")
	case t.failed() > 0:
		return t.L.N("testcall.trouble", t.failed())
	}
	return t.L.T("testcall.fine")
}

func (t TestCall) address() string { return "/settings/test-call/" + strconv.FormatInt(t.ID, 10) }

func (t TestCall) details() string { return "/calls/" + strconv.FormatInt(t.ID, 10) }

// poll looks again until nothing more will come.
func (t TestCall) poll() templ.Attributes {
	if t.Ended {
		return nil
	}
	return templ.Attributes{"hx-get": t.address(), "hx-trigger": "every 1s", "hx-target": "#test-call", "hx-select": "#test-call", "hx-swap": "outerHTML"}
}

func (s TestStep) icon() string {
	return map[TestState]string{TestFine: "circle-check", TestFailed: "circle-x", TestWaiting: "clock", TestSkipped: "arrow-right"}[s.State]
}

func (s TestStep) badge() string {
	return map[TestState]string{TestFine: "badge-success", TestFailed: "badge-danger", TestWaiting: "badge-warning"}[s.State]
}
