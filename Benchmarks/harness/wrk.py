"""HTTP load with the headers of a browser. Without a rate it is wrk (browser.lua), a closed loop: each connection sends its next
request when the last one is answered, so that the rate is what the server takes; its latencies leave out what a user waits who
comes while the server is busy. With a rate it is an open loop (rate/rate.c): comments fall due at random times,
and latency counts from then."""
import json
import os
import pathlib
import resource
import subprocess
import urllib.parse

from .peers import HERE, RATE_BINARY
from .processes import Failure, cpu_seconds_of

SCRIPTS = HERE / "harness"
# An answer that takes longer counts as an error, and so fails the run.
TIMEOUT_SECONDS = 10


def load(peer, url, script, parameters, kind="comment", **environment):
    """Warm-up, then the load that counts. Fails when an answer is no 2xx, or when a connection fails."""
    warm = 0
    if parameters.warmup:
        warm = run(url, script, parameters, parameters.warmup, kind, RUN="warmup", **environment)["requests"]
    before, own = cpu_seconds_of(peer.processes), children_seconds()
    counted = run(url, script, parameters, parameters.duration, kind, RUN="counted", **environment)
    seconds, requests = counted["seconds"], max(counted["requests"], 1)
    busy = {name: after - before[name] for name, after in cpu_seconds_of(peer.processes).items()}
    generator = (children_seconds() - own) / seconds
    return {
        "requests": counted["requests"], "warmupRequests": warm, "requestsPerSecond": counted["requests"] / seconds,
        "latencyP50": counted["p50"], "latencyP99": counted["p99"], "latencyMax": counted["max"],
        "waitedShare": counted.get("waited"), "cpuSeconds": busy,
        "apiCpuPerRequest": busy[peer.api.name] / requests * 1e6, "apiBusy": busy[peer.api.name] / seconds,
        "cpuPerRequest": sum(busy.values()) / requests * 1e6,
        "generatorBusy": generator, "generatorLimited": generator > 0.9}


def run(url, script, parameters, seconds, kind="comment", **environment):
    """The generator's counters, all answers being good. `kind` is what an open loop sends."""
    if parameters.rate:
        parts = urllib.parse.urlsplit(url)
        command = [RATE_BINARY, "--port", parts.port, "--rate", parameters.rate, "--connections", parameters.writers,
                   "--warmup", 0, "--seconds", seconds, "--channels", parameters.channels, "--seed", parameters.seed,
                   "--kind", kind, *(["--tokens", environment["TOKENS"]] if "TOKENS" in environment else [])]
    else:
        command = ["wrk", "--threads", 1, "--connections", parameters.writers, "--duration", f"{seconds}s", "--timeout",
                   f"{TIMEOUT_SECONDS}s", "--script", script, url]
    # The scripts load browser.lua from their own folder.
    done = subprocess.run(
        [str(word) for word in command], cwd=SCRIPTS, env={"PATH": os.environ["PATH"], **environment}, capture_output=True,
        text=True)
    if done.returncode:
        raise Failure(f"{pathlib.Path(command[0]).name}: {done.stderr.strip()}")
    counted = json.loads(done.stdout.strip().splitlines()[-1])
    # Both count answers from 400 on. No route of the peers answers with 1xx or 3xx.
    errors = {name: counted[name] for name in ("status", "connect", "read", "write", "timeout") if counted[name]}
    if errors or not counted["requests"]:
        raise Failure(f"{url}: {counted['requests']} requests were answered; errors: {errors or 'none'}")
    return counted


def children_seconds():
    """CPU time of the children that have ended: here, of the generator."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
