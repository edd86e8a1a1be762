package callflow

import (
	"context"
	"errors"
	"time"

	"callwise/app/b24"
	"callwise/models"

	"golang.org/x/oauth2"
)

// A keeper keeps for the Bitrix24 client what must not be lost, in our store.
type keeper struct {
	*models.Store
	metrics *Metrics
}

func (f *Flow) keeper() keeper { return keeper{f.Store, f.Metrics} }

// Client is a client of a portal that keeps its tokens in the store.
func (f *Flow) Client(portal *models.Portal) *b24.Client {
	return f.Bitrix24.Client(portal.MemberID, f.keeper())
}

func (k keeper) Portal(ctx context.Context, memberID string) (b24.Portal, error) {
	p, err := k.Store.Portal(ctx, memberID)
	if err != nil {
		return b24.Portal{}, err
	}
	return b24.Portal{MemberID: p.MemberID, Endpoint: p.Endpoint}, nil
}

func (k keeper) Tokens(ctx context.Context, memberID string) ([]b24.Token, error) {
	p, err := k.Store.Portal(ctx, memberID)
	if err != nil {
		return nil, err
	}
	stored, err := k.LiveTokens(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	tokens := make([]b24.Token, len(stored))
	for i, t := range stored {
		tokens[i] = spoken(t)
	}
	return tokens, nil
}

func (k keeper) Renew(ctx context.Context, memberID string, userID int64, stale string, renew func(context.Context, b24.Token) (b24.Token, error)) (b24.Token, error) {
	p, err := k.Store.Portal(ctx, memberID)
	if err != nil {
		return b24.Token{}, err
	}
	fresh, err := k.RenewToken(ctx, p.ID, userID, stale, func(ctx context.Context, t models.Token) (models.Token, error) {
		fresh, err := renew(ctx, spoken(t))
		return kept(fresh), err
	})
	if errors.Is(err, models.ErrNotFound) {
		err = b24.ErrPairGone // another request has found it dead, and said so
	}
	return spoken(fresh), err
}

// Reject marks a pair as dead, unless another one is stored by now. When none
// is left the portal waits for an administrator; the store sees to that.
func (k keeper) Reject(ctx context.Context, memberID string, dead b24.Token, code b24.Code) error {
	p, err := k.Store.Portal(ctx, memberID)
	if err != nil {
		return err
	}
	return k.RejectToken(ctx, p.ID, dead.UserID, dead.AccessToken, string(code))
}

func (k keeper) Moved(ctx context.Context, memberID, endpoint string) error {
	p, err := k.Store.Portal(ctx, memberID)
	if err != nil {
		return err
	}
	return k.Store.Moved(ctx, p.ID, endpoint)
}

func (k keeper) TakePlace(ctx context.Context, memberID string, b b24.Bucket, most time.Duration) (time.Duration, error) {
	return k.Store.TakePlace(ctx, paceOf(memberID, b), most)
}

func (k keeper) GiveBack(ctx context.Context, memberID string, b b24.Bucket) error {
	return k.Store.GiveBack(ctx, paceOf(memberID, b))
}

func (k keeper) Fill(ctx context.Context, memberID string, b b24.Bucket) error {
	return k.Store.Fill(ctx, paceOf(memberID, b))
}

func paceOf(memberID string, b b24.Bucket) models.Pace {
	return models.Pace{MemberID: memberID, Bucket: b.Name, Every: b.Every, Burst: b.Burst}
}

func (k keeper) Log(ctx context.Context, memberID string, r b24.Request) error {
	k.metrics.requested(r)
	p, err := k.Store.Portal(ctx, memberID)
	if errors.Is(err, models.ErrNotFound) {
		return nil // removed while the request was under way
	}
	if err != nil {
		return err
	}
	entry := models.RESTRequest{
		PortalID: p.ID, At: r.At, Method: r.Method, Params: r.Params, Answer: r.Answer,
		Status: r.Status, Code: string(r.Code), Duration: r.Duration, Operating: r.Operating,
	}
	if r.CallID != 0 {
		entry.CallID = &r.CallID
	}
	return k.AddRESTRequest(ctx, entry)
}

// spoken is a stored pair as the client has it.
func spoken(t models.Token) b24.Token {
	return b24.Token{
		Token:  oauth2.Token{AccessToken: t.AccessToken, RefreshToken: t.RefreshToken, Expiry: t.ExpiresAt},
		UserID: t.UserID, Kind: b24.TokenKind(t.Kind), AuthHost: t.AuthHost,
	}
}

// kept is a pair of the client as it is stored.
func kept(t b24.Token) models.Token {
	return models.Token{
		UserID: t.UserID, Kind: models.TokenKind(t.Kind), AccessToken: t.AccessToken,
		RefreshToken: t.RefreshToken, AuthHost: t.AuthHost, ExpiresAt: t.Expiry,
	}
}
