# shellcheck shell=bash
# What the scripts ask the machine; to be sourced.

# A shell that read no profile does not find Go where its installer puts it.
command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin

section() { printf '\n== %s\n' "$*"; }

fail() {
	printf 'callwise: %s\n' "$*" >&2
	exit 1
}

# postgres_bin prints the folder of PostgreSQL's server programs. Debian keeps
# them out of PATH, one folder per version; the newest is the last.
postgres_bin() {
	local initdb
	initdb=$(type -P initdb || printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)
	initdb=$(readlink -f "$initdb") && [[ -x $initdb ]] && dirname "$initdb"
}

# find_chromium prints the path of a Chromium that tests can drive. One packed as a
# snap sees neither our temporary folders nor root.
find_chromium() {
	local name path
	for name in "${CHROMIUM:-chromium}" chromium-browser google-chrome; do
		path=$(type -P "$name") || continue
		[[ $(readlink -f "$path") != *snap* ]] || continue
		! head -c 2000 "$path" | grep -qa /snap/ || continue
		printf '%s\n' "$path"
		return
	done
	return 1
}

# c_compiler holds if C can be compiled, which the race detector needs.
c_compiler() {
	echo '#include <stdlib.h>' | $(go env CC) -E -x c - >/dev/null 2>&1
}

# cyrillic holds if Russian pages do not come out as empty boxes.
cyrillic() {
	command -v fc-list >/dev/null && [[ -n $(fc-list :lang=ru) ]]
}

# certificates holds if https to the module proxy can be verified. Only
# Debian's place is known; other systems are taken at their word.
certificates() {
	[[ ! -e /etc/debian_version || -s /etc/ssl/certs/ca-certificates.crt ]]
}

# sip_server holds if a real PBX and telephones for it are here. Debian's evapi is
# in a package of its own.
sip_server() {
	command -v kamailio >/dev/null && command -v rtpengine >/dev/null && command -v baresip >/dev/null &&
		compgen -G '/usr/lib/*/kamailio/modules/evapi.so' >/dev/null
}

# alert_tool holds if Prometheus's own tool can try the rules of alerts.
alert_tool() { command -v promtool >/dev/null; }
