package main

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"callwise/app/b24/b24sim"
	"callwise/models/modelstest"
)

// Each measure is taken so often, in turn with what it is compared to, and the
// median counts.
const (
	ingestRounds = 5
	ingestRound  = 3 * time.Second
)

// BenchmarkIngest measures how many events of PBXs the program takes per second,
// each durable before it is answered, side by side with single-row inserts of the
// same row: by pgbench with prepared statements into PostgreSQL, by the same
// driver into SQLite. Run it with -benchtime 1x on a database that keeps what it
// commits (`make bench-ingest`). Jobs rest meanwhile; "working" is with them.
func BenchmarkIngest(b *testing.B) {
	b.Run("PostgreSQL", func(b *testing.B) {
		for _, clients := range []int{16, 64, 128} {
			b.Run(strconv.Itoa(clients), func(b *testing.B) {
				address := modelstest.PostgreSQL(b)
				compareIngest(b, address, clients, "pgbench", pgbench(b, address, clients))
			})
		}
	})
	b.Run("SQLite", func(b *testing.B) {
		for _, clients := range []int{16, 64} {
			b.Run(strconv.Itoa(clients), func(b *testing.B) {
				compareIngest(b, modelstest.SQLite(b), clients, "raw", rawInserts(b, clients))
			})
		}
	})
}

// compareIngest reports the rates of both sides, their ratio, and how long an
// answer takes at half of the load.
func compareIngest(b *testing.B, address string, clients int, name string, reference func() float64) {
	senders := newSenders(b, address, clients)
	senders.flood(time.Second) // warms both up
	var ours, theirs, ratios []float64
	for range ingestRounds {
		theirs = append(theirs, reference())
		ours = append(ours, senders.flood(ingestRound))
		ratios = append(ratios, ours[len(ours)-1]/theirs[len(theirs)-1])
	}
	took := senders.pace(median(ours)/2, ingestRound)
	b.ReportMetric(median(ours), "events/s")
	b.ReportMetric(median(theirs), name+"/s")
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(quantile(took, .99).Seconds()*1000, "p99-ms-at-half")
	b.ReportMetric(0, "ns/op")
}

// senders are PBXs that report to the program, each on a connection of its own.
// They speak plain TCP: a client that costs more than the program would measure
// itself.
type senders struct {
	b       *testing.B
	clients []*sender
}

type sender struct {
	conn  net.Conn
	in    *bufio.Reader
	head  string
	id    string
	count int
}

func newSenders(b *testing.B, address string, n int) *senders {
	b.Helper()
	r := bareRig(b, address, b24sim.PortalConfig{})
	r.restsAfterInstall()
	s := &senders{b: b}
	for i := range n {
		conn, err := net.Dial("tcp", r.config.ListenAddr)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { conn.Close() }) //nolint:errcheck
		s.clients = append(s.clients, &sender{
			conn: conn, in: bufio.NewReader(conn), id: strconv.Itoa(i),
			head: "POST /pbx/v1/events HTTP/1.1\r\nHost: callwise\r\nContent-Type: application/json\r\nAuthorization: Bearer " + r.key + "\r\nContent-Length: ",
		})
	}
	return s
}

// restsAfterInstall installs the app and goes on with a process that works no
// jobs.
func (r *rig) restsAfterInstall() {
	r.t.Helper()
	c := r.spawn()
	r.install()
	c.kill()
	r.spawnAs(idleChild)
}

// send reports a new event and waits until it is taken.
func (s *sender) send() error {
	s.count++
	body := fmt.Sprintf(`{"id":"%s-%d","type":"call.started","call":"%s-%d","at":"2026-11-23T10:00:00Z","direction":"incoming","phone":"+4930901820","line":"4930901800","extensions":["104","105"]}`,
		s.id, s.count, s.id, s.count)
	if _, err := io.WriteString(s.conn, s.head+strconv.Itoa(len(body))+"\r\n\r\n"+body); err != nil {
		return err
	}
	answer, err := http.ReadResponse(s.in, nil)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusAccepted {
		return fmt.Errorf("an event is answered with %d", answer.StatusCode)
	}
	return nil
}

