"""What an operator sees: the metrics' names, Prometheus's alert rules, and every query of Grafana's dashboards against a
real Prometheus that scrapes services under load."""
import json
import re
import shutil
import subprocess
import threading
import time
import urllib.parse
import uuid

import pytest
from processes import ROOT, Failure, Process, free_port, get, request, wait_until
from stack import Stack

PROMETHEUS = ROOT / "deploy/prometheus"
DASHBOARDS = sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))
METRICS = (ROOT / "docs/METRICS.md").read_text()


def promtool(*arguments):
    program = shutil.which("promtool")
    assert program, "there is no promtool: run scripts/setup-web.sh"
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=60)


class Prometheus(Process):
    def __init__(self, folder, jobs):
        self.port = free_port()
        rules = (PROMETHEUS / "alerts.yml").read_text()
        (folder / "alerts.yml").write_text(rules)
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": ["alerts.yml"],
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": targets}]} for job, targets in jobs.items()]}
        (folder / "prometheus.json").write_text(json.dumps(config))
        super().__init__("prometheus", [
            "prometheus", f"--config.file={folder}/prometheus.json", f"--storage.tsdb.path={folder}/tsdb",
            f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"], folder)

    def start(self):
        super().start()
        return self.wait_ready(lambda: get(f"http://127.0.0.1:{self.port}/-/ready").status == 200)

    def query(self, expression):
        """The values of an instant query, or the error."""
        answer = get(f"http://127.0.0.1:{self.port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})).json
        if answer["status"] != "success":
            raise Failure(f"{expression}: {answer['error']}")
        return [float(series["value"][1]) for series in answer["data"]["result"]]


@pytest.fixture(scope="module")
def loaded(binaries, tmp_path_factory):
    """All services with a database, under load, and a Prometheus that scrapes them."""
    folder = tmp_path_factory.mktemp("loaded")
    stack = Stack(binaries, folder, database=True)
    stack.start_stats_api().start_comment_api().start_like_api().start_readers(2)
    ended = threading.Event()
    swarm = subprocess.Popen([
        binaries / "SimClient", "swarm", "--readers", ",".join(reader.url for reader in stack.readers.values()),
        "--comment-api", stack.comment_api.url, "--stats-api", stack.stats_api.url, "--streams", "20", "--viewers", "200",
        "--rate", "20", "--duration", "60", "--placement", "random"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def people():
        """What a swarm does not do: likes, mistakes, and coming back to what was missed."""
        number = 0
        while not ended.wait(0.1):
            number += 1
            request("POST", f"{stack.like_api.url}/v1/likes", {"user_id": f"u{number}", "post_id": f"p{number % 5}"})
            request("POST", f"{stack.comment_api.url}/comment", {"userid": "a b", "videoid": "v"})
    thread = threading.Thread(target=people, daemon=True)
    thread.start()
    prometheus = stack.started(Prometheus(folder, {
        "comment-api": [stack.comment_api.address], "like-api": [stack.like_api.address],
        "reader": stack.reader_addresses(), "stats-api": [stack.stats_api.address]}))
    time.sleep(15)
    yield stack, prometheus
    ended.set()
    thread.join()
    swarm.terminate()
    swarm.wait(10)
    stack.close()


# --- Prometheus

def test_the_configuration_and_the_rules_are_valid():
    for command in [("config", "prometheus.yml"), ("rules", "alerts.yml")]:
        result = promtool("check", command[0], PROMETHEUS / command[1])
        assert result.returncode == 0, result.stderr + result.stdout


def test_every_alert_fires_once_and_is_silent_once():
    result = promtool("test", "rules", PROMETHEUS / "alerts.test.yml")
    assert result.returncode == 0, result.stdout + result.stderr
    alerts = re.findall(r"- alert: (\w+)", (PROMETHEUS / "alerts.yml").read_text())
    tests = (PROMETHEUS / "alerts.test.yml").read_text()
    for alert in alerts:
        assert f"name: {alert} fires" in tests and f"name: {alert} is silent" in tests, alert
    assert tests.count("exp_alerts: []") == len(alerts)


def test_no_alert_fires_on_healthy_services(loaded):
    _, prometheus = loaded
    assert prometheus.query('count(ALERTS{alertstate="firing"}) or vector(0)') == [0]
    assert prometheus.query("min(up)") == [1]


# --- Names

def documented():
    """The names in the tables of METRICS.md."""
    rows = [line.split("|")[1] for line in METRICS.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`((?:chorus|process)_\w+)`", row)}


def test_every_metric_is_documented_and_has_the_prefix(loaded):
    stack, _ = loaded
    services = [stack.comment_api, stack.like_api, stack.stats_api, *stack.readers.values()]
    seen = {}
    for service in services:
        text = get(f"{service.url}/metrics").body.decode()
        for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE):
            seen[name] = kind
        assert not re.search(r'\{[^}]*(video|photo|channel|user)\w*="', text), "a label by channel or user"
    assert set(seen) - documented() == set()
    for name, kind in seen.items():
        assert name.startswith(("chorus_", "process_")), name
        assert (kind == "counter") == name.endswith("_total"), f"{name} is a {kind}"


# --- Grafana

def panels():
    for file in DASHBOARDS:
        dashboard = json.loads(file.read_text())
        for panel in dashboard["panels"]:
            if panel["type"] != "row":
                yield pytest.param(panel, id=f"{file.stem}: {panel['title']}")


def test_the_dashboards_are_provisioned():
    uids = [json.loads(file.read_text())["uid"] for file in DASHBOARDS]
    assert len(DASHBOARDS) == 3 and len(set(uids)) == 3
    source = (ROOT / "deploy/grafana/provisioning/datasources/prometheus.yml").read_text()
    for file in DASHBOARDS:
        for panel in json.loads(file.read_text())["panels"]:
            if panel["type"] != "row":
                assert f"uid: {panel['datasource']['uid']}" in source and panel["targets"], panel["title"]


@pytest.mark.parametrize("panel", list(panels()))
def test_every_panel_has_data(loaded, panel):
    _, prometheus = loaded
    for target in panel["targets"]:
        names = set(re.findall(r"\b((?:chorus|process)_\w+)", target["expr"]))
        names = {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}
        assert names and names <= documented(), f"{target['expr']}: {names - documented()}"

    def values():
        return [value for target in panel["targets"] for value in prometheus.query(target["expr"])]
    wait_until(lambda: [value for value in values() if value == value], f"data in '{panel['title']}'", 20)


# --- Request ids

def test_a_request_id_goes_in_and_out_and_into_the_log(stack):
    stack.comment_api = stack._service("CommentAPI", "comment-api", LOG_LEVEL="debug")
    given = f"test-{uuid.uuid4().hex[:12]}"
    answer = get(f"{stack.comment_api.url}/history?videoid=v", {"X-Request-ID": given})
    assert answer.headers["X-Request-ID"] == given
    made = get(f"{stack.comment_api.url}/history?videoid=v", {"X-Request-ID": "bad id\t"}).headers["X-Request-ID"]
    assert re.fullmatch(r"[A-Za-z0-9._-]{8,64}", made)
    # A request that fails says its id in the log.
    stack.redis.kill()
    failed = f"test-{uuid.uuid4().hex[:12]}"
    wait_until(lambda: request("POST", f"{stack.comment_api.url}/comment", {"userid": "u", "videoid": "v", "comment": "c"},
                               {"X-Request-ID": failed}).status == 503, "refused")
    wait_until(lambda: failed in stack.comment_api.log.read_text(), "in the log", 5)
