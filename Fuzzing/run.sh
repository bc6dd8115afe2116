#!/bin/sh
# Fuzzes each parser for some seconds, starting from the kept corpus; a find ends it and is written to Fuzzing/Finds.
#
#   run.sh SECONDS
set -eu
cd "$(dirname "$0")/.."

SWITCHBOARD_FUZZ=1
# Swift's own backtraces would keep a find from ending.
SWIFT_BACKTRACE=enable=no
export SWITCHBOARD_FUZZ SWIFT_BACKTRACE
build=.build-fuzz
mkdir -p Fuzzing/Finds $build
for fuzzer in FuzzDialects FuzzHTTP FuzzJSON FuzzJWT FuzzProxying FuzzServer FuzzSocketIO FuzzWebSocket; do
    if ! swift build -c release --scratch-path $build --product $fuzzer >$build/log 2>&1; then
        # The linker warns about every local symbol of the sanitizer.
        grep -v 'Cannot export local symbol' $build/log >&2
        exit 1
    fi
    mkdir -p "$build/corpus/$fuzzer"
    echo "== $fuzzer for $1 s"
    "$build/release/$fuzzer" -max_total_time="$1" -max_len=4096 -print_final_stats=1 \
        -artifact_prefix=Fuzzing/Finds/$fuzzer- "$build/corpus/$fuzzer" "Fuzzing/Corpus/$fuzzer" 2>&1 |
        grep -E '^(==|stat::|SUMMARY|.*ERROR)|Fatal|Test unit written' || true
done
if [ -n "$(ls -A Fuzzing/Finds)" ]; then
    echo "something was found: see Fuzzing/Finds, fix it, and keep the input in Fuzzing/Corpus" >&2
    exit 1
fi
rmdir Fuzzing/Finds
