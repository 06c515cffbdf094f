"""Idle viewers: connections that only read, and count heartbeats. In Python, so that it needs nothing of the build that is
measured; it takes a tenth of a core at 15,000 heartbeats a second."""
import resource
import select
import socket
import time
import urllib.parse

from .processes import Failure

# As `Wire` writes it, and the Node.js peer too.
HEARTBEAT = b":\n\n"
CONNECTING_MAX = 256
CONNECT_SECONDS = 120
READ_BYTES = 65_536


class IdleViewers:
    """`count` viewers of one channel on the Reader at `url`. `heartbeats` is how many they have got together."""

    def __init__(self, url, count):
        self.address = urllib.parse.urlsplit(url)
        self.count = count
        self.heartbeats = 0
        self.poll = select.epoll()
        self.sockets = {}

    def __enter__(self):
        # A viewer is a descriptor. The servers raise their own limits.
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        return self

    def __exit__(self, *_):
        for connection in self.sockets.values():
            connection.close()
        self.poll.close()

    def connect(self):
        """Everybody; a viewer is connected when the first event is there."""
        waiting, end = set(), time.monotonic() + CONNECT_SECONDS
        while len(self.sockets) < self.count or waiting:
            while len(self.sockets) < self.count and len(waiting) < CONNECTING_MAX:
                waiting.add(self.open(len(self.sockets)))
            for descriptor, data in self.ready(end - time.monotonic()):
                if b"connected" in data:
                    waiting.discard(descriptor)
            if time.monotonic() > end:
                raise Failure(f"{len(self.sockets) - len(waiting)} of {self.count} viewers connected in {CONNECT_SECONDS} s")

    def open(self, number):
        connection = socket.create_connection((self.address.hostname, self.address.port))
        connection.sendall(
            f"GET /connect?userid=user{number}&videoid=video1 HTTP/1.1\r\nHost: {self.address.netloc}\r\n"
            "Accept: text/event-stream\r\n\r\n".encode())
        connection.setblocking(False)
        self.sockets[connection.fileno()] = connection
        self.poll.register(connection, select.EPOLLIN)
        return connection.fileno()

    def read_for(self, seconds):
        """Reads for so long; how many heartbeats came."""
        before, end = self.heartbeats, time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            for _ in self.ready(left):
                pass
        return self.heartbeats - before

    def ready(self, seconds):
        """What is there to read, after waiting for so long at most."""
        for descriptor, _ in self.poll.poll(max(seconds, 0), 1024):
            data = self.sockets[descriptor].recv(READ_BYTES)
            if not data:
                raise Failure("the Reader closed the connection of an idle viewer")
            # A heartbeat is far smaller than a segment: it comes in one piece.
            self.heartbeats += data.count(HEARTBEAT)
            yield descriptor, data
