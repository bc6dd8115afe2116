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
}

if command -v apt-get >/dev/null; then
    packages=$(missing)
    if [ -n "$packages" ]; then
        as_root apt-get update -qq
        # The names are words.
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
    fi
elif command -v brew >/dev/null; then
    # Without Chromium, its tests are skipped.
    have node || brew install --quiet node
    have nginx || brew install --quiet nginx
else
    echo "install these, or what they are called here:" $(missing) >&2
fi

python3 -m venv "$1"
"$1/bin/python" -m pip install --quiet --disable-pip-version-check -r "$2"
"$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r "${2%.txt}-files.txt"
