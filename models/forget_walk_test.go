package models_test

import (
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"callwise/models"
	"callwise/models/modelstest"

	"gorm.io/gorm"
)

// The tests here know no list of tables: they ask the database which there are.
// A table or a column that is new fails them until somebody has decided what
// an uninstallation makes of it.

// ofNobody are tables without portals: the tools' own.
var ofNobody = []string{
	"goose_db_version", "river_client", "river_client_queue", "river_leader", "river_migration", "river_notification", "river_queue",
}

// keptUnclean are the columns that may say something after an uninstallation
// that keeps the settings. Nothing in them names or identifies a person, or
// opens anything.
var keptUnclean = map[string]string{
	"portals": "id member_id endpoint auth_host status lang country time_zone crm_mode crm_mode_at scopes missing_scopes" +
		" settings settings_version command_url uninstalled_at created_at updated_at app_code removals",
	"lines":             "portal_id number name auto_create",
	"settings_versions": "portal_id version settings restored_from at",
	"calls": "id portal_id kind call_key pbx_call_id b24_call_id direction line started_at answered_at ended_at duration status state" +
		" decision progress settings_version attempts failing_since error_code decided_at created_at updated_at reason result",
}

// personal are words that only rows of the furnished portal hold, and that
// name a person or open something.
var personal = []string{"Ada", "301234567", "whsec_of_one"}

type tableRow map[string]any

// walk returns all rows of all tables of the database that belong to a portal.
func walk(t *testing.T, s *models.Store, portalID int64) map[string][]tableRow {
	t.Helper()
	found := map[string][]tableRow{}
	check(t, s.Transaction(t.Context(), func(tx *gorm.DB) error {
		for _, table := range tables(t, tx) {
			if slices.Contains(ofNobody, table) {
				continue
			}
			found[table] = nil
			for _, row := range all(t, tx, table) {
				if belongs(t, table, row, portalID) {
					found[table] = append(found[table], row)
				}
			}
		}
		return nil
	}))
	return found
}

func tables(t *testing.T, tx *gorm.DB) []string {
	t.Helper()
	query := "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
	if tx.Name() == "sqlite" {
		query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
	}
	var names []string
	check(t, tx.Raw(query).Scan(&names).Error)
	if len(names) < 10 {
		t.Fatalf("only %v", names)
	}
	return names
}

func all(t *testing.T, tx *gorm.DB, table string) []tableRow {
	t.Helper()
	query := "SELECT * FROM " + table
	if table == "river_job" {
		query = "SELECT id, CAST(args AS text) AS args, CAST(metadata AS text) AS metadata FROM river_job"
		if tx.Name() == "sqlite" {
			query = "SELECT id, json(args) AS args, json(metadata) AS metadata FROM river_job"
		}
	}
	rows := must[*sql.Rows](t)(tx.Raw(query).Rows())
	defer rows.Close()
	names := must[[]string](t)(rows.Columns())
	var list []tableRow
	for rows.Next() {
		values, into := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		check(t, rows.Scan(into...))
		row := tableRow{}
		for i, name := range names {
			row[name] = values[i]
		}
		list = append(list, row)
	}
	check(t, rows.Err())
	return list
}

// belongs reports whether a row is a portal's. A table that does not say whose
// its rows are fails.
func belongs(t *testing.T, table string, row tableRow, portalID int64) bool {
	t.Helper()
	switch table {
	case "portals":
		return fmt.Sprint(row["id"]) == fmt.Sprint(portalID)
	case "leases":
		return strings.HasPrefix(fmt.Sprint(row["name"]), fmt.Sprintf("number:%d:", portalID))
	case "river_job":
		return strings.Contains(fmt.Sprint(row["args"]), fmt.Sprintf(`"portal_id":%d`, portalID)) || strings.Contains(fmt.Sprint(row["args"]), fmt.Sprintf(`"portal_id": %d`, portalID))
	}
	id, there := row["portal_id"]
	if !there {
		t.Fatalf("table %s does not say whose its rows are", table)
	}
	return fmt.Sprint(id) == fmt.Sprint(portalID)
}

func TestAnUninstallationWalksEveryTable(t *testing.T) {
	for _, clean := range []bool{true, false} {
		t.Run(fmt.Sprintf("CLEAN=%v", clean), func(t *testing.T) {
			modelstest.Each(t, func(t *testing.T, s *models.Store) {
				s.Now = func() time.Time { return noon }
				p, twin := furnish(t, s, "one"), furnish(t, s, "two")
				check(t, s.Transaction(t.Context(), func(tx *gorm.DB) error {
					return tx.Exec("INSERT INTO paces (portal_id, bucket, tat) VALUES (?, 'rest', 1)", p.ID).Error
				}))
				for table, rows := range walk(t, s, p.ID) {
					if len(rows) == 0 {
						t.Errorf("nothing of the portal stands in %s: furnish it", table)
					}
				}
				before := fmt.Sprint(walk(t, s, twin.ID))
				uninstall(t, s, p.ID, clean)
				for table, rows := range walk(t, s, p.ID) {
					left(t, table, rows, true)
				}
				if !clean {
					for table, rows := range walk(t, s, must[*models.Portal](t)(s.Portal(t.Context(), "one")).ID) {
						left(t, table, rows, false)
					}
				}
				if after := fmt.Sprint(walk(t, s, twin.ID)); after != before {
					t.Errorf("the other portal has changed:\n%s\n%s", before, after)
				}
			})
		})
	}
}

// left fails for what an uninstallation should not have left in a table.
func left(t *testing.T, table string, rows []tableRow, clean bool) {
	t.Helper()
	if clean && len(rows) > 0 {
		t.Errorf("%d rows are left in %s", len(rows), table)
	}
	for _, row := range rows {
		for _, column := range slices.Sorted(maps.Keys(row)) {
			value := text(row[column])
			if blank(value) {
				continue
			}
			if !slices.Contains(strings.Fields(keptUnclean[table]), column) {
				t.Errorf("%s.%s is left: %s", table, column, value)
			}
			for _, word := range personal {
				if strings.Contains(value, word) {
					t.Errorf("%s.%s names %s: %s", table, column, word, value)
				}
			}
		}
	}
}

func text(value any) string {
	if bytes, ok := value.([]byte); ok {
		return string(bytes)
	}
	return fmt.Sprint(value)
}

// blank reports a column that says nothing.
func blank(value string) bool {
	return slices.Contains([]string{"", "0", "false", "<nil>", "[]", "{}", "null"}, value)
}
