package b24

import "context"

// Verify proves that an access token somebody posted belongs to our
// application and to the portal memberID, by asking the authorization server,
// and returns the portal with the address that server knows. It renews nothing.
// ErrForged means the token is not what it is said to be.
//
// https://apidocs.bitrix24.com/settings/oauth/simple-way.html
func (a *App) Verify(ctx context.Context, authHost, accessToken, memberID string) (Portal, error) {
	return Portal{}, nil
}

// Refresh exchanges a refresh token for a new pair; the old one is dead
// afterwards. What it returns comes from the authorization server and can be
// trusted. It is not to be called on a timer: the application may be blocked.
//
// https://apidocs.bitrix24.com/settings/oauth/auto-renewal.html
func (a *App) Refresh(ctx context.Context, authHost, refreshToken string) (Token, Portal, error) {
	return Token{}, Portal{}, nil
}

// A Profile is the user a token belongs to.
type Profile struct {
	UserID   int64
	Admin    bool // may manage the portal's settings
	Name     string
	TimeZone string // IANA name, may be empty
}

// Profile asks a portal whose access token it is. The endpoint must be proven:
// a hostile portal could answer anything.
//
// https://apidocs.bitrix24.com/api-reference/common/users/profile.html
func (a *App) Profile(ctx context.Context, endpoint, accessToken string) (Profile, error) {
	return Profile{}, nil
}
