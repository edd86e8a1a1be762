#!/usr/bin/env bash
# Reads the code without running it.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/machine.sh

# A clone that belongs to someone else would stop the build at git.
export GOFLAGS="${GOFLAGS:-} -buildvcs=false"

section "gofmt"
unformatted=$("$(go env GOROOT)/bin/gofmt" -l .)
[[ -z $unformatted ]] || fail "run gofmt -w on:"$'\n'"$unformatted"

section "templ generate"
generated() { find . -name '*_templ.go' -exec cksum {} + | sort -k 3; }
# The version would stand where a package comment does, and join it in go doc.
before=$(generated)
go tool templ generate -include-version=false -log-level warn
diff <(echo "$before") <(generated) >&2 ||
	fail "these files were not what templ makes of their sources; they are now: commit them"

section "go mod tidy"
go mod tidy -diff || fail "run go mod tidy"

section "go vet"
go vet ./...

section "staticcheck"
# Run by version, so that its modules stay out of our go.mod.
go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
