package models

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"gorm.io/gorm"
)

// A RESTRequest is one request that was sent to a portal.
type RESTRequest struct {
	ID        int64
	PortalID  int64
	CallID    *int64          // the call it was for
	At        time.Time       `gorm:"serializer:utc"`
	Method    string          // of a batch: "batch: a, b"
	Params    json.RawMessage `gorm:"serializer:json"` // secrets and bodies masked
	Status    int             // HTTP; 0 = no answer
	Answer    json.RawMessage `gorm:"serializer:json"` // the same of what came back; nil without an answer
	Code      string
	Duration  time.Duration `gorm:"column:duration_ns"`
	Operating float64
}

// TableName is GORM's.
func (RESTRequest) TableName() string { return "rest_log" }

// AddRESTRequests appends requests to the REST log of their portal, unless the app
// was removed from it meanwhile; ErrNotFound when the portal is gone.
func (s *Store) AddRESTRequests(ctx context.Context, asked ...RESTRequest) error {
	_, err := together(s.soon(ctx), s.soonPool, s.asking(asked)...)
	return gone(err)
}

func addRequests(db *gorm.DB, asked []RESTRequest) *gorm.DB {
	rows := slices.Clone(asked)
	for i := range rows {
		r := &rows[i]
		r.ID = 0
		r.Method, r.Code = clean(r.Method), clean(r.Code)
		r.Params, r.Answer = cleanJSON(r.Params), cleanJSON(r.Answer)
	}
	return db.Create(&rows)
}

// gone translates the absence of what a row belongs to.
func gone(err error) error {
	if errors.Is(err, gorm.ErrForeignKeyViolated) {
		return ErrNotFound
	}
	return err
}

// cleanJSON is clean for JSON; nil for none.
func cleanJSON(text json.RawMessage) json.RawMessage {
	if len(text) == 0 {
		return nil
	}
	return json.RawMessage(clean(string(text)))
}

// RESTOfCall returns the requests of a call in the order they were sent.
func (s *Store) RESTOfCall(ctx context.Context, portalID, callID int64) ([]RESTRequest, error) {
	var entries []RESTRequest
	err := s.with(ctx).Where("portal_id = ? AND call_id = ?", portalID, callID).Order("at, id").Find(&entries).Error
	return entries, err
}

// RESTPage returns requests of a portal that stand behind a place in the log,
// the newest first, and the place to go on from; nil means that there are no
// more.
func (s *Store) RESTPage(ctx context.Context, portalID int64, after Cursor, limit int) ([]RESTRequest, *Cursor, error) {
	query := s.with(ctx).Where("portal_id = ?", portalID)
	if after != (Cursor{}) {
		query = query.Where("(at, id) < (?, ?)", Stored(after.At), after.ID)
	}
	var entries []RESTRequest
	if err := query.Order("at DESC, id DESC").Limit(limit + 1).Find(&entries).Error; err != nil {
		return nil, nil, err
	}
	if len(entries) <= limit {
		return entries, nil, nil
	}
	last := entries[limit-1]
	return entries[:limit], &Cursor{At: last.At, ID: last.ID}, nil
}
