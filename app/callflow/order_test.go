package callflow

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"callwise/app/b24"
	"callwise/app/call"
	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
)

// The window of a click begins when we hear of it, however late it is ordered.
func TestTheTelephoneRingsForAClickOnlySoonAfterIt(t *testing.T) {
	ended := []string{b24.ExternalCallStart, string(call.Ended)}
	accepted := []string{b24.ExternalCallStart, string(commandAccepted)}
	for name, c := range map[string]struct {
		after    time.Duration // from when we heard of it to the job
		answer   int
		commands int
		told     []string
		code     string
	}{
		"at once":                        {0, http.StatusOK, 1, accepted, ""},
		"as late as the last try may be": {25 * time.Second, http.StatusOK, 1, accepted, ""},
		"the last try is refused":        {25 * time.Second, http.StatusServiceUnavailable, 1, ended, "pbx: command refused with status 503"},
		"a minute later":                 {time.Minute, http.StatusOK, 0, ended, "it is too late for a click"},
	} {
		t.Run(name, func(t *testing.T) {
			modelstest.Each(t, func(t *testing.T, s *models.Store) {
				ctx, commands := t.Context(), 0
				exchange := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					commands++
					w.WriteHeader(c.answer)
				}))
				t.Cleanup(exchange.Close)
				portal, row := clicked(t, s, exchange.URL)
				now := time.Now().Add(c.after)
				f := teller(s)
				f.Now = func() time.Time { return now }
				var mark Mark
				for range 2 { // it may be repeated
					if err := f.Tell(WithMark(ctx, &mark), portal.ID, row.ID, now); err != nil {
						t.Fatal(err)
					}
				}
				if commands != c.commands {
					t.Errorf("%d commands", commands)
				}
				if c.code != "" && !slices.Contains(mark.Remarks, "no command to the PBX: "+c.code) {
					t.Errorf("remarks %q", mark.Remarks)
				}
				slices.Sort(c.told)
				if diff := cmp.Diff(c.told, toldOf(t, s, row)); diff != "" {
					t.Errorf("events (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// It tells of the call before it answers.
func TestACommandThatThePBXCarriesOutAndDoesNotTakeEndsNoCall(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		var portal *models.Portal
		var row *models.Call
		exchange := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if err := s.LinkPBX(ctx, portal.ID, row.ID, "p1"); err != nil {
				t.Error(err)
			}
			w.WriteHeader(http.StatusServiceUnavailable)
		}))
		t.Cleanup(exchange.Close)
		portal, row = clicked(t, s, exchange.URL)
		f := teller(s)
		f.CommandWindow = 0
		var mark Mark
		if err := f.Tell(WithMark(ctx, &mark), portal.ID, row.ID, time.Now()); err != nil || len(mark.Remarks) != 0 {
			t.Errorf("%v, remarks %q", err, mark.Remarks)
		}
		if diff := cmp.Diff([]string{b24.ExternalCallStart}, toldOf(t, s, row)); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

func TestThatACommandWasNotTakenCountsUnlessThePBXTellsOfTheCall(t *testing.T) {
	at := time.Now().UTC().Truncate(time.Second)
	pbx := func(kind call.EventType, after time.Duration) models.Event {
		e, err := PBXEvent(string(kind), call.Event{
			Type: kind, CallID: "p1", At: at.Add(after), Direction: call.Outgoing, Extension: "104", Status: call.StatusAnswered, Duration: 95,
		})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	started, answered, ended := pbx(call.Started, time.Second), pbx(call.Answered, 2*time.Second), pbx(call.Ended, 97*time.Second)
	ours := func(f *Flow, row *models.Call) error { return f.closeStale(t.Context(), row) }
	for _, tt := range []struct {
		name   string
		told   []models.Event
		also   func(f *Flow, row *models.Call) error
		before func(row *models.Call) // the events are read
		status call.Status            // "" while it goes on
	}{
		{"of nothing", nil, nil, nil, call.StatusFailed},
		{"that it rings", []models.Event{started}, nil, nil, ""},
		{"that somebody answers", []models.Event{started, answered}, nil, nil, ""},
		{"of its end, too", []models.Event{started, answered, ended}, nil, nil, call.StatusAnswered},
		{"too late for Bitrix24", []models.Event{started}, nil, func(row *models.Call) { row.Progress.Finish.Tried = true }, call.StatusFailed},
		{"too late for the log", []models.Event{started}, nil, func(row *models.Call) { row.State = models.CallFinished }, call.StatusFailed},
		{"and of no end for hours", []models.Event{started}, ours, nil, call.StatusFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			modelstest.Each(t, func(t *testing.T, s *models.Store) {
				ctx, f := t.Context(), teller(s)
				portal, row := clicked(t, s, "http://127.0.0.1:1")
				f.CommandWindow = 0
				if err := f.Tell(ctx, portal.ID, row.ID, time.Now()); err != nil {
					t.Fatal(err)
				}
				if len(tt.told) > 0 {
					_, _, added := s.AddEvents(ctx, portal.ID, tt.told)
					if err := errors.Join(added, s.LinkPBX(ctx, portal.ID, row.ID, "p1")); err != nil {
						t.Fatal(err)
					}
				}
				if tt.also != nil {
					if err := tt.also(f, row); err != nil {
						t.Fatal(err)
					}
				}
				row, events, err := s.CallAndEvents(ctx, portal.ID, row.ID)
				if err != nil {
					t.Fatal(err)
				}
				if tt.before != nil {
					tt.before(row)
				}
				w, err := f.load(portal, row, events)
				if err != nil {
					t.Fatal(err)
				}
				if got := w.call; got.Ended != (tt.status != "") || got.Ended && got.Status != tt.status {
					t.Errorf("ended %t, %s", got.Ended, got.Status)
				}
			})
		})
	}
}

// teller is a flow that tells PBXs.
func teller(s *models.Store) *Flow {
	return &Flow{
		Store: s, Now: time.Now, Bitrix24: new(b24.App), PBX: PBXClient(true), CommandWindow: DefaultCommandWindow,
		Owner: "teller", Lease: DefaultLease,
	}
}

// toldOf are the types of a call's events, sorted.
func toldOf(t *testing.T, s *models.Store, row *models.Call) []string {
	t.Helper()
	_, events, err := s.CallAndEvents(t.Context(), row.PortalID, row.ID)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, e := range events {
		told = append(told, e.Type)
	}
	slices.Sort(told)
	return told
}

// byChance is how often something is tried that goes wrong every other time: what a
// context that has ended still stores is left to chance.
const byChance = 6

func TestACommandIsSentByOneWorkerAtATime(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx, commands := t.Context(), 0
		exchange := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { commands++ }))
		t.Cleanup(exchange.Close)
		portal, row := clicked(t, s, exchange.URL)
		f, lease := teller(s), models.CommandLease(row.ID)
		if held, err := s.Acquire(ctx, lease, "another", DefaultLease); err != nil || !held {
			t.Fatal(held, err)
		}
		if wait, passes := Wait(f.Tell(ctx, portal.ID, row.ID, time.Now())); !passes || wait != time.Second || commands != 0 {
			t.Errorf("while another sends it: again after %v, %t, %d commands", wait, passes, commands)
		}
		if err := s.Release(ctx, lease, "another"); err != nil {
			t.Fatal(err)
		}
		if err := f.Tell(ctx, portal.ID, row.ID, time.Now()); err != nil || commands != 1 {
			t.Errorf("afterwards: %v, %d commands", err, commands)
		}
	})
}

