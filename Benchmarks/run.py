#!/usr/bin/env python3
"""Measures Chorus beside its peers: same generator, same payload, same run. See docs/BENCHMARKS.md.

    Benchmarks/run.py --scenario A,D --runs 3 [--peers chorus,nchan] [--list]
    Benchmarks/run.py --scenario A,D --against ../old/.build/release

Every run starts fresh servers on free ports and stops them. Peers take turns, so that whatever else the machine does hits
all of them. With --against, Chorus is measured in pairs of runs of the other build and this one, alone or beside the peers
of --peers. Results go to bench-results/: one JSON file with every run, and the tables as Markdown.
"""
import argparse
import dataclasses
import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys
import time

from harness import accounts, builds, likes, measure, social, tables
from harness.peers import BINARIES, FLOOR_BINARY, HERE, RATE_BINARY, ROOT
from harness.peers import PEERS as COMMENT_PEERS
from harness.processes import Failure
from harness.scenarios import SCENARIOS as COMMENT_SCENARIOS
from harness.scenarios import USUAL as COMMENT_USUAL

RESULTS = ROOT / "bench-results"
PEERS = {**COMMENT_PEERS, **likes.PEERS, **accounts.PEERS, **social.PEERS}
SCENARIOS = {**COMMENT_SCENARIOS, **likes.SCENARIOS, **accounts.SCENARIOS, **social.SCENARIOS}
USUAL = COMMENT_USUAL + likes.USUAL + accounts.USUAL + social.USUAL
# With --against: those that tell whether a change made anything slower.
PAIRED = "A,B,C,D,E,F,J,R,L1,L2,L4,L5,L6".split(",")


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", help="names, separated by commas; see --list")
    parser.add_argument(
        "--runs", type=int, help="runs of every peer in every row (default 3; with --against 5 of each build)")
    parser.add_argument("--peers", help="only these, separated by commas")
    parser.add_argument(
        "--against", type=pathlib.Path, metavar="PATH", help="folder with the binaries of another build, the old one")
    parser.add_argument("--duration", type=int, help="seconds that count, instead of each scenario's own: to try it out")
    parser.add_argument("--list", action="store_true", help="the scenarios, and nothing else")
    options = parser.parse_args()
    options.scenario = options.scenario.split(",") if options.scenario else PAIRED if options.against else USUAL
    options.peers = options.peers.split(",") if options.peers else None
    for name in options.scenario:
        if name not in SCENARIOS:
            parser.error(f"no scenario {name}: there are {', '.join(SCENARIOS)}")
    for name in options.peers or ():
        if name not in PEERS:
            parser.error(f"no peer {name}: there are {', '.join(PEERS)}")
    options.runs = options.runs or (5 if options.against else 3)
    if options.against and not (options.against / "ReaderAPI").is_file():
        parser.error(f"--against {options.against}: there is no ReaderAPI in it")
    if options.runs < 1 or (options.duration is not None and options.duration < 2):
        parser.error("--runs must be 1 or more, --duration 2 or more")
    return options


def machine():
    model = next(
        (line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")), platform.machine())
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True)
    return {
        "cores": os.cpu_count(), "processor": model, "kernel": platform.release(), "commit": commit.stdout.strip(),
        "build": "release", "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "versions": {name: version(*command) for name, command in {
            "redis": ("redis-server", "--version"), "nginx": ("nginx", "-v"), "node": ("node", "--version"),
            "swift": ("swift", "--version")}.items()},
    }


def version(*command):
    try:
        output = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return ((output.stdout + output.stderr).strip().splitlines() or [None])[0]


def build_programs_in_c():
    FLOOR_BINARY.parent.mkdir(exist_ok=True)
    for binary in (FLOOR_BINARY, RATE_BINARY):
        source = HERE / binary.name / f"{binary.name}.c"
        subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", binary, source, "-lm"], check=True)


