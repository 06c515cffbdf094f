#!/usr/bin/env python3
"""Every import of a target must be a dependency that Package.swift names for it, and every such dependency be imported.

The order of the layers in docs/ARCHITECTURE.md holds because of this check: SwiftPM builds all modules into one folder,
so that a target can import another one that its manifest does not name (`--explicit-target-dependency-import-check error`
let a planted one pass, Swift 6.3).
"""
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Services that have no database must not link its client library.
WITHOUT = {"StatsAPI": "PostgresLibpq"}
# The one place that may import Synchronization's mutex.
MUTEX = ROOT / "Sources/Primitives/Mutex.swift"
# Modules of the toolchain, which no manifest names.
TOOLCHAIN = {
    "Swift", "Foundation", "FoundationEssentials", "Glibc", "Musl", "Dispatch", "Synchronization", "Testing", "XCTest",
    "RegexBuilder", "Observation", "Distributed", "Builtin",
}
IMPORT = re.compile(
    r"^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|fileprivate|private)\s+)?"
    r"import\s+(?:(?:struct|class|enum|protocol|func|var|let|typealias|actor)\s+)?(\w+)")


def manifest():
    command = ["swift", "package", "dump-package"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


def dependency_names(target):
    for dependency in target["dependencies"]:
        kind = next(key for key in ("product", "byName", "target") if key in dependency)
        yield dependency[kind][0]


def mutexes():
    """Places that import Synchronization whole, and its Mutex with it: a build with a sanitizer would not see their locks."""
    for folder in ("Sources", "Tests", "Benchmarks"):
        for file in sorted((ROOT / folder).rglob("*.swift")):
            for number, line in enumerate(file.read_text().splitlines(), 1):
                if re.search(r"\bimport\s+(?:struct\s+)?Synchronization(?!\.Atomic)", line) and file != MUTEX:
                    place = f"{file.relative_to(ROOT)}:{number}"
                    yield f"{place}: Mutex is in Primitives; an atomic is `import struct Synchronization.Atomic`"


def imports(folder):
    """Module name -> the first place that imports it."""
    found = {}
    for file in sorted(folder.rglob("*.swift")):
        for number, line in enumerate(file.read_text().splitlines(), 1):
            if match := IMPORT.match(line):
                found.setdefault(match.group(1), f"{file.relative_to(ROOT)}:{number}")
    return found


def problems(target):
    kind_folder = "Tests" if target["type"] == "test" else "Sources"
    folder = ROOT / (target.get("path") or f"{kind_folder}/{target['name']}")
    named = set(dependency_names(target))
    imported = imports(folder)
    for module, place in imported.items():
        if module not in named | TOOLCHAIN | {target["name"]}:
            yield f"{place}: {target['name']} imports {module}, which Package.swift does not name for it"
    for module in sorted(named - imported.keys()):
        # An executable that is a dependency is there to be built and run, not imported.
        if not any(other["name"] == module and other["type"] == "executable" for other in TARGETS):
            yield f"Package.swift: {target['name']} names {module}, and no file of it imports it"


def linked(name):
    """The targets of this package that a target links, itself included."""
    found, waiting = set(), [name]
    while waiting:
        name = waiting.pop()
        if name not in found and (target := next((each for each in TARGETS if each["name"] == name), None)):
            found.add(name)
            waiting += dependency_names(target)
    return found


TARGETS = [target for target in manifest()["targets"] if target["type"] in ("regular", "executable", "test")]
found = [problem for target in TARGETS for problem in problems(target)]
found += mutexes()
found += [f"Package.swift: {target} must not link {other}" for target, other in WITHOUT.items() if other in linked(target)]
print("\n".join(found) or f"imports agree with Package.swift in {len(TARGETS)} targets")
sys.exit(1 if found else 0)
