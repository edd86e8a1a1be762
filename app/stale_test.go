package main

import (
	"testing"
	"time"

	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"
)

func TestHowACallEndedCountsThoughItWasGivenUpBefore(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		r.set("missed/todo", "on")
		known := r.mia("+4930901821")
		reading := r.holding("crm.duplicate.findbycomm")
		r.tell(started("c1", "incoming", "+4930901821"))
		<-reading.Reached()
		if err := r.house.flow.CloseStale(t.Context(), -time.Minute); err != nil {
			t.Fatal(err)
		}
		missed := ended("c1", "missed", 0) // told late
		missed["at"] = r.row("c1").StartedAt.Add(time.Second).Format(time.RFC3339Nano)
		r.tell(missed)
		reading.Release()
		r.finished(1)
		r.leaves(trace{
			Calls:      map[string]outcome{"c1": {State: models.CallFinished, Reason: rules.KnownCreateOff}},
			Statistics: []ending{{anna, "+4930901821", "304", 0}},
			Logged:     [][]crm.Ref{{known}, {known}}, // the call and its to-do
		}, "c1")
		if todos := len(r.todos()); todos != 1 {
			t.Errorf("%d to-dos for a missed call", todos)
		}
	})
}

func TestALegThatEndedDoesNotKeepACallOpenThatIsGivenUp(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := newRig(t, address, classic)
		known := r.mia("+4930901821")
		r.tell(started("c1", "incoming", "+4930901821"), answered("c1", "104"), with(ended("c1", "missed", 0), "extension", "105"))
		r.worked("c1")
		if err := r.house.flow.CloseStale(t.Context(), -time.Minute); err != nil {
			t.Fatal(err)
		}
		r.finished(1)
		r.leaves(trace{
			Calls:      map[string]outcome{"c1": {State: models.CallFinished, Reason: rules.KnownCreateOff}},
			Statistics: []ending{{anna, "+4930901821", "200", 0}},
			Logged:     [][]crm.Ref{{known}},
		}, "c1")
	})
}
