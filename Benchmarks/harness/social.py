"""The scenarios of posts: feeds and searches on a million of them, comments on them, and uploads."""
import dataclasses
import json
import os
import pathlib
import struct
import subprocess
import tempfile
import time
import zlib

from . import accounts, likes, wrk
from .measure import running
from .peers import ChorusDatabase, Peer
from .processes import Failure
from .scenarios import Scenario

# Of one owner fewer wait for a post than SocialAPI lets.
UPLOADERS = 4


@dataclasses.dataclass(frozen=True)
class SocialParameters:
    channels: int = 100
    writers: int = 256
    rate: int = 0
    # PASSWORD_THREADS.
    threads: int = 1
    # Uploads of each kind.
    uploads: int = 200
    warmup: int = 1
    duration: int = 6
    seed: int = 1

    def lasting(self, seconds):
        return dataclasses.replace(self, duration=seconds, uploads=10 * seconds)


class Bench(Peer):
    """SocialBench starts its servers by itself."""

    part = "feed"

    def start(self):
        pass


class SearchBench(Bench):
    part = "search"


class ChorusVideos(ChorusDatabase):
    """Comments on videos, in a database that has posts and users as well."""

    script = "comments.lua"
    path = "/comment"

    def start(self):
        super().start()
        self.sql(
            "INSERT INTO users (user_id, email, password) "
            f"SELECT 'user' || n, 'a@b', '' FROM generate_series(1, {accounts.USERS}) AS n",
            "INSERT INTO posts (post_id, author_id, content, visibility, comments_open, media_count) "
            f"SELECT 'post' || n, 'user' || n, 'a post', 'public', true, 0 FROM generate_series(1, {self.parameters.channels}) AS n",
            "ANALYZE users, posts")


class ChorusPosts(ChorusVideos):
    """Comments on posts; a LikeAPI tells the posts' authors of them, as it does in production."""

    script = "posts.lua"
    path = "/api/posts/1/comments"

    def start(self):
        super().start()
        self.worker, _ = self.start_service(
            "like-worker", [self.binaries / "LikeAPI"],
            {"LOG_LEVEL": "warning", "DATABASE_URL": self.database, "LIKE_ROLE": "worker"}, self.redis)

    def counted(self):
        """Every comment has to be one of its post's count."""
        found = self.sql(
            "SELECT coalesce(sum(comments), 0) - (SELECT count(*) FROM comments WHERE channel LIKE 'post:%') FROM post_counts")
        return {**super().counted(), "inexact": abs(int(found))}


class ChorusMedia(accounts.WithAccounts):
    """SocialAPI that takes pictures."""

    def start(self):
        media = self.folder / "media"
        media.mkdir()
        self.social_environment = {"MEDIA_FOLDER": str(media)}
        super().start()


