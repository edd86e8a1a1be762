package main

import (
	"testing"
	"time"

	"callwise/app/b24/b24sim"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
)

// TestAClickIsDialledAlthoughTheProcessIsKilledThatTellsThePBX: the command is sent
// again, with the same id, as soon as its lease is over.
func TestAClickIsDialledAlthoughTheProcessIsKilledThatTellsThePBX(t *testing.T) {
	t.Run("it is started again", func(t *testing.T) {
		eachDatabase(t, func(t *testing.T, address string) {
			t.Parallel()
			killedTelling(t, address, func(*rig) {}, func(r *rig) { r.spawnAs(stillChild) })
		})
	})
	t.Run("another one lives", func(t *testing.T) {
		t.Parallel()
		killedTelling(t, postgreSQL(t), func(other *rig) { other.spawnAs(stillChild) }, func(*rig) {})
	})
}

// killedTelling kills the only process while the PBX has its command and has not
// answered; before is done with another one's rig, after with one of either.
func killedTelling(t *testing.T, address string, before, after func(*rig)) {
	r := bareRig(t, address, classic)
	child := r.spawnAs(stillChild)
	r.install()
	release := r.pbx.hold(t)
	id := r.portal.Click(b24sim.Click{UserID: omar, Phone: "+4930901821"})
	r.eventually("the PBX has the command", func() bool { return len(r.pbx.tried()) == 1 })
	other := r.beside()
	before(other)
	child.kill()
	after(other)
	r.eventually("the command comes again", func() bool { return len(r.pbx.tried()) == 2 })
	release()
	r.eventually("the PBX takes the command", func() bool { return len(r.pbx.taken()) == 1 })
	begin := started("p1", "outgoing", "+4930901821", map[string]any{"bitrix24_call_id": id, "extensions": []string{"105"}})
	other.tell(begin, ended("p1", "answered", 5))
	other.finished(1)
	if ids := r.pbx.tried(); len(ids) != 2 || ids[0] != ids[1] {
		t.Errorf("commands %v, want the same twice", ids)
	}
	if diff := cmp.Diff([]string{"200"}, r.statuses()); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	if cards := r.portal.Cards(); len(cards) != 0 {
		t.Errorf("cards %v hang", cards)
	}
}

// TestACommandIsSentOnceAsLongAsItsProcessLives: its lease is prolonged. A PBX may take
// 8 s to answer; a lease lasts longer than that in production, and here less.
func TestACommandIsSentOnceAsLongAsItsProcessLives(t *testing.T) {
	t.Run("alone", func(t *testing.T) {
		eachDatabase(t, func(t *testing.T, address string) {
			t.Parallel()
			heldLong(t, address, func(*rig) {})
		})
	})
	t.Run("beside another", func(t *testing.T) {
		t.Parallel()
		heldLong(t, postgreSQL(t), func(other *rig) { other.spawnAs(stillChild) })
	})
}

// heldLong has the PBX answer a command when its lease would be over, had it not been
// prolonged.
func heldLong(t *testing.T, address string, beside func(*rig)) {
	r := bareRig(t, address, classic)
	r.spawnAs(stillChild)
	r.install()
	beside(r.beside())
	store := r.store()
	until := func() time.Time {
		var at int64
		err := store.Transaction(t.Context(), func(tx *gorm.DB) error {
			return tx.Raw("SELECT COALESCE(max(until), 0) FROM leases WHERE name LIKE 'command:%'").Scan(&at).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		return time.UnixMicro(at)
	}
	release := r.pbx.hold(t)
	r.portal.Click(b24sim.Click{UserID: omar, Phone: "+4930901821"})
	r.eventually("the PBX has the command", func() bool { return len(r.pbx.tried()) == 1 })
	first := until()
	r.eventually("the lease is prolonged", func() bool {
		now := time.Now()
		return now.After(first) && until().After(now)
	})
	if tries := r.pbx.tried(); len(tries) != 1 {
		t.Errorf("commands %v while the first waits", tries)
	}
	release()
	r.eventually("the command is told", func() bool { return until().UnixMicro() == 0 })
	if tries, taken := r.pbx.tried(), r.pbx.taken(); len(tries) != 1 || len(taken) != 1 {
		t.Errorf("commands %v, taken %v, want one", tries, taken)
	}
}
