"""Clients of Socket.IO as people have them: python-socketio, and the JavaScript client in Chromium."""
import signal
import threading
import urllib.parse

import pytest
import socketio
from processes import wait_until

# What a client may do: stay with polling, begin with a WebSocket, or go from one to the other.
TRANSPORTS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": ["polling", "websocket"]}


def offset(position):
    return int(position.partition(".")[0])


class Follower:
    """Follows one video, and comes back to where it was."""

    def __init__(self, url, video, transports, **options):
        self.video = video
        self.texts = []
        self.acks = []
        self.gaps = []
        self.reasons = []
        self.position = None
        self._lock = threading.Lock()
        self.client = socketio.Client(
            reconnection_delay=0.2, reconnection_delay_max=1, handle_sigint=False, **options)
        self.client.on("connect", self._subscribe)
        self.client.on("comment", self._comment)
        self.client.on("gap", lambda gap, where: self.gaps.append(gap))
        self.client.on("reconnect", lambda data: self.reasons.append(data["reason"]))
        self.client.connect(url, transports=transports, auth={"userid": "viewer"}, wait_timeout=10)

    def _subscribe(self):
        asked = {"video": self.video}
        with self._lock:
            if self.position:
                asked["since"] = self.position
        self.client.emit("subscribe", asked, callback=self.acks.append)

    def _comment(self, comment, where):
        assert where["channel"] == f"video:{self.video}"
        with self._lock:
            self.texts.append(comment["comment"])
            # Each handler has a thread of its own, so an earlier event's may come later.
            if not self.position or offset(where["position"]) > offset(self.position):
                self.position = where["position"]

    def wait_subscribed(self, times=1):
        wait_until(lambda: len(self.acks) >= times, lambda: f"{times} acknowledgements: {self.acks}", 20)
        assert all("error" not in ack for ack in self.acks), self.acks
        return self

    def close(self):
        self.client.disconnect()


@pytest.fixture
def follow():
    followers = []

    def open_client(url, video, transports):
        followers.append(Follower(url, video, transports))
        return followers[-1]
    yield open_client
    for follower in followers:
        follower.close()


def write(stack, video, numbers):
    for number in numbers:
        assert stack.comment(video, str(number), stack.gateway.url).status == 201


def expect(follower, numbers, seconds=20):
    """Everything once. The order of python-socketio's handlers is not that of the events."""
    wait_until(lambda: len(follower.texts) >= len(numbers),
               lambda: f"{len(numbers)} comments: {follower.texts}, {follower.acks}, {follower.reasons}", seconds)
    assert sorted(map(int, follower.texts)) == list(numbers)
    assert follower.gaps == []


@pytest.mark.parametrize("way", TRANSPORTS)
def test_a_client_gets_every_comment_behind_the_gateway(stack, follow, way):
    stack.start_comment_api().start_readers(2).start_gateway()
    followers = [follow(stack.gateway.url, video, TRANSPORTS[way]).wait_subscribed() for video in ("a", "b")]
    for video in ("a", "b"):
        write(stack, video, range(20))
    for follower in followers:
        expect(follower, range(20))
        assert follower.client.transport() == TRANSPORTS[way][-1]
        assert follower.acks[0]["recovered"] and not follower.acks[0]["gap"]


@pytest.mark.parametrize("way", TRANSPORTS)
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "drain"])
def test_a_client_survives_its_reader(stack, follow, way, end):
    stack.start_comment_api().start_readers(2).start_gateway()
    follower = follow(stack.gateway.url, "v", TRANSPORTS[way]).wait_subscribed()
    write(stack, "v", range(5))
    expect(follower, range(5))
    sid = follower.client.eio.sid
    victim = next(reader for reader in stack.readers.values()
                  if sid.startswith(reader.address.replace(":", "~") + "."))
    victim.send(end)
    write(stack, "v", range(5, 15))
    follower.wait_subscribed(times=2)
    write(stack, "v", range(15, 20))
    expect(follower, range(20))
    assert not follower.client.eio.sid.startswith(victim.address.replace(":", "~") + ".")


def test_a_client_writes_and_is_answered(stack, follow):
    stack.start_comment_api().start_like_api()
    stack.start_reader("reader-1", COMMENT_API_URL=stack.comment_api.url, LIKE_API_URL=stack.like_api.url)
    stack.start_gateway()
    follower = follow(stack.gateway.url, "v", TRANSPORTS["upgrade"]).wait_subscribed()
    answer = follower.client.call("comment", {"videoid": "v", "comment": "7"}, timeout=10)
    assert answer["success"] and answer["comment"]["userid"] == "viewer"
    expect(follower, [7])
    assert follower.client.call("like", {"photoid": "p"}, timeout=10)["count"] == 1
    assert follower.client.call("unlike", {"photoid": "p"}, timeout=10)["count"] == 0
    assert follower.client.call("comment", {"videoid": "v", "comment": ""}, timeout=10)["code"] == "invalid_comment"


def test_two_tabs_count_the_same_likes(stack, browser):
    stack.start_like_api()
    for name in ("reader-1", "reader-2"):
        stack.start_reader(name, LIKE_API_URL=stack.like_api.url)
    stack.wait_known(2)
    stack.start_gateway()
    context = browser.new_context()
    try:
        tabs = []
        for user in ("anna", "bert"):
            tab = context.new_page()
            query = urllib.parse.urlencode({"url": stack.gateway.url, "photo": "p1", "user": user})
            tab.goto(f"{stack.pages.url}/socketio.html?{query}")
            tabs.append(tab)
        for tab in tabs:
            tab.wait_for_function("answers.length === 1")
            assert tab.evaluate("answers[0].error") is None
            tab.wait_for_function("socket.io.engine.transport.name === 'websocket'")
        for clicks, tab in enumerate(tabs, 1):
            tab.click("#like")
            for other in tabs:
                other.wait_for_function(f"document.querySelector('#count').textContent === '{clicks}'")
        # A second like of the same user counts nothing.
        tabs[0].click("#like")
        tabs[0].wait_for_function("answers.length === 3")
        assert [answer["count"] for answer in tabs[0].evaluate("answers.slice(1)")] == [1, 2]
        assert tabs[1].text_content("#count") == "2"
    finally:
        context.close()
