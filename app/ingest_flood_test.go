package main

import (
	"bytes"
	"errors"
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// A flood has many senders report as fast as they are answered, from one thread that
// waits for all of them, as pgbench does. Its system calls go past Go's scheduler,
// which would take as much of the processor as they do: nothing is measured but what
// the kernel's connections cost.
//
// https://man7.org/linux/man-pages/man7/epoll.7.html
type flood struct {
	b       *testing.B
	poll    int // epoll's descriptor
	conns   []int
	senders []*sender
}

// answerWait is how long a flood waits for the next answer, in milliseconds.
const answerWait = 5000

func newFlood(b *testing.B, address string, senders []*sender) *flood {
	b.Helper()
	poll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { syscall.Close(poll) }) //nolint:errcheck
	f := &flood{b: b, poll: poll, senders: senders}
	for i := range senders {
		f.conns = append(f.conns, f.dial(address))
		ready := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(i)} // the sender's number, which comes back
		if err := syscall.EpollCtl(poll, syscall.EPOLL_CTL_ADD, f.conns[i], &ready); err != nil {
			b.Fatal(err)
		}
	}
	return f
}

// dial returns the descriptor of a connection that Go's runtime does not watch.
func (f *flood) dial(address string) int {
	f.b.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		f.b.Fatal(err)
	}
	watched, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		f.b.Fatal(err)
	}
	var fd int
	var copied error
	err = watched.Control(func(own uintptr) { fd, copied = syscall.Dup(int(own)) })
	if err := errors.Join(err, copied, conn.Close(), syscall.SetNonblock(fd, false)); err != nil {
		f.b.Fatal(err)
	}
	syscall.CloseOnExec(fd)
	f.b.Cleanup(func() { syscall.Close(fd) }) //nolint:errcheck
	return fd
}

// run returns the events a second that were taken.
func (f *flood) run(d time.Duration) float64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begin := time.Now()
	for i := range f.senders {
		f.send(i)
	}
	var ready [128]syscall.EpollEvent
	taken := 0
	for waiting := len(f.senders); waiting > 0; {
		some := f.wait(ready[:])
		over := time.Since(begin) >= d
		for _, r := range some {
			f.taken(int(r.Fd))
			taken++
			if over {
				waiting--
			} else {
				f.send(int(r.Fd))
			}
		}
	}
	return float64(taken) / time.Since(begin).Seconds()
}

// wait returns those whose answer has come.
func (f *flood) wait(ready []syscall.EpollEvent) []syscall.EpollEvent {
	n, _, err := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(f.poll), uintptr(unsafe.Pointer(&ready[0])), uintptr(len(ready)), answerWait, 0, 0)
	switch {
	case err == syscall.EINTR:
		return nil
	case err != 0:
		f.b.Fatal(err)
	case n == 0:
		f.b.Fatal("no answer came in time")
	}
	return ready[:n]
}

// send reports a new event.
func (f *flood) send(i int) {
	text := f.senders[i].next()
	if n := f.call(syscall.SYS_WRITE, i, text); n < len(text) {
		f.b.Fatalf("%d bytes of %d are written", n, len(text))
	}
}

// taken reads an answer, which must say that the event was taken.
func (f *flood) taken(i int) {
	var answer [4096]byte
	text := answer[:f.call(syscall.SYS_READ, i, answer[:])]
	if !bytes.HasPrefix(text, []byte("HTTP/1.1 202 ")) || !bytes.HasSuffix(text, []byte(`{"accepted":1,"duplicates":0}`+"\n")) {
		f.b.Fatalf("an event is answered with %q", strings.TrimSpace(string(text)))
	}
}

// call reads from a connection or writes to it, and returns how many bytes.
func (f *flood) call(what uintptr, i int, text []byte) int {
	n, _, err := syscall.RawSyscall(what, uintptr(f.conns[i]), uintptr(unsafe.Pointer(&text[0])), uintptr(len(text)))
	if err != 0 {
		f.b.Fatal(err)
	}
	return int(n)
}
