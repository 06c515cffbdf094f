"""One run of one row on one peer: a dictionary of numbers."""
import json
import pathlib
import resource
import subprocess
import tempfile
import threading
import time

from . import swarm as load
from .peers import HERE, PEERS
from .processes import Failure, kernel_bytes

SAMPLE_SECONDS = 10
# What is still on its way into the kernel's and the server's tables after the last viewer was told that it is connected.
REST_SECONDS = 1.0
# A crowd that is on its way when the load ends takes this long at most.
CHURN_END_SECONDS = 60


def run(kind, peer_name, parameters):
    measure = {"swarm": fan_out, "writes": writes, "soak": soak}[kind]
    with tempfile.TemporaryDirectory(prefix="chorus-bench-") as folder:
        # nginx's workers run as another user and must reach their files.
        pathlib.Path(folder).chmod(0o755)
        with PEERS[peer_name](folder, parameters) as peer:
            return measure(peer, parameters)


class CPU:
    """CPU time that the peer's processes use from here on."""

    def __init__(self, peer):
        self.peer = peer
        self.start = time.monotonic()
        self.before = self._read()

    def _read(self):
        return {process.name: process.cpu_seconds() for process in self.peer.processes}

    def used(self):
        return {name: seconds - self.before[name] for name, seconds in self._read().items()}

    def elapsed(self):
        return time.monotonic() - self.start


def fan_out(peer, parameters):
    memory, kernel = peer.reader.memory_bytes(), kernel_bytes()
    with load.Swarm(peer, parameters) as swarm:
        connected = swarm.connected()
        time.sleep(REST_SECONDS)
        result = {
            "connected": connected["viewers"], "connectFailures": connected["failed"],
            "connectSeconds": connected["seconds"],
            "memoryPerConnection": (peer.reader.memory_bytes() - memory) / max(connected["viewers"], 1),
            # Both ends are on this machine: a connection is two sockets.
            "kernelPerConnection": (kernel_bytes() - kernel) / max(connected["viewers"], 1),
        }
        cpu = CPU(peer)
        swarm.start()
        if peer.publishes and (parameters.rate or parameters.window):
            peer.publish()
        positions = newest(peer, parameters, swarm.published(parameters.duration))
        busy, elapsed = cpu.used(), cpu.elapsed()
        swarm.expect(positions)
        report = swarm.report()
        result |= {"deliveriesPerSecond": swarm.deliveries_per_second(), **costs(peer, busy, elapsed, swarm), **audit(report)}
        result["swarm"] = report
    return result


def newest(peer, parameters, published):
    """Channel -> newest position, for the audit."""
    channels = published.get("channels") or {}
    if peer.publishes and (parameters.rate or parameters.window):
        last = json.loads(peer.published())["last"]
        return {channel: last for channel in channels} or {"video:v1": last}
    return {channel: told["last"] for channel, told in channels.items() if told.get("last")}


def costs(peer, busy, elapsed, swarm):
    # The same seconds for both: progress is told while publishing, which is when CPU time is read.
    delivered = swarm.progress[-1]["delivered"] if swarm.progress else 0
    reader = busy[peer.reader.name]
    result = {"cpuSeconds": busy, "readerBusy": reader / elapsed}
    if delivered:
        result["readerCpuPerDelivery"] = reader / delivered * 1e6
        result["cpuPerDelivery"] = sum(busy.values()) / delivered * 1e6
    return result


def audit(report):
    """What is compared, out of `SwarmReport` (Sources/Audience)."""
    latency, delivery, publishing = report["latencyMilliseconds"], report["delivery"], report["publishing"]
    return {
        "latencyP50": latency.get("p50"), "latencyP99": latency.get("p99"), "latencyMax": latency.get("max"),
        **{name: delivery[name] for name in ("delivered", "expected", "lost", "repeated", "reordered", "toldMissing")},
        "dropped": publishing["dropped"], "acknowledged": publishing["acknowledged"],
        "generatorBusy": report["process"]["loopBusyShare"], "generatorLimited": report["generatorLimited"],
    }


def writes(peer, parameters):
    """wrk posts comments over `writers` connections, as fast as they are answered or at `rate`; nobody watches."""
    command = [
        "wrk", "--threads", "1", "--connections", str(parameters.writers), "--duration", f"{parameters.duration}s",
        "--script", str(HERE / "harness/comments.lua"), f"{peer.comment_url}/comment"]
    environment = {"CHANNELS": str(parameters.channels), "COMMENT_BYTES": str(parameters.comment_bytes)}
    if parameters.rate:
        environment["PAUSE_MS"] = str(parameters.writers / parameters.rate * 1000)
    cpu, own = CPU(peer), children_seconds()
    # wrk's own counters come back as the last line, as JSON.
    output = subprocess.run(command, env={"PATH": "/usr/bin:/bin", **environment}, capture_output=True, text=True)
    if output.returncode:
        raise Failure(f"wrk: {output.stderr.strip()}")
    told = json.loads(output.stdout.strip().splitlines()[-1])
    busy, generator = cpu.used(), (children_seconds() - own) / told["seconds"]
    return {
        "requestsPerSecond": told["requests"] / told["seconds"], "latencyP50": told["p50"], "latencyP99": told["p99"],
        "errors": told["errors"], "cpuSeconds": busy,
        "cpuPerRequest": sum(busy.values()) / max(told["requests"], 1) * 1e6,
        "generatorBusy": generator, "generatorLimited": generator > 0.9, **peer.counted(),
    }


def children_seconds():
    """CPU time of the children that have ended: here, of wrk."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def soak(peer, parameters):
    """Steady viewers under load, while another crowd comes and goes; memory and descriptors every ten seconds."""
    series, crowds, done = [], [], threading.Event()
    start = time.monotonic()

    def sample():
        while not done.wait(SAMPLE_SECONDS):
            series.append({
                "second": round(time.monotonic() - start), "bytes": peer.reader.memory_bytes(),
                "descriptors": peer.reader.descriptors(), "cpuSeconds": peer.reader.cpu_seconds()})

    def churn():
        words, _ = load.arguments(peer, type(parameters)(viewers=1_000, channels=100, rate=1, duration=3, seed=2))
        while not done.is_set():
            ended = subprocess.run(
                [load.BINARIES / "SimClient", "swarm", "--json", *words], capture_output=True, text=True)
            crowds.append(ended.returncode)

    workers = [threading.Thread(target=work, daemon=True) for work in (sample, churn)]
    for worker in workers:
        worker.start()
    result = fan_out(peer, parameters)
    done.set()
    for worker in workers:
        worker.join(CHURN_END_SECONDS)
    return {**result, "series": series, "crowds": len(crowds), "crowdsFailed": sum(code != 0 for code in crowds)}
