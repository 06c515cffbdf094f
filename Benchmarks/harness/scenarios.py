"""What is measured. Every number of a scenario stands here."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Parameters:
    viewers: int
    channels: int = 1
    # Comments a second over all channels; 0: as fast as they go (see window), or none when `window` is 0 too.
    rate: float = 0
    # Closed loop: comments of a channel that may be on their way to its viewers at once. 0: open loop at `rate`.
    window: int = 0
    # Seconds before anything counts, and seconds that count: of publishing, or of watching in silence.
    warmup: int = 1
    duration: int = 6
    comment_bytes: int = 30
    seed: int = 1
    # Connections of scenarios F and R: a closed loop on each, or, with a rate, as many as an open loop may use.
    writers: int = 0
    # In front of the names of videos.
    prefix: str = ""
    # A second crowd on the same servers, with its own channels and comments.
    beside: "Parameters" = None
    # READER_FLUSH_INTERVAL_MS and READER_HEARTBEAT_SECONDS; None: the service's own defaults.
    flush_interval_ms: int = None
    heartbeat_seconds: int = None

    @property
    def publishes(self):
        return bool(self.rate or self.window)

    def lasting(self, seconds):
        """The same, for so many seconds."""
        beside = self.beside and self.beside.lasting(seconds)
        return dataclasses.replace(self, duration=seconds, beside=beside)


@dataclasses.dataclass(frozen=True)
class Scenario:
    title: str
    peers: tuple
    # Label of the row -> its parameters. One row, unless the scenario is a series.
    rows: dict
    # Which measured value is compared.
    compared: str = "deliveriesPerSecond"
    kind: str = "swarm"
    # What to read the table with.
    note: str = ""


def series_of_viewers():
    return {
        f"{viewers:,} viewers, 1 channel, 10 comments/s": Parameters(viewers=viewers, rate=10, duration=4)
        for viewers in (1_000, 2_000, 5_000, 10_000, 18_000)}


def series_of_channels():
    # 20,000 deliveries a second in every row.
    return {
        f"10,000 viewers, {channels:,} channels, {2 * channels:,} comments/s":
            Parameters(viewers=10_000, channels=channels, rate=2 * channels, duration=4)
        for channels in (1, 10, 100, 1_000)}


OPEN_LOOP = ("In an open loop comments fall due at random times, and latency counts from then; a closed loop says only how many "
             "there can be.")

SCENARIOS = {
    "S": Scenario(
        "One Reader fills, and then works",
        ("chorus",), {
            "10,000 viewers connect": Parameters(viewers=10_000, duration=2),
            "1,000 viewers, 50 comments/s": Parameters(viewers=1_000, rate=50)},
        compared="connectSeconds"),
    "A": Scenario(
        "One channel, 10,000 viewers, single comments as fast as they go",
        ("floor", "chorus", "nchan", "node"), {"": Parameters(viewers=10_000, window=1)},
        note="One comment is under way at a time: the next one is written when all viewers have the last. The floor "
             "does not wait."),
    "A2": Scenario(
        "The same with two loops and two workers",
        ("chorus-2", "nchan-2"), {"": Parameters(viewers=10_000, window=1)}),
    "B": Scenario(
        "100 channels of 10 viewers, comments as fast as they go",
        ("chorus", "nchan", "node"), {"": Parameters(viewers=1_000, channels=100, window=16)},
        note="16 comments of each channel are under way at a time. nchan is published to directly, without an API and "
             "Redis."),
    "C": Scenario(
        "One channel, 10,000 viewers, 200 comments a second offered",
        ("chorus", "floor-joined", "nchan", "node"), {"": Parameters(viewers=10_000, rate=200)}),
    "C2": Scenario(
        "One channel, 10,000 viewers, 500 comments a second offered",
        ("chorus", "floor-joined", "nchan"), {"": Parameters(viewers=10_000, rate=500)}),
    "D": Scenario(
        "One channel, 1,000 viewers, 50 comments a second",
        ("chorus", "nchan", "node", "floor"), {"": Parameters(viewers=1_000, rate=50)},
        compared="latencyP99"),
    "E": Scenario(
        "18,000 idle viewers on one process",
        ("chorus", "nchan", "node", "floor"), {"": Parameters(viewers=18_000, duration=10)},
        compared="memoryPerConnection",
        note="Chorus spreads its heartbeats evenly, so that ten seconds show them; peers that send all of them at once "
             "every 25 seconds may show none."),
    "F": Scenario(
        "POST /comment with a browser's headers, 1,000 videos",
        ("chorus", "node"), {
            "closed loop, as fast as they go": Parameters(viewers=0, channels=1_000, writers=64),
            "open loop, 3,000/s": Parameters(viewers=0, channels=1_000, writers=512, rate=3_000),
            "open loop, 10,000/s": Parameters(viewers=0, channels=1_000, writers=512, rate=10_000)},
        compared="requestsPerSecond", kind="writes", note=OPEN_LOOP),
    "G": Scenario(
        "How cost grows", ("chorus",), {**series_of_viewers(), **series_of_channels()},
        compared="cpuPerDelivery"),
    "H": Scenario(
        "Hot and cold: 10,000 viewers at 200 comments a second beside a channel with 10 viewers",
        ("chorus", "nchan"), {"": Parameters(
            viewers=10_000, rate=200, prefix="hot-",
            beside=Parameters(viewers=10, rate=20, prefix="cold-", seed=2))},
        compared="coldP99",
        note="The columns that say cold are of the small channel, all others of the large one."),
    "I": Scenario(
        "READER_FLUSH_INTERVAL_MS: latency for CPU time, at 10,000 viewers and 200 comments a second",
        ("chorus",), {
            f"{interval} ms": Parameters(viewers=10_000, rate=200, duration=5, flush_interval_ms=interval)
            for interval in (0, 10, 50, 200)},
        compared="readerCpuPerDelivery"),
    "J": Scenario(
        "Heartbeats of 15,000 idle viewers",
        ("chorus",), {
            f"one in {seconds} s each": Parameters(viewers=15_000, heartbeat_seconds=seconds, duration=10)
            for seconds in (1, 25)},
        compared="readerCpuPerHeartbeat", kind="heartbeats",
        note="The CPU time of as many viewers with READER_HEARTBEAT_SECONDS=3600, measured just before, is taken off."),
    "W": Scenario(
        "Socket.IO: one channel, 10,000 viewers",
        ("chorus", "chorus-socketio", "node-ws", "python-socketio"), {
            "single comments as fast as they go": Parameters(viewers=10_000, window=1),
            "200 comments/s": Parameters(viewers=10_000, rate=200)},
        note="The peer chorus has event streams; the others have WebSockets with the same packets of Socket.IO."),
    "W2": Scenario(
        "Socket.IO: 10,000 idle viewers",
        ("chorus", "chorus-socketio", "node-ws", "python-socketio"), {"": Parameters(viewers=10_000, duration=10)},
        compared="memoryPerConnection"),
    "R": Scenario(
        "POST /comment with PostgreSQL, fsync on: stored and published, then acknowledged",
        ("chorus-postgres",), {
            "closed loop of 256 connections, as fast as they go": Parameters(viewers=0, channels=100, writers=256),
            "open loop, 5,000/s": Parameters(viewers=0, channels=100, writers=512, rate=5_000),
            "open loop, 10,000/s": Parameters(viewers=0, channels=100, writers=512, rate=10_000),
        },
        compared="requestsPerSecond", kind="writes", note=OPEN_LOOP),
    "soak": Scenario(
        "Ten minutes of churn under load",
        ("chorus",), {"": Parameters(viewers=1_000, rate=50, duration=600)},
        compared="latencyP99", kind="soak"),
}
# What `make bench` measures by default.
USUAL = [name for name in SCENARIOS if name != "soak"]
