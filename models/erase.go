package models

import (
	"context"
	"crypto/sha256"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// erasedMemory is how long an erased call is recognised: no PBX repeats an
// event, or reports a recording, later than that.
const erasedMemory = 30 * 24 * time.Hour

// An ErasedCall is what stays of an erased call: enough to recognise it.
type ErasedCall struct {
	PortalID int64  `gorm:"primaryKey;autoIncrement:false"`
	CallHash []byte `gorm:"primaryKey"` // of a key of the call
	Until    int64  // microseconds
}

func hashOf(callKey string) []byte {
	sum := sha256.Sum256([]byte(clean(callKey)))
	return sum[:]
}

// CallsOfNumber returns calls of a portal with one of these search keys that
// were made after the one with this id, in the order they were made.
func (s *Store) CallsOfNumber(ctx context.Context, portalID int64, phoneKeys []string, after int64, limit int) ([]Call, error) {
	var calls []Call
	err := ofNumber(s.with(ctx), portalID, phoneKeys).Where("id > ?", after).Order("id").Limit(limit).Find(&calls).Error
	return calls, err
}

// CallIDsOfNumber is [Store.CallsOfNumber] of the calls' ids alone.
func (s *Store) CallIDsOfNumber(ctx context.Context, portalID int64, phoneKeys []string, after int64, limit int) ([]int64, error) {
	var ids []int64
	err := ofNumber(s.with(ctx), portalID, phoneKeys).Model(&Call{}).Where("id > ?", after).Order("id").Limit(limit).Pluck("id", &ids).Error
	return ids, err
}

// CountCallsOfNumber counts the calls of a portal with one of these search
// keys, and those of them that go on.
func (s *Store) CountCallsOfNumber(ctx context.Context, portalID int64, phoneKeys []string) (all, open int64, err error) {
	if err = ofNumber(s.with(ctx), portalID, phoneKeys).Model(&Call{}).Count(&all).Error; err != nil {
		return 0, 0, err
	}
	err = ofNumber(s.with(ctx), portalID, phoneKeys).Model(&Call{}).Where("state = ?", CallOpen).Count(&open).Error
	return all, open, err
}

func ofNumber(db *gorm.DB, portalID int64, phoneKeys []string) *gorm.DB {
	return db.Where("portal_id = ? AND phone_key IN ?", portalID, phoneKeys)
}

// EraseCall removes a call of a portal with its events, requests, recordings
// and jobs, counts it, and remembers that it did: what its PBX still reports of
// it is dropped. The caller holds the call's lease. ErrBusy means that the call
// goes on, or that there is work left: erased now, it would begin anew. A call
// that is gone is no error.
func (s *Store) EraseCall(ctx context.Context, e *Erasure, callID int64) error {
	portalID := e.PortalID
	return s.Transaction(ctx, func(tx *gorm.DB) error {
		var calls []Call
		if err := s.toRemove(tx).Where("portal_id = ? AND id = ?", portalID, callID).Find(&calls).Error; err != nil || len(calls) == 0 {
			return err
		}
		keys := calls[0].Keys()
		var pending int64
		err := tx.Table("events").Where("portal_id = ? AND call_key IN ? AND done_at IS NULL", portalID, keys).Count(&pending).Error
		if err != nil {
			return err
		}
		if calls[0].State == CallOpen || pending > 0 {
			return ErrBusy
		}
		if err := s.rememberErased(tx, portalID, keys); err != nil {
			return err
		}
		if err := s.eraseRows(tx, &calls[0], keys); err != nil {
			return err
		}
		e.Calls++
		return changed(ofErasure(tx, e).Update("calls", gorm.Expr("calls + 1")))
	})
}

// toRemove locks calls before anything of theirs is removed: who logs requests of a
// call locks it first, too. What else comes late is recognised as an erased call's.
func (s *Store) toRemove(tx *gorm.DB) *gorm.DB {
	if s.pool == nil {
		return tx
	}
	return tx.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate})
}

func (s *Store) rememberErased(tx *gorm.DB, portalID int64, keys []string) error {
	for _, key := range keys {
		row := ErasedCall{portalID, hashOf(key), s.now().Add(erasedMemory).UnixMicro()}
		if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row).Error; err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) eraseRows(tx *gorm.DB, c *Call, keys []string) error {
	for _, row := range []struct {
		where  string
		values []any
	}{
		{"events WHERE portal_id = ? AND call_key IN ?", []any{c.PortalID, keys}},
		{"recordings WHERE portal_id = ? AND call_key IN ?", []any{c.PortalID, keys}},
		{"rest_log WHERE portal_id = ? AND call_id = ?", []any{c.PortalID, c.ID}},
		{"recent_creations WHERE portal_id = ? AND call_id = ?", []any{c.PortalID, c.ID}},
		{"river_job WHERE state <> 'running' AND " + s.jobPortal() + " = ? AND " + s.jobArgument("call_key") + " IN ?", []any{c.PortalID, keys}},
		{"calls WHERE portal_id = ? AND id = ?", []any{c.PortalID, c.ID}},
	} {
		if err := tx.Exec("DELETE FROM "+row.where, row.values...).Error; err != nil {
			return err
		}
	}
	return nil
}

// dropReported removes what was reported of an erased call.
func (s *Store) dropReported(ctx context.Context, portalID int64, callKey string) error {
	for _, table := range []string{"events", "recordings"} {
		err := s.with(ctx).Exec("DELETE FROM "+table+" WHERE portal_id = ? AND call_key = ?", portalID, clean(callKey)).Error
		if err != nil {
			return err
		}
	}
	return nil
}
