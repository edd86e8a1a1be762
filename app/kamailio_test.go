package main

import (
	"net/url"
	"strings"
	"testing"

	"callwise/app/b24/b24sim"
	"callwise/app/call"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
)

func TestTwoTelephonesTalkAndTheCallIsInTheLogWithItsRecording(t *testing.T) {
	c := newOffice(t)
	c.connect()
	c.dial(c.customer, ourLine)
	c.anna.happened("CALL_INCOMING", 1)
	c.omar.happened("CALL_INCOMING", 1)
	c.registered(1)
	c.eventually("both have the card", func() bool { return len(c.portal.Cards()) == 2 })
	c.anna.do("accept", "")
	c.anna.happened("CALL_ESTABLISHED", 1)
	c.omar.happened("CALL_CLOSED", 1)
	c.eventually("only who talks has the card", func() bool { return len(c.portal.Cards()) == 1 })
	c.expectCards([]int64{anna})
	c.talk(100_000) // about three seconds of both
	c.customer.do("hangup", "")
	c.anna.happened("CALL_CLOSED", 1)
	c.finished(1)
	id := *c.begun(1).PBXCallID
	c.eventually("the recording is attached", func() bool { name, _ := c.inPortal(id); return name != "" })
	c.worked(id)

	got := c.begun(1)
	want := models.Call{Direction: call.Incoming, Phone: customer, Line: ourLine, UserID: anna, Extension: "104", Status: call.StatusAnswered, State: "finished", Result: "created", Reason: "NEW_CREATED"}
	if diff := cmp.Diff(want, models.Call{
		Direction: got.Direction, Phone: got.Phone, Line: got.Line, UserID: got.UserID, Extension: got.Extension,
		Status: got.Status, State: got.State, Result: got.Result, Reason: got.Reason,
	}); diff != "" {
		t.Errorf("the call (-want +got):\n%s", diff)
	}
	after := c.portal.Snapshot()
	if len(after.Statistics) != 1 || len(after.Activities) != 1 || len(after.Leads) != 1 || after.Unfinished != 0 || len(c.portal.Cards()) != 0 {
		t.Errorf("left in the portal: %+v", after)
	}
	if row := after.Statistics[0]; row.Status != "200" || row.UserID != anna || row.Duration < 1 || row.Duration != got.Duration {
		t.Errorf("statistics: %+v; talked for %d s", row, got.Duration)
	}
	name, sound := c.inPortal(id)
	if name != "recording.wav" {
		t.Errorf("attached %q", name)
	}
	for hertz, heard := range map[float64]bool{ofTheLine: true, ofAnna: true, ofOmar: false} {
		if got := loudness(t, sound, hertz); got > 3000 != heard {
			t.Errorf("%v Hz sounds with %.0f", hertz, got)
		}
	}
	if page := c.dialog(id, c.session); !strings.Contains(page, "attached to the call in Bitrix24") {
		t.Error("the page does not tell of the recording")
	}
	if n := c.audioBytes(); n != 0 {
		t.Errorf("%d bytes are kept", n)
	}
}

// A logged call is what its scenario is about.
type logged struct {
	Direction call.Direction
	Phone     string
	Line      string
	Extension string
	Status    call.Status
	Code      string // of the portal's statistics, none for a call that it does not know
	User      int64  // likewise
}

func (c *office) last() logged {
	c.rig.t.Helper()
	calls := c.calls()
	got := calls[len(calls)-1]
	l := logged{Direction: got.Direction, Phone: got.Phone, Line: got.Line, Extension: got.Extension, Status: got.Status}
	for _, row := range c.portal.Snapshot().Statistics {
		if row.ExternalCallID == *got.PBXCallID {
			l.Code, l.User = row.Status, row.UserID
		}
	}
	return l
}

