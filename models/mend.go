package models

import (
	"context"
	"slices"

	"callwise/app/rules"

	"gorm.io/gorm"
)

// Retriable reports that something of a call failed and may be tried again.
// Trying again never creates a second time: what an earlier attempt may have
// created is looked for first.
func (c *Call) Retriable() bool {
	if c.Progress.Removed {
		return false
	}
	return c.State == CallFailed || c.State == CallOpen && c.RetryAt != nil ||
		len(c.Progress.BindFailed) > 0 || c.CreateRefused()
}

// CreateRefused reports that Bitrix24 refused for good to create what the
// decision asked for.
func (c *Call) CreateRefused() bool {
	p := c.Progress
	return p.CreateDone && len(p.Created) == 0 && slices.Contains(p.Notes, rules.CreateFailed)
}

// Replayable reports that a call was left out, or ended without a decision, and
// may be handled as if it had just been told of. That creates nothing twice:
// nothing was created, nor asked to be, and a call that Bitrix24 knows is not
// registered again.
func (c *Call) Replayable() bool {
	untouched := len(c.Progress.Created) == 0 && !c.Progress.CreateTried && !c.Progress.Register.Tried && !c.Progress.Removed
	if c.State == CallIgnored {
		return untouched && c.B24CallID == nil
	}
	undecided := c.State == CallFinished && c.DecidedAt == nil && c.Progress.Deferred
	return undecided && c.Progress.Finish.Done && len(c.Progress.Created) == 0 && !c.Progress.CreateTried
}

// Endable reports a call that goes on, as far as we know, and that nobody has
// answered: one that has ended has a status before its times are stored.
func (c *Call) Endable() bool {
	ours := c.Kind == KindPBX || c.Kind == KindClick || c.Kind == KindCallback
	return ours && c.State == CallOpen && c.AnsweredAt == nil && c.EndedAt == nil && c.Status == ""
}

// RetryFailed opens calls of a portal that were given up, up to limit, the
// oldest first, and wakes workers for them. It returns how many, and how many
// given-up calls are left. Those that were settled stay as they are.
func (s *Store) RetryFailed(ctx context.Context, portalID int64, limit int) (retried int, left int64, err error) {
	err = s.Transaction(ctx, func(tx *gorm.DB) error {
		failed := func() *gorm.DB {
			return tx.Table("calls").Where("portal_id = ? AND attention = ? AND state = ?", portalID, AttentionFailed, CallFailed)
		}
		var calls []Call
		if err := failed().Select("id", "call_key").Order("started_at, id").Limit(limit).Find(&calls).Error; err != nil {
			return err
		}
		ids, keys := make([]int64, len(calls)), make([]string, len(calls))
		for i, c := range calls {
			ids[i], keys[i] = c.ID, c.CallKey
		}
		if err := failed().Where("id IN ?", ids).Updates(s.reopened()).Error; err != nil {
			return err
		}
		retried = len(calls)
		if err := s.wakeNow(ctx, tx, portalID, keys); err != nil {
			return err
		}
		return failed().Count(&left).Error
	})
	return retried, left, err
}

// reopened are the columns of a call that is to be worked on anew.
func (s *Store) reopened() map[string]any {
	return map[string]any{
		"state": CallOpen, "result": ResultWaiting, "attention": NoAttention,
		"attempts": 0, "failing_since": nil, "updated_at": s.now(),
	}
}

// Bounds of [Store.Relabel].
const (
	relabelPage  = 200
	relabelPages = 50
)

// Relabel says whose extension it is in the calls of a portal that nobody had:
// those that are over get the user, those that go on are woken and find it
// themselves. It returns how many are changed; of very many only the newest
// 10,000 of each, and doing it again goes on.
func (s *Store) Relabel(ctx context.Context, portalID int64, extension string, userID int64) (int, error) {
	changed := 0
	for range relabelPages {
		n, err := s.relabelSome(ctx, portalID, extension, userID)
		if err != nil {
			return changed, err
		}
		changed += n
		if n < relabelPage {
			break
		}
	}
	return changed, s.wakeExtension(ctx, portalID, extension)
}

func (s *Store) unmapped(db *gorm.DB, portalID int64, extension string) *gorm.DB {
	return db.Where("portal_id = ? AND extension = ? AND user_id = 0", portalID, clean(extension))
}

func (s *Store) relabelSome(ctx context.Context, portalID int64, extension string, userID int64) (int, error) {
	var calls []Call
	err := s.Transaction(ctx, func(tx *gorm.DB) error {
		over := s.unmapped(tx, portalID, extension).Where("state <> ?", CallOpen)
		if err := over.Order("started_at DESC, id DESC").Limit(relabelPage).Find(&calls).Error; err != nil {
			return err
		}
		for _, c := range calls {
			c.UserID = userID
			c.summarise()
			saved := s.unmapped(tx.Table("calls"), portalID, extension).Where("id = ? AND state <> ?", c.ID, CallOpen).
				Updates(map[string]any{"user_id": userID, "attention": c.Attention, "updated_at": s.now()})
			if saved.Error != nil {
				return saved.Error
			}
		}
		return nil
	})
	return len(calls), err
}

// wakeExtension wakes the calls of an extension that go on.
func (s *Store) wakeExtension(ctx context.Context, portalID int64, extension string) error {
	return s.Transaction(ctx, func(tx *gorm.DB) error {
		var keys []string
		err := s.unmapped(tx.Table("calls"), portalID, extension).Where("state = ?", CallOpen).
			Order("id DESC").Limit(relabelPage*relabelPages).Pluck("call_key", &keys).Error
		if err != nil {
			return err
		}
		return s.wakeNow(ctx, tx, portalID, keys)
	})
}
