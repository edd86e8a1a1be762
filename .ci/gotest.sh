#!/usr/bin/env bash
# All tests under the race detector. Prints what `go test` prints, except that a
# skipped test fails: where this runs, everything a test may need is there.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/machine.sh

# -v is what tells of skipped tests; its chatter is dropped again. A package's
# lines are held back until its verdict, and shown if that is not "ok".
export CGO_ENABLED=1 GOFLAGS="${GOFLAGS:-} -buildvcs=false" CALLWISE_REQUIRE=all
go test -race -count=1 -vet=off -timeout 40m -v ./... | awk '
	/^=== / || /^ *--- PASS/ || /^PASS$/ { next }
	/^ *--- SKIP/ { skipped = skipped "\n" $0 }
	/^(ok  |\?   )\t/ { held = "" }
	{ held = held $0 "\n" }
	/^(ok  |\?   |FAIL)(\t|$)/ { printf "%s", held; held = ""; fflush() }
	END {
		printf "%s", held
		if (skipped) { print "FAIL: tests were skipped:" skipped; exit 1 }
	}'
