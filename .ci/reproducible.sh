#!/usr/bin/env bash
# Builds the program twice, in two folders, as the Dockerfile does, and fails
# unless both are the same to the last bit. With FRESH=1 the second build
# compiles everything anew, the standard library too: minutes instead of seconds.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/machine.sh

section "reproducible build"
work=$(mktemp -d)
trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT
flags=$(sed -n 's/^RUN \(.*\) go build \(.*\) -o .*/\1 go build \2/p' Dockerfile)
[[ -n $flags ]] || fail "the Dockerfile builds nothing"

build() { # FOLDER CACHE
	mkdir -p "$work/$1"
	git ls-files -z --cached --others --exclude-standard | tar --null --files-from=- --ignore-failed-read -cf - 2>/dev/null | tar -xf - -C "$work/$1"
	(cd "$work/$1" && export GOCACHE=$2 && eval "env GOFLAGS='${GOFLAGS:-}' $flags -o ../$1.bin ./app")
}
build one "$(go env GOCACHE)"
build somewhere-else "$([[ ${FRESH:-} == 1 ]] && echo "$work/cache" || go env GOCACHE)"
cmp "$work/one.bin" "$work/somewhere-else.bin" || fail "two builds of the same sources differ"
sha256sum "$work/one.bin" | cut -d ' ' -f 1
