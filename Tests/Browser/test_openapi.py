"""Requests made from GET /api/openapi.json by schemathesis, to every service: none is answered with a 500."""
import os
import pathlib
import subprocess
import sys

import pytest

from processes import get, request
from stack import Stack

HERE = pathlib.Path(__file__).parent
# Of each operation, besides those that schemathesis makes of the edges of its schema.
EXAMPLES = int(os.environ.get("OPENAPI_EXAMPLES", "2"))
CASES_MIN = int(os.environ.get("OPENAPI_CASES_MIN", "500"))
# These end what the others need: the log-in, the account; or they do not end.
APART = {
    "SocialAPI": ["POST /api/users/logout", "DELETE /api/users/me"],
    "ReaderAPI": ["POST /connect", "GET /connect", "GET /socket.io"],
    "StatsAPI": ["GET /statistics/feed"],
}


@pytest.fixture
def services(binaries, tmp_path):
    stack = Stack(binaries, tmp_path, database=True)
    try:
        stack.start_stats_api()
        stack.start_social_api(LIMITS="off")
        stack.start_comment_api().start_like_api().start_reader("reader-1")
        yield stack
    finally:
        stack.close()


def run(stack, service, url, token, only=()):
    """How many requests were sent."""
    cases = pathlib.Path(stack.folder) / "cases"
    names = [word for name in APART.get(service, []) for word in ("--exclude-name", name)]
    if only:
        names = [word for name in only for word in ("--include-name", name)]
    command = [
        pathlib.Path(sys.executable).parent / "schemathesis", "run", f"{stack.social_api.url}/api/openapi.json",
        "--url", url, *(["--include-tag", service] if not only else []), *names,
        "--header", f"Authorization: Bearer {token}",
        "--phases", "coverage,fuzzing", "--checks", "no_failure", "--max-examples", str(EXAMPLES), "--seed", "1",
        "--generation-database", "none", "--suppress-health-check", "all", "--request-timeout", "20",
        # Of two threads that make requests one fails now and then with Python 3.11: "AST constructor recursion depth mismatch".
        "--continue-on-failure", "--workers", "1", "--no-color"]
    environment = {
        **os.environ, "SCHEMATHESIS_HOOKS": "openapi_hooks", "PYTHONPATH": str(HERE), "CASES_FILE": str(cases)}
    done = subprocess.run(
        [str(part) for part in command], env=environment, cwd=stack.folder, capture_output=True, text=True,
        timeout=3_000)
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-2_000:]
    return int(cases.read_text())


def test_no_request_fails(services):
    account = {"username": "anna", "email": "a@example.org", "password": "correct horse"}
    token = request("POST", f"{services.social_api.url}/api/users/register", account).json["access_token"]
    moderator = "moderator-of-a-test"
    sent = run(services, "SocialAPI", services.social_api.url, token)
    sent += run(services, "SocialAPI", services.social_api.url, moderator)
    sent += run(services, "CommentAPI", services.comment_api.url, moderator)
    sent += run(services, "LikeAPI", services.like_api.url, token)
    sent += run(services, "ReaderAPI", services.readers["reader-1"].url, token)
    sent += run(services, "StatsAPI", services.stats_api.url, "service-of-a-test")
    sent += run(services, "SocialAPI", services.social_api.url, token, APART["SocialAPI"])
    print(f"{sent} requests were sent")
    assert sent >= CASES_MIN
    assert get(f"{services.social_api.url}/health/ready").status == 200
