"""A page with nothing but `new EventSource(url)` gets every comment once, whatever happens to a Reader."""
import os
import signal

import pytest
from processes import get, wait_until
from stack import Publisher, connect_path

# From a fault to the moment when everybody has everything that was published until then, and for each single comment.
WHOLE_SECONDS = 10
# An EventSource's readyState after which it never asks again.
CLOSED = 2


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
        # A Reader that drains moves its viewers over three seconds.
        wait_until(lambda: viewer.instances[-1] != victim, lambda: f"leaves {victim}: {viewer.state}")


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


@pytest.mark.parametrize("placement", ["overflow", "rendezvous", "round-robin", "least-connections", "random"])
@pytest.mark.parametrize("fault", [kill, drain])
def test_viewers_without_a_gateway_survive_another_reader(stack, view, fault, placement):
    """Chromium would retry at a redirect's target only, so nobody is sent away from the Reader that the page names."""
    stack.start_comment_api().start_stats_api()
    stack.start_readers(3, PLACEMENT=placement, STATISTICS_API_URL=stack.stats_api.url)
    named, victim = "reader-1", "reader-2"
    videos = stack.videos_at(victim, 3)
    viewers = [view(stack.readers[named].url, video) for video in videos for _ in range(2)]
    for viewer in viewers:
        viewer.wait_connected()

    publisher = Publisher(stack, stack.comment_api.url, videos)
    publisher.publish(4)
    fault(stack, victim)
    publisher.publish(8)
    publisher.assert_complete(viewers, WHOLE_SECONDS)
    assert [viewer.instances for viewer in viewers] == [[named]] * 6
    if placement in ["overflow", "rendezvous"]:
        # What it costs is known: these channels have another place.
        def costs():
            spread = get(f"{stack.stats_api.url}/statistics").json
            readers = {reader["instanceId"]: reader for reader in spread["readerApis"]["readers"]}
            own = readers.get(named, {})
            return (own.get("notRedirected"), own.get("extraSubscriptions")) == (6, 3) \
                and spread["subscriptionSpread"]["extraSubscriptions"] == 3
        wait_until(costs, lambda: f"costs in {get(f'{stack.stats_api.url}/statistics').json}")


def test_viewers_come_back_to_the_reader_that_the_page_names(stack, view):
    """It drains and is started anew: its pages are told to come back, then refused, then served."""
    stack.start_comment_api().start_readers(2)
    reader = stack.readers["reader-1"]
    videos = stack.videos_at("reader-1", 1) + stack.videos_at("reader-2", 1)
    viewers = [view(reader.url, video).wait_connected() for video in videos for _ in range(2)]
    publisher = Publisher(stack, stack.comment_api.url, videos)
    publisher.publish(2)
    reader.stop()
    publisher.publish(4)
    reader.start()
    publisher.publish(4)
    publisher.assert_complete(viewers, WHOLE_SECONDS)
    for viewer in viewers:
        assert viewer.instances == ["reader-1"] * 2


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


def test_a_page_without_a_gateway_comes_back_when_redis_was_away(stack, view):
    """One that was there, and one that came meanwhile. REDIS_AWAY_SECONDS=60 for the whole minute."""
    stack.start_comment_api().start_readers(1, PLACEMENT="random")
    reader = stack.readers["reader-1"]
    publisher = Publisher(stack, stack.comment_api.url, ["video-1"])
    viewer = view(reader.url, "video-1").wait_connected()
    publisher.publish(3)
    stack.redis.stop()
    late = view(reader.url, "video-1")
    late.page.wait_for_timeout(1_000 * int(os.environ.get("REDIS_AWAY_SECONDS", "8")))
    assert late.instances == []
    assert late.page.evaluate("source.readyState") != CLOSED
    assert late.reasons[0] == "broker_unavailable"
    stack.redis.start()

    late.wait_connected(10)
    wait_until_accepted(stack)
    publisher.publish(3)
    publisher.assert_complete([viewer], WHOLE_SECONDS)
    assert late.texts == viewer.texts[3:]


def test_a_page_waits_until_a_full_reader_has_a_place(stack, view):
    stack.start_comment_api().start_readers(1, PLACEMENT="random", READER_CONNECTIONS_MAX="1")
    reader = stack.readers["reader-1"]
    first = view(reader.url, "video-1").wait_connected()
    second = view(reader.url, "video-1")
    wait_until(lambda: second.reasons, "the second page is told to come back")
    assert (second.instances, second.reasons[0]) == ([], "too_many_connections")
    # A program is told by the status.
    assert get(reader.url + connect_path("video-1")).status == 503
    first.close()
    second.wait_connected(10)


def wait_until_accepted(stack):
    stack.comment_api.wait_ready(lambda: get(f"{stack.comment_api.url}/health/ready").status == 200)


def test_headers_of_real_clients_pass_the_preflight(stack, view):
    """What libraries that read a stream with fetch, and forms of frameworks, send beside the usual ones."""
    stack.start_comment_api().start_readers(1)
    viewer = view(stack.readers["reader-1"].url, "video-1").wait_connected()
    headers = {"Cache-Control": "no-cache", "X-Requested-With": "XMLHttpRequest", "Authorization": "Bearer x",
               "Last-Event-ID": "0.0", "Content-Type": "application/json"}
    status = viewer.page.evaluate("""async ([url, headers]) => {
      const answer = await fetch(url, { method: "POST", headers, body: '{"userid":"u","videoid":"v"}' });
      await answer.body.cancel();
      return answer.status;
    }""", [f"{stack.readers['reader-1'].url}/connect", headers])
    assert status == 200
