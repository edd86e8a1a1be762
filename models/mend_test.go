package models_test

import (
	"fmt"
	"testing"
	"time"

	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
)

func TestFailedCallsAreOpenedAgainTheOldestFirstAndNoMoreThanAsked(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		fail := func(portalID int64, key string, age time.Duration, settled ...models.Attention) *models.Call {
			c := ensure(t, s, portalID, key)
			c.StartedAt, c.State, c.Attempts, c.Progress.Settled = noon.Add(-age), models.CallFailed, 9, settled
			check(t, s.SaveCall(ctx, c))
			return c
		}
		young, old, oldest := fail(p.ID, "1", time.Minute), fail(p.ID, "2", time.Hour), fail(p.ID, "3", 2*time.Hour)
		settled := fail(p.ID, "4", 3*time.Hour, models.AttentionFailed)
		foreign := fail(twin.ID, "5", time.Hour)
		retried, left, err := s.RetryFailed(ctx, p.ID, 2)
		if err != nil || retried != 2 || left != 1 {
			t.Errorf("%d retried, %d left: %v", retried, left, err)
		}
		got := map[string]models.CallState{}
		for _, c := range []*models.Call{young, old, oldest, settled, foreign} {
			got[c.CallKey] = must[*models.Call](t)(s.CallByID(ctx, c.PortalID, c.ID)).State
		}
		want := map[string]models.CallState{
			"1": models.CallFailed, "2": models.CallOpen, "3": models.CallOpen, "4": models.CallFailed, "5": models.CallFailed,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
		woken := []string{fmt.Sprintf(`call {"call_key":"3","portal_id":%d}`, p.ID), fmt.Sprintf(`call {"call_key":"2","portal_id":%d}`, p.ID)}
		if diff := cmp.Diff(woken, sorted(t, jobs(t, s))); diff != "" {
			t.Errorf("jobs (-want +got):\n%s", diff)
		}
	})
}

func TestTheCallsOfAnExtensionThatNobodyHadGetTheirEmployee(t *testing.T) {
	type label struct {
		User      int64
		Attention models.Attention
	}
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		save := func(portalID int64, key string, change func(*models.Call)) *models.Call {
			c := ensure(t, s, portalID, key)
			c.Extension, c.State = "109", models.CallFinished
			change(c)
			check(t, s.SaveCall(ctx, c))
			return c
		}
		calls := []*models.Call{
			save(p.ID, "over", func(*models.Call) {}),
			save(p.ID, "failed", func(c *models.Call) { c.State = models.CallFailed }),
			save(p.ID, "two troubles", func(c *models.Call) {
				c.Progress = models.Progress{CreateDone: true, Notes: []rules.Note{rules.CreateFailed}}
			}),
			save(p.ID, "somebody's", func(c *models.Call) { c.UserID = 17 }),
			save(p.ID, "of another extension", func(c *models.Call) { c.Extension = "110" }),
			save(p.ID, "going on", func(c *models.Call) { c.State = models.CallOpen }),
			save(twin.ID, "of another portal", func(*models.Call) {}),
		}
		for _, want := range []int{3, 0} {
			if n := must[int](t)(s.Relabel(ctx, p.ID, "109", 18)); n != want {
				t.Errorf("%d calls, want %d", n, want)
			}
		}
		got := map[string]label{}
		for _, c := range calls {
			now := must[*models.Call](t)(s.CallByID(ctx, c.PortalID, c.ID))
			got[c.CallKey] = label{now.UserID, now.Attention}
		}
		want := map[string]label{
			"over": {User: 18}, "failed": {18, models.AttentionFailed}, "two troubles": {18, models.AttentionCreate},
			"somebody's": {User: 17}, "of another extension": {0, models.AttentionUser},
			"going on": {0, models.AttentionUser}, "of another portal": {0, models.AttentionUser},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
		woken := fmt.Sprintf(`call {"call_key":"going on","portal_id":%d}`, p.ID)
		if diff := cmp.Diff([]string{woken, woken}, sorted(t, jobs(t, s))); diff != "" {
			t.Errorf("jobs (-want +got):\n%s", diff)
		}
	})
}

