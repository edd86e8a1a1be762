package models

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"
)

const callLease = "call:"

// CallLease names the lease of a call.
func CallLease(callID int64) string { return callLease + strconv.FormatInt(callID, 10) }

// A TakenCall is what stands under a call key, see [Call.Keys].
type TakenCall struct {
	Portal *Portal
	Call   *Call // nil: none is known
	// Held: the call's lease is taken. If not, another has it, or has just made the
	// call and takes it next.
	Held bool
	// Events are those of the call, as they are while its lease is held, or if none is
	// known what was reported under the key; in the order they happened. They are
	// [bounded].
	Events []Event
	// LeftOut: there are more, which have waited until now, have no effect, and count as
	// worked on.
	LeftOut bool
}

// TakeCall is [Store.Acquire] for the lease of the call whose events stand under a
// key of a portal, and returns what stands there. What was reported of an erased
// call is removed instead. ErrNotFound means that there is no such portal, that the
// app was removed from it, or that the call was just removed.
func (s *Store) TakeCall(ctx context.Context, portalID int64, key, owner string, ttl time.Duration) (*TakenCall, error) {
	return s.take(ctx, taking{portalID: portalID, key: clean(key), owner: owner, ttl: ttl})
}

// TakeNewCall is [Store.EnsureCall], and [Store.TakeCall] for that call, which has
// the id that its CallKey names.
func (s *Store) TakeNewCall(ctx context.Context, c Call, owner string, ttl time.Duration) (*TakenCall, error) {
	ensuring := write(func(tx *gorm.DB) *gorm.DB { return s.ensure(tx, c) })
	taken, err := s.take(ctx, taking{portalID: c.PortalID, key: clean(c.CallKey), owner: owner, ttl: ttl}, ensuring)
	if err == nil && taken.Call == nil {
		err = ErrNotFound // removed meanwhile
	}
	if err != nil {
		return nil, conflict(err)
	}
	return taken, nil
}

// A taking is the taking of one call, and what it reads.
type taking struct {
	portalID   int64
	key, owner string
	ttl        time.Duration

	names   []string // of the lease, if it is taken
	portals []struct {
		Portal portalRow `gorm:"embedded"`
		Erased bool
	}
	calls  []Call
	events []Event // as of [atOnce]
}

// take takes a call after what goes before, both or none.
func (s *Store) take(ctx context.Context, t taking, before ...statement) (*TakenCall, error) {
	_, err := together(s.with(ctx), s.pool, append(before, s.statements(&t)...)...)
	taken, err := s.taken(ctx, &t, err)
	if err == nil && !readAtOnce(t.events) {
		err = s.readLong(ctx, taken, t.portalID, t.key)
	}
	if err != nil && len(t.names) > 0 {
		err = errors.Join(err, s.giveBack(ctx, t.names[0], t.owner))
	}
	return taken, err
}

// readLong reads the events of a call that were not read at once.
func (s *Store) readLong(ctx context.Context, taken *TakenCall, portalID int64, key string) (err error) {
	keys := []string{key}
	if taken.Call != nil {
		keys = taken.Call.Keys()
	}
	var more bool
	taken.Events, more, err = s.eventsOf(ctx, portalID, keys)
	if err == nil && more && (taken.Held || taken.Call == nil) {
		taken.LeftOut, err = s.markSurplus(ctx, portalID, keys)
	}
	return err
}

// statements take the lease before the call and its events are read, which are then
// as they are while it is held. Whether the call was erased is asked last: who does
// not see the call any more sees that.
//
// LIMIT 1 tells PostgreSQL what it does not conclude from the unique index: that there
// is one call at most. Where it expects several, as portals have ids in common, it
// plans anew for each call, which takes longer than to read.
func (s *Store) statements(t *taking) []statement {
	column, value := t.column()
	ofKey := "c.portal_id = ? AND c." + column + " = ?"
	return []statement{
		returning(func(tx *gorm.DB) *gorm.DB {
			return tx.Raw(s.leasing("SELECT '"+callLease+"' || c.id, ?, "+s.clock()+" + ? FROM calls c WHERE "+ofKey+" LIMIT 1")+" RETURNING name",
				t.owner, t.ttl.Microseconds(), t.portalID, value, 2*t.ttl.Microseconds()).Find(&t.names)
		}),
		read(func(tx *gorm.DB) *gorm.DB {
			return tx.Table("calls c").Where(ofKey, t.portalID, value).Limit(1).Find(&t.calls)
		}),
		read(func(tx *gorm.DB) *gorm.DB {
			return tx.Raw(atOnce(tx, "(SELECT CAST(? AS text) AS key) k LEFT JOIN ("+
				"SELECT call_key, pbx_call_id, b24_call_id FROM calls c WHERE "+ofKey+" LIMIT 1) c ON TRUE"+
				" JOIN events e ON e.portal_id = ? AND e.call_key IN (k.key, "+keysOfCall+")"),
				t.key, t.portalID, value, t.portalID).Find(&t.events)
		}),
		read(func(tx *gorm.DB) *gorm.DB {
			return tx.Table("portals").
				Select(fields(tx, &portalRow{}, "portals")+", EXISTS (SELECT 1 FROM erased_calls WHERE portal_id = portals.id AND call_hash = ? AND until > ?) AS erased",
					hashOf(t.key), s.now().UnixMicro()).
				Where("id = ? AND status <> ?", t.portalID, PortalUninstalled).Find(&t.portals)
		}),
	}
}

// column is the one of calls in which the key's call is found, and by what.
func (t *taking) column() (name, value string) {
	if id, ok := strings.CutPrefix(t.key, pbxPrefix); ok {
		return "pbx_call_id", id
	}
	if id, ok := strings.CutPrefix(t.key, b24Prefix); ok {
		return "b24_call_id", id
	}
	return "call_key", t.key
}

