package models

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// A renewal may ask the authorization server for renewWithin and then try once to
// store for storeWithin, in which its lease does not end. It goes on trying, at
// most storeEvery apart.
const (
	renewWithin = 20 * time.Second
	storeWithin = 20 * time.Second
	storeEvery  = 5 * time.Second
	renewLease  = renewWithin + storeWithin + 5*time.Second
	renewPoll   = 50 * time.Millisecond
)

// RenewToken replaces a user's pair whose access token is stale by what renew
// makes of it. Of all processes one renews, for a renewal takes the refresh
// token too; the others wait and get the stored pair, as does a caller whose
// stale is not the stored access token any more. The new pair is stored before
// it is returned, however long that takes, unless the store is closed. ErrNotFound
// means that the user has no live pair.
func (s *Store) RenewToken(ctx context.Context, portalID, userID int64, stale string, renew func(context.Context, Token) (Token, error)) (Token, error) {
	portal, err := s.PortalByID(ctx, portalID)
	if err != nil {
		return Token{}, err
	}
	owner := uuid.NewString()
	tick := time.NewTicker(renewPoll)
	defer tick.Stop()
	for {
		_, token, err := s.liveToken(ctx, portal, userID)
		if err != nil || token.AccessToken != stale {
			return token, err
		}
		lease := fmt.Sprintf("token:%d", token.ID)
		held, err := s.Acquire(ctx, lease, owner, renewLease)
		if err != nil {
			return Token{}, err
		}
		if held {
			token, err := s.renewHeld(ctx, portal, userID, stale, renew)
			return token, errors.Join(err, s.giveBack(ctx, lease, owner))
		}
		select {
		case <-ctx.Done():
			return Token{}, context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// renewHeld renews while this process alone may.
func (s *Store) renewHeld(ctx context.Context, portal *Portal, userID int64, stale string, renew func(context.Context, Token) (Token, error)) (Token, error) {
	row, token, err := s.liveToken(ctx, portal, userID)
	if err != nil || token.AccessToken != stale {
		return token, err
	}
	asking, cancel := context.WithTimeout(ctx, renewWithin)
	defer cancel()
	fresh, err := renew(asking, token)
	if err != nil {
		return Token{}, err
	}
	// The old pair is worth nothing now: the caller's hurry must not lose the new one.
	return s.storeRenewed(context.WithoutCancel(ctx), portal, row, fresh)
}

// storeRenewed stores a pair, tries again for as long as that fails and the store is
// open, and returns what is stored then: a pair that the user has brought meanwhile
// is newer, and stays.
func (s *Store) storeRenewed(ctx context.Context, portal *Portal, old *tokenRow, fresh Token) (Token, error) {
	for wait := renewPoll; ; wait = min(2*wait, storeEvery) {
		err := s.replacePair(ctx, portal, old, fresh)
		if err == nil {
			_, token, err := s.liveToken(ctx, portal, old.UserID)
			return token, err
		}
		s.Log.ErrorContext(ctx, "renewed tokens not stored yet", "portal", portal.ID, "error", err)
		select {
		case <-s.closing.Done():
			return Token{}, err
		case <-time.After(wait):
		}
	}
}

// replacePair stores a pair unless another has replaced the old one. That the old
// one was found dead meanwhile says nothing about its successor, which heals the
// portal as a pair does that a user brings.
func (s *Store) replacePair(ctx context.Context, portal *Portal, old *tokenRow, fresh Token) error {
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	next := old.Token
	next.AccessToken, next.RefreshToken = fresh.AccessToken, fresh.RefreshToken
	next.ExpiresAt, next.RenewedAt = fresh.ExpiresAt, s.now()
	if fresh.AuthHost != "" {
		next.AuthHost = fresh.AuthHost
	}
	row, err := s.sealToken(next, portal.MemberID)
	if err != nil {
		return err
	}
	row.Generation = old.Generation + 1
	return s.Transaction(ctx, func(tx *gorm.DB) error {
		replaced := tx.Where("id = ? AND portal_id = ? AND generation = ?", old.ID, portal.ID, old.Generation).
			Select("access_token", "refresh_token", "auth_host", "expires_at", "renewed_at", "generation").
			Updates(row)
		if replaced.Error != nil || replaced.RowsAffected == 0 {
			return replaced.Error
		}
		revived := tx.Table("tokens").Where("id = ? AND portal_id = ? AND dead_code <> ''", old.ID, portal.ID).Update("dead_code", "")
		if revived.Error != nil || revived.RowsAffected == 0 {
			return revived.Error
		}
		return s.heal(tx, portal.ID)
	})
}

func (s *Store) liveToken(ctx context.Context, portal *Portal, userID int64) (*tokenRow, Token, error) {
	var row tokenRow
	err := s.with(ctx).Where("portal_id = ? AND user_id = ? AND dead_code = ''", portal.ID, userID).Take(&row).Error
	if err != nil {
		return nil, Token{}, found(err)
	}
	token, err := row.open(s.keys, portal.MemberID)
	return &row, token, err
}

// idlePage is how many pairs [Store.IdleTokens] returns at a time.
const idlePage = 500

// An IdleToken is a live pair of a portal in use that has not been renewed for
// long, without its secrets.
type IdleToken struct {
	ID, PortalID int64
	RenewedAt    time.Time    `gorm:"serializer:utc"`
	Status       PortalStatus // of the portal
}

// IdleTokens returns the next live pairs after an id that were renewed before a
// time, of the portals that are active or not reachable; of the latter only what was
// renewed after expired, and of the former for half a year more. None means that there
// are no more.
func (s *Store) IdleTokens(ctx context.Context, after int64, before, expired time.Time) ([]IdleToken, error) {
	var page []IdleToken
	err := s.with(ctx).Table("tokens t").Select("t.id, t.portal_id, t.renewed_at, p.status").
		Joins("JOIN portals p ON p.id = t.portal_id").
		Where("t.id > ? AND t.dead_code = '' AND t.renewed_at < ? AND "+inUse, after, Stored(before)).
		Where("t.renewed_at > ? AND (p.status = ? OR t.renewed_at > ?)", Stored(expired.AddDate(0, -6, 0)), PortalActive, Stored(expired)).
		Order("t.id").Limit(idlePage).Find(&page).Error
	return page, err
}
