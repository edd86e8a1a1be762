package callflow

import (
	"context"
	"errors"
	"time"

	"callwise/app/b24"
	"callwise/models"

	"golang.org/x/oauth2"
)

// A keeper keeps for the Bitrix24 client of one portal what must not be lost,
// in our store.
type keeper struct {
	*models.Store
	metrics  *Metrics
	portalID int64
	// work is the call that requests are made for; nil for none. What was decided
	// for it is written down before it is acted on, and what was asked with it.
	work *work
	// stopped is why the portal is not asked; nil if it may be.
	stopped error
}

// Client is a client of a portal that keeps its tokens in the store. It asks a
// portal that is suspended, too: for somebody who waits, or once in a while.
func (f *Flow) Client(portal *models.Portal) *b24.Client {
	return f.Bitrix24.Client(portal.MemberID, keeper{f.Store, f.Metrics, portal.ID, nil, nil})
}

// patientClient is [Flow.Client] for what comes again by itself, such as the work on
// a call; nil for none. It asks nobody while the portal is suspended.
func (f *Flow) patientClient(portal *models.Portal, w *work) *b24.Client {
	return f.Bitrix24.Client(portal.MemberID, keeper{f.Store, f.Metrics, portal.ID, w, suspension(portal)})
}

func (k keeper) Portal(ctx context.Context, _ string) (b24.Portal, error) {
	p, err := k.PortalByID(ctx, k.portalID)
	if err != nil {
		return b24.Portal{}, err
	}
	return b24.Portal{MemberID: p.MemberID, Endpoint: p.Endpoint}, nil
}

func (k keeper) Access(ctx context.Context, memberID string, b b24.Bucket, most time.Duration) (b24.Access, error) {
	if k.stopped != nil {
		return b24.Access{}, k.stopped
	}
	sealed, err := k.toAsk(ctx, k.pace(b), most)
	if err != nil {
		return b24.Access{}, err
	}
	endpoint, stored, err := sealed.Open()
	if err != nil {
		return b24.Access{}, err
	}
	pairs := make([]b24.Token, len(stored))
	for i, t := range stored {
		pairs[i] = spoken(t)
	}
	return b24.Access{Portal: b24.Portal{MemberID: memberID, Endpoint: endpoint}, Pairs: pairs, Wait: sealed.Wait}, nil
}

func (k keeper) toAsk(ctx context.Context, p models.Pace, most time.Duration) (models.SealedAccess, error) {
	if k.work != nil {
		return k.work.saveToAsk(ctx, p, most)
	}
	return k.ToAsk(ctx, p, most)
}

func (k keeper) Renew(ctx context.Context, _ string, userID int64, stale string, renew func(context.Context, b24.Token) (b24.Token, error)) (b24.Token, error) {
	fresh, err := k.RenewToken(ctx, k.portalID, userID, stale, func(ctx context.Context, t models.Token) (models.Token, error) {
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
func (k keeper) Reject(ctx context.Context, _ string, dead b24.Token, code b24.Code) error {
	return k.RejectToken(ctx, k.portalID, dead.UserID, dead.AccessToken, string(code))
}

func (k keeper) Moved(ctx context.Context, _, endpoint string) error {
	return k.Store.Moved(ctx, k.portalID, endpoint)
}

func (k keeper) TakePlace(ctx context.Context, _ string, b b24.Bucket, most time.Duration) (time.Duration, error) {
	return k.Store.TakePlace(ctx, k.pace(b), most)
}

func (k keeper) GiveBack(ctx context.Context, _ string, b b24.Bucket) error {
	return k.Store.GiveBack(ctx, k.pace(b))
}

func (k keeper) Fill(ctx context.Context, _ string, b b24.Bucket) error {
	return k.Store.Fill(ctx, k.pace(b))
}

func (k keeper) pace(b b24.Bucket) models.Pace {
	return models.Pace{PortalID: k.portalID, Bucket: b.Name, Every: b.Every, Burst: b.Burst}
}

func (k keeper) Log(ctx context.Context, _ string, r b24.Request) error {
	k.metrics.requested(r)
	entry := models.RESTRequest{
		PortalID: k.portalID, At: r.At, Method: r.Method, Params: r.Params, Answer: r.Answer,
		Status: r.Status, Code: string(r.Code), Duration: r.Duration, Operating: r.Operating,
	}
	if r.CallID != 0 {
		entry.CallID = &r.CallID
	}
	// A renewal is shared, and may outlast the round that it was begun for.
	if k.work != nil && r.Method != b24.Renewal {
		k.work.asked, k.work.sent = append(k.work.asked, entry), r.At
		return nil
	}
	return known(k.AddRESTRequests(ctx, entry))
}

// known drops the error of a portal that was removed while a request was under
// way.
func known(err error) error {
	if errors.Is(err, models.ErrNotFound) {
		return nil
	}
	return err
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
