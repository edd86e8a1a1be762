package models

import (
	"context"

	riverqueue "github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"gorm.io/gorm"
)

// MostErasures is how many numbers of a portal may be in the course of being
// erased.
const MostErasures = 20

// EraseArgs has everything about a number erased. The number stands, encrypted,
// in the request alone.
type EraseArgs struct {
	PortalID  int64 `json:"portal_id"`
	RequestID int64 `json:"request_id"`
}

// Kind is River's name for the job.
func (EraseArgs) Kind() string { return "erase" }

// InsertOpts make one job of a request, however often it is made.
func (EraseArgs) InsertOpts() riverqueue.InsertOpts {
	return riverqueue.InsertOpts{UniqueOpts: riverqueue.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning, rivertype.JobStateRetryable, rivertype.JobStateScheduled,
	}}}
}

// An Erasure is the wish to have everything about one number erased, and how far
// that has come. Each step of it is one transaction with what it did, so that an
// erasure that is broken off goes on where it was and counts nothing twice.
type Erasure struct {
	PrivacyRequest
	Key string // search key of the number
}

// AskErasure stores the wish that everything about a number is erased, and the
// job that does it, and reports whether nobody had asked for the same number
// before that is still being erased. key is the number's search key. ErrBusy
// means that [MostErasures] numbers are.
func (s *Store) AskErasure(ctx context.Context, portal *Portal, userID int64, key string) (fresh bool, err error) {
	sealed, err := s.keys.seal(key, place(portal.MemberID, "number"))
	if err != nil {
		return false, err
	}
	err = s.Transaction(ctx, func(tx *gorm.DB) error {
		// One at a time: two could ask for the same number.
		if err := changed(tx.Exec("UPDATE portals SET updated_at = updated_at WHERE id = ?", portal.ID)); err != nil {
			return err
		}
		var pending []PrivacyRequest
		if err := tx.Where("portal_id = ? AND number IS NOT NULL", portal.ID).Find(&pending).Error; err != nil {
			return err
		}
		request, err := s.sameNumber(portal, key, pending)
		if err != nil {
			return err
		}
		if fresh = request == nil; fresh {
			if len(pending) >= MostErasures {
				return ErrBusy
			}
			request = &PrivacyRequest{PortalID: portal.ID, Kind: PrivacyErasure, UserID: userID, At: s.now(), Sealed: sealed}
			if err := tx.Create(request).Error; err != nil {
				return err
			}
		}
		return s.river.insert(ctx, tx, EraseArgs{portal.ID, request.ID})
	})
	return fresh, err
}

// sameNumber is the request among these that is about the number; nil for none.
func (s *Store) sameNumber(portal *Portal, key string, requests []PrivacyRequest) (*PrivacyRequest, error) {
	for i, r := range requests {
		other, err := s.keys.open(r.Sealed, place(portal.MemberID, "number"))
		if err != nil {
			return nil, err
		}
		if other == key {
			return &requests[i], nil
		}
	}
	return nil, nil
}

// PendingErasure is an erasure of a portal that goes on; ErrNotFound when it is
// done, or the portal forgotten.
func (s *Store) PendingErasure(ctx context.Context, portal *Portal, id int64) (*Erasure, error) {
	var e Erasure
	err := s.with(ctx).Where("portal_id = ? AND id = ? AND number IS NOT NULL", portal.ID, id).Take(&e.PrivacyRequest).Error
	if err != nil {
		return nil, found(err)
	}
	e.Key, err = s.keys.open(e.Sealed, place(portal.MemberID, "number"))
	return &e, err
}

// AwaitErasure writes down that an erasure waits for calls that go on.
func (s *Store) AwaitErasure(ctx context.Context, e *Erasure) error {
	if e.Waiting {
		return nil
	}
	e.Waiting = true
	return changed(ofErasure(s.with(ctx), e).Update("waiting", true))
}

// FinishErasure ends an erasure whose mentions are gone: it erases the rest of
// what names the number, and then the number. keys are the search keys of the
// number. ErrBusy means that calls of it have come meanwhile.
func (s *Store) FinishErasure(ctx context.Context, e *Erasure, keys []string, erase TextEraser) error {
	return s.Transaction(ctx, func(tx *gorm.DB) error {
		var calls int64
		if err := ofNumber(tx, e.PortalID, keys).Model(&Call{}).Count(&calls).Error; err != nil {
			return err
		}
		if calls > 0 {
			return ErrBusy
		}
		// What was created for the number a moment ago.
		if err := tx.Exec("DELETE FROM recent_creations WHERE portal_id = ? AND phone_key IN ?", e.PortalID, keys).Error; err != nil {
			return err
		}
		filters, err := eraseFilters(tx, e.PortalID, erase)
		if err != nil {
			return err
		}
		e.Mentions += filters
		return changed(ofErasure(tx, e).Updates(map[string]any{
			"mentions": gorm.Expr("mentions + ?", filters), "number": nil, "waiting": false, "done_at": s.now(),
		}))
	})
}

// ofErasure is the row of an erasure, as long as it goes on.
func ofErasure(tx *gorm.DB, e *Erasure) *gorm.DB {
	return tx.Table("privacy_requests").Where("portal_id = ? AND id = ? AND number IS NOT NULL", e.PortalID, e.ID)
}
