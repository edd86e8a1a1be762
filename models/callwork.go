package models

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"callwise/app/call"

	"github.com/jackc/pgx/v5/pgxpool"
	"gorm.io/gorm"
)

// OrderCall saves a call and enqueues the job that has the PBX place it, both
// or none.
func (s *Store) OrderCall(ctx context.Context, c *Call) error {
	return s.Transaction(ctx, func(tx *gorm.DB) error {
		if err := s.saveCall(tx, c); err != nil {
			return err
		}
		return s.river.insert(ctx, tx, TellArgs{PortalID: c.PortalID, CallID: c.ID, Since: s.now()})
	})
}

// SaveCallAsked saves a call as [Store.SaveCall] does, and what a portal was asked
// for it; that is stored also if the call is refused with ErrNotFound, unless it or
// its portal is gone, and not with any other error.
func (s *Store) SaveCallAsked(ctx context.Context, c *Call, asked []RESTRequest) error {
	return s.saveRound(s.with(ctx), s.pool, c, s.asking(asked)...)
}

// SaveToAsk is [Store.SaveCallAsked] before a portal is asked for the call, and
// reads its [Store.Access] besides. Unlike [Store.ToAsk] it takes no place: the calls
// of a portal would wait in turn until one another's are on the disk.
func (s *Store) SaveToAsk(ctx context.Context, c *Call, asked []RESTRequest) (SealedAccess, error) {
	a := SealedAccess{keys: s.keys}
	looking := read(func(tx *gorm.DB) *gorm.DB { return a.rows.look(tx, c.PortalID) })
	err := s.saveRound(s.with(ctx), s.pool, c, append(s.asking(asked), looking)...)
	return a, err
}

// asking keeps what a portal was asked, if anything, unless the app was removed from
// it meanwhile: nothing is kept of such a portal, nor of a call that is gone. On
// PostgreSQL it waits for who removes the call, and could not see these rows.
func (s *Store) asking(asked []RESTRequest) []statement {
	if len(asked) == 0 {
		return nil
	}
	portalID, callID := asked[0].PortalID, asked[0].CallID
	kept := []statement{
		write(func(tx *gorm.DB) *gorm.DB { return addRequests(tx, asked) }),
		write(func(tx *gorm.DB) *gorm.DB {
			return tx.Exec("DELETE FROM rest_log WHERE portal_id = ? AND EXISTS (SELECT 1 FROM portals WHERE id = ? AND status = ?)",
				portalID, portalID, PortalUninstalled)
		}),
	}
	if callID == nil {
		return kept
	}
	kept = append(kept, write(func(tx *gorm.DB) *gorm.DB {
		return tx.Exec("DELETE FROM rest_log WHERE portal_id = ? AND call_id = ? AND NOT EXISTS (SELECT 1 FROM calls WHERE portal_id = ? AND id = ?)",
			portalID, *callID, portalID, *callID)
	}))
	if s.pool == nil {
		return kept
	}
	staying := read(func(tx *gorm.DB) *gorm.DB {
		var ids []int64
		return tx.Raw("SELECT id FROM calls WHERE portal_id = ? AND id = ? FOR KEY SHARE", portalID, *callID).Find(&ids)
	})
	return append([]statement{staying}, kept...)
}

// saveRound saves a call, and then the rest with it, also if the call is refused with
// ErrNotFound. With a pool it locks the call first.
func (s *Store) saveRound(db *gorm.DB, pool *pgxpool.Pool, c *Call, rest ...statement) error {
	c.dress(s.now())
	if c.unmapped() {
		return s.saveUnmapped(db, c, rest)
	}
	statements := []statement{write(c.update)}
	if pool != nil {
		statements = append([]statement{read(c.lock)}, statements...)
	}
	at := len(statements) - 1 // of the update
	met, err := together(db, pool, append(statements, rest...)...)
	if err == nil && met[at] == 0 {
		err = ErrNotFound
	}
	return conflict(gone(err))
}

// saveUnmapped is saveRound for a call whose extension may have become somebody's.
func (s *Store) saveUnmapped(db *gorm.DB, c *Call, rest []statement) error {
	var refused error
	err := db.Transaction(func(tx *gorm.DB) error {
		if refused = s.saveCall(tx, c); refused != nil && !errors.Is(refused, ErrNotFound) {
			return refused
		}
		_, err := oneByOne(tx, rest)
		return err
	})
	return cmp.Or(gone(err), refused)
}

