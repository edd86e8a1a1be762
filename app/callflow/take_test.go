package callflow

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"callwise/app/b24"
	"callwise/app/call"
	"callwise/models"
	"callwise/models/modelstest"

	"github.com/jackc/pgx/v5"
)

func TestOnlyTheBeginningOfACallIsUrgent(t *testing.T) {
	began := call.Event{CallID: "1", Type: call.Started, Direction: call.Incoming, Phone: "+4930901820"}
	over := call.Event{CallID: "1", Type: call.Ended, Status: call.StatusMissed}
	tests := []struct {
		name   string
		known  bool
		events []call.Event
		ago    time.Duration
		urgent bool
	}{
		{"it has just begun", false, []call.Event{began}, freshFor - time.Millisecond, true},
		{"it has begun a while ago", false, []call.Event{began}, freshFor, false},
		{"it is over", false, []call.Event{began, over}, 0, false},
		{"it is known", true, []call.Event{began}, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			modelstest.Each(t, func(t *testing.T, s *models.Store) {
				portal, id, now := installed(t, s), "1", time.Now()
				s.Now = func() time.Time { return now.Add(-tt.ago) }
				for i, e := range tt.events {
					event, err := PBXEvent(fmt.Sprint(i), e)
					if err != nil {
						t.Fatal(err)
					}
					if _, _, err := s.AddEvents(t.Context(), portal.ID, []models.Event{event}); err != nil {
						t.Fatal(err)
					}
				}
				s.Now = time.Now
				if tt.known {
					known := models.Call{PortalID: portal.ID, Kind: models.KindPBX, CallKey: "pbx:1", PBXCallID: &id}
					if _, err := s.EnsureCall(t.Context(), known); err != nil {
						t.Fatal(err)
					}
				}
				f := Flow{Store: s, Bitrix24: &b24.App{}, Room: NewRoom(2), Lease: time.Minute, Owner: "worker", Now: func() time.Time { return now }}
				ctx, seat := f.Room.withSeat(t.Context())
				if _, err := f.take(ctx, seat, portal.ID, "pbx:1"); err != nil {
					t.Fatal(err)
				}
				if seat.urgent != tt.urgent || seat.taken == tt.known {
					t.Errorf("urgent %t, its seat is taken %t", seat.urgent, seat.taken)
				}
			})
		})
	}
}

func TestARoundForAKnownCallWaitsForRoom(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		portal, id := installed(t, s), "known"
		// Nothing is to be done for it.
		known := models.Call{PortalID: portal.ID, Kind: models.KindPBX, CallKey: "pbx:" + id, PBXCallID: &id, State: models.CallFailed}
		if _, err := s.EnsureCall(t.Context(), known); err != nil {
			t.Fatal(err)
		}
		f := Flow{Store: s, Bitrix24: &b24.App{}, Room: NewRoom(0), Lease: time.Minute, Owner: "worker"}
		if err := f.Advance(t.Context(), portal.ID, known.CallKey); err != nil {
			t.Fatal(err)
		}
		if working, waited := f.Room.Working(), f.Room.Waited(); working != 0 || waited != 1 {
			t.Errorf("%d at work, %d had to wait", working, waited)
		}
	})
}

func TestWhoWaitsForAnotherCallOfTheNumberIsOutside(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		if held, err := s.Acquire(t.Context(), "number", "another", time.Minute); err != nil || !held {
			t.Fatal(held, err)
		}
		f := Flow{Store: s, Room: NewRoom(1), Lease: time.Minute, LockWait: 150 * time.Millisecond}
		ctx, seat := f.Room.withSeat(t.Context())
		seat.come(ctx, false)
		turn := f.Room.enter(false)
		if held, err := f.holdPatiently(ctx, "number", nil); err != nil || held {
			t.Fatal(held, err)
		}
		select {
		case <-turn:
		default:
			t.Error("nobody else had room")
		}
		if working, waited := f.Room.Working(), f.Room.Waited(); working != 2 || waited != 1 {
			t.Errorf("%d at work in the end, %d had to wait", working, waited)
		}
	})
}

