package models

import "context"

// recentCalls is how many calls are looked at for the lines they came over.
const recentCalls = 2000

// LinesUsed returns the numbers of the lines that the last calls of a portal
// came over, each once; test calls are left out.
func (s *Store) LinesUsed(ctx context.Context, portalID int64) ([]string, error) {
	recent := s.with(ctx).Table("calls").Scopes(untested).Select("line").
		Where("portal_id = ?", portalID).Order("started_at DESC, id DESC").Limit(recentCalls)
	var numbers []string
	err := s.with(ctx).Table("(?) AS recent", recent).Where("line <> ''").Distinct().Order("line").Pluck("line", &numbers).Error
	return numbers, err
}
