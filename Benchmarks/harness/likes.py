"""The scenarios of likes: who is measured, what, and how."""
import dataclasses
import json
import subprocess
import time
import urllib.request

from . import wrk
from .measure import running
from .peers import BINARIES, HERE, NODE_MODULES, Peer
from .processes import Failure, cpu_seconds_of, wait_until
from .scenarios import Scenario

PHOTO = "photo1"
# Photos of one call for counts, at most.
COUNTS_MAX = 200
# Millions of rows at once: otherwise PostgreSQL makes a checkpoint every few seconds, and logs each page anew after it.
LOG_SETTINGS = ("max_wal_size=16GB", "checkpoint_timeout=30min", "wal_compression=on")
PATH = {"PATH": "/usr/bin:/bin"}
DRAIN_SECONDS = 3600


@dataclasses.dataclass(frozen=True)
class LikeParameters:
    # Connections of the generator over HTTP.
    writers: int = 64
    # Likes of the path below HTTP, and how many of them a second; 0: as many as go.
    likes: int = 0
    rate: int = 0
    # LIKE_PARTS; the same for every build, whatever its default is.
    partitions: int = 4
    # Whether changes go into the streams for the database.
    streams: bool = True
    viewers: int = 0
    # Photos that are liked over HTTP, or of which counts are asked for.
    photos: int = 1
    warmup: int = 0
    duration: int = 6
    seed: int = 1

    def lasting(self, seconds):
        """The same, for so many seconds; what is counted in likes gets fewer of them."""
        likes = min(self.likes, (self.rate or 100_000) * seconds) if self.likes else 0
        return dataclasses.replace(self, duration=seconds, likes=likes)


class LikePeer(Peer):
    """LikeAPI on a Redis of its own."""

    has_database = has_reader = has_worker = False
    environment = {}

    def start(self):
        self.database = self.start_postgres(*LOG_SETTINGS) if self.has_database else None
        self.redis = self.start_redis()
        self.redis_process = self.processes[-1]
        environment = {"LOG_LEVEL": "warning", "LIKE_PARTS": str(self.parameters.partitions), **self.environment}
        if self.database:
            environment["DATABASE_URL"] = self.database
        if self.has_worker:
            worker = {**environment, "LIKE_ROLE": "worker"}
            self.worker, self.worker_url = self.start_service("like-worker", [self.binaries / "LikeAPI"], worker, self.redis)
        self.start_api({**environment, "LIKE_ROLE": "api"})
        if self.has_reader:
            self.reader, self.reader_url = self.start_service(
                "reader", [self.binaries / "ReaderAPI"], {"LOG_LEVEL": "warning", "READER_LOOPS": "1"}, self.redis)

    def start_api(self, environment):
        self.api, self.url = self.start_service("like-api", [self.binaries / "LikeAPI"], environment, self.redis)

    def bench(self, *more):
        """Starts LikeBench, the path below HTTP; its output is one JSON object. Older builds have it as `LikeAPI bench`."""
        program = self.binaries / "LikeBench"
        values = self.parameters
        words = ["--like-parts", values.partitions, "--bench-likes", values.likes, "--bench-rate", values.rate,
                 "--bench-streams", "on" if values.streams else "off", *more]
        command = [program] if program.exists() else [self.binaries / "LikeAPI", "bench"]
        return subprocess.Popen(
            [*command, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**PATH, "REDIS_URL": self.redis, "LOG_LEVEL": "warning"})

    def redis_command(self, *words):
        port = self.redis.rsplit(":", 1)[1]
        done = subprocess.run(["redis-cli", "-p", port, *words], capture_output=True, text=True)
        return done.stdout.strip()

    def redis_memory(self):
        lines = self.redis_command("info", "memory").splitlines()
        return int(next(line for line in lines if line.startswith("used_memory:")).split(":")[1])

    def backlog(self):
        """Changes that wait for the database."""
        partitions = range(self.parameters.partitions)
        depths = (self.redis_command("hget", f"likes:{{{number}}}:meta", "depth") for number in partitions)
        return sum(int(depth or 0) for depth in depths)


class ChorusLikes(LikePeer):
    pass


class ChorusFreshCounts(LikePeer):
    """Every count comes from Redis, none from LikeAPI's memory."""

    environment = {"LIKE_COUNT_AGE_MS": "0"}


class NodeLikes(LikePeer):
    def start_api(self, environment):
        script = HERE / "peers/node-likes/like-api.js"
        self.api, self.url = self.start_service(
            "like-api", ["node", script], {"NODE_PATH": NODE_MODULES, "NODE_ENV": "production"}, self.redis)


class BelowHTTP(LikePeer):
    """Only a Redis: the path below HTTP is a process of its own."""

    def start_api(self, environment):
        self.api = self.redis_process

    mode = "batched"


