package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"net"
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
// commits (`make bench-ingest`). Jobs rest meanwhile.
func BenchmarkIngest(b *testing.B) {
	b.Run("PostgreSQL", func(b *testing.B) {
		for _, clients := range []int{16, 64, 128} {
			b.Run(strconv.Itoa(clients), func(b *testing.B) {
				address := modelstest.PostgreSQL(b)
				usedWAL(b, address)
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

// usedWAL has PostgreSQL write over old files of its log, as one does that has been at
// work for a while, and not make new ones: each takes a busy disk some 30 ms, for which
// all wait, whether they insert or report events.
//
// https://www.postgresql.org/docs/current/wal-configuration.html
func usedWAL(b *testing.B, address string) {
	b.Helper()
	db := connected(b, address)
	do := func(statement string) {
		b.Helper()
		if _, err := db.Exec(context.Background(), statement); err != nil {
			b.Fatal(err)
		}
	}
	setting := func(statement string) {
		b.Helper()
		do("ALTER SYSTEM " + statement)
		do("SELECT pg_reload_conf()")
	}
	setting("SET min_wal_size = '2GB'")
	b.Cleanup(func() { setting("RESET min_wal_size") })
	setting("SET max_wal_size = '4GB'")
	b.Cleanup(func() { setting("RESET max_wal_size") })
	const files = 128 // of 16 MB
	for range files {
		do("SELECT pg_logical_emit_message(false, '', '')")
		do("SELECT pg_switch_wal()")
	}
	do("CHECKPOINT")
}

// inserts are what the program is compared to.
type inserts struct {
	flood func() float64                     // how many a second, as fast as they go
	pace  func(rate float64) []time.Duration // how long each takes from when it was due
}

// compareIngest reports the rates of both sides, their ratio, and how long either
// takes at half of the program's rate.
func compareIngest(b *testing.B, address string, clients int, name string, reference inserts) {
	senders := newSenders(b, address, clients)
	senders.flood(time.Second) // warms both up
	var ours, theirs, ratios []float64
	for range ingestRounds {
		theirs = append(theirs, reference.flood())
		ours = append(ours, senders.flood(ingestRound))
		ratios = append(ratios, ours[len(ours)-1]/theirs[len(theirs)-1])
	}
	var took, plain []float64 // the p99 of each round, in milliseconds
	for range ingestRounds {
		plain = append(plain, quantile(reference.pace(median(ours)/2), .99).Seconds()*1000)
		took = append(took, quantile(senders.pace(median(ours)/2, ingestRound), .99).Seconds()*1000)
	}
	b.Logf("p99 of each round at half of the rate, ms: %.1f, %s %.1f", took, name, plain)
	b.ReportMetric(median(ours), "events/s")
	b.ReportMetric(median(theirs), name+"/s")
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(median(took), "p99-ms-at-half")
	b.ReportMetric(slices.Max(took), "worst-p99-ms-at-half")
	b.ReportMetric(median(plain), name+"-p99-ms-at-half")
	b.ReportMetric(0, "ns/op")
}

// senders are PBXs that report to the program, each on a connection of its own.
// They speak plain TCP: a client that costs more than the program would measure
// itself.
type senders struct {
	b       *testing.B
	address string
	clients []*sender
	all     *flood
}

type sender struct {
	conn  net.Conn // while it is paced
	in    *bufio.Reader
	head  string // of each request, up to its length
	id    string
	count int
	body  []byte
	out   []byte
}

func newSenders(b *testing.B, address string, n int) *senders {
	b.Helper()
	r := bareRig(b, address, b24sim.PortalConfig{})
	r.restsAfterInstall()
	s := &senders{b: b, address: r.config.ListenAddr}
	for i := range n {
		s.clients = append(s.clients, &sender{
			id:   strconv.Itoa(i),
			head: "POST /pbx/v1/events HTTP/1.1\r\nHost: callwise\r\nContent-Type: application/json\r\nAuthorization: Bearer " + r.key + "\r\nContent-Length: ",
		})
	}
	s.all = newFlood(b, r.config.ListenAddr, s.clients)
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
	if _, err := s.conn.Write(s.next()); err != nil {
		return err
	}
	return s.taken()
}

// next is a request that reports a new event.
func (s *sender) next() []byte {
	s.count++
	s.body = fmt.Appendf(s.body[:0], `{"id":"%[1]s-%[2]d","type":"call.started","call":"%[1]s-%[2]d","at":"2026-11-23T10:00:00Z","direction":"incoming","phone":"+4930901820","line":"4930901800","extensions":["104","105"]}`,
		s.id, s.count)
	s.out = fmt.Appendf(s.out[:0], "%s%d\r\n\r\n%s", s.head, len(s.body), s.body)
	return s.out
}

// taken reads an answer, which must say that the event was taken.
func (s *sender) taken() error {
	status, err := s.in.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 202 ")) {
		return fmt.Errorf("an event is answered with %q", status)
	}
	for length := -1; ; {
		line, err := s.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		name, value, more := bytes.Cut(bytes.TrimSpace(line), []byte(": "))
		if !more && length < 0 {
			return errors.New("an answer does not tell its length")
		}
		if !more {
			_, err := s.in.Discard(length)
			return err
		}
		if string(name) != "Content-Length" {
			continue
		}
		if length, err = strconv.Atoi(string(value)); err != nil {
			return err
		}
	}
}

// flood has all send as fast as they are answered, and returns the events a second.
func (s *senders) flood(d time.Duration) float64 { return s.all.run(d) }

func flooded(b *testing.B, sends []func() error, d time.Duration) float64 {
	var taken atomic.Int64
	var group sync.WaitGroup
	begin := time.Now()
	for _, send := range sends {
		group.Go(func() {
			for time.Since(begin) < d {
				if err := send(); err != nil {
					b.Error(err)
					return
				}
				taken.Add(1)
			}
		})
	}
	group.Wait()
	return float64(taken.Load()) / time.Since(begin).Seconds()
}

// pace sends so many events a second and returns how long each took from when it
// was due: one that waits for a busy client counts its waiting.
func (s *senders) pace(rate float64, d time.Duration) []time.Duration {
	var sends []func() error
	for _, c := range s.clients {
		conn, err := net.Dial("tcp", s.address)
		if err != nil {
			s.b.Fatal(err)
		}
		defer conn.Close() //nolint:errcheck
		c.conn, c.in = conn, bufio.NewReader(conn)
		sends = append(sends, c.send)
	}
	return paced(s.b, sends, rate, d)
}

func paced(b *testing.B, sends []func() error, rate float64, d time.Duration) []time.Duration {
	var due atomic.Int64
	var mu sync.Mutex
	var all []time.Duration
	gap := time.Duration(float64(time.Second) / rate)
	begin := time.Now()
	var group sync.WaitGroup
	for _, send := range sends {
		group.Go(func() {
			var took []time.Duration
			for at := begin; at.Sub(begin) < d; {
				at = begin.Add(time.Duration(due.Add(1)) * gap)
				time.Sleep(time.Until(at))
				if err := send(); err != nil {
					b.Error(err)
					break
				}
				took = append(took, time.Since(at))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took...)
		})
	}
	group.Wait()
	return all
}

// rawInserts are single-row inserts by the same driver, each durable by itself,
// into a database of the same schema, with SQLite's own settings otherwise.
func rawInserts(b *testing.B, clients int) inserts {
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
	send := func() error {
		n, at := count.Add(1), time.Now().UTC()
		_, err := insert.Exec(fmt.Sprint("r", n), fmt.Sprint("pbx:", n), ingestPayload, at, at)
		return err
	}
	sends := slices.Repeat([]func() error{send}, clients)
	return inserts{
		flood: func() float64 { return flooded(b, sends, ingestRound) },
		pace:  func(rate float64) []time.Duration { return paced(b, sends, rate, ingestRound) },
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
