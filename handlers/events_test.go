package handlers

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"callwise/app/callflow"
	"callwise/models"
)

func TestWhatTheDatabaseDidNotTakeIsTriedAgainWhileThatMayHelp(t *testing.T) {
	away := errors.New("the database is away")
	for _, tt := range []struct {
		name    string
		answers []error // one after the other; the last for ever
		full    bool    // as many are tried again as may be
		tries   int
		want    error
	}{
		{"it is stored", []error{nil}, false, 1, nil},
		{"the database comes back", []error{away, away, nil}, false, 3, nil},
		{"it does not", []error{away}, false, 5, away},
		{"it is no event of ours", []error{callflow.ErrForeign}, false, 1, callflow.ErrForeign},
		{"it turns out to be none", []error{away, callflow.ErrForeign}, false, 2, callflow.ErrForeign},
		{"it cannot be stored", []error{errors.Join(models.ErrRefused, away)}, false, 1, models.ErrRefused},
		{"very many wait", []error{away, nil}, true, 1, away},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &Handlers{Limits: NewLimits(nil)}
				if tt.full {
					h.Limits.waiting = newGate[struct{}](0)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 4500*time.Millisecond)
				defer cancel()
				tries := 0
				do := func() error {
					tries++
					return tt.answers[min(tries, len(tt.answers))-1]
				}
				err := h.again(ctx, do(), do)
				if tries != tt.tries || !errors.Is(err, tt.want) {
					t.Errorf("%d tries, %v", tries, err)
				}
				if len(h.Limits.waiting.within) != 0 {
					t.Error("its place is not given back")
				}
			})
		})
	}
}
