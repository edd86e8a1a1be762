package callflow

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"

	"gorm.io/gorm"
)

// Another process takes a lease by the database's clock, whether or not this one can
// reach the database.
func TestWorkEndsWhoseLeaseCannotBeProlongedSinceTheDatabaseHangs(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		f := teller(s)
		f.Lease = 300 * time.Millisecond
		begun, over := make(chan struct{}), make(chan struct{})
		var hanging sync.WaitGroup
		held, err := f.hold(t.Context(), "work", func(ctx context.Context) error {
			hanging.Go(func() {
				if err := s.Transaction(t.Context(), func(tx *gorm.DB) error {
					err := tx.Exec("UPDATE leases SET owner = owner").Error
					close(begun)
					<-over
					return err
				}); err != nil {
					t.Error(err)
				}
			})
			<-begun
			<-ctx.Done()
			close(over)
			return ctx.Err()
		})
		hanging.Wait()
		if !held || !errors.Is(err, errTaken) {
			t.Errorf("held %t: %v", held, err)
		}
	})
}
