#!/bin/sh
# Runs a PostgreSQL server for tests, on a local socket in a new folder, until standard input ends; then all of it is
# deleted. Prints the folder once the server answers. What it stores is not safe from a power cut.
#
#   serve.sh [NAME=VALUE…, as postgresql.conf has them]
set -eu
# Whoever starts this may be binding a local socket on another thread, with a mask that would leave folders closed.
umask 077

bin=$(for folder in $(command -v postgres | xargs -r dirname) /usr/lib/postgresql/*/bin; do
    [ -x "$folder/initdb" ] && [ -x "$folder/pg_isready" ] && echo "$folder"
done | sort -V | tail -n 1)
[ -n "$bin" ] || { echo "PostgreSQL is missing; make tools-for-tests installs it" >&2; exit 1; }

folder=$(mktemp -d "${TMPDIR:-/tmp}/switchboard-pg-XXXXXX")
trap 'rm -rf "$folder"' EXIT
# PostgreSQL refuses to run as root; Debian's package makes a user for it.
as_nobody() {
    if [ "$(id -u)" = 0 ]; then setpriv --reuid postgres --regid postgres --clear-groups "$@"; else "$@"; fi
}
if [ "$(id -u)" = 0 ]; then chown postgres "$folder"; fi
cd "$folder"
as_nobody "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C -N >"$folder/initdb.log" 2>&1 ||
    { cat "$folder/initdb.log" >&2; exit 1; }
set -- dynamic_shared_memory_type=mmap fsync=off full_page_writes=off autovacuum=off wal_level=minimal max_wal_senders=0 max_connections=200 "$@"
for setting in "$@"; do options="${options-} -c $setting"; done
# The options are words.
as_nobody "$bin/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= $options >"$folder/server.log" 2>&1 </dev/null &
server=$!
# PostgreSQL itself, not the shell that waits for it: what a shell starts in the background does not hear SIGQUIT.
stop() {
    kill -QUIT "$(head -n 1 "$folder/data/postmaster.pid")" 2>/dev/null || kill -KILL $server 2>/dev/null || true
    wait $server || true
    rm -rf "$folder"
}
trap stop EXIT
until "$bin/pg_isready" -q -h "$folder"; do
    kill -0 $server 2>/dev/null || { cat "$folder/server.log" >&2; exit 1; }
    sleep 0.05
done
echo "$folder"
# Until whoever started it is gone, however that ends.
cat >/dev/null
