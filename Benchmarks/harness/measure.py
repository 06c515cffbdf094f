"""One run of one row on one peer: a dictionary of numbers."""
import contextlib
import dataclasses
import functools
import json
import pathlib
import subprocess
import tempfile
import threading
import time

from . import idle, wrk
from . import swarm as load
from .peers import BINARIES, PEERS
from .processes import Failure, kernel_bytes

SAMPLE_SECONDS = 10
# What is still on its way into the kernel's and the server's tables after the last viewer got its `connected` event.
# A server may give memory of the connects back when they are over; Chorus does so after a quiet second.
REST_SECONDS = 3.0
# A crowd that is on its way when the load ends takes this long at most.
CHURN_END_SECONDS = 60
# The longest that READER_HEARTBEAT_SECONDS allows: next to none.
HEARTBEAT_SECONDS_MAX = 3600


def run(kind, peer_name, parameters, binaries=BINARIES):
    """`binaries`: the folder of the Chorus build that is measured."""
    start = functools.partial(running, PEERS[peer_name], binaries=binaries)
    if kind == "heartbeats":
        return heartbeats_above_idle(start, parameters)
    with start(parameters) as peer:
        return {"swarm": fan_out, "writes": writes, "soak": soak}[kind](peer, parameters)


@contextlib.contextmanager
def running(peer_type, parameters, binaries):
    """Fresh servers in a folder of their own."""
    with tempfile.TemporaryDirectory(prefix="chorus-bench-") as folder:
        # nginx's workers run as another user and must reach their files.
        pathlib.Path(folder).chmod(0o755)
        with peer_type(folder, parameters, binaries) as peer:
            yield peer


def fan_out(peer, parameters):
    memory, kernel = peer.reader.memory_bytes(), kernel_bytes()
    with contextlib.ExitStack() as crowds:
        swarm = crowds.enter_context(load.Swarm(peer, parameters))
        connected = swarm.connected()
        time.sleep(REST_SECONDS)
        result = {
            "connected": connected["viewers"], "connectFailures": connected["failed"],
            "connectSeconds": connected["seconds"],
            "memoryPerConnection": (peer.reader.memory_bytes() - memory) / max(connected["viewers"], 1),
            # Both ends are on this machine: a connection is two sockets.
            "kernelPerConnection": (kernel_bytes() - kernel) / max(connected["viewers"], 1),
        }
        cold = None
        if parameters.beside:
            cold = crowds.enter_context(load.Swarm(peer, parameters.beside, "cold"))
            cold.connected()
            cold.start()
        swarm.start()
        if peer.publishes and parameters.publishes:
            peer.publish()
        report = audited(peer, parameters, swarm)
        result |= {**swarm.rates(), **audit(report), "swarm": report}
        if cold:
            result |= cold_columns(audited(peer, parameters.beside, cold))
        return result


def audited(peer, parameters, swarm):
    """The swarm's report, after it has published or listened."""
    swarm.expect(newest(peer, parameters, swarm.published(parameters)))
    return swarm.report()


def newest(peer, parameters, published):
    """Channel -> newest position, for the audit."""
    channels = published.get("channels") or {}
    if peer.publishes and parameters.publishes:
        return {f"video:{parameters.prefix}v1": json.loads(peer.published())["last"]}
    return {channel: position["last"] for channel, position in channels.items() if position.get("last")}


def audit(report):
    """What is compared, out of `SwarmReport` (Sources/Audience)."""
    latency, delivery, publishing = report["latencyMilliseconds"], report["delivery"], report["publishing"]
    result = {
        "latencyP50": latency.get("p50"), "latencyP99": latency.get("p99"), "latencyMax": latency.get("max"),
        **{name: delivery[name] for name in ("delivered", "expected", "repeated", "reordered", "toldMissing")},
        # A server that is merely behind has lost nothing.
        "lost": delivery["lost"] - delivery["unreached"], "behind": delivery["unreached"],
        "reconnects": report["viewers"]["reconnects"],
        "dropped": publishing["dropped"], "notPublished": publishing["failed"], "acknowledged": publishing["acknowledged"],
        "generatorBusy": report["process"]["loopBusyShare"], "generatorLimited": report["generatorLimited"],
    }
    missed = missed_share(report)
    for name, share in (("latencyP50", 0.5), ("latencyP99", 0.01)):
        # A comment that was not there at the end has waited for longer than the time to settle.
        if missed > share:
            result[name] = max(result[name] or 0, load.SETTLE_SECONDS * 1000)
            result[f"{name}AtLeast"] = True
    if delivery["delivered"]:
        result["bytesPerDelivery"] = report["bytesReceived"] / delivery["delivered"]
    return result


