package models

import (
	"context"
	"time"
)

// A PrivacyKind is what was asked about a number.
type PrivacyKind string

// Kinds of requests about a number.
const (
	PrivacyExport  PrivacyKind = "export"
	PrivacyErasure PrivacyKind = "erasure"
)

// A PrivacyRequest says who asked for what about some number; which one, it
// holds encrypted while the number is being erased, and never else.
type PrivacyRequest struct {
	ID       int64
	PortalID int64
	Kind     PrivacyKind
	UserID   int64
	Calls    int64      // that it was about, or that are erased so far
	Mentions int64      // of the number in other rows that are erased so far
	Waiting  bool       // the erasure waits for what is still being worked on
	At       time.Time  `gorm:"serializer:utc"`
	DoneAt   *time.Time `gorm:"serializer:utc"` // nil while it goes on, and of what earlier versions did
	Sealed   []byte     `gorm:"column:number"`
	Step     int        // of what is looked through
	AfterKey string     // the last key of it that is done
}

// Pending reports an erasure that goes on.
func (r PrivacyRequest) Pending() bool { return len(r.Sealed) > 0 }

// AddExport writes down that what is stored of a number was handed out.
func (s *Store) AddExport(ctx context.Context, portalID, userID, calls int64) error {
	now := s.now()
	// SQLite would be given an empty number, which is not none.
	return s.with(ctx).Omit("Sealed").Create(&PrivacyRequest{
		PortalID: portalID, Kind: PrivacyExport, UserID: userID, Calls: calls, At: now, DoneAt: &now,
	}).Error
}

// PrivacyRequests returns erasures of a portal that go on, and then the last
// requests that are done, each the newest first.
func (s *Store) PrivacyRequests(ctx context.Context, portalID int64, limit int) ([]PrivacyRequest, error) {
	var requests []PrivacyRequest
	err := s.with(ctx).Where("portal_id = ?", portalID).Order("number IS NULL, id DESC").Limit(limit).Find(&requests).Error
	return requests, err
}
