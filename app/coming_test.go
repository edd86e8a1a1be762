package main

import (
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"
)

// A portal goes on with a request after the connection has broken: what was asked for
// is not asked for again before that has surely ended.
func TestWhatComesIntoBeingLateIsNotMadeTwice(t *testing.T) {
	for _, tt := range []struct {
		name, method, looks string
		nth                 int // request for it
		happen              func(r *rig)
		made                func(r *rig) int
	}{
		{"a to-do", "crm.activity.todo.add", "crm.activity.list", 1,
			func(r *rig) { r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "missed", 0)) },
			func(r *rig) int { return len(r.todos()) }},
		{"a repeated lead, which the registration was to bring", "crm.lead.add", "crm.item.list", 2,
			func(r *rig) {
				r.sim.Inject(b24sim.QueryLimit("acme", "crm.lead.add"))
				r.tell(started("c1", "outgoing", "+4930901821"), ended("c1", "answered", 5))
			},
			func(r *rig) int { return len(r.portal.Leads()) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, address string) {
				r := bareRig(t, address, classic)
				first := r.spawnAs(slowChild)
				r.install()
				r.switches("corb")
				r.set("missed/todo", "on")
				r.portal.AddContact(b24sim.Contact{Name: "Mia", Phones: []string{"+4930901821"}})
				late := r.sim.Inject(b24sim.Fault{Method: tt.method, Nth: tt.nth, Act: b24sim.Late})
				t.Cleanup(late.Release)
				tt.happen(r)
				r.eventually("it is asked for", func() bool { return reached(late) })
				first.kill()
				looked := r.sim.Count("acme", tt.looks)
				r.spawnAs(slowChild)
				r.eventually("it is looked for", func() bool { return r.sim.Count("acme", tt.looks) > looked })
				r.eventually("the call's end does not wait for it", func() bool { return len(r.portal.Statistics()) == 1 })
				late.Release()
				r.finished(1)
				if made, asked := tt.made(r), r.sim.Count("acme", tt.method); made != 1 || asked != tt.nth {
					t.Errorf("%d are made, asked for %d times", made, asked)
				}
			})
		})
	}
}

// While it may come, the next call of the number must not have another one made.
func TestWhatMayComeForOneCallIsNotMadeForTheNextOfItsNumber(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		r := bareRig(t, address, classic)
		r.tune = func(h *house) { h.flow.MayRun = time.Minute }
		r.start()
		r.install()
		r.switches("corb")
		mia := r.mia("+4930901821")
		broken := r.sim.Inject(b24sim.Fault{Method: "crm.lead.add", Act: b24sim.Break})
		t.Cleanup(broken.Release)
		line := map[string]any{"line": "callwise"}
		r.tell(started("c1", "outgoing", "+4930901821", line), ended("c1", "answered", 5))
		r.eventually("its connection is broken", func() bool { return reached(broken) })
		r.retrying("c1")
		r.tell(started("c2", "outgoing", "+4930901821", line), ended("c2", "answered", 7))
		r.eventually("its card is closed", func() bool { return len(r.portal.Statistics()) == 1 })
		broken.Release()
		r.eventually("the lead is there", func() bool { return len(r.portal.Leads()) == 1 })
		for _, id := range []string{"c1", "c2"} {
			r.soon()
			r.eventually(id+" is done", func() bool { return r.row(id).State == models.CallFinished })
		}
		r.leaves(trace{
			Calls: map[string]outcome{
				"c1": {State: models.CallFinished, Reason: rules.RepeatContact},
				"c2": {State: models.CallFinished, Reason: rules.OpenEntity, Notes: []rules.Note{rules.SnapshotFailed}},
			},
			Statistics: []ending{{anna, "+4930901821", "200", 7}, {anna, "+4930901821", "200", 5}},
			Logged:     [][]crm.Ref{{lead(1), mia}, {lead(1), mia}}, Leads: 1,
		}, "c1", "c2")
	})
}

// soon has what waits for a repetition repeated now.
func (r *rig) soon() {
	r.t.Helper()
	if err := r.house.store.WakeFailing(r.t.Context(), r.stored().ID); err != nil {
		r.t.Fatal(err)
	}
}
