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
command -v git >/dev/null || packages+=(git) # the image's list of parts takes its version from it
command -v openssl >/dev/null || packages+=(openssl) # the shell example of the PBX guide is run
cyrillic || packages+=(fontconfig fonts-dejavu-core)
sip_server || packages+=(kamailio kamailio-extra-modules rtpengine-daemon baresip-core) # real calls of real telephones
alert_tool || packages+=(prometheus) # its tool tries the rules of alerts

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

wanted() { [[ " ${packages[*]} " == *" $1 "* ]]; }

# Debian's package would start a server of its own on port 5432. Its settings
# stand already where they are wanted, if someone here uses PostgreSQL.
no_cluster=/etc/postgresql-common/createcluster.d/callwise.conf
if wanted postgresql; then
	mkdir -p "$(dirname "$no_cluster")"
	echo "create_main_cluster = false" >"$no_cluster"
fi

# So would these, one way or the other: with systemd by a unit, without by a
# script of its own. What someone here has set up of them stays as it is.
mask() {
	local unit=/etc/systemd/system/$1.service
	[[ -e /lib/systemd/system/$1.service || -L $unit ]] || { mkdir -p "${unit%/*}" && ln -s /dev/null "$unit"; }
}
units=()
! wanted kamailio || units+=(kamailio rtpengine-daemon)
! wanted prometheus || units+=(prometheus)
for unit in "${units[@]}"; do mask "$unit"; done
policy=/usr/sbin/policy-rc.d
if ((${#units[@]} > 0)) && [[ ! -e $policy ]]; then
	trap 'rm -f "$log" "$policy"' EXIT
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
fi

echo "installing: ${packages[*]}"
apt update
apt install --no-install-recommends "${packages[@]}"

postgres_bin >/dev/null || fail "no PostgreSQL server, though its package is installed"
find_chromium >/dev/null || fail "no usable Chromium, though its package is installed (a snap cannot be used)"
c_compiler || fail "no working C compiler, though its package is installed"
alert_tool || fail "no promtool, though its package prometheus is installed"
sip_server || fail "no Kamailio, RTPengine or baresip, though their packages are installed"
