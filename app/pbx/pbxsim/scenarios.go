package pbxsim

import (
	"fmt"
	"slices"
	"time"

	"callwise/app/call"
)

// A Cast is who takes part in a scenario's call.
type Cast struct {
	Call       string   // the PBX's id of it, new for each call
	Phone      string   // the customer's
	Line       string   // of the company
	Extensions []string // at least [Extensions] of them
	Recording  string   // address of a sound file
}

// Extensions is how many extensions a scenario needs.
const Extensions = 3

// A Scenario is a call as a PBX reports it.
type Scenario struct {
	Name  string
	Shows string // a sentence
	steps func(Cast) []Step
}

// A Step is one request of the PBX.
type Step struct {
	Pause  time.Duration // before it, in life
	Says   string        // what happens, in a few words
	Asks   bool          // who is calling; there are no events then
	Events []Moment      // sent together
}

// A Moment is an event some time ago. Those of one name are one event that is
// sent again; without a name it is sent once.
type Moment struct {
	Name string
	Ago  time.Duration
	call.Event
}

// Scenarios are all scenarios, the simple ones first.
var Scenarios = []Scenario{
	{"incoming-answered", "A customer calls, one telephone rings and is answered.", incomingAnswered},
	{"incoming-missed", "A customer calls and nobody answers.", incomingMissed},
	{"menu-hangup", "A customer hangs up in the voice menu, before any telephone rings.", menuHangup},
	{"ring-group", "Three telephones ring at once, and the second is answered.", ringGroup},
	{"queue", "A queue rings one telephone after the other until one is answered.", queue},
	{"blind-transfer", "A call is passed on without a word to a colleague.", blindTransfer},
	{"attended-transfer", "A call is passed on after the two employees have spoken.", attendedTransfer},
	{"outgoing-answered", "An employee calls a customer, who answers.", outgoingAnswered},
	{"outgoing-busy", "An employee calls a customer, whose line is busy.", outgoingBusy},
	{"ended-alone", "A PBX reports a call by its end only.", endedAlone},
	{"late-shuffled", "A call is reported late, backwards, and then once more.", lateShuffled},
	{"late-leg", "After an answered call a late leg of it is reported as missed.", lateLeg},
	{"internal", "An employee calls another one.", internal},
	{"hidden", "A caller withholds the number.", hidden},
	{"sip-uri", "A caller's number comes as a SIP address.", sipURI},
	{"recording", "The recording of a call is ready after its end.", recording},
	{"early-recording", "The recording of a call is reported before its end.", earlyRecording},
	{"transcript", "The transcript of a call is ready after its end.", transcript},
	{"who-calls", "The PBX asks who is calling, and then reports the call.", whoCalls},
}

// Find returns the scenario with that name.
func Find(name string) (Scenario, bool) {
	i := slices.IndexFunc(Scenarios, func(s Scenario) bool { return s.Name == name })
	if i < 0 {
		return Scenario{}, false
	}
	return Scenarios[i], true
}

// talk is how long the customer is said to have talked, in seconds.
const talk = 65

// after is a step with one event.
func after(pause time.Duration, says string, e call.Event) Step {
	return Step{Pause: pause, Says: says, Events: []Moment{{Event: e}}}
}

func (c Cast) start(d call.Direction, phone string, extensions ...string) Step {
	says := "the call begins, no telephone rings"
	if len(extensions) > 0 {
		says = fmt.Sprintf("the call begins at %s", list(extensions))
	}
	return after(0, says, call.Event{Type: call.Started, Direction: d, Phone: phone, Line: c.Line, Extensions: extensions})
}

func (c Cast) answer(extension string) Step {
	return after(5*time.Second, extension+" talks", call.Event{Type: call.Answered, Extension: extension})
}

func (c Cast) transfer(from, to string) Step {
	return after(10*time.Second, from+" passes the call to "+to, call.Event{Type: call.Transferred, From: from, To: to})
}

func (c Cast) hangUp(extension string) Step {
	return after(10*time.Second, "the call ends, answered", call.Event{Type: call.Ended, Status: call.StatusAnswered, Extension: extension, Duration: talk})
}

func (c Cast) giveUp(s call.Status) Step {
	return after(10*time.Second, "the call ends, "+string(s), call.Event{Type: call.Ended, Status: s})
}

// answered is a simple conversation.
func (c Cast) answered(phone string) []Step {
	first := c.Extensions[0]
	return []Step{c.start(call.Incoming, phone, first), c.answer(first), c.hangUp(first)}
}

func (c Cast) recorded() Step {
	return after(2*time.Second, "the recording is ready", call.Event{Type: call.RecordingReady, URL: c.Recording})
}