// markSaved is markDone if the call has been saved in the same transaction.
func (s *Store) markSaved(tx *gorm.DB, c *Call, ids []int64) *gorm.DB {
	return s.markDone(tx.Where("EXISTS (?)", c.savedIn(tx)), c.PortalID, ids)
}

// savedIn is a row if the call has been saved in the transaction.
func (c *Call) savedIn(tx *gorm.DB) *gorm.DB {
	return tx.Session(&gorm.Session{NewDB: true}).Table("calls").Select("1").
		Where("portal_id = ? AND id = ? AND updated_at = ?", c.PortalID, c.ID, c.UpdatedAt)
}

// SaveAndWake saves a call and has a worker woken for it after a while, both or
// none: whoever changes a call may die before waking one.
func (s *Store) SaveAndWake(ctx context.Context, c *Call, after time.Duration) error {
	return s.Transaction(ctx, func(tx *gorm.DB) error {
		if err := s.saveCall(tx, c); err != nil {
			return err
		}
		return s.river.wakeAt(ctx, tx, CallArgs{PortalID: c.PortalID, CallKey: c.CallKey}, s.now().Add(after))
	})
}

// OpenCall makes a call and stores its events, all or none, and wakes a worker
// for it. Repeating it changes nothing and returns the same call.
func (s *Store) OpenCall(ctx context.Context, c Call, events []Event) (*Call, error) {
	stored := make([]Event, len(events))
	for i, e := range events {
		var err error
		if stored[i], err = s.arrived(c.PortalID, e); err != nil {
			return nil, err
		}
	}
	var calls []CallArgs
	err := s.Transaction(ctx, func(tx *gorm.DB) (err error) {
		if err := s.ensureCall(tx, c); err != nil {
			return err
		}
		calls, err = s.insertEvents(ctx, tx, stored)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.tell(calls)
	return s.CallByKey(ctx, c.PortalID, c.CallKey)
}

// stalePage is how many calls [Store.StaleCalls] returns at a time.
const stalePage = 500

// StaleCalls returns open calls of all portals that began, and of which we have
// known, since before a time, that wait for no repetition and whose end nobody has
// told, the oldest first; of very many, only the first. Of one that began after
// we knew of it another clock told when: it counts from when we knew.
func (s *Store) StaleCalls(ctx context.Context, before time.Time) ([]Call, error) {
	var calls []Call
	err := s.with(ctx).
		Where("state = ? AND created_at < ? AND (started_at < ? OR started_at > created_at)", CallOpen, Stored(before), Stored(before)).
		Where("ended_at IS NULL AND (retry_at IS NULL OR retry_at < ?)", s.now()).
		Where("NOT EXISTS (SELECT 1 FROM events e WHERE e.portal_id = calls.portal_id AND e.source = ? AND e.event_key = CAST(? AS text) || calls.id)",
			SourceCallwise, ownPrefix(call.Ended)).
		Order("started_at, id").Limit(stalePage).Find(&calls).Error
	return calls, err
}

// WakeFailing has the calls of a portal that wait for a repetition repeated
// now: what they failed for is mended.
func (s *Store) WakeFailing(ctx context.Context, portalID int64) error {
	return s.Transaction(ctx, func(tx *gorm.DB) error {
		var keys []string
		err := tx.Table("calls").Where("portal_id = ? AND state = ? AND retry_at IS NOT NULL", portalID, CallOpen).
			Order("id").Pluck("call_key", &keys).Error
		if err != nil {
			return err
		}
		return s.wakeNow(ctx, tx, portalID, keys)
	})
}

// wokenTogether is how many calls one statement wakes.
const wokenTogether = 1000

// wakeNow wakes workers for calls whatever time they wait for.
func (s *Store) wakeNow(ctx context.Context, tx *gorm.DB, portalID int64, callKeys []string) error {
	for some := range slices.Chunk(callKeys, wokenTogether) {
		err := tx.Table("calls").Where("portal_id = ? AND call_key IN ? AND retry_at IS NOT NULL", portalID, some).
			Updates(map[string]any{"retry_at": nil}).Error
		if err != nil {
			return err
		}
	}
	jobs := make([]CallArgs, len(callKeys))
	for i, key := range callKeys {
		jobs[i] = CallArgs{PortalID: portalID, CallKey: key}
	}
	return s.river.wake(ctx, tx, jobs)
}
