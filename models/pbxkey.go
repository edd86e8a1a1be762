package models

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"time"

	"gorm.io/gorm"
)

// A PBXKey admits a Cloud PBX to a portal. The key itself is not stored.
type PBXKey struct {
	ID         int64
	PortalID   int64
	Name       string
	Hash       []byte // SHA-256
	Hint       string // the last four characters
	CreatedBy  int64
	CreatedAt  time.Time  `gorm:"serializer:utc"`
	LastUsedAt *time.Time `gorm:"serializer:utc"` // exact to a minute
	RevokedAt  *time.Time `gorm:"serializer:utc"`
}

// TableName is GORM's.
func (PBXKey) TableName() string { return "pbx_keys" }

// MaxPBXKeys is how many keys of a portal may be good at a time.
const MaxPBXKeys = 20

// AddPBXKey makes a key and returns it, once, in plain text. ErrBusy means that
// the portal has as many as it may have.
func (s *Store) AddPBXKey(ctx context.Context, portalID int64, name string, by int64) (string, *PBXKey, error) {
	secret := make([]byte, 32)
	rand.Read(secret)
	plain := "cw_" + base64.RawURLEncoding.EncodeToString(secret)
	hash := sha256.Sum256([]byte(plain))
	key := &PBXKey{
		PortalID: portalID, Name: clean(name), Hash: hash[:], Hint: plain[len(plain)-4:],
		CreatedBy: by, CreatedAt: s.now(),
	}
	return plain, key, s.Transaction(ctx, func(tx *gorm.DB) error {
		// The portal's row is held meanwhile: two at once count one after the other.
		if err := changed(tx.Exec("UPDATE portals SET updated_at = updated_at WHERE id = ?", portalID)); err != nil {
			return err
		}
		var good int64
		err := tx.Model(&PBXKey{}).Where("portal_id = ? AND revoked_at IS NULL", portalID).Count(&good).Error
		if err == nil && good >= MaxPBXKeys {
			err = ErrBusy
		}
		if err != nil {
			return err
		}
		return tx.Create(key).Error
	})
}

// PortalOfPBXKey returns the portal that a key admits to. An unknown and a
// revoked key are the same work and the same ErrNotFound.
func (s *Store) PortalOfPBXKey(ctx context.Context, plain string) (*Portal, error) {
	key, err := s.pbxKey(ctx, sha256.Sum256([]byte(plain)))
	if err != nil {
		return nil, err
	}
	return s.PortalByID(ctx, key.PortalID)
}

// pbxKey finds a key that is not revoked and notes that it is used.
func (s *Store) pbxKey(ctx context.Context, hash [sha256.Size]byte) (*PBXKey, error) {
	var key PBXKey
	err := s.with(ctx).Where("hash = ?", hash[:]).Take(&key).Error
	if err != nil && !errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, err
	}
	if subtle.ConstantTimeCompare(hash[:], key.Hash) != 1 || key.RevokedAt != nil {
		return nil, ErrNotFound
	}
	return &key, s.usedPBXKey(ctx, &key)
}

// usedPBXKey notes the use of a key, at most once a minute.
func (s *Store) usedPBXKey(ctx context.Context, key *PBXKey) error {
	minuteAgo := s.now().Add(-time.Minute)
	if key.LastUsedAt != nil && key.LastUsedAt.After(minuteAgo) {
		return nil
	}
	return s.soon(ctx).Table("pbx_keys").
		Where("id = ? AND portal_id = ? AND (last_used_at IS NULL OR last_used_at <= ?)", key.ID, key.PortalID, minuteAgo).
		Updates(map[string]any{"last_used_at": s.now()}).Error
}

// PBXKeys returns the keys of a portal that are not revoked, the oldest first.
func (s *Store) PBXKeys(ctx context.Context, portalID int64) ([]PBXKey, error) {
	var keys []PBXKey
	err := s.with(ctx).Where("portal_id = ? AND revoked_at IS NULL", portalID).Order("id").Find(&keys).Error
	return keys, err
}

// RevokePBXKey ends a key of a portal at once; other processes may take events by
// it for a second. It may be repeated.
func (s *Store) RevokePBXKey(ctx context.Context, portalID, keyID int64) error {
	defer s.admitted.forget()
	return changed(s.with(ctx).Table("pbx_keys").Where("portal_id = ? AND id = ?", portalID, keyID).
		Updates(map[string]any{"revoked_at": gorm.Expr("COALESCE(revoked_at, ?)", s.now())}))
}
