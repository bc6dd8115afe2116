#!/bin/sh
# Fuzzes each parser for some seconds, after the kept corpus was replayed; a find ends it and is written to
# Fuzzing/Finds.
#
#   run.sh SECONDS [--keep]
#
# With 0 seconds what was learnt so far is only replayed. --keep takes what a run without finds has learnt into Fuzzing/Corpus.
set -eu
cd "$(dirname "$0")/.."

seconds=$1
case $seconds in 0) limit=-runs=0 ;; *) limit=-max_total_time=$seconds ;; esac
keep=${2:-}
case $keep in
'' | --keep) ;;
*)
    echo "usage: run.sh SECONDS [--keep]" >&2
    exit 2
    ;;
esac
# Of the inputs that a fuzzer made, how many are kept, of at most how many bytes.
files=48
bytes=512

SWITCHBOARD_FUZZ=1
# Swift's own backtraces would keep a find from ending.
SWIFT_BACKTRACE=enable=no
export SWITCHBOARD_FUZZ SWIFT_BACKTRACE
build=.build-fuzz
mkdir -p Fuzzing/Finds $build

# The inputs in a folder that libFuzzer has made, oldest first: it names them by their SHA-1. What people wrote has a
# name.
made() {
    ls -tr "$1" | grep -E '^[0-9a-f]{40}$' || true
}

# Chooses the made part of the corpus anew: the fewest inputs that, besides the written ones, reach all that is known
# to be reached. The choice is greedy and writes first what reaches most.
keep() {
    corpus=Fuzzing/Corpus/$1 worked=$build/corpus/$1 known=$build/known/$1 chosen=$build/chosen/$1
    rm -rf "$known" "$chosen"
    mkdir -p "$known" "$chosen"
    cp -R "$corpus"/. "$worked"/. "$known/"
    find "$known" -type f -size +${bytes}c -delete
    cp -R "$corpus"/. "$chosen/"
    for input in $(made "$corpus"); do rm "$chosen/$input"; done
    if ! "$build/release/$1" -set_cover_merge=1 -use_counters=0 "$chosen" "$known" >"$build/$1.merge" 2>&1; then
        tail -n 20 "$build/$1.merge" >&2
        exit 1
    fi
    for input in $(made "$corpus"); do rm "$corpus/$input"; done
    for input in $(made "$chosen" | head -n $files); do cp "$chosen/$input" "$corpus/"; done
    echo "kept $(made "$corpus" | wc -l) of the $(made "$chosen" | wc -l) inputs that reach what no written one does"
}

failed=
for fuzzer in FuzzCluster FuzzDialects FuzzHTTP FuzzHandshake FuzzJSON FuzzJWT FuzzProxying FuzzServer FuzzSocketIO FuzzWebSocket; do
    if ! swift build -c release --scratch-path $build --product $fuzzer >$build/log 2>&1; then
        # The linker warns about every local symbol of the sanitizer.
        grep -v 'Cannot export local symbol' $build/log >&2
        exit 1
    fi
    mkdir -p "$build/corpus/$fuzzer"
    echo "== $fuzzer for $seconds s"
    log=$build/$fuzzer.log
    status=0
    "$build/release/$fuzzer" "$limit" -max_len=4096 -print_final_stats=1 \
        -artifact_prefix=Fuzzing/Finds/$fuzzer- "$build/corpus/$fuzzer" "Fuzzing/Corpus/$fuzzer" >"$log" 2>&1 || status=$?
    grep -aE '^(==|stat::|SUMMARY|.*ERROR)|Fatal|Test unit written' "$log" || true
    # One that ended without a word has not fuzzed.
    if [ $status -ne 0 ] || ! grep -qaE '^stat::number_of_executed_units: *[1-9]' "$log"; then
        echo "$fuzzer failed with status $status; the end of $log:" >&2
        tail -n 5 "$log" >&2
        failed="$failed $fuzzer"
    elif [ -n "$keep" ]; then
        keep $fuzzer
    fi
done
if [ -n "$(ls -A Fuzzing/Finds)" ]; then
    echo "something was found: see Fuzzing/Finds, fix it, and keep the input in Fuzzing/Corpus under a name" >&2
    exit 1
fi
rmdir Fuzzing/Finds
if [ -n "$failed" ]; then
    echo "failed:$failed" >&2
    exit 1
fi
