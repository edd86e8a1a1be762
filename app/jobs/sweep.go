package jobs

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"callwise/app/callflow"
	"callwise/models"
)

// SweepEvery is how often lost wake-ups are looked for.
const SweepEvery = 5 * time.Second

// sweepAtMost is how many calls of one portal a sweep wakes: as many as the
// portal's pace allows until the next.
const sweepAtMost = int(roundsPerSecond * SweepEvery / time.Second)

// sweepWithin is how long each part of a sweep may take: far longer than it does with
// tens of millions of dead rows to pass over. One that a dead connection holds up ends.
const sweepWithin = 3 * SweepEvery

// Sweep wakes the calls whose worker died or whose time has come, at once and
// then every so often, until ctx ends. Their events are pending and nobody holds
// them. Every process sweeps, and so takes its share of another's backlog. It frees
// commands to PBXs whose process died, too.
func Sweep(ctx context.Context, flow *callflow.Flow, lanes *Lanes, log *slog.Logger, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	look, seen := flow.Store.NewSweep(), sightings{}
	for {
		err := errors.Join(sweep(ctx, look, lanes, &seen), freeCommands(ctx, flow))
		if err != nil && ctx.Err() == nil {
			log.ErrorContext(ctx, "sweep failed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func sweep(ctx context.Context, look *models.Sweep, lanes *Lanes, seen *sightings) error {
	ctx, cancel := context.WithTimeout(ctx, sweepWithin)
	defer cancel()
	calls, err := look.PendingCalls(ctx, sweepAtMost)
	if err != nil {
		return err
	}
	seen.wake(lanes, calls)
	return nil
}

func freeCommands(ctx context.Context, flow *callflow.Flow) error {
	ctx, cancel := context.WithTimeout(ctx, sweepWithin)
	defer cancel()
	return flow.FreeCommands(ctx)
}

// sightings count in how many sweeps in a row a call was found waiting.
type sightings map[models.CallArgs]int

// wake wakes those of the calls that are due, and takes those that there was no
// room for as not seen.
func (s *sightings) wake(lanes *Lanes, calls []models.CallArgs) {
	for _, refused := range lanes.Wake(s.due(calls)) {
		delete(*s, refused)
	}
}

// due are the calls to be woken: those found for the first, second, fourth and
// eighth time, and from then on once a minute. One that waits for a turn has been woken
// already; one whose round failed, as while the database does not write, waits for
// this.
func (s *sightings) due(calls []models.CallArgs) []models.CallArgs {
	now, due := make(sightings, len(calls)), calls[:0:0]
	for _, c := range calls {
		n := (*s)[c] + 1
		now[c] = n
		if wakes(n) {
			due = append(due, c)
		}
	}
	*s = now
	return due
}

// sweepsPerMinute is how many sweeps apart a call is woken that keeps waiting.
const sweepsPerMinute = int(time.Minute / SweepEvery)

// wakes reports whether a call is woken that is found for the nth time.
func wakes(n int) bool {
	if n < sweepsPerMinute {
		return n&(n-1) == 0
	}
	return n%sweepsPerMinute == 0
}
