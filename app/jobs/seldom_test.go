package jobs

import (
	"errors"
	"testing"
	"time"

	"callwise/app/callflow"

	"github.com/google/go-cmp/cmp"
	"github.com/riverqueue/river/rivertype"
)

func TestUpkeepIsTriedMoreAndMoreSeldomAndThenGivenUp(t *testing.T) {
	down := &callflow.Later{After: 10 * time.Second, Err: errors.New("no answer")}
	began := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	tries := func(err error) (waits []time.Duration, last error) {
		for now := began; len(waits) < 1000; {
			last = seldom(&rivertype.JobRow{CreatedAt: began}, now, err)
			wait, passes := callflow.Wait(last)
			if !passes {
				return waits, last
			}
			waits, now = append(waits, wait), now.Add(wait)
		}
		return waits, errors.New("it does not end")
	}
	waits, last := tries(down)
	if _, cancelled := errors.AsType[*rivertype.JobCancelError](last); !cancelled {
		t.Errorf("at last: %v", last)
	}
	if diff := cmp.Diff([]time.Duration{10 * time.Second, 10 * time.Second, 10 * time.Second, 10 * time.Second, 10 * time.Second, 12500 * time.Millisecond}, waits[:6]); diff != "" {
		t.Errorf("at first (-want +got):\n%s", diff)
	}
	if n, longest := len(waits), waits[len(waits)-1]; n < 80 || n > 120 || longest != time.Hour {
		t.Errorf("%d tries, the last after %v", n, longest)
	}
	broken := errors.New("a bug")
	if waits, last := tries(broken); len(waits) != 0 || !errors.Is(last, broken) {
		t.Errorf("what does not pass is tried %d times: %v", len(waits), last)
	}
}
