package migrations

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rollingFrom is the first migration that meets a database in use: while a new
// version is rolled out, processes of the one before work on the new schema.
const rollingFrom = 12

// released are files that were released before it was noticed how often they do harm:
// a released file is not changed any more.
var released = map[string]int{"postgres/00013_strays.sql": 1, "postgres/00017_recordings_portal.sql": 2}

// A rule refuses what a statement does, or one of the changes of an ALTER TABLE.
type rule struct {
	action *regexp.Regexp
	except *regexp.Regexp // nil = never
	why    string
}

// breaking is what the processes of the version before would not survive. What is
// to go is first no longer used, in one release, and removed in a later one:
// expand, then contract. A file that contracts says so with "-- contract: VERSION
// that stopped using it".
var breaking = []rule{
	{words(`^DROP\b`), words(`^DROP (INDEX|CONSTRAINT)\b`), "processes of the version before still use what is dropped"},
	{words(`\bRENAME\b`), nil, "processes of the version before know only the old name"},
	{words(`^ADD\b.*\bNOT NULL\b`), words(`\bDEFAULT\b`), "processes of the version before do not fill the new column"},
	{words(`^ALTER (COLUMN )?\S+ SET NOT NULL\b`), nil, "processes of the version before may leave the column empty"},
	{words(`^ALTER (COLUMN )?\S+ DROP DEFAULT\b`), nil, "processes of the version before may leave the column to its default"},
}

// blocking is during what nobody could store anything on PostgreSQL, be it for
// contracting or not.
var blocking = []rule{
	{words(`^ALTER (COLUMN )?\S+ (SET DATA )?TYPE\b`), nil, "the table is rewritten while everybody waits"},
	{words(`^ADD\b.*\b(GENERATED\b|(small|big)?serial\b|DEFAULT ([\w.]+ )?\{\})`), words(`\bDEFAULT now \{\}`), "the table is rewritten while everybody waits"},
	{words(`^SET (LOGGED|UNLOGGED|TABLESPACE|ACCESS METHOD)\b`), nil, "the table is rewritten while everybody waits"},
	{words(`^ADD\b.*\b(CHECK|FOREIGN|UNIQUE|PRIMARY|EXCLUDE)\b`), words(`\b(NOT VALID|USING INDEX)\b`), "all rows are looked at while everybody waits; say NOT VALID, and VALIDATE CONSTRAINT in the next file, or USING INDEX"},
	{words(`^CREATE (UNIQUE )?INDEX\b.* ON (ONLY )?(\w+\.)?(events|calls|rest_log|recordings|recording_chunks|river_job)\b`), words(`\bCONCURRENTLY\b`), "nothing could be stored until a large table is indexed; say CONCURRENTLY, and +goose NO TRANSACTION"},
	{words(`^DROP INDEX\b`), words(`\bCONCURRENTLY\b`), "it needs the table for itself; say CONCURRENTLY, and +goose NO TRANSACTION"},
	{words(`^(REINDEX|REFRESH)\b`), words(`\bCONCURRENTLY\b`), "everybody waits until it is done; say CONCURRENTLY, and +goose NO TRANSACTION"},
	{words(`^(LOCK|TRUNCATE|CLUSTER|VACUUM)\b`), nil, "it needs the table for itself"},
}

// scanning is what blocks unless a CHECK says it already, which the text alone does
// not show. A file says so with "-- checked: FILE that validated it".
var scanning = []rule{
	{words(`^ALTER (COLUMN )?\S+ SET NOT NULL\b`), nil, "all rows are looked at while everybody waits; a valid CHECK (... IS NOT NULL) comes first, in a file before: say -- checked: FILE"},
}

// transacted is what PostgreSQL does not do in a transaction.
var transacted = []rule{
	{words(`\bCONCURRENTLY\b`), words(`^REFRESH\b`), "it fails in a transaction; say +goose NO TRANSACTION"},
}

// words is an expression in which a blank is any blank space.
func words(expression string) *regexp.Regexp {
	return regexp.MustCompile(`(?is)` + strings.ReplaceAll(expression, " ", `\s+`))
}

