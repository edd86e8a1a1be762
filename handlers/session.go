package handlers

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Lifetimes of what a page may carry. A token stays under the hour that
// interface.md §3 allows; a page in use gets a fresh one, until the day's work
// is over and Bitrix24 has to say again who is looking, and as what.
const (
	sessionLife = 50 * time.Minute
	renewBefore = sessionLife / 2
	renewWithin = 8 * time.Hour
)

// A Visitor is who looks at a page: a user of one portal.
type Visitor struct {
	PortalID int64
	UserID   int64
	Admin    bool
	Lang     string // Bitrix24's code, as the frame was opened
	Proven   int64  // when Bitrix24 told who it is, in Unix seconds; 0 is now
	Removals int    // of the app from the portal, when the visitor came
}

// renewable reports whether a token that ends then is to be replaced now.
func (v Visitor) renewable(ends, now time.Time) bool {
	return ends.Sub(now) < renewBefore && now.Sub(time.Unix(v.Proven, 0)) < renewWithin
}

// A SessionKey signs sessions; ID names it in the token.
type SessionKey struct {
	ID    string
	Bytes []byte
}

// Sessions makes and reads the signed tokens that pages carry instead of
// cookies. The first key signs, all keys verify.
type Sessions struct {
	Keys []SessionKey
	Now  func() time.Time
}

// errSession is the only thing a caller learns about a bad session.
var errSession = errors.New("handlers: no valid session")

const (
	sessionIssuer   = "callwise"
	sessionAudience = "frame"
)

type sessionClaims struct {
	Portal   int64  `json:"portal"`
	Admin    bool   `json:"admin,omitempty"`
	Lang     string `json:"lang,omitempty"`
	Proven   int64  `json:"proven"`
	Removals int    `json:"removals,omitempty"`
	jwt.RegisteredClaims
}

// Issue makes the token of a visitor.
func (s *Sessions) Issue(v Visitor) (string, error) {
	now := s.Now()
	v.Proven = cmp.Or(v.Proven, now.Unix())
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, sessionClaims{
		Portal: v.PortalID, Admin: v.Admin, Lang: v.Lang, Proven: v.Proven, Removals: v.Removals,
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: sessionIssuer, Audience: jwt.ClaimStrings{sessionAudience},
			Subject: strconv.FormatInt(v.UserID, 10), IssuedAt: jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(sessionLife)),
		},
	})
	token.Header["kid"] = s.Keys[0].ID
	return token.SignedString(s.Keys[0].Bytes)
}

// Read verifies a token and says whose it is and when it ends.
func (s *Sessions) Read(text string) (Visitor, time.Time, error) {
	var c sessionClaims
	_, err := jwt.ParseWithClaims(text, &c, s.key,
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithIssuer(sessionIssuer),
		jwt.WithAudience(sessionAudience), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithTimeFunc(s.Now))
	if err != nil {
		return Visitor{}, time.Time{}, fmt.Errorf("%w: %w", errSession, err)
	}
	user, err := strconv.ParseInt(c.Subject, 10, 64)
	if err != nil || c.Portal == 0 {
		return Visitor{}, time.Time{}, errSession
	}
	return Visitor{
		PortalID: c.Portal, UserID: user, Admin: c.Admin, Lang: c.Lang, Proven: c.Proven, Removals: c.Removals,
	}, c.ExpiresAt.Time, nil
}

// listenLife is how long the address of a recording can be played.
const listenLife = 10 * time.Minute

// listenAudience keeps tokens of recordings from being sessions, and sessions
// from being such tokens.
const listenAudience = "recording"

// A listenClaim is the right to hear the recording of one call.
type listenClaim struct {
	Portal   int64 `json:"portal"`
	Call     int64 `json:"call"`
	Removals int   `json:"removals,omitempty"`
	jwt.RegisteredClaims
}

// IssueListen makes a token for the address of a recording: a player cannot
// send a session. It opens nothing else, and only for a few minutes.
func (s *Sessions) IssueListen(v Visitor, callID int64) (string, error) {
	now := s.Now()
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, listenClaim{
		Portal: v.PortalID, Call: callID, Removals: v.Removals,
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: sessionIssuer, Audience: jwt.ClaimStrings{listenAudience},
			Subject: strconv.FormatInt(v.UserID, 10), IssuedAt: jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(listenLife)),
		},
	})
	token.Header["kid"] = s.Keys[0].ID
	return token.SignedString(s.Keys[0].Bytes)
}

// ReadListen verifies a token of [Sessions.IssueListen] for a call and says in
// which portal the call is, and after how many removals of the app.
func (s *Sessions) ReadListen(text string, callID int64) (portalID int64, removals int, err error) {
	var c listenClaim
	_, err = jwt.ParseWithClaims(text, &c, s.key,
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithIssuer(sessionIssuer),
		jwt.WithAudience(listenAudience), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithTimeFunc(s.Now))
	if err != nil || c.Portal == 0 || c.Call != callID {
		return 0, 0, errSession
	}
	return c.Portal, c.Removals, nil
}

func (s *Sessions) key(token *jwt.Token) (any, error) {
	for _, k := range s.Keys {
		if k.ID == token.Header["kid"] {
			return k.Bytes, nil
		}
	}
	return nil, errSession
}
