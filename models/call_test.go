package models_test

import (
	"fmt"
	"testing"
	"time"

	"callwise/app/call"
	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
)

func ptr[T any](v T) *T { return &v }

func ensure(t *testing.T, s *models.Store, portalID int64, key string) *models.Call {
	t.Helper()
	return must[*models.Call](t)(s.EnsureCall(t.Context(), models.Call{PortalID: portalID, Kind: models.KindPBX, CallKey: key, StartedAt: noon}))
}

// full has something in every column.
func full(c *models.Call) {
	at := noon.Add(3 * time.Second)
	refs := []crm.Ref{{Type: crm.TypeLead, ID: 812}}
	c.PBXCallID, c.B24CallID = ptr("p-1"), ptr("externalCall.1")
	c.Direction, c.Phone, c.PhoneKey, c.CustomerName = call.Incoming, "030 1234567", "+49301234567", "Ada"
	c.Line, c.UserID, c.Extension = "4930", 17, "104"
	c.AnsweredAt, c.EndedAt, c.Duration, c.Status = &at, &at, 42, call.StatusAnswered
	c.State = models.CallFinished
	c.Case = &rules.Case{Call: rules.Call{Direction: call.Incoming}, CRM: crm.Records{Mode: crm.Classic}.Snapshot()}
	c.Decision = &rules.Decision{Create: rules.Lead, Reason: rules.NewCreated, LogTo: []rules.Target{{Type: crm.TypeLead, New: true}}, Notes: []rules.Note{}}
	c.Plan = &rules.Plan{Creator: rules.ByPlatform, CRMCreate: true}
	c.Records = &crm.Records{Mode: crm.Classic, Leads: []crm.Lead{{ID: 812, CreatedAt: noon}}}
	c.Progress = models.Progress{
		Deferred: true, Created: refs, CreateTried: true, CreateDone: true, AskedAt: at, Awaited: true, Ordered: true, AnchorLifted: true, Bound: refs,
		Register:   models.Register{Tried: true, At: at, UserID: 17, CallID: "externalCall.1", Primary: refs[0]},
		Finish:     models.Finish{Tried: true, Done: true, At: at, ActivityID: 5, StatisticID: "9"},
		BindFailed: []models.BindFailure{{Ref: refs[0], Code: "ACCESS_DENIED"}},
		Recording:  models.Recording{URL: "https://pbx.example/1.mp3", FileID: 3},
		Notes:      []rules.Note{rules.PlatformCreated}, Steps: []models.Step{{Name: "register", At: at}},
	}
	c.SettingsVersion, c.Attempts, c.RetryAt, c.FailingSince = 3, 2, &at, &at
	c.ErrorCode, c.DecidedAt = "QUERY_LIMIT_EXCEEDED", &at
}

func TestACallIsMadeOnceAndSavedWhole(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		s.Now = func() time.Time { return noon }
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		c, other := ensure(t, s, p.ID, "pbx:p-1"), ensure(t, s, twin.ID, "pbx:p-1")
		if again := ensure(t, s, p.ID, "pbx:p-1"); again.ID != c.ID || other.ID == c.ID {
			t.Errorf("calls %d, %d, of the other portal %d", c.ID, again.ID, other.ID)
		}
		want := &models.Call{ID: c.ID, PortalID: p.ID, Kind: models.KindPBX, CallKey: "pbx:p-1", StartedAt: noon, State: models.CallOpen, Result: models.ResultWaiting, CreatedAt: noon, UpdatedAt: noon}
		if diff := cmp.Diff(want, c); diff != "" {
			t.Errorf("new call (-want +got):\n%s", diff)
		}
		full(c)
		check(t, s.SaveCall(ctx, c))
		for name, got := range map[string]*models.Call{
			"by id":            must[*models.Call](t)(s.CallByID(ctx, p.ID, c.ID)),
			"by key":           must[*models.Call](t)(s.CallByKey(ctx, p.ID, "pbx:p-1")),
			"by the PBX's id":  must[*models.Call](t)(s.CallByPBX(ctx, p.ID, "p-1")),
			"by Bitrix24's id": must[*models.Call](t)(s.CallByB24(ctx, p.ID, "externalCall.1")),
		} {
			if diff := cmp.Diff(c, got); diff != "" {
				t.Errorf("call %s (-want +got):\n%s", name, diff)
			}
		}
		if diff := cmp.Diff(other, must[*models.Call](t)(s.CallByID(ctx, twin.ID, other.ID))); diff != "" {
			t.Errorf("the other portal's call changed:\n%s", diff)
		}
		for name, look := range map[string]func() (*models.Call, error){
			"by id":            func() (*models.Call, error) { return s.CallByID(ctx, twin.ID, c.ID) },
			"by the PBX's id":  func() (*models.Call, error) { return s.CallByPBX(ctx, twin.ID, "p-1") },
			"by Bitrix24's id": func() (*models.Call, error) { return s.CallByB24(ctx, twin.ID, "externalCall.1") },
		} {
			if got, err := look(); err == nil {
				t.Errorf("the other portal finds call %d %s", got.ID, name)
			}
		}
		stolen := *c
		stolen.PortalID = twin.ID
		wantErr(t, s.SaveCall(ctx, &stolen), models.ErrNotFound)

		empty := *want
		check(t, s.SaveCall(ctx, &empty))
		want.PBXCallID = c.PBXCallID // LinkPBX may have set it while somebody worked on the call
		if diff := cmp.Diff(want, must[*models.Call](t)(s.CallByID(ctx, p.ID, c.ID))); diff != "" {
			t.Errorf("call with zero values (-want +got):\n%s", diff)
		}
	})
}

