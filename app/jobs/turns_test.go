package jobs

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOnePortalNeverHoldsAllWorkers(t *testing.T) {
	turns := newTurns(2)
	first, ok := turns.enter(1)
	if !ok {
		t.Fatal("the first turn was refused")
	}
	if _, ok := turns.enter(1); !ok {
		t.Fatal("the second turn was refused")
	}
	if _, ok := turns.enter(1); ok {
		t.Fatal("a third turn was given to the same portal")
	}
	if _, ok := turns.enter(2); !ok {
		t.Fatal("another portal was refused")
	}
	first()
	if _, ok := turns.enter(1); !ok {
		t.Fatal("a turn that was given back was refused")
	}
}

func TestJobsWithoutATurnComeBackOneAfterTheOther(t *testing.T) {
	turns, now := newTurns(1), time.Now()
	leave, _ := turns.enter(1)
	var got []time.Duration
	for i := range 3 {
		wait, first := turns.wait(1, fmt.Sprint(i), now)
		if !first {
			t.Errorf("job %d is dropped although it is alone of its name", i)
		}
		got = append(got, wait)
	}
	want := []time.Duration{turnWait, turnWait + turnGap, turnWait + 2*turnGap}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
	for i := range 1000 {
		if wait, _ := turns.wait(1, fmt.Sprint("many", i), now); wait > turnMost {
			t.Fatalf("a job waits %v", wait)
		}
	}
	if wait, first := turns.wait(2, "0", now); wait != turnWait || !first {
		t.Errorf("another portal's job waits %v", wait)
	}
	leave()
}

func TestAJobIsDroppedWhileOneOfItsNameIsComingBack(t *testing.T) {
	turns, now := newTurns(1), time.Now()
	turns.enter(1)
	turns.wait(1, "call", now)
	if _, first := turns.wait(1, "call", now.Add(100*time.Millisecond)); first {
		t.Error("two jobs of one name come back")
	}
	if _, first := turns.wait(1, "call", now.Add(turnWait)); !first {
		t.Error("the job that came back is dropped")
	}
}