func TestWhatMayBeDoneAboutACallFollowsFromWhatWasDone(t *testing.T) {
	type mends struct{ Retry, Replay, End bool }
	at := noon
	id := "externalCall.1"
	created := []crm.Ref{{Type: crm.TypeLead, ID: 1}}
	refused := []rules.Note{rules.CreateFailed}
	for _, tt := range []struct {
		name string
		call models.Call
		want mends
	}{
		{"going on", models.Call{State: models.CallOpen}, mends{End: true}},
		{"answered", models.Call{State: models.CallOpen, AnsweredAt: &at}, mends{}},
		{"answered, which is not stored yet", models.Call{State: models.CallOpen, Status: "answered"}, mends{}},
		{"ended, and retried", models.Call{State: models.CallOpen, EndedAt: &at, RetryAt: &at}, mends{Retry: true}},
		{"Bitrix24's own", models.Call{State: models.CallOpen, Kind: models.KindBuiltin}, mends{}},
		{"done", models.Call{State: models.CallFinished, DecidedAt: &at}, mends{}},
		{"given up", models.Call{State: models.CallFailed}, mends{Retry: true}},
		{"not logged everywhere", models.Call{State: models.CallFinished, DecidedAt: &at, Progress: models.Progress{BindFailed: []models.BindFailure{{}}}}, mends{Retry: true}},
		{"refused to be created", models.Call{State: models.CallFinished, DecidedAt: &at, Progress: models.Progress{CreateDone: true, Notes: refused}}, mends{Retry: true}},
		{"refused, then created", models.Call{State: models.CallFinished, DecidedAt: &at, Progress: models.Progress{CreateDone: true, Created: created, Notes: refused}}, mends{}},
		{"ignored", models.Call{State: models.CallIgnored}, mends{Replay: true}},
		{"given up, and the app was removed since", models.Call{State: models.CallFailed, Progress: models.Progress{Removed: true}}, mends{}},
		{"ignored, and the app was removed since", models.Call{State: models.CallIgnored, Progress: models.Progress{Removed: true}}, mends{}},
		{"ignored, and known to Bitrix24", models.Call{State: models.CallIgnored, B24CallID: &id}, mends{}},
		{"ignored after it was registered, perhaps", models.Call{State: models.CallIgnored, Progress: models.Progress{Register: models.Register{Tried: true}}}, mends{}},
		{"undecided at its end", models.Call{State: models.CallFinished, Progress: models.Progress{Deferred: true, Finish: models.Finish{Done: true}}}, mends{Replay: true}},
		{"undecided, and something was created", models.Call{State: models.CallFinished, Progress: models.Progress{Deferred: true, Created: created, Finish: models.Finish{Done: true}}}, mends{}},
		{"undecided, and something may have been created", models.Call{State: models.CallFinished, Progress: models.Progress{Deferred: true, CreateTried: true, Finish: models.Finish{Done: true}}}, mends{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.call.Kind == "" {
				tt.call.Kind = models.KindPBX
			}
			got := mends{tt.call.Retriable(), tt.call.Replayable(), tt.call.Endable()}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("mends (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAChangedCallAndItsWakeUpAreStoredTogether(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p, twin := active(t, s, "one"), active(t, s, "two")
		c := ensure(t, s, p.ID, "pbx:1")
		c.State = models.CallFailed
		before := len(jobs(t, s))
		check(t, s.SaveAndWake(t.Context(), c, time.Minute))
		woken := sorted(t, jobs(t, s)[before:])
		if diff := cmp.Diff([]string{fmt.Sprintf(`call {"call_key":"pbx:1","portal_id":%d}`, p.ID)}, woken); diff != "" {
			t.Errorf("jobs (-want +got):\n%s", diff)
		}
		if got := must[*models.Call](t)(s.CallByID(t.Context(), p.ID, c.ID)); got.State != models.CallFailed {
			t.Errorf("the call is %s", got.State)
		}
		c.PortalID = twin.ID
		wantErr(t, s.SaveAndWake(t.Context(), c, time.Minute), models.ErrNotFound)
		if n := len(jobs(t, s)); n != before+1 {
			t.Errorf("%d jobs for a call that was not saved", n-before-1)
		}
	})
}

func TestAWorkerDoesNotTakeBackWhoseExtensionItIs(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p := active(t, s, "one")
		c := ensure(t, s, p.ID, "pbx:1")
		c.Extension, c.State = "109", models.CallFinished
		check(t, s.SaveCall(t.Context(), c))
		if n := must[int](t)(s.Relabel(t.Context(), p.ID, "109", 17)); n != 1 {
			t.Fatalf("%d calls relabelled, want 1", n)
		}
		c.Line = "4930" // a worker that read the call before
		check(t, s.SaveCall(t.Context(), c))
		got := must[*models.Call](t)(s.CallByID(t.Context(), p.ID, c.ID))
		if got.UserID != 17 || got.Attention != models.NoAttention || got.Line != "4930" {
			t.Errorf("user %d, attention %q, line %s", got.UserID, got.Attention, got.Line)
		}
		c.UserID, c.Extension = 0, "110" // passed on to an extension of nobody
		check(t, s.SaveCall(t.Context(), c))
		if got := must[*models.Call](t)(s.CallByID(t.Context(), p.ID, c.ID)); got.UserID != 0 || got.Attention != models.AttentionUser {
			t.Errorf("passed on: user %d, attention %q", got.UserID, got.Attention)
		}
	})
}
