package main

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"callwise/app/pbx/kamailio"
)

// A sipServer is a Kamailio with an RTPengine on this machine: a line with a
// group of phones, and a trunk to the customers.
type sipServer struct {
	t          testing.TB
	sip        string // addresses
	trunk      string
	media      string
	told       string // where callwise.cfg listens
	folder     string
	recordings string
	stop       func() // ends Kamailio
}

// newSIPServer starts both, or skips the test where they are not installed.
func newSIPServer(t testing.TB) *sipServer {
	t.Helper()
	installed(t, "kamailio", "rtpengine", "baresip")
	folder := t.TempDir()
	s := &sipServer{
		t: t, sip: freeAddress(t), trunk: freeRange(t, 2), media: freeAddress(t), told: freeAddress(t),
		folder: folder, recordings: filepath.Join(folder, "recordings"),
	}
	if err := os.Mkdir(s.recordings, 0o700); err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("testdata/kamailio.cfg")
	if err != nil {
		t.Fatal(err)
	}
	s.write("kamailio.cfg", script)
	s.write("callwise.cfg", kamailio.Script)
	first := portOf(t, freeRange(t, 40))
	run(t, folder, nil, "rtpengine", "--foreground", "--log-stderr", "--log-level=4", "--config-file=none", "--table=-1",
		"--interface=127.0.0.1", "--listen-ng="+s.media, "--port-min="+strconv.Itoa(first), "--port-max="+strconv.Itoa(first+39),
		"--delete-delay=0", "--recording-dir="+s.recordings, "--recording-method=pcap", "--num-threads=2")
	eventually(t, "RTPengine answers", s.mediaAnswers)
	s.start()
	return s
}

// mediaAnswers pings RTPengine.
func (s *sipServer) mediaAnswers() bool {
	link, err := net.Dial("udp", s.media)
	if err != nil {
		return false
	}
	defer link.Close()
	pong := make([]byte, 100)
	_, writeErr := io.WriteString(link, "1 d7:command4:pinge")
	deadlineErr := link.SetReadDeadline(time.Now().Add(time.Second))
	n, readErr := link.Read(pong)
	return writeErr == nil && deadlineErr == nil && readErr == nil && strings.Contains(string(pong[:n]), "pong")
}

// installed skips the test unless all programs are there.
func installed(t testing.TB, programs ...string) {
	t.Helper()
	for _, program := range programs {
		_, err := exec.LookPath(program)
		if err != nil && os.Getenv("CALLWISE_REQUIRE") == "all" {
			t.Fatalf("no %s here, and CALLWISE_REQUIRE=all", program)
		}
		if err != nil {
			t.Skipf("no %s here", program)
		}
	}
}

func (s *sipServer) write(name string, text []byte) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.folder, name), text, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// start runs Kamailio. When it takes connections, its phones can register.
func (s *sipServer) start() {
	s.t.Helper()
	environment := []string{
		"SIP_ADDRESS=udp:" + s.sip, "TRUNK_ADDRESS=" + s.trunk, "RTPENGINE_ADDRESS=udp:" + s.media, "CALLWISE_ADDRESS=" + s.told, "CALLWISE_SELF=sip:callwise@" + s.sip,
	}
	s.stop = run(s.t, s.folder, environment, "kamailio", "-f", filepath.Join(s.folder, "kamailio.cfg"), "-DD", "-E", "-m", "16", "-M", "4", "-Y", s.folder)
	eventually(s.t, "Kamailio tells of calls", func() bool {
		link, err := net.Dial("tcp", s.told)
		if err != nil {
			return false
		}
		return link.Close() == nil
	})
}

// run starts a program that ends with the test, or before when stop is called.
// What it writes is shown if the test fails.
func run(t testing.TB, folder string, environment []string, program string, args ...string) (stop func()) {
	t.Helper()
	var said bytes.Buffer
	command := exec.Command(program, args...)
	command.Dir, command.Env = folder, append(os.Environ(), environment...)
	command.Stdout, command.Stderr = &said, &said
	command.WaitDelay = 5 * time.Second
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			command.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
			select {
			case <-ended:
			case <-time.After(2 * time.Second):
				command.Process.Kill() //nolint:errcheck // likewise
				<-ended
			}
			if t.Failed() {
				t.Logf("%s said:\n%s", program, tail(said.String(), 6000))
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func tail(text string, n int) string { return text[max(0, len(text)-n):] }

// freeRange returns the first of n free addresses, with one port after the
// other.
func freeRange(t testing.TB, n int) string {
	t.Helper()
	first := freeAddress(t)
	for i := 1; i < n; i++ {
		next := freeAddress(t)
		if portOf(t, next) != portOf(t, first)+i {
			first, i = next, 0
		}
	}
	return first
}

func portOf(t testing.TB, address string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}