func TestACallOfThePBXBelongsToOneCall(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		click, second := ensure(t, s, p.ID, "b24:x"), ensure(t, s, p.ID, "b24:y")
		check(t, s.LinkPBX(ctx, p.ID, click.ID, "p-1"))
		check(t, s.LinkPBX(ctx, p.ID, click.ID, "p-1"))
		wantErr(t, s.LinkPBX(ctx, p.ID, click.ID, "p-2"), models.ErrConflict)
		wantErr(t, s.LinkPBX(ctx, p.ID, second.ID, "p-1"), models.ErrConflict)
		wantErr(t, s.LinkPBX(ctx, twin.ID, second.ID, "p-3"), models.ErrNotFound)
		_, err := s.EnsureCall(ctx, models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: "pbx:p-1", PBXCallID: ptr("p-1")})
		wantErr(t, err, models.ErrConflict)
		got := must[*models.Call](t)(s.CallByPBX(ctx, p.ID, "p-1"))
		got.B24CallID = ptr("x")
		if diff := cmp.Diff([]string{"b24:x", "pbx:p-1"}, got.Keys()); diff != "" {
			t.Errorf("keys (-want +got):\n%s", diff)
		}
	})
}

func TestWhatOpenCallsOfANumberHaveAskedForIsKnown(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		s.Now = func() time.Time { return noon }
		p, twin := active(t, s, "one"), active(t, s, "two")
		asked := func(portalID int64, key, phone string, at time.Duration, more func(*models.Call)) *models.Call {
			c := ensure(t, s, portalID, key)
			c.PhoneKey, c.Progress.AskedAt = phone, noon.Add(at)
			more(c)
			check(t, s.SaveCall(ctx, c))
			return c
		}
		as := func(*models.Call) {}
		own := asked(p.ID, "1", "+49301", 9*time.Second, as)
		expect := func(what string, want time.Time) {
			t.Helper()
			if got := must[time.Time](t)(s.AskedElsewhere(ctx, own)); !got.Equal(want) {
				t.Errorf("%s: %v, want %v", what, got, want)
			}
		}
		asked(p.ID, "2", "+49302", 8*time.Second, as)
		asked(twin.ID, "3", "+49301", 7*time.Second, as)
		asked(p.ID, "4", "+49301", 6*time.Second, func(c *models.Call) { c.State = models.CallFinished })
		asked(p.ID, "5", "+49301", 5*time.Second, func(c *models.Call) { c.Progress.Todo.Tried = true })
		asked(p.ID, "6", "+49301", 4*time.Second, func(c *models.Call) { c.Progress.ActivityTried = true })
		expect("of no other call", time.Time{})
		awaited := func(c *models.Call) { c.Progress.Awaited = true }
		asked(p.ID, "9", "+49301", -5*time.Minute, awaited)
		expect("of one whose process died long ago", noon.Add(-3*time.Minute))
		asked(p.ID, "10", "+49301", -time.Minute, awaited)
		expect("of one that may have waited for its turn until now", noon)
		asked(p.ID, "7", "+49301", 2*time.Second, as)
		asked(p.ID, "8", "+49301", time.Second, as)
		expect("of two others", noon.Add(2*time.Second))
	})
}

