package main

import (
	"bufio"
	"syscall"
	"testing"
	"time"
)

// Somebody who sends a request slowly must not make a restart fail, nor take the
// time from the calls that are being carried.
func TestAProgramThatIsToldToEndEndsWellWhateverAStrangerSends(t *testing.T) {
	t.Parallel()
	r := bareRig(t, "sqlite:"+t.TempDir()+"/callwise.db", classic)
	c := r.spawnAs(plainChild)
	slow := r.connection()
	writes(t, slow, "POST /b24/events HTTP/1.1\r\nHost: x\r\nContent-Type: "+formType+"\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n")
	if line, err := bufio.NewReader(slow).ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("the body is not waited for: %q %v", line, err)
	}
	if err := c.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-c.ended:
		c.ended <- nil
		if err != nil {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(2 * endWithin):
		t.Error("it goes on")
	}
}
