package models_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
)

func TestAnEventThatAsksForNothingIsStoredAsDone(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		s.Now = func() time.Time { return noon }
		p := active(t, s, "one")
		told := listenTo(s)
		init := event("init", "b24:a", 0)
		sometime := noon.Add(-time.Hour)
		init.DoneAt = &sometime
		if got := add(t, s, p.ID, init, event("start", "b24:b", 0)); got != "2 accepted, 0 duplicates" {
			t.Error(got)
		}
		want := []models.CallArgs{{PortalID: p.ID, CallKey: "b24:b"}}
		if diff := cmp.Diff(want, told.all()); diff != "" {
			t.Errorf("told of (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want, must[[]models.CallArgs](t)(s.NewSweep().PendingCalls(t.Context(), 10))); diff != "" {
			t.Errorf("pending (-want +got):\n%s", diff)
		}
		stored := must[[]models.Event](t)(s.EventsOf(t.Context(), p.ID, "b24:a"))
		if at := stored[0].DoneAt; at == nil || !at.Equal(noon) {
			t.Errorf("done at %v", at)
		}
	})
}

func TestEchoesAreDoneOnlyAloneAndOfACallOfThatKind(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		id, clicked := "ours", "clicked"
		must[*models.Call](t)(s.EnsureCall(ctx, models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: "pbx:1", B24CallID: &id}))
		must[*models.Call](t)(s.EnsureCall(ctx, models.Call{PortalID: p.ID, Kind: models.KindClick, CallKey: "b24:clicked", B24CallID: &clicked}))
		told := func(key, callKey, kind string) models.Event {
			e := event(key, callKey, 0)
			e.Type = kind
			return e
		}
		for _, c := range []struct {
			name   string
			portal int64
			events []models.Event
			marked bool
		}{
			{"of another portal", twin.ID, []models.Event{told("1", "b24:ours", "START")}, false},
			{"of a call nobody knows", p.ID, []models.Event{told("1", "b24:unknown", "START")}, false},
			{"of a click", p.ID, []models.Event{told("2", "b24:clicked", "START")}, false},
			{"alone", p.ID, []models.Event{told("3", "b24:ours", "START"), told("4", "b24:ours", "END")}, true},
			{"when there are none", p.ID, nil, false},
			{"beside another event", p.ID, []models.Event{told("5", "b24:ours", "END"), told("6", "b24:ours", "CLICK")}, false},
		} {
			key := "b24:ours"
			if len(c.events) > 0 {
				key = c.events[0].CallKey
			}
			add(t, s, c.portal, c.events...)
			marked := must[bool](t)(s.MarkEchoes(ctx, c.portal, key, models.Echoes{Types: []string{"START", "END"}, Kinds: []models.CallKind{models.KindPBX}}))
			if marked != c.marked {
				t.Errorf("%s: marked %t", c.name, marked)
			}
		}
		want := []models.CallArgs{
			{PortalID: p.ID, CallKey: "b24:unknown"}, {PortalID: p.ID, CallKey: "b24:clicked"}, {PortalID: p.ID, CallKey: "b24:ours"},
			{PortalID: twin.ID, CallKey: "b24:ours"},
		}
		if diff := cmp.Diff(want, must[[]models.CallArgs](t)(s.NewSweep().PendingCalls(ctx, 10))); diff != "" {
			t.Errorf("pending (-want +got):\n%s", diff)
		}
	})
}

func TestACallIsSavedWithWhatIsDoneOfItOrNotAtAll(t *testing.T) {
	for name, extension := range map[string]string{"of somebody": "", "of an extension that is nobody's": "101"} {
		t.Run(name, func(t *testing.T) {
			modelstest.Each(t, func(t *testing.T, s *models.Store) { savedWhole(t, s, extension) })
		})
	}
}

// savedAndDone saves a call at the end of a round of work.
func savedAndDone(s *models.Store, c *models.Call, r models.Round) error {
	_, err := s.SaveAndRelease(context.Background(), c, "worker", startEcho, r)
	return err
}

