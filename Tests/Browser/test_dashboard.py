"""The dashboard in Chromium: what it shows is what StatsAPI knows, live, by keyboard, and in every size and theme."""
import contextlib
import json
import random
import subprocess
import threading
import time
import urllib.request

import pytest
from axe_playwright_python.sync_playwright import Axe
from processes import get, request, wait_until

SIZES = {"desktop": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
    violations.push(`${violatedDirective} ${blockedURI}`));
"""


class ReportedReader:
    """A Reader that is nothing but its reports."""

    def __init__(self, stats, name, placement="random"):
        self.stats = stats
        self.name = name
        self.placement = placement
        self.sequence = 0
        self.told = {}
        self.viewers = {}
        self.received = 0

    def report(self):
        """`viewers` by channel; a channel is subscribed while it is in there."""
        gone = [channel for channel in self.told if channel not in self.viewers]
        new = [channel for channel in self.viewers if channel not in self.told]
        changed = {channel: count for channel, count in self.viewers.items() if self.told.get(channel) != count}
        body = {
            "instanceId": self.name, "session": "s1", "sequence": self.sequence, "full": self.sequence == 0,
            "subscribed": new, "unsubscribed": gone, "subscriptions": len(self.viewers), "viewers": changed,
            "activeConnections": sum(self.viewers.values()), "totalConnections": 7, "placement": self.placement,
            "totalMessagesReceived": self.received, "totalMessagesSent": 2 * self.received,
            "disconnects": {"slow_consumer": 2}, "refusals": {"draining": 1}, "publicUrl": f"http://{self.name}:4000"}
        answer = request("POST", f"{self.stats.url}/reader-api-statistics", body)
        assert answer.status == 200 and answer.json == {"success": True, "resync": False}, answer
        self.sequence += 1
        self.told = dict(self.viewers)
        return self


class Laboratory:
    """Readers that report, all over."""

    def __init__(self, stats, readers=14, seed=1):
        self.random = random.Random(seed)
        self.readers = [ReportedReader(stats, f"reader-{number}") for number in range(1, readers + 1)]
        self.audience = {}

    def spread(self, channels, most=400):
        """Viewers at random, with a few hot channels."""
        self.audience = {f"video:v{number}": max(1, most // (1 + number)) for number in range(channels)}
        for reader in self.readers:
            reader.viewers = {}
        for channel, viewers in self.audience.items():
            for _ in range(viewers):
                reader = self.random.choice(self.readers)
                reader.viewers[channel] = reader.viewers.get(channel, 0) + 1
        return self.report()

    def place(self):
        """Every channel on one Reader."""
        for reader in self.readers:
            reader.viewers = {}
            reader.placement = "overflow"
        for channel, viewers in self.audience.items():
            self.random.choice(self.readers).viewers[channel] = viewers
        return self.report()

    def report(self):
        for reader in self.readers:
            reader.received += 100
            reader.report()
        return self

    @contextlib.contextmanager
    def alive(self):
        """Reports once a second, as Readers do."""
        ended = threading.Event()

        def run():
            while not ended.wait(1):
                self.report()
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield
        ended.set()
        thread.join()


@pytest.fixture
def stats(stack):
    return stack.start_stats_api().stats_api


@pytest.fixture
def look(browser):
    """look(address, size, theme): a dashboard in a profile of its own."""
    contexts = []

    def open_page(address, size="desktop", theme="dark", viewport=None):
        context = browser.new_context(viewport=viewport or SIZES[size], color_scheme=theme, accept_downloads=True)
        contexts.append(context)
        page = context.new_page()
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("console", lambda message: message.type in ("error", "warning") and page.complaints.append(message.text))
        page.add_init_script(VIOLATIONS)
        page.goto(address)
        return page
    yield open_page
    for context in contexts:
        context.close()


def statistics(stats):
    return get(f"{stats.url}/statistics").json["subscriptionSpread"]


def sentence(spread):
    """The verdict, from the numbers of /statistics."""
    reach = f"A channel reaches {100 * spread['meanShare']:.1f}% of the Readers."
    if spread["amplification"] < 1.005:
        return f"{reach} One copy of each comment, nothing wasted."
    return (f"{reach} One would do: {spread['amplification']:.1f} copies of each comment, "
            f"{round(100 * spread['wastedShare'])}% wasted.")


def verdict(page):
    return page.text_content(".verdict")


def wait_painted(page, channels):
    wait_until(lambda: page.evaluate("dashboard.state?.channels") == channels, f"{channels} channels")
    wait_until(lambda: page.evaluate("async () => (await dashboard.map.inspect(10)).columns.length") == channels, "painted")


def assert_quiet(page):
    assert page.complaints == [] and page.evaluate("violations") == []


def test_nothing_is_loaded_one_after_another(stats, look):
    """Each module is named in the page: a module that names the next costs a round trip."""
    page = look(stats.url)
    wait_until(lambda: page.evaluate("globalThis.dashboard?.state ?? null") is not None, "state")
    scripts = page.evaluate("""performance.getEntriesByType("resource").map(({ name }) => new URL(name).pathname)
        .filter((path) => path.endsWith(".js"))""")
    named = page.evaluate("[...document.querySelectorAll('link[rel=modulepreload], script[src]')]"
                          ".map((link) => new URL(link.href ?? link.src).pathname)")
    # The worker is started by its address and loads what only it needs.
    assert set(scripts) - set(named) <= {"/dashboard/map-worker.js", "/dashboard/core/ramp.js"}
    assert set(named) <= set(scripts)


# --- What it says

def test_the_verdict_is_that_of_the_statistics(stats, look):
    page = look(stats.url)
    wait_until(lambda: verdict(page) == "No Reader reports.", lambda: verdict(page))
    laboratory = Laboratory(stats).spread(600)
    wait_until(lambda: verdict(page) == sentence(statistics(stats)), lambda: verdict(page), 2.5)
    assert "copies of each comment" in verdict(page)
    state = page.evaluate("dashboard.state")
    spread = statistics(stats)
    for member in ["channels", "subscriptions", "meanShare", "predictedShare", "amplification", "wastedShare"]:
        assert state[member] == spread[member], member
    # 95% of all seeds are within two standard deviations, and this one is.
    assert abs(state["meanShare"] - state["predictedShare"]) < 2 * state["predictedDeviation"]
    assert page.text_content(".main-figures dd") == f"{spread['amplification']:.1f}"
    assert sum(point[3] for point in state["curve"]) == 600
    assert page.locator("circle.measured").count() == len(state["curve"]) and laboratory
    assert_quiet(page)


def test_no_column_of_1400_is_wrong(stats, look):
    laboratory = Laboratory(stats, seed=5).spread(9_000, most=3_000)
    page = look(stats.url, viewport={"width": 1600, "height": 900})
    wait_painted(page, 9_000)
    names = {}

    def wrong():
        """Cells that differ from the sets that were reported."""
        got = page.evaluate("dashboard.map.inspect(1400)")
        missing = [column for column in got["columns"] if column not in names]
        for start in range(0, len(missing), 100):
            asked = ",".join(map(str, missing[start:start + 100]))
            for channel in get(f"{stats.url}/statistics/channels?columns={asked}").json["channels"]:
                names[channel["column"]] = channel["name"]
        across, columns = got["across"], got["columns"]
        assert across == 1400 and sorted(names[column] for column in columns) == sorted(
            {channel for reader in laboratory.readers for channel in reader.viewers})
        slots = {reader["slot"]: reader["id"] for reader in page.evaluate("dashboard.state.readers")}
        sets = {reader.name: set(reader.viewers) for reader in laboratory.readers}
        count = 0
        for row, slot in enumerate(got["slots"]):
            for cell in range(across):
                part = columns[cell * len(columns) // across:(cell + 1) * len(columns) // across]
                mean = sum(names[column] in sets[slots[slot]] for column in part) / len(part)
                count += abs(mean - got["means"][row * across + cell]) > 1e-6
        return count
    assert wrong() == 0
    # Changes, not a whole map, and over many intervals.
    version = page.evaluate("dashboard.state.mapVersion")
    laboratory.place()
    subscriptions = sum(len(reader.viewers) for reader in laboratory.readers)
    wait_until(lambda: page.evaluate("dashboard.state.subscriptions === %d && dashboard.state.mapBehind === 0" % subscriptions),
               "the map followed", 30)
    wait_until(lambda: page.evaluate("async () => (await dashboard.map.inspect(1)).version === dashboard.state.mapVersion"), "applied")
    assert page.evaluate("dashboard.state.mapVersion") > version
    assert wrong() == 0
    times = sorted(page.evaluate("dashboard.map.inspect(1)")["times"])
    print(f"redraws: {len(times)}, median {times[len(times) // 2]:.1f} ms, largest {times[-1]:.1f} ms")


# Of the picture's pixels.
CHECKSUM = """() => {
    const canvas = document.querySelector(".map-canvas");
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [canvas.width, canvas.height];
    const context = copy.getContext("2d");
    context.drawImage(canvas, 0, 0);
    const { data } = context.getImageData(0, 0, copy.width, copy.height);
    return new Uint32Array(data.buffer).reduce((sum, pixel) => (Math.imul(sum, 31) + pixel) | 0, 7);
}"""


def test_what_changed_is_painted_as_a_new_picture_would_be(stats, look):
    laboratory = Laboratory(stats, readers=4).spread(3_000, most=20)
    page = look(stats.url)
    wait_painted(page, 3_000)
    before = page.evaluate(CHECKSUM)
    for reader, number in zip(laboratory.readers, range(0, 400, 100)):
        for channel in list(reader.viewers)[number:number + 300]:
            del reader.viewers[channel]
    laboratory.report()
    subscriptions = sum(len(reader.viewers) for reader in laboratory.readers)
    wait_until(lambda: page.evaluate("dashboard.state.subscriptions") == subscriptions, "the state")
    wait_until(lambda: page.evaluate(
        "async () => (await dashboard.map.inspect(1)).version === dashboard.state.mapVersion"), "applied")
    other = look(stats.url)
    wait_painted(other, page.evaluate("dashboard.state.channels"))
    wait_until(lambda: page.evaluate(CHECKSUM) == other.evaluate(CHECKSUM), "both are the same")
    assert page.evaluate(CHECKSUM) != before
    # And after a change of everything.
    page.emulate_media(color_scheme="light")
    light = look(stats.url, theme="light")
    wait_painted(light, page.evaluate("dashboard.state.channels"))
    wait_until(lambda: page.evaluate(CHECKSUM) == light.evaluate(CHECKSUM), "both are light")


def test_a_map_that_came_too_early_is_asked_for_anew(stats, look):
    """It is asked for before the stream begins: what changed in between is told to nobody."""
    laboratory = Laboratory(stats).spread(600)
    early = get(f"{stats.url}/statistics/map").body
    laboratory.place()
    page = look("about:blank")
    asked = []

    def answer(route):
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(body=early, content_type="application/octet-stream")
        else:
            route.continue_()
    page.route("**/statistics/map", answer)
    page.goto(stats.url)
    wait_until(lambda: page.evaluate("dashboard.state?.channels") == 600, "state")
    wait_until(lambda: page.evaluate(
        "async () => (await dashboard.map.inspect(1)).version === dashboard.state.mapVersion"), "the map is the newest")
    means = page.evaluate("dashboard.map.inspect(600)")["means"]
    assert sum(means) == 600, "one Reader for each channel"
    assert_quiet(page)


def test_a_single_subscription_is_seen(stats, look):
    laboratory = Laboratory(stats, readers=2)
    laboratory.readers[0].viewers = {f"video:v{number}": 1 for number in range(5_000)}
    laboratory.readers[1].viewers = {"video:v2500": 1}
    laboratory.report()
    for theme in ["dark", "light"]:
        page = look(stats.url, theme=theme)
        wait_painted(page, 5_000)
        # The colours of the second stave, each with its number of pixels.
        colours = page.evaluate("""() => {
            const canvas = document.querySelector(".map-canvas");
            const copy = document.createElement("canvas");
            [copy.width, copy.height] = [canvas.width, canvas.height / 2];
            const context = copy.getContext("2d");
            context.drawImage(canvas, 0, -canvas.height / 2);
            const { data } = context.getImageData(0, 0, copy.width, copy.height);
            const counts = {};
            for (let at = 0; at < data.length; at += 4) {
                const key = data.slice(at, at + 3).join();
                counts[key] = (counts[key] ?? 0) + 1;
            }
            return counts;
        }""")
        assert len(colours) == 3 and 2 <= min(colours.values()) <= 20, colours


def test_a_change_of_placement_is_marked_and_the_collapse_is_seen(stats, look):
    laboratory = Laboratory(stats).spread(900)
    page = look(stats.url)
    wait_painted(page, 900)
    time.sleep(2.5)
    before = verdict(page)
    laboratory.place()
    start = time.monotonic()
    wait_until(lambda: "nothing wasted" in verdict(page), lambda: verdict(page))
    assert time.monotonic() - start < 2.2, "later than two intervals"
    wait_until(lambda: page.evaluate("async () => (await dashboard.map.inspect(900)).means.reduce((a, b) => a + b)") == 900,
               "one note a channel", 3)
    wait_until(lambda: page.locator("svg .mark").count() == 1, "marked")
    assert page.text_content("svg .mark-text") == "overflow"
    assert page.text_content(".moment:not([hidden]) .title") == before
    page.click("text=Keep B")
    assert page.locator(".moment:not([hidden])").count() == 2
    assert "a=20" in page.url and "b=20" in page.url
    assert_quiet(page)


# --- What one does with it

def test_the_cursor_and_the_zoom_by_keyboard(stats, look):
    laboratory = Laboratory(stats, readers=4).spread(4_000)
    page = look(stats.url)
    wait_painted(page, 4_000)
    page.focus(".map-stage")
    page.keyboard.press("Home")
    readout = lambda: page.text_content(".map-readout")
    wait_until(lambda: readout().startswith("channels 1–") and "of 4,000" in readout(), readout)
    page.keyboard.press("End")
    wait_until(lambda: "–4,000 of 4,000" in readout(), readout)
    page.keyboard.press("Enter")
    wait_until(lambda: "viewers" in readout(), readout)
    name = readout().split(" ")[0]
    assert name in laboratory.audience
    assert f"{laboratory.audience[name]} viewers" in readout()
    on = [reader.name for reader in laboratory.readers if name in reader.viewers]
    assert f"{len(on)} of 4 Readers: {', '.join(on)}" in readout()
    assert page.get_attribute(".map-stage", "aria-valuetext") == readout()
    assert page.text_content(".map-legend").startswith("24 of 4,000 channels are shown. A bar is one channel")
    # A link to it leads there.
    wait_until(lambda: f"channel={name}" in page.url, page.url)
    other = look(page.url)
    wait_until(lambda: (other.text_content(".map-readout") or "").startswith(name), lambda: other.text_content(".map-readout"))
    page.keyboard.press("0")
    wait_until(lambda: not page.text_content(".map-legend").startswith("24 of"), "all again")
    page.fill("#channel", "v17")
    page.keyboard.press("Enter")
    wait_until(lambda: readout().startswith("video:v17 "), readout)
    page.fill("#channel", "none")
    page.keyboard.press("Enter")
    wait_until(lambda: "no subscription" in page.text_content(".said"), "said")


def test_the_table_sorts_and_opens(stats, look):
    laboratory = Laboratory(stats, readers=12).spread(50)
    page = look(stats.url)
    names = lambda: page.eval_on_selector_all(".readers tbody tr:not(.details) th", "all => all.map((one) => one.textContent)")
    wait_until(lambda: len(names()) == 12, "rows")
    assert names() == [f"reader-{number}" for number in range(1, 13)]
    page.click(".readers th button:has-text('viewers')")
    wanted = sorted(laboratory.readers, key=lambda reader: (-sum(reader.viewers.values()), int(reader.name[7:])))
    assert names() == [reader.name for reader in wanted]
    page.click(".readers >> text=reader-7")
    assert "http://reader-7:4000" in page.text_content(".details")
    assert "slow consumer" in page.text_content(".details")
    again = look(page.url)
    wait_until(lambda: again.locator(".details").count() == 1, "opened by the link")
    assert again.get_attribute(".readers th:has-text('viewers')", "aria-sort") == "descending"
    assert "60" not in page.text_content(".hot thead") and page.locator(".hot tbody tr").count() == 12


def test_a_recording_is_played(stats, look, tmp_path):
    laboratory = Laboratory(stats, readers=5).spread(300)
    page = look(stats.url)
    wait_painted(page, 300)
    before = verdict(page)
    page.click("text=Record")
    time.sleep(2.5)
    laboratory.place()
    time.sleep(2.5)
    with page.expect_download() as download:
        page.click("text=Stop")
    file = tmp_path / "feed.ndjson"
    download.value.save_as(file)
    lines = [json.loads(line) for line in file.read_text().splitlines() if line.endswith("}")]
    assert lines[0]["event"] == "map" and "rows" in lines[0]["data"]
    laboratory.spread(20)
    other = look(stats.url)
    other.set_input_files("input[type=file]", file)
    wait_until(lambda: verdict(other) == before, lambda: verdict(other))
    wait_until(lambda: other.evaluate("async () => (await dashboard.map.inspect(9)).columns.length") == 300, "its map")
    other.evaluate("""() => {
        const range = document.querySelector(".player input[type=range]");
        range.value = range.max;
        range.dispatchEvent(new Event("input"));
    }""")
    wait_until(lambda: "nothing wasted" in verdict(other), lambda: verdict(other))
    assert other.evaluate("async () => (await dashboard.map.inspect(300)).means.reduce((a, b) => a + b)") == 300
    other.click("text=Back to live")
    wait_until(lambda: other.evaluate("dashboard.state?.channels") == 20, "live again")
    assert_quiet(other)


def test_nothing_while_hidden_and_again_after_a_restart(stack, stats, look):
    Laboratory(stats, readers=3).spread(30)
    page = look(stats.url)
    wait_painted(page, 30)

    def followers():
        line = next(line for line in get(f"{stats.url}/metrics").body.decode().splitlines()
                    if line.startswith("chorus_dashboard_followers "))
        return int(line.split()[1])
    assert followers() == 1
    page.evaluate("""() => {
        Object.defineProperty(document, "visibilityState", { configurable: true, get: () => window.seen });
        window.seen = "hidden";
        document.dispatchEvent(new Event("visibilitychange"));
    }""")
    wait_until(lambda: followers() == 0, "closed", 5)
    page.evaluate("() => { window.seen = 'visible'; document.dispatchEvent(new Event('visibilitychange')); }")
    wait_until(lambda: followers() == 1, "opened")
    start = time.monotonic()
    stats.stop()
    assert time.monotonic() - start < 5, "a follower held the stop"
    wait_until(lambda: page.get_attribute(".status", "data-status") == "reconnecting", "seen")
    stats.start()
    Laboratory(stats, readers=2).spread(40)
    wait_painted(page, 40)
    assert page.complaints == [] or all("Failed to load resource" in one for one in page.complaints)


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_axe_finds_nothing(stats, look, theme, size):
    page = look(stats.url, size, theme)

    def check(what):
        results = Axe().run(page)
        assert results.violations_count == 0, f"{what}: {results.generate_report()}"
    wait_until(lambda: verdict(page) == "No Reader reports.", "empty")
    check("empty")
    laboratory = Laboratory(stats, readers=14).spread(500)
    wait_painted(page, 500)
    laboratory.place()
    wait_until(lambda: page.locator(".moment:not([hidden])").count() == 1, "a moment")
    page.click("text=reader-3 >> nth=-1")
    check("live")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it scrolls sideways"
    assert_quiet(page)


def test_behind_the_gateway(stack, stats, look):
    stack.start_readers(1).start_gateway()
    page = look(f"{stack.gateway.url}/dashboard/")
    Laboratory(stats, readers=3).spread(40)
    wait_painted(page, 40)
    wait_until(lambda: page.get_attribute(".status", "data-status") == "live", "live")
    assert get(f"{stack.gateway.url}/viewers?videoid=v").json == {"videoid": "v", "viewers": 0}
    assert request("POST", f"{stack.gateway.url}/statistics/map", {}).status == 405
    assert request("POST", f"{stack.gateway.url}/reader-api-statistics", {}).status == 404
    assert_quiet(page)


# --- What it costs

def test_the_feed_is_small(stats):
    """Of 14 Readers with 9,000 channels, of which hundreds change every second."""
    laboratory = Laboratory(stats).spread(9_000)
    got = []
    ended = threading.Event()

    def read():
        with urllib.request.urlopen(f"{stats.url}/statistics/feed", timeout=10) as response:
            while not ended.is_set():
                got.append(len(response.read1(65_536)))
    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    wait_until(lambda: got, "a state")
    start, before = time.monotonic(), sum(got)
    names = list(laboratory.audience)
    while time.monotonic() - start < 8:
        for reader in laboratory.readers:
            for channel in laboratory.random.sample(names, 100):
                if reader.viewers.pop(channel, None) is None:
                    reader.viewers[channel] = 1
        laboratory.report()
        time.sleep(max(0, 1 - (time.monotonic() - start) % 1))
    rate = (sum(got) - before) / (time.monotonic() - start)
    ended.set()
    print(f"{rate / 1000:.1f} KB/s")
    assert 1_000 < rate < 20_000
    assert len(get(f"{stats.url}/statistics/map").body) < 180_000 // 10 + 1_000


def test_real_readers_fill_it_and_placement_empties_it(stack, stats, look, binaries):
    """A swarm on Readers with random placement, then the same on Readers that place."""
    stack.start_comment_api()
    page = look(stats.url)

    def swarm(placement):
        readers = [stack.readers[name] for name in sorted(stack.readers) if stack.readers[name].is_running]
        return subprocess.Popen([
            binaries / "SimClient", "swarm", "--readers", ",".join(reader.url for reader in readers),
            "--comment-api", stack.comment_api.url, "--streams", "60", "--viewers", "900", "--audience", "zipf:1",
            "--rate", "20", "--duration", "8", "--placement", placement], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    for number in range(1, 5):
        stack.start_reader(f"random-{number}", PLACEMENT="random")
    first = swarm("random")
    wait_until(lambda: page.evaluate("dashboard.state?.connections") == 900, "900 viewers", 30)
    time.sleep(2)
    state = page.evaluate("dashboard.state")
    assert state["amplification"] > 2
    assert abs(state["meanShare"] - state["predictedShare"]) < 4 * state["predictedDeviation"]
    wait_until(lambda: page.evaluate("dashboard.series().points.at(-1).deliveries > 0"), "deliveries")
    wait_until(lambda: verdict(page) == sentence(statistics(stats)), lambda: verdict(page), 3)
    assert first.wait(60) == 0
    for reader in list(stack.readers.values()):
        reader.stop()
    for number in range(1, 5):
        stack.start_reader(f"placed-{number}")
    stack.wait_known(4)
    second = swarm("follow")
    wait_until(lambda: page.evaluate("dashboard.state.connections") == 900, "900 viewers", 30)
    wait_until(lambda: page.evaluate("dashboard.state.readersTotal === 4 && dashboard.state.amplification < 1.3"),
               lambda: verdict(page), 25)
    assert page.locator("svg .mark").count() == 1
    assert second.wait(60) == 0
    assert_quiet(page)
