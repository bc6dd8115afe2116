#!/bin/sh
# Makes a virtual environment with the Python packages that the tests use.
#
#   install-test-tools.sh FOLDER REQUIREMENTS
set -eu

if ! python3 -m venv "$1" 2>/dev/null; then
    # Debian ships venv apart from Python.
    if [ "$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi
    $sudo apt-get update -qq
    $sudo apt-get install -y -qq python3-venv >/dev/null
    python3 -m venv "$1"
fi
"$1/bin/python" -m pip install --quiet --disable-pip-version-check -r "$2"
