package models_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
)

func event(key, callKey string, at time.Duration) models.Event {
	return models.Event{
		Source: models.SourcePBX, EventKey: key, CallKey: callKey, Type: "call.started",
		Payload: json.RawMessage(`{"id":"` + key + `"}`), HappenedAt: noon.Add(at),
	}
}

func add(t *testing.T, s *models.Store, portalID int64, events ...models.Event) string {
	t.Helper()
	accepted, duplicates, err := s.AddEvents(t.Context(), portalID, events)
	check(t, err)
	return fmt.Sprintf("%d accepted, %d duplicates", accepted, duplicates)
}

// heard are the calls that a listener of a store is told of, in order.
type heard struct {
	mu    sync.Mutex
	calls []models.CallArgs
}

func listenTo(s *models.Store) *heard {
	h := &heard{}
	s.Listen(func(calls []models.CallArgs) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.calls = append(h.calls, calls...)
	})
	return h
}

func (h *heard) all() []models.CallArgs {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.calls
}

// jobs are the arguments of all jobs, in the order they were enqueued.
func jobs(t *testing.T, s *models.Store) []string {
	t.Helper()
	var rows []string
	args := "CAST(args AS text)"
	check(t, s.Transaction(t.Context(), func(tx *gorm.DB) error {
		if tx.Name() == "sqlite" {
			args = "json(args)"
		}
		return tx.Raw("SELECT kind || ' ' || " + args + " FROM river_job ORDER BY id").Scan(&rows).Error
	}))
	return rows
}

func keysOf(events []models.Event) []string {
	var keys []string
	for _, e := range events {
		keys = append(keys, e.EventKey)
	}
	return keys
}

func TestAnEventIsStoredOnceAndItsCallIsToldOfOnce(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		s.Now = func() time.Time { return noon.Add(time.Minute) }
		p, twin := active(t, s, "one"), active(t, s, "two")
		told := listenTo(s)
		if got := add(t, s, p.ID, event("2", "pbx:a", time.Second), event("1", "pbx:a", 0), event("3", "pbx:b", 2*time.Second), event("1", "pbx:a", 0)); got != "3 accepted, 1 duplicates" {
			t.Error(got)
		}
		if got := add(t, s, p.ID, event("1", "pbx:a", 1), event("2", "pbx:a", 2)); got != "0 accepted, 2 duplicates" {
			t.Error(got)
		}
		own := event("1", "pbx:a", time.Minute)
		own.Source = models.SourceCallwise
		if got := add(t, s, p.ID, own); got != "1 accepted, 0 duplicates" {
			t.Error(got)
		}
		if got := add(t, s, twin.ID, event("1", "pbx:a", 1)); got != "1 accepted, 0 duplicates" {
			t.Error("the other portal's event of that key: " + got)
		}
		if got := add(t, s, p.ID); got != "0 accepted, 0 duplicates" {
			t.Error(got)
		}
		events := must[[]models.Event](t)(s.EventsOf(t.Context(), p.ID, "pbx:a"))
		if diff := cmp.Diff([]string{"1", "2", "1"}, keysOf(events)); diff != "" {
			t.Errorf("events in order (-want +got):\n%s", diff)
		}
		want := event("1", "pbx:a", 1)
		want.ID, want.PortalID, want.HappenedAt, want.ArrivedAt = events[0].ID, p.ID, noon, noon.Add(time.Minute)
		if diff := cmp.Diff(want, events[0]); diff != "" {
			t.Errorf("event (-want +got):\n%s", diff)
		}
		both := must[[]models.Event](t)(s.EventsOf(t.Context(), p.ID, "pbx:a", "pbx:b"))
		if diff := cmp.Diff([]string{"1", "2", "3", "1"}, keysOf(both)); diff != "" {
			t.Errorf("events under two keys (-want +got):\n%s", diff)
		}
		calls := []models.CallArgs{
			{PortalID: p.ID, CallKey: "pbx:a"}, {PortalID: p.ID, CallKey: "pbx:b"}, {PortalID: p.ID, CallKey: "pbx:a"}, {PortalID: twin.ID, CallKey: "pbx:a"},
		}
		if diff := cmp.Diff(calls, told.all()); diff != "" {
			t.Errorf("told of (-want +got):\n%s", diff)
		}
		pending := []models.CallArgs{calls[0], calls[1], calls[3]}
		if diff := cmp.Diff(pending, must[[]models.CallArgs](t)(s.NewSweep().PendingCalls(t.Context(), 10))); diff != "" {
			t.Errorf("pending (-want +got):\n%s", diff)
		}
	})
}

