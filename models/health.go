package models

import (
	"context"
	"errors"
	"time"
)

// A Heard is when each source was heard of last; zero for never, or not lately.
type Heard map[Source]time.Time

// heardCalls is how many of the newest calls of each kind are looked at for
// when something was heard last.
const heardCalls = 20

var callKinds = []CallKind{KindPBX, KindClick, KindCallback, KindBuiltin, KindOther}

// Heard returns when a portal and its PBX were heard of last: when the events
// of the newest calls of each kind arrived, but for ends that we took from the
// statistics.
func (s *Store) Heard(ctx context.Context, portalID int64) (Heard, error) {
	heard := Heard{}
	for _, kind := range callKinds {
		var calls []Call
		err := s.with(ctx).Select("call_key, pbx_call_id, b24_call_id").
			Where("portal_id = ? AND kind = ? AND call_key NOT LIKE 'test:%'", portalID, kind).
			Order("started_at DESC").Limit(heardCalls).Find(&calls).Error
		if err != nil {
			return nil, err
		}
		var keys []string
		for _, c := range calls {
			keys = append(keys, c.Keys()...)
		}
		if err := s.hear(ctx, portalID, keys, heard); err != nil {
			return nil, err
		}
	}
	return heard, nil
}

func (s *Store) hear(ctx context.Context, portalID int64, callKeys []string, heard Heard) error {
	var events []Event
	err := s.with(ctx).Select("source, arrived_at").Where("portal_id = ? AND call_key IN ?", portalID, callKeys).
		Where("NOT (source = ? AND event_key LIKE ?)", SourceBitrix24, RecoveredPrefix+"%").Find(&events).Error
	for _, e := range events {
		if e.ArrivedAt.After(heard[e.Source]) {
			heard[e.Source] = e.ArrivedAt
		}
	}
	return err
}

// LastCall returns when the last call of a kind began; ErrNotFound without one.
func (s *Store) LastCall(ctx context.Context, portalID int64, kind CallKind) (time.Time, error) {
	var c Call
	err := s.with(ctx).Select("started_at").Where("portal_id = ? AND kind = ? AND call_key NOT LIKE 'test:%'", portalID, kind).
		Order("started_at DESC").Take(&c).Error
	return c.StartedAt, found(err)
}

// A PortalBacklog is what of one portal still waits to be worked on.
type PortalBacklog struct {
	Events int
	Oldest time.Time // when the one that waits longest arrived; zero without any
}

// BacklogOf returns what of a portal waits.
func (s *Store) BacklogOf(ctx context.Context, portalID int64) (PortalBacklog, error) {
	var row struct {
		Events int
		Oldest *int64
	}
	err := s.with(ctx).Table("events").Select("count(*) AS events, min(id) AS oldest").
		Where("portal_id = ? AND done_at IS NULL", portalID).Scan(&row).Error
	if err != nil || row.Oldest == nil {
		return PortalBacklog{}, err
	}
	var e Event
	err = found(s.with(ctx).Select("arrived_at").Where("portal_id = ? AND id = ?", portalID, *row.Oldest).Take(&e).Error)
	if errors.Is(err, ErrNotFound) {
		return PortalBacklog{}, nil
	}
	return PortalBacklog{Events: row.Events, Oldest: e.ArrivedAt}, err
}

// A Trouble counts calls that did not go as they should.
type Trouble struct{ Failed, Retrying, Attention int }

// Trouble counts the calls of a portal that began after since.
func (s *Store) Trouble(ctx context.Context, portalID int64, since time.Time) (Trouble, error) {
	var t Trouble
	err := s.with(ctx).Raw(`SELECT
		(SELECT count(*) FROM calls WHERE portal_id = ? AND started_at >= ? AND result IN ('failed', 'retrying') AND result = 'failed') AS failed,
		(SELECT count(*) FROM calls WHERE portal_id = ? AND started_at >= ? AND result IN ('failed', 'retrying') AND result = 'retrying') AS retrying,
		(SELECT count(*) FROM calls WHERE portal_id = ? AND started_at >= ? AND attention <> '') AS attention`,
		portalID, Stored(since), portalID, Stored(since), portalID, Stored(since)).Scan(&t).Error
	return t, err
}

// mostRequests is more than a portal lets through in ten minutes.
const mostRequests = 10_000

// RequestsSince returns the requests that were sent to a portal since a time,
// without their parameters, the oldest first.
func (s *Store) RequestsSince(ctx context.Context, portalID int64, since time.Time) ([]RESTRequest, error) {
	var requests []RESTRequest
	err := s.with(ctx).Select("at, method, status, code, operating").Where("portal_id = ? AND at >= ?", portalID, Stored(since)).
		Order("at, id").Limit(mostRequests).Find(&requests).Error
	return requests, err
}

// TokensOf returns all pairs of a portal without their secrets, the dead ones
// too, the newest first.
func (s *Store) TokensOf(ctx context.Context, portalID int64) ([]Token, error) {
	var rows []tokenRow
	err := s.with(ctx).Select("id, portal_id, user_id, kind, auth_host, expires_at, dead_code, renewed_at").
		Where("portal_id = ?", portalID).Order("renewed_at DESC, id DESC").Find(&rows).Error
	tokens := make([]Token, len(rows))
	for i, row := range rows {
		tokens[i] = row.Token
	}
	return tokens, err
}
