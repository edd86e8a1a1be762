package models

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/jellydator/ttlcache/v3"
)

// What reports to us many times a second is not looked up each time. A key that
// another process revoked, or a portal that was removed there, is taken for this
// long at most; what is unknown, or has another token, is always looked up.
const (
	admittedFor  = time.Second
	admittedMost = 50_000
)

// A Sender is a portal as far as its events need it.
type Sender struct {
	PortalID         int64
	ApplicationToken string
	RestAppID        string
}

// admissions are the senders that were let in a moment ago.
type admissions struct {
	keys    *ttlcache.Cache[[sha256.Size]byte, int64] // by the hash of a PBX's key
	portals *ttlcache.Cache[string, Sender]           // by member id
}

func newAdmissions() admissions {
	return admissions{
		keys: ttlcache.New(
			ttlcache.WithTTL[[sha256.Size]byte, int64](admittedFor), ttlcache.WithCapacity[[sha256.Size]byte, int64](admittedMost),
			ttlcache.WithDisableTouchOnHit[[sha256.Size]byte, int64](),
		),
		portals: ttlcache.New(
			ttlcache.WithTTL[string, Sender](admittedFor), ttlcache.WithCapacity[string, Sender](admittedMost),
			ttlcache.WithDisableTouchOnHit[string, Sender](),
		),
	}
}

// forget has everybody looked up again.
func (a admissions) forget() {
	a.keys.DeleteAll()
	a.portals.DeleteAll()
}

// PortalIDOfPBXKey is the id of [Store.PortalOfPBXKey], which may be as old as a
// second.
func (s *Store) PortalIDOfPBXKey(ctx context.Context, plain string) (int64, error) {
	hash := sha256.Sum256([]byte(plain))
	if kept := s.admitted.keys.Get(hash); kept != nil {
		return kept.Value(), nil
	}
	key, err := s.pbxKey(ctx, hash)
	if err != nil {
		return 0, err
	}
	s.admitted.keys.Set(hash, key.PortalID, ttlcache.DefaultTTL)
	return key.PortalID, nil
}

// Sender returns the portal of that member id as far as its events need it,
// which may be as old as a second: whose token is another is to be looked up by
// [Store.NewSender].
func (s *Store) Sender(ctx context.Context, memberID string) (Sender, error) {
	if kept := s.admitted.portals.Get(memberID); kept != nil {
		return kept.Value(), nil
	}
	return s.NewSender(ctx, memberID)
}

// NewSender is [Store.Sender] as of now.
func (s *Store) NewSender(ctx context.Context, memberID string) (Sender, error) {
	portal, err := s.Portal(ctx, memberID)
	if err != nil {
		return Sender{}, err
	}
	sender := Sender{PortalID: portal.ID, ApplicationToken: portal.ApplicationToken, RestAppID: portal.RestAppID}
	s.admitted.portals.Set(memberID, sender, ttlcache.DefaultTTL)
	return sender, nil
}
