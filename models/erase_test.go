package models_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"callwise/app/call"
	"callwise/app/crm"
	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
)

// ofNumber is a finished call of a number with an event, a request, a recording
// and a creation.
func ofNumber(t *testing.T, s *models.Store, portalID int64, key, number string) *models.Call {
	t.Helper()
	ctx := t.Context()
	e := event(key, "pbx:"+key, 0)
	e.Payload = json.RawMessage(fmt.Sprintf(`{"phone":%q}`, number))
	add(t, s, portalID, e)
	id := key
	c := must[*models.Call](t)(s.EnsureCall(ctx, models.Call{
		PortalID: portalID, Kind: models.KindPBX, CallKey: "pbx:" + key, PBXCallID: &id, State: models.CallFinished, StartedAt: noon,
		Phone: number, PhoneKey: call.ParsePhone(number, "DE").Key(),
	}))
	worked(t, s, portalID, "pbx:"+key)
	check(t, s.AddRESTRequests(ctx, models.RESTRequest{PortalID: portalID, CallID: &c.ID, At: noon, Method: "app.info"}))
	check(t, s.Remember(ctx, models.RecentCreation{PortalID: portalID, PhoneKey: c.PhoneKey, CallID: c.ID, Refs: []crm.Ref{}, For: time.Minute}))
	audio(t, s, portalID, "pbx:"+key)
	worked(t, s, portalID, "pbx:"+key)
	return c
}

// erasing is an erasure of a number that was just asked for.
func erasing(t *testing.T, s *models.Store, p *models.Portal, number string) *models.Erasure {
	t.Helper()
	must[bool](t)(s.AskErasure(t.Context(), p, 17, call.ParsePhone(number, "DE").Key()))
	requests := must[[]models.PrivacyRequest](t)(s.PrivacyRequests(t.Context(), p.ID, 1))
	return must[*models.Erasure](t)(s.PendingErasure(t.Context(), p, requests[0].ID))
}

// look takes the number of an erasure out of all rows, up to those that are
// still worked on.
func look(t *testing.T, s *models.Store, e *models.Erasure) {
	t.Helper()
	phone := call.ParsePhone(e.Key, "")
	digits := phone.Digits()
	for {
		over, err := s.EraseMentions(t.Context(), e, digits[len(digits)-6:], phone.Mention().EraseFrom)
		check(t, err)
		if over || e.Waiting {
			return
		}
	}
}

// worked counts all events of a call as worked on.
func worked(t *testing.T, s *models.Store, portalID int64, key string) {
	t.Helper()
	var ids []int64
	for _, e := range must[[]models.Event](t)(s.EventsOf(t.Context(), portalID, key)) {
		ids = append(ids, e.ID)
	}
	check(t, s.MarkDone(t.Context(), portalID, ids))
}

func TestACallIsErasedWithAllThatBelongsToIt(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		s.Now = func() time.Time { return noon }
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		c, other := ofNumber(t, s, p.ID, "a", "+4930901820"), ofNumber(t, s, p.ID, "b", "+4930901821")
		ofNumber(t, s, twin.ID, "a", "+4930901820")
		one, all, twins := rows(t, s, p.ID), rows(t, s, p.ID), rows(t, s, twin.ID)
		for table := range all {
			one[table] = all[table] / 2
		}
		one["tokens"], one["erased_calls"], one["privacy_requests"], one["jobs"] = 1, 1, 1, 1
		e := erasing(t, s, p, "+4930901820")
		for range 2 {
			check(t, s.EraseCall(ctx, e, c.ID))
			if diff := cmp.Diff(one, rows(t, s, p.ID)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		}
		theirs := *e
		theirs.PortalID = twin.ID
		check(t, s.EraseCall(ctx, &theirs, other.ID)) // another portal's: nothing
		if diff := cmp.Diff(twins, rows(t, s, twin.ID)); diff != "" {
			t.Errorf("the other portal (-want +got):\n%s", diff)
		}
		_ = must[*models.Call](t)(s.CallByID(ctx, p.ID, other.ID))
		if e = must[*models.Erasure](t)(s.PendingErasure(ctx, p, e.ID)); e.Calls != 1 {
			t.Errorf("%d calls are counted", e.Calls)
		}
	})
}

func TestACallThatGoesOnIsNotErased(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p := active(t, s, "one")
		open := ensure(t, s, p.ID, "pbx:open")
		e := erasing(t, s, p, "+4930901820")
		wantErr(t, s.EraseCall(t.Context(), e, open.ID), models.ErrBusy)
		c := ofNumber(t, s, p.ID, "a", "+4930901820")
		add(t, s, p.ID, event("late", "pbx:a", time.Minute))
		wantErr(t, s.EraseCall(t.Context(), e, c.ID), models.ErrBusy)
	})
}

