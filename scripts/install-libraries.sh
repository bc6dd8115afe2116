#!/bin/sh
# Installs the C libraries that Switchboard is built on, where they are missing.
set -eu

have() {
    pkg-config --exists libuv libcrypto libssl simdjson sqlite3 libpq libargon2 hiredis jemalloc zlib 2>/dev/null
}

have && exit 0
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
if command -v apt-get >/dev/null; then
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        pkg-config libuv1-dev libssl-dev libsimdjson-dev libsqlite3-dev libpq-dev libargon2-dev libhiredis-dev libjemalloc-dev zlib1g-dev >/dev/null
elif command -v brew >/dev/null; then
    brew install --quiet pkgconf libuv openssl@3 simdjson sqlite libpq argon2 hiredis jemalloc zlib
    # It is kept apart from a whole PostgreSQL.
    PKG_CONFIG_PATH="$(brew --prefix libpq)/lib/pkgconfig:${PKG_CONFIG_PATH-}"
    export PKG_CONFIG_PATH
else
    echo "install libuv, OpenSSL, simdjson, SQLite, libpq, argon2, hiredis, jemalloc and zlib with their headers, and pkg-config" >&2
    exit 1
fi
have || { echo "the libraries were installed, but pkg-config does not find them" >&2; exit 1; }
