package callflow

import (
	"context"
	"errors"
	"time"

	"callwise/app/call"
	"callwise/models"
)

const (
	erasedAtOnce = 1000 // calls whose ids are read at a time
	// lastDigits are enough of a number to find the rows that may mention it.
	lastDigits = 6
	// eraseSlice is how long an erasure works before others have their turn.
	eraseSlice = 20 * time.Second
	// An erasure that waits looks again after a tenth of its age, within these.
	eraseSoonest, eraseLatest = 2 * time.Second, 5 * time.Minute
)

// Reasons why an erasure comes back.
var (
	errErasing      = errors.New("callflow: a part of an erasure is done")
	errEraseWaiting = errors.New("callflow: an erasure waits for what goes on")
)

// Erase carries on the erasure of what is stored of a portal about a number, in
// each of its spellings: its calls with their events, requests and recordings,
// and its mention in other rows. Calls that go on are waited for, and so are rows
// that are still worked on: a call needs its number, wherever it is mentioned. What
// Bitrix24 and the PBX keep is theirs.
//
// It does a part at a time and may be broken off anywhere; an error for which
// [Wait] reports true says that there is more to do. It never gives up: what our
// own house does wrong is repeated too. ErrNotFound means that nothing is left.
func (f *Flow) Erase(ctx context.Context, portalID, requestID int64) error {
	portal, err := f.Store.PortalByID(ctx, portalID)
	if err != nil {
		return err
	}
	e, err := f.Store.PendingErasure(ctx, portal, requestID)
	if err != nil {
		return err
	}
	err = f.erase(ctx, e)
	if broken(ctx, err) {
		markOf(ctx).Err = err
		return f.eraseLater(e, err)
	}
	return err
}

// eraseLater has an erasure come back after a while that grows with its age.
func (f *Flow) eraseLater(e *models.Erasure, why error) error {
	return &Later{After: min(max(f.Now().Sub(e.At)/10, eraseSoonest), eraseLatest), Err: why}
}

// erase does what is to be done of an erasure now.
func (f *Flow) erase(ctx context.Context, e *models.Erasure) error {
	phone, until := call.ParsePhone(e.Key, ""), f.Now().Add(eraseSlice)
	defer f.Lookups.forget(e.PortalID)
	if err := f.eraseCalls(ctx, e, phone.Variants(), until); err != nil {
		return err
	}
	erase := phone.Mention().EraseFrom
	if err := f.eraseMentions(ctx, e, phone.Digits(), erase, until); err != nil {
		return err
	}
	err := f.Store.FinishErasure(ctx, e, phone.Variants(), erase)
	if errors.Is(err, models.ErrBusy) { // calls of the number have come meanwhile
		return f.eraseLater(e, err)
	}
	if err == nil {
		f.Log.InfoContext(ctx, "a number is erased", "portal", e.PortalID, "request", e.ID, "calls", e.Calls, "mentions", e.Mentions)
	}
	return err
}

// eraseCalls erases the calls of a number.
func (f *Flow) eraseCalls(ctx context.Context, e *models.Erasure, keys []string, until time.Time) error {
	waiting := false
	for after := int64(0); ; {
		ids, err := f.Store.CallIDsOfNumber(ctx, e.PortalID, keys, after, erasedAtOnce)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if f.Now().After(until) {
				return &Later{Err: errErasing}
			}
			erased, err := f.eraseCall(ctx, e, id)
			if err != nil {
				return err
			}
			after, waiting = id, waiting || !erased
		}
		if len(ids) < erasedAtOnce {
			break
		}
	}
	if !waiting {
		return nil
	}
	if err := f.Store.AwaitErasure(ctx, e); err != nil {
		return err
	}
	return f.eraseLater(e, errEraseWaiting)
}

// eraseCall erases a call, unless it goes on or a worker has it in hand.
func (f *Flow) eraseCall(ctx context.Context, e *models.Erasure, id int64) (bool, error) {
	held, err := f.hold(ctx, models.CallLease(id), func(ctx context.Context) error {
		return f.Store.EraseCall(ctx, e, id)
	})
	if errors.Is(err, models.ErrBusy) {
		return false, nil
	}
	return held, err
}

// eraseMentions takes the number out of all rows that are not looked through yet.
func (f *Flow) eraseMentions(ctx context.Context, e *models.Erasure, digits string, erase models.TextEraser, until time.Time) error {
	for {
		if f.Now().After(until) {
			return &Later{Err: errErasing}
		}
		over, err := f.Store.EraseMentions(ctx, e, digits[max(0, len(digits)-lastDigits):], erase)
		if errors.Is(err, models.ErrConflict) {
			return f.eraseLater(e, err)
		}
		if err != nil || over {
			return err
		}
		if e.Waiting {
			return f.eraseLater(e, errEraseWaiting)
		}
	}
}
