#!/usr/bin/env bash
# All tests, one after another: scripts/test.sh [options of `swift test`]. Up to three that fail are run once more, alone:
# what fails again fails the run, and what passes then is named as unstable. Tests freeze servers and measure deadlines, and
# another program that takes the processors for a second falsifies one of a thousand.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

SWIFT=${SWIFT:-swift}
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

# failures FILE: the tests that failed, as `swift test --filter` takes them, a line each.
failures() {
    python3 - "$1" <<'PYTHON'
import re, sys
from xml.etree import ElementTree

failed = {
    f"{case.get('classname')}.{case.get('name').partition('(')[0]}"
    for case in ElementTree.parse(sys.argv[1]).iter("testcase")
    if case.find("failure") is not None or case.find("error") is not None
}
for test in sorted(failed):
    print("^" + re.sub(r"[./]", "[./]", test) + r"\(")
PYTHON
}

"$SWIFT" test --skip-build --no-parallel --xunit-output "$results/all.xml" "$@"
status=$?
[[ $status -ne 0 && -f $results/all-swift-testing.xml ]] || exit $status
mapfile -t failed < <(failures "$results/all-swift-testing.xml")
[[ ${#failed[@]} -ge 1 && ${#failed[@]} -le 3 ]] || exit $status

filters=()
for test in "${failed[@]}"; do filters+=(--filter "$test"); done
echo "failed, and now run alone: ${failed[*]}"
"$SWIFT" test --skip-build --no-parallel --xunit-output "$results/again.xml" "${filters[@]}" || exit
# A filter that finds nothing passes too.
[[ $(grep -c '<testcase' "$results/again-swift-testing.xml") -ge ${#failed[@]} ]] || exit $status
echo "unstable, as they passed alone: ${failed[*]}"
