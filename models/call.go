package models

import (
	"context"
	"slices"
	"time"

	"callwise/app/call"
	"callwise/app/crm"
	"callwise/app/rules"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// A CallKind says how a call came to us.
type CallKind string

// Kinds of calls.
const (
	KindPBX      CallKind = "pbx"
	KindClick    CallKind = "click"    // a number clicked in Bitrix24
	KindCallback CallKind = "callback" // a visitor asked on a form to be called
	KindBuiltin  CallKind = "builtin"  // Bitrix24's own lines
	KindOther    CallKind = "other"    // another telephony application's
)

// A CallState says whether there is work left.
type CallState string

// States of a call.
const (
	CallOpen     CallState = "open"
	CallFinished CallState = "finished"
	CallFailed   CallState = "failed" // given up; ErrorCode says why
	CallIgnored  CallState = "ignored"
)

// A Call is one physical conversation, what became of it, and why.
type Call struct {
	ID           int64
	PortalID     int64
	Kind         CallKind
	CallKey      string
	PBXCallID    *string `gorm:"column:pbx_call_id"`
	B24CallID    *string `gorm:"column:b24_call_id"`
	Direction    call.Direction
	Phone        string // as it was reported
	PhoneKey     string
	CustomerName string
	Line         string
	UserID       int64
	Extension    string
	StartedAt    time.Time  `gorm:"serializer:utc"`
	AnsweredAt   *time.Time `gorm:"serializer:utc"`
	EndedAt      *time.Time `gorm:"serializer:utc"`
	Duration     int        // seconds of talk
	Status       call.Status
	State        CallState
	// Case, Decision, Plan and Records are nil until DecidedAt.
	Case            *rules.Case     `gorm:"serializer:json"`
	Decision        *rules.Decision `gorm:"serializer:json"`
	Plan            *rules.Plan     `gorm:"serializer:json"`
	Records         *crm.Records    `gorm:"serializer:json"`
	Progress        Progress        `gorm:"serializer:json"`
	SettingsVersion int
	Attempts        int
	RetryAt         *time.Time `gorm:"serializer:utc"` // not worked on before
	FailingSince    *time.Time `gorm:"serializer:utc"`
	ErrorCode       string
	DecidedAt       *time.Time `gorm:"serializer:utc"`
	// What the log filters by; written with the call.
	Reason    rules.Reason
	Result    CallResult
	Attention Attention
	Search    string    // see [searchText]
	CreatedAt time.Time `gorm:"serializer:utc"`
	UpdatedAt time.Time `gorm:"serializer:utc;autoUpdateTime:false"`
	// HeldBy is who holds the call's lease as of [Store.TakeCall], and alone may save
	// it; "" is somebody who needs none.
	HeldBy string `gorm:"-" json:"-"`
}

// Prefixes of call keys made of a sender's id of the call.
const (
	pbxPrefix = "pbx:"
	b24Prefix = "b24:"
)

// Keys are those under which the call's events stand: its own, and those of the
// PBX's and Bitrix24's ids of it.
func (c *Call) Keys() []string {
	keys := []string{c.CallKey}
	if c.PBXCallID != nil && pbxPrefix+*c.PBXCallID != c.CallKey {
		keys = append(keys, pbxPrefix+*c.PBXCallID)
	}
	if c.B24CallID != nil && b24Prefix+*c.B24CallID != c.CallKey {
		keys = append(keys, b24Prefix+*c.B24CallID)
	}
	return keys
}

// clean makes the texts that come from senders storable.
func (c *Call) clean() {
	for _, text := range []*string{&c.CallKey, &c.Phone, &c.PhoneKey, &c.CustomerName, &c.Line, &c.Extension, &c.ErrorCode} {
		*text = clean(*text)
	}
	c.Line = Cut(c.Line, longestLine)
	for _, id := range []**string{&c.PBXCallID, &c.B24CallID} {
		if *id != nil {
			cleaned := clean(**id)
			*id = &cleaned
		}
	}
}

// EnsureCall returns the call with c's portal and CallKey, and makes it of c
// when there is none. ErrConflict means that one of c's ids belongs to a call
// with another key. If the row is lost, its events make it again.
func (s *Store) EnsureCall(ctx context.Context, c Call) (*Call, error) {
	var calls []Call
	_, err := together(s.soon(ctx), s.soonPool,
		write(func(tx *gorm.DB) *gorm.DB { return s.ensure(tx, c) }),
		read(func(tx *gorm.DB) *gorm.DB {
			return tx.Where("portal_id = ? AND call_key = ?", c.PortalID, clean(c.CallKey)).Find(&calls)
		}))
	if err == nil && len(calls) == 0 {
		err = ErrNotFound // removed meanwhile
	}
	if err != nil {
		return nil, conflict(err)
	}
	return &calls[0], nil
}

func (s *Store) ensureCall(db *gorm.DB, c Call) error { return conflict(s.ensure(db, c).Error) }

func (s *Store) ensure(db *gorm.DB, c Call) *gorm.DB {
	c.clean()
	c.ID, c.CreatedAt, c.UpdatedAt = 0, s.now(), s.now()
	if c.State == "" {
		c.State = CallOpen
	}
	c.summarise()
	if c.StartedAt.IsZero() {
		c.StartedAt = c.CreatedAt
	}
	key := []clause.Column{{Name: "portal_id"}, {Name: "call_key"}}
	return db.Clauses(clause.OnConflict{Columns: key, DoNothing: true}).Create(&c)
}

// CallByID returns a call of a portal.
func (s *Store) CallByID(ctx context.Context, portalID, callID int64) (*Call, error) {
	return s.call(ctx, portalID, "id = ?", callID)
}

// CallByKey returns the call of a portal with that CallKey.
func (s *Store) CallByKey(ctx context.Context, portalID int64, key string) (*Call, error) {
	return s.call(ctx, portalID, "call_key = ?", clean(key))
}

// CallByPBX returns the call that the portal's PBX calls id.
func (s *Store) CallByPBX(ctx context.Context, portalID int64, id string) (*Call, error) {
	return s.call(ctx, portalID, "pbx_call_id = ?", clean(id))
}

// CallByB24 returns the call that Bitrix24 calls id.
func (s *Store) CallByB24(ctx context.Context, portalID int64, id string) (*Call, error) {
	return s.call(ctx, portalID, "b24_call_id = ?", clean(id))
}

func (s *Store) call(ctx context.Context, portalID int64, where string, value any) (*Call, error) {
	var c Call
	if err := s.with(ctx).Where("portal_id = ?", portalID).Where(where, value).Take(&c).Error; err != nil {
		return nil, found(err)
	}
	return &c, nil
}

// OpenCallback returns the newest callback to a number that was worked on after
// since and that no call of the PBX answers yet. When it was asked for does not
// matter: the PBX may have been told of it late.
func (s *Store) OpenCallback(ctx context.Context, portalID int64, phoneKey string, since time.Time) (*Call, error) {
	var c Call
	err := s.with(ctx).
		Where("portal_id = ? AND phone_key = ? AND updated_at >= ?", portalID, clean(phoneKey), Stored(since)).
		Where("kind = ? AND state = ? AND pbx_call_id IS NULL", KindCallback, CallOpen).
		Order("started_at DESC, id DESC").Take(&c).Error
	if err != nil {
		return nil, found(err)
	}
	return &c, nil
}

// Talking are the users of a portal who talk on the telephone now.
func (s *Store) Talking(ctx context.Context, portalID int64) ([]int64, error) {
	var users []int64
	err := s.with(ctx).Model(&Call{}).Distinct("user_id").
		Where("portal_id = ? AND state = ? AND answered_at IS NOT NULL AND ended_at IS NULL AND user_id <> 0", portalID, CallOpen).
		Pluck("user_id", &users).Error
	return users, err
}

// ClickedWithin reports whether the user of a click has clicked the number
// within d of it before or after, and the PBX was told of that call, which goes
// on.
func (s *Store) ClickedWithin(ctx context.Context, c *Call, d time.Duration) (bool, error) {
	var near []Call
	err := s.with(ctx).Select("progress").
		Where("portal_id = ? AND phone_key = ? AND kind = ? AND user_id = ? AND id <> ?", c.PortalID, clean(c.PhoneKey), KindClick, c.UserID, c.ID).
		Where("started_at BETWEEN ? AND ? AND ended_at IS NULL", Stored(c.StartedAt.Add(-d)), Stored(c.StartedAt.Add(d))).
		Find(&near).Error
	return slices.ContainsFunc(near, func(other Call) bool { return other.Progress.Ordered }), err
}

// AskedElsewhere is when another open call of the number of c, of the last days, asked
// last for a lead or deal that may still come into being, or the latest that it can have;
// zero without one.
func (s *Store) AskedElsewhere(ctx context.Context, c *Call) (last time.Time, err error) {
	var others []Call
	err = s.with(ctx).Select("progress").
		Where("portal_id = ? AND phone_key = ? AND started_at > ?", c.PortalID, clean(c.PhoneKey), s.now().Add(-unfinishedFor)).
		Where("state = ? AND id <> ?", CallOpen, c.ID).
		Find(&others).Error
	for _, other := range others {
		beyond := other.Progress.Todo.Tried || other.Progress.ActivityTried // they come after it
		if at := other.Progress.sentBy(s.now()); !beyond && at.After(last) {
			last = at
		}
	}
	return last, err
}

// LinkPBX says which of the PBX's calls a call is. ErrConflict means that one
// of the two is linked already.
func (s *Store) LinkPBX(ctx context.Context, portalID, callID int64, pbxCallID string) error {
	id := clean(pbxCallID)
	linked := s.with(ctx).Table("calls").
		Where("portal_id = ? AND id = ? AND (pbx_call_id IS NULL OR pbx_call_id = ?)", portalID, callID, id).
		Updates(map[string]any{"pbx_call_id": id, "updated_at": s.now()})
	if linked.Error != nil || linked.RowsAffected > 0 {
		return conflict(linked.Error)
	}
	if _, err := s.CallByID(ctx, portalID, callID); err != nil {
		return err
	}
	return ErrConflict
}

// notForgotten leaves out the calls of portals that the app was removed from: a
// worker that has one in hand must not bring back what was just forgotten.
const notForgotten = "NOT EXISTS (SELECT 1 FROM portals p WHERE p.id = calls.portal_id AND p.status = 'uninstalled')"

// SaveCall stores all of a call, zero values too, but does not take back the
// PBX's id of it. ErrConflict means that one of its ids belongs to another call,
// ErrNotFound that the call is gone, was forgotten with its portal, or is held by
// another than c says.
func (s *Store) SaveCall(ctx context.Context, c *Call) error {
	return s.saveRound(s.with(ctx), s.pool, c)
}

// saveCall is [Store.SaveCall] in a transaction.
func (s *Store) saveCall(tx *gorm.DB, c *Call) error {
	c.dress(s.now())
	if s.pool != nil {
		if err := c.lock(tx).Error; err != nil {
			return err
		}
	}
	saved := c.update(tx)
	if c.unmapped() && saved.Error == nil && saved.RowsAffected == 0 {
		return s.saveMapped(tx, c)
	}
	return conflict(changed(saved))
}

// dress makes a call ready to be saved.
func (c *Call) dress(now time.Time) {
	c.clean()
	c.summarise()
	c.UpdatedAt = now
}

// unmapped reports that nobody is known at the call's extension.
func (c *Call) unmapped() bool { return c.UserID == 0 && c.Extension != "" }

// lock waits on PostgreSQL until nobody else changes the call or its lease any more:
// an update that waits by itself goes on with what it had read of other tables
// before, such as a portal that has been forgotten meanwhile.
//
// https://www.postgresql.org/docs/current/transaction-iso.html#XACT-READ-COMMITTED
func (c *Call) lock(tx *gorm.DB) *gorm.DB {
	var ids []int64
	if c.HeldBy == "" {
		return tx.Raw("SELECT id FROM calls WHERE portal_id = ? AND id = ? FOR UPDATE", c.PortalID, c.ID).Find(&ids)
	}
	return tx.Raw(`SELECT c.id FROM calls c JOIN leases l ON l.name = ? AND l.owner = ?
		WHERE c.portal_id = ? AND c.id = ? FOR UPDATE`, CallLease(c.ID), c.HeldBy, c.PortalID, c.ID).Find(&ids)
}

// update saves a call that is dressed, and locked.
func (c *Call) update(db *gorm.DB) *gorm.DB {
	kept := []string{"id", "portal_id", "created_at"}
	if c.PBXCallID == nil {
		kept = append(kept, "pbx_call_id") // LinkPBX may have set it meanwhile
	}
	row := c.mine(db.Model(&Call{}))
	if c.unmapped() {
		row = row.Where("user_id = 0 OR extension <> ?", c.Extension)
	}
	return row.Select("*").Omit(kept...).Updates(c)
}

// mine is the row of a call while it may be saved.
func (c *Call) mine(db *gorm.DB) *gorm.DB {
	return c.held(db.Where("portal_id = ? AND id = ?", c.PortalID, c.ID).Where(notForgotten))
}

// held leaves out everything if another holds the call than it says.
func (c *Call) held(db *gorm.DB) *gorm.DB {
	if c.HeldBy == "" {
		return db
	}
	return db.Where("EXISTS (SELECT 1 FROM leases WHERE name = ? AND owner = ?)", CallLease(c.ID), c.HeldBy)
}

// saveMapped saves a call whose extension was given to somebody (Relabel) while
// a worker had the call in hand: it stays that user's.
func (s *Store) saveMapped(db *gorm.DB, c *Call) error {
	err := c.mine(db.Table("calls")).Select("user_id").Take(&c.UserID).Error
	if err != nil {
		return found(err)
	}
	if c.UserID == 0 {
		return ErrConflict // it has just changed once more
	}
	return s.saveCall(db, c)
}
