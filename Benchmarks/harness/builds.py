"""One build of Chorus beside another: medians of interleaved runs, their ratio, and whether the newer one is as good."""
import statistics

from . import tables

# New over old of the medians that is still as good, where more is better; its inverse where less is.
RATIO_MIN = 0.95
MORE_IS_BETTER = ("deliveriesPerSecond", "requestsPerSecond", "likesPerSecond", "rowsPerSecond")
LESS_IS_BETTER = (
    "latencyP50", "latencyP99", "coldP99", "readerCpuPerDelivery", "cpuPerDelivery", "apiCpuPerRequest", "cpuPerRequest",
    "readerCpuPerHeartbeat", "readerBusy", "databaseSeconds", "lagSeconds", "redisBytesPerLike")
# Faults: any at all is worse.
FAULTS = (
    "lost", "repeated", "reordered", "toldMissing", "reconnects", "connectFailures", "notPublished", "coldLost", "left",
    "inexact")


class Comparison:
    """One measured value of one row: all runs of both builds."""

    def __init__(self, metric, old, new):
        self.metric, self.old, self.new = metric, old, new

    @property
    def ratio(self):
        old, new = statistics.median(self.old), statistics.median(self.new)
        return new / old if old > 0 and new > 0 else None

    @property
    def overlap(self):
        return min(self.old) <= max(self.new) and min(self.new) <= max(self.old)

    @property
    def verdict(self):
        if self.ratio is None:
            return "as good: ranges overlap" if self.overlap else "no ratio"
        gain = self.ratio if self.metric in MORE_IS_BETTER else 1 / self.ratio
        if gain >= RATIO_MIN:
            return "better" if gain > 1 and not self.overlap else "as good"
        return "as good: ranges overlap" if self.overlap else "WORSE"

    def cells(self):
        heading, digits = tables.COLUMNS[self.metric]
        values = [
            f"{tables.number(statistics.median(runs), digits)} ({tables.number(min(runs), digits)}–"
            f"{tables.number(max(runs), digits)})" for runs in (self.old, self.new)]
        return [heading, *values, "-" if self.ratio is None else f"{self.ratio:.3f}", self.verdict]


def comparisons(scenario, runs):
    """Metric -> comparison, of the runs of one row and peer."""
    found = {}
    # Others (memory, the time to connect) mean something only in the scenario that is about them.
    for metric in dict.fromkeys([*MORE_IS_BETTER, *LESS_IS_BETTER, scenario.compared]):
        old, new = ([run[metric] for run in runs if run["build"] == build and run.get(metric) is not None]
                    for build in ("old", "new"))
        if old and new:
            found[metric] = Comparison(metric, old, new)
    return found


def judged(scenario, results):
    """Label, comparisons, and faults of both builds, for each row and peer."""
    for (row, peer), runs in tables.grouped([result for result in results if "failure" not in result]).items():
        faults = {
            build: {name: total for name in FAULTS
                    if (total := sum(run.get(name) or 0 for run in runs if run["build"] == build))}
            for build in ("old", "new")}
        yield f"{peer}, {row}" if row else peer, comparisons(scenario, runs), faults


def limited(results):
    """Rows that say little: label, number of runs in which the generator was the limit, and of all runs."""
    for (row, peer), runs in tables.grouped(results).items():
        count = sum(bool(run.get("generatorLimited")) for run in runs)
        if count:
            yield f"{peer}, {row}: " if row else f"{peer}: ", count, len(runs)


def beside(scenario, results):
    """Other peers of the same turns: how many times their value the two builds have."""
    groups = tables.grouped([result for result in results if "failure" not in result])
    heading, digits = tables.COLUMNS[scenario.compared]

    def median(runs, build):
        values = [run[scenario.compared] for run in runs if run["build"] == build and run.get(scenario.compared)]
        return statistics.median(values) if values else None

    for (row, peer), runs in groups.items():
        theirs = median(runs, "new")
        if peer.startswith("chorus") or not theirs:
            continue
        ours = groups.get((row, tables.ours(peer)), [])
        parts = [f"{build} build ÷ it: {value / theirs:.2f}" for build in ("old", "new") if (value := median(ours, build))]
        label = f"{peer}, {row}" if row else peer
        yield f"{label}: {tables.number(theirs, digits)} {heading}; {', '.join(parts)}."


def problems(name, scenario, results):
    """What keeps the new build from being as good: the scenario's own metric, more faults than before, failed runs. The
    other metrics are shown only: of so many, some differ by chance."""
    found = [f"{name} {text}" for text in tables.failures(results)]
    for label, metrics, faults in judged(scenario, results):
        main = metrics.get(scenario.compared)
        if main is not None and main.verdict == "WORSE":
            found.append(f"{name} {label}: {main.cells()[0]} is {main.ratio:.3f} of the old build's")
        more = {fault: count for fault, count in faults["new"].items() if count > faults["old"].get(fault, 0)}
        if more:
            found.append(f"{name} {label}: {more}, the old build {faults['old'] or 'none'}")
    return found


def markdown(name, scenario, results):
    lines = [f"### {name}: {scenario.title}\n"]
    rows = []
    for label, metrics, faults in judged(scenario, results):
        for metric, comparison in metrics.items():
            cells = [label, *comparison.cells()]
            rows.append([f"**{cell}**" if metric == scenario.compared else cell for cell in cells])
        if faults["old"] or faults["new"]:
            rows.append([label, "faults", str(faults["old"] or "none"), str(faults["new"] or "none"), "", ""])
    if rows:
        headings = ["peer", "metric", "old", "new", "new ÷ old", "new build"]
        rows = [headings, ["---", "---", "---:", "---:", "---:", "---"], *rows]
        lines += ["| " + " | ".join(row) + " |" for row in rows]
    runs = max((result["run"] + 1 for result in results), default=0)
    lines += ["", f"Medians (least–most) of {runs} interleaved pairs of runs. Bold: what the scenario is about."]
    lines += [f"{label}the generator was the limit in {count} of {all} runs." for label, count, all in limited(results)]
    return "\n".join([*lines, *beside(scenario, results), *tables.failures(results)]) + "\n"