def missed_share(report):
    """Part of the offered deliveries that were not made by the end, for whichever reason: a server that is slow to take
    comments, so that the generator has to drop them, is as late as one that is slow to pass them on."""
    parameters, delivery = report["parameters"], report["delivery"]
    offered = report["publishing"]["offered"] * parameters["viewers"] / parameters["streams"]
    if parameters.get("window"):
        offered = 0
    owed = max(delivery["expected"], offered)
    return 1 - delivery["delivered"] / owed if owed else 0


def cold_columns(report):
    found = audit(report)
    return {
        "coldP50": found["latencyP50"], "coldP99": found["latencyP99"],
        "coldP50AtLeast": found.get("latencyP50AtLeast"), "coldP99AtLeast": found.get("latencyP99AtLeast"),
        "coldMax": found["latencyMax"],
        "coldLost": found["lost"] + found["behind"], "coldSwarm": report}


def writes(peer, parameters):
    """Comments over `writers` connections, as fast as they are answered or at `rate`; nobody watches."""
    found = wrk.load(
        peer, f"{peer.comment_url}/comment", "comments.lua", parameters, CHANNELS=str(parameters.channels))
    if not parameters.rate:
        # Of a server at its limit, in a closed loop: nobody's waiting time.
        found = {name: value for name, value in found.items() if not name.startswith("latency")}
    return {**found, **peer.counted()}


def heartbeats(peer, parameters):
    """Idle viewers, for the seconds that count: heartbeats and the Reader's CPU time, both a second."""
    with idle.IdleViewers(peer.reader_url, parameters.viewers) as viewers:
        viewers.connect()
        # Also over the first, random wait of everybody.
        viewers.read_for(REST_SECONDS)
        cpu, start = peer.reader.cpu_seconds(), time.monotonic()
        received = viewers.read_for(parameters.duration)
        seconds = time.monotonic() - start
        return received / seconds, (peer.reader.cpu_seconds() - cpu) / seconds


def heartbeats_above_idle(start, parameters):
    """The cost of a heartbeat: viewers with many of them, less as many viewers with none."""
    with start(dataclasses.replace(parameters, heartbeat_seconds=HEARTBEAT_SECONDS_MAX)) as peer:
        idle_rate, idle_busy = heartbeats(peer, parameters)
    with start(parameters) as peer:
        rate, busy = heartbeats(peer, parameters)
    expected = parameters.viewers / parameters.heartbeat_seconds
    if not 0.9 < rate / expected < 1.1:
        raise Failure(f"{rate:.0f} heartbeats a second, and not {expected:.0f}")
    return {
        "heartbeatsPerSecond": rate, "readerCpuPerHeartbeat": (busy - idle_busy) / (rate - idle_rate) * 1e6,
        "readerBusy": busy, "idleReaderBusy": idle_busy}


def soak(peer, parameters):
    """Steady viewers under load, while another crowd comes and goes; memory and descriptors every ten seconds."""
    series, crowds, done = [], [], threading.Event()
    descriptors = peer.reader.descriptors()
    start = time.monotonic()

    def sample():
        while not done.wait(min(SAMPLE_SECONDS, parameters.duration / 4)):
            series.append({
                "second": round(time.monotonic() - start), "residentBytes": peer.reader.resident_bytes(),
                "descriptors": peer.reader.descriptors(), "cpuSeconds": peer.reader.cpu_seconds()})

    def churn():
        words, _ = load.arguments(peer, type(parameters)(viewers=1_000, channels=100, rate=1, duration=2, seed=2))
        while not done.is_set():
            crowds.append(subprocess.run(
                [load.BINARIES / "SimClient", "swarm", "--json", *words], capture_output=True).returncode)

    workers = [threading.Thread(target=work, daemon=True) for work in (sample, churn)]
    for worker in workers:
        worker.start()
    result = fan_out(peer, parameters)
    done.set()
    for worker in workers:
        worker.join(CHURN_END_SECONDS)
    time.sleep(REST_SECONDS)
    return {
        **result, "series": series, "crowds": len(crowds), "crowdsFailed": sum(code != 0 for code in crowds),
        "descriptorsLeft": peer.reader.descriptors() - descriptors}
