package jobs

import (
	"context"
	"log/slog"
	"time"

	"callwise/models"
)

// SweepEvery is how often lost wake-ups are looked for.
const SweepEvery = 5 * time.Second

// sweepAtMost is how many calls one sweep wakes.
const sweepAtMost = 500

// Sweep wakes the calls whose worker died, at once and then every so often,
// until ctx ends. Their events are pending and nobody holds them. Every process
// sweeps: the one that was to lead River's periodic jobs may be the dead one.
func Sweep(ctx context.Context, store *models.Store, log *slog.Logger, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var seen sightings
	for {
		if err := sweep(ctx, store, &seen); err != nil && ctx.Err() == nil {
			log.ErrorContext(ctx, "sweep failed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func sweep(ctx context.Context, store *models.Store, seen *sightings) error {
	calls, err := store.PendingCallKeys(ctx, sweepAtMost)
	if err != nil {
		return err
	}
	if calls = seen.due(calls); len(calls) == 0 {
		return nil
	}
	return store.Wake(ctx, calls)
}

// sightings count in how many sweeps in a row a call was found waiting.
type sightings map[models.CallArgs]int

// due are the calls to be woken: those found for the first, second, fourth,
// eighth time and so on. One that waits for a turn has been woken already.
func (s *sightings) due(calls []models.CallArgs) []models.CallArgs {
	now, due := make(sightings, len(calls)), calls[:0:0]
	for _, c := range calls {
		n := (*s)[c] + 1
		now[c] = n
		if n&(n-1) == 0 {
			due = append(due, c)
		}
	}
	*s = now
	return due
}
