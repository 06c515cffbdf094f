#!/usr/bin/env bash
# The tests that take too long for every change: scripts/test-deep.sh [threads] [addresses] [inputs] [schedules]; all of
# them without a word. Each sanitizer has a build folder of its own. Ends with 1 when a test failed or a sanitizer reported.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

SWIFT=${SWIFT:-swift}
INPUTS=${INPUTS:-1000000}
SCHEDULES=${SCHEDULES:-100000}
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
failed=0

# sanitized NAME FOLDER VARIABLE OPTIONS SKIPPED...: the tests in a build with a sanitizer, and its reports by place.
sanitized() {
    local name=$1 folder=$2 variable=$3 options=$4
    shift 4
    "$SWIFT" build --build-tests --sanitize="$name" --scratch-path "$folder" || return 1
    # Reports are counted in their files: a child process of a test must not fail by its exit code instead.
    env "$variable=log_path=$logs/$name:exitcode=0:$options" \
        "$SWIFT" test --skip-build --no-parallel --sanitize="$name" --scratch-path "$folder" "$@" || failed=1
    if compgen -G "$logs/$name.*" >/dev/null; then
        cat "$logs/$name".*
        echo "reports of $name:"
        grep -h '^SUMMARY' "$logs/$name".* | sort | uniq -c | sort -rn
        failed=1
    else
        echo "reports of $name: none"
    fi
}

# Left out of both: EndToEndTests, which hold whole experiments to times that a sanitizer's overhead breaks. Left out of
# this one: what runs on one thread.
threads() {
    CHORUS_SANITIZE=1 sanitized thread .build-tsan TSAN_OPTIONS \
        "second_deadlock_stack=1:suppressions=$PWD/Tests/thread-sanitizer.supp" \
        --skip '^(EndToEndTests|SimulationTests|FuzzTests)\.'
}

# Leaks are not looked for: the runtime keeps what it allocates once, and tests kill processes.
addresses() {
    sanitized address .build-asan ASAN_OPTIONS "detect_leaks=0" --skip '^EndToEndTests\.'
}

inputs() {
    "$SWIFT" build --build-tests &&
        CHORUS_FUZZ_INPUTS=$INPUTS "$SWIFT" test --skip-build --no-parallel --filter '^FuzzTests\.' || failed=1
}

schedules() {
    "$SWIFT" build --build-tests &&
        CHORUS_SIM_SCHEDULES=$SCHEDULES "$SWIFT" test --skip-build --filter '^SimulationTests\.' || failed=1
}

[[ $# -gt 0 ]] || set -- threads addresses inputs schedules
for part in "$@"; do
    echo "== $part"
    case $part in
    threads) threads || failed=1 ;;
    addresses) addresses || failed=1 ;;
    inputs) inputs || failed=1 ;;
    schedules) schedules || failed=1 ;;
    *)
        echo "no such part: $part" >&2
        exit 64
        ;;
    esac
done
exit $failed
