package jobs

import "testing"

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
