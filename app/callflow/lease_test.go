package callflow

import (
	"context"
	"errors"
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"
)

// Another process takes a lease by the database's clock, whether or not this one can
// reach the database.
func TestWorkEndsWhoseLeaseCannotBeProlongedSinceTheDatabaseHangs(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		f := teller(s)
		f.Lease = 300 * time.Millisecond
		held, err := f.hold(t.Context(), "work", func(ctx context.Context) error {
			release := modelstest.Hang(t, s)
			<-ctx.Done()
			release()
			return ctx.Err()
		})
		if !held || !errors.Is(err, errTaken) {
			t.Errorf("held %t: %v", held, err)
		}
	})
}
