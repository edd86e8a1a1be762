package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/app/call"
	"callwise/app/pbx"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
)

const (
	customer  = "+4930901820"
	ourLine   = "4930901800"
	ofTheLine = 440.0 // hertz of the customer's tone
	ofAnna    = 880.0
	ofOmar    = 660.0
)

// An office is Callwise, its portal, a real PBX and real telephones.
type office struct {
	*rig
	*sipServer
	customer, anna, omar *telephone
	commands             string // where the connector takes them
}

func newOffice(t *testing.T) *office {
	t.Helper()
	s := newSIPServer(t)
	c := &office{
		rig: newRig(t, freshDatabase(t), classic), sipServer: s,
		customer: s.telephone(customer, s.trunk, false, ofTheLine),
		anna:     s.telephone("104", freeRange(t, 2), true, ofAnna),
		omar:     s.telephone("105", freeRange(t, 2), true, ofOmar),
	}
	c.switches("co")
	return c
}

// connect runs `callwise kamailio` until the test ends or stop is called. What
// it writes is in said.
func (c *office) connect() (said *buffer, stop func()) {
	t := c.rig.t
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	errs, commands := &buffer{}, freeAddress(t)
	c.commands = "http://" + commands + "/"
	term := terminal{out: errs, err: errs, getenv: func(name string) string {
		return map[string]string{keyVariable: c.key, secretVariable: c.pbx.secret}[name]
	}}
	ended := make(chan int, 1)
	go func() {
		ended <- term.run(ctx, []string{"kamailio", "-url", c.rig.url, "-kamailio", c.told, "-recordings", c.recordings, "-commands", commands})
	}()
	stop = func() {
		cancel()
		code, more := <-ended
		if !more {
			return
		}
		close(ended)
		if code != exitOK {
			t.Errorf("callwise kamailio ended with %d", code)
		}
		if said := errs.String(); strings.Contains(said, c.key) || strings.Contains(said, customer[1:]) {
			t.Errorf("it tells the key or the number:\n%s", said)
		}
		if t.Failed() {
			t.Logf("callwise kamailio said:\n%s", errs.String())
		}
	}
	t.Cleanup(stop)
	return errs, stop
}

// calls are all calls of the log, the first one first.
func (c *office) calls() (all []models.Call) {
	c.rig.t.Helper()
	err := c.house.store.Transaction(c.rig.t.Context(), func(tx *gorm.DB) error { return tx.Order("id").Find(&all).Error })
	if err != nil {
		c.rig.t.Fatal(err)
	}
	return all
}

// begun waits until the log has n calls and returns the last one.
func (c *office) begun(n int) models.Call {
	c.rig.t.Helper()
	c.eventually("the call is in the log", func() bool { return len(c.calls()) == n })
	return c.calls()[n-1]
}

// dial calls a number through the PBX.
func (c *office) dial(from *telephone, number string) {
	c.rig.t.Helper()
	from.do("dial", "sip:"+number+"@"+c.sip)
}

// talk waits until so many bytes of talk are recorded on disk.
func (c *office) talk(bytes int64) {
	c.rig.t.Helper()
	c.eventually("they talk", func() bool {
		files, err := filepath.Glob(filepath.Join(c.recordings, "pcaps", "*.pcap"))
		if err != nil {
			c.rig.t.Fatal(err)
		}
		for _, path := range files {
			if info, err := os.Stat(path); err == nil && info.Size() >= bytes {
				return true
			}
		}
		return false
	})
}

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

func TestTheConnectorComplainsOfWhatItCannotUse(t *testing.T) {
	key := func(string) string { return "key" }
	for _, test := range []struct {
		args   string
		getenv func(string) string
		code   int
		out    string
		errs   string
	}{
		{"", func(string) string { return "" }, exitUsage, "", "put one PBX key"},
		{"-url ftp://x", key, exitUsage, "", "-url: must be"},
		{"-kamailio localhost", key, exitUsage, "", "-kamailio: must be HOST:PORT"},
		{"-key-file /nonexistent/key", key, exitUsage, "", "-key-file: "},
		{"-commands 127.0.0.1:0", key, exitUsage, "", "CALLWISE_PBX_SECRET: the secret is not one"},
		{"-script", func(string) string { return "" }, exitOK, "event_route[dialog:failed]", ""},
	} {
		var out, errs buffer
		term := terminal{out: &out, err: &errs, getenv: test.getenv}
		if code := term.run(t.Context(), append([]string{"kamailio"}, strings.Fields(test.args)...)); code != test.code {
			t.Errorf("%s: exit code %d", test.args, code)
		}
		if !strings.Contains(out.String(), test.out) || !strings.Contains(errs.String(), test.errs) {
			t.Errorf("%s: said %q, complained %q", test.args, out.String(), errs.String())
		}
	}
}

