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
    # Seconds of publishing, or of watching in silence.
    duration: int = 10
    comment_bytes: int = 30
    seed: int = 1
    # Connections of scenarios F and H. With a rate, each waits a random time (exponential) after every answer.
    writers: int = 0


@dataclasses.dataclass(frozen=True)
class Scenario:
    title: str
    peers: tuple
    # Label of the row -> its parameters. One row, unless the scenario is a series.
    rows: dict
    # Which measured value is compared, and whether more of it is better.
    compared: str = "deliveriesPerSecond"
    more_is_better: bool = True
    kind: str = "swarm"


def series_of_viewers():
    return {
        f"{viewers:,} viewers, 1 channel, 10 comments/s": Parameters(viewers=viewers, rate=10)
        for viewers in (1_000, 2_000, 5_000, 10_000, 18_000)}


def series_of_channels():
    # 20,000 deliveries a second in every row.
    return {
        f"10,000 viewers, {channels:,} channels, {2 * channels:,} comments/s":
            Parameters(viewers=10_000, channels=channels, rate=2 * channels)
        for channels in (1, 10, 100, 1_000)}


SCENARIOS = {
    "A": Scenario(
        "One channel, 10,000 viewers, single comments as fast as they go",
        ("floor", "chorus", "nchan", "node"), {"": Parameters(viewers=10_000, window=1)}),
    "A2": Scenario(
        "The same with two loops and two workers",
        ("chorus-2", "nchan-2"), {"": Parameters(viewers=10_000, window=1)}),
    "B": Scenario(
        "100 channels of 10 viewers, comments as fast as they go",
        ("chorus", "nchan", "node"), {"": Parameters(viewers=1_000, channels=100, window=16)}),
    "C": Scenario(
        "One channel, 10,000 viewers, 200 comments a second offered",
        ("chorus", "floor-joined", "nchan", "node"), {"": Parameters(viewers=10_000, rate=200)}),
    "C2": Scenario(
        "One channel, 10,000 viewers, 500 comments a second offered",
        ("chorus", "floor-joined", "nchan"), {"": Parameters(viewers=10_000, rate=500)}),
    "D": Scenario(
        "One channel, 1,000 viewers, 50 comments a second",
        ("chorus", "nchan", "node", "floor"), {"": Parameters(viewers=1_000, rate=50)},
        compared="latencyP99", more_is_better=False),
    "E": Scenario(
        "18,000 idle viewers on one process",
        ("chorus", "nchan", "node", "floor"), {"": Parameters(viewers=18_000, duration=60)},
        compared="memoryPerConnection", more_is_better=False),
    "F": Scenario(
        "POST /comment, 64 connections",
        ("chorus", "node"), {"": Parameters(viewers=0, channels=100, writers=64)},
        compared="requestsPerSecond", kind="writes"),
    "G": Scenario(
        "How cost grows", ("chorus",), {**series_of_viewers(), **series_of_channels()},
        compared="cpuPerDelivery", more_is_better=False),
    "H": Scenario(
        "POST /comment with PostgreSQL, fsync on: stored and published, then acknowledged",
        ("chorus-record",), {
            "256 connections, as fast as they go": Parameters(viewers=0, channels=100, writers=256),
            "512 connections, 5,000/s offered": Parameters(viewers=0, channels=100, writers=512, rate=5_000),
        },
        compared="requestsPerSecond", kind="writes"),
    "soak": Scenario(
        "Ten minutes of churn under load",
        ("chorus",), {"": Parameters(viewers=1_000, rate=50, duration=600)},
        compared="latencyP99", more_is_better=False, kind="soak"),
}
