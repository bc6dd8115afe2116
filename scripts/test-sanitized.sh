#!/bin/sh
# Builds all with a sanitizer in a folder of its own, and runs the tests with that: what it reports fails them.
#
#   test-sanitized.sh address|thread [what pytest is to run]
set -eu
cd "$(dirname "$0")/.."
sanitizer=$1
shift
build=$PWD/.build-$sanitizer
bin=$build/debug
reports=$build/reports
suppressions=$PWD/Tests/Sanitizers/$sanitizer.txt

rm -rf "$reports"
mkdir -p "$reports"
# Swift keeps marks in the spare bits of pointers, so that what is in use can look like a leak.
ASAN_OPTIONS=log_path=$reports/report:detect_leaks=0:suppressions=$suppressions
TSAN_OPTIONS=log_path=$reports/report:suppressions=$suppressions
# A report comes at once, without a debugger beside it.
SWIFT_BACKTRACE=enable=no
# All is some five times as slow.
TEST_PATIENCE=60
SANITIZER=$sanitizer
# A sanitizer brings its own malloc; Package.swift leaves out the other one.
SWITCHBOARD_SANITIZED=1
export ASAN_OPTIONS TSAN_OPTIONS SWIFT_BACKTRACE TEST_PATIENCE SANITIZER SWITCHBOARD_SANITIZED

if ! ${SWIFT:-swift} build --build-tests --sanitize="$sanitizer" --scratch-path "$build" >"$build/build.log" 2>&1; then
    # The linker warns about every local symbol of the sanitizer.
    grep -v 'Cannot export local symbol' "$build/build.log" >&2
    exit 1
fi
status=0
${SWIFT:-swift} test --skip-build --sanitize="$sanitizer" --scratch-path "$build" >"$build/unit-test.log" 2>&1 || status=1
grep -aE '✘|error:|Test run with' "$build/unit-test.log" | cut -c1-400
# Allocations are counted, and files made to fail, by libraries that would come between the program and its sanitizer; the
# unit tests have a disk that fails too. Who reads nothing is measured in seconds, which are too short here.
SWITCHBOARD_BIN=$bin/switchboard ECHO_FIXTURE_BIN=$bin/EchoFixture SOCKETIO_FIXTURE_BIN=$bin/SocketIOFixture \
    .build/venv/bin/python -m pytest -q -p no:cacheprovider -n "${WORKERS:-2}" --dist loadfile \
    --ignore Tests/Acceptance/test_allocations.py --ignore Tests/Acceptance/test_slow_reader.py \
    "${@:-Tests/Acceptance}" || status=1
# And everything at once, but the clock, which another such library sets back.
SWITCHBOARD_BIN=$bin/switchboard PYTHONPATH=Tests:Tests/Acceptance .build/venv/bin/python -B -m Soak --seconds 60 \
    --people 60 --rate 100 --without clock || status=1
if [ -n "$(ls -A "$reports")" ]; then
    grep -ahE 'SUMMARY' "$reports"/* | sort | uniq -c
    echo "the $sanitizer sanitizer reported something: see $reports" >&2
    exit 1
fi
exit $status
