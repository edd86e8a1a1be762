package main

import (
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/app/call"
	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"

	"github.com/google/go-cmp/cmp"
)

// clicked is the beginning of the call that the PBX places for a click.
func clicked(id, click, phone string) map[string]any {
	return started(id, "outgoing", phone, map[string]any{"bitrix24_call_id": click, "extensions": []string{"105"}})
}

// omars is an event of a call that Omar talks on.
func omars(e map[string]any) map[string]any { return with(e, "extension", "105") }

func TestTheSecondCallOfThePBXForOneClickIsALegAndCreatesNothing(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.switches("corb")
		known := r.mia("+4930901821")
		id := r.click(b24sim.Click{UserID: omar, Phone: "+4930901821", Line: "callwise"})
		r.tell(clicked("p7", id, "+4930901821"), omars(ended("p7", "answered", 3)))
		r.worked("p7")
		r.tell(clicked("p8", id, "+4930901821"), omars(ended("p8", "answered", 4)))
		r.worked("p8")
		r.leaves(trace{
			Calls: map[string]outcome{
				"p7": {State: models.CallFinished, Reason: rules.RepeatContact},
				"p8": {State: models.CallFinished, Reason: rules.TransferLeg},
			},
			Statistics: []ending{{omar, "+4930901821", "200", 3}, {omar, "+4930901821", "200", 4}},
			Logged:     [][]crm.Ref{{lead(1), known}, {lead(1), known}}, Leads: 1,
		}, "p7", "p8")
	})
}

func TestTheCardOfAClickCloses(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		t.Run("though the end of its call came before the beginning", func(t *testing.T) {
			r := newRig(t, freshDatabase(t), classic)
			known := r.mia("+4930901821")
			id := r.portal.Click(b24sim.Click{UserID: omar, Phone: "+4930901821", Line: "callwise"})
			r.deliver()
			r.worked(id)
			e := omars(ended("p7", "answered", 5))
			r.tell(with(with(e, "direction", "outgoing"), "phone", "+4930901821"))
			r.worked("p7")
			r.tell(clicked("p7", id, "+4930901821"))
			r.worked("p7", id)
			r.leaves(trace{
				Calls: map[string]outcome{
					"p7": {State: models.CallFinished, Reason: rules.KnownCreateOff},
					id:   {State: models.CallFinished, Reason: rules.KnownCreateOff},
				},
				Statistics: []ending{{omar, "+4930901821", "200", 5}, {omar, "+4930901821", "200", 5}},
				Logged:     [][]crm.Ref{{known}, {known}},
			}, "p7", id)
		})
		t.Run("though the PBX never tells of its call", func(t *testing.T) {
			r := newRig(t, freshDatabase(t), classic)
			known := r.mia("+4930901821")
			id := r.portal.Click(b24sim.Click{UserID: omar, Phone: "+4930901821", Line: "callwise"})
			r.eventually("command", func() bool { return len(r.pbx.taken()) == 1 })
			r.worked(id)
			if err := r.house.flow.CloseStale(t.Context(), -time.Minute); err != nil {
				t.Fatal(err)
			}
			r.worked(id)
			r.leaves(trace{
				Calls:      map[string]outcome{id: {State: models.CallFinished, Reason: rules.KnownCreateOff}},
				Statistics: []ending{{omar, "+4930901821", "503", 0}},
				Logged:     [][]crm.Ref{{known}},
			}, id)
		})
		t.Run("though its call was over before it was decided", func(t *testing.T) {
			r := tuned(t, freshDatabase(t), classic, func(h *house) { h.sweep = time.Hour })
			known := r.mia("+4930901821")
			reading := r.holding("crm.duplicate.findbycomm")
			id := r.portal.Click(b24sim.Click{UserID: omar, Phone: "+4930901821", Line: "callwise"})
			<-reading.Reached()
			r.tell(clicked("p7", id, "+4930901821"), omars(ended("p7", "answered", 3)))
			r.eventually("the two are one", func() bool { return r.row("p7") != nil })
			reading.Release()
			r.worked("p7")
			r.leaves(trace{
				Calls: map[string]outcome{
					"p7": {State: models.CallFinished, Reason: rules.KnownCreateOff},
					id:   {State: models.CallFinished, Reason: rules.KnownCreateOff},
				},
				Statistics: []ending{{omar, "+4930901821", "200", 3}},
				Logged:     [][]crm.Ref{{known}},
			}, "p7", id)
		})
	})
}

func TestANumberThatIsToldAfterTheEndIsNotHidden(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		known := r.mia("+4930901821")
		r.tell(with(ended("c1", "missed", 0), "direction", "incoming"))
		r.worked("c1")
		r.leaves(trace{Calls: map[string]outcome{"c1": {State: models.CallFinished, Reason: rules.HiddenNumber}}}, "c1")
		r.tell(started("c1", "incoming", "+4930901821"))
		r.worked("c1")
		r.leaves(trace{
			Calls:      map[string]outcome{"c1": {State: models.CallFinished, Reason: rules.KnownCreateOff}},
			Statistics: []ending{{anna, "+4930901821", "304", 0}},
			Logged:     [][]crm.Ref{{known}},
		}, "c1")
	})
}

func TestTheEchoOfOurOwnEndDoesNotKnowBetterThanThePBX(t *testing.T) {
	type said struct {
		Status call.Status
		Ended  time.Time
	}
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.mia("+4930901821")
		end := ago(3 * time.Second)
		r.tell(with(started("c1", "incoming", "+4930901821"), "at", ago(13*time.Second)), with(ended("c1", "busy", 0), "at", end))
		r.finished(1)
		r.deliver()
		r.worked("c1")
		at, err := time.Parse(time.RFC3339, end)
		if err != nil {
			t.Fatal(err)
		}
		c := r.row("c1")
		if diff := cmp.Diff(said{call.StatusBusy, at}, said{c.Status, *c.EndedAt}); diff != "" {
			t.Errorf("the log (-want +got):\n%s", diff)
		}
	})
}

func TestOneLineHasOneSpelling(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		before := r.portal.Lines()
		for id, line := range map[string]string{"c1": "+49 30 901820", "c2": "4930901820", "c3": " +4930901820", "c4": ""} {
			r.tell(started(id, "incoming", "+4930901821", map[string]any{"line": line}), ended(id, "missed", 0))
		}
		r.finished(4)
		want := append(before, b24sim.Line{Number: "4930901820", Name: "4930901820"})
		if diff := cmp.Diff(want, r.portal.Lines()); diff != "" {
			t.Errorf("lines (-want +got):\n%s", diff)
		}
	})
}
