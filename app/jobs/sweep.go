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
	for {
		if err := sweep(ctx, store); err != nil && ctx.Err() == nil {
			log.ErrorContext(ctx, "sweep failed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func sweep(ctx context.Context, store *models.Store) error {
	calls, err := store.PendingCallKeys(ctx, sweepAtMost)
	if err != nil || len(calls) == 0 {
		return err
	}
	return store.Wake(ctx, calls)
}