func savedWhole(t *testing.T, s *models.Store, extension string) {
	ctx := t.Context()
	p, twin := active(t, s, "one"), active(t, s, "two")
	add(t, s, p.ID, event("1", "pbx:a", 0))
	add(t, s, twin.ID, event("1", "pbx:a", 0))
	id := func(portalID int64) int64 {
		return must[[]models.Event](t)(s.EventsOf(ctx, portalID, "pbx:a"))[0].ID
	}
	c := must[*models.Call](t)(s.EnsureCall(ctx, models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: "pbx:a", Extension: extension}))
	other := must[*models.Call](t)(s.EnsureCall(ctx, models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: "pbx:b", B24CallID: new("b")}))
	ours, both := []int64{id(p.ID)}, []int64{id(p.ID), id(twin.ID)}
	asked := func(methods ...string) []models.RESTRequest {
		var list []models.RESTRequest
		for _, method := range methods {
			list = append(list, models.RESTRequest{PortalID: p.ID, CallID: &c.ID, At: noon, Method: method, Params: json.RawMessage(`{}`)})
		}
		return list
	}
	stands := func(when string, state models.CallState, pending []models.CallArgs, methods ...string) {
		t.Helper()
		if got := must[*models.Call](t)(s.CallByID(ctx, p.ID, c.ID)); got.State != state {
			t.Errorf("%s: the call is %s, want %s", when, got.State, state)
		}
		if diff := cmp.Diff(pending, must[[]models.CallArgs](t)(s.NewSweep().PendingCalls(ctx, 10))); diff != "" {
			t.Errorf("%s: pending (-want +got):\n%s", when, diff)
		}
		var got []string
		for _, r := range must[[]models.RESTRequest](t)(s.RESTOfCall(ctx, p.ID, c.ID)) {
			got = append(got, r.Method)
		}
		if diff := cmp.Diff(methods, got); diff != "" {
			t.Errorf("%s: REST log (-want +got):\n%s", when, diff)
		}
	}
	mine, its := models.CallArgs{PortalID: p.ID, CallKey: "pbx:a"}, models.CallArgs{PortalID: twin.ID, CallKey: "pbx:a"}

	c.State, c.B24CallID = models.CallFinished, other.B24CallID
	wantErr(t, savedAndDone(s, c, models.Round{Asked: asked("refused"), Done: ours}), models.ErrConflict)
	wantErr(t, s.SaveCallAsked(ctx, c, asked("refused")), models.ErrConflict)
	stands("refused", models.CallOpen, []models.CallArgs{mine, its})

	c.State, c.B24CallID = models.CallOpen, nil
	check(t, s.SaveCallAsked(ctx, c, asked("first", "second")))
	stands("under way", models.CallOpen, []models.CallArgs{mine, its}, "first", "second")

	c.State = models.CallFinished
	check(t, savedAndDone(s, c, models.Round{Asked: asked("third"), Done: both}))
	stands("over", models.CallFinished, []models.CallArgs{its}, "first", "second", "third")

	add(t, s, p.ID, event("2", "pbx:a", 0))
	gone := *c
	gone.ID += 1000
	late := must[[]models.Event](t)(s.EventsOf(ctx, p.ID, "pbx:a"))[1].ID
	lost := models.RESTRequest{PortalID: p.ID, CallID: &gone.ID, At: noon, Method: "lost", Params: json.RawMessage(`{}`)}
	wantErr(t, savedAndDone(s, &gone, models.Round{Asked: []models.RESTRequest{lost}, Done: []int64{late}}), models.ErrNotFound)
	check(t, s.AddRESTRequests(ctx, lost))
	stands("of a call that is gone", models.CallFinished, []models.CallArgs{mine, its}, "first", "second", "third")
	if logged := must[[]models.RESTRequest](t)(s.RESTOfCall(ctx, p.ID, gone.ID)); len(logged) > 0 {
		t.Errorf("logged for a call that is gone: %v", logged)
	}
}

func TestACallIsSavedAndGivenBackOrNeither(t *testing.T) {
	for name, extension := range map[string]string{"of somebody": "", "of an extension that is nobody's": "101"} {
		t.Run(name, func(t *testing.T) {
			modelstest.Each(t, func(t *testing.T, s *models.Store) { savedAndGivenBack(t, s, extension) })
		})
	}
}

func savedAndGivenBack(t *testing.T, s *models.Store, extension string) {
	ctx := t.Context()
	p := active(t, s, "one")
	add(t, s, p.ID, event("1", "pbx:a", 0))
	must[*models.Call](t)(s.EnsureCall(ctx, models.Call{PortalID: p.ID, Kind: models.KindPBX, CallKey: "pbx:b", B24CallID: ptr("b")}))
	taken := must[*models.TakenCall](t)(s.TakeNewCall(ctx, models.Call{
		PortalID: p.ID, Kind: models.KindPBX, CallKey: "pbx:a", PBXCallID: ptr("a"), Extension: extension,
	}, "worker", time.Minute))
	c, ids := taken.Call, []int64{taken.Events[0].ID}
	held := func() bool {
		return !must[*models.TakenCall](t)(s.TakeCall(ctx, p.ID, "pbx:a", "another", time.Minute)).Held
	}
	done := func() bool { return must[[]models.Event](t)(s.EventsOf(ctx, p.ID, "pbx:a"))[0].DoneAt != nil }

	c.State, c.B24CallID = models.CallFinished, ptr("b")
	_, err := s.SaveAndRelease(ctx, c, "worker", startEcho, models.Round{Done: ids})
	wantErr(t, err, models.ErrConflict)
	if !held() || done() {
		t.Errorf("refused: held %t, its event done %t", held(), done())
	}

	c.B24CallID = nil
	if must[bool](t)(s.SaveAndRelease(ctx, c, "worker", startEcho, models.Round{Done: ids})) {
		t.Error("news although nothing came")
	}
	if got := must[*models.Call](t)(s.CallByID(ctx, p.ID, c.ID)); got.State != models.CallFinished || !done() {
		t.Errorf("the call is %s, its event done %t", got.State, done())
	}
	if held() {
		t.Error("the lease is kept")
	}

	add(t, s, p.ID, event("2", "pbx:a", 0)) // "another" has the call meanwhile
	c.HeldBy = "another"
	if !must[bool](t)(s.SaveAndRelease(ctx, c, "another", startEcho, models.Round{Done: ids})) {
		t.Error("no news although an event came")
	}
}

func TestAPortalIsReachedWithItsOwnLivePairs(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p := active(t, s, "one")
		active(t, s, "two")
		endpoint, tokens, err := s.Access(ctx, p.ID)
		check(t, err)
		if endpoint != p.Endpoint || len(tokens) != 1 || tokens[0].AccessToken != "access-1-one" {
			t.Errorf("%s with %d pairs", endpoint, len(tokens))
		}
		check(t, s.RejectToken(ctx, p.ID, 1, "access-1-one", "DEAD"))
		endpoint, tokens, err = s.Access(ctx, p.ID)
		check(t, err)
		if endpoint != p.Endpoint || len(tokens) != 0 {
			t.Errorf("%s with %d pairs after the only one has died", endpoint, len(tokens))
		}
		_, _, err = s.Access(ctx, 4711)
		wantErr(t, err, models.ErrNotFound)
	})
}
