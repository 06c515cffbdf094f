"""The services that a test needs, beside one private Redis."""
import contextlib
import json
import pathlib
import shutil
import tempfile
import time
import urllib.parse

from processes import (
    ROOT, Failure, Gateway, Postgres, Reader, Redis, Service, get, page_server, request, run, wait_until)


class Stack:
    """Starts what it is asked for, and stops all of it."""

    # Announcements are as they are by themselves: a dead Reader is named for 4 s, and Chromium comes back after 3.
    reader_environment = {"PLACEMENT": "overflow", "DRAIN_SECONDS": "3", "READER_LOOPS": "1"}

    def __init__(self, binaries, folder, database=False):
        self.binaries = binaries
        self.folder = folder
        self.readers = {}
        self._exits = contextlib.ExitStack()
        self.redis = self.started(Redis(folder))
        self.postgres = self.started(Postgres(folder)) if database else None
        self.comment_api = self.like_api = self.stats_api = self.social_api = self.gateway = None
        self.media = "off"
        self.auth = "off"
        self._access = {}
        self.pages = page_server()
        self._exits.callback(self.pages.stop)

    def close(self):
        self._exits.close()

    def started(self, process):
        self._exits.callback(process.stop)
        return process.start()

    @property
    def _reports(self):
        """To StatsAPI, when it was started before."""
        return {"STATISTICS_API_URL": self.stats_api.url} if self.stats_api else {}

    def _service(self, program, name, **environment):
        environment = {"REDIS_URL": self.redis.url, **self._reports, **self._access, **environment}
        if self.postgres:
            environment["DATABASE_URL"] = self.postgres.url
        return self.started(Service(program, name, self.binaries, self.folder, environment))

    def start_social_api(self, auth="optional", **access):
        """Accounts; the services that are started after it ask for tokens. `access` are settings of all of them."""
        keys = pathlib.Path(self.folder) / "keys"
        keys.mkdir()
        self.signing_key = keys / "signing.json"
        run([self.binaries / "SocialAPI", "make-keys", "--signing-key", self.signing_key, "--keys", keys / "keys.json"])
        self.auth = auth
        # Everybody in a test has one address.
        self._access = {
            "AUTH": auth, "AUTH_KEYS_FILE": str(keys / "keys.json"), "SERVICE_TOKEN": "service-of-a-test",
            "MODERATOR_TOKEN": "moderator-of-a-test", "TRUSTED_PROXIES": "127.0.0.1", "METRICS_ALLOW": "127.0.0.1",
            "LIMITS": "register:address=off login:address=off comments:address=off posts:user=off posts:address=off", **access}
        # The gateway's workers are another user, who cannot enter the folder of a test.
        self.media = pathlib.Path(tempfile.mkdtemp(prefix="chorus-media-"))
        self.media.chmod(0o755)
        self._exits.callback(shutil.rmtree, self.media)
        self.social_api = self._service(
            "SocialAPI", "social-api", AUTH_SIGNING_KEY_FILE=str(self.signing_key), MEDIA_FOLDER=str(self.media))
        return self

    def start_comment_api(self):
        self.comment_api = self._service("CommentAPI", "comment-api")
        return self

    def start_like_api(self):
        self.like_api = self._service("LikeAPI", "like-api", LIKE_ROLE="all" if self.postgres else "api")
        return self

    def start_stats_api(self, **environment):
        self.stats_api = self._service("StatsAPI", "stats-api", WEB_FOLDER=str(ROOT / "web"), **environment)
        return self

    def start_reader(self, name, **environment):
        environment = {
            "REDIS_URL": self.redis.url, **self.reader_environment, **self._reports, **self._access, **environment}
        self.readers[name] = self.started(Reader(name, self.binaries, self.folder, environment))
        return self.readers[name]

    def start_readers(self, count, **environment):
        for number in range(1, count + 1):
            self.start_reader(f"reader-{number}", **environment)
        self.wait_known(count)
        return self

    def wait_known(self, count):
        """Until every running Reader has `count` Readers in its view."""
        running = [reader for reader in self.readers.values() if reader.is_running]

        def known():
            return all(f"chorus_registry_readers {count}" in get(f"{reader.url}/metrics").body.decode()
                       for reader in running)
        wait_until(known, f"every Reader knows {count} Readers")

    def start_gateway(self, **settings):
        for name, service in [("comment_apis", self.comment_api), ("like_apis", self.like_api),
                              ("stats_apis", self.stats_api), ("social_apis", self.social_api)]:
            if service:
                settings.setdefault(name, [service.address])
        settings.setdefault("readers", self.reader_addresses())
        settings.setdefault("auth", self.auth)
        settings.setdefault("media", self.media)
        self.gateway = self.started(Gateway(self.folder, **settings))
        return self

    def reader_addresses(self):
        return [reader.address for reader in self.readers.values()]

    @property
    def access_log(self):
        return (pathlib.Path(self.folder) / "access.log").read_text()

    # --- What clients do

    def place(self, video):
        """The name of the Reader that serves a video."""
        reader = next(reader for reader in self.readers.values() if reader.is_running)
        answer = get(f"{reader.url}/locate?videoid={video}")
        if answer.status != 200:
            raise Failure(f"/locate said {answer}")
        return answer.json["instance"]

    def videos_at(self, reader, count, prefix="video"):
        """Names of videos whose place is `reader`."""
        names = (f"{prefix}-{number}" for number in range(1000))
        found = []
        while len(found) < count:
            name = next(names)
            if self.place(name) == reader:
                found.append(name)
        return found

    def comment(self, video, text, url=None):
        """The answer to a new comment."""
        body = {"userid": "writer", "videoid": video, "comment": text}
        return request("POST", f"{url or self.comment_api.url}/comment", body)


