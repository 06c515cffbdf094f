import http.server
import json
import os
import pathlib
import shutil
import socket
import tempfile
import threading
import time
import unittest
import unittest.mock

import run
from harness import accounts, builds, idle, peers, tables, wrk
from harness.processes import Failure
from harness.scenarios import Parameters, Scenario

SCENARIO = Scenario("a scenario", ("chorus",), {"": None}, compared="requestsPerSecond")


def runs(build, metric, values):
    return [{"row": "", "peer": "chorus", "run": run, "build": build, metric: value} for run, value in enumerate(values)]


def problems(old, new):
    return builds.problems("X", SCENARIO, old + new)


class TwoBuilds(unittest.TestCase):
    def verdict(self, metric, old, new):
        return builds.Comparison(metric, old, new).verdict

    def test_more_is_better(self):
        self.assertEqual(self.verdict("requestsPerSecond", [100, 101, 102], [96, 97, 98]), "as good")
        self.assertEqual(self.verdict("requestsPerSecond", [100, 101, 102], [94, 95, 95.5]), "WORSE")
        self.assertEqual(self.verdict("requestsPerSecond", [100, 101, 102], [110, 111, 112]), "better")

    def test_less_is_better(self):
        self.assertEqual(self.verdict("latencyP99", [10, 10.1, 10.2], [10.3, 10.5, 10.6]), "as good")
        self.assertEqual(self.verdict("latencyP99", [10, 10.1, 10.2], [10.7, 10.8, 10.9]), "WORSE")
        self.assertEqual(self.verdict("latencyP99", [10, 10.1, 10.2], [5, 6, 7]), "better")

    def test_ranges_that_overlap_are_as_good(self):
        self.assertEqual(self.verdict("requestsPerSecond", [90, 100, 110], [80, 85, 91]), "as good: ranges overlap")

    def test_only_the_metric_of_the_scenario_decides(self):
        old = runs("old", "requestsPerSecond", [100, 100, 100])
        new = runs("new", "requestsPerSecond", [99, 99, 99])
        for run in old:
            run["latencyP99"] = 1
        for run in new:
            run["latencyP99"] = 9
        self.assertEqual(problems(old, new), [])
        self.assertEqual(len(problems(old, runs("new", "requestsPerSecond", [50, 50, 50]))), 1)

    def test_more_faults_and_failed_runs_are_problems(self):
        old, new = runs("old", "requestsPerSecond", [1, 1]), runs("new", "requestsPerSecond", [1, 1])
        new[0]["lost"] = 1
        self.assertIn("lost", problems(old, new)[0])
        old[0]["lost"] = 1
        self.assertEqual(problems(old, new), [])
        failed = {"row": "", "peer": "chorus", "run": 2, "build": "new", "failure": "no Redis"}
        self.assertIn("no Redis", problems(old, [*new, failed])[0])


    def test_a_table_shows_ratio_verdict_and_the_generators_limit(self):
        old, new = runs("old", "requestsPerSecond", [100, 100]), runs("new", "requestsPerSecond", [120, 120])
        new[1]["generatorLimited"] = True
        text = builds.markdown("X", SCENARIO, old + new)
        self.assertIn("| **1.200** | **better** |", text)
        self.assertIn("chorus: the generator was the limit in 1 of 4 runs.", text)


