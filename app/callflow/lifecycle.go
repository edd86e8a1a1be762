package callflow

import (
	"context"
	"errors"
	"strings"
	"time"

	"callwise/app/b24"
	"callwise/models"
)

// ErrForeign says that an event does not prove that it comes from the portal.
var ErrForeign = errors.New("callflow: the event's application token is not the portal's")

// Receive takes in an event of Bitrix24. When it returns nil, whatever the
// event asks for is stored. Events that nobody waits for are accepted and
// dropped. Errors: models.ErrNotFound for a portal that is not known,
// [ErrForeign] for one that cannot prove itself.
func (f *Flow) Receive(ctx context.Context, e b24.Event) error {
	if e.Name == b24.AppInstall {
		return f.installed(ctx, e)
	}
	stored, ours, err := CallEvent(e)
	if err != nil {
		return err
	}
	if ours {
		return f.reported(ctx, e, stored)
	}
	portal, err := f.Store.Portal(ctx, e.MemberID)
	if err != nil {
		return err
	}
	if !e.SentBy(portal.ApplicationToken) {
		return f.strange(ctx, portal, e)
	}
	switch e.Name {
	case b24.AppUserReady:
		return f.userReady(ctx, portal, e)
	case b24.AppUpdate:
		return f.updated(ctx, portal, e)
	case b24.AppUninstall:
		return f.uninstalled(ctx, portal, e)
	case b24.AppPayment:
		return f.Store.EnqueueReconcile(ctx, portal.ID)
	}
	return nil
}

// reported takes in an event about a call.
func (f *Flow) reported(ctx context.Context, e b24.Event, stored models.Event) error {
	sender, err := f.Store.Sender(ctx, e.MemberID)
	if err != nil {
		return err
	}
	portalID := sender.PortalID
	if !e.SentBy(sender.ApplicationToken) {
		// The token may have been replaced a moment ago.
		portal, err := f.Store.Portal(ctx, e.MemberID)
		if err != nil {
			return err
		}
		if !e.SentBy(portal.ApplicationToken) {
			return ErrForeign
		}
		portalID = portal.ID
	}
	_, _, err = f.Report(ctx, portalID, []models.Event{stored})
	return err
}

// Report stores what a portal or its PBX tells about calls, and has it worked
// on: all or none. What was told before counts as a duplicate.
func (f *Flow) Report(ctx context.Context, portalID int64, events []models.Event) (accepted, duplicates int, err error) {
	accepted, duplicates, err = f.Store.AddEvents(ctx, portalID, events)
	if accepted > 0 {
		f.Metrics.accepted(events[0].Source, accepted)
	}
	return accepted, duplicates, err
}

// strange handles an event with another application token: an update may bring
// a new one, which its access token has to prove. ONAPPUNINSTALL cannot prove
// anything else, so it is refused.
func (f *Flow) strange(ctx context.Context, portal *models.Portal, e b24.Event) error {
	if e.Name == b24.AppPayment && e.ApplicationToken == "" {
		return f.perhapsPaid(ctx, portal)
	}
	if e.Name != b24.AppUpdate || e.ApplicationToken == "" || e.Token == nil {
		return ErrForeign
	}
	if _, err := f.proveEvent(ctx, e, e.Token); err != nil {
		return err
	}
	if err := f.Store.SetApplicationToken(ctx, portal.ID, e.ApplicationToken); err != nil {
		return err
	}
	return f.updated(ctx, portal, e)
}

// perhapsPaid takes ONAPPPAYMENT for the hint that it is: portals sent it
// without an application token. A portal that does not answer us is asked again,
// and nothing is believed.
//
// https://apidocs.bitrix24.com/api-reference/common/events/on-app-payment.html
func (f *Flow) perhapsPaid(ctx context.Context, portal *models.Portal) error {
	if portal.Status != models.PortalSuspended {
		return nil
	}
	return f.Store.EnqueueReconcile(ctx, portal.ID)
}

// proveEvent asks the authorization server whose token an event carries.
func (f *Flow) proveEvent(ctx context.Context, e b24.Event, t *b24.Token) (b24.Portal, error) {
	portal, err := f.Bitrix24.Verify(ctx, f.Bitrix24.AuthHost(e.ServerEndpoint), t.AccessToken, e.MemberID)
	if errors.Is(err, b24.ErrForged) {
		return portal, errors.Join(ErrForeign, err)
	}
	return portal, err
}

