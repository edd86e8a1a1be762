#!/usr/bin/env bash
# Usage: .ci/with-postgres.sh COMMAND [ARGUMENT...]
#
# Runs COMMAND in the project's root, with TEST_DATABASE_URL naming a PostgreSQL
# cluster of its own, and exits as COMMAND does. The cluster lives in a temporary
# folder, listens on a free loopback port, and is gone afterwards, however COMMAND
# or this script ends.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/machine.sh

bin=$(postgres_bin) || fail "no PostgreSQL server programs; as root, .ci/install.sh installs them"

# A socket's path must be short, and the server's user must reach it.
home=$(mktemp -d /tmp/callwise-postgres.XXXXXX)
job=""

# PostgreSQL refuses to run as root.
owner=()
if ((EUID == 0)); then
	owner=(setpriv --reuid=postgres --regid=postgres --init-groups)
fi
as_owner() { (cd "$home" && "${owner[@]}" "$@"); }

stop() {
	local status=$?
	trap - EXIT
	trap '' HUP INT TERM
	if [[ -n $job ]]; then
		kill -TERM -- "-$job" 2>/dev/null || true
		wait "$job" 2>/dev/null || true
	fi
	as_owner "$bin/pg_ctl" -D "$home/data" -m immediate stop >/dev/null 2>&1 || true
	rm -rf "$home" || true
	exit "$status"
}
trap stop EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
echo "$password" >"$home/password"
((EUID != 0)) || chown -R postgres: "$home"
LC_ALL=C.UTF-8 as_owner "$bin/initdb" -D "$home/data" -U postgres --encoding=UTF8 --no-sync \
	--auth=password --pwfile="$home/password" >"$home/initdb.log" 2>&1 || {
	cat "$home/initdb.log" >&2
	fail "initdb failed"
}
cat >>"$home/data/postgresql.conf" <<-CONF
	listen_addresses = '127.0.0.1'
	unix_socket_directories = '$home'
	max_connections = 200
	# Nothing here must survive a power cut, unless that is what is measured.
	${CALLWISE_DURABLE:+#}fsync = off
	${CALLWISE_DURABLE:+#}synchronous_commit = off
	${CALLWISE_DURABLE:+#}full_page_writes = off
CONF

# Below the range from which the kernel gives ports to tests. A port that is
# taken makes the start fail, and another is tried.
start() {
	local try
	for try in 1 2 3 4 5; do
		port=$((20000 + RANDOM % 12000))
		as_owner "$bin/pg_ctl" -D "$home/data" -l "$home/server.log" -o "-p $port" -w start >/dev/null 2>&1 && return
	done
	cat "$home/server.log" >&2
	fail "PostgreSQL does not start (tried $try ports)"
}
start
export TEST_DATABASE_URL="postgres://postgres:$password@127.0.0.1:$port/postgres?sslmode=disable"

# In a process group of its own, so that stop ends COMMAND with all it started,
# and with temporary files that go when the cluster goes.
mkdir "$home/tmp"
export TMPDIR=$home/tmp
set -m
"$@" </dev/null &
job=$!
set +m
wait "$job"