def bench(peer, parameters):
    """One run of SocialBench: each of its measurements as columns."""
    done = subprocess.run(
        [peer.binaries / "SocialBench", peer.part, "--json"], capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
    if done.returncode:
        raise Failure(f"SocialBench: {done.stderr.strip()}")
    measured = json.loads(done.stdout)
    found = {name: measured[what][figure] for name, (what, figure) in MEASURED.items() if what in measured}
    if "plainP50" in found:
        found["timesFaster"] = found["plainP50"] / found["feedP50"]
    return found


def comments(peer, parameters):
    """As scenario R."""
    found = wrk.load(peer, peer.comment_url + peer.path, peer.script, parameters, CHANNELS=str(parameters.channels))
    found = {name: value for name, value in found.items() if not name.startswith("latency")}
    return {**found, **peer.counted()}


def uploads(peer, parameters):
    """Pictures that were not seen before, of several people; each is answered when its files can be shown."""
    tokens = [token(peer, number + 1) for number in range(UPLOADERS)]
    with tempfile.TemporaryDirectory(prefix="chorus-bench-") as folder:
        photo = photograph(pathlib.Path(folder), 4_000, 3_000)
    bomb = png(64_000, 64_000)
    taken, refused = [], []
    for number in range(parameters.uploads + 5):
        # What follows the end of the image makes it another file.
        taken.append(upload(peer, tokens, number, photo + struct.pack(">I", number), "image/jpeg", 201))
        refused.append(upload(peer, tokens, number, bomb + struct.pack(">I", number), "image/png", 422))
    # The first ones load libvips.
    taken, refused = sorted(taken[5:]), sorted(refused[5:])
    return {
        "uploadBytes": len(photo), "uploadP50": at(taken, 0.5), "uploadP99": at(taken, 0.99),
        "bombBytes": len(bomb), "bombP50": at(refused, 0.5), "bombP99": at(refused, 0.99)}


def at(samples, share):
    """A percentile, in milliseconds, of seconds that are sorted."""
    return samples[min(len(samples) - 1, int(share * len(samples)))] * 1_000


def token(peer, number):
    client = accounts.connection(peer.social_url)
    client.request(
        "POST", "/api/users/login", json.dumps({"username": f"user{number}", "password": accounts.PASSWORD}),
        {"Content-Type": "application/json"})
    answer = client.getresponse()
    body = json.load(answer)
    if answer.status != 200:
        raise Failure(f"log-in: {answer.status} {body}")
    return body["access_token"]


def upload(peer, tokens, number, data, kind, status):
    """Seconds from the first byte to the whole answer."""
    client = accounts.connection(peer.social_url)
    start = time.monotonic()
    client.request(
        "POST", "/api/media", data, {"Content-Type": kind, "Authorization": f"Bearer {tokens[number % len(tokens)]}"})
    answer = client.getresponse()
    text = answer.read()
    seconds = time.monotonic() - start
    client.close()
    if answer.status != status:
        raise Failure(f"an upload was answered with {answer.status}: {text[:200]}")
    return seconds


def photograph(folder, width, height):
    """A JPEG with as much detail as a camera's."""
    def vips(*words):
        done = subprocess.run(["vips", *map(str, words)], capture_output=True, text=True)
        if done.returncode:
            raise Failure(f"vips: {done.stderr.strip()}")

    clouds, noise = [], folder / "noise.v"
    for seed in range(3):
        clouds.append(folder / f"clouds{seed}.v")
        vips("perlin", clouds[-1], width, height, "--cell-size", 256, "--uchar", "--seed", seed)
    vips("bandjoin", " ".join(map(str, clouds)), folder / "colour.v")
    vips("gaussnoise", noise, width, height, "--mean", 0, "--sigma", 8)
    vips("add", folder / "colour.v", noise, folder / "sum.v")
    vips("cast", folder / "sum.v", folder / "bytes.v", "uchar")
    vips("jpegsave", folder / "bytes.v", folder / "photo.jpg", "--Q", 85)
    return (folder / "photo.jpg").read_bytes()


def png(width, height):
    """A PNG that says that it is so large, and 5 KB of black pixels."""
    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    packed = zlib.compress(bytes(5_000_000), 9)
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


PEERS = {
    "chorus-feed-bench": Bench, "chorus-search-bench": SearchBench, "chorus-videos": ChorusVideos,
    "chorus-posts": ChorusPosts, "chorus-media": ChorusMedia,
}
KINDS = {"social-bench": bench, "post-comments": comments, "uploads": uploads}
# What a peer is compared with: the same on videos.
PLAIN = {"chorus-posts": "chorus-videos"}
# Column -> measurement of SocialBench, and which figure of it.
MEASURED = {
    "feedP50": ("page", "p50"), "feedP99": ("page", "p99"), "plainP50": ("plain query", "p50"),
    "plainP99": ("plain query", "p99"), "belowP99": ("page below", "p99"), "firstP99": ("first page", "p99"),
    "fanoutMax": ("fan-out", "max"), "rareP50": ("rare word", "p50"), "rareP99": ("rare word", "p99"),
    "commonP50": ("common word", "p50"), "commonMax": ("common word", "max"),
    "eitherMax": ("rare and common word", "max"), "prefixP50": ("prefix of 1 to 6 characters", "p50"),
    "prefixP99": ("prefix of 1 to 6 characters", "p99"), "nameP99": ("whole name", "p99"),
}
COLUMNS = {
    "feedP50": ("page p50 ms", 2), "feedP99": ("page p99 ms", 2), "plainP50": ("plain query p50 ms", 1),
    "plainP99": ("plain query p99 ms", 1), "timesFaster": ("plain ÷ page", 1),
    "belowP99": ("page below Redis p99 ms", 2), "firstP99": ("first page p99 ms", 2),
    "fanoutMax": ("a post to 10,000 feeds, most ms", 0),
    "rareP50": ("rare word p50 ms", 2), "rareP99": ("rare word p99 ms", 2), "commonP50": ("word in 40% p50 ms", 1),
    "commonMax": ("word in 40%, most ms", 1), "eitherMax": ("either of both, most ms", 1),
    "prefixP50": ("prefix p50 ms", 2), "prefixP99": ("prefix p99 ms", 2), "nameP99": ("whole name p99 ms", 2),
    "uploadBytes": ("bytes of the picture", 0), "uploadP50": ("upload p50 ms", 0), "uploadP99": ("upload p99 ms", 0),
    "bombBytes": ("bytes of the bomb", 0), "bombP50": ("bomb refused, p50 ms", 1), "bombP99": ("bomb refused, p99 ms", 1),
}
SCENARIOS = {
    "P1": Scenario(
        "Pages of feeds: 20 of 1,000,000 posts, 200 followees, beside the plain IN query",
        ("chorus-feed-bench",), {"": SocialParameters()}, compared="feedP99", kind="social-bench",
        note="Below HTTP, one after the other; sizes as SocialBench has them by default, whatever the seconds."),
    "P2": Scenario(
        "Searches in 1,000,000 posts, and among 1,000,000 users",
        ("chorus-search-bench",), {"": SocialParameters()}, compared="rareP99", kind="social-bench",
        note="Below HTTP, one after the other. A rare word is in 20 posts. A prefix is one to six characters of a name."),
    "P3": Scenario(
        "Comments on posts beside those on videos (scenario R), PostgreSQL with fsync on, 256 connections",
        ("chorus-videos", "chorus-posts"), {"": SocialParameters()}, compared="requestsPerSecond", kind="post-comments",
        note="With posts a worker tells their authors meanwhile."),
    "P4": Scenario(
        "Uploads of 12 megapixels, and of a PNG of 64,000 × 64,000 pixels, one at a time",
        ("chorus-media",), {"": SocialParameters()}, compared="uploadP99", kind="uploads",
        note="From the first byte to the answer, when both files can be shown."),
}
# The first two make a million rows each time.
USUAL = ["P3", "P4"]


def run(kind, peer_name, parameters, binaries):
    """`binaries`: the folder of the Chorus build that is measured."""
    with running(PEERS[peer_name], parameters, binaries) as peer:
        return KINDS[kind](peer, parameters)
