package main

import (
	"fmt"
	"testing"
	"time"

	"callwise/app/b24/b24sim"

	"github.com/google/go-cmp/cmp"
)

// rings tells who is rung from now on, or talks, or is given the call.
func rings(id string, extensions ...string) map[string]any {
	return map[string]any{
		"id": fmt.Sprint(id, "-rings-", extensions), "type": "call.ringing", "call": id,
		"at": time.Now().Format(time.RFC3339Nano), "extensions": extensions,
	}
}

func transferred(id, from, to string) map[string]any {
	return map[string]any{
		"id": id + "-to-" + to, "type": "call.transferred", "call": id,
		"at": time.Now().Format(time.RFC3339Nano), "from": from, "to": to,
	}
}

// A moment is an event, or nothing more than waiting, and who sees the call card
// after it.
type moment struct {
	event map[string]any
	cards []int64
}

func TestTheCardIsWithThoseWhoRingAndWhoTalk(t *testing.T) {
	const phone = "+4930901820"
	at := func(extensions ...string) map[string]any {
		return started("c1", "incoming", phone, map[string]any{"extensions": extensions})
	}
	for _, test := range []struct {
		name       string
		moments    []moment
		end        map[string]any
		want       ending
		show, hide int
	}{
		{"a ring group: all see it until one answers", []moment{
			{at("104", "105", "101"), []int64{anna, omar, admin}}, {answered("c1", "105"), []int64{omar}},
		}, omars(ended("c1", "answered", 5)), ending{omar, phone, "200", 5}, 1, 1},
		{"a ring group that nobody answers", []moment{
			{at("104", "105"), []int64{anna, omar}},
		}, ended("c1", "missed", 0), ending{anna, phone, "304", 0}, 1, 0},
		{"a queue that goes on to the next one", []moment{
			{at("104"), []int64{anna}}, {rings("c1", "105"), []int64{omar}}, {rings("c1", "101"), []int64{admin}},
			{answered("c1", "101"), []int64{admin}},
		}, with(ended("c1", "answered", 5), "extension", "101"), ending{admin, phone, "200", 5}, 2, 2},
		{"a call that is transferred blindly", []moment{
			{at("104"), []int64{anna}}, {answered("c1", "104"), []int64{anna}}, {transferred("c1", "104", "105"), []int64{omar}},
		}, omars(ended("c1", "answered", 5)), ending{omar, phone, "200", 5}, 1, 1},
		{"a call that is transferred after the colleague was asked", []moment{
			{at("104"), []int64{anna}}, {answered("c1", "104"), []int64{anna}}, {rings("c1", "105"), []int64{anna, omar}},
			{transferred("c1", "104", "105"), []int64{omar}},
		}, omars(ended("c1", "answered", 5)), ending{omar, phone, "200", 5}, 1, 1},
		{"a call that comes back from the colleague", []moment{
			{at("104"), []int64{anna}}, {answered("c1", "104"), []int64{anna}}, {transferred("c1", "104", "105"), []int64{omar}},
			{transferred("c1", "105", "104"), []int64{anna}},
		}, ended("c1", "answered", 5), ending{anna, phone, "200", 5}, 2, 2},
		{"a caller who hears the menu first", []moment{
			{at(), nil}, {rings("c1", "105"), []int64{omar}}, {answered("c1", "105"), []int64{omar}},
		}, omars(ended("c1", "answered", 5)), ending{omar, phone, "200", 5}, 1, 0},
		{"a caller who hangs up in the menu, for whom missed calls are", []moment{
			{at(), nil},
		}, with(ended("c1", "missed", 0), "extension", ""), ending{omar, phone, "304", 0}, 0, 0},
		{"an extension that nobody has", []moment{
			{at("771"), []int64{admin}}, {rings("c1", "104"), []int64{anna}},
		}, ended("c1", "missed", 0), ending{omar, phone, "304", 0}, 1, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, address string) {
				r := newRig(t, address, classic)
				r.switches("c")
				r.set("responsible/missed/who", "taker", "responsible/missed/fallback", "18")
				for _, m := range test.moments {
					r.tell(m.event)
					r.done("pbx:c1")
					r.expectCards(m.cards)
				}
				r.tell(test.end)
				r.worked("c1")
				r.expectCards(nil)
				if diff := cmp.Diff([]ending{test.want}, r.endings()); diff != "" {
					t.Errorf("statistics (-want +got):\n%s", diff)
				}
				got := map[string]int{}
				for _, method := range []string{"register", "show", "hide", "finish"} {
					got[method] = r.sim.Count("acme", "telephony.externalCall."+method)
				}
				want := map[string]int{"register": 1, "show": test.show, "hide": test.hide, "finish": 1}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("requests (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestTheCardOfAClickGoesWithTheCallToTheColleague(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("corb")
		id := r.click(b24sim.Click{UserID: omar, Phone: "+4930901820", Line: "callwise"})
		r.tell(clicked("p7", id, "+4930901820"), answered("p7", "105"))
		r.done("pbx:p7")
		r.expectCards([]int64{omar})
		r.tell(transferred("p7", "105", "104"))
		r.done("pbx:p7")
		r.expectCards([]int64{anna})
		r.tell(ended("p7", "answered", 5))
		r.worked("p7")
		r.expectCards(nil)
	})
}

func TestWhatACallCreatesGoesToWhoTalkedLast(t *testing.T) {
	for _, test := range []struct {
		name, direction string
		creator         string
	}{
		{"the app's own lead", "outgoing", "callwise"},
		{"Bitrix24's lead", "incoming", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, address string) {
				r := newRig(t, address, classic)
				r.switches("corb")
				if test.direction == "outgoing" {
					r.mia("+4930901821")
				}
				r.tell(started("c1", test.direction, "+4930901821"), answered("c1", "104"))
				r.done("pbx:c1")
				r.tell(transferred("c1", "104", "105"), omars(ended("c1", "answered", 5)))
				r.worked("c1")
				leads := r.portal.Leads()
				if len(leads) != 1 || leads[0].OriginatorID != test.creator || leads[0].ResponsibleID != omar {
					t.Errorf("leads = %+v, want one of %q for Omar", leads, test.creator)
				}
			})
		})
	}
}

