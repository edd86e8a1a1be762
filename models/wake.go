package models

import (
	"context"

	"gorm.io/gorm"
)

// Wake enqueues wake-ups for calls. One too many does no harm.
func (s *Store) Wake(ctx context.Context, calls []CallArgs) error {
	return s.Transaction(ctx, func(tx *gorm.DB) error { return s.river.wake(ctx, tx, calls) })
}

// Listen has heard told of every call with new events that this Store stores
// from now on, as soon as they are durable. heard must not block. What another
// process stores, or this one while nobody listens, is found by
// [Sweep.PendingCalls].
func (s *Store) Listen(heard func([]CallArgs)) { s.heard.Store(&heard) }

// tell tells the listener of calls.
func (s *Store) tell(calls []CallArgs) {
	if heard := s.heard.Load(); heard != nil && len(calls) > 0 {
		(*heard)(calls)
	}
}