func (r rule) refused(statement string) []string {
	var all []string
	for _, action := range actions(folded(statement)) {
		if r.action.MatchString(action) && (r.except == nil || !r.except.MatchString(action)) {
			all = append(all, action+": "+r.why)
		}
	}
	return all
}

var (
	contract      = regexp.MustCompile(`(?m)^-- contract: \S`)
	checked       = regexp.MustCompile(`(?m)^-- checked: \S`)
	noTransaction = regexp.MustCompile(`(?m)^-- \+goose NO TRANSACTION`)
	number        = regexp.MustCompile(`^\d+`)

	comment = regexp.MustCompile(`--[^\n]*`)
	literal = regexp.MustCompile(`'[^']*'`)
	inner   = regexp.MustCompile(`\s*\([^()]*\)`)

	altered = words(`^ALTER TABLE (?:IF EXISTS )?(?:ONLY )?\S+`)
	created = words(`^CREATE TABLE (?:IF NOT EXISTS )?(?:\w+\.)?(\w+)`)
	locked  = words(`(?:^ALTER TABLE(?: IF EXISTS)?|^CREATE (?:\w+ )*(?:INDEX|TRIGGER)\b.*? ON|\bREFERENCES)(?: ONLY)? (?:\w+\.)?(\w+)`)
	lengthy = words(`^(INSERT|UPDATE|DELETE|SELECT|WITH)\b|\bVALIDATE CONSTRAINT\b`)
	unmade  = words(`^DROP INDEX CONCURRENTLY IF EXISTS (\S+)$`)
	made    = words(`^CREATE (?:UNIQUE )?INDEX CONCURRENTLY (\S+) ON\b`)
)

// statements are those of a migration without comments; ” stands for what was
// quoted.
func statements(text string) []string {
	text = literal.ReplaceAllString(comment.ReplaceAllString(text, ""), "''")
	var all []string
	for statement := range strings.SplitSeq(text, ";") {
		all = append(all, strings.TrimSpace(statement))
	}
	return all
}

// folded is a statement in which {} stands for what was in parentheses.
func folded(statement string) string {
	for inner.MatchString(statement) {
		statement = inner.ReplaceAllString(statement, " {}")
	}
	return statement
}

// actions are the changes of an ALTER TABLE, or the statement.
func actions(statement string) []string {
	table := altered.FindString(statement)
	if table == "" {
		return []string{statement}
	}
	var all []string
	for action := range strings.SplitSeq(strings.TrimPrefix(statement, table), ",") {
		all = append(all, strings.TrimSpace(action))
	}
	return all
}

// named is the name that an expression finds in a statement, or "".
func named(expression *regexp.Regexp, statement string) string {
	if found := expression.FindStringSubmatch(statement); found != nil {
		return found[1]
	}
	return ""
}

// harm is what a migration does to processes of the version before.
func harm(d Dialect, text string) []string {
	var rules []rule
	if !contract.MatchString(text) {
		rules = append(rules, breaking...)
	}
	if d == Postgres {
		rules = append(rules, blocking...)
	}
	if d == Postgres && !checked.MatchString(text) {
		rules = append(rules, scanning...)
	}
	if d == Postgres && !noTransaction.MatchString(text) {
		rules = append(rules, transacted...)
	}
	var all []string
	for _, statement := range statements(text) {
		for _, r := range rules {
			all = append(all, r.refused(statement)...)
		}
	}
	switch {
	case d != Postgres:
		return all
	case noTransaction.MatchString(text):
		return append(all, unrepeatable(statements(text))...)
	}
	return append(all, keptLocked(statements(text))...)
}

// keptLocked is what takes long, or waits for another table, after one was locked that
// is in use: until the end of the file's transaction nobody can store anything there. A
// statement that locks several by itself is let through.
func keptLocked(statements []string) []string {
	var all, made, held []string
	for _, statement := range statements {
		made = append(made, named(created, statement))
		var more []string
		for _, found := range locked.FindAllStringSubmatch(statement, -1) {
			if table := found[1]; !slices.Contains(made, table) && !slices.Contains(held, table) {
				more = append(more, table)
			}
		}
		if held != nil && (more != nil || lengthy.MatchString(statement)) {
			all = append(all, statement+": meanwhile stays locked: "+strings.Join(held, ", ")+"; make it a file of its own")
		}
		held = append(held, more...)
	}
	return all
}