func TestWhatIsReportedOfAnErasedCallIsDropped(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		now := noon
		s.Now = func() time.Time { return now }
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		c := ofNumber(t, s, p.ID, "a", "+4930901820")
		check(t, s.EraseCall(ctx, erasing(t, s, p, "+4930901820"), c.ID))
		for _, portal := range []*models.Portal{p, twin} {
			add(t, s, portal.ID, event("again", "pbx:a", 0))
			add(t, s, portal.ID, event("another", "pbx:b", 0))
		}
		for _, tt := range []struct {
			portal *models.Portal
			key    string
			events int
		}{{p, "pbx:a", 0}, {p, "pbx:b", 1}, {twin, "pbx:a", 1}} {
			reported := reported(t, s, tt.portal.ID, tt.key)
			left := must[[]models.Event](t)(s.EventsOf(ctx, tt.portal.ID, tt.key))
			if len(reported) != tt.events || len(left) != tt.events {
				t.Errorf("%s of %s: %d events reported, %d left", tt.key, tt.portal.MemberID, len(reported), len(left))
			}
		}
		now = now.Add(31 * 24 * time.Hour)
		_ = must[models.Purged](t)(s.Purge(ctx, noon, noon))
		add(t, s, p.ID, event("a month later", "pbx:a", 0))
		if len(reported(t, s, p.ID, "pbx:a")) != 1 || rows(t, s, p.ID)["erased_calls"] != 0 {
			t.Error("an erased call is remembered for ever")
		}
	})
}

func TestCallsOfANumberAreFoundBatchByBatch(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		keys := []string{"+4930901820", "030901820"}
		a, b := ofNumber(t, s, p.ID, "a", "+4930901820"), ofNumber(t, s, p.ID, "b", "030 901820")
		ofNumber(t, s, p.ID, "c", "+4930901821")
		ofNumber(t, s, twin.ID, "a", "+4930901820")
		first := must[[]models.Call](t)(s.CallsOfNumber(ctx, p.ID, keys, 0, 1))
		second := must[[]models.Call](t)(s.CallsOfNumber(ctx, p.ID, keys, a.ID, 1))
		if len(first) != 1 || len(second) != 1 || first[0].ID != a.ID || second[0].ID != b.ID {
			t.Errorf("first %v, then %v", first, second)
		}
		all, open, err := s.CountCallsOfNumber(ctx, p.ID, keys)
		if all != 2 || open != 0 || err != nil {
			t.Errorf("%d calls, %d go on, %v", all, open, err)
		}
	})
}

func TestANumberIsTakenOutOfWhatOtherRowsSay(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		s.Now = func() time.Time { return noon }
		ctx := t.Context()
		p, twin := active(t, s, "one"), active(t, s, "two")
		phone := call.ParsePhone("+4930901820", "")
		erase := phone.Mention().EraseFrom
		mention := func(portal *models.Portal, key string, state models.CallState) *models.Call {
			c := ensure(t, s, portal.ID, "pbx:"+key)
			c.State, c.PhoneKey, c.CustomerName = state, "+4930901999", "030 901820"
			c.Records = &crm.Records{Deals: []crm.Deal{{Title: "Call from +49 30 90-18-20"}}}
			check(t, s.SaveCall(ctx, c))
			stray := event("stray "+key, "b24:"+key, 0)
			stray.Payload = json.RawMessage(`{"PHONE_NUMBER":"+49 30 901820","n":4930901820,"x":"no 30 901821"}`)
			if key == "a" {
				stray.Payload = json.RawMessage(`{"y":"030\u00a090\u00a01820"}`)
			}
			add(t, s, portal.ID, stray)
			worked(t, s, portal.ID, "b24:"+key)
			return c
		}
		c, open, foreign := mention(p, "a", models.CallFinished), mention(p, "b", models.CallOpen), mention(twin, "a", models.CallFinished)
		check(t, s.SaveLogFilter(ctx, p.ID, 17, "text=%2B4930901820"))
		check(t, s.SaveLogFilter(ctx, p.ID, 18, "text=Ada"))

		e := erasing(t, s, p, "+4930901820")
		look(t, s, e)
		if e.Mentions != 1 || !e.Waiting { // a call; the open call is left
			t.Errorf("%d mentions, waiting %v", e.Mentions, e.Waiting)
		}
		if diff := cmp.Diff(open, must[*models.Call](t)(s.CallByID(ctx, p.ID, open.ID))); diff != "" {
			t.Errorf("left alone (-want +got):\n%s", diff)
		}
		look(t, s, e)
		if e.Mentions != 1 || !e.Waiting {
			t.Errorf("again: %d mentions, waiting %v", e.Mentions, e.Waiting)
		}
		open.State = models.CallFinished
		check(t, s.SaveCall(ctx, open))
		look(t, s, e)
		if e.Mentions != 4 || e.Waiting { // two calls, two events
			t.Errorf("when the call is over: %d mentions, waiting %v", e.Mentions, e.Waiting)
		}
		check(t, s.FinishErasure(ctx, e, phone.Variants(), erase))
		done := must[[]models.PrivacyRequest](t)(s.PrivacyRequests(ctx, p.ID, 9))
		if len(done) != 1 || done[0].Pending() || done[0].Mentions != 5 || done[0].DoneAt == nil { // and a filter
			t.Errorf("done: %+v", done)
		}
		want := *c
		want.CustomerName, want.Search = "•••", "•••\n4930901999"
		want.Records = &crm.Records{Deals: []crm.Deal{{Title: "Call from •••"}}}
		got := must[*models.Call](t)(s.CallByID(ctx, p.ID, c.ID))
		want.Search = got.Search
		if diff := cmp.Diff(&want, got); diff != "" || erase(got.Search) != got.Search {
			t.Errorf("call (-want +got), found by %q:\n%s", got.Search, diff)
		}
		events := must[[]models.Event](t)(s.EventsOf(ctx, p.ID, "b24:b"))
		if payload := string(events[0].Payload); payload != `{"PHONE_NUMBER":"•••","n":4930901820,"x":"no 30 901821"}` {
			t.Errorf("event: %s", payload)
		}
		events = must[[]models.Event](t)(s.EventsOf(ctx, p.ID, "b24:a"))
		if payload := string(events[0].Payload); payload != `{"y":"•••"}` {
			t.Errorf("event: %s", payload)
		}
		if must[string](t)(s.LogFilterOf(ctx, p.ID, 17)) != "" || must[string](t)(s.LogFilterOf(ctx, p.ID, 18)) == "" {
			t.Error("the wrong filter is forgotten")
		}
		if diff := cmp.Diff(foreign, must[*models.Call](t)(s.CallByID(ctx, twin.ID, foreign.ID))); diff != "" {
			t.Errorf("the other portal (-want +got):\n%s", diff)
		}
	})
}

