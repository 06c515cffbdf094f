"""Browser tests: `make test-web`, or pytest Tests/Browser --binaries FOLDER."""
import os
import pathlib
import shutil
import sys
import time

import pytest
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from processes import ROOT, Server, page_server  # noqa: E402
from app_page import AppPage  # noqa: E402
from stack import Stack, Viewer  # noqa: E402

BUILDS = [ROOT / ".build/release", ROOT / ".build/debug"]


def pytest_addoption(parser):
    parser.addoption("--binaries", help="folder of the built programs; else .build/release, or .build/debug")
    parser.addoption("--chromium", default=os.environ.get("CHROMIUM", "chromium"), help="the browser's program")


def folder_of_binaries(config):
    given = config.getoption("--binaries")
    folders = [pathlib.Path(given)] if given else BUILDS
    for folder in folders:
        if (folder / "ReaderAPI").is_file():
            return folder.resolve()
    raise pytest.UsageError(f"no ReaderAPI in {' or '.join(map(str, folders))}: run make release or make build")


def pytest_report_header(config):
    folder = folder_of_binaries(config)
    built = time.strftime("%Y-%m-%d %H:%M", time.localtime((folder / "ReaderAPI").stat().st_mtime))
    return f"programs of {built} in {folder}"


@pytest.fixture(scope="session")
def binaries(request):
    return folder_of_binaries(request.config)


@pytest.fixture(scope="session")
def browser(request):
    program = shutil.which(request.config.getoption("--chromium"))
    if not program:
        raise pytest.UsageError("there is no chromium: run scripts/setup-web.sh, or set CHROMIUM")
    with sync_playwright() as playwright:
        # Root has no sandbox, and a container's /dev/shm is small.
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def stack(binaries, tmp_path):
    stack = Stack(binaries, tmp_path)
    yield stack
    stack.close()


@pytest.fixture(scope="session")
def app(binaries, tmp_path_factory):
    """Everything, with a database, for the tests that break nothing: each has a video of its own."""
    stack = Stack(binaries, tmp_path_factory.mktemp("app"), database=True)
    stack.start_comment_api().start_like_api().start_readers(2).start_gateway()
    yield stack
    stack.close()


@pytest.fixture(scope="session")
def society(binaries, tmp_path_factory):
    """The same with accounts: who writes has signed in."""
    stack = Stack(binaries, tmp_path_factory.mktemp("society"), database=True)
    stack.start_social_api(ALLOWED_ORIGINS=stack.pages.url)
    stack.start_comment_api().start_like_api().start_readers(2).start_gateway()
    yield stack
    stack.close()


@pytest.fixture
def visit(browser):
    """visit(stack, video, name): a page of the app, in a browser profile of its own unless it is `beside` another."""
    contexts = []

    def open_page(stack, video=None, name=None, beside=None, path="/", **options):
        context = beside.page.context if beside else browser.new_context(
            **{"viewport": {"width": 390, "height": 844}, "service_workers": "block", **options})
        if not beside:
            contexts.append(context)
        return AppPage(stack, context, video, name, path)
    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def view(stack, browser):
    """view(base, video): a page that is connected there."""
    viewers = []

    def open_page(base, video, user="viewer"):
        viewers.append(Viewer(stack, browser, base, video, user))
        return viewers[-1]
    yield open_page
    for viewer in viewers:
        viewer.close()


@pytest.fixture
def page(browser):
    """A page that does not mind a certificate that was made here."""
    context = browser.new_context(ignore_https_errors=True)
    yield context.new_page()
    context.close()


@pytest.fixture
def serve():
    """serve(answer): a small server inside the test."""
    servers = []

    def start(answer):
        servers.append(Server(answer))
        return servers[-1]
    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def pages():
    server = page_server()
    yield server
    server.stop()