func TestEveryEndOfATelephoneCallIsInTheLog(t *testing.T) {
	c := newOffice(t)
	c.connect()
	const queue = "4930901801"
	rings := map[*telephone]int{}
	ring := func(p *telephone) {
		t.Helper()
		rings[p]++
		p.happened("CALL_INCOMING", rings[p])
	}
	for i, scenario := range []struct {
		name string
		play func()
		want logged
	}{
		{"an employee calls and talks", func() {
			c.dial(c.anna, customer)
			ring(c.customer)
			c.customer.do("accept", "")
			c.anna.happened("CALL_ESTABLISHED", 1)
			c.anna.do("hangup", "")
			c.customer.happened("CALL_CLOSED", 1)
		}, logged{call.Outgoing, customer, ourLine, "104", call.StatusAnswered, "200", anna}},
		{"the customer is busy", func() {
			c.dial(c.anna, customer)
			ring(c.customer)
			c.customer.do("hangup", "")
			c.anna.happened("CALL_CLOSED", 2)
		}, logged{call.Outgoing, customer, ourLine, "104", call.StatusBusy, "486", anna}},
		{"the employee gives up", func() {
			c.dial(c.omar, customer)
			ring(c.customer)
			c.omar.do("hangup", "")
			c.customer.happened("CALL_CLOSED", 3)
		}, logged{call.Outgoing, customer, ourLine, "105", call.StatusCancelled, "603-S", omar}},
		{"the customer gives up", func() {
			c.dial(c.customer, ourLine)
			ring(c.anna)
			ring(c.omar)
			c.customer.do("hangup", "")
			c.omar.happened("CALL_CLOSED", 2)
		}, logged{call.Incoming, customer, ourLine, "104", call.StatusMissed, "304", anna}},
		{"the first of a queue declines, the second talks", func() {
			c.dial(c.customer, queue)
			ring(c.anna)
			c.anna.do("hangup", "")
			ring(c.omar)
			c.omar.do("accept", "")
			c.customer.happened("CALL_ESTABLISHED", 2)
			c.omar.do("hangup", "")
			c.customer.happened("CALL_CLOSED", 5)
		}, logged{call.Incoming, customer, queue, "105", call.StatusAnswered, "200", omar}},
		{"colleagues talk", func() {
			c.dial(c.anna, "105")
			ring(c.omar)
			c.omar.do("accept", "")
			c.anna.happened("CALL_ESTABLISHED", 2)
			c.anna.do("hangup", "")
			c.omar.happened("CALL_CLOSED", 4)
		}, logged{Direction: "internal", Phone: "105", Extension: "104", Status: call.StatusAnswered}},
		{"nobody answers in time", func() {
			c.dial(c.customer, "4930901802")
			ring(c.anna)
			ring(c.omar)
			c.customer.happened("CALL_CLOSED", 6)
		}, logged{call.Incoming, customer, "4930901802", "104", call.StatusMissed, "304", anna}},
		{"a colleague's phone is off", func() {
			c.dial(c.anna, "109")
			c.anna.happened("CALL_CLOSED", 7)
		}, logged{Direction: "internal", Phone: "109", Extension: "104", Status: call.StatusUnavailable}},
	} {
		scenario.play()
		c.finished(i + 1)
		c.worked(*c.begun(i + 1).PBXCallID)
		if diff := cmp.Diff(scenario.want, c.last()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", scenario.name, diff)
		}
	}
	if cards := c.portal.Cards(); len(cards) > 0 {
		t.Errorf("cards stay open: %+v", cards)
	}
}

func TestAClickRingsTheEmployeeAndThenTheCustomer(t *testing.T) {
	c := newOffice(t)
	c.connect()
	c.save(url.Values{"command_url": {c.commands}})
	id := c.click(b24sim.Click{UserID: anna, Phone: customer})
	c.anna.happened("CALL_INCOMING", 1)
	c.anna.do("accept", "")
	c.customer.happened("CALL_INCOMING", 1)
	c.customer.do("accept", "")
	c.customer.happened("CALL_ESTABLISHED", 1)
	c.customer.do("hangup", "")
	c.anna.happened("CALL_CLOSED", 2) // that which rang, and that to the customer
	c.finished(1)
	if got := c.begun(1); got.B24CallID == nil || *got.B24CallID != id || got.Status != call.StatusAnswered {
		t.Errorf("the click became %+v", got)
	}

	c.click(b24sim.Click{UserID: omar, Phone: customer})
	c.omar.happened("CALL_INCOMING", 1)
	c.omar.do("hangup", "")
	c.finished(2)
	if diff := cmp.Diff([]string{"200", "486"}, c.statuses()); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	if after := c.portal.Snapshot(); after.Unfinished != 0 || len(c.portal.Cards()) != 0 {
		t.Errorf("%d unfinished, cards %+v", after.Unfinished, c.portal.Cards())
	}
}

func TestNothingOfACallIsLostWhileSomethingIsDown(t *testing.T) {
	c := newOffice(t)
	// The connector: Kamailio keeps what happens, and RTPengine the recording.
	c.dial(c.customer, ourLine)
	c.anna.happened("CALL_INCOMING", 1)
	c.anna.do("accept", "")
	c.customer.happened("CALL_ESTABLISHED", 1)
	c.talk(50_000)
	c.anna.do("hangup", "")
	c.customer.happened("CALL_CLOSED", 1)

	// Callwise: the connector keeps trying.
	c.rig.stop()
	said, stop := c.connect()
	c.eventually("the connector tries", func() bool { return strings.Contains(said.String(), "Callwise did not take an event") })
	c.rig.start()
	c.finished(1)
	first := *c.begun(1).PBXCallID
	c.eventually("the recording is attached", func() bool { name, _ := c.inPortal(first); return name != "" })
	stop()

	// What was taken is not told again; what was not, is told once.
	c.dial(c.customer, ourLine)
	c.anna.happened("CALL_INCOMING", 2)
	c.customer.do("hangup", "")
	c.anna.happened("CALL_CLOSED", 2)
	said, _ = c.connect()
	c.finished(2)
	second := *c.begun(2).PBXCallID

	// Kamailio: the connector finds it again.
	c.sipServer.stop()
	c.eventually("the connection is lost", func() bool { return strings.Contains(said.String(), "no connection to Kamailio") })
	c.sipServer.start()
	c.eventually("the connector is back", func() bool { return strings.Count(said.String(), "connected to Kamailio") == 2 })
	c.dial(c.anna, customer)
	c.customer.happened("CALL_INCOMING", 1)
	c.anna.do("hangup", "")
	c.customer.happened("CALL_CLOSED", 3)
	c.finished(3)
	c.worked(first, second, *c.begun(3).PBXCallID)

	var got []call.Status
	for _, one := range c.calls() {
		got = append(got, one.Status)
	}
	if diff := cmp.Diff([]call.Status{call.StatusAnswered, call.StatusMissed, call.StatusCancelled}, got); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if after := c.portal.Snapshot(); len(after.Statistics) != 3 || len(after.Activities) != 3 || after.Unfinished != 0 {
		t.Errorf("left in the portal: %d rows, %d activities, %d unfinished", len(after.Statistics), len(after.Activities), after.Unfinished)
	}
}
