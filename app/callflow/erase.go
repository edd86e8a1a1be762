package callflow

import (
	"context"
	"errors"

	"callwise/app/call"
	"callwise/models"
)

const (
	erasedAtOnce = 100 // calls that are read at a time
	// lastDigits are enough of a number to find the rows that may mention it.
	lastDigits = 6
)

// An Erasure is what became of the wish to have everything about a number
// erased.
type Erasure struct {
	Calls    int // that are gone, with all that belonged to them
	Mentions int // of the number elsewhere that are gone
	Left     int // calls that go on, or else rows that are worked on: to be erased later
}

// EraseNumber erases what is stored of a portal about a number, in each of its
// spellings: its calls with their events, requests and recordings, and its
// mention in other rows. It may be repeated, and is to be when something was
// left. What Bitrix24 and the PBX keep is theirs.
func (f *Flow) EraseNumber(ctx context.Context, portal *models.Portal, phone call.Phone) (Erasure, error) {
	var done Erasure
	if phone.Hidden() {
		return done, nil
	}
	keys := phone.Variants()
	for after := int64(0); ; {
		calls, err := f.Store.CallsOfNumber(ctx, portal.ID, keys, after, erasedAtOnce)
		if err != nil {
			return done, err
		}
		for _, c := range calls {
			after = c.ID
			if err := f.eraseCall(ctx, portal, c.ID, &done); err != nil {
				return done, err
			}
		}
		if len(calls) < erasedAtOnce {
			break
		}
	}
	f.Lookups.forget(portal.ID)
	if done.Left > 0 {
		return done, nil // a call that goes on still needs the number, wherever it is mentioned
	}
	if err := f.Store.EraseCreations(ctx, portal.ID, keys); err != nil {
		return done, err
	}
	digits := phone.Digits()
	mentions, left, err := f.Store.EraseMentions(ctx, portal.ID, digits[max(0, len(digits)-lastDigits):], phone.Mention().EraseFrom)
	done.Mentions += mentions
	done.Left += left
	return done, err
}

// eraseCall erases a call that no worker has in hand.
func (f *Flow) eraseCall(ctx context.Context, portal *models.Portal, id int64, done *Erasure) error {
	held, err := f.hold(ctx, callLease(id), func(ctx context.Context) error {
		return f.Store.EraseCall(ctx, portal.ID, id)
	})
	switch {
	case !held && err == nil, errors.Is(err, models.ErrBusy):
		done.Left++
		return nil
	case err == nil:
		done.Calls++
	}
	return err
}
