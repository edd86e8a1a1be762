package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"callwise/models"

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
