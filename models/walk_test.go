package models_test

import (
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"gorm.io/gorm"
)

// What a step has left where it was stands for what PostgreSQL keeps of removed rows
// while a transaction is open that still sees them.
func TestAWalkBeginsEachStepBehindTheLastOne(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		one, two := active(t, s, "one"), active(t, s, "two")
		for _, e := range []struct {
			portal *models.Portal
			method string
			age    time.Duration
		}{{one, "a", 5}, {one, "b", 3}, {two, "c", 3}, {one, "d", 3}, {one, "e", 4}, {one, "f", 1}, {one, "g", 2}, {one, "h", 0}} {
			check(t, s.Transaction(t.Context(), func(tx *gorm.DB) error {
				return tx.Exec("INSERT INTO rest_log (portal_id, at, method) VALUES (?, ?, ?)", e.portal.ID, noon.Add(-e.age*time.Microsecond), e.method).Error
			}))
		}
		for _, tt := range []struct {
			name, along, where string
			values             []any
			some               int
			want               [][]string
		}{
			{"all of a portal", "method", "portal_id = ?", []any{one.ID}, 2, [][]string{{"a", "b"}, {"d", "e"}, {"f", "g"}, {"h"}}},
			{"what is alike goes together", "at", "portal_id = ?", []any{one.ID}, 3, [][]string{{"a", "b", "d", "e"}, {"f", "g", "h"}, nil}},
			{"either of two", "method", "portal_id = ? OR portal_id = ?", []any{one.ID, two.ID}, 5, [][]string{{"a", "b", "c", "d", "e"}, {"f", "g", "h"}}},
			{"no more than are asked for", "at", "portal_id = ?", []any{one.ID}, 8, [][]string{{"a", "b", "d", "e", "f", "g", "h"}}},
			{"nothing", "at", "portal_id = ?", []any{int64(0)}, 2, [][]string{nil}},
		} {
			var got [][]string
			w := models.NewWalk("rest_log", tt.along, tt.where, tt.values, tt.some)
			for more := true; more && len(got) < 9; {
				check(t, s.Transaction(t.Context(), func(tx *gorm.DB) (err error) {
					more, err = w.Step(tx, func(where string, values []any) error {
						var met []string
						err := tx.Table("rest_log").Where(where, values...).Order("method").Pluck("method", &met).Error
						got = append(got, met)
						return err
					})
					return err
				}))
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.name, diff)
			}
		}
	})
}
