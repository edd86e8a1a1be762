package models

import (
	"context"

	"gorm.io/gorm"
)

// Wake enqueues wake-ups for calls. One too many does no harm.
func (s *Store) Wake(ctx context.Context, calls []CallArgs) error {
	return s.Transaction(ctx, func(tx *gorm.DB) error { return s.river.wake(ctx, tx, calls) })
}
