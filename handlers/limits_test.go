package handlers

import (
	"strconv"
	"testing"
	"time"
)

func TestALimiterRemembersSoManyAndForgetsTheQuiet(t *testing.T) {
	now := time.Date(2026, 8, 21, 10, 0, 0, 0, time.UTC)
	l := newLimiter(pace{1, 1})
	take := func(from, to int) {
		for i := from; i < to; i++ {
			if wait := l.take(strconv.Itoa(i), now); wait != 0 {
				t.Fatalf("key %d waits %v", i, wait)
			}
		}
	}
	take(0, mostKeys)
	if l.take("0", now) != time.Second {
		t.Error("a key that was used is free")
	}
	now = now.Add(time.Second)
	take(mostKeys, mostKeys+1)
	if len(l.keys) != 1 {
		t.Errorf("%d keys, want the quiet ones forgotten", len(l.keys))
	}
	take(mostKeys+1, 3*mostKeys) // nobody is quiet
	if len(l.keys) > mostKeys {
		t.Errorf("%d keys", len(l.keys))
	}
}
