"""The load: SimClient's swarm, driven line by line (`--coordinate`)."""
import functools
import json
import queue
import subprocess
import threading

from .peers import BINARIES
from .processes import Failure, Process

CONNECT_SECONDS = 120
SETTLE_SECONDS = 40


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
        "--duration": parameters.duration, "--rate": parameters.rate,
        "--comment-bytes": parameters.comment_bytes + peer.comment_bytes_more,
    }
    if parameters.window:
        wanted["--window"] = parameters.window
    if peer.publishes or not (parameters.rate or parameters.window):
        wanted |= {"--publish": "none"}
    if peer.protocol != "chorus":
        wanted["--protocol"] = peer.protocol
    return [str(word) for pair in wanted.items() for word in pair], sorted(wanted.keys() - options())


class Swarm:
    def __init__(self, peer, parameters, name="swarm"):
        words, missing = arguments(peer, parameters)
        if missing:
            raise Failure(f"this SimClient has no {', '.join(missing)}")
        self.process = Process(
            name, [BINARIES / "SimClient", "swarm", "--coordinate", *words], peer.folder,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lines = queue.Queue()
        self.progress = []
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stop()

    def _read(self):
        for line in self.process.child.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def wait(self, event, seconds):
        """The next line with this event; lines of progress are kept on the way."""
        while True:
            try:
                line = self.lines.get(timeout=seconds)
            except queue.Empty:
                raise Failure(f"the swarm sent no '{event}' within {seconds} s") from None
            if line is None:
                raise Failure(f"the swarm ended before '{event}': {self.process.tail()}")
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if message.get("event") == "progress":
                self.progress.append(message)
            elif message.get("event") == event:
                return message

    def send(self, line):
        self.process.child.stdin.write(line.encode() + b"\n")
        self.process.child.stdin.flush()

    def connected(self):
        return self.wait("connected", CONNECT_SECONDS)

    def start(self):
        self.send("start")

    def published(self, duration):
        return self.wait("published", duration + CONNECT_SECONDS)

    def expect(self, positions):
        self.send(json.dumps({"expect": positions}))

    def report(self):
        return self.wait("report", SETTLE_SECONDS)["report"]

    def deliveries_per_second(self):
        """Over the whole seconds between the first and the last line of progress; `None` with fewer than two."""
        if len(self.progress) < 2:
            return None
        first, last = self.progress[0], self.progress[-1]
        return (last["delivered"] - first["delivered"]) / max(last["second"] - first["second"], 1)