func TestWhoLooksAtARecordingIsOutside(t *testing.T) {
	room := NewRoom(0)
	var working []int
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		working = append(working, room.Working())
	}))
	t.Cleanup(files.Close)
	ctx, seat := room.withSeat(t.Context())
	seat.come(ctx, true)
	lookAt(ctx, files.Client(), files.URL)
	if len(working) == 0 || working[0] != 0 || room.Working() != 1 {
		t.Errorf("%v at work meanwhile, %d afterwards", working, room.Working())
	}
	if waited := room.Waited(); waited != 1 {
		t.Errorf("waited for room %d times afterwards", waited)
	}
}

func TestWhatWasAskedIsLoggedOnceIfNoPlaceCanBeTaken(t *testing.T) {
	address := modelstest.PostgreSQL(t)
	s, ctx := modelstest.Migrated(t, address), t.Context()
	portal := installed(t, s)
	row, err := s.EnsureCall(ctx, models.Call{PortalID: portal.ID, Kind: models.KindPBX, CallKey: "pbx:1"})
	if err != nil {
		t.Fatal(err)
	}
	bucket := models.Pace{PortalID: portal.ID, Bucket: "requests", Every: time.Second, Burst: 1}
	if _, err := s.TakePlace(ctx, bucket, time.Hour); err != nil {
		t.Fatal(err)
	}
	db, err := pgx.Connect(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(ctx) //nolint:errcheck
	if _, err := db.Exec(ctx, "BEGIN; SELECT * FROM paces FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	w := &work{Flow: &Flow{Store: s}, portal: portal, row: row, asked: []models.RESTRequest{{PortalID: portal.ID, CallID: &row.ID, At: time.Now(), Method: "m"}}}
	hurried, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if _, err := w.saveToAsk(hurried, bucket, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	if err := w.keepAsked(ctx); err != nil {
		t.Fatal(err)
	}
	var logged int
	if err := db.QueryRow(ctx, "SELECT count(*) FROM rest_log").Scan(&logged); err != nil || logged != 1 {
		t.Errorf("logged %d times, %v", logged, err)
	}
}

func TestWhatWasAskedIsLoggedOnceIfTheCallIsAnothers(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx, portal := t.Context(), installed(t, s)
		for i, extension := range []string{"", "101"} { // of somebody, of nobody
			key := fmt.Sprint("pbx:", i)
			row, err := s.EnsureCall(ctx, models.Call{PortalID: portal.ID, Kind: models.KindPBX, CallKey: key})
			if err != nil {
				t.Fatal(err)
			}
			row.HeldBy, row.Extension = "who has lost it", extension
			for name, save := range map[string]func(*work) error{
				"before a request": func(w *work) error { return w.save(ctx) },
				"in the end":       func(w *work) error { return w.close(ctx) },
			} {
				w := &work{Flow: &Flow{Store: s}, portal: portal, row: row, grip: &grip{owner: row.HeldBy}}
				w.asked = []models.RESTRequest{{PortalID: portal.ID, CallID: &row.ID, At: time.Now(), Method: name}}
				if err := save(w); !errors.Is(err, models.ErrNotFound) {
					t.Errorf("%s: %v", name, err)
				}
				if err := w.keepAsked(ctx); err != nil {
					t.Error(err)
				}
			}
			if logged, err := s.RESTOfCall(ctx, portal.ID, row.ID); err != nil || len(logged) != 2 {
				t.Errorf("%q: %d of two requests are logged, %v", extension, len(logged), err)
			}
		}
	})
}

// It may outlast the round that it was begun for, in a goroutine of its own.
func TestARenewalIsLoggedByItself(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx, portal := t.Context(), installed(t, s)
		row, err := s.EnsureCall(ctx, models.Call{PortalID: portal.ID, Kind: models.KindPBX, CallKey: "pbx:1"})
		if err != nil {
			t.Fatal(err)
		}
		w := &work{Flow: &Flow{Store: s}, portal: portal, row: row}
		k := keeper{Store: s, portalID: portal.ID, work: w}
		for _, method := range []string{b24.Renewal, "crm.lead.add"} {
			if err := k.Log(ctx, portal.MemberID, b24.Request{CallID: row.ID, At: time.Now(), Method: method}); err != nil {
				t.Fatal(err)
			}
		}
		logged, err := s.RESTOfCall(ctx, portal.ID, row.ID)
		if err != nil || len(logged) != 1 || logged[0].Method != b24.Renewal || len(w.asked) != 1 || w.asked[0].Method != "crm.lead.add" {
			t.Errorf("%+v logged, %+v to be logged with the call, %v", logged, w.asked, err)
		}
	})
}