// taken is what was read, unless that failed.
func (s *Store) taken(ctx context.Context, t *taking, failed error) (*TakenCall, error) {
	gone := len(t.portals) == 0 || len(t.names) > 0 && len(t.calls) == 0
	if failed == nil && gone {
		failed = ErrNotFound
	}
	if failed != nil {
		return nil, failed
	}
	portal, err := t.portals[0].Portal.open(s.keys)
	if err != nil {
		return nil, err
	}
	if len(t.names) > 0 {
		t.calls[0].HeldBy = t.owner
	}
	if len(t.calls) > 0 {
		return &TakenCall{Portal: portal, Call: &t.calls[0], Held: len(t.names) > 0, Events: t.events}, nil
	}
	if t.portals[0].Erased {
		return &TakenCall{Portal: portal}, s.dropReported(ctx, t.portalID, t.key)
	}
	return &TakenCall{Portal: portal, Events: t.reported()}, nil
}

// reported are the events under the key alone: a call may have come under it since
// it was looked for, and its other events are its own.
func (t *taking) reported() []Event {
	return slices.DeleteFunc(t.events, func(e Event) bool { return e.CallKey != t.key })
}

// CallAndEvents returns a call of a portal and its events, [bounded] and in the order
// they happened.
func (s *Store) CallAndEvents(ctx context.Context, portalID, callID int64) (*Call, []Event, error) {
	var calls []Call
	var rows []boundEvent
	_, err := together(s.with(ctx), s.pool,
		read(func(tx *gorm.DB) *gorm.DB {
			return tx.Where("portal_id = ? AND id = ?", portalID, callID).Find(&calls)
		}),
		read(func(tx *gorm.DB) *gorm.DB {
			return tx.Raw(inOrder(tx, "calls c JOIN events e ON "+ofCall+" WHERE c.portal_id = ? AND c.id = ?"), portalID, callID).Find(&rows)
		}))
	if err == nil && len(calls) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return nil, nil, err
	}
	events, _ := eventsIn(rows)
	return &calls[0], events, nil
}

// A Round is what has come of a round of work on a call, beside the call itself.
type Round struct {
	Asked []RESTRequest // what a portal was asked that is not stored yet
	Done  []int64       // ids of the events that were worked on, of those that were read
}

// ReleaseCall is [Store.Release] for the lease of a call after a round of work, which
// it stores, and reports whether events of the call that came meanwhile are still to
// be worked on: whoever brought one while the lease was held has gone. Echoes are
// left to whoever brings them, see [Store.MarkEchoes]. ErrNotFound means that the
// call is gone. If all of it is lost, the lease runs out, and the events are worked
// on again.
func (s *Store) ReleaseCall(ctx context.Context, portalID, callID int64, owner string, echoes Echoes, r Round) (bool, error) {
	released := releasing{portalID: portalID, callID: callID, owner: owner, echoes: echoes}
	statements := s.asking(r.Asked)
	if len(r.Done) > 0 {
		statements = append(statements, write(func(tx *gorm.DB) *gorm.DB { return s.markDone(tx, portalID, r.Done) }))
	}
	_, err := together(s.soon(ctx), s.soonPool, append(statements, released.statements()...)...)
	return released.news(gone(err))
}

// SaveAndRelease is [Store.ReleaseCall] after it has saved the call as
// [Store.SaveCall] does. If that says ErrNotFound, what was asked is stored all the
// same, as in [Store.SaveCallAsked], and the events and the lease stay as they are;
// any other error undoes everything.
func (s *Store) SaveAndRelease(ctx context.Context, c *Call, owner string, echoes Echoes, r Round) (bool, error) {
	released := releasing{portalID: c.PortalID, callID: c.ID, owner: owner, echoes: echoes, saved: c}
	rest := s.asking(r.Asked)
	if len(r.Done) > 0 {
		rest = append(rest, write(func(tx *gorm.DB) *gorm.DB { return s.markSaved(tx, c, r.Done) }))
	}
	err := s.saveRound(s.soon(ctx), s.soonPool, c, append(rest, released.statements()...)...)
	return released.news(err)
}

// A releasing is the giving back of a call's lease.
type releasing struct {
	portalID, callID int64
	owner            string
	echoes           Echoes
	saved            *Call  // if not nil: only if it has been saved in the same transaction
	waits            []bool // whether events wait, if the call is there
}

func (r *releasing) statements() []statement {
	return []statement{
		write(r.release),
		read(func(tx *gorm.DB) *gorm.DB {
			return tx.Raw(`SELECT EXISTS (SELECT 1 FROM events e WHERE e.done_at IS NULL AND `+ofCall+`
					AND NOT (c.b24_call_id IS NOT NULL AND e.call_key = 'b24:' || c.b24_call_id AND e.type IN ? AND c.kind IN ?))
				FROM calls c WHERE c.portal_id = ? AND c.id = ?`, r.echoes.Types, r.echoes.Kinds, r.portalID, r.callID).Find(&r.waits)
		}),
	}
}

func (r *releasing) release(tx *gorm.DB) *gorm.DB {
	name := CallLease(r.callID)
	if r.saved == nil {
		return release(tx, name, r.owner)
	}
	return tx.Exec("DELETE FROM leases WHERE name = ? AND owner = ? AND EXISTS (?)", name, r.owner, r.saved.savedIn(tx))
}

func (r *releasing) news(err error) (bool, error) {
	if err == nil && len(r.waits) == 0 {
		err = ErrNotFound
	}
	return err == nil && r.waits[0], err
}
