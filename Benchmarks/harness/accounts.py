"""The scenarios of tokens, limits and log-ins: who is measured, what, and how."""
import dataclasses
import http.client
import json
import subprocess
import threading
import time
import urllib.parse

from . import tokens, wrk
from .measure import running
from .peers import RATE_BINARY, Peer
from .processes import Failure
from .scenarios import Scenario

USERS = 10_000
# Wide enough that nobody is refused, and counted all the same.
WIDE = " ".join(f"{route}:{scope}=1000000/1" for route in ("comments", "likes") for scope in ("user", "address", "channel"))
# A user is refused as by default; the address, which everybody shares here, and the channels are wide.
STRICT = "comments:address=1000000/1 comments:channel=1000000/1"
PASSWORD = "correct horse"


@dataclasses.dataclass(frozen=True)
class AccountParameters:
    writers: int = 64
    # Comments or likes a second in an open loop; 0: a closed loop.
    rate: int = 0
    channels: int = 1_000
    photos: int = 1_000
    # What comes beside the comments: `limit`, `token` or `login`, and how many of it a second.
    flood: str = ""
    flood_rate: int = 0
    # PASSWORD_THREADS.
    threads: int = 1
    warmup: int = 3
    duration: int = 6
    seed: int = 1

    def lasting(self, seconds):
        return dataclasses.replace(self, duration=seconds)


class AccountPeer(Peer):
    """A service on a Redis of its own, and 10,000 users with their tokens in a file: a line for each; two more follow, of one
    who floods and one that nobody signed."""

    limits = "off"
    authentication = "required"
    service = "CommentAPI"

    def start(self):
        provider = tokens.Provider()
        keys = self.folder / "keys.json"
        keys.write_text(provider.key_set)
        lines = [provider.token(f"user{number}") for number in range(1, USERS + 2)]
        lines.append(tokens.Provider().token(f"user{USERS + 2}"))
        self.tokens = self.folder / "tokens"
        self.tokens.write_text("".join(f"{line}\n" for line in lines))
        self.redis = self.start_redis()
        self.environment = {"LOG_LEVEL": "warning", "LIKE_ROLE": "api"}
        if self.authentication != "off":
            self.environment |= {"AUTH": self.authentication, "AUTH_KEYS_FILE": str(keys), "LIMITS": self.limits}
        self.api, self.url = self.start_service(
            self.service.lower(), [self.binaries / self.service], self.environment, self.redis)

    @property
    def has_tokens(self):
        return self.authentication != "off"


class Open(AccountPeer):
    authentication = "off"


class Limited(AccountPeer):
    limits = WIDE


class Flooded(AccountPeer):
    limits = STRICT


class OpenLikes(Open):
    service = "LikeAPI"


class TokenLikes(AccountPeer):
    service = "LikeAPI"


class LimitedLikes(Limited):
    service = "LikeAPI"


class WithAccounts(Flooded):
    """SocialAPI beside it, with a database that syncs; its log-ins are not limited, as if each came from elsewhere."""

    social_environment = {}

    def start(self):
        super().start()
        database = self.start_postgres()
        signing, keys = self.folder / "signing.json", self.folder / "social-keys.json"
        made = subprocess.run(
            [self.binaries / "SocialAPI", "make-keys", "--signing-key", signing, "--keys", keys], capture_output=True, text=True)
        if made.returncode:
            raise Failure(f"make-keys: {made.stderr.strip()}")
        self.social, self.social_url = self.start_service(
            "social-api", [self.binaries / "SocialAPI"], {
                "LOG_LEVEL": "warning", "DATABASE_URL": database, "AUTH_KEYS_FILE": str(keys),
                "AUTH_SIGNING_KEY_FILE": str(signing), "LIMITS": "off", "ALLOWED_ORIGINS": "http://127.0.0.1:8080",
                "PASSWORD_THREADS": str(self.parameters.threads), **self.social_environment}, self.redis)
        for number in range(1, 9):
            status = post(
                connection(self.social_url), "/api/users/register",
                {"username": f"user{number}", "email": f"user{number}@example.org", "password": PASSWORD})
            if status != 201:
                raise Failure(f"register: {status}")


def connection(url):
    return http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=wrk.TIMEOUT_SECONDS)


def post(client, path, body):
    client.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    answer = client.getresponse()
    answer.read()
    return answer.status


def writes(peer, parameters):
    """Comments or likes of 10,000 users, with their tokens where the peer asks for them."""
    kind = "like" if peer.service == "LikeAPI" else "comment"
    path, script = ("/v1/likes", "likes.lua") if kind == "like" else ("/comment", "comments.lua")
    more = {"USERS": str(USERS), "CHANNELS": str(parameters.channels), "PHOTOS": str(parameters.photos)}
    if peer.has_tokens:
        more["TOKENS"] = str(peer.tokens)
    found = wrk.load(peer, peer.url + path, script, parameters, kind=kind, **more)
    if not parameters.rate:
        found = {name: value for name, value in found.items() if not name.startswith("latency")}
    return found


