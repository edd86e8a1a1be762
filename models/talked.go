package models

import (
	"context"
	"errors"
)

// LastTalked returns the employee of the newest answered call of a number, other
// than a call itself and calls that were made up; 0 when there is none.
func (s *Store) LastTalked(ctx context.Context, portalID int64, phoneKey string, except int64) (int64, error) {
	var c Call
	err := s.with(ctx).Select("user_id").
		Where("portal_id = ? AND phone_key = ? AND id <> ?", portalID, clean(phoneKey), except).
		Where("answered_at IS NOT NULL AND user_id <> 0 AND call_key NOT LIKE 'test:%'").
		Order("started_at DESC, id DESC").Take(&c).Error
	if err := found(err); err != nil && !errors.Is(err, ErrNotFound) {
		return 0, err
	}
	return c.UserID, nil
}
