#!/bin/sh
# Installs what the tests need: programs, and a virtual environment with Python packages.
#
#   install-test-tools.sh FOLDER REQUIREMENTS.txt
#
# REQUIREMENTS-files.txt beside the list names packages of which the tests want the files alone, not what they depend on.
set -eu

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
# Debian has nginx where only administrators look.
have() { PATH="$PATH:/usr/sbin" command -v "$1" >/dev/null; }
have_websockets() { NODE_PATH=/usr/share/nodejs node -e 'globalThis.WebSocket || require("ws")' 2>/dev/null; }

missing() {
    python3 -c 'import ensurepip' 2>/dev/null || echo python3-venv
    have node || echo nodejs
    have_websockets || echo node-ws
    have chromium || echo chromium
    have chromedriver || echo chromium-driver
    have nginx || echo nginx
    [ -e /usr/lib/nginx/modules/ngx_stream_module.so ] || echo libnginx-mod-stream
    have redis-server || echo redis-server
    ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || have initdb || echo postgresql
    # For networks that can be cut, where there are namespaces.
    [ "$(uname)" != Linux ] || have ip || echo iproute2
    # For promtool.
    have promtool || echo prometheus
}

# Servers that are installed for the tests alone do not start by themselves.
policy=/usr/sbin/policy-rc.d
install_packages() {
    if [ ! -e "$policy" ]; then
        trap 'as_root rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
    fi
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

if command -v apt-get >/dev/null; then
    packages=$(missing)
    # The names are words.
    if [ -n "$packages" ]; then install_packages $packages; fi
elif command -v brew >/dev/null; then
    # Without Chromium, its tests are skipped.
    have node || brew install --quiet node
    have nginx || brew install --quiet nginx
    have redis-server || brew install --quiet redis
    have promtool || brew install --quiet prometheus
    have initdb || brew install --quiet postgresql@17
else
    echo "install these, or what they are called here:" $(missing) >&2
fi

python3 -m venv "$1"
"$1/bin/python" -m pip install --quiet --disable-pip-version-check -r "$2"
"$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r "${2%.txt}-files.txt"
