package models

import (
	"context"
	"time"

	"callwise/app/call"
	"callwise/app/rules"
)

// A CallRow is what the call log shows of a call at a glance.
type CallRow struct {
	ID           int64
	PortalID     int64
	Kind         CallKind
	CallKey      string
	Direction    call.Direction
	Phone        string
	CustomerName string
	Line         string
	UserID       int64
	Extension    string
	StartedAt    time.Time `gorm:"serializer:utc"`
	Duration     int       // seconds of talk
	Status       call.Status
	State        CallState
	Decision     *rules.Decision `gorm:"serializer:json"` // nil = not decided
	Progress     Progress        `gorm:"serializer:json"`
	RetryAt      *time.Time      `gorm:"serializer:utc"`
	ErrorCode    string
	Result       CallResult
	UpdatedAt    time.Time `gorm:"serializer:utc"`
}

// TableName is GORM's.
func (CallRow) TableName() string { return "calls" }

// Details are all that is known of a call.
type Details struct {
	Call   Call
	Events []Event // in the order they happened
	REST   []RESTRequest
}

// CallDetails returns a call of a portal with its events and requests.
func (s *Store) CallDetails(ctx context.Context, portalID, callID int64) (*Details, error) {
	c, err := s.CallByID(ctx, portalID, callID)
	if err != nil {
		return nil, err
	}
	events, err := s.EventsOf(ctx, portalID, c.Keys()...)
	if err != nil {
		return nil, err
	}
	rest, err := s.RESTOfCall(ctx, portalID, callID)
	if err != nil {
		return nil, err
	}
	return &Details{Call: *c, Events: events, REST: rest}, nil
}
