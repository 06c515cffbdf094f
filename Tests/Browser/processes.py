"""Private servers of the browser tests: Redis, the services, the gateway, each a child that ends with the tests."""
import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sysconfig
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
STOP_SECONDS = 10


class Failure(Exception):
    """A server did not do what a test needs; the text says which and why."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, what, seconds=20.0):
    """The first true value of `condition`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"{what() if callable(what) else what}: not within {seconds:.0f} s")
        time.sleep(0.05)


def run(command):
    """A program that ends by itself, with 0."""
    subprocess.run([str(part) for part in command], check=True, capture_output=True, timeout=60)


class Process:
    """One child. It is stopped by its id, and the kernel stops it when the tests die."""

    def __init__(self, name, command, folder, environment=None):
        self.name = name
        self.folder = pathlib.Path(folder)
        self.command = [str(part) for part in command]
        self.environment = {**os.environ, **(environment or {})}
        self.child = None

    @property
    def log(self):
        return self.folder / f"{self.name}.log"

    @property
    def is_running(self):
        return self.child is not None and self.child.poll() is None

    def start(self):
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "--", *self.command],
                env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def tail(self, lines=5):
        return " | ".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def wait_ready(self, is_ready, seconds=20.0):
        wait_until(lambda: not self.is_running or is_ready(), lambda: f"{self.name} ready ({self.tail()})", seconds)
        if not self.is_running:
            raise Failure(f"{self.name} ended with {self.child.returncode}: {self.tail()}")
        return self

    def send(self, number):
        if self.is_running:
            self.child.send_signal(number)

    def kill(self):
        """As when a machine is gone."""
        self.send(signal.SIGKILL)
        self.child.wait()

    def stop(self, number=signal.SIGTERM):
        if not self.is_running:
            return
        self.send(number)
        try:
            self.child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()


class Redis(Process):
    """With an append-only file: what was acknowledged is there after a restart."""

    def __init__(self, folder):
        self.port = free_port()
        data = pathlib.Path(folder) / "redis"
        data.mkdir()
        super().__init__("redis", [
            "redis-server", "--port", self.port, "--bind", "127.0.0.1", "--dir", data, "--save", "",
            "--appendonly", "yes", "--appendfsync", "always"], folder)

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def start(self):
        super().start()
        return self.wait_ready(self._answers)

    def _answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


class Postgres(Process):
    """Debian's, on a free port. It refuses to run as root, so root gives it to the user postgres."""

    def __init__(self, folder):
        self.port = free_port()
        self.data = pathlib.Path(tempfile.mkdtemp(prefix="chorus-postgres-"))
        self.programs = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
        as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]
        self.user = as_postgres if os.geteuid() == 0 else []
        super().__init__("postgres", [
            *self.user, self.programs / "postgres", "-D", self.data, "-p", self.port, "-h", "127.0.0.1",
            "-k", "", "-c", "fsync=off"], folder)

    @property
    def url(self):
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self):
        if self.user:
            shutil.chown(self.data, "postgres", "postgres")
        options = ["-D", self.data, "-U", "postgres", "-A", "trust", "--no-sync"]
        subprocess.run([*self.user, self.programs / "initdb", *options],
                       check=True, capture_output=True, cwd="/", timeout=60)
        super().start()
        probe = [self.programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return self.wait_ready(lambda: subprocess.run(probe).returncode == 0)

    def stop(self, number=signal.SIGINT):
        super().stop(number)
        shutil.rmtree(self.data, ignore_errors=True)


class Service(Process):
    """One of the project's programs on a free port."""

    def __init__(self, program, name, binaries, folder, environment):
        self.port = free_port()
        super().__init__(name, [pathlib.Path(binaries) / program], folder, {
            "HOST": "127.0.0.1", "PORT": str(self.port), "INSTANCE_ID": name, "LOG_LEVEL": "notice", **environment})

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def url(self):
        return f"http://{self.address}"

    def start(self):
        super().start()
        return self.wait_ready(lambda: get(f"{self.url}/health/ready").status == 200)


class Reader(Service):
    def __init__(self, name, binaries, folder, environment):
        super().__init__("ReaderAPI", name, binaries, folder, environment)
        self.environment["READER_PUBLIC_URL"] = self.url


class Gateway(Process):
    """deploy/gateway, as an operator runs it. A set-up is a dictionary of GATEWAY_ variables without the prefix."""

    script = ROOT / "deploy/gateway/gateway.sh"

    def __init__(self, folder, **settings):
        self.port = free_port()
        self.tls_port = free_port()
        own = pathlib.Path(folder) / "gateway"
        super().__init__("gateway", ["sh", self.script, "run"], folder)
        self.set(host="127.0.0.1", port=self.port, tls_port=self.tls_port, folder=own,
                 access_log=pathlib.Path(folder) / "access.log", stop_seconds=3, **settings)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def tls_url(self):
        return f"https://localhost:{self.tls_port}"

    def set(self, **settings):
        for name, value in settings.items():
            text = " ".join(value) if isinstance(value, (list, tuple)) else str(value)
            self.environment[f"GATEWAY_{name.upper()}"] = text

    def start(self):
        super().start()
        return self.wait_ready(lambda: get(f"{self.url}/health").status == 200)

    def reload(self):
        """Takes what was set since the start. The old workers keep their streams for stop_seconds."""
        subprocess.run(["sh", self.script, "reload"], env=self.environment, check=True, timeout=10)


class Answer:
    """Of an HTTP request; status 0 when there was none."""

    def __init__(self, status, headers=None, body=b""):
        self.status = status
        self.headers = headers or {}
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {dict(self.headers)} {self.body[:200]}"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


_opener = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler({}))


def request(method, url, body=None, headers=None, timeout=10):
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    headers = {"Content-Type": "application/json", **(headers or {})} if data is not None else headers or {}
    try:
        with _opener.open(urllib.request.Request(url, data, headers, method=method), timeout=timeout) as response:
            return Answer(response.status, response.headers, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())
    except OSError:
        return Answer(0)


def get(url, headers=None, timeout=10):
    return request("GET", url, headers=headers, timeout=timeout)


class Server:
    """A small HTTP server inside the tests. `answer(handler)` writes the answer; `requests` are what came."""

    def __init__(self, answer):
        self.requests = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                length = int(self.headers.get("Content-Length", 0))
                self.body = self.rfile.read(length)
                outer.requests.append(self)
                answer(self)

            do_GET = do_POST = do_DELETE = do_OPTIONS = do_HEAD = handle_any

            def reply(self, status, body=b"", **headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # connections end as their clients like
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    @property
    def port(self):
        return self.server.server_address[1]

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def url(self):
        return f"http://{self.address}"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


# Socket.IO's own client for browsers, in a wheel that scripts/setup-web.sh installs.
SOCKET_IO_CLIENT = "socket.io.min.js"


def page_server():
    """Serves the folder of pages, and Socket.IO's client, from an origin of its own."""
    def answer(handler):
        name = urllib.parse.urlsplit(handler.path).path.rpartition("/")[2]
        file = HERE / "pages" / name
        if name == SOCKET_IO_CLIENT:
            wheel = pathlib.Path(sysconfig.get_path("purelib")) / "nicegui/static"
            handler.reply(200, (wheel / name).read_bytes(), Content_Type="text/javascript; charset=utf-8")
        elif name and file.is_file():
            handler.reply(200, file.read_bytes(), Content_Type="text/html; charset=utf-8")
        else:
            handler.reply(404)
    return Server(answer)
