package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"callwise/app/call"
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

// connect runs `callwise kamailio` until the test ends or stop is called.
func (c *office) connect() (stop func()) {
	t := c.rig.t
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var errs strings.Builder
	term := terminal{out: &errs, err: &errs, getenv: func(string) string { return c.key }}
	ended := make(chan int, 1)
	go func() {
		ended <- term.run(ctx, []string{"kamailio", "-url", c.rig.url, "-kamailio", c.told, "-recordings", c.recordings})
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
	return stop
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
	c.customer.do("dial", "sip:"+ourLine+"@"+c.sip)
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
