package models

import (
	"bytes"
	"context"
	"errors"
)

// rotatePage is how many rows [Store.RotateKeys] reads at a time.
const rotatePage = 100

// RotateKeys encrypts every stored secret that another key protects with the
// first key, and returns how many. It may run while the store is in use and may
// be repeated; a secret that changes meanwhile is left as it was written.
func (s *Store) RotateKeys(ctx context.Context) (int, error) {
	total := 0
	for _, c := range sealedColumns {
		n, err := s.rotate(ctx, c)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// A sealedColumn holds secrets; owner is the id of the portal whose they are.
type sealedColumn struct{ table, column, owner string }

var sealedColumns = []sealedColumn{
	{"portals", "application_token", "t.id"},
	{"portals", "command_url", "t.id"},
	{"portals", "command_secret", "t.id"},
	{"tokens", "access_token", "t.portal_id"},
	{"tokens", "refresh_token", "t.portal_id"},
	{"privacy_requests", "number", "t.portal_id"},
}

// ErrKeys says that what is stored was encrypted with other keys.
var ErrKeys = errors.New("none of the newest stored secrets opens with these keys; give those that they were encrypted with")

// keySample is how many secrets of a column [Store.CheckKeys] tries.
const keySample = 10

// CheckKeys returns [ErrKeys] if there are secrets, and the keys open none of the
// newest of each kind: with such keys no portal works, and what Bitrix24 reports would
// be refused. That some do not open is no error.
func (s *Store) CheckKeys(ctx context.Context) error {
	tried := 0
	for _, c := range sealedColumns {
		var cells []sealedCell
		err := s.with(ctx).Raw(c.cells()+" WHERE length(t."+c.column+") > 0 ORDER BY t.id DESC LIMIT ?", keySample).Scan(&cells).Error
		if err != nil {
			return err
		}
		for _, cell := range cells {
			if _, err := s.keys.open(cell.Sealed, place(cell.MemberID, c.column)); err == nil {
				return nil
			}
		}
		tried += len(cells)
	}
	if tried > 0 {
		return ErrKeys
	}
	return nil
}

// cells is SQL of the [sealedCell]s of the rows t.
func (c sealedColumn) cells() string {
	return "SELECT t.id, p.member_id, t." + c.column + " AS sealed FROM " + c.table + " t JOIN portals p ON p.id = " + c.owner
}

// sealedCell is one secret in the database.
type sealedCell struct {
	ID       int64
	MemberID string
	Sealed   []byte
}

func (s *Store) rotate(ctx context.Context, c sealedColumn) (int, error) {
	total, after := 0, int64(0)
	for {
		var cells []sealedCell
		err := s.with(ctx).Raw(c.cells()+" WHERE t.id > ? ORDER BY t.id LIMIT ?", after, rotatePage).Scan(&cells).Error
		if err != nil || len(cells) == 0 {
			return total, err
		}
		for _, cell := range cells {
			n, err := s.rotateCell(ctx, c.table, c.column, cell)
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
