package models_test

import (
	"slices"
	"testing"

	"callwise/models"
	"callwise/models/modelstest"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"
)

func TestStructsHaveTheColumnsOfTheirTables(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, s *models.Store) {
		check(t, s.Transaction(t.Context(), func(tx *gorm.DB) error {
			for table, row := range models.Tables {
				if diff := cmp.Diff(columns(t, tx, table), fields(t, tx, table, row)); diff != "" {
					t.Errorf("%s (-schema +struct):\n%s", table, diff)
				}
			}
			all := fields(t, tx, "calls", models.Tables["calls"])
			for _, field := range fields(t, tx, "calls", models.CallRows) {
				if !slices.Contains(all, field) {
					t.Errorf("calls has no column %s", field)
				}
			}
			return nil
		}))
	})
}

func columns(t *testing.T, tx *gorm.DB, table string) []string {
	t.Helper()
	var names []string
	for _, column := range must[[]gorm.ColumnType](t)(tx.Migrator().ColumnTypes(table)) {
		names = append(names, column.Name())
	}
	slices.Sort(names)
	return names
}

func fields(t *testing.T, tx *gorm.DB, table string, row any) []string {
	t.Helper()
	statement := &gorm.Statement{DB: tx}
	check(t, statement.Parse(row))
	if statement.Table != table {
		t.Errorf("table %s, want %s", statement.Table, table)
	}
	names := slices.Clone(statement.Schema.DBNames)
	slices.Sort(names)
	return names
}

// TestBothDialectsHaveTheSameTables compares the schemas with each other.
func TestBothDialectsHaveTheSameTables(t *testing.T) {
	read := func(s *models.Store) map[string][]string {
		tables := map[string][]string{}
		check(t, s.Transaction(t.Context(), func(tx *gorm.DB) error {
			for table := range models.Tables {
				tables[table] = columns(t, tx, table)
			}
			tables["leases"] = columns(t, tx, "leases")
			return nil
		}))
		return tables
	}
	postgres := read(modelstest.Migrated(t, modelstest.PostgreSQL(t)))
	sqlite := read(modelstest.Migrated(t, modelstest.SQLite(t)))
	if diff := cmp.Diff(postgres, sqlite); diff != "" {
		t.Errorf("columns (-postgres +sqlite):\n%s", diff)
	}
}
