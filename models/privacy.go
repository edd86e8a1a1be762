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

// A PrivacyRequest says who asked for what about some number, never which.
type PrivacyRequest struct {
	ID       int64
	PortalID int64
	Kind     PrivacyKind
	UserID   int64
	Calls    int64     // that it was about
	At       time.Time `gorm:"serializer:utc"`
}

// AddPrivacyRequest writes down that somebody asked about a number.
func (s *Store) AddPrivacyRequest(ctx context.Context, r PrivacyRequest) error {
	r.ID, r.At = 0, s.now()
	return s.with(ctx).Create(&r).Error
}

// PrivacyRequests returns the last requests of a portal, the newest first.
func (s *Store) PrivacyRequests(ctx context.Context, portalID int64, limit int) ([]PrivacyRequest, error) {
	var requests []PrivacyRequest
	err := s.with(ctx).Where("portal_id = ?", portalID).Order("id DESC").Limit(limit).Find(&requests).Error
	return requests, err
}
