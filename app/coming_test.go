package main

import (
	"errors"
	"slices"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/app/crm"
	"callwise/app/rules"
	"callwise/models"

	"gorm.io/gorm"
)

// A portal goes on with a request after the connection has broken: what was asked for
// is not asked for again before that has surely ended, although it waited for its turn
// before it was sent.
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
				r.waited("c1", slowRun)
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

// waited has what was last asked for wait for its turn for so long before.
func (r *rig) waited(id string, d time.Duration) {
	r.t.Helper()
	if err := r.store().Transaction(r.t.Context(), func(tx *gorm.DB) error {
		var c models.Call
		err := tx.Where("pbx_call_id = ?", id).Take(&c).Error
		c.Progress.AskedAt = c.Progress.AskedAt.Add(-d)
		return errors.Join(err, tx.Model(&c).Select("Progress").Updates(&c).Error)
	}); err != nil {
		r.t.Fatal(err)
	}
}

func TestWhatMayComeIsWaitedForFromWhenItWasSent(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		const method = "crm.activity.todo.add"
		r := tuned(t, address, classic, func(h *house) { h.flow.MayRun = time.Minute })
		r.set("missed/todo", "on")
		r.mia("+4930901821")
		r.sim.Inject(b24sim.QueryLimit("acme", method))
		broken := r.sim.Inject(b24sim.Fault{Method: method, Nth: 2, Act: b24sim.Break})
		t.Cleanup(broken.Release)
		r.tell(started("c1", "incoming", "+4930901821"), ended("c1", "missed", 0))
		r.eventually("its connection is broken", func() bool { return reached(broken) })
		r.retrying("c1")
		c := r.row("c1")
		asked, err := r.house.store.RESTOfCall(t.Context(), c.PortalID, c.ID)
		if err != nil {
			t.Fatal(err)
		}
		asked = slices.DeleteFunc(asked, func(a models.RESTRequest) bool { return a.Method != method })
		if len(asked) != 2 || c.Progress.Awaited || c.Progress.AskedAt.Before(asked[1].At) {
			t.Errorf("counted from %v, awaited %t, after %d requests", c.Progress.AskedAt, c.Progress.Awaited, len(asked))
		}
	})
}

// soon has what waits for a repetition repeated now.
func (r *rig) soon() {
	r.t.Helper()
	if err := r.house.store.WakeFailing(r.t.Context(), r.stored().ID); err != nil {
		r.t.Fatal(err)
	}
}
