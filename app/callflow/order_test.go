package callflow

import (
	"encoding/base64"
	"encoding/json"
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
				f := &Flow{Store: s, Now: func() time.Time { return now }, Bitrix24: new(b24.App), PBX: PBXClient(true), CommandWindow: DefaultCommandWindow}
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
				_, events, err := s.CallAndEvents(ctx, portal.ID, row.ID)
				if err != nil {
					t.Fatal(err)
				}
				var told []string
				for _, e := range events {
					told = append(told, e.Type)
				}
				slices.Sort(told)
				slices.Sort(c.told)
				if diff := cmp.Diff(c.told, told); diff != "" {
					t.Errorf("events (-want +got):\n%s", diff)
				}
			})
		})
	}
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