class Answers(http.server.BaseHTTPRequestHandler):
    """Answers every second request with the class's status."""
    protocol_version = "HTTP/1.1"
    status, count, headers_seen, senders = 503, 0, {}, []
    # Nobody is answered until then.
    frozen_until = 0

    def do_POST(self):
        Answers.count += 1
        Answers.headers_seen = dict(self.headers)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        Answers.senders.append((body["userid"], self.headers["Authorization"]))
        time.sleep(max(0, Answers.frozen_until - time.monotonic()))
        self.send_response(self.status if Answers.count % 2 else 201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 64

    def handle_error(self, *_):
        """wrk resets its connections when its time is over."""


@unittest.skipUnless(shutil.which("wrk"), "wrk is not installed")
class Load(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        run.build_programs_in_c()

    def setUp(self):
        self.server = Server(("127.0.0.1", 0), Answers)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def tearDown(self):
        self.server.shutdown()
        self.server.server_close()

    def load(self, status):
        Answers.status = status
        return wrk.run(f"{self.url}/comment", "comments.lua", Parameters(viewers=0, channels=10, writers=2), 1)

    def load_at(self, rate, status=201):
        Answers.status = status
        parameters = Parameters(viewers=0, channels=10, writers=8, rate=rate)
        return wrk.run(f"{self.url}/comment", "comments.lua", parameters, 2)

    def test_an_open_loop_keeps_its_rate(self):
        counted = self.load_at(200)
        self.assertLess(abs(counted["requests"] - 400), 4 * 400 ** 0.5)
        self.assertLess(counted["p99"], 100)

    def test_what_a_frozen_server_delays_counts_from_when_it_was_due(self):
        # All that fall due in half of the time find no connection that is free. A closed loop would ask eight times.
        Answers.frozen_until = time.monotonic() + 1
        counted = self.load_at(200)
        self.assertLess(abs(counted["requests"] - 400), 4 * 400 ** 0.5)
        self.assertGreater(counted["p99"], 800)
        self.assertGreater(counted["waited"], 0.3)

    def test_an_error_fails_the_open_loop_too(self):
        with self.assertRaisesRegex(Failure, "status"):
            self.load_at(100, status=503)

    def test_an_answer_that_is_an_error_fails_the_run(self):
        with self.assertRaisesRegex(Failure, "status"):
            self.load(503)

    def test_the_request_is_a_browsers(self):
        for load in (lambda: self.load(201), lambda: self.load_at(50)):
            self.assertGreater(load()["requests"], 0)
            for name, value in {
                    "Connection": "keep-alive", "Content-Type": "application/json; charset=utf-8", "Accept": "*/*",
                    "Origin": "http://127.0.0.1:8080", "Sec-Fetch-Mode": "cors"}.items():
                self.assertEqual(Answers.headers_seen[name], value)


    def test_each_user_sends_its_own_token(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "tokens")
            with open(path, "w") as file:
                file.write("".join(f"token{number}\n" for number in range(1, 10_001)))
            for rate in (0, 50):
                Answers.status, Answers.senders = 201, []
                parameters = Parameters(viewers=0, channels=10, writers=2, rate=rate)
                wrk.run(f"{self.url}/comment", "comments.lua", parameters, 1, TOKENS=path)
                self.assertGreater(len({user for user, _ in Answers.senders}), 10)
                for user, token in Answers.senders:
                    self.assertEqual(token, "Bearer " + user.replace("user", "token"))


class Accounts(unittest.TestCase):
    def test_a_table_compares_with_the_peer_that_asks_for_no_tokens(self):
        results = [
            {"row": "", "peer": peer, "run": 0, "build": "new", "requestsPerSecond": rate,
             "parameters": {"duration": 1, "warmup": 0, "seed": 1}}
            for peer, rate in (("chorus-open", 200), ("chorus-tokens", 190), ("chorus-limits", 170))]
        text = tables.markdown("U1", accounts.SCENARIOS["U1"], results)
        self.assertIn("| requests/s: ÷ without tokens |", text)
        self.assertIn("| chorus-open | 200 |  |", text)
        self.assertIn("| chorus-tokens | 190 | 0.950 |", text)
        self.assertIn("| chorus-limits | 170 | 0.850 |", text)


class Peers(unittest.TestCase):
    def test_what_is_not_installed_is_said(self):
        with tempfile.TemporaryDirectory() as folder, unittest.mock.patch.object(peers, "PYTHON", pathlib.Path(folder) / "python"):
            with self.assertRaisesRegex(Failure, "make setup-bench"):
                peers.PythonSocketIO(folder, None).start()


class Idle(unittest.TestCase):
    def test_heartbeats_are_counted_and_nothing_else(self):
        listener = socket.create_server(("127.0.0.1", 0))

        def serve():
            for _ in range(3):
                connection, _ = listener.accept()
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n1f\r\ndata: {\"type\":\"connected\"}\n\n\r\n")
                connection.sendall(b"3\r\n:\n\n\r\n3\r\n:\n\n\r\n")
                kept.append(connection)

        kept = []
        threading.Thread(target=serve, daemon=True).start()
        with idle.IdleViewers(f"http://127.0.0.1:{listener.getsockname()[1]}", 3) as viewers:
            viewers.connect()
            viewers.read_for(0.2)
            self.assertEqual(viewers.heartbeats, 6)
            for connection in kept:
                connection.close()
            with self.assertRaises(Failure):
                viewers.read_for(1)
        listener.close()


if __name__ == "__main__":
    unittest.main()
