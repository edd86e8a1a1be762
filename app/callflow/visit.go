package callflow

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"callwise/app/b24"
	"callwise/models"

	"golang.org/x/oauth2"
)

// ErrNotAdmin says that only an administrator of the portal may do this.
var ErrNotAdmin = errors.New("callflow: an administrator of the portal is needed")

// A Visit is a frame that was opened, after its tokens are proven.
type Visit struct {
	Portal  b24.Portal
	Profile b24.Profile
	Token   b24.Token
	frame   b24.Frame
}

// Admit proves a frame's request at the authorization server, and asks the
// portal, at the address that server knows, who opened it. Nothing that was
// posted is believed before (platform contract, 7.3). b24.ErrForged means that
// it is not what it says.
func (f *Flow) Admit(ctx context.Context, frame b24.Frame) (Visit, error) {
	portal, token, err := f.prove(ctx, frame)
	if err != nil {
		return Visit{}, err
	}
	profile, err := f.Bitrix24.Profile(ctx, portal.Endpoint, token.AccessToken)
	if err != nil {
		return Visit{}, err
	}
	token.UserID, token.Kind = profile.UserID, b24.AdminToken
	return Visit{Portal: portal, Profile: profile, Token: token, frame: frame}, nil
}

// prove asks the authorization server whose tokens a frame carries. Where its
// app.info does not tell, a renewal does: only its pair is good afterwards.
func (f *Flow) prove(ctx context.Context, frame b24.Frame) (b24.Portal, b24.Token, error) {
	host := f.Bitrix24.AuthHost(frame.ServerEndpoint)
	portal, err := f.Bitrix24.Verify(ctx, host, frame.AuthID, frame.MemberID)
	if err == nil {
		ends := f.Now().Add(time.Duration(frame.ExpiresIn) * time.Second)
		pair := oauth2.Token{AccessToken: frame.AuthID, RefreshToken: frame.RefreshID, Expiry: ends}
		return portal, b24.Token{Token: pair, AuthHost: host}, nil
	}
	if !errors.Is(err, b24.ErrUnproven) || frame.RefreshID == "" {
		return portal, b24.Token{}, err
	}
	token, portal, err := f.Bitrix24.Refresh(ctx, host, frame.RefreshID)
	if err == nil && portal.MemberID != frame.MemberID {
		err = b24.ErrForged
	}
	return portal, token, err
}

// Enter opens an installed portal to a visitor. An administrator's tokens are
// kept, which also mends a portal that waits for authorisation, and lost event
// handlers are bound again. A portal that is not installed is
// models.ErrNotFound.
func (f *Flow) Enter(ctx context.Context, v Visit) (*models.Portal, error) {
	portal, err := f.Store.Portal(ctx, v.Portal.MemberID)
	if err != nil {
		return nil, err
	}
	if portal.Status == models.PortalUninstalled {
		return nil, models.ErrNotFound
	}
	if !v.Profile.Admin {
		return portal, nil
	}
	healed := portal.Status == models.PortalReauth || portal.Status == models.PortalSuspended
	portal, err = f.Store.SaveInstall(ctx, v.install())
	if err != nil {
		return nil, err
	}
	if err := f.Store.EnqueueHandlers(ctx, portal.ID); err != nil || !healed {
		return portal, err
	}
	if err := f.Store.SetStatus(ctx, portal.ID, models.PortalActive, ""); err != nil {
		return nil, err
	}
	portal.Status = models.PortalActive
	return portal, f.Store.WakeFailing(ctx, portal.ID)
}

// Lang is the visitor's language, as Bitrix24 spells it.
func (v Visit) Lang() string { return v.frame.Lang }

// install is what a proven visit of an administrator tells about the portal.
// The first word on the application token comes from here; a later visit
// brings it again.
func (v Visit) install() models.Install {
	token := kept(v.Token)
	return models.Install{
		MemberID: v.Portal.MemberID, Endpoint: v.Portal.Endpoint, AuthHost: v.Token.AuthHost,
		ApplicationToken: v.frame.ApplicationToken, Lang: v.frame.Lang, TimeZone: v.Profile.TimeZone,
		Country: countryOf(v.frame.Lang, v.Portal.Endpoint), Token: &token,
	}
}

// tops are the top-level domains of cloud portals that name a country.
var tops = []string{"de", "ru", "by", "kz", "fr", "it", "pl", "in", "mx", "co", "vn", "id", "ua", "tr", "uk"}

// speakers are the countries that a language of Bitrix24 most likely means.
//
// https://apidocs.bitrix24.com/sdk/bx24-js-sdk/additional-functions/bx24-get-lang.html
var speakers = map[string]string{
	"de": "DE", "ru": "RU", "ua": "UA", "kz": "KZ", "fr": "FR", "it": "IT", "pl": "PL", "br": "BR",
	"la": "MX", "tr": "TR", "vn": "VN", "id": "ID", "ms": "MY", "th": "TH", "ja": "JP", "sc": "CN", "tc": "TW", "en": "US",
}

// countryOf guesses where a portal's national numbers are from: by its address,
// else by its language. The administrator may correct it.
func countryOf(lang, endpoint string) string {
	host, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(endpoint, "https://"), "http://"), "/")
	top := host[strings.LastIndexByte(host, '.')+1:]
	if top == "uk" {
		return "GB"
	}
	if slices.Contains(tops, top) {
		return strings.ToUpper(top)
	}
	return speakers[strings.ToLower(lang)]
}
