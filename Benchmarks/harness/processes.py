"""Processes that the benchmark starts, and what /proc says about them."""
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
STOP_SECONDS = 15


class Failure(Exception):
    """A process or a peer did not do what the measurement needs; the text says which and why."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, what, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.02)


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=1) as response:
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False


class Process:
    """One child. It is stopped by its id, and the kernel stops it when the benchmark dies."""

    def __init__(self, name, command, folder, environment=None, **pipes):
        self.name = name
        self.log = pathlib.Path(folder) / f"{name}.log"
        with self.log.open("ab") as log:
            streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, **pipes}
            self.child = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "--", *map(str, command)],
                env={**os.environ, **(environment or {})}, **streams)
        self.pid = self.child.pid

    @property
    def is_running(self):
        return self.child.poll() is None

    def wait_ready(self, url, seconds=20.0):
        wait_until(lambda: not self.is_running or answers(url), f"{self.name} ready at {url}", seconds)
        if not self.is_running:
            raise Failure(f"{self.name} ended with {self.child.returncode}: {self.tail()}")

    def tail(self, lines=5):
        return " | ".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self):
        if not self.is_running:
            return
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    def family(self):
        """Its own id and those of its children: nginx works in children."""
        ids = [self.pid]
        for pid in ids:
            for children in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
                try:
                    ids += [int(child) for child in children.read_text().split()]
                except OSError:
                    continue
        return ids

    def cpu_seconds(self):
        """User and system time of the process and its children."""
        return sum(cpu_seconds(pid) for pid in self.family())

    def memory_bytes(self):
        """Proportional set size: pages that are shared with others count in part."""
        return sum(proportional_bytes(pid) for pid in self.family())

    def resident_bytes(self):
        return sum(resident_bytes(pid) for pid in self.family())

    def descriptors(self):
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in self.family())


def cpu_seconds_of(processes):
    """CPU time of processes so far, by name."""
    return {process.name: process.cpu_seconds() for process in processes}


def cpu_seconds(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    # The name may hold spaces and parentheses; utime and stime are fields 14 and 15 of proc(5).
    fields = text[text.rindex(")") + 2:].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def proportional_bytes(pid):
    try:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def resident_bytes(pid):
    try:
        return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except OSError:
        return 0


def kernel_bytes():
    """What the kernel spends on this machine that sockets can cause: unreclaimable slab and TCP's buffers."""
    slab = next(
        int(line.split()[1]) * 1024
        for line in pathlib.Path("/proc/meminfo").read_text().splitlines() if line.startswith("SUnreclaim:"))
    words = next(
        line.split() for line in pathlib.Path("/proc/net/sockstat").read_text().splitlines() if line.startswith("TCP:"))
    return slab + int(words[words.index("mem") + 1]) * PAGE
