package handlers

import (
	"errors"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

func sessionsAt(now time.Time, keys ...SessionKey) *Sessions {
	return &Sessions{Keys: keys, Now: func() time.Time { return now }}
}

func TestSessionsAreSignedShortAndBoundToTheirPortalAndUser(t *testing.T) {
	now := time.Date(2026, 8, 21, 10, 0, 0, 0, time.UTC)
	first := SessionKey{ID: "a", Bytes: []byte("0123456789abcdef0123456789abcdef")}
	second := SessionKey{ID: "b", Bytes: []byte("fedcba9876543210fedcba9876543210")}
	stranger := SessionKey{ID: "a", Bytes: []byte("another-key-of-the-same-name-....")}
	anna := Visitor{PortalID: 3, UserID: 17, Admin: true, Lang: "de"}
	token := issue(t, sessionsAt(now, first), anna)

	tests := []struct {
		name    string
		reader  *Sessions
		token   string
		refused bool
	}{
		{"a fresh token is read", sessionsAt(now, first), token, false},
		{"a token of an older key is read after a rotation", sessionsAt(now, second, first), token, false},
		{"a token of a retired key is refused", sessionsAt(now, second), token, true},
		{"a token of a stranger's key is refused", sessionsAt(now, stranger), token, true},
		{"a token is refused after an hour", sessionsAt(now.Add(time.Hour), first), token, true},
		{"a changed token is refused", sessionsAt(now, first), token[:len(token)-2] + "xx", true},
		{"an unsigned token is refused", sessionsAt(now, first), unsigned(t, now), true},
		{"a token for another use is refused", sessionsAt(now, first), elsewhere(t, now, first), true},
		{"no token is refused", sessionsAt(now, first), "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ends, err := tt.reader.Read(tt.token)
			if tt.refused {
				if !errors.Is(err, errSession) {
					t.Fatalf("Read = %v, %v; want errSession", got, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := anna
			want.Proven = now.Unix()
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("Visitor (-want +got):\n%s", diff)
			}
			if life := ends.Sub(now); life > time.Hour {
				t.Errorf("the session lasts %v; at most an hour is allowed", life)
			}
		})
	}
}

func TestAPageInUseIsRenewedUntilTheDaysWorkIsOver(t *testing.T) {
	proven := time.Date(2026, 8, 21, 10, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name  string
		after time.Duration // since the frame was opened
		left  time.Duration // of the token
		want  bool
	}{
		{"a fresh token stays", time.Minute, 49 * time.Minute, false},
		{"an older one is replaced", 30 * time.Minute, 20 * time.Minute, true},
		{"so is one that replaced another", 7 * time.Hour, 20 * time.Minute, true},
		{"after eight hours the frame has to be opened again", 8 * time.Hour, 20 * time.Minute, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now := proven.Add(tt.after)
			if got := (Visitor{Proven: proven.Unix()}).renewable(now.Add(tt.left), now); got != tt.want {
				t.Errorf("renewable = %t", got)
			}
		})
	}
}

func TestARenewedSessionKeepsTheTimeOfItsProof(t *testing.T) {
	now := time.Date(2026, 8, 21, 10, 0, 0, 0, time.UTC)
	key := SessionKey{ID: "a", Bytes: []byte("0123456789abcdef0123456789abcdef")}
	first, _, err := sessionsAt(now, key).Read(issue(t, sessionsAt(now, key), Visitor{PortalID: 3, UserID: 17}))
	if err != nil {
		t.Fatal(err)
	}
	later := sessionsAt(now.Add(time.Hour), key)
	again, _, err := later.Read(issue(t, later, first))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("Visitor (-first +renewed):\n%s", diff)
	}
}

func issue(t *testing.T, s *Sessions, v Visitor) string {
	t.Helper()
	token, err := s.Issue(v)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func unsigned(t *testing.T, now time.Time) string {
	t.Helper()
	claims := sessionClaims{Portal: 3, RegisteredClaims: jwt.RegisteredClaims{
		Issuer: sessionIssuer, Audience: jwt.ClaimStrings{sessionAudience}, Subject: "17", ExpiresAt: jwt.NewNumericDate(now.Add(time.Minute)),
	}}
	token := jwt.NewWithClaims(jwt.SigningMethodNone, claims)
	token.Header["kid"] = "a"
	text, err := token.SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func elsewhere(t *testing.T, now time.Time, key SessionKey) string {
	t.Helper()
	claims := sessionClaims{Portal: 3, RegisteredClaims: jwt.RegisteredClaims{
		Issuer: sessionIssuer, Audience: jwt.ClaimStrings{"download"}, Subject: "17", ExpiresAt: jwt.NewNumericDate(now.Add(time.Minute)),
	}}
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, claims)
	token.Header["kid"] = key.ID
	text, err := token.SignedString(key.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
