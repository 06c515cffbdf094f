"""Medians, spread between runs, ratios, and the tables that show them."""
import statistics

from . import accounts, likes, social


def number(value, digits=0):
    if value is None:
        return "-"
    return f"{value:,.{digits}f}"


# Measured value -> heading, digits. A column that no row of a scenario has, or that is 0 in all of them where 0 means that
# nothing happened, is left out.
COLUMNS = {
    "deliveriesPerSecond": ("deliveries/s", 0),
    "requestsPerSecond": ("requests/s", 0),
    **likes.COLUMNS,
    **accounts.COLUMNS,
    **social.COLUMNS,
    "latencyP50": ("p50 ms", 2),
    "latencyP99": ("p99 ms", 2),
    "latencyMax": ("max ms", 1),
    "waitedShare": ("sent over 1 ms late", 4),
    "coldP50": ("cold p50 ms", 2),
    "coldP99": ("cold p99 ms", 2),
    "coldMax": ("cold max ms", 1),
    "coldLost": ("cold lost", 0),
    "lost": ("lost / repeated / reordered", 0),
    "behind": ("not there 5 s after the end", 0),
    "toldMissing": ("reported as a gap", 0),
    "reconnects": ("reconnects", 0),
    "connectFailures": ("not connected", 0),
    "stored": ("stored", 0),
    "left": ("left to the outbox", 0),
    "rowsPerCommit": ("rows/commit", 1),
    "readerCpuPerDelivery": ("µs CPU/delivery, Reader", 3),
    "cpuPerDelivery": ("µs CPU/delivery, all servers", 3),
    "apiCpuPerRequest": ("µs CPU/request, API", 1),
    "cpuPerRequest": ("µs CPU/request, all servers", 1),
    "apiBusy": ("API's cores", 2),
    "heartbeatsPerSecond": ("heartbeats/s", 0),
    "readerCpuPerHeartbeat": ("µs CPU/heartbeat, Reader", 2),
    "idleReaderBusy": ("Reader's cores without heartbeats", 3),
    "readerBusy": ("Reader's cores", 3),
    "bytesPerDelivery": ("bytes/delivery", 0),
    "memoryPerConnection": ("bytes/connection, process", 0),
    "kernelPerConnection": ("bytes/connection, kernel, both ends", 0),
    "connectSeconds": ("connect s", 2),
    "dropped": ("dropped by the generator", 0),
    "notPublished": ("comments refused", 0),
    "generatorBusy": ("generator's core", 2),
}
# Counted over all runs, not in the middle of them: one lost comment is one too many.
TOTALS = {
    "lost", "repeated", "reordered", "dropped", "behind", "toldMissing", "reconnects", "connectFailures",
    "notPublished", "coldLost", "stored", "left", "inexact"}
# Whom a peer of another make is compared with, where it is not `chorus`.
OURS = {**likes.OURS, "python-socketio": "chorus-socketio", "node-ws": "chorus-socketio"}
# Whom one of Chorus's own is compared with, and what that one is.
PLAIN = {**{peer: (plain, "without tokens") for peer, plain in accounts.PLAIN.items()},
         **{peer: (plain, "on videos") for peer, plain in social.PLAIN.items()},
         "chorus-socketio": ("chorus", "event stream")}
# Left out where all are 0.
RARE = {"behind", "toldMissing", "reconnects", "connectFailures", "dropped", "notPublished"}
# Shown with the least and the most of the runs.
SPREAD = {
    "deliveriesPerSecond", "requestsPerSecond", "likesPerSecond", "rowsPerSecond", "latencyP99", "coldP99",
    "readerCpuPerHeartbeat", "memoryPerConnection", "connectSeconds", "latencyRatio", "hashingRatio"}


def middle(values, name):
    values = [value for value in values if value is not None]
    if not values:
        return None
    if name in TOTALS:
        return sum(values)
    return statistics.median(values)


def grouped(results):
    """(row, peer) -> its runs, in the order in which they came first."""
    groups = {}
    for result in results:
        groups.setdefault((result["row"], result["peer"]), []).append(result)
    return groups


def cell(runs, column):
    if column == "lost":
        return " / ".join(total(runs, name) for name in ("lost", "repeated", "reordered"))
    if column == "generatorBusy" and any(run.get("generatorLimited") for run in runs):
        limited = sum(bool(run.get("generatorLimited")) for run in runs)
        return f"{median(runs, column)}, **the limit** in {limited} of {len(runs)}"
    return spread(runs, column)


def total(runs, column):
    return number(middle([run.get(column) for run in runs], column))