// unrepeatable is what does not bear to be tried again after a part of its file
// was done, as happens without a transaction when a lock is not to be had. An index
// that was not finished stays behind, and is of no use.
func unrepeatable(statements []string) []string {
	var all []string
	removed := ""
	for _, statement := range statements {
		index := named(made, statement)
		if statement != "" && named(unmade, statement) == "" && (index == "" || index != removed) {
			all = append(all, statement+": without a transaction only DROP INDEX CONCURRENTLY IF EXISTS, and after it CREATE INDEX CONCURRENTLY of the same name")
		}
		removed = named(unmade, statement)
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
			if all := harm(dialect, string(text)); len(all) != released[name] {
				t.Errorf("%s: %q", name, all)
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
		{"ALTER TABLE calls ADD COLUMN noted timestamptz DEFAULT now();", 0},
		{"ALTER TABLE calls ADD COLUMN note text NOT NULL DEFAULT 'a, DROP b', ADD COLUMN cost numeric(10, 2);", 0},
		{"ALTER TABLE calls ADD CONSTRAINT noted CHECK (note IS NOT NULL) NOT VALID;", 0},
		{"ALTER TABLE calls VALIDATE CONSTRAINT noted;", 0},
		{"ALTER TABLE calls ADD CONSTRAINT noted UNIQUE USING INDEX calls_note;", 0},
		{"ALTER TABLE calls DROP CONSTRAINT noted;", 0},
		{"ALTER TABLE calls ALTER COLUMN note DROP NOT NULL;", 0},
		{"CREATE TABLE notes (id bigint NOT NULL CHECK (id > 0));\nCREATE INDEX notes_id ON notes (id);", 0},
		{"-- DROP TABLE calls\nCREATE TABLE notes (id bigint NOT NULL);", 0},
		{"-- contract: v1.4 does not read it any more\nALTER TABLE calls DROP COLUMN note;", 0},
		{"-- contract: v2 fills it\n-- checked: 00017_noted.sql\nALTER TABLE events ALTER COLUMN note SET NOT NULL;", 0},
		{"CREATE TABLE notes (id bigint UNIQUE, call_id bigint REFERENCES calls ON DELETE CASCADE, above bigint REFERENCES notes (id));\nCREATE TABLE marks (call_id bigint REFERENCES calls, note bigint REFERENCES public.notes (id));\nCREATE INDEX marks_note ON marks (note);", 0},
		{anIndex, 0},
		{"-- +goose NO TRANSACTION\nDROP INDEX CONCURRENTLY IF EXISTS calls_note;", 0},

		{"ALTER TABLE calls ADD COLUMN note text NOT NULL;", 1},
		{"ALTER TABLE calls ADD COLUMN note text NOT NULL DEFAULT '', ADD COLUMN other text NOT NULL;", 1},
		{"ALTER TABLE calls DROP COLUMN note;", 1},
		{"ALTER TABLE calls ADD COLUMN other text, DROP note;", 1},
		{"ALTER TABLE calls DROP CONSTRAINT noted, DROP COLUMN note;", 1},
		{"DROP TABLE IF EXISTS notes;", 1},
		{"ALTER TABLE calls RENAME COLUMN note TO remark;", 1},
		{"ALTER TABLE calls RENAME TO talks;", 1},
		{"-- checked: 00017_noted.sql\nALTER TABLE calls ALTER COLUMN note SET NOT NULL;", 1},
		{"ALTER TABLE calls ALTER COLUMN note DROP DEFAULT;", 1},

		{"ALTER TABLE calls ALTER note TYPE bigint;", 1},
		{"ALTER TABLE calls ALTER COLUMN note SET DATA TYPE bigint;", 1},
		{"ALTER TABLE calls ADD COLUMN key uuid DEFAULT gen_random_uuid();", 1},
		{"ALTER TABLE calls ADD COLUMN key bigserial;", 1},
		{"ALTER TABLE calls ADD COLUMN short text GENERATED ALWAYS AS (left(note, 9)) STORED;", 1},
		{"ALTER TABLE events SET UNLOGGED;", 1},
		{"ALTER TABLE calls ADD CONSTRAINT noted CHECK (note <> '');", 1},
		{"ALTER TABLE calls ADD CHECK (note <> '');", 1},
		{"ALTER TABLE calls ADD CONSTRAINT noted FOREIGN KEY (note) REFERENCES notes;", 1},
		{"ALTER TABLE calls ADD UNIQUE (note);", 1},
		{"ALTER TABLE calls ADD PRIMARY KEY (note);", 1},
		{"ALTER TABLE calls ADD COLUMN note text CHECK (note <> '');", 1},
		{"CREATE UNIQUE INDEX events_note ON events (note);", 1},
		{"CREATE INDEX ON ONLY river_job (kind);", 1},
		{"CREATE INDEX events_note ON public.events (note);", 1},
		{"CREATE INDEX recordings_note ON recordings (note);", 1},
		{"CREATE INDEX chunks_note ON recording_chunks (note);", 1},
		{"DROP INDEX events_note;", 1},
		{"-- contract: v1.4 does not read by it any more\nDROP INDEX IF EXISTS events_note;", 1},
		{"REINDEX TABLE events;", 1},
		{"-- contract: v2 fills it\nALTER TABLE events ALTER COLUMN note SET NOT NULL;", 1},
		{"TRUNCATE events;", 1},
		{"LOCK TABLE events;", 1},

		{"ALTER TABLE events ADD COLUMN note text;\nALTER TABLE calls ADD COLUMN note text;", 1},
		{"ALTER TABLE events ADD COLUMN note text;\nCREATE TABLE notes (portal_id bigint NOT NULL REFERENCES portals ON DELETE CASCADE);", 1},
		{"ALTER TABLE events ADD COLUMN note text;\nCREATE INDEX tokens_note ON tokens (note);", 1},
		{"ALTER TABLE events ADD COLUMN note text;\nCREATE TRIGGER noted BEFORE INSERT ON calls FOR EACH ROW EXECUTE FUNCTION note();", 1},
		{"CREATE TRIGGER noted BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION note();\nALTER TABLE calls ADD COLUMN note text;", 1},
		{"ALTER TABLE events ADD COLUMN note text;\nSELECT count(*) FROM rest_log;", 1},
		{"CREATE TABLE notes (call_id bigint REFERENCES calls);\nCREATE TABLE marks (event_id bigint REFERENCES public.events);", 1},
		{"CREATE INDEX CONCURRENTLY calls_note ON calls (note);", 1},
		{"ALTER TABLE calls ADD COLUMN note text;\nUPDATE calls SET note = line;", 1},
		{"ALTER TABLE calls ADD CONSTRAINT noted CHECK (note <> '') NOT VALID;\nALTER TABLE calls VALIDATE CONSTRAINT noted;", 1},
		{"-- +goose NO TRANSACTION\nCREATE INDEX CONCURRENTLY calls_note ON calls (note);", 1},
		{"-- +goose NO TRANSACTION\nCREATE INDEX CONCURRENTLY IF NOT EXISTS calls_note ON calls (note);", 1},
		{"-- +goose NO TRANSACTION\nDROP INDEX CONCURRENTLY IF EXISTS calls_other;\nCREATE INDEX CONCURRENTLY calls_note ON calls (note);", 1},
		{"-- +goose NO TRANSACTION\nDROP INDEX CONCURRENTLY calls_note;", 1},
		{"-- +goose NO TRANSACTION\nALTER TABLE calls ADD COLUMN note text;", 1},
	} {
		if got := harm(Postgres, tt.text); len(got) != tt.harm {
			t.Errorf("%s: %q", tt.text, got)
		}
	}
}