func TestAnEventThatIsRefusedHoldsNothingUp(t *testing.T) {
	r := newRig(t, freshDatabase(t), classic)
	peer := listen(t, freeAddress(t))
	c := &office{rig: r, sipServer: &sipServer{told: peer.Addr().String(), recordings: t.TempDir()}}
	said, _ := c.connect()
	link, err := peer.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer errorless(t, link.Close)
	for _, event := range []string{
		`no JSON`, `{"type":"started"}`,
		`{"id":"malformed","type":"started","at":"today"}`,
		`{"id":"refused","type":"started","at":"1795741748.8","call":"c1","direction":"sideways"}`,
		`{"id":"good","type":"ended","at":"1795741748.8","call":"c1","direction":"internal","phone":"105","extensions":"104","extension":"104","code":200,"seconds":1}`,
	} {
		if _, err := fmt.Fprintf(link, "%d:%s,", len(event), event); err != nil {
			t.Fatal(err)
		}
	}
	r.finished(1)
	const want = `21:{"taken":"malformed"},19:{"taken":"refused"},`
	got := make([]byte, len(want))
	if _, err := io.ReadFull(link, got); err != nil || string(got) != want {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	if text := said.String(); !strings.Contains(text, "Callwise answered 422") || strings.Contains(text, "sideways") {
		t.Errorf("it said:\n%s", text)
	}
}

func TestAClickIsPassedOnOnceAndNothingElseIs(t *testing.T) {
	r := newRig(t, freshDatabase(t), classic)
	peer := listen(t, freeAddress(t))
	c := &office{rig: r, sipServer: &sipServer{told: peer.Addr().String(), recordings: t.TempDir()}}
	said, _ := c.connect()
	r.eventually("connected", func() bool { return strings.Contains(said.String(), "connected to Kamailio") })
	click := pbx.Originate{Bitrix24CallID: "externalCall.1", Phone: customer, Extension: "104", Line: ourLine}
	change := func(change func(*pbx.Originate)) pbx.Originate {
		other := click
		change(&other)
		return other
	}
	send := func(id, secret string, at time.Time, command any) int {
		t.Helper()
		err := pbx.Send(t.Context(), http.DefaultClient, c.commands, []string{secret}, id, at, command)
		if refused, ok := errors.AsType[*pbx.Undelivered](err); ok {
			return refused.Status
		}
		if err != nil {
			t.Fatal(err)
		}
		return http.StatusAccepted
	}
	right := r.pbx.secret
	for _, test := range []struct {
		name, id, secret string
		at               time.Time
		command          any
		want             int
	}{
		{"signed by another", "m1", pbx.NewSecret(), time.Now(), click, 401},
		{"of yesterday", "m1", right, time.Now().Add(-24 * time.Hour), click, 401},
		{"a callback", "m1", right, time.Now(), pbx.Callback{CommandID: "c1", Phone: customer, Extension: "104"}, 501},
		{"no list of fields", "m1", right, time.Now(), "call.originate", 400},
		{"too large", "m1", right, time.Now(), strings.Repeat("x", 65<<10), 400},
		{"without a phone", "m1", right, time.Now(), change(func(o *pbx.Originate) { o.Phone = "" }), 422},
		{"a phone that is more", "m1", right, time.Now(), change(func(o *pbx.Originate) { o.Phone = "1@evil;x=1" }), 422},
		{"an extension that is more", "m1", right, time.Now(), change(func(o *pbx.Originate) { o.Extension = "104 105" }), 422},
		{"a click", "m1", right, time.Now(), click, 202},
		{"the same again", "m1", right, time.Now(), click, 202},
		{"another", "m2", right, time.Now(), change(func(o *pbx.Originate) { o.Bitrix24CallID = "externalCall.2" }), 202},
	} {
		if got := send(test.id, test.secret, test.at, test.command); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
	link, err := peer.Accept()
	if err != nil {
		t.Fatal(err)
	}
	const want = `86:{"click":"externalCall.1","extension":"104","line":"4930901800","phone":"+4930901820"},` +
		`86:{"click":"externalCall.2","extension":"104","line":"4930901800","phone":"+4930901820"},`
	got := make([]byte, len(want))
	if _, err := io.ReadFull(link, got); err != nil || string(got) != want {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	errorless(t, peer.Close)
	errorless(t, link.Close)
	r.eventually("the connection is lost", func() bool { return strings.Contains(said.String(), "no connection to Kamailio") })
	if got := send("m3", right, time.Now(), click); got != http.StatusServiceUnavailable {
		t.Errorf("without Kamailio: %d", got)
	}
}

func errorless(t *testing.T, close func() error) {
	t.Helper()
	if err := close(); err != nil {
		t.Error(err)
	}
}
