package callflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"callwise/app/b24"
	"callwise/models"

	"golang.org/x/sync/errgroup"
)

// A refresh token that nobody uses works for 180 days: what is due at the latest
// 15 days before leaves time to try again. The authorization server blocks who
// renews too much, so pairs that came together are not renewed together.
//
// https://apidocs.bitrix24.com/settings/oauth/auto-renewal.html
const (
	idleFrom    = 150 * 24 * time.Hour // after the last renewal
	idleHours   = 15 * 24              // over which the turns are spread from then on
	idleExpired = 180 * 24 * time.Hour // after the last renewal
	idleAtOnce  = 50                   // pairs that one run renews
	idleBeside  = 4                    // at a time
	idleAgain   = time.Hour            // after a renewal that failed in passing
	idleSeldom  = 24 * time.Hour       // after one that was refused, or for a portal that is not active
)

// RenewIdle renews the pairs of tokens of all portals in use that nothing has
// renewed for 150 to 165 days: those of administrators whose turn comes when the
// installer is dismissed, and those of a portal that has been suspended for long. A
// pair that is found dead is so on the health page, too. What fails in passing is
// tried again in an hour; what is refused otherwise, or is for a portal that is not
// active, in a day. The latter ends when 180 days are over, all else after a year. No
// portal's budget of requests is used. It may be repeated, also by several processes
// at once: one of them renews a pair.
func (f *Flow) RenewIdle(ctx context.Context) error {
	taken, err := f.takeIdle(ctx)
	var beside errgroup.Group
	beside.SetLimit(idleBeside)
	for _, t := range taken {
		beside.Go(func() error { return f.renewIdle(ctx, t) })
	}
	return errors.Join(err, beside.Wait())
}

// takeIdle takes the pairs whose turn has come, as many as one run renews. With an
// error it returns those that it has taken until then.
func (f *Flow) takeIdle(ctx context.Context) (taken []models.IdleToken, err error) {
	for after := int64(0); ; {
		page, err := f.Store.IdleTokens(ctx, after, f.Now().Add(-idleFrom), f.Now().Add(-idleExpired))
		if err != nil || len(page) == 0 {
			return taken, err
		}
		after = page[len(page)-1].ID
		some, err := f.takeSome(ctx, page, idleAtOnce-len(taken))
		taken = append(taken, some...)
		if err != nil || len(taken) == idleAtOnce {
			return taken, err
		}
	}
}

// takeSome takes at most so many pairs of a page.
func (f *Flow) takeSome(ctx context.Context, page []models.IdleToken, most int) (taken []models.IdleToken, err error) {
	for _, t := range page {
		due, err := f.takeTurn(ctx, t)
		if err != nil {
			return taken, err
		}
		if due {
			taken = append(taken, t)
		}
		if len(taken) == most {
			break
		}
	}
	return taken, nil
}

// takeTurn reports whether it is a pair's turn. It is so for one caller, and again
// only after idleSeldom: the lease is not given back, see [Flow.takeTurnSoon].
func (f *Flow) takeTurn(ctx context.Context, t models.IdleToken) (bool, error) {
	if f.Now().Before(idleTurn(t)) {
		return false, nil
	}
	return f.Store.Acquire(ctx, idleLease(t), f.Owner, idleSeldom)
}

// takeTurnSoon has a turn that was taken come again after idleAgain.
func (f *Flow) takeTurnSoon(ctx context.Context, t models.IdleToken) error {
	_, err := f.Store.Renew(ctx, idleLease(t), f.Owner, idleAgain)
	return err
}

func idleLease(t models.IdleToken) string { return fmt.Sprintf("idle:%d", t.ID) }

// idleTurn is when a pair is to be renewed: pairs stored one after another come an
// hour apart.
func idleTurn(t models.IdleToken) time.Time {
	return t.RenewedAt.Add(idleFrom + time.Duration(t.ID%idleHours)*time.Hour)
}

// renewIdle renews a pair unless that was done, or its portal was removed, since it
// was read. Its error is one of our own house.
func (f *Flow) renewIdle(ctx context.Context, t models.IdleToken) error {
	client, pair, err := f.idlePair(ctx, t)
	if errors.Is(err, models.ErrNotFound) {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		f.Log.ErrorContext(ctx, "portal passed over", "portal", t.PortalID, "error", err)
		return nil
	}
	err = client.KeepAlive(ctx, pair)
	if !isPortals(err) {
		return known(err)
	}
	f.Log.WarnContext(ctx, "unused tokens not renewed", "portal", t.PortalID, "code", ErrorCode(err))
	if _, passes := b24.Retry(err); passes && t.Status == models.PortalActive {
		return f.takeTurnSoon(context.WithoutCancel(ctx), t)
	}
	return nil
}

// idlePair opens a pair; models.ErrNotFound says that it is another one now, or
// none.
func (f *Flow) idlePair(ctx context.Context, t models.IdleToken) (*b24.Client, b24.Token, error) {
	portal, err := f.Store.PortalByID(ctx, t.PortalID)
	if err != nil {
		return nil, b24.Token{}, err
	}
	live, err := f.Store.LiveTokens(ctx, portal.ID)
	if err != nil {
		return nil, b24.Token{}, err
	}
	i := slices.IndexFunc(live, func(l models.Token) bool { return l.ID == t.ID && l.RenewedAt.Equal(t.RenewedAt) })
	if i < 0 {
		return nil, b24.Token{}, models.ErrNotFound
	}
	return f.Client(portal), spoken(live[i]), nil
}
