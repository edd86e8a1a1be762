// Package kamailio joins a Kamailio SIP server to Callwise: it takes what the
// server's script tells of calls, reports it through the PBX API, and uploads
// what RTPengine recorded.
package kamailio

import (
	"bufio"
	"context"
	_ "embed" // the part of Kamailio's script
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"callwise/app/pbx/pbxsim"
)

// Script is the part of Kamailio's script that tells Callwise of calls.
//
//go:embed callwise.cfg
var Script []byte

// A Connector carries calls from one Kamailio to one Callwise. What Callwise
// has not taken stays with Kamailio, which tells it again to the next
// connection: an event is neither lost when one of the three is down for a
// while nor has it an effect twice.
type Connector struct {
	Address    string // where callwise.cfg listens
	Callwise   pbxsim.Client
	Recordings string // recording-dir of RTPengine; empty if nothing is recorded
	Secret     string // of Callwise's commands, as its settings page shows it
	Log        *slog.Logger
}

const (
	maxWaiting = 1000 // events and recordings that are held here
	reconnect  = time.Second
	maxWrite   = 5 * time.Second // until Kamailio has taken a message
	firstWait  = time.Second     // before Callwise is asked again; then twice as long each time
	maxWait    = 30 * time.Second
)

// A carrier is a Connector at work.
type carrier struct {
	Connector
	queue      chan told
	conversion chan struct{} // held by who converts a recording
	uploads    sync.WaitGroup

	mu   sync.Mutex
	here map[string]bool // ids of events that are held
	link net.Conn        // nil while there is none
}

// Run carries until ctx ends. Callwise's commands are taken on commands, which
// may be nil; it is closed then.
func (c Connector) Run(ctx context.Context, commands net.Listener) {
	w := &carrier{Connector: c, queue: make(chan told, maxWaiting), conversion: make(chan struct{}, 1), here: map[string]bool{}}
	var reports sync.WaitGroup
	reports.Go(func() { w.reportAll(ctx) })
	if commands != nil {
		reports.Go(func() { w.takeCommands(ctx, commands) })
	}
	for ctx.Err() == nil {
		err := w.follow(ctx)
		if ctx.Err() != nil {
			break
		}
		c.Log.Warn("no connection to Kamailio; trying again", "error", err)
		wait := reconnect
		if errors.Is(err, errBehind) {
			wait = maxWait // it will tell everything again
		}
		pause(ctx, wait)
	}
	reports.Wait()
	w.uploads.Wait()
}

var (
	errBehind = errors.New("too many events wait for Callwise")
	errNoLink = errors.New("there is no connection to Kamailio")
)

// follow takes what one connection tells. Kamailio tells everything again to
// the next one.
func (w *carrier) follow(ctx context.Context) error {
	var dialer net.Dialer
	link, err := dialer.DialContext(ctx, "tcp", w.Address)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { link.Close() })
	w.use(link)
	defer func() {
		stop()
		w.use(nil)
		link.Close()
	}()
	w.Log.Info("connected to Kamailio")
	for reader := bufio.NewReader(link); ; {
		frame, err := readFrame(reader)
		if err != nil {
			return err
		}
		if err := w.take(frame); err != nil {
			return err
		}
	}
}

// take queues an event unless it is held already.
func (w *carrier) take(frame []byte) error {
	var t told
	if err := json.Unmarshal(frame, &t); err != nil || t.ID == "" {
		w.Log.Error("Kamailio told what is no event")
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.here[t.ID]:
		return nil
	case len(w.here) >= maxWaiting:
		return errBehind
	}
	w.here[t.ID] = true
	w.queue <- t // has room for all that are held
	return nil
}

func (w *carrier) use(link net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.link = link
}

// done tells Kamailio to forget an event. If that does not arrive, the event
// comes again.
func (w *carrier) done(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.here, id)
	if w.link == nil {
		return
	}
	if err := w.tell(map[string]string{"taken": id}); err != nil {
		w.Log.Warn("Kamailio was not told that an event was taken; it will tell it again", "error", err)
	}
}

// tell sends Kamailio a message; the caller holds mu. What was sent in part only
// ends the connection: nothing after it could be read.
func (w *carrier) tell(message map[string]string) error {
	if w.link == nil {
		return errNoLink
	}
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	if err := w.link.SetWriteDeadline(time.Now().Add(maxWrite)); err != nil {
		return err
	}
	if err := writeFrame(w.link, text); err != nil {
		return errors.Join(err, w.link.Close())
	}
	return nil
}

// reportAll reports in the order of the queue: the cards of a call move as it
// does.
func (w *carrier) reportAll(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case t := <-w.queue:
			w.report(ctx, t)
		}
	}
}

func (w *carrier) report(ctx context.Context, t told) {
	event, err := t.event()
	if err != nil {
		w.Log.Error("an event of Kamailio is malformed", "event", t.ID, "error", err)
		w.done(t.ID)
		return
	}
	err = w.persist(ctx, "an event", func() error {
		_, err := w.Callwise.Report(ctx, event)
		return err
	})
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		w.Log.Error("Callwise refused an event", "event", t.ID, "error", err)
	case t.Type == "ended" && t.answered() && w.Recordings != "":
		w.uploads.Go(func() { w.carryRecording(ctx, t) })
		return
	}
	w.done(t.ID)
}

// persist tries until it succeeds, or until it is refused for good, which is
// its error. A key that Callwise does not know may be put right there.
func (w *carrier) persist(ctx context.Context, what string, try func() error) error {
	for wait := firstWait; ; wait = min(2*wait, maxWait) {
		err := try()
		if err == nil || ctx.Err() != nil {
			return err
		}
		refused, ok := errors.AsType[*pbxsim.Refused](err)
		if key := ok && (refused.Status == http.StatusUnauthorized || refused.Status == http.StatusForbidden); !key && !pbxsim.Passing(err) {
			return err
		}
		w.Log.Warn("Callwise did not take "+what+"; trying again", "error", err)
		pause(ctx, wait)
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