def runs_of(scenario, options):
    """Row by row; in a row the peers take turns, and each turn begins with another one. With another build to compare with,
    a turn of Chorus is two runs: the old build's, then the new one's; other peers run only when they are named."""
    peers = [peer for peer in scenario.peers if peer in (options.peers or scenario.peers)]
    if options.against and not options.peers:
        peers = [peer for peer in peers if peer.startswith("chorus")]
    for row, parameters in scenario.rows.items():
        if options.duration:
            parameters = parameters.lasting(options.duration)
        for turn in range(options.runs):
            for peer in peers[turn % len(peers):] + peers[:turn % len(peers)] if peers else ():
                if options.against and peer.startswith("chorus"):
                    yield row, parameters, peer, turn, "old", options.against
                yield row, parameters, peer, turn, "new", BINARIES


def one(scenario, row, parameters, peer, turn, build, binaries):
    about = {"row": row, "peer": peer, "run": turn, "build": build, "parameters": dataclasses.asdict(parameters)}
    try:
        module = next((module for module in (likes, accounts, social) if scenario.kind in module.KINDS), measure)
        return {**about, **module.run(scenario.kind, peer, parameters, binaries)}
    except Failure as failure:
        return {**about, "failure": str(failure)}


def line(result, scenario):
    if "failure" in result:
        return f"failed: {result['failure']}"
    heading, digits = tables.COLUMNS[scenario.compared]
    parts = [f"{tables.number(result.get(scenario.compared), digits)} {heading}"]
    if result.get("latencyP99") is not None and scenario.compared != "latencyP99":
        parts.append(f"p99 {tables.number(result['latencyP99'], 2)} ms")
    if result.get("lost"):
        parts.append(f"LOST {result['lost']}")
    if result.get("generatorLimited"):
        parts.append("the generator was the limit")
    return ", ".join(parts)


def main():
    options = parse()
    if options.list:
        for name, scenario in SCENARIOS.items():
            print(f"{name:5} {scenario.title} ({', '.join(scenario.peers)})")
        return 0
    build_programs_in_c()
    about = machine()
    shown = builds if options.against else tables
    if options.against:
        about["against"] = str(options.against)
    started = time.monotonic()
    everything, texts = {}, [tables.heading(about)]
    total = sum(1 for name in options.scenario for _ in runs_of(SCENARIOS[name], options))
    done = 0
    print(texts[0])
    for name in options.scenario:
        scenario = SCENARIOS[name]
        print(f"\n{name}: {scenario.title}", flush=True)
        results = everything[name] = []
        for row, parameters, peer, turn, build, binaries in runs_of(scenario, options):
            results.append(one(scenario, row, parameters, peer, turn, build, binaries))
            done += 1
            minutes, seconds = divmod(int(time.monotonic() - started), 60)
            who = f"{peer} {build}" if options.against and peer.startswith("chorus") else peer
            label = f"{minutes:3}:{seconds:02} {done}/{total} {name} run {turn + 1} {who}{', ' + row if row else ''}"
            print(f"{label:75} {line(results[-1], scenario)}", flush=True)
        texts.append(shown.markdown(name, scenario, results))
        # After each scenario: what is measured is kept, whatever happens next.
        stem = save(about, everything, texts)
    print("\n" + "\n".join(texts) + f"\nwritten: {stem}.json, {stem}.md")
    if options.against:
        found = [text for name in everything for text in builds.problems(name, SCENARIOS[name], everything[name])]
        print("\n".join(found) if found else "The new build is as good as the old one.")
        return 1 if found else 0
    return 1 if any("failure" in result for results in everything.values() for result in results) else 0


def save(about, everything, texts):
    RESULTS.mkdir(exist_ok=True)
    stem = RESULTS / about["time"].replace(":", "").replace("+0000", "Z")
    document = {"version": 1, "machine": about, "scenarios": everything}
    stem.with_suffix(".json").write_text(json.dumps(document, indent=1) + "\n")
    stem.with_suffix(".md").write_text("\n".join(texts))
    return stem


if __name__ == "__main__":
    sys.exit(main())