def median(runs, column):
    return number(middle([run.get(column) for run in runs], column), COLUMNS[column][1])


def spread(runs, column):
    digits = COLUMNS[column][1]
    text = median(runs, column)
    values = [run[column] for run in runs if run.get(column) is not None]
    if column in SPREAD and len(values) > 1:
        text += f" ({number(min(values), digits)}–{number(max(values), digits)})"
    return f"> {text}" if any(run.get(f"{column}AtLeast") for run in runs) else text


def is_shown(column, groups):
    values = [run.get(column) for runs in groups.values() for run in runs]
    return any(values) if column in RARE else any(value is not None for value in values)


def markdown(name, scenario, results):
    title = f"### {name}: {scenario.title}\n"
    groups = grouped([result for result in results if "failure" not in result])
    if not groups:
        return "\n".join([title, "no results", *failures(results)]) + "\n"
    columns = [column for column in COLUMNS if is_shown(column, groups)]
    compared = COLUMNS[scenario.compared][0]
    headings = ["peer", *(COLUMNS[column][0] for column in columns)]
    if any(not peer.startswith("chorus") for _, peer in groups):
        headings.append(f"{compared}: Chorus ÷ it")
    beside = sorted({PLAIN[peer][1] for _, peer in groups if peer in PLAIN})
    if beside:
        headings.append(f"{compared}: ÷ {', '.join(beside)}")
    rows = [headings, ["---", *["---:"] * (len(headings) - 1)]]
    # A series is read row by row, peers beside each other; runs came in turns.
    order = list(dict.fromkeys(row for row, _ in groups))
    for row, peer in sorted(groups, key=lambda key: (order.index(key[0]), scenario.peers.index(key[1]))):
        cells = [f"{peer}, {row}" if row else peer, *(cell(groups[row, peer], column) for column in columns)]
        if any(not other.startswith("chorus") for _, other in groups):
            cells.append("" if peer.startswith("chorus") else ratio(groups, row, ours(peer), peer, scenario.compared))
        if beside:
            cells.append(ratio(groups, row, peer, PLAIN[peer][0], scenario.compared, 3) if peer in PLAIN else "")
        rows.append(cells)
    lines = [title, *("| " + " | ".join(row) + " |" for row in rows), "", runs_line(groups, results)]
    if scenario.note:
        lines.append(scenario.note)
    return "\n".join([*lines, *failures(results), *series(results)]) + "\n"


def runs_line(groups, results):
    runs = max(len(group) for group in groups.values())
    parameters = results[0]["parameters"]
    seconds = f"{parameters['duration']} s after {parameters['warmup']} s of warm-up, seed {parameters['seed']}."
    if runs == 1:
        return f"One run; {seconds}"
    return f"Medians of {runs} runs (least–most); counts of what went wrong are sums over them; {seconds}"


def failures(results):
    return [
        f"{result['peer']}{' (old build)' if result['build'] == 'old' else ''} {result['row']} failed: {result['failure']}"
        for result in results if "failure" in result]


def ours(peer):
    """The Chorus peer that another one is compared with."""
    return OURS.get(peer) or ("chorus-2" if peer.endswith("-2") else "chorus")


def ratio(groups, row, mine, theirs, compared, digits=2):
    """Empty when one of the two was not measured."""
    if (row, mine) not in groups or (row, theirs) not in groups:
        return ""
    over, under = (middle([run.get(compared) for run in groups[row, peer]], compared) for peer in (mine, theirs))
    return number(over / under, digits) if over is not None and under else "-"


def series(results):
    """Memory and descriptors over time, of scenarios that have them."""
    lines = []
    for result in results:
        if not result.get("series"):
            continue
        lines += [
            "", f"{result['peer']}: {result['crowds']} crowds came and went ({result['crowdsFailed']} found a fault); "
            f"{result['descriptorsLeft']} descriptors more than before the first came.", "",
            "| second | resident MiB | descriptors | CPU s |", "| ---: | ---: | ---: | ---: |"]
        # Twenty rows are enough to see a slope; all samples are in the JSON file.
        step = max(1, len(result["series"]) // 20)
        lines += [
            f"| {sample['second']} | {sample['residentBytes'] / 2**20:.1f} | {sample['descriptors']} | "
            f"{sample['cpuSeconds']:.1f} |" for sample in result["series"][::step]]
    return lines


def heading(about):
    """Where and how the tables were made."""
    versions = ", ".join(f"{text}" for text in about["versions"].values() if text)
    return (
        f"{about['processor']}, {about['cores']} cores, Linux {about['kernel']}; commit {about['commit']}, "
        f"{about['build']} build; {about['time']}. {versions}.\n")
