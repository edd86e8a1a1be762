package callflow

import (
	"errors"
	"time"
)

// A Later is an error that passes: the call is to be carried on after a while.
type Later struct {
	After time.Duration
	Err   error
}

func (l *Later) Error() string { return "later: " + l.Err.Error() }

func (l *Later) Unwrap() error { return l.Err }

// Wait says how long to wait before the work that ended with err is taken up
// again, and whether that helps.
func Wait(err error) (time.Duration, bool) {
	later, ok := errors.AsType[*Later](err)
	if !ok {
		return 0, false
	}
	return later.After, true
}