func TestEventsOfARequestAreStoredAllOrNone(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p := active(t, s, "one")
		told := listenTo(s)
		bad := event("2", "pbx:a", 2)
		bad.Source = "nobody"
		if _, _, err := s.AddEvents(t.Context(), p.ID, []models.Event{event("1", "pbx:a", 1), bad}); err == nil {
			t.Error("an event of nobody was stored")
		}
		if _, _, err := s.AddEvents(t.Context(), 999, []models.Event{event("1", "pbx:a", 1)}); err == nil {
			t.Error("an event of no portal was stored")
		}
		bad = event("3", "pbx:a", 3)
		bad.Payload = json.RawMessage("{")
		if _, _, err := s.AddEvents(t.Context(), p.ID, []models.Event{bad}); err == nil {
			t.Error("a payload that is no JSON was stored")
		}
		if events := must[[]models.Event](t)(s.EventsOf(t.Context(), p.ID, "pbx:a")); len(events) != 0 || len(told.all()) != 0 {
			t.Errorf("%d events, told of %v", len(events), told.all())
		}
	})
}

func TestEventsThatArriveAtOnceAreEachCountedOnce(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p := active(t, s, "one")
		var accepted, duplicates, refused atomic.Int64
		var group sync.WaitGroup
		for i := range 40 {
			group.Go(func() {
				portal := p.ID
				if i%10 == 9 {
					portal = 999 // cannot be stored, and fails alone
				}
				a, d, err := s.AddEvents(t.Context(), portal, []models.Event{event(fmt.Sprint(i%10), "pbx:a", 0), event(fmt.Sprint("other", i), "pbx:b", 0)})
				accepted.Add(int64(a))
				duplicates.Add(int64(d))
				if err != nil {
					refused.Add(1)
				}
			})
		}
		group.Wait()
		// 36 requests of two events each; the first event has nine names.
		if accepted.Load() != 9+36 || duplicates.Load() != 36-9 || refused.Load() != 4 {
			t.Errorf("%d accepted, %d duplicates, %d refused", accepted.Load(), duplicates.Load(), refused.Load())
		}
	})
}