// flood has all send as fast as they are answered, and returns the events a second.
func (s *senders) flood(d time.Duration) float64 {
	var taken atomic.Int64
	begin := time.Now()
	s.each(func(c *sender) {
		for time.Since(begin) < d {
			if err := c.send(); err != nil {
				s.b.Error(err)
				return
			}
			taken.Add(1)
		}
	})
	return float64(taken.Load()) / time.Since(begin).Seconds()
}

// pace sends so many events a second and returns how long each took from when it
// was due: one that waits for a busy client counts its waiting.
func (s *senders) pace(rate float64, d time.Duration) []time.Duration {
	var due atomic.Int64
	var mu sync.Mutex
	var all []time.Duration
	gap := time.Duration(float64(time.Second) / rate)
	begin := time.Now()
	s.each(func(c *sender) {
		var took []time.Duration
		for at := begin; at.Sub(begin) < d; {
			at = begin.Add(time.Duration(due.Add(1)) * gap)
			time.Sleep(time.Until(at))
			if err := c.send(); err != nil {
				s.b.Error(err)
				break
			}
			took = append(took, time.Since(at))
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, took...)
	})
	return all
}

func (s *senders) each(do func(*sender)) {
	var group sync.WaitGroup
	for _, c := range s.clients {
		group.Go(func() { do(c) })
	}
	group.Wait()
}

// pgbench returns the transactions a second of prepared inserts of the same row
// into the same table.
func pgbench(b *testing.B, address string, clients int) func() float64 {
	program, err := exec.LookPath("pgbench")
	if err != nil {
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench")
		if len(found) == 0 {
			b.Skip("pgbench is not installed")
		}
		program = found[len(found)-1]
	}
	script := filepath.Join(b.TempDir(), "insert.sql")
	insert := `\set id random(1, 1000000000000000)
INSERT INTO events (portal_id, source, event_key, call_key, type, payload, happened_at, arrived_at)
VALUES (1, 'callwise', 'e' || CAST(:id AS text), 'pbx-' || CAST(:id AS text), 'call.started', E'` + strings.ReplaceAll(ingestPayload, ":", `\x3a`) + `', now(), now());` // a colon would begin a variable
	if err := os.WriteFile(script, []byte(insert), 0o600); err != nil {
		b.Fatal(err)
	}
	rate := regexp.MustCompile(`tps = ([0-9.]+)`)
	return func() float64 {
		out, err := exec.Command(program, "-n", "-M", "prepared", "-c", strconv.Itoa(clients), "-j", "2",
			"-T", strconv.Itoa(int(ingestRound.Seconds())), "-f", script, pgbenchAddress(b, address)).CombinedOutput()
		found := rate.FindSubmatch(out)
		if err != nil || found == nil {
			b.Fatalf("pgbench: %v\n%s", err, out)
		}
		tps, err := strconv.ParseFloat(string(found[1]), 64)
		if err != nil {
			b.Fatal(err)
		}
		return tps
	}
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

// rawInserts returns the rate of single-row inserts by the same driver, each
// durable by itself, into a database of the same schema.
func rawInserts(b *testing.B, clients int) func() float64 {
	address := modelstest.SQLite(b)
	r := bareRig(b, address, b24sim.PortalConfig{})
	c := r.spawn()
	r.install()
	c.kill()
	db, err := sql.Open("sqlite", strings.TrimPrefix(address, "sqlite:")+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() }) //nolint:errcheck
	db.SetMaxOpenConns(1)
	insert, err := db.PrepareContext(context.Background(), `INSERT INTO events (portal_id, source, event_key, call_key, type, payload, happened_at, arrived_at)
		VALUES (1, 'callwise', ?, ?, 'call.started', ?, ?, ?)`)
	if err != nil {
		b.Fatal(err)
	}
	var count atomic.Int64
	return func() float64 {
		begin, before := time.Now(), count.Load()
		var group sync.WaitGroup
		for range clients {
			group.Go(func() {
				for time.Since(begin) < ingestRound {
					n := count.Add(1)
					if _, err := insert.Exec(fmt.Sprint("r", n), fmt.Sprint("pbx:", n), ingestPayload, begin.UTC(), begin.UTC()); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		group.Wait()
		return float64(count.Load()-before) / time.Since(begin).Seconds()
	}
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// quantile is the smallest value that so much of all does not exceed.
func quantile(values []time.Duration, share float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(0, int(math.Ceil(share*float64(len(sorted))))-1)]
}