def connect_path(video, user="viewer", **more):
    return "/connect?" + urllib.parse.urlencode({"userid": user, "videoid": video, **more})


class Viewer:
    """A page with nothing but an EventSource."""

    def __init__(self, stack, browser, base, video, user="viewer"):
        self.video = video
        self.context = browser.new_context(ignore_https_errors=True)
        self.page = self.context.new_page()
        address = urllib.parse.urlencode({"url": base + connect_path(video, user)})
        self.page.goto(f"{stack.pages.url}/stream.html?{address}")

    def close(self):
        self.context.close()

    @property
    def instances(self):
        return self.page.evaluate("instances")

    @property
    def reasons(self):
        """Why it was told to come back."""
        return self.page.evaluate("reasons")

    @property
    def comments(self):
        return self.page.evaluate("comments")

    @property
    def texts(self):
        return [comment["text"] for comment in self.comments]

    @property
    def state(self):
        """For the report of a failure."""
        return json.dumps(self.page.evaluate("({state: source.readyState, errors, instances})"))

    def wait_connected(self, seconds=20):
        wait_until(lambda: self.instances, lambda: f"page of {self.video} connected: {self.state}", seconds)
        return self


class Publisher:
    """Comments that were acknowledged, by video, with the moment before they were sent."""

    def __init__(self, stack, url, videos):
        self.stack = stack
        self.url = url
        self.sent = {video: [] for video in videos}

    def publish(self, count, seconds=0.3):
        """`count` comments in every video, `seconds` apart; every one must be acknowledged."""
        for _ in range(count):
            for video, sent in self.sent.items():
                text = f"{video} comment {len(sent)}"
                at = time.time()
                answer = self.stack.comment(video, text, self.url)
                assert answer.status == 201, f"comment refused: {answer}"
                sent.append((text, at))
            time.sleep(seconds)

    def assert_complete(self, viewers, seconds):
        """Every viewer has every comment of its video once and in order, each within `seconds`."""
        last = max(at for sent in self.sent.values() for _, at in sent)

        def complete():
            return all(len(viewer.comments) >= len(self.sent[viewer.video]) for viewer in viewers)

        with contextlib.suppress(Failure):
            wait_until(complete, "", max(1.0, last + seconds - time.time()))
        latest = 0.0
        for viewer in viewers:
            sent = self.sent[viewer.video]
            assert viewer.texts == [text for text, _ in sent], f"{viewer.video}: {viewer.state}"
            latest = max([latest] + [got["at"] / 1000 - at for got, (_, at) in zip(viewer.comments, sent)])
        assert latest <= seconds, f"the latest comment took {latest:.1f} s"
        return latest
