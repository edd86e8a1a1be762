package models

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
)

// EmployeeAt returns the active user of a portal at an extension: whom the
// administrator gave it to, if that user is active, else whom Bitrix24 names.
func (s *Store) EmployeeAt(ctx context.Context, p *Portal, extension string) (*Employee, error) {
	if own := p.Settings.Extensions[extension]; own != 0 {
		e, err := s.EmployeeByUser(ctx, p.ID, own)
		if !errors.Is(err, ErrNotFound) {
			return e, err
		}
	}
	return s.EmployeeByExtension(ctx, p.ID, extension)
}

// IsStaff reports whether an active user of a portal is at an extension, see
// [Store.EmployeeAt], and whether one has the number of that search key.
func (s *Store) IsStaff(ctx context.Context, p *Portal, extension, phoneKey string) (there, owns bool, err error) {
	has, number := "EXISTS (SELECT 1 FROM json_each(phones) WHERE value = ?)", clean(phoneKey)
	if s.pool != nil {
		key, err := json.Marshal([]string{number})
		if err != nil {
			return false, false, err
		}
		has, number = "phones @> CAST(? AS jsonb)", string(key)
	}
	var known struct{ There, Owns bool }
	active := "EXISTS (SELECT 1 FROM employees WHERE portal_id = ? AND active AND "
	err = s.with(ctx).Raw("SELECT "+active+"(user_id = ? OR extension <> '' AND extension = ?)) AS there, "+active+has+") AS owns",
		p.ID, p.Settings.Extensions[extension], clean(extension), p.ID, number).Scan(&known).Error
	return known.There, known.Owns && phoneKey != "", err
}

// ExtensionOf is where a user is rung: at the extension that the administrator
// gave to the user, else at inBitrix24 unless somebody else is there. Empty for
// none.
func (s *Store) ExtensionOf(ctx context.Context, p *Portal, userID int64, inBitrix24 string) (string, error) {
	if own := p.Settings.extensionOf(userID); own != "" || inBitrix24 == "" {
		return own, nil
	}
	if p.Settings.Extensions[inBitrix24] == 0 {
		return inBitrix24, nil
	}
	there, err := s.EmployeeAt(ctx, p, inBitrix24)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return "", err
	}
	if there == nil || there.UserID != userID {
		return "", nil
	}
	return inBitrix24, nil
}

// extensionOf is the shortest, then lowest, of the extensions that the
// administrator gave to a user.
func (s Settings) extensionOf(userID int64) string {
	found := ""
	for extension, user := range s.Extensions {
		first := cmp.Or(cmp.Compare(len(extension), len(found)), cmp.Compare(extension, found)) < 0
		if user == userID && (found == "" || first) {
			found = extension
		}
	}
	return found
}
