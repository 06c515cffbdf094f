"""Medians, spread between runs, ratios, and the tables that show them."""
import statistics


def number(value, digits=0):
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,.{digits}f}"


# Measured value -> heading, digits. A column that no row of a scenario has is left out.
COLUMNS = {
    "deliveriesPerSecond": ("deliveries/s", 0),
    "requestsPerSecond": ("requests/s", 0),
    "latencyP50": ("p50 ms", 2),
    "latencyP99": ("p99 ms", 2),
    "latencyMax": ("max ms", 1),
    "lost": ("lost", 0),
    "repeated": ("repeated", 0),
    "reordered": ("reordered", 0),
    "errors": ("errors", 0),
    "stored": ("stored", 0),
    "left": ("left to the outbox", 0),
    "rowsPerCommit": ("rows/commit", 1),
    "readerCpuPerDelivery": ("µs CPU/delivery, Reader", 3),
    "cpuPerDelivery": ("µs CPU/delivery, all servers", 3),
    "cpuPerRequest": ("µs CPU/request, all servers", 1),
    "readerBusy": ("Reader's cores", 2),
    "memoryPerConnection": ("bytes/connection, process", 0),
    "kernelPerConnection": ("bytes/connection, kernel, both ends", 0),
    "connectSeconds": ("connect s", 2),
    "dropped": ("dropped by the generator", 0),
    "generatorBusy": ("generator's core", 2),
    "generatorLimited": ("generator was the limit", 0),
}
# Counted over all runs, not in the middle of them: one lost comment is one too many.
TOTALS = {"lost", "left", "stored", "repeated", "reordered", "errors", "dropped"}


def middle(values, name):
    values = [value for value in values if value is not None]
    if not values:
        return None
    if name in TOTALS:
        return sum(values)
    if name == "generatorLimited":
        return any(values)
    return statistics.median(values)


def summary(results):
    """(row, peer) -> column -> value, and the spread of the compared one."""
    groups = {}
    for result in results:
        groups.setdefault((result["row"], result["peer"]), []).append(result)
    return groups


def spread(values, digits):
    values = [value for value in values if value is not None]
    return f"{number(min(values), digits)} … {number(max(values), digits)}" if len(values) > 1 else "-"


def markdown(name, scenario, results):
    groups = summary([result for result in results if "failure" not in result])
    if not groups:
        return f"### {name}: {scenario.title}\n\nno results\n"
    columns = [
        column for column in COLUMNS
        if any(result.get(column) is not None for group in groups.values() for result in group)]
    compared = scenario.compared
    digits = COLUMNS[compared][1]
    headings = ["peer", *(COLUMNS[column][0] for column in columns), f"{COLUMNS[compared][0]}, min … max", "Chorus / it"]
    rows = [headings, ["---", *["---:"] * (len(headings) - 1)]]
    for (row, peer), group in groups.items():
        cells = [f"{peer}, {row}" if row else peer]
        cells += [number(middle([run.get(column) for run in group], column), COLUMNS[column][1]) for column in columns]
        cells += [spread([run.get(compared) for run in group], digits), ratio(groups, row, peer, compared)]
        rows.append(cells)
    runs = max(len(group) for group in groups.values())
    lines = [f"### {name}: {scenario.title}", "", *("| " + " | ".join(row) + " |" for row in rows), ""]
    lines.append(f"Medians of {runs} runs; lost, repeated, reordered and errors are sums over them.")
    lines += [f"{result['peer']} failed: {result['failure']}" for result in results if "failure" in result]
    return "\n".join(lines) + "\n"


def ratio(groups, row, peer, compared):
    ours = "chorus-2" if peer.endswith("-2") else "chorus"
    if peer.startswith("chorus") or (row, ours) not in groups:
        return "-"
    mine, theirs = (
        middle([run.get(compared) for run in groups[row, name]], compared) for name in (ours, peer))
    return f"{mine / theirs:.2f}" if mine and theirs else "-"
