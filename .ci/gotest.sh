#!/usr/bin/env bash
# All tests under the race detector. Prints what `go test` prints, except that a
# skipped test fails: where this runs, everything a test may need is there.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/machine.sh

# -v is what tells of skipped tests; its chatter is dropped again. A package's
# lines are held back until its verdict, and shown if that is not "ok". What failed
# and what its tests said of it stands once more at the very end, without the
# program's own log.
export CGO_ENABLED=1 GOFLAGS="${GOFLAGS:-} -buildvcs=false" CALLWISE_REQUIRE=all

# SQLite is C made into Go, with memory and locks of its own, of which the race
# detector, and the checks of pointers that come with it, can say nothing: watched
# all the same, its tests take four times as long.
sqlite=(-gcflags='modernc.org/...=-d=checkptr=0' -gcflags='modernc.org/sqlite/lib=-race=false')

go test -race "${sqlite[@]}" -count=1 -vet=off -timeout 75m -v ./... | awk '
	function tell(i) {
		for (i = 0; i < lines; i++) print held[i]
		lines = 0
		fflush()
	}
	/^=== / || /^ *--- PASS/ || /^PASS$/ { next }
	/^ *--- SKIP/ { skipped = skipped "\n" $0 }
	# What the program logs while it is tested holds no key, session, secret or number.
	/^(time=|\{"time")/ && /cw_[A-Za-z0-9_-][A-Za-z0-9_-][A-Za-z0-9_-][A-Za-z0-9_-]|eyJhbGciOi|whsec_|309018[0-9][0-9]/ { leaked = leaked "\n" $0 }
	/^ *--- FAIL|^panic:|DATA RACE/ || /^ +[a-z0-9_]+_test\.go:[0-9]+: / { said = said "\n" $0 }
	# An array: a text that grows line by line is copied with each of many thousands.
	{ held[lines++] = $0 }
	/^(ok  |\?   )\t/ { held[0] = $0; lines = 1; said = "" }
	/^FAIL\t/ { failed = failed said "\n" $0; said = "" }
	/^(ok  |\?   |FAIL)(\t|$)/ { tell() }
	END {
		tell()
		if (leaked) print "FAIL: the program logged what it must not:" leaked
		if (skipped) { print "FAIL: tests were skipped:" skipped; exit 1 }
		if (failed) print "FAIL: what failed, and what its tests said:" failed
		if (leaked) exit 1
	}'