// A Danish number may have the digits of a date.
func TestTheTimesOfARowStayWhenANumberOfTheirDigitsIsErased(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		const number = "+4520250314"
		at := time.Date(2025, 3, 14, 9, 26, 53, 589_000_000, time.UTC)
		p := active(t, s, "one")
		c := ensure(t, s, p.ID, "pbx:a")
		c.State, c.PhoneKey = models.CallFinished, "+4930901999"
		c.Progress.Steps = []models.Step{{At: at, Name: "decide"}}
		c.Records = &crm.Records{Deals: []crm.Deal{{Title: "Call from 20 25 03 14"}}}
		check(t, s.SaveCall(t.Context(), c))
		told := event("told", "pbx:a", 0)
		told.Payload = json.RawMessage(`{"at":"2025-03-14T10:26:53+01:00","text":"+45 20 25 03 14, on 2025-03-14"}`)
		add(t, s, p.ID, told)
		worked(t, s, p.ID, "pbx:a")

		look(t, s, erasing(t, s, p, number))
		got := must[*models.Call](t)(s.CallByID(t.Context(), p.ID, c.ID))
		if title := got.Records.Deals[0].Title; title != "Call from •••" || !got.Progress.Steps[0].At.Equal(at) {
			t.Errorf("the deal is %q, the step was at %v", title, got.Progress.Steps[0].At)
		}
		payload := string(must[[]models.Event](t)(s.EventsOf(t.Context(), p.ID, "pbx:a"))[0].Payload)
		if payload != `{"at":"2025-03-14T10:26:53+01:00","text":"•••, on •••"}` {
			t.Errorf("event: %s", payload)
		}
	})
}

func TestAnOpenCallKeepsTheNumberInItsEvents(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		p := active(t, s, "one")
		c := ensure(t, s, p.ID, "pbx:a")
		c.B24CallID = ptr("externalCall.1")
		check(t, s.SaveCall(t.Context(), c))
		check(t, s.LinkPBX(t.Context(), p.ID, c.ID, "leg"))
		for _, key := range []string{"pbx:a", "pbx:leg", "b24:externalCall.1"} {
			e := event("of "+key, key, 0)
			e.Payload = json.RawMessage(`{"phone":"+4930901820"}`)
			add(t, s, p.ID, e)
			worked(t, s, p.ID, key)
		}
		e := erasing(t, s, p, "+4930901820")
		look(t, s, e)
		if e.Mentions != 0 || !e.Waiting {
			t.Errorf("%d mentions, waiting %v", e.Mentions, e.Waiting)
		}
		c = must[*models.Call](t)(s.CallByID(t.Context(), p.ID, c.ID))
		c.State = models.CallFinished
		check(t, s.SaveCall(t.Context(), c))
		look(t, s, e)
		if e.Mentions != 3 || e.Waiting {
			t.Errorf("when it is over: %d mentions, waiting %v", e.Mentions, e.Waiting)
		}
	})
}
