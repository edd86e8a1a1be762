package migrations

import (
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// rollingFrom is the first migration that meets a database in use: while a new
// version is rolled out, processes of the one before work on the new schema.
const rollingFrom = 12

// breaking are statements that the processes of the version before would not
// survive, or during which they would wait. What is to go is first no longer
// used, in one release, and removed in a later one: expand, then contract. A
// file that contracts says so with "-- contract: VERSION that stopped using it".
var breaking = []struct {
	statement *regexp.Regexp
	except    *regexp.Regexp // nil = never
	why       string
	dialect   Dialect // "" = both
}{
	{regexp.MustCompile(`(?is)\bDROP\s+(TABLE|COLUMN)\b`), nil, "processes of the version before still use what is dropped", ""},
	{regexp.MustCompile(`(?is)\bRENAME\b`), nil, "processes of the version before know only the old name", ""},
	{regexp.MustCompile(`(?is)\bADD\s+(COLUMN\s+)?[^;]*\bNOT\s+NULL\b`), regexp.MustCompile(`(?is)\bDEFAULT\b`), "processes of the version before do not fill the new column", ""},
	{regexp.MustCompile(`(?is)\bALTER\s+(COLUMN\s+)?\S+\s+SET\s+NOT\s+NULL\b`), nil, "processes of the version before may leave the column empty", ""},
	{regexp.MustCompile(`(?is)\bALTER\s+(COLUMN\s+)?\S+\s+(SET\s+DATA\s+)?TYPE\b`), nil, "the table is rewritten while everybody waits", ""},
	{regexp.MustCompile(`(?is)\bCREATE\s+(UNIQUE\s+)?INDEX\b[^;]*\bON\s+(events|calls|rest_log)\b`), regexp.MustCompile(`(?i)\bCONCURRENTLY\b`), "nothing could be stored until a large table is indexed; say CONCURRENTLY, and +goose NO TRANSACTION", Postgres},
}

var (
	comment  = regexp.MustCompile(`--[^\n]*`)
	contract = regexp.MustCompile(`(?m)^-- contract: \S`)
	number   = regexp.MustCompile(`^\d+`)
)

// harm is what a migration does to processes of the version before.
func harm(d Dialect, text string) []string {
	if contract.MatchString(text) {
		return nil
	}
	var all []string
	for statement := range strings.SplitSeq(comment.ReplaceAllString(text, ""), ";") {
		for _, b := range breaking {
			if b.dialect != "" && b.dialect != d || !b.statement.MatchString(statement) {
				continue
			}
			if b.except == nil || !b.except.MatchString(statement) {
				all = append(all, strings.TrimSpace(statement)+": "+b.why)
			}
		}
	}
	return all
}

func TestMigrationsLeaveTheVersionBeforeWorking(t *testing.T) {
	for _, dialect := range []Dialect{Postgres, SQLite} {
		names, err := fs.Glob(files, string(dialect)+"/*.sql")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			version, err := strconv.Atoi(number.FindString(path.Base(name)))
			if err != nil {
				t.Fatal(err)
			}
			text, err := fs.ReadFile(files, name)
			if err != nil {
				t.Fatal(err)
			}
			if version < rollingFrom {
				continue
			}
			for _, what := range harm(dialect, string(text)) {
				t.Errorf("%s: %s", name, what)
			}
		}
	}
}

func TestWhatHarmsTheVersionBeforeIsNoticed(t *testing.T) {
	for _, tt := range []struct {
		text string
		harm int
	}{
		{"ALTER TABLE calls ADD COLUMN note text NOT NULL DEFAULT '';", 0},
		{"ALTER TABLE calls ADD COLUMN note text;", 0},
		{"CREATE TABLE notes (id bigint NOT NULL);\nCREATE INDEX notes_id ON notes (id);", 0},
		{"-- DROP TABLE calls\nCREATE TABLE notes (id bigint NOT NULL);", 0},
		{"CREATE INDEX CONCURRENTLY calls_note ON calls (note);", 0},
		{"-- contract: v1.4 does not read it any more\nALTER TABLE calls DROP COLUMN note;", 0},
		{"ALTER TABLE calls ADD COLUMN note text NOT NULL;", 1},
		{"ALTER TABLE calls DROP COLUMN note;", 1},
		{"DROP TABLE IF EXISTS notes;", 1},
		{"ALTER TABLE calls RENAME COLUMN note TO remark;", 1},
		{"ALTER TABLE calls ALTER COLUMN note SET NOT NULL;", 1},
		{"ALTER TABLE calls ALTER note TYPE bigint;", 1},
		{"CREATE UNIQUE INDEX events_note ON events (note);", 1},
	} {
		if got := harm(Postgres, tt.text); len(got) != tt.harm {
			t.Errorf("%s: %q", tt.text, got)
		}
	}
}