// A process may stand still for so long that another sends the command: what its own
// try breaks off with says nothing about the PBX, even if it was the last one.
func TestWhoHasLostTheLeaseOfACommandStopsSendingAndEndsNoCall(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx, lease := t.Context(), ""
		exchange := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, err := io.Copy(io.Discard, r.Body) // or the end of the connection is not noticed
			if err = errors.Join(err, s.Transaction(ctx, func(tx *gorm.DB) error {
				return tx.Exec("UPDATE leases SET owner = 'another' WHERE name = ?", lease).Error
			})); err != nil {
				t.Error(err)
			}
			<-r.Context().Done()
		}))
		t.Cleanup(exchange.Close)
		portal, row := clicked(t, s, exchange.URL)
		lease = models.CommandLease(row.ID)
		f := teller(s)
		f.Lease, f.CommandWindow = 300*time.Millisecond, 0
		for range byChance {
			err := f.Tell(ctx, portal.ID, row.ID, time.Now())
			if wait, passes := Wait(err); !passes || wait != time.Second || !errors.Is(err, errTaken) {
				t.Errorf("again after %v, %t: %v", wait, passes, err)
			}
			if err := s.Release(ctx, lease, "another"); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff([]string{b24.ExternalCallStart}, toldOf(t, s, row)); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

// An afterwards is called when an answer has come.
type afterwards func()

func (f afterwards) RoundTrip(r *http.Request) (*http.Response, error) {
	defer f()
	return http.DefaultTransport.RoundTrip(r)
}

func TestTheYesOfAPBXIsStoredAlthoughTheWorkIsToEnd(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		exchange := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		t.Cleanup(exchange.Close)
		portal, row := clicked(t, s, exchange.URL)
		f := teller(s)
		for range byChance {
			ctx, cancel := context.WithCancel(t.Context())
			f.PBX = &http.Client{Transport: afterwards(cancel)}
			if err := f.Tell(ctx, portal.ID, row.ID, time.Now()); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff([]string{b24.ExternalCallStart, string(commandAccepted)}, toldOf(t, s, row)); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if err := s.Transaction(t.Context(), func(tx *gorm.DB) error {
				return tx.Exec("DELETE FROM events WHERE type = ?", string(commandAccepted)).Error
			}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// clicked is a portal whose PBX is told at that address, and a click there.
func clicked(t *testing.T, s *models.Store, address string) (*models.Portal, *models.Call) {
	t.Helper()
	ctx, portal, id := t.Context(), installed(t, s), "externalCall.9"
	if err := s.SetCommandURL(ctx, portal.ID, address); err != nil {
		t.Fatal(err)
	}
	if err := s.SetCommandSecret(ctx, portal.ID, "whsec_"+base64.StdEncoding.EncodeToString(make([]byte, 32))); err != nil {
		t.Fatal(err)
	}
	row, err := s.OpenCall(ctx, models.Call{
		PortalID: portal.ID, Kind: models.KindClick, CallKey: bitrix24Key(id), B24CallID: &id, Direction: call.Outgoing, UserID: 1, StartedAt: time.Now(),
	}, []models.Event{{
		Source: models.SourceBitrix24, EventKey: "1", CallKey: bitrix24Key(id), Type: b24.ExternalCallStart,
		Payload: json.RawMessage(`{"CALL_ID":"externalCall.9","PHONE_NUMBER":"+4930901821"}`), HappenedAt: time.Now(),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return portal, row
}