// endings are the portal's statistics.
func (r *rig) endings() []ending {
	var all []ending
	for _, s := range r.portal.Statistics() {
		all = append(all, ending{s.UserID, s.Phone, s.Status, s.Duration})
	}
	return all
}

// TestTheEndOfALegThatOvertakesTheAnswerMissesNoCall tells of the leg that rang
// in vain before the answer of the other one is heard of.
func TestTheEndOfALegThatOvertakesTheAnswerMissesNoCall(t *testing.T) {
	const begin, leg, talk, end = 0, 1, 2, 3
	eachDatabase(t, func(t *testing.T, address string) {
		r := tuned(t, address, classic, func(h *house) { h.flow.LegWait = 20 * time.Second })
		r.switches("c")
		var want []ending
		for i, order := range [][]int{
			{begin, talk, leg, end}, {begin, leg, talk, end}, {leg, begin, talk, end}, {begin, leg, end, talk}, {leg, end, begin, talk}, {end, leg, talk, begin},
		} {
			id, phone := fmt.Sprint("c", i), fmt.Sprintf("+493090182%d", i)
			told := []map[string]any{
				started(id, "incoming", phone, map[string]any{"extensions": []string{"104", "105"}}),
				with(omars(ended(id, "missed", 0)), "id", id+"-leg"), answered(id, "104"), ended(id, "answered", 5),
			}
			for n := range told {
				told[n]["at"] = ago(time.Minute - time.Duration(10*n)*time.Second)
			}
			for _, n := range order {
				r.tell(told[n])
				r.tell(told[n])
				if n == begin && order[1] == leg {
					r.eventually("the call is registered", func() bool { c := r.row(id); return c != nil && c.B24CallID != nil })
				}
				if n == leg && order[0] == begin && order[1] == leg {
					r.eventually("the end of the leg is worked on", func() bool { c := r.row(id); return c != nil && c.EndedAt != nil })
				}
			}
			r.worked(id)
			want = append(want, ending{anna, phone, "200", 5})
		}
		if diff := cmp.Diff(want, r.endings()); diff != "" {
			t.Errorf("statistics (-want +got):\n%s", diff)
		}
		if s := r.portal.Snapshot(); len(s.Leads) != len(want) || len(s.Activities) != len(want) || s.Unfinished != 0 {
			t.Errorf("%d leads, %d activities, %d unfinished of %d calls", len(s.Leads), len(s.Activities), s.Unfinished, len(want))
		}
	})
}

func TestAGroupOfWhichTheEndNamesOneIsMissedAfterAWhile(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := tuned(t, address, classic, func(h *house) { h.flow.LegWait = time.Second })
		r.switches("c")
		r.tell(started("c1", "incoming", "+4930901820", map[string]any{"extensions": []string{"104", "105"}}), ended("c1", "missed", 0))
		r.worked("c1")
		r.expectCards(nil)
		if diff := cmp.Diff([]ending{{anna, "+4930901820", "304", 0}}, r.endings()); diff != "" {
			t.Errorf("statistics (-want +got):\n%s", diff)
		}
	})
}