// installed takes the installer's tokens from ONAPPINSTALL, which may come
// late, or before the installer page.
//
// https://apidocs.bitrix24.com/api-reference/common/events/on-app-install.html
func (f *Flow) installed(ctx context.Context, e b24.Event) error {
	if e.Token == nil {
		return f.knownPortal(ctx, e)
	}
	proven, err := f.proveEvent(ctx, e, e.Token)
	if err != nil {
		return err
	}
	profile, err := f.Bitrix24.Profile(ctx, proven.Endpoint, e.Token.AccessToken)
	if err != nil {
		return err
	}
	if !profile.Admin {
		return f.knownPortal(ctx, e)
	}
	lang := strings.ToLower(e.Data["LANGUAGE_ID"])
	token := kept(f.ofEvent(e, e.Token))
	token.UserID, token.Kind = profile.UserID, models.TokenInstaller
	portal, err := f.Store.SaveInstall(ctx, models.Install{
		MemberID: proven.MemberID, Endpoint: proven.Endpoint, AuthHost: token.AuthHost, ApplicationToken: e.ApplicationToken,
		Lang: lang, Country: countryOf(lang, proven.Endpoint), TimeZone: profile.TimeZone, Token: &token,
	})
	if err != nil {
		return err
	}
	return f.Store.EnqueueReconcile(ctx, portal.ID)
}

// knownPortal accepts an event that adds nothing, if it comes from a portal we
// know.
func (f *Flow) knownPortal(ctx context.Context, e b24.Event) error {
	portal, err := f.Store.Portal(ctx, e.MemberID)
	if err != nil {
		return err
	}
	if !e.SentBy(portal.ApplicationToken) {
		return ErrForeign
	}
	return nil
}

// ofEvent completes a pair that an event carried.
func (f *Flow) ofEvent(e b24.Event, t *b24.Token) b24.Token {
	token := *t
	token.AuthHost = f.Bitrix24.AuthHost(e.ServerEndpoint)
	return token
}

// userReady keeps the tokens of the app's system user, which come in data.
//
// https://apidocs.bitrix24.com/api-reference/common/events/on-app-user-ready.html
func (f *Flow) userReady(ctx context.Context, portal *models.Portal, e b24.Event) error {
	if e.System == nil || e.System.RefreshToken == "" {
		return nil
	}
	token := kept(f.ofEvent(e, e.System))
	token.Kind = models.TokenSystem
	return f.Store.AddToken(ctx, portal.ID, token)
}

// updated binds again what an update may have dropped.
//
// https://apidocs.bitrix24.com/api-reference/common/events/on-app-update.html
func (f *Flow) updated(ctx context.Context, portal *models.Portal, e b24.Event) error {
	return f.Store.EnqueueReconcile(ctx, portal.ID)
}

// uninstalled forgets the portal: everything if the administrator ticked so
// (CLEAN), else all secrets and personal data. An event about an earlier
// installation is ignored: one that is older than the present installation,
// or, while that is fresh, one whose portal still answers our tokens. Events
// come in any order.
//
// https://apidocs.bitrix24.com/api-reference/common/events/on-app-uninstall.html
func (f *Flow) uninstalled(ctx context.Context, portal *models.Portal, e b24.Event) error {
	if portal.InstalledAt != nil && !e.At.IsZero() && e.At.Add(clockSlack).Before(*portal.InstalledAt) {
		return nil
	}
	if f.fresh(portal) && f.alive(ctx, portal) {
		return nil
	}
	defer f.Lookups.forget(portal.ID)
	clean := e.Data["CLEAN"]
	return f.Store.Uninstall(ctx, portal.ID, clean == "1" || strings.EqualFold(clean, "true") || strings.EqualFold(clean, "Y"))
}

// An installation is fresh for as long as an event about the one before it may
// still come; a portal is asked for at most aliveWithin.
const (
	freshFor    = 10 * time.Minute
	aliveWithin = 10 * time.Second
)

// fresh reports a portal that was installed just now, or is being installed.
func (f *Flow) fresh(portal *models.Portal) bool {
	return portal.InstalledAt == nil || f.Now().Sub(*portal.InstalledAt) < freshFor
}

// alive reports whether the portal answers the tokens we have. Those of an
// installation that was removed are refused.
func (f *Flow) alive(ctx context.Context, portal *models.Portal) bool {
	ctx, cancel := context.WithTimeout(ctx, aliveWithin)
	defer cancel()
	_, err := f.Client(portal).AppState(ctx)
	return err == nil
}
