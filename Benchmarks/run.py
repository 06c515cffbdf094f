#!/usr/bin/env python3
"""Measures Chorus beside its peers: same generator, same payload, same run. See docs/BENCHMARKS.md.

    Benchmarks/run.py --scenario A,D --runs 3 [--peers chorus,nchan] [--list]

Every run starts fresh servers on free ports and stops them. Peers take turns, so that whatever else the machine does hits
all of them. Results go to bench-results/: one JSON file with every run, and the tables as Markdown.
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

from harness import likes, measure, tables
from harness.peers import FLOOR_BINARY, HERE, ROOT
from harness.peers import PEERS as COMMENT_PEERS
from harness.processes import Failure
from harness.scenarios import SCENARIOS as COMMENT_SCENARIOS
from harness.scenarios import USUAL as COMMENT_USUAL

RESULTS = ROOT / "bench-results"
PEERS = {**COMMENT_PEERS, **likes.PEERS}
SCENARIOS = {**COMMENT_SCENARIOS, **likes.SCENARIOS}
USUAL = COMMENT_USUAL + likes.USUAL


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default=",".join(USUAL), help="names, separated by commas; see --list")
    parser.add_argument("--runs", type=int, default=3, help="runs of every peer in every row (default 3)")
    parser.add_argument("--peers", help="only these, separated by commas")
    parser.add_argument("--duration", type=int, help="seconds that count, instead of each scenario's own: to try it out")
    parser.add_argument("--list", action="store_true", help="the scenarios, and nothing else")
    options = parser.parse_args()
    options.scenario = options.scenario.split(",")
    options.peers = options.peers.split(",") if options.peers else None
    for name in options.scenario:
        if name not in SCENARIOS:
            parser.error(f"no scenario {name}: there are {', '.join(SCENARIOS)}")
    for name in options.peers or ():
        if name not in PEERS:
            parser.error(f"no peer {name}: there are {', '.join(PEERS)}")
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


def build_floor():
    FLOOR_BINARY.parent.mkdir(exist_ok=True)
    subprocess.run(
        ["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", FLOOR_BINARY, HERE / "floor/floor.c"], check=True)


def runs_of(scenario, options):
    """Row by row; in a row the peers take turns, and each turn begins with another one."""
    peers = [peer for peer in scenario.peers if not options.peers or peer in options.peers]
    for row, parameters in scenario.rows.items():
        if options.duration:
            parameters = parameters.lasting(options.duration)
        for turn in range(options.runs):
            for peer in peers[turn % len(peers):] + peers[:turn % len(peers)] if peers else ():
                yield row, parameters, peer, turn


def one(scenario, row, parameters, peer, turn):
    told = {"row": row, "peer": peer, "run": turn, "parameters": dataclasses.asdict(parameters)}
    try:
        run = likes.run if scenario.kind in likes.KINDS else measure.run
        return {**told, **run(scenario.kind, peer, parameters)}
    except Failure as failure:
        return {**told, "failure": str(failure)}


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
    build_floor()
    about = machine()
    started = time.monotonic()
    everything, texts = {}, [tables.heading(about)]
    total = sum(1 for name in options.scenario for _ in runs_of(SCENARIOS[name], options))
    done = 0
    print(texts[0])
    for name in options.scenario:
        scenario = SCENARIOS[name]
        print(f"\n{name}: {scenario.title}", flush=True)
        results = everything[name] = []
        for row, parameters, peer, turn in runs_of(scenario, options):
            results.append(one(scenario, row, parameters, peer, turn))
            done += 1
            minutes, seconds = divmod(int(time.monotonic() - started), 60)
            label = f"{minutes:3}:{seconds:02} {done}/{total} {name} run {turn + 1} {peer}{', ' + row if row else ''}"
            print(f"{label:75} {line(results[-1], scenario)}", flush=True)
        texts.append(tables.markdown(name, scenario, results))
        # After each scenario: what is measured is kept, whatever happens next.
        stem = save(about, everything, texts)
    print("\n" + "\n".join(texts) + f"\nwritten: {stem}.json, {stem}.md")
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
