#!/usr/bin/env bash
# Fuzzes every target in turn, FUZZTIME each (15 s unless told). What it finds
# is kept in the package's testdata/fuzz, to be committed with the repair. What
# is only interesting is not made small for long: that would take all the time.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/machine.sh

grep -rEo --include='*_test.go' '^func Fuzz\w*' . | while IFS=: read -r file target; do
	target=${target#func }
	section "$target ($(dirname "$file"))"
	go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-15s}" -fuzzminimizetime 100x "$(dirname "$file")" </dev/null
done
