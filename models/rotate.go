package models

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// rotatePage is how many rows [Store.RotateKeys] reads at a time.
const rotatePage = 100

// RotateKeys encrypts every stored secret that another key protects with the
// first key, and returns how many. It may run while the store is in use and may
// be repeated; a secret that changes meanwhile is left as it was written. It begins with
// [Store.CheckKeys]: another key of the same id would seem to have nothing to do.
func (s *Store) RotateKeys(ctx context.Context) (int, error) {
	if err := s.CheckKeys(ctx); err != nil {
		return 0, err
	}
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

var (
	applicationToken = sealedColumn{"portals", "application_token", "t.id"}
	refreshToken     = sealedColumn{"tokens", "refresh_token", "t.portal_id"}

	sealedColumns = []sealedColumn{
		applicationToken,
		{"portals", "command_url", "t.id"},
		{"portals", "command_secret", "t.id"},
		{"tokens", "access_token", "t.portal_id"},
		refreshToken,
		{"privacy_requests", "number", "t.portal_id"},
	}
)

// ErrKeys says that what is stored was encrypted with other keys.
var ErrKeys = errors.New("ENCRYPTION_KEYS: the secrets that are stored do not open with these keys; give those that they were encrypted with as well")

// keySample is how many secrets [Store.CheckKeys] tries at a time.
const keySample = 10

// CheckKeys returns [ErrKeys], with the ids of the keys that are missing, if portals
// that have the app have tokens, and the keys open none of the oldest or none of the
// newest: what Bitrix24 reports of such portals would be refused. One that does not
// open is no error.
func (s *Store) CheckKeys(ctx context.Context) error {
	for _, column := range []sealedColumn{applicationToken, refreshToken} {
		for _, order := range []string{"", " DESC"} {
			var cells []sealedCell
			err := s.with(ctx).Raw(column.cells()+" WHERE length(t."+column.column+") > 0 AND p.status <> ? ORDER BY t.id"+order+" LIMIT ?",
				PortalUninstalled, keySample).Scan(&cells).Error
			if err != nil {
				return fmt.Errorf("database: %w", err)
			}
			if len(cells) > 0 && !slices.ContainsFunc(cells, func(c sealedCell) bool { return s.opens(column, c) }) {
				return fmt.Errorf("%w (of id %s)", ErrKeys, strings.Join(keyIDs(cells), ", "))
			}
		}
	}
	return nil
}

// keyIDs are the ids of the keys that encrypted some secrets, each once.
func keyIDs(cells []sealedCell) []string {
	var ids []string
	for _, c := range cells {
		id, _, _ := keyID(c.Sealed)
		ids = append(ids, strconv.Quote(id))
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (s *Store) opens(column sealedColumn, cell sealedCell) bool {
	_, err := s.keys.open(cell.Sealed, place(cell.MemberID, column.column))
	return err == nil
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
