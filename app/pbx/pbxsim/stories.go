package pbxsim

import (
	"slices"
	"strings"
	"time"

	"callwise/app/call"
)

func incomingAnswered(c Cast) []Step { return c.answered(c.Phone) }

func incomingMissed(c Cast) []Step {
	return []Step{c.start(call.Incoming, c.Phone, c.Extensions[0]), c.giveUp(call.StatusMissed)}
}

func menuHangup(c Cast) []Step {
	return []Step{c.start(call.Incoming, c.Phone), c.giveUp(call.StatusMissed)}
}

func ringGroup(c Cast) []Step {
	second := c.Extensions[1]
	return []Step{c.start(call.Incoming, c.Phone, c.Extensions[:3]...), c.answer(second), c.hangUp(second)}
}

func queue(c Cast) []Step {
	first, second := c.Extensions[0], c.Extensions[1]
	return []Step{
		c.start(call.Incoming, c.Phone),
		c.ring(first), c.ring(second),
		c.answer(second), c.hangUp(second),
	}
}

func (c Cast) ring(extension string) Step {
	return after(5*time.Second, "the queue rings "+extension, call.Event{Type: call.Ringing, Extensions: []string{extension}})
}

func blindTransfer(c Cast) []Step {
	first, second := c.Extensions[0], c.Extensions[1]
	return []Step{c.start(call.Incoming, c.Phone, first), c.answer(first), c.transfer(first, second), c.hangUp(second)}
}

// attendedTransfer: the colleague answers the employee first, and has the
// customer afterwards.
func attendedTransfer(c Cast) []Step {
	first, second := c.Extensions[0], c.Extensions[1]
	rings := after(5*time.Second, first+" asks "+second, call.Event{Type: call.Ringing, Extensions: []string{second}})
	return []Step{
		c.start(call.Incoming, c.Phone, first), c.answer(first),
		rings, c.answer(second), c.transfer(first, second), c.hangUp(second),
	}
}

func outgoingAnswered(c Cast) []Step {
	first := c.Extensions[0]
	return []Step{c.start(call.Outgoing, c.Phone, first), c.answer(first), c.hangUp(first)}
}

func outgoingBusy(c Cast) []Step {
	return []Step{c.start(call.Outgoing, c.Phone, c.Extensions[0]), c.giveUp(call.StatusBusy)}
}

func endedAlone(c Cast) []Step {
	first := c.Extensions[0]
	return []Step{after(0, "only the end of the call", call.Event{
		Type: call.Ended, Direction: call.Incoming, Phone: c.Phone, Line: c.Line, Extensions: []string{first},
		Extension: first, Status: call.StatusAnswered, Duration: talk,
	})}
}

func lateShuffled(c Cast) []Step {
	first, second := c.Extensions[0], c.Extensions[1]
	ago := func(seconds int, name string, s Step) Moment {
		return Moment{name, time.Duration(seconds) * time.Second, s.Events[0].Event}
	}
	backwards := []Moment{
		ago(30, "ended", c.hangUp(second)),
		ago(60, "transferred", c.transfer(first, second)),
		ago(95, "answered", c.answer(first)),
		ago(100, "started", c.start(call.Incoming, c.Phone, first)),
	}
	var steps []Step
	for _, m := range backwards {
		steps = append(steps, Step{time.Second, m.Name + ", " + m.Ago.String() + " ago", false, []Moment{m}})
	}
	again := slices.Concat(backwards, backwards)
	return append(steps, Step{time.Second, "all of it again, twice", false, again})
}

func lateLeg(c Cast) []Step {
	first, second := c.Extensions[0], c.Extensions[1]
	late := after(5*time.Second, "a leg to "+second+" ends, missed", call.Event{
		Type: call.Ended, Status: call.StatusMissed, Extension: second,
	})
	return []Step{c.start(call.Incoming, c.Phone, first, second), c.answer(first), c.hangUp(first), late}
}

func internal(c Cast) []Step {
	first, second := c.Extensions[0], c.Extensions[1]
	return []Step{c.start(call.Internal, first, second), c.answer(second), c.hangUp(second)}
}

func hidden(c Cast) []Step { return c.answered("anonymous") }

func sipURI(c Cast) []Step { return c.answered("sip:" + c.Phone + "@pbx.example") }

func recording(c Cast) []Step { return append(c.answered(c.Phone), c.recorded()) }

func earlyRecording(c Cast) []Step {
	steps := c.answered(c.Phone)
	return slices.Insert(steps, len(steps)-1, c.recorded())
}

func transcript(c Cast) []Step {
	return append(c.answered(c.Phone), after(5*time.Second, "the transcript is ready", call.Event{
		Type: call.TranscriptReady, Messages: []call.Message{
			{Side: call.User, Start: 0, Stop: 3, Text: "Good morning, how can I help?"},
			{Side: call.Client, Start: 4, Stop: 9, Text: "I should like an offer for my roof."},
		},
	}))
}

func whoCalls(c Cast) []Step {
	return append([]Step{{Says: "who is calling?", Asks: true}}, c.answered(c.Phone)...)
}

func list(extensions []string) string { return strings.Join(extensions, ", ") }
