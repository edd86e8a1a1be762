package callflow

import (
	"context"
	"errors"
	"strings"

	"callwise/app/b24"
	"callwise/models"
)

// ErrForeign says that an event does not prove that it comes from the portal.
var ErrForeign = errors.New("callflow: the event's application token is not the portal's")

// Receive takes in an event of Bitrix24. When it returns nil, whatever the
// event asks for is stored. Events that nobody waits for are accepted and
// dropped. Errors: models.ErrNotFound for a portal that is not known,
// [ErrForeign] for one that cannot prove itself. Before
// somebody is asked about an event, asked says whether that is too often: for a
// portal whose application token the event carries, or 0 for one that proves
// nothing. Its error ends the event; the word on a removal and what tells of
// calls are taken all the same.
func (f *Flow) Receive(ctx context.Context, e b24.Event, asked func(portalID int64) error) error {
	stored, ours, err := CallEvent(e)
	if err != nil {
		return err
	}
	if ours {
		return f.reported(ctx, e, stored, asked)
	}
	if e.Name == b24.AppUninstall {
		kept, cancel := context.WithTimeout(context.WithoutCancel(ctx), wordWithin)
		defer cancel()
		ctx = kept
	}
	portal, err := f.Store.Portal(ctx, e.MemberID)
	if err != nil && !errors.Is(err, models.ErrNotFound) {
		return err
	}
	proven := err == nil && e.SentBy(portal.ApplicationToken)
	if wrong := mayAsk(portal, e, proven, asked); wrong != nil {
		return wrong
	}
	if e.Name == b24.AppInstall {
		return f.installed(ctx, e)
	}
	if err != nil {
		return err
	}
	if !proven {
		return f.strange(ctx, portal, e)
	}
	switch e.Name {
	case b24.AppUserReady:
		return f.userReady(ctx, portal, e)
	case b24.AppUpdate:
		return f.updated(ctx, portal, e)
	case b24.AppUninstall:
		return f.uninstalled(ctx, portal, e, asked)
	case b24.AppPayment:
		return f.Store.EnqueueReconcile(ctx, portal.ID)
	}
	return nil
}

// mayAsk reports what keeps us from asking about an event. The application token
// alone is no licence to have us ask again and again: every employee's browser
// has it.
func mayAsk(portal *models.Portal, e b24.Event, proven bool, asked func(portalID int64) error) error {
	switch {
	case !proven:
		return asked(0)
	case e.Name == b24.AppInstall, e.Name == b24.AppUserReady:
		return asked(portal.ID)
	}
	return nil
}

// reported takes in an event about a call. That a call of ours begins is stored
// as done: we have begun it ourselves.
func (f *Flow) reported(ctx context.Context, e b24.Event, stored models.Event, asked func(portalID int64) error) error {
	sender, err := f.sender(ctx, e)
	if errors.Is(err, models.ErrNotFound) || errors.Is(err, ErrForeign) {
		return errors.Join(asked(0), err)
	}
	if err != nil {
		return err
	}
	if e.Name == b24.VoximplantInit && isExternal(e.Data["CALL_ID"]) && ours(e.Data, sender.RestAppID) {
		now := f.Now()
		stored.DoneAt = &now
	}
	_, _, err = f.Report(ctx, sender.PortalID, []models.Event{stored})
	return err
}

// sender is the portal that proves to have sent an event.
func (f *Flow) sender(ctx context.Context, e b24.Event) (models.Sender, error) {
	sender, err := f.Store.Sender(ctx, e.MemberID)
	if err != nil || e.SentBy(sender.ApplicationToken) {
		return sender, err
	}
	// The token may have been replaced a moment ago.
	sender, err = f.Store.NewSender(ctx, e.MemberID)
	if err == nil && !e.SentBy(sender.ApplicationToken) {
		err = ErrForeign
	}
	return sender, err
}

// Report stores what a portal or its PBX tells about calls, and has it worked
// on: all or none. What was told before counts as a duplicate.
func (f *Flow) Report(ctx context.Context, portalID int64, events []models.Event) (accepted, duplicates int, err error) {
	mark := markOf(ctx)
	for _, e := range events {
		mark.name(portalID, e.CallKey)
	}
	arrived := f.arriving(ctx, portalID, events)
	accepted, duplicates, err = f.Store.AddEvents(ctx, portalID, events)
	arrived(err)
	if err == nil && len(events) > 0 {
		f.Metrics.accepted(events[0].Source, accepted)
		f.Metrics.repeated(events[0].Source, duplicates)
	}
	return accepted, duplicates, err
}

// strange handles an event with another application token: an update may bring
// a new one, which the access token of an administrator has to prove. Every
// employee has an access token, in the browser that shows our pages.
// ONAPPUNINSTALL cannot prove anything else, so it is refused.
func (f *Flow) strange(ctx context.Context, portal *models.Portal, e b24.Event) error {
	if e.Name == b24.AppPayment && e.ApplicationToken == "" {
		return f.perhapsPaid(ctx, portal)
	}
	if e.Name != b24.AppUpdate || e.ApplicationToken == "" || e.Token == nil {
		return ErrForeign
	}
	if err := f.fromAdmin(ctx, e); err != nil {
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

// fromAdmin is nil for an event whose access token is one of an administrator of
// the portal that it names.
func (f *Flow) fromAdmin(ctx context.Context, e b24.Event) error {
	if e.Token == nil {
		return ErrForeign
	}
	proven, err := f.proveEvent(ctx, e, e.Token)
	if err != nil {
		return err
	}
	profile, err := f.Bitrix24.Profile(ctx, proven.Endpoint, e.Token.AccessToken)
	if err == nil && !profile.Admin {
		err = ErrForeign
	}
	return err
}

// installed takes the application token and the installer's tokens from
// ONAPPINSTALL, which may come late, or before the installer page. After that
// everything is set up.
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
	if err != nil || portal.Status == models.PortalActive {
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

// userReady keeps the tokens of the app's system user, which come in data,
// beside those of the installer: whoever sends them must be an administrator,
// and they must be of the portal, for they are used in the background.
//
// https://apidocs.bitrix24.com/api-reference/common/events/on-app-user-ready.html
func (f *Flow) userReady(ctx context.Context, portal *models.Portal, e b24.Event) error {
	if e.System == nil || e.System.RefreshToken == "" {
		return nil
	}
	if err := f.fromAdmin(ctx, e); err != nil {
		return err
	}
	if _, err := f.proveEvent(ctx, e, e.System); err != nil {
		return err
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
