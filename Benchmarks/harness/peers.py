"""Who is measured. A peer starts fresh servers on free ports and says where they are."""
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import urllib.request

from .processes import Failure, Process, free_port, wait_until

HERE = pathlib.Path(__file__).resolve().parent.parent
ROOT = HERE.parent
BINARIES = pathlib.Path(os.environ.get("CHORUS_BINARIES", ROOT / ".build/release"))
FLOOR_BINARY = ROOT / ".build/floor"
RATE_BINARY = ROOT / ".build/rate"
NODE_MODULES = "/usr/share/nodejs"
PYTHON = ROOT / ".venv-bench/bin/python"
# A peer may use as many as the system grants.
DESCRIPTORS = resource.getrlimit(resource.RLIMIT_NOFILE)[1]


class Peer:
    """Servers that run. `reader` is the process that holds the viewers and whose memory is measured, `api` the one that
    answers requests, `processes` are all of them. `binaries` is the folder of the Chorus build that is measured."""

    # How the swarm must talk to it: `chorus` has positions as event ids, `plain` any event stream.
    protocol = "chorus"
    # How viewers connect: `stream` or `socketio`.
    transport = "stream"
    # The peer publishes by itself; the swarm only listens.
    publishes = False
    # Added to the comment's text where a peer's events lack members that ours have, so that all frames are as long.
    comment_bytes_more = 0

    def __init__(self, folder, parameters, binaries=BINARIES):
        self.folder = pathlib.Path(folder)
        self.parameters = parameters
        self.binaries = binaries
        self.processes = []
        self.reader = self.api = None
        self.reader_url = self.comment_url = ""

    def sql(self, *statements):
        """What the statements print, one after another in the peer's database."""
        words = [word for statement in statements for word in ("-c", statement)]
        done = subprocess.run(
            ["psql", "--no-psqlrc", "-qtAv", "ON_ERROR_STOP=1", *words, self.database], capture_output=True, text=True,
            env={"PATH": "/usr/bin:/bin"})
        if done.returncode:
            raise Failure(f"psql: {done.stderr.strip()}")
        return done.stdout.strip()

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        raise NotImplementedError

    def counted(self):
        """More measured values, of the servers' own counting."""
        return {}

    def stop(self):
        for process in reversed(self.processes):
            process.stop()

    def run(self, name, command, environment=None, **pipes):
        process = Process(name, command, self.folder, environment, **pipes)
        self.processes.append(process)
        return process

    def start_redis(self):
        port = free_port()
        redis = self.run(
            "redis", ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                      "--dir", self.folder])
        ping = ["redis-cli", "-p", str(port), "ping"]
        wait_until(lambda: subprocess.run(ping, capture_output=True).stdout == b"PONG\n", "redis")
        if not redis.is_running:
            raise Failure(f"redis: {redis.tail()}")
        return f"redis://127.0.0.1:{port}"

    def start_postgres(self, *settings):
        """`settings` are `name=value` of its configuration."""
        data = self.folder / "postgres"
        data.mkdir()
        # It refuses to run as root.
        user = ["--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        if user:
            shutil.chown(data, "postgres", "postgres")
        programs = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        made = subprocess.run(
            ["setpriv", *user, "--", programs / "initdb", "-D", data, "-U", "chorus", "-A", "trust", "-E", "UTF8", "--locale=C"],
            capture_output=True, text=True, cwd="/")
        if made.returncode:
            raise Failure(f"initdb: {made.stderr.strip()}")
        port = free_port()
        # A change of user clears the death signal, so it is set behind it.
        self.run(
            "postgres", ["setpriv", *user, "--pdeathsig", "INT", "--", programs / "postgres", "-D", data, "-p", port, "-k", data,
                         "-c", "listen_addresses=127.0.0.1", "-c", "shared_buffers=256MB",
                         *(word for setting in settings for word in ("-c", setting))])
        ready = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
        wait_until(lambda: subprocess.run(ready).returncode == 0, "postgres")
        return f"postgresql://chorus@127.0.0.1:{port}/postgres"

    def start_service(self, name, command, environment, redis):
        port = free_port()
        process = self.run(
            name, command, {"HOST": "127.0.0.1", "PORT": str(port), "REDIS_URL": redis, "INSTANCE_ID": name, **environment})
        process.wait_ready(f"http://127.0.0.1:{port}/health/ready")
        return process, f"http://127.0.0.1:{port}"


class Chorus(Peer):
    loops = 1

    def start(self):
        redis = self.start_redis()
        environment = {"LOG_LEVEL": "warning", "READER_LOOPS": str(self.loops)}
        if self.parameters.flush_interval_ms is not None:
            environment["READER_FLUSH_INTERVAL_MS"] = str(self.parameters.flush_interval_ms)
        if self.parameters.heartbeat_seconds is not None:
            environment["READER_HEARTBEAT_SECONDS"] = str(self.parameters.heartbeat_seconds)
        self.api, self.comment_url = self.start_service("comment-api", [self.binaries / "CommentAPI"], environment, redis)
        self.reader, self.reader_url = self.start_service("reader", [self.binaries / "ReaderAPI"], environment, redis)


class ChorusDatabase(Peer):
    """CommentAPI with PostgreSQL, whose fsync is on, as it is by default. Nobody watches, so there is no Reader."""

    def start(self):
        self.database = self.start_postgres()
        self.redis = self.start_redis()
        environment = {"LOG_LEVEL": "warning", "DATABASE_URL": self.database}
        self.api, self.comment_url = self.start_service(
            "comment-api", [self.binaries / "CommentAPI"], environment, self.redis)

    def counted(self):
        """What CommentAPI says of itself: every request must have been stored, and none left to the outbox sweep."""
        with urllib.request.urlopen(f"{self.comment_url}/metrics", timeout=10) as response:
            values = dict(line.rsplit(" ", 1) for line in response.read().decode().splitlines() if line[:1] not in ("#", ""))
        rows = float(values.get("chorus_storage_comment_batch_rows_sum", 0))
        batches = float(values.get("chorus_storage_comment_batch_rows_count", 0))
        return {
            "stored": float(values.get("chorus_storage_comments_stored_total", 0)),
            "left": float(values.get("chorus_record_comments_left_total", 0)),
            "rowsPerCommit": rows / batches if batches else None,
        }


class ChorusTwoLoops(Chorus):
    loops = 2


class ChorusSocketIO(Chorus):
    """The same servers; viewers are on Socket.IO."""

    transport = "socketio"


class Node(Peer):
    reader_script = "node/reader-api.js"

    def start(self):
        redis = self.start_redis()
        environment = {"NODE_PATH": NODE_MODULES, "NODE_ENV": "production"}
        scripts = HERE / "peers"
        self.api, self.comment_url = self.start_service(
            "comment-api", ["node", scripts / "node/comment-api.js"], environment, redis)
        self.reader, self.reader_url = self.start_service("reader", ["node", scripts / self.reader_script], environment, redis)


class NodeWebSocket(Node):
    reader_script = "node-ws/reader-api.js"
    transport = "socketio"


class PythonSocketIO(Peer):
    transport = "socketio"

    def start(self):
        if not PYTHON.exists():
            raise Failure(f"python-socketio is not installed: there is no {PYTHON}; run `make setup-bench`")
        redis = self.start_redis()
        scripts = HERE / "peers/python-socketio"
        self.api, self.comment_url = self.start_service("comment-api", [PYTHON, scripts / "comment_api.py"], {}, redis)
        self.reader, self.reader_url = self.start_service("reader", [PYTHON, scripts / "reader_api.py"], {}, redis)


class Nchan(Peer):
    protocol = "plain"
    workers = 1
    # It passes the request's body on; Chorus and Node.js add `timestamp` (39 bytes) and `id` (about 30).
    comment_bytes_more = 69

    def start(self):
        port = free_port()
        values = {
            "MODULES": "/usr/lib/nginx/modules", "WORKERS": self.workers, "DESCRIPTORS": DESCRIPTORS, "DIR": self.folder,
            "HOST": "127.0.0.1", "PORT": port, "REUSEPORT": "reuseport" if self.workers > 1 else "",
        }
        text = (HERE / "peers/nchan/nginx.conf").read_text()
        for name, value in values.items():
            text = text.replace(f"@{name}@", str(value))
        configuration = self.folder / "nginx.conf"
        configuration.write_text(text)
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        self.reader = self.run("nginx", [nginx, "-p", self.folder, "-c", configuration])
        self.reader_url = self.comment_url = f"http://127.0.0.1:{port}"
        self.reader.wait_ready(f"{self.reader_url}/health")


class NchanTwoWorkers(Nchan):
    workers = 2


class Floor(Peer):
    """The write(2) loop. It publishes by itself, at the scenario's rate or as fast as it goes."""

    publishes = True
    join = 1

    def start(self):
        port = free_port()
        values = self.parameters
        command = [
            FLOOR_BINARY, "--port", port, "--join", self.join, "--rate", values.rate or 0, "--seconds",
            values.warmup + values.duration, "--comment-bytes", values.comment_bytes]
        self.reader = self.run("floor", command, stdout=subprocess.PIPE)
        self.reader_url = self.comment_url = f"http://127.0.0.1:{port}"
        self.reader.wait_ready(f"{self.reader_url}/health")

    def publish(self):
        self.reader.child.send_signal(signal.SIGUSR1)

    def published(self):
        """What it sent, as its line of JSON; waits for it."""
        return self.reader.child.stdout.readline()


class FloorJoined(Floor):
    join = 40


PEERS = {
    "chorus": Chorus, "chorus-2": ChorusTwoLoops, "chorus-postgres": ChorusDatabase, "nchan": Nchan,
    "nchan-2": NchanTwoWorkers, "node": Node, "floor": Floor, "floor-joined": FloorJoined,
    "chorus-socketio": ChorusSocketIO, "node-ws": NodeWebSocket, "python-socketio": PythonSocketIO,
}
