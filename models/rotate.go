package models

import (
	"bytes"
	"context"
)

// rotatePage is how many rows [Store.RotateKeys] reads at a time.
const rotatePage = 100

// RotateKeys encrypts every stored secret that another key protects with the
// first key, and returns how many. It may run while the store is in use and may
// be repeated; a secret that changes meanwhile is left as it was written.
func (s *Store) RotateKeys(ctx context.Context) (int, error) {
	total := 0
	for _, column := range []struct{ table, column, owner string }{
		{"portals", "application_token", "t.id"},
		{"portals", "command_url", "t.id"},
		{"portals", "command_secret", "t.id"},
		{"tokens", "access_token", "t.portal_id"},
		{"tokens", "refresh_token", "t.portal_id"},
		{"privacy_requests", "number", "t.portal_id"},
	} {
		n, err := s.rotate(ctx, column.table, column.column, column.owner)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// sealedCell is one secret in the database.
type sealedCell struct {
	ID       int64
	MemberID string
	Sealed   []byte
}

func (s *Store) rotate(ctx context.Context, table, column, owner string) (int, error) {
	total, after := 0, int64(0)
	for {
		var cells []sealedCell
		err := s.with(ctx).Raw("SELECT t.id, p.member_id, t."+column+" AS sealed FROM "+table+" t JOIN portals p ON p.id = "+owner+
			" WHERE t.id > ? ORDER BY t.id LIMIT ?", after, rotatePage).Scan(&cells).Error
		if err != nil || len(cells) == 0 {
			return total, err
		}
		for _, cell := range cells {
			n, err := s.rotateCell(ctx, table, column, cell)
			total += n
			if err != nil {
				return total, err
			}
		}
		after = cells[len(cells)-1].ID
	}
}

func (s *Store) rotateCell(ctx context.Context, table, column string, cell sealedCell) (int, error) {
	if !s.keys.stale(cell.Sealed) {
		return 0, nil
	}
	where := place(cell.MemberID, column)
	plain, err := s.keys.open(cell.Sealed, where)
	if err != nil {
		return 0, err
	}
	sealed, err := s.keys.seal(plain, where)
	if err != nil || bytes.Equal(sealed, cell.Sealed) {
		return 0, err
	}
	swapped := s.with(ctx).Exec("UPDATE "+table+" SET "+column+" = ? WHERE id = ? AND "+column+" = ?", sealed, cell.ID, cell.Sealed)
	return int(swapped.RowsAffected), swapped.Error
}
