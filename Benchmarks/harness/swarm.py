"""The load: SimClient's swarm, driven line by line (`--coordinate`)."""
import functools
import json
import queue
import subprocess
import threading

from .peers import BINARIES
from .processes import Failure, Process, cpu_seconds_of

CONNECT_SECONDS = 120
# How long the last comments may take before they count as not arrived.
SETTLE_SECONDS = 5
REPORT_SECONDS = 40


@functools.cache
def options():
    """The options that this build of the swarm has."""
    help_text = subprocess.run([BINARIES / "SimClient", "swarm", "--help"], capture_output=True, text=True).stdout
    return {word.strip("[],.<>") for word in help_text.split() if "--" in word}


def arguments(peer, parameters):
    """The swarm's arguments for this peer, and those that the build does not have."""
    wanted = {
        "--readers": peer.reader_url, "--comment-api": peer.comment_url, "--streams": parameters.channels,
        "--viewers": parameters.viewers, "--audience": "uniform", "--seed": parameters.seed,
        "--warmup": parameters.warmup, "--duration": parameters.duration, "--rate": parameters.rate,
        "--settle-timeout": SETTLE_SECONDS,
        "--comment-bytes": parameters.comment_bytes + peer.comment_bytes_more,
    }
    if peer.publishes or not parameters.publishes:
        wanted["--publish"] = "none"
    elif parameters.window:
        wanted["--window"] = parameters.window
    if parameters.prefix:
        wanted["--channel-prefix"] = parameters.prefix
    if peer.protocol != "chorus":
        wanted["--protocol"] = peer.protocol
    if peer.transport != "stream":
        wanted["--transport"] = peer.transport
    return [str(word) for pair in wanted.items() for word in pair], sorted(wanted.keys() - options())


class Swarm:
    def __init__(self, peer, parameters, name="swarm"):
        words, missing = arguments(peer, parameters)
        if missing:
            raise Failure(f"this SimClient has no {', '.join(missing)}")
        self.process = Process(
            name, [BINARIES / "SimClient", "swarm", "--coordinate", *words], peer.folder,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.peer = peer
        self.warmup = parameters.warmup
        self.delivers = parameters.publishes
        self.lines = queue.Queue()
        self.progress = []
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stop()

    def _read(self):
        """Every line of the swarm, as an object. With each line of progress the servers' CPU time is read at once."""
        for line in self.process.child.stdout:
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if message.get("event") == "progress":
                self.progress.append({**message, "cpu": cpu_seconds_of(self.peer.processes)})
            else:
                self.lines.put(message)
        self.lines.put(None)

    def wait(self, event, seconds):
        """The next line with this event."""
        while True:
            try:
                message = self.lines.get(timeout=seconds)
            except queue.Empty:
                raise Failure(f"the swarm sent no '{event}' within {seconds} s") from None
            if message is None:
                raise Failure(f"the swarm ended before '{event}': {self.process.tail()}")
            if message.get("event") == event:
                return message

    def send(self, line):
        self.process.child.stdin.write(line.encode() + b"\n")
        self.process.child.stdin.flush()

    def connected(self):
        return self.wait("connected", CONNECT_SECONDS)

    def start(self):
        self.send("start")

    def published(self, parameters):
        return self.wait("published", parameters.warmup + parameters.duration + CONNECT_SECONDS)

    def expect(self, positions):
        self.send(json.dumps({"expect": positions}))

    def report(self):
        return self.wait("report", REPORT_SECONDS)["report"]

    def rates(self):
        """What happened between the end of the warm-up and the last line of progress: the same seconds for deliveries and
        for CPU time. Empty with fewer than two lines."""
        counted = [message for message in self.progress if message["second"] >= self.warmup]
        if len(counted) < 2:
            return {}
        first, last = counted[0], counted[-1]
        seconds, delivered = last["seconds"] - first["seconds"], last["delivered"] - first["delivered"]
        busy = {name: last["cpu"][name] - first["cpu"][name] for name in last["cpu"]}
        reader = busy[self.peer.reader.name]
        result = {"cpuSeconds": busy, "countedSeconds": seconds, "readerBusy": reader / seconds}
        if self.delivers:
            result |= {
                "deliveriesPerSecond": delivered / seconds,
                "commentsPerSecond": (last["acknowledged"] - first["acknowledged"]) / seconds or None}
        if delivered:
            result |= {
                "readerCpuPerDelivery": reader / delivered * 1e6, "cpuPerDelivery": sum(busy.values()) / delivered * 1e6}
        return result
