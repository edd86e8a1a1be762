package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"callwise/app/b24/b24sim"
)

// A life is all that a PBX tells of one call, in the order in which it happened.
type life []map[string]any

// lifeOf makes up a call: a group or a queue is rung, somebody answers or nobody
// does, and who answers may hand it on.
func lifeOf(random *rand.Rand, id, phone string) life {
	phones := []string{"104", "105", "101"}
	random.Shuffle(len(phones), func(i, j int) { phones[i], phones[j] = phones[j], phones[i] })
	group := phones[:1+random.IntN(3)]
	begin := started(id, "incoming", phone, map[string]any{"extensions": group})
	told := life{begin}
	add := func(kind string, fields map[string]any) {
		e := map[string]any{"id": fmt.Sprint(id, "-", len(told)), "type": kind, "call": id}
		for name, value := range fields {
			e[name] = value
		}
		told = append(told, e)
	}
	for range random.IntN(3) {
		add("call.ringing", map[string]any{"extensions": []string{phones[random.IntN(3)]}})
	}
	end := map[string]any{
		"direction": "incoming", "phone": phone, "line": begin["line"], "extensions": group,
		"status": []string{"missed", "cancelled", "busy", "no_answer"}[random.IntN(4)], "duration": 0,
	}
	if random.IntN(3) > 0 {
		talker := phones[random.IntN(3)]
		add("call.answered", map[string]any{"extension": talker})
		for range random.IntN(3) {
			next := phones[random.IntN(3)]
			add("call.transferred", map[string]any{"from": talker, "to": next})
			talker = next
		}
		end["status"], end["duration"], end["extension"] = "answered", 20, talker
	}
	add("call.ended", end)
	for i := range told {
		told[i]["at"] = ago(time.Minute - time.Duration(5*i)*time.Second)
	}
	return told
}

// jumble is a life as it may arrive: in any order, some of it twice, some of it
// together.
func (l life) jumble(random *rand.Rand) []life {
	all := slices.Clone(l)
	for range random.IntN(len(l)) {
		all = append(all, l[random.IntN(len(l))])
	}
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var parts []life
	for len(all) > 0 {
		n := 1 + random.IntN(len(all))
		parts, all = append(parts, all[:n]), all[n:]
	}
	return parts
}

// lateLeg is the end of a further telephone that rang in vain.
func lateLeg(id string) map[string]any {
	return map[string]any{"id": id + "-late", "type": "call.ended", "call": id, "at": ago(0), "status": "missed", "duration": 0}
}

// TestAnyCallInAnyOrderLeavesTheSameCRM makes up calls and tells one portal of
// them as they happened, and another one as badly as can be.
func TestAnyCallInAnyOrderLeavesTheSameCRM(t *testing.T) {
	const calls = 6 // of one portal: more would exceed its limit of requests
	eachDatabase(t, func(t *testing.T, _ string) {
		for seed := range uint64(4) {
			t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
				t.Parallel()
				random := rand.New(rand.NewPCG(seed, 7))
				lives := make([]life, calls)
				inOrder, jumbled := make([][]life, calls), make([][]life, calls)
				for i := range lives {
					lives[i] = lifeOf(random, fmt.Sprintf("c%d", i), fmt.Sprintf("+493090182%d", i))
					inOrder[i] = slices.Collect(slices.Chunk(lives[i], 1))
					jumbled[i] = lives[i].jumble(random)
				}
				want, got := lived(t, inOrder), lived(t, jumbled)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("the portal ends otherwise (-in order +jumbled):\n%s\ntold: %v", diff, jumbled)
				}
			})
		}
	})
}

// lived is how a portal ends that is told of calls in these parts, each worked
// on before the next one comes.
func lived(t *testing.T, calls [][]life) b24sim.Snapshot {
	t.Helper()
	r := newRig(t, freshDatabase(t), classic)
	r.switches("c")
	for i, parts := range calls {
		id := fmt.Sprintf("c%d", i)
		for _, part := range parts {
			r.tell(part...)
			r.done("pbx:" + id)
		}
		r.worked(id)
		if r.call("pbx:"+id).AnsweredAt != nil {
			r.tell(lateLeg(id))
			r.done("pbx:" + id)
		}
	}
	r.finished(len(calls))
	s := r.portal.Snapshot()
	if len(s.Statistics) != len(calls) || len(s.Activities) != len(calls) || len(s.Leads) != len(calls) || s.Unfinished != 0 {
		t.Errorf("%d statistics, %d activities, %d leads, %d unfinished of %d calls",
			len(s.Statistics), len(s.Activities), len(s.Leads), s.Unfinished, len(calls))
	}
	return s
}
