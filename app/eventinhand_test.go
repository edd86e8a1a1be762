package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// lookedUpAnew lets the time pass for which senders of events are remembered.
func lookedUpAnew(t *testing.T) {
	t.Helper()
	since := time.Now()
	eventually(t, "who sends events is looked up anew", func() bool { return time.Since(since) > time.Second })
}

// endOfOwnCall is Bitrix24's event of a call on a line of its own.
func (r *rig) endOfOwnCall() *http.Request {
	return r.request(http.MethodPost, "/b24/events", formType, r.lifecycle("ONVOXIMPLANTCALLEND", 0, map[string]string{
		"CALL_ID": "1", "CALL_TYPE": "2", "PHONE_NUMBER": "+4930901821", "PORTAL_NUMBER": "4930", "CALL_DURATION": "5",
	}).Encode())
}

// Bitrix24 waits for some seconds only, and does not send the event again.
func TestAnEventOfBitrix24IsStoredAlthoughBitrix24HungUp(t *testing.T) {
	t.Parallel()
	address := postgreSQL(t)
	r := newRig(t, address, classic)
	lookedUpAnew(t)
	thaw := freeze(t, address, "portals", "ACCESS EXCLUSIVE")
	ctx, hangUp := context.WithCancel(t.Context())
	event := r.endOfOwnCall()
	ended := make(chan error)
	go func() {
		_, err := http.DefaultClient.Do(event.WithContext(ctx)) //nolint:bodyclose // it is not answered
		ended <- err
	}()
	watcher, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.Close(context.Background()) //nolint:errcheck // it has only looked
	eventually(t, "its portal to be looked up", func() bool {
		waiting := 0
		err := watcher.QueryRow(t.Context(), "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT granted AND relation = 'portals'::regclass AND query LIKE '%member_id = $1%'").Scan(&waiting)
		if err != nil {
			t.Fatal(err)
		}
		return waiting > 0
	})
	hangUp()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	thaw()
	r.finished(1)
}

// The database is away for as long as it takes to start it anew.
func TestAnEventOfBitrix24IsStoredOnceTheDatabaseIsBack(t *testing.T) {
	t.Parallel()
	wire, address := wireTo(t, postgreSQL(t))
	r := newRig(t, address, classic)
	lookedUpAnew(t)
	wire.cut.Store(true)
	wire.hangUp()
	event := r.endOfOwnCall()
	answer := make(chan reply)
	go func() { answer <- r.send(event) }()
	lookedUpAnew(t) // in vain
	wire.cut.Store(false)
	if got := <-answer; got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.body)
	}
	r.finished(1)
}

func TestAPBXIsToldToComeAgainWhenTheDatabaseStandsStill(t *testing.T) {
	t.Parallel()
	address := postgreSQL(t)
	r := newRig(t, address, classic)
	lookedUpAnew(t)
	thaw := freeze(t, address, "pbx_keys", "ACCESS EXCLUSIVE")
	if status, body := r.report(started("c1", "incoming", "+4930901821")); status != http.StatusServiceUnavailable || !strings.Contains(body, "Send them again") {
		t.Errorf("%d %s", status, body)
	}
	thaw()
	r.tell(started("c1", "incoming", "+4930901821"))
}
