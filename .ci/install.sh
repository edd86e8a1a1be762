#!/usr/bin/env bash
# Installs what the tests need and the machine lacks. Nothing happens where all
# is there; without root or apt-get it says what to install, and fails.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/machine.sh

command -v go >/dev/null || fail "Go is missing: https://go.dev/dl/"

packages=()
certificates || packages+=(ca-certificates)
c_compiler || packages+=(gcc libc6-dev)
postgres_bin >/dev/null || packages+=(postgresql)
find_chromium >/dev/null || packages+=(chromium)
command -v openssl >/dev/null || packages+=(openssl) # the shell example of the PBX guide is run
cyrillic || packages+=(fontconfig fonts-dejavu-core)

if ((${#packages[@]} == 0)); then
	echo "nothing"
	exit
fi
if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
	fail "please install (names as in Debian): ${packages[*]}"
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
	DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120 "$@" >"$log" 2>&1 </dev/null && return
	cat "$log" >&2
	fail "apt-get $* failed"
}

# Debian's package would start a server of its own on port 5432. Its settings
# stand already where they are wanted, if someone here uses PostgreSQL.
no_cluster=/etc/postgresql-common/createcluster.d/callwise.conf
if [[ " ${packages[*]} " == *" postgresql "* ]]; then
	mkdir -p "$(dirname "$no_cluster")"
	echo "create_main_cluster = false" >"$no_cluster"
fi

echo "installing: ${packages[*]}"
apt update
apt install --no-install-recommends "${packages[@]}"

postgres_bin >/dev/null || fail "no PostgreSQL server, though its package is installed"
find_chromium >/dev/null || fail "no usable Chromium, though its package is installed (a snap cannot be used)"
c_compiler || fail "no working C compiler, though its package is installed"