func TestACallbackWaitsForItsCall(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		order := func(key string, at time.Duration) *models.Call { // asked for an hour before
			s.Now = func() time.Time { return noon.Add(at) }
			return must[*models.Call](t)(s.EnsureCall(ctx, models.Call{PortalID: p.ID, Kind: models.KindCallback, CallKey: key, PhoneKey: "+49301", StartedAt: noon.Add(at - time.Hour)}))
		}
		old, fresh := order("callback:1", 0), order("callback:2", 10*time.Minute)
		if got := must[*models.Call](t)(s.OpenCallback(ctx, p.ID, "+49301", noon)); got.ID != fresh.ID {
			t.Errorf("callback %d, want %d", got.ID, fresh.ID)
		}
		check(t, s.LinkPBX(ctx, p.ID, fresh.ID, "p-1"))
		if got := must[*models.Call](t)(s.OpenCallback(ctx, p.ID, "+49301", noon)); got.ID != old.ID {
			t.Errorf("callback %d, want %d", got.ID, old.ID)
		}
		_, err := s.OpenCallback(ctx, p.ID, "+49301", noon.Add(time.Minute))
		wantErr(t, err, models.ErrNotFound)
		_, err = s.OpenCallback(ctx, twin.ID, "+49301", noon)
		wantErr(t, err, models.ErrNotFound)
	})
}

func TestCallsWithoutAnEndAreFound(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		now := noon.Add(4 * time.Hour)
		s.Now = func() time.Time { return now }
		p := active(t, s, "one")
		s.Now = func() time.Time { return noon }
		stale, later, finished := ensure(t, s, p.ID, "1"), ensure(t, s, p.ID, "2"), ensure(t, s, p.ID, "3")
		s.Now = func() time.Time { return now }
		must[*models.Call](t)(s.EnsureCall(t.Context(), models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: "4"}))
		// Begun long ago, but reported only now.
		must[*models.Call](t)(s.EnsureCall(t.Context(), models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: "5", StartedAt: noon}))
		s.Now = func() time.Time { return noon }
		ahead := must[*models.Call](t)(s.EnsureCall(t.Context(), models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: "6", StartedAt: noon.AddDate(1, 0, 0)}))
		over := ensure(t, s, p.ID, "7")
		s.Now = func() time.Time { return now }
		over.EndedAt = ptr(noon) // and its portal down
		check(t, s.SaveCall(t.Context(), over))
		later.RetryAt = ptr(now.Add(time.Minute))
		finished.State = models.CallFinished
		check(t, s.SaveCall(t.Context(), later))
		check(t, s.SaveCall(t.Context(), finished))
		calls := must[[]models.Call](t)(s.StaleCalls(t.Context(), now.Add(-3*time.Hour)))
		if len(calls) != 2 || calls[0].ID != stale.ID || calls[1].ID != ahead.ID {
			t.Errorf("stale: %v", calls)
		}
		ahead.State = models.CallFinished
		check(t, s.SaveCall(t.Context(), ahead))
		told := event(models.OwnEventKey(call.Ended, stale.ID), stale.CallKey, 0)
		add(t, s, p.ID, told) // the PBX's event of that name
		if calls := must[[]models.Call](t)(s.StaleCalls(t.Context(), now.Add(-3*time.Hour))); len(calls) != 1 {
			t.Errorf("stale, with an event of the PBX: %v", calls)
		}
		told.Source = models.SourceCallwise
		add(t, s, p.ID, told)
		if calls := must[[]models.Call](t)(s.StaleCalls(t.Context(), now.Add(-3*time.Hour))); len(calls) != 0 {
			t.Errorf("stale although its end is told: %v", calls)
		}
	})
}

func TestJobsOfACallAreEnqueuedWithIt(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		s.Now = func() time.Time { return noon }
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		c := ensure(t, s, p.ID, "b24:x")
		c.Progress.Ordered = true
		check(t, s.OrderCall(ctx, c))
		stolen := *c
		stolen.PortalID = twin.ID
		wantErr(t, s.OrderCall(ctx, &stolen), models.ErrNotFound)
		c.RetryAt = ptr(noon.Add(time.Hour))
		check(t, s.SaveCall(ctx, c))
		check(t, s.WakeFailing(ctx, twin.ID))
		check(t, s.WakeFailing(ctx, p.ID))
		check(t, s.WakeFailing(ctx, p.ID))
		got := must[*models.Call](t)(s.CallByID(ctx, p.ID, c.ID))
		if got.RetryAt != nil || !got.Progress.Ordered {
			t.Errorf("retry at %v, ordered %v", got.RetryAt, got.Progress.Ordered)
		}
		check(t, s.EnqueueReconcile(ctx, p.ID))
		call := fmt.Sprintf(`call {"call_key":"b24:x","portal_id":%d}`, p.ID)
		want := []string{
			fmt.Sprintf(`tell {"call_id":%d,"portal_id":%d,"since":"2026-03-02T12:00:00Z"}`, c.ID, p.ID),
			call, fmt.Sprintf(`reconcile {"portal_id":%d}`, p.ID),
		}
		if diff := cmp.Diff(want, sorted(t, jobs(t, s))); diff != "" {
			t.Errorf("jobs (-want +got):\n%s", diff)
		}
	})
}
