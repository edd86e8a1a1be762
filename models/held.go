package models

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
)

// CallAndEvents returns a call of a portal and its events, in the order they
// happened.
func (s *Store) CallAndEvents(ctx context.Context, portalID, callID int64) (*Call, []Event, error) {
	var c callAndEvents
	_, err := together(s.with(ctx), s.pool, c.reading(portalID, callID)...)
	return c.found(err)
}

// AcquireCall is [Store.Acquire] for the lease of a call, and returns the call and
// its events as they are when it has the lease; no call when another has it.
// ErrNotFound means that there is no such call.
func (s *Store) AcquireCall(ctx context.Context, portalID, callID int64, name, owner string, ttl time.Duration) (*Call, []Event, error) {
	var c callAndEvents
	taking := write(func(tx *gorm.DB) *gorm.DB { return s.acquire(tx, name, owner, ttl) })
	met, err := together(s.with(ctx), s.pool, append([]statement{taking}, c.reading(portalID, callID)...)...)
	if len(met) == 0 || met[0] == 0 {
		return nil, nil, err
	}
	row, events, err := c.found(err)
	if err != nil {
		return nil, nil, errors.Join(err, s.Release(context.WithoutCancel(ctx), name, owner))
	}
	return row, events, nil
}

// callAndEvents are a call, if there is one, and its events.
type callAndEvents struct {
	calls  []Call
	events []Event
}

func (c *callAndEvents) reading(portalID, callID int64) []statement {
	return []statement{
		read(func(tx *gorm.DB) *gorm.DB {
			return tx.Where("portal_id = ? AND id = ?", portalID, callID).Find(&c.calls)
		}),
		read(func(tx *gorm.DB) *gorm.DB {
			return tx.Raw("SELECT e.* FROM calls c JOIN events e ON "+ofCall+
				" WHERE c.portal_id = ? AND c.id = ? ORDER BY e.happened_at, e.id", portalID, callID).Find(&c.events)
		}),
	}
}

func (c *callAndEvents) found(err error) (*Call, []Event, error) {
	if err == nil && len(c.calls) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return nil, nil, err
	}
	return &c.calls[0], c.events, nil
}

// ReleaseCall is [Store.Release] for the lease of a call, and reports whether
// events of it that came meanwhile are still to be worked on: whoever brought one
// while the lease was held has gone. Echoes are left to whoever brings them, see
// [Store.MarkEchoes]. ErrNotFound means that the call is gone.
func (s *Store) ReleaseCall(ctx context.Context, portalID, callID int64, name, owner string, echoes Echoes) (bool, error) {
	var waits []bool
	_, err := together(s.soon(ctx), s.soonPool,
		write(func(tx *gorm.DB) *gorm.DB { return release(tx, name, owner) }),
		read(func(tx *gorm.DB) *gorm.DB {
			return tx.Raw(`SELECT EXISTS (SELECT 1 FROM events e WHERE e.done_at IS NULL AND `+ofCall+`
					AND NOT (c.b24_call_id IS NOT NULL AND e.call_key = 'b24:' || c.b24_call_id AND e.type IN ? AND c.kind IN ?))
				FROM calls c WHERE c.portal_id = ? AND c.id = ?`, echoes.Types, echoes.Kinds, portalID, callID).Find(&waits)
		}))
	if err == nil && len(waits) == 0 {
		err = ErrNotFound
	}
	return err == nil && waits[0], err
}
