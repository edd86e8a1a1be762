package models_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
)

// sorted gives the arguments of jobs one order of keys: the databases differ.
func sorted(t *testing.T, jobs []string) []string {
	t.Helper()
	for i, job := range jobs {
		kind, args, _ := strings.Cut(job, " ")
		var fields map[string]any
		check(t, json.Unmarshal([]byte(args), &fields))
		text := must[[]byte](t)(json.Marshal(fields))
		jobs[i] = kind + " " + string(text)
	}
	return jobs
}

func ids(rows []models.CallRow) []int64 {
	var ids []int64
	for _, row := range rows {
		ids = append(ids, row.ID)
	}
	return ids
}

func TestTheCallLogIsReadPageByPageTheNewestFirst(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		var want []int64
		// Two calls of one moment, and moments that differ by a microsecond.
		for i, at := range []time.Duration{0, 0, time.Microsecond, time.Second, time.Second + 10*time.Millisecond} {
			c := models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: fmt.Sprint(i), StartedAt: noon.Add(at)}
			want = append(want, must[*models.Call](t)(s.EnsureCall(ctx, c)).ID)
		}
		ensure(t, s, twin.ID, "0")
		slices.Reverse(want)
		var got []int64
		for next := (&models.Cursor{}); next != nil; {
			page := must[models.LogPage](t)(s.CallPage(ctx, p.ID, models.CallFilter{}, *next, 2))
			got, next = append(got, ids(page.Rows)...), page.Next
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
	})
}

func TestACallIsToldWithItsEventsAndRequests(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		c, other := ensure(t, s, p.ID, "b24:x"), ensure(t, s, p.ID, "pbx:z")
		check(t, s.LinkPBX(ctx, p.ID, c.ID, "p-1"))
		add(t, s, p.ID, event("2", "pbx:p-1", time.Second), event("1", "b24:x", 0), event("3", "pbx:z", 0))
		add(t, s, twin.ID, event("4", "b24:x", 0))
		request := models.RESTRequest{
			PortalID: p.ID, CallID: &c.ID, At: noon, Method: "batch: crm.settings.mode.get", Params: json.RawMessage(`{"halt":0}`),
			Status: 200, Duration: 120 * time.Millisecond, Operating: 0.25,
		}
		check(t, s.AddRESTRequests(ctx, request))
		check(t, s.AddRESTRequests(ctx, models.RESTRequest{PortalID: p.ID, CallID: &other.ID, At: noon, Method: "app.info"}))
		check(t, s.AddRESTRequests(ctx, models.RESTRequest{PortalID: twin.ID, CallID: &c.ID, At: noon, Method: "app.info"}))

		got := must[*models.Details](t)(s.CallDetails(ctx, p.ID, c.ID))
		if got.Call.ID != c.ID {
			t.Errorf("call %d", got.Call.ID)
		}
		if diff := cmp.Diff([]string{"1", "2"}, keysOf(got.Events)); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		request.ID = got.REST[0].ID
		if diff := cmp.Diff([]models.RESTRequest{request}, got.REST); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
		_, err := s.CallDetails(ctx, twin.ID, c.ID)
		wantErr(t, err, models.ErrNotFound)
	})
}

func TestTheRESTLogIsReadPageByPage(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p, twin := active(t, s, "one"), active(t, s, "two")
		for i := range 3 {
			check(t, s.AddRESTRequests(t.Context(), models.RESTRequest{PortalID: p.ID, At: noon.Add(time.Duration(i) * time.Second), Method: fmt.Sprint(i)}))
		}
		check(t, s.AddRESTRequests(t.Context(), models.RESTRequest{PortalID: twin.ID, At: noon, Method: "another's"}))
		var got []string
		for next := (&models.Cursor{}); next != nil; {
			page, after, err := s.RESTPage(t.Context(), p.ID, *next, 2)
			check(t, err)
			for _, request := range page {
				got = append(got, request.Method)
			}
			next = after
		}
		if diff := cmp.Diff([]string{"2", "1", "0"}, got); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	})
}
