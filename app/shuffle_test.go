package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"callwise/app/b24/b24sim"

	"github.com/google/go-cmp/cmp"
)

// conversation is what the PBX tells of one call in the order it happened: it
// rings at Anna's, who gives it to Omar.
func conversation(id, phone string, terse bool) []map[string]any {
	transferred := map[string]any{"id": id + "-transferred", "type": "call.transferred", "call": id, "from": "104", "to": "105"}
	end := with(ended(id, "answered", 20), "extension", "105")
	if !terse {
		end["direction"], end["phone"], end["line"] = "incoming", phone, "4930901820"
	}
	told := []map[string]any{started(id, "incoming", phone), answered(id, "104"), transferred, end}
	for i := range told {
		told[i]["at"] = ago(time.Minute - time.Duration(10*i)*time.Second)
	}
	return told
}

// orders are all orders of four events, the one in which they happened first.
func orders() [][]int {
	var all [][]int
	for a := range 4 {
		for b := range 4 {
			for c := range 4 {
				d := 6 - a - b - c
				if a != b && a != c && b != c {
					all = append(all, []int{a, b, c, d})
				}
			}
		}
	}
	return all
}

func TestTheOrderAndTheRepetitionOfEventsDoNotMatterToTheCRM(t *testing.T) {
	const together = 6 // calls of one portal: more would exceed its limit of requests
	eachDatabase(t, func(t *testing.T, _ string) {
		terse := strings.HasSuffix(t.Name(), "PostgreSQL") // an end that tells less, on one database for the sake of time
		all := orders()
		inOrder := slices.Repeat(all[:1], together)
		want := told(t, inOrder, terse)
		for some := range slices.Chunk(all, together) {
			t.Run(fmt.Sprint(some), func(t *testing.T) {
				t.Parallel()
				if diff := cmp.Diff(want, told(t, some, terse)); diff != "" {
					t.Errorf("the portal ends otherwise (-in order +so):\n%s", diff)
				}
			})
		}
	})
}

// told is how a portal ends that is told of a call in each of these orders. The
// next event comes when the one before is worked on, and is repeated.
func told(t *testing.T, orders [][]int, terse bool) b24sim.Snapshot {
	t.Helper()
	r := newRig(t, freshDatabase(t), classic)
	r.switches("c")
	for i, order := range orders {
		id := fmt.Sprintf("c%d", i)
		events := conversation(id, fmt.Sprintf("+493090182%d", i), terse)
		for _, n := range order {
			r.tell(events[n])
			r.tell(events[n])
			r.done("pbx:" + id)
		}
	}
	r.finished(len(orders))
	return r.portal.Snapshot()
}

// done waits until all events under a key are worked on.
func (r *rig) done(key string) {
	r.t.Helper()
	r.eventually("events of "+key+" worked on", func() bool {
		events, err := r.house.store.EventsOf(r.t.Context(), r.stored().ID, key)
		if err != nil {
			r.t.Fatal(err)
		}
		for _, e := range events {
			if e.DoneAt == nil {
				return false
			}
		}
		return true
	})
}
