package main

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// pgbench is prepared inserts of the same row into the same table.
func pgbench(b *testing.B, address string, clients int) inserts {
	program, err := exec.LookPath("pgbench")
	if err != nil {
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench")
		if len(found) == 0 {
			b.Skip("pgbench is not installed")
		}
		program = found[len(found)-1]
	}
	folder := b.TempDir()
	script := filepath.Join(folder, "insert.sql")
	insert := `\set id random(1, 1000000000000000)
INSERT INTO events (portal_id, source, event_key, call_key, type, payload, happened_at, arrived_at)
VALUES (1, 'callwise', 'e' || CAST(:id AS text), 'pbx-' || CAST(:id AS text), 'call.started', E'` + strings.ReplaceAll(ingestPayload, ":", `\x3a`) + `', now(), now());` // a colon would begin a variable
	if err := os.WriteFile(script, []byte(insert), 0o600); err != nil {
		b.Fatal(err)
	}
	run := func(more ...string) []byte {
		command := exec.Command(program, append(more, "-n", "-M", "prepared", "-c", strconv.Itoa(clients), "-j", "2",
			"-T", strconv.Itoa(int(ingestRound.Seconds())), "-f", script, pgbenchAddress(b, address))...)
		command.Dir = folder
		out, err := command.CombinedOutput()
		if err != nil {
			b.Fatalf("pgbench: %v\n%s", err, out)
		}
		return out
	}
	rate := regexp.MustCompile(`tps = ([0-9.]+)`)
	return inserts{
		flood: func() float64 {
			found := rate.FindSubmatch(run())
			if found == nil {
				b.Fatal("pgbench tells no rate")
			}
			tps, err := strconv.ParseFloat(string(found[1]), 64)
			if err != nil {
				b.Fatal(err)
			}
			return tps
		},
		pace: func(rate float64) []time.Duration {
			run("-R", strconv.Itoa(int(rate)), "-l", "--log-prefix=paced")
			return pgbenchTimes(b, filepath.Join(folder, "paced.*"))
		},
	}
}

// pgbenchTimes are how long the transactions took that pgbench has logged, from
// when they were due, which is the third field of a line.
//
// https://www.postgresql.org/docs/current/pgbench.html
func pgbenchTimes(b *testing.B, pattern string) []time.Duration {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		b.Fatalf("pgbench logged nothing: %v", err)
	}
	var took []time.Duration
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			us, err := strconv.ParseInt(strings.Fields(line)[2], 10, 64)
			if err != nil {
				b.Fatal(err)
			}
			took = append(took, time.Duration(us)*time.Microsecond)
		}
	}
	return took
}

// ingestPayload is what the program stores of an event of the benchmark.
const ingestPayload = `{"id":"e","type":"call.started","call":"c","at":"2026-11-23T10:00:00Z","direction":"incoming","phone":"+4930901820","line":"4930901800","extensions":["104","105"]}`

// pgbenchAddress is the address in the words of libpq, which does not know
// search_path as a parameter.
func pgbenchAddress(b *testing.B, address string) string {
	u, err := url.Parse(address)
	if err != nil {
		b.Fatal(err)
	}
	q := u.Query()
	if path := q.Get("search_path"); path != "" {
		q.Del("search_path")
		q.Set("options", "-csearch_path="+path)
	}
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
	return u.String()
}