func TestWhatPostgresRefusesInATextIsLeftOut(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p := active(t, s, "one")
		odd := event("odd\x00\xff", "pbx:\x00a", 0)
		odd.Payload = json.RawMessage("{\"text\":\"\\u0000\xff\"}")
		add(t, s, p.ID, odd)
		if got := add(t, s, p.ID, odd); got != "0 accepted, 1 duplicates" {
			t.Error(got)
		}
		events := must[[]models.Event](t)(s.EventsOf(t.Context(), p.ID, "pbx:\x00a"))
		if diff := cmp.Diff([]string{"odd\uFFFD"}, keysOf(events)); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

func TestOnlyLostWakeUpsArePending(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		now := noon
		s.Now = func() time.Time { return now }
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		for i, key := range []string{"pbx:new", "pbx:held", "pbx:later", "pbx:linked", "pbx:done", "pbx:due"} {
			add(t, s, p.ID, event(fmt.Sprint(i), key, 0))
		}
		add(t, s, twin.ID, event("1", "pbx:held", 0))
		calls := map[string]*models.Call{}
		for _, key := range []string{"pbx:held", "pbx:later", "b24:click", "pbx:due"} {
			calls[key] = must[*models.Call](t)(s.EnsureCall(ctx, models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: key}))
		}
		check(t, s.LinkPBX(ctx, p.ID, calls["b24:click"].ID, "linked"))
		for _, key := range []string{"pbx:held", "b24:click"} {
			if !must[bool](t)(s.Acquire(ctx, fmt.Sprintf("call:%d", calls[key].ID), "w", time.Minute)) {
				t.Fatal("lease taken")
			}
		}
		later, due := noon.Add(time.Hour), noon.Add(-time.Second)
		calls["pbx:later"].RetryAt, calls["pbx:due"].RetryAt = &later, &due
		check(t, s.SaveCall(ctx, calls["pbx:later"]))
		check(t, s.SaveCall(ctx, calls["pbx:due"]))
		done := must[[]models.Event](t)(s.EventsOf(ctx, p.ID, "pbx:done"))
		check(t, s.MarkDone(ctx, twin.ID, []int64{done[0].ID}))
		if got := must[[]models.Event](t)(s.EventsOf(ctx, p.ID, "pbx:done")); got[0].DoneAt != nil {
			t.Error("the other portal's worker marked an event as done")
		}
		check(t, s.MarkDone(ctx, p.ID, []int64{done[0].ID}))
		check(t, s.MarkDone(ctx, p.ID, nil))

		want := []models.CallArgs{{PortalID: p.ID, CallKey: "pbx:new"}, {PortalID: p.ID, CallKey: "pbx:due"}, {PortalID: twin.ID, CallKey: "pbx:held"}}
		if diff := cmp.Diff(want, must[[]models.CallArgs](t)(s.NewSweep().PendingCalls(ctx, 10))); diff != "" {
			t.Errorf("pending (-want +got):\n%s", diff)
		}
		oldest := []models.CallArgs{want[0], want[2]}
		if diff := cmp.Diff(oldest, must[[]models.CallArgs](t)(s.NewSweep().PendingCalls(ctx, 1))); diff != "" {
			t.Errorf("pending, one of each portal (-want +got):\n%s", diff)
		}
		now = noon.Add(2 * time.Minute)
		pass(t, s, 2*time.Minute) // the leases are over
		if got := must[[]models.CallArgs](t)(s.NewSweep().PendingCalls(ctx, 10)); len(got) != 5 {
			t.Errorf("pending after the leases ended: %v", got)
		}
		if !must[bool](t)(s.ReleaseCall(ctx, p.ID, calls["b24:click"].ID, "w", startEcho, models.Round{})) {
			t.Error("a linked call's event is not pending")
		}
		_, err := s.ReleaseCall(ctx, twin.ID, calls["b24:click"].ID, "w", startEcho, models.Round{})
		wantErr(t, err, models.ErrNotFound)
	})
}

func TestTimesOfAllZonesHaveOneOrder(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		s.Now = func() time.Time { return noon.In(time.FixedZone("", 9*3600)) }
		p := active(t, s, "one")
		earlier, later := event("earlier", "pbx:a", 0), event("later", "pbx:a", time.Hour)
		earlier.HappenedAt = earlier.HappenedAt.In(time.FixedZone("", 9*3600))
		later.HappenedAt = later.HappenedAt.Add(time.Nanosecond).In(time.FixedZone("", -5*3600))
		add(t, s, p.ID, later, earlier)
		events := must[[]models.Event](t)(s.EventsOf(t.Context(), p.ID, "pbx:a"))
		if diff := cmp.Diff([]string{"earlier", "later"}, keysOf(events)); diff != "" {
			t.Errorf("events in order (-want +got):\n%s", diff)
		}
		if want := noon.Add(time.Hour); events[1].HappenedAt != want || events[1].ArrivedAt != noon {
			t.Errorf("happened at %v, arrived at %v", events[1].HappenedAt, events[1].ArrivedAt)
		}
	})
}