class OneCallEach(BelowHTTP):
    mode = "single"


class ChorusLikesDatabase(LikePeer):
    has_database = has_worker = True

    def start_api(self, environment):
        self.api = self.worker


class ChorusLikesViewers(LikePeer):
    has_reader = True


def writes(peer, parameters):
    """wrk likes photos, each time as another user; then all counts together must be the number of likes."""
    result = wrk.load(peer, f"{peer.url}/v1/likes", "likes.lua", parameters, PHOTOS=str(parameters.photos))
    likes, count = result["warmupRequests"] + result["requests"], counted(peer, parameters.photos)
    # What was under way when wrk stopped may have counted too, in the warm-up and after it.
    return {**result, "inexact": 0 if 0 <= count - likes <= 2 * parameters.writers else abs(count - likes)}


def counted(peer, photos):
    """Likes of all photos."""
    names = [f"photo{number + 1}" for number in range(photos)]
    total = 0
    for first in range(0, photos, COUNTS_MAX):
        body = json.dumps({"post_ids": names[first:first + COUNTS_MAX]}).encode()
        question = urllib.request.Request(f"{peer.url}/v1/likes/counts", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(question, timeout=10) as answer:
            # A photo that nobody liked may be unknown.
            total += sum(entry.get("count", 0) for entry in json.load(answer)["counts"])
    return total


def finished(bench):
    """The result of LikeBench. It ends with 65 when its own count is wrong, which the result shows too."""
    output, errors = bench.communicate()
    if bench.returncode not in (0, 65):
        raise Failure(f"LikeBench: {errors.strip()}")
    return json.loads(output)


def batches(peer, parameters):
    """The path below HTTP against an empty Redis."""
    result = finished(peer.bench("--bench-mode", peer.mode))
    return {
        "likesPerSecond": result["likesPerSecond"], "inexact": result["likes"] - result["count"] + result["failed"],
        "redisBytesPerLike": result["bytesPerLike"]}


def write_behind(peer, parameters):
    """Likes through the batcher into the streams, and a worker that carries them to PostgreSQL."""
    before, cpu, start = peer.redis_memory(), cpu_seconds_of(peer.processes), time.monotonic()
    lags = []
    bench = peer.bench()
    while bench.poll() is None:
        lags.append(lag(peer))
        time.sleep(0.1)
    result = finished(bench)
    wait_until(lambda: peer.backlog() == 0 or time.sleep(0.1), "the streams are empty", DRAIN_SECONDS)
    seconds = time.monotonic() - start
    rows = int(peer.sql("select count(*) from likes where liked"))
    count = int(peer.sql("select coalesce(sum(like_count), 0) from photos"))
    measured = {
        "likesPerSecond": result["likesPerSecond"], "databaseSeconds": seconds, "rowsPerSecond": rows / seconds,
        "redisBytesPerLike": (peer.redis_memory() - before) / max(parameters.likes, 1),
        "inexact": sum(abs(parameters.likes - number) for number in (result["count"], rows, count)),
        "cpuSeconds": {name: value - cpu[name] for name, value in cpu_seconds_of(peer.processes).items()}}
    if parameters.rate:
        measured["lagSeconds"] = max(lags)
        measured.pop("rowsPerSecond")
    return measured


def lag(peer):
    """Age of the oldest change in the worker's last batches, in seconds."""
    with urllib.request.urlopen(f"{peer.worker_url}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    name = "chorus_likes_record_lag_seconds{"
    return max([float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name)] or [0])


def viewers(peer, parameters):
    """SimClient likes one photo at a rate while a crowd watches it."""
    child = subprocess.Popen(
        [BINARIES / "SimClient", "likes", "--coordinate", "--like-api", peer.url, "--readers", peer.reader_url, "--photo",
         PHOTO, "--rate", str(parameters.rate), "--connections", str(parameters.writers), "--viewers",
         str(parameters.viewers), "--unlike-share", "0", "--duplicate-share", "0", "--seed", str(parameters.seed)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    try:
        connected = message(child, "connected")
        time.sleep(1)
        before, start = cpu_seconds_of(peer.processes), time.monotonic()
        print("start", file=child.stdin, flush=True)
        time.sleep(parameters.duration)
        busy, seconds = cpu_seconds_of(peer.processes), time.monotonic() - start
        print("stop", file=child.stdin, flush=True)
        report = message(child, "report")["report"]
    finally:
        child.kill()
        child.wait()
    seen, requests = report["viewers"], report["requests"]
    return {
        "likesPerSecond": requests["acknowledged"] / seconds, "dropped": requests["dropped"],
        "connectFailures": parameters.viewers - connected["viewers"],
        "updatesPerSecondMost": seen["updatesPerSecondMost"], "inexact": seen["wrong"] + seen["malformed"],
        "readerBusy": (busy["reader"] - before["reader"]) / seconds,
        "generatorBusy": max(report["process"]["senderBusyShare"], report["process"]["viewersBusyShare"]),
        "generatorLimited": report["generatorLimited"], "latencyP99": report["latencyMilliseconds"].get("p99")}


def message(child, event):
    """The next line of SimClient with this event."""
    for line in child.stdout:
        read = json.loads(line)
        if read.get("event") == event:
            return read
    raise Failure(f"SimClient ended before '{event}'")


def feeds(peer, parameters):
    """wrk asks for pages of 200 counts, all of them from Redis."""
    filled = subprocess.run(
        [BINARIES / "SimClient", "likes", "--like-api", peer.url, "--photos", str(parameters.photos), "--hot-share", "0",
         "--users", str(parameters.photos * 20)], capture_output=True, text=True)
    if filled.returncode:
        raise Failure(f"SimClient likes: {filled.stderr.strip()}")
    return wrk.load(peer, f"{peer.url}/v1/likes/counts", "counts.lua", parameters, PHOTOS=str(parameters.photos))


PEERS = {
    "chorus-likes": ChorusLikes, "node-likes": NodeLikes, "chorus-batches": BelowHTTP, "lua-per-like": OneCallEach,
    "chorus-likes-postgres": ChorusLikesDatabase, "chorus-likes-viewers": ChorusLikesViewers,
    "chorus-fresh-counts": ChorusFreshCounts,
}
KINDS = {
    "like-writes": writes, "like-batches": batches, "like-write-behind": write_behind, "like-viewers": viewers, "like-feeds": feeds}
# The Chorus peer that another one is compared with.
OURS = {"node-likes": "chorus-likes", "lua-per-like": "chorus-batches"}
COLUMNS = {
    "likesPerSecond": ("likes/s", 0),
    "rowsPerSecond": ("rows/s into PostgreSQL", 0),
    "databaseSeconds": ("s until PostgreSQL had all", 1),
    "lagSeconds": ("most lag s", 2),
    "redisBytesPerLike": ("Redis bytes/like", 1),
    "updatesPerSecondMost": ("updates/s, the most of a viewer", 2),
    "inexact": ("not exact", 0),
}
SCENARIOS = {
    "L1": Scenario(
        "POST /v1/likes with a browser's headers, distinct users, 64 connections",
        ("chorus-likes", "node-likes"), {
            f"{photos:,} photo{'s' if photos > 1 else ''}": LikeParameters(photos=photos, warmup=1)
            for photos in (1, 1_000)},
        compared="requestsPerSecond", kind="like-writes"),
    "L2": Scenario(
        "Below HTTP: likes of one photo through the batcher, and one Lua call for each",
        ("chorus-batches", "lua-per-like"),
        {f"{partitions} partitions": LikeParameters(likes=1_000_000, partitions=partitions) for partitions in (1, 4, 16)},
        compared="likesPerSecond", kind="like-batches",
        note="The changes go into the streams for the database, and stay there: a like's bytes are those of both."),
    "L3": Scenario(
        "Ten million distinct likes of one photo, drained into PostgreSQL",
        ("chorus-likes-postgres",), {"": LikeParameters(likes=10_000_000)}, compared="rowsPerSecond", kind="like-write-behind",
        note="Likes come below HTTP as fast as they go. Redis's bytes are those left when the streams are empty."),
    "L4": Scenario(
        "5,000 viewers of a photo that is liked over HTTP",
        ("chorus-likes-viewers",), {
            f"{rate:,} likes/s": LikeParameters(viewers=5_000, rate=rate, duration=10) for rate in (100, 1_000, 5_000)},
        compared="readerBusy", kind="like-viewers"),
    "L5": Scenario(
        "Write-behind: likes below HTTP, and a worker that carries them to PostgreSQL with fsync",
        ("chorus-likes-postgres",), {
            "1,000,000 as fast as they go": LikeParameters(likes=1_000_000),
            "10,000/s for 15 s": LikeParameters(likes=150_000, rate=10_000)},
        compared="databaseSeconds", kind="like-write-behind",
        note="Rows a second count from the first like to the last row. The lag is what the worker's own metric says."),
    "L6": Scenario(
        "POST /v1/likes/counts, 200 of 1,000 photos in one call, from Redis each time",
        ("chorus-fresh-counts",), {
            f"{writers} connections": LikeParameters(writers=writers, photos=1_000, warmup=1) for writers in (1, 4)},
        compared="latencyP99", kind="like-feeds"),
}
# Ten million take their time.
USUAL = [name for name in SCENARIOS if name != "L3"]


def run(kind, peer_name, parameters, binaries=BINARIES):
    """`binaries`: the folder of the Chorus build that is measured."""
    with running(PEERS[peer_name], parameters, binaries) as peer:
        return KINDS[kind](peer, parameters)