def flood(peer, parameters):
    """Others' comments in an open loop, alone and beside what is refused: twice each, in turns."""
    quiet, flooded, refused = [], [], []
    # So that the tokens are known: what a first request costs is no matter of the flood.
    wrk.run(f"{peer.url}/comment", "comments.lua", dataclasses.replace(parameters, rate=5_000), 4, TOKENS=str(peer.tokens))
    for _ in range(2):
        quiet.append(comments(peer, parameters))
        with subprocess.Popen(
                flood_command(peer, parameters), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
            time.sleep(1)
            flooded.append(comments(peer, parameters))
            output, errors = child.communicate()
        if child.returncode:
            raise Failure(f"rate: {errors.strip()}")
        counted = json.loads(output.strip().splitlines()[-1])
        refused.append(counted["status"] / counted["seconds"])
    (alone, beside) = (sum(run["p99"] for run in runs) / 2 for runs in (quiet, flooded))
    return {
        "quietP99": alone, "latencyP50": sum(run["p50"] for run in flooded) / 2, "latencyP99": beside,
        "latencyMax": max(run["max"] for run in flooded), "latencyRatio": beside / alone,
        "requestsPerSecond": sum(run["requests"] / run["seconds"] for run in flooded) / 2,
        "refusedPerSecond": sum(refused) / 2}


def comments(peer, parameters):
    return wrk.run(f"{peer.url}/comment", "comments.lua", parameters, parameters.duration, TOKENS=str(peer.tokens))


def flood_command(peer, parameters):
    url = peer.social_url if parameters.flood == "login" else peer.url
    who = {"limit": ["--first", USERS + 1, "--users", 1], "token": ["--first", USERS + 2, "--users", 1],
           "login": ["--users", 8]}[parameters.flood]
    words = [
        RATE_BINARY, "--port", urllib.parse.urlsplit(url).port, "--rate", parameters.flood_rate, "--connections", 128,
        "--warmup", 0, "--seconds", parameters.duration + 2, *who]
    words += ["--kind", "login"] if parameters.flood == "login" else ["--tokens", peer.tokens]
    return [str(word) for word in words]


def hashing(peer, parameters):
    """Log-ins that SocialAPI takes from twice as many clients as it has threads, beside what libsodium alone can do: in turns."""
    alone, logins = [], []
    for _ in range(2):
        alone.append(tokens.checks_per_second(parameters.threads, parameters.duration))
        logins.append(logins_per_second(peer, parameters))
    alone, logins = sum(alone) / 2, sum(logins) / 2
    return {"loginsPerSecond": logins, "checksPerSecond": alone, "hashingRatio": logins / alone}


def logins_per_second(peer, parameters):
    counts, statuses = [], set()
    start = time.monotonic()

    def work(number):
        client, count = connection(peer.social_url), 0
        while time.monotonic() < start + parameters.duration:
            statuses.add(post(client, "/api/users/login", {"username": f"user{number + 1}", "password": PASSWORD}))
            count += 1
        counts.append(count)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(2 * parameters.threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if statuses != {200}:
        raise Failure(f"log-ins were answered with {sorted(statuses)}")
    return sum(counts) / (time.monotonic() - start)


PEERS = {
    "chorus-open": Open, "chorus-tokens": AccountPeer, "chorus-limits": Limited, "chorus-likes-open": OpenLikes,
    "chorus-likes-tokens": TokenLikes, "chorus-likes-limits": LimitedLikes, "chorus-flooded": Flooded,
    "chorus-accounts": WithAccounts,
}
KINDS = {"account-writes": writes, "account-flood": flood, "account-hashing": hashing}
# What a peer is compared with: the same without tokens.
PLAIN = {
    "chorus-tokens": "chorus-open", "chorus-limits": "chorus-open", "chorus-likes-tokens": "chorus-likes-open",
    "chorus-likes-limits": "chorus-likes-open"}
COLUMNS = {
    "quietP99": ("p99 ms, alone", 2),
    "latencyRatio": ("p99, beside ÷ alone", 2),
    "refusedPerSecond": ("refused/s", 0),
    "loginsPerSecond": ("log-ins/s", 1),
    "checksPerSecond": ("libsodium alone, checks/s", 1),
    "hashingRatio": ("log-ins ÷ libsodium", 3),
}
ROWS = {
    "closed loop, as fast as they go": AccountParameters(),
    "open loop, 5,000/s": AccountParameters(rate=5_000, writers=512)}
SCENARIOS = {
    "U1": Scenario(
        "POST /comment of 10,000 users: open, with tokens, with limits as well", ("chorus-open", "chorus-tokens", "chorus-limits"),
        ROWS, compared="requestsPerSecond", kind="account-writes",
        note="With limits each comment is counted by user, address and channel, and the channel's slow mode is looked at."),
    "U2": Scenario(
        "POST /v1/likes of 10,000 users: open, with tokens, with limits as well",
        ("chorus-likes-open", "chorus-likes-tokens", "chorus-likes-limits"),
        ROWS, compared="requestsPerSecond", kind="account-writes"),
    "U3": Scenario(
        "500 comments a second of 10,000 users, beside a flood of requests that are refused", ("chorus-flooded",), {
            "5,000/s over a limit (429)": AccountParameters(rate=500, writers=512, flood="limit", flood_rate=5_000),
            "5,000/s with a token that nobody signed (401)":
                AccountParameters(rate=500, writers=512, flood="token", flood_rate=5_000)},
        compared="latencyRatio", kind="account-flood"),
    "U4": Scenario(
        "500 comments a second of 10,000 users, beside log-ins", ("chorus-accounts",),
        {"200 log-ins/s": AccountParameters(rate=500, writers=512, flood="login", flood_rate=200)},
        compared="latencyRatio", kind="account-flood",
        note="Refused are log-ins for which there is no thread (503 busy)."),
    "U5": Scenario(
        "Log-ins as fast as they go, beside libsodium alone with as many threads", ("chorus-accounts",),
        {f"{count} thread{'s' if count > 1 else ''}": AccountParameters(threads=count) for count in (1, 2)},
        compared="hashingRatio", kind="account-hashing",
        note="A log-in is a check of a password, a look into PostgreSQL, a session stored there with fsync, and a signature."),
}
USUAL = list(SCENARIOS)


def run(kind, peer_name, parameters, binaries):
    """`binaries`: the folder of the Chorus build that is measured."""
    with running(PEERS[peer_name], parameters, binaries) as peer:
        return KINDS[kind](peer, parameters)
