package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// costRate is low enough for every machine to keep up, and costPortals few
// enough to be installed soon.
const (
	costRate    = 40 // events a second
	costPortals = 40
)

// BenchmarkCostOfACall measures what a call of the mix of [town] costs: the time
// of a processor that the program takes, what PostgreSQL writes, and what stays
// in its tables, indexes included. app/ops/sizing.md is computed from it. Run it
// with -benchtime 1x, on Linux.
func BenchmarkCostOfACall(b *testing.B) {
	address := postgreSQL(b)
	f := fleetOf(b, 1, address, plainChild)
	w := newTown(b, f, costPortals, time.Second)
	w.ring(b.Context(), costRate, 5*time.Second) // warms up
	w.settled(time.Minute)
	before := costsOf(b, f, address)
	placed := w.calls()
	w.ring(b.Context(), costRate, 30*time.Second)
	w.settled(time.Minute)
	after := costsOf(b, f, address)
	calls := float64(w.calls() - placed)
	for unit, spent := range after {
		b.ReportMetric((spent-before[unit])/calls, unit)
	}
	b.ReportMetric(0, "ns/op")
}

// calls is how many calls a town has placed.
func (w *town) calls() int {
	calls := 0
	for i := range w.placed {
		calls += int(w.placed[i].Load())
	}
	return calls
}

// costsOf is what has been spent until now, by the unit it is reported in.
func costsOf(b *testing.B, f *fleet, address string) map[string]float64 {
	b.Helper()
	costs := map[string]float64{"cpu-ms/call": processorTime(b, f.children[0].command.Process.Pid).Seconds() * 1000}
	db := connected(b, address)
	number := func(unit, query string) {
		var n int64
		if err := db.QueryRow(b.Context(), query).Scan(&n); err != nil {
			b.Fatal(err)
		}
		costs[unit] = float64(n)
	}
	number("wal-B/call", "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint")
	number("commits/call", "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
	for _, table := range []string{"calls", "events", "rest_log"} {
		number(table+"-B/call", fmt.Sprintf("SELECT pg_total_relation_size('%s')", table))
	}
	return costs
}

// processorTime is what a process has used of its processors.
//
// https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
func processorTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Skip("no /proc:", err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	const tick = 10 * time.Millisecond // of the kernel's clock for users
	var all time.Duration
	for _, field := range fields[11:13] { // utime and stime
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		all += time.Duration(ticks) * tick
	}
	return all
}
