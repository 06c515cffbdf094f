"""A page with nothing but `new EventSource(url)` gets every comment once, whatever happens to a Reader."""
import signal

import pytest
from processes import Failure, get
from stack import Publisher

# From a fault to the moment when everybody has everything that was published until then, and for each single comment.
WHOLE_SECONDS = 10


def kill(stack, victim):
    stack.readers[victim].kill()


def drain(stack, victim):
    stack.readers[victim].send(signal.SIGTERM)


def remove(stack, victim):
    """Taken out of the gateway's list, then stopped."""
    reader = stack.readers.pop(victim)
    stack.gateway.set(readers=stack.reader_addresses())
    stack.gateway.reload()
    reader.send(signal.SIGTERM)


def add(stack, victim):
    """A new one joins while another dies."""
    stack.start_reader("reader-4")
    stack.gateway.set(readers=stack.reader_addresses())
    stack.gateway.reload()
    stack.readers[victim].kill()


@pytest.mark.parametrize("fault", [kill, drain, remove, add])
def test_viewers_behind_the_gateway_survive_a_reader(stack, view, fault):
    stack.start_comment_api().start_readers(3).start_gateway()
    victim, other = "reader-1", "reader-2"
    videos = stack.videos_at(victim, 2) + stack.videos_at(other, 1)
    viewers = [view(stack.gateway.url, video) for video in videos for _ in range(2)]
    for viewer in viewers:
        viewer.wait_connected()
    # The fault hits somebody, and placement was followed.
    assert [viewer.instances for viewer in viewers] == [[victim]] * 4 + [[other]] * 2

    publisher = Publisher(stack, stack.gateway.url, videos)
    publisher.publish(7)
    fault(stack, victim)
    publisher.publish(13)
    publisher.assert_complete(viewers, WHOLE_SECONDS)
    for viewer in viewers[:4]:
        assert viewer.instances[-1] != victim, "the viewer never left"


def test_viewers_behind_the_gateway_leave_a_frozen_reader(stack, view):
    """Its sockets are open and silent: without heartbeats the gateway gives a stream up."""
    stack.start_comment_api().start_readers(2, READER_HEARTBEAT_SECONDS="1").start_gateway(stream_seconds=4)
    victim = "reader-1"
    videos = stack.videos_at(victim, 1)
    viewers = [view(stack.gateway.url, videos[0]).wait_connected() for _ in range(2)]
    publisher = Publisher(stack, stack.gateway.url, videos)
    publisher.publish(3)
    stack.readers[victim].send(signal.SIGSTOP)
    publisher.publish(7)
    # Found out after 4 s, back after 3, and once more 4 when the frozen one is asked again.
    publisher.assert_complete(viewers, WHOLE_SECONDS + 4)
    assert [viewer.instances for viewer in viewers] == [[victim, "reader-2"]] * 2
    stack.readers[victim].kill()


@pytest.mark.xfail(
    raises=AssertionError,
    reason="a Reader redirects every viewer, and Chromium retries at the redirect's target only: the Reader "
    "must redirect only clients that say redirect=follow")
@pytest.mark.parametrize("fault", [kill, drain])
def test_viewers_without_a_gateway_survive_another_reader(stack, view, fault):
    stack.start_comment_api().start_readers(3)
    named, victim = "reader-1", "reader-2"
    videos = stack.videos_at(victim, 3)
    viewers = [view(stack.readers[named].url, video) for video in videos for _ in range(2)]
    for viewer in viewers:
        viewer.wait_connected()

    publisher = Publisher(stack, stack.comment_api.url, videos)
    publisher.publish(7)
    fault(stack, victim)
    publisher.publish(13)
    publisher.assert_complete(viewers, WHOLE_SECONDS)


def test_pages_come_back_behind_the_gateway_when_redis_was_away(stack, view):
    """Redis is away for 20 s, and a Reader dies meanwhile: its pages can be served nowhere, and may not give up."""
    stack.start_comment_api().start_readers(2).start_gateway()
    victim = "reader-1"
    videos = stack.videos_at(victim, 1) + stack.videos_at("reader-2", 1)
    viewers = [view(stack.gateway.url, video).wait_connected() for video in videos]
    publisher = Publisher(stack, stack.gateway.url, videos)
    publisher.publish(3)
    publisher.assert_complete(viewers, WHOLE_SECONDS)

    stack.redis.stop()
    viewers[0].page.wait_for_timeout(2_000)
    stack.readers[victim].kill()
    late = view(stack.gateway.url, videos[1])
    late.page.wait_for_timeout(18_000)
    assert late.instances == []
    stack.redis.start()

    late.wait_connected()
    wait_until_accepted(stack)
    publisher.publish(3)
    publisher.assert_complete(viewers, WHOLE_SECONDS)
    assert late.texts == viewers[1].texts[3:]


@pytest.mark.xfail(
    raises=Failure,
    reason="503 ends an EventSource for good: the Reader must answer 200 with retry and a reconnect event")
def test_a_page_without_a_gateway_comes_back_when_redis_was_away(stack, view):
    stack.start_comment_api().start_readers(1, PLACEMENT="random")
    stack.redis.stop()
    viewer = view(stack.readers["reader-1"].url, "video-1")
    viewer.page.wait_for_timeout(5_000)
    assert viewer.instances == []
    stack.redis.start()

    viewer.wait_connected(10)
    wait_until_accepted(stack)
    publisher = Publisher(stack, stack.comment_api.url, ["video-1"])
    publisher.publish(3)
    publisher.assert_complete([viewer], WHOLE_SECONDS)


def wait_until_accepted(stack):
    stack.comment_api.wait_ready(lambda: get(f"{stack.comment_api.url}/health/ready").status == 200)
