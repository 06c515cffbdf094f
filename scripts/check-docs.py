#!/usr/bin/env python3
"""Checks what the documentation says about files: relative links lead somewhere, with their anchors; every `Sources/…` that
is named exists; the tables of "A comment's way" have at most 10 and 12 stops; METRICS.md has the metrics that the code makes,
and no others. Standard library only."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "Benchmarks/README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")
FILE = re.compile(r"`((?:Sources|Tests|Benchmarks|scripts)/[\w+./-]+)`")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
WAY = ROOT / "docs/ARCHITECTURE.md"
STOPS_MAX = {"The way in": 10, "The way out": 12}


def anchors(text):
    """As GitHub makes them of headings."""
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in HEADING.findall(text)}


def broken_links(page, text):
    for link in LINK.findall(text):
        path, _, anchor = link.partition("#")
        if ":" in path:
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            yield f"the link {link} leads nowhere"
        elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text()):
            yield f"the link {link} names a heading that is not there"


def missing_files(text):
    for path in FILE.findall(text):
        if not (ROOT / path).exists():
            yield f"{path} does not exist"


def too_long_ways(text):
    for heading, limit in STOPS_MAX.items():
        section = re.search(rf"^#+ +{heading}$(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
        stops = re.findall(r"^\| *\d+ *\|", section.group(1), re.MULTILINE) if section else []
        if not 1 <= len(stops) <= limit:
            yield f"'{heading}' has {len(stops)} stops; 1 to {limit} are allowed"


# A metric as Swift names it; what is written to tell kinds apart is in the table of PrometheusRegistry.
LABEL = re.compile(r"\"(chorus_[a-z_]+)\"")
# Codes, keys and names of other things.
NO_METRICS = {"chorus_return_free_memory", "chorus_clock_step", "chorus_session", "chorus_refresh"}
METRIC = re.compile(r"`((?:chorus|process)_[a-z_]+)`")
ENDINGS = ("", "_total", "_seconds", "_seconds_total")


def metrics_in_code():
    """Labels of handles, without the endings that the exposition adds."""
    for file in sorted((ROOT / "Sources").rglob("*.swift")):
        for label in LABEL.findall(file.read_text()):
            if label not in NO_METRICS and not label.endswith("_"):
                yield label, file


def wrong_metrics(text):
    """Metrics that the page or the code does not know."""
    documented = {name for row in text.splitlines() if row.startswith("|") for name in METRIC.findall(row.split("|")[1])}
    labels = dict(metrics_in_code())
    for label, file in labels.items():
        if not any(label + ending in documented for ending in ENDINGS):
            yield f"{label} of {file.relative_to(ROOT)} is not in a table"
    code = "\n".join(file.read_text() for file in (ROOT / "Sources").rglob("*.swift"))
    for name in sorted(documented):
        stems = {name[:len(name) - len(ending)] for ending in ENDINGS if name.endswith(ending)}
        if not any(f'"{stem}"' in code or f'"{stem.removeprefix("chorus_spread_")}"' in code for stem in stems):
            yield f"no code makes {name}"


def problems():
    for page in PAGES:
        text = page.read_text()
        found = [*broken_links(page, text), *missing_files(text), *(too_long_ways(text) if page == WAY else ())]
        if page.name == "METRICS.md":
            found += wrong_metrics(text)
        yield from (f"{page.relative_to(ROOT)}: {problem}" for problem in found)


found = list(problems())
print("\n".join(found) or f"links and files of {len(PAGES)} pages exist")
sys.exit(1 if found else 0)
