package models

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"
)

// Bounds of replaced secrets.
const (
	oldSecretFor  = 24 * time.Hour // that a replaced secret signs
	mostOldSecret = 3              // that sign at a time
)

// An OldSecret signed commands before it was replaced, and still does.
type OldSecret struct {
	Secret string
	Until  time.Time
}

var errSecrets = errors.New("models: a stored command secret is malformed")

// SigningSecrets are what signs commands to the portal's PBX now, the newest
// first.
func (p *Portal) SigningSecrets(now time.Time) []string {
	secrets := []string{p.CommandSecret}
	for _, old := range p.OldSecrets {
		if now.Before(old.Until) {
			secrets = append(secrets, old.Secret)
		}
	}
	return secrets
}

// SecretMark tells the secret that signs commands now from every other one, and
// nothing about it.
func (p *Portal) SecretMark() string {
	sum := sha256.Sum256([]byte(p.CommandSecret))
	return hex.EncodeToString(sum[:8])
}

// RotateCommandSecret makes secret sign commands to a portal's PBX, in place of
// the one with the mark seen; those that signed before go on for a day.
// ErrConflict means that another one signs by now, or that it was changed meanwhile.
func (s *Store) RotateCommandSecret(ctx context.Context, portalID int64, seen, secret string) error {
	var row portalRow
	if err := s.with(ctx).Where("id = ?", portalID).Take(&row).Error; err != nil {
		return found(err)
	}
	p, err := row.open(s.keys)
	if err != nil {
		return err
	}
	if p.SecretMark() != seen {
		return ErrConflict
	}
	sealed, err := s.keys.seal(p.joinSecrets(secret, s.now()), place(p.MemberID, "command_secret"))
	if err != nil {
		return err
	}
	where := s.with(ctx).Table("portals").Where("id = ? AND command_secret = ?", portalID, row.SealedCommandSecret)
	if len(row.SealedCommandSecret) == 0 {
		where = s.with(ctx).Table("portals").Where("id = ? AND COALESCE(length(command_secret), 0) = 0", portalID)
	}
	swapped := where.Updates(map[string]any{"command_secret": sealed, "updated_at": s.now()})
	if swapped.Error == nil && swapped.RowsAffected == 0 {
		return ErrConflict
	}
	return swapped.Error
}

// joinSecrets is what is sealed together: the secret that signs from now, then
// each old one and the second it ends, separated by spaces.
func (p *Portal) joinSecrets(secret string, now time.Time) string {
	olds := p.OldSecrets
	if p.CommandSecret != "" {
		olds = append([]OldSecret{{p.CommandSecret, now.Add(oldSecretFor)}}, olds...)
	}
	words := []string{secret}
	for _, old := range olds {
		if now.Before(old.Until) && len(words) < 1+2*mostOldSecret {
			words = append(words, old.Secret, strconv.FormatInt(old.Until.Unix(), 10))
		}
	}
	return strings.Join(words, " ")
}

// splitSecrets is the reverse of joinSecrets.
func splitSecrets(sealed string) (string, []OldSecret, error) {
	words := strings.Fields(sealed)
	if len(words) == 0 {
		return "", nil, nil
	}
	if len(words)%2 == 0 {
		return "", nil, errSecrets
	}
	var olds []OldSecret
	for i := 1; i < len(words); i += 2 {
		until, err := strconv.ParseInt(words[i+1], 10, 64)
		if err != nil {
			return "", nil, errSecrets
		}
		olds = append(olds, OldSecret{words[i], time.Unix(until, 0).UTC()})
	}
	return words[0], olds, nil
}
