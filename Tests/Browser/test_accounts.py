"""Accounts in Chromium: signing up, in and out, cookies, origins, tickets, tokens that end."""
import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid

import pytest
from axe_playwright_python.sync_playwright import Axe
from processes import free_port, get, request, run, wait_until
from stack import Stack
from test_app import all_targets

PASSWORD = "correct horse"
MODERATOR = {"Authorization": "Bearer moderator-of-a-test"}


@pytest.fixture
def video():
    return f"video-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def name():
    return f"ana_{uuid.uuid4().hex[:8]}"


def register(stack, name):
    """The access token of a new account."""
    body = {"username": name, "email": "ana@example.org", "password": PASSWORD}
    answer = request("POST", f"{stack.gateway.url}/api/users/register", body)
    assert answer.status == 201, answer
    return answer.json["access_token"]


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def post(stack, video, text, headers):
    answer = request("POST", f"{stack.gateway.url}/comment", {"videoid": video, "comment": text}, headers)
    assert answer.status == 201, answer


def fill(page, **values):
    for field, value in values.items():
        page.page.fill(f"[name={field}]", value)
    page.page.keyboard.press("Enter")


def sign_in(page, name, password=PASSWORD):
    page.page.click("[aria-label=You]")
    page.page.click("text=Sign in, or create an account")
    fill(page, username=name, password=password)


def signed_in(page, name):
    sign_in(page, name)
    page.page.wait_for_selector("dialog", state="detached")
    return page.wait_live()


def problem(page):
    page.page.wait_for_selector(".problem:not(:empty)")
    return page.page.inner_text(".problem:not(:empty)")


def token_calls(stack):
    return stack.access_log.count('"POST /api/users/token HTTP')


# --- In, and out

def test_signing_up_writing_and_leaving(society, visit, video, name):
    page = visit(society, video).wait_live()
    post(society, video, "a stranger's", bearer(register(society, name + "_too")))
    page.wait_text("a stranger's")
    page.say("first words")
    page.page.click("text=Create an account")
    fill(page, username=name, email="ana@example.org", password="short")
    assert problem(page) == "Password must be 8 to 256 bytes."
    fill(page, password=PASSWORD)
    page.wait_text("first words")
    assert page.page.inner_text(".row.own .name") == name
    page.page.click(".heart")
    page.wait_for("document.querySelector('.heart').getAttribute('aria-pressed') === 'true'", "liked")
    liked = wait_until(lambda: get(f"{society.gateway.url}/v1/likes/{video}.1/users").json.get("users"), "a like")
    assert [one["user_id"] for one in liked] == [name]

    cookies = {cookie["name"]: cookie for cookie in page.page.context.cookies()}
    assert set(cookies) == {"chorus_session", "chorus_refresh"}
    assert all(cookie["httpOnly"] and cookie["secure"] for cookie in cookies.values())
    session, refresh = cookies["chorus_session"], cookies["chorus_refresh"]
    assert (session["sameSite"], session["path"]) == ("Lax", "/")
    assert (refresh["sameSite"], refresh["path"]) == ("Strict", "/api/users")
    stored = page.evaluate("JSON.stringify(localStorage) + document.cookie")
    assert session["value"] not in stored and refresh["value"] not in stored

    assert page.page.eval_on_selector_all(".row.own .text", "all => all.map((one) => one.textContent)") == ["first words"]

    # The name is the account's on every page, and after a new start.
    other = visit(society, video, beside=page).wait_live()
    other.say("from another page")
    page.wait_text("from another page")
    assert not page.page.query_selector("dialog")
    other.page.click("[aria-label=You]")
    other.page.click("text=Sign out")
    wait_until(lambda: not page.page.context.cookies(), "no cookies are left")
    page.say("who am I?")
    page.page.wait_for_selector("dialog >> text=Create an account")
    for each in (page, other):
        each.assert_quiet()


def test_refusals_are_said_in_words(society, visit, video, name):
    token = register(society, name)
    page = visit(society, video).wait_live()
    sign_in(page, name, "wrong words")
    assert problem(page) == "The name or the password is wrong."
    page.page.click("text=Create an account")
    fill(page, username=name, email="ana@example.org", password=PASSWORD)
    assert problem(page) == "Somebody has this name already. Take another one."
    page.page.click("text=I have an account")
    for _ in range(9):
        request("POST", f"{society.gateway.url}/api/users/login", {"username": name, "password": "no no no"})
    fill(page, username=name, password=PASSWORD)
    page.wait_for("document.querySelector('.problem').textContent.startsWith('Too many attempts. Try again in ')", "429")
    page.page.route("**/api/users/login", lambda route: route.abort())
    fill(page, username=name, password=PASSWORD)
    page.wait_for("document.querySelector('.problem').textContent === 'Nobody answers. Is there a network?'", "away")
    assert token


def test_settings(society, visit, name):
    register(society, name)
    page = visit(society)
    sign_in(page, name)
    page.page.wait_for_selector("dialog", state="detached")
    page.page.goto(f"{society.gateway.url}/settings")
    page.page.wait_for_selector("text=Profile")
    fill(page, display_name="Ana B", bio="Hears everything")
    page.page.wait_for_selector("text=Saved.")
    account = get(f"{society.gateway.url}/api/users/{name}").json["user"]
    assert (account["display_name"], account["bio"]) == ("Ana B", "Hears everything")
    page.page.fill("#current_password", "wrong words")
    page.page.fill("#password", "battery staple")
    page.page.keyboard.press("Enter")
    assert problem(page) == "The current password is wrong."
    page.page.fill("#current_password", PASSWORD)
    page.page.keyboard.press("Enter")
    page.page.wait_for_selector("text=Saved.")
    login = {"username": name, "password": "battery staple"}
    assert request("POST", f"{society.gateway.url}/api/users/login", login).status == 200
    page.page.click("text=Sign out")
    page.page.wait_for_selector("text=Create an account")
    page.assert_quiet()


def test_what_one_wrote_before_is_ones_own_after_signing_in(society, visit, video, name):
    post(society, video, "yesterday", bearer(register(society, name)))
    page = visit(society, video).wait_live()
    page.wait_text("yesterday")
    assert not page.page.query_selector(".row.own")
    signed_in(page, name)
    page.page.click(".row.own")
    page.page.click(".actions >> text=Remove")
    page.wait_for("document.querySelectorAll('.row.removed').length === 1", "it is removed")


def test_where_everybody_has_a_token_the_way_in_comes_first(binaries, tmp_path, visit, video, name):
    stack = Stack(binaries, tmp_path, database=True)
    try:
        stack.start_social_api(auth="required").start_comment_api().start_like_api().start_readers(1).start_gateway()
        register(stack, name)
        page = visit(stack, video)
        page.page.wait_for_selector("text=Create an account")
        assert get(f"{stack.gateway.url}/history?videoid={video}").status == 401
        fill(page, username=name, password=PASSWORD)
        page.page.wait_for_selector(".status[data-status=live]")
        page.say("inside")
        page.wait_text("inside")
        page.assert_quiet()
    finally:
        stack.close()


# --- Origins

FETCH = """async ([url, options]) => {
  try {
    const answer = await fetch(url, { method: "POST", credentials: "include", ...options });
    return [answer.status, await answer.text()];
  } catch (error) { return [0, String(error)]; }
}"""


def test_a_page_of_another_origin_cannot_use_the_cookies(society, visit, video, name, serve):
    """Another port is another origin, and the same site: the cookies are sent. Another host is another site: they are not."""
    register(society, name)
    page = signed_in(visit(society, video), name)
    context = page.page.context
    comment = {"body": json.dumps({"videoid": video, "comment": "forged"})}
    stranger = serve(lambda handler: handler.reply(200, b"<!doctype html>", Content_Type="text/html"))
    for origin, answers in [(stranger.url, (403, 200)), (stranger.url.replace("127.0.0.1", "localhost"), (415, 401))]:
        other = context.new_page()
        other.goto(origin)
        # Neither has a preflight: they arrive, and the page learns nothing.
        for expected, path, options in zip(answers, ["/comment", "/api/users/me"], [comment, {"method": "GET"}]):
            before = len(society.access_log.splitlines())
            status, body = other.evaluate(FETCH, [society.gateway.url + path, options])
            assert status == 0, body
            line = wait_until(
                lambda: [line for line in society.access_log.splitlines()[before:] if f" {path} " in line], path)[0]
            assert f" {expected} " in line, (origin, line)
        other.close()
    # A page of the origin that is allowed reads the answer, and may write.
    friend = context.new_page()
    friend.goto(f"{society.pages.url}/blank.html")
    status, body = friend.evaluate(FETCH, [society.gateway.url + "/comment", {
        "body": json.dumps({"videoid": video, "comment": "a friend"}), "headers": {"Content-Type": "application/json"}}])
    assert status == 201, body
    page.wait_text("a friend")
    assert page.texts == ["a friend"]


# --- Streams

TICKET = """async ([base, video, token, ticket]) => {
  if (!ticket) {
    const answer = await fetch(base + "/api/stream-tickets", {
      method: "POST", headers: { Authorization: `Bearer ${token}` } });
    ticket = (await answer.json()).ticket;
  }
  const source = new EventSource(`${base}/connect?videoid=${video}&ticket=${ticket}`);
  window.source = source;
  window.heard ??= [];
  source.onmessage = ({ data }) => heard.push(JSON.parse(data));
  return new Promise((resolve) => {
    source.onopen = () => resolve([true, ticket]);
    source.onerror = () => source.readyState === 2 && resolve([false, ticket]);
  });
}"""


def test_an_event_source_with_a_ticket_through_the_gateway(society, page, video, name):
    """No cookie, no header: a page of another origin, whichever Reader serves the video."""
    token = register(society, name)
    page.goto(f"{society.pages.url}/blank.html")
    assert society.place(video) in ("reader-1", "reader-2")
    opened, ticket = page.evaluate(TICKET, [society.gateway.url, video, token, None])
    assert opened
    page.wait_for_function("heard.length === 1", timeout=5_000)
    assert page.evaluate("heard[0].userid") == name
    # It served once; each reconnect takes a new one.
    assert page.evaluate(TICKET, [society.gateway.url, video, token, ticket])[0] is False
    assert page.evaluate(TICKET, [society.gateway.url, video, token, "A" * 32])[0] is False
    assert page.evaluate(TICKET, [society.gateway.url, video, token, None])[0] is True
    body = {"videoid": video, "comment": "to the ticket"}
    assert request("POST", f"{society.gateway.url}/comment", body, bearer(token)).status == 201
    page.wait_for_function("heard.at(-1).comment === 'to the ticket'", timeout=5_000)


def test_two_pages_renew_at_once(society, visit, video, name):
    register(society, name)
    first = signed_in(visit(society, video), name)
    second = visit(society, video, beside=first).wait_live()
    # Both had been answered 401 at the same moment, whenever their turn comes.
    start = """(sent) => {
        window.renewal = (async () => {
            const { identity } = await import("/app/identity.js");
            const [is] = await Promise.all([identity.renewed(sent), identity.renewed(sent)]);
            return [is, JSON.parse(localStorage["chorus.session"]).since >= sent];
        })();
    }"""
    # A request that a busy machine did not answer in time is tried again later: nobody can say yet.
    for _ in range(3):
        before = token_calls(society)
        sent = first.evaluate("Date.now()")
        for page in (first, second):
            page.evaluate(start, sent)
        said = [page.evaluate("window.renewal") for page in (first, second)]
        if all(is_renewed is not None for is_renewed, _ in said):
            break
        time.sleep(2)
    assert said == [[True, True], [True, True]]
    assert token_calls(society) - before == 1
    # Without locks both ask, within the grace.
    for page in (first, second):
        page.evaluate("Object.defineProperty(navigator, 'locks', { value: undefined })")
    sent = first.evaluate("Date.now()")
    for page in (first, second):
        page.evaluate(start, sent)
    for page in (first, second):
        assert page.evaluate("window.renewal")[0] is True
    for page in (first, second):
        page.say(f"still {name}")
    wait_until(lambda: len(first.texts) == 2, "both write")
    first.assert_quiet()


def mint(stack, name, seconds):
    """A token that is good for so many seconds more, the 60 s for clocks that differ among them."""
    key = json.loads(stack.signing_key.read_text())

    def encoded(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")
    now = int(time.time())
    head = encoded(json.dumps({"alg": "EdDSA", "kid": key["kid"]}).encode())
    text = head + b"." + encoded(json.dumps({"sub": name, "iat": now - 900, "exp": now - 60 + seconds}).encode())
    folder = stack.signing_key.parent
    # An Ed25519 key in PKCS #8 (RFC 8410).
    secret = bytes.fromhex("302e020100300506032b657004220420") + base64.urlsafe_b64decode(key["d"] + "==")
    (folder / "key.der").write_bytes(secret)
    (folder / "text").write_bytes(text)
    run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", folder / "key.der", "-keyform", "DER", "-in", folder / "text",
         "-out", folder / "signature"])
    return (text + b"." + encoded((folder / "signature").read_bytes())).decode()


def test_a_token_that_ends_costs_nothing(society, visit, video, name):
    """The stream ends with its token, is taken up with the next one, and nothing is lost or seen twice."""
    token = register(society, name)
    page = signed_in(visit(society, video), name)
    page.page.goto("about:blank")
    time.sleep(0.5)
    page.page.context.add_cookies([{
        "name": "chorus_session", "value": mint(society, name, 5), "url": society.gateway.url, "httpOnly": True,
        "secure": True, "sameSite": "Lax"}])
    def streams():
        """The streams that have ended: nginx logs a request at its end."""
        return [line for line in society.access_log.splitlines() if "/connect?" in line and f"videoid={video}" in line]
    before, earlier = token_calls(society), len(streams())
    page.page.goto(f"{society.gateway.url}/watch/{video}")
    page.wait_live()
    assert token_calls(society) == before
    sent = []
    end = time.monotonic() + 9
    while time.monotonic() < end:
        body = {"videoid": video, "comment": f"number {len(sent)}"}
        if request("POST", f"{society.comment_api.url}/comment", body, bearer(token)).status == 201:
            sent.append(body["comment"])
        time.sleep(0.3)
    page.wait_text(sent[-1])
    assert page.texts == sent
    assert token_calls(society) - before == 1
    page.wait_live().assert_quiet()
    page.page.goto("about:blank")
    wait_until(lambda: len(streams()) >= earlier + 2, "both streams are in the log")
    assert ["lastEventId=" in line for line in streams()[earlier:]] == [False, True]


def test_a_request_with_an_old_token_is_sent_again(society, visit, video, name):
    register(society, name)
    page = signed_in(visit(society, video), name)
    page.page.context.clear_cookies(name="chorus_session")
    before = token_calls(society)
    page.say("with the next one")
    page.wait_text("with the next one")
    page.wait_for("document.querySelector('.row.own').dataset.phase === 'sent'", "it is sent")
    assert token_calls(society) - before == 1


def test_a_suspension_ends_a_stream(society, visit, video, name):
    register(society, name)
    page = signed_in(visit(society, video), name)
    url = f"{society.gateway.url}/api/users/{name}/suspension"
    begun = time.monotonic()
    assert request("PUT", url, {"seconds": 3600}, MODERATOR).status == 200
    wait_until(lambda: page.status != "live", "the stream ends", 6)
    took = time.monotonic() - begun
    print(f"a suspension ended the stream after {took:.1f} s")
    assert took <= 5
    page.wait_status("failed")
    assert page.page.inner_text(".status") == "suspended"
    page.page.click("[aria-label=You]")
    page.page.click("text=Sign in, or create an account")
    assert problem(page) == "This account is suspended."
    assert request("DELETE", url, None, MODERATOR).status == 200


# --- For everybody

@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("size", [(390, 844), (1440, 900)], ids=["phone", "desktop"])
def test_axe_finds_nothing_in_the_way_in(society, visit, video, name, theme, size):
    register(society, name)
    page = visit(society, video, viewport=dict(zip(["width", "height"], size)), color_scheme=theme).wait_live()

    def check(state):
        page.wait_for("!document.getAnimations().some((one) => one.effect.getTiming().iterations === 1)", "it is drawn")
        results = Axe().run(page.page)
        assert results.violations_count == 0, f"{state}: {results.generate_report()}"
        assert all_targets(page) == [], state
    page.page.click("[aria-label=You]")
    check("you, out")
    page.page.click("text=Sign in, or create an account")
    check("sign in")
    fill(page, username=name, password="wrong words")
    problem(page)
    check("wrong password")
    page.page.click("text=Create an account")
    check("sign up")
    page.page.click("text=I have an account")
    fill(page, username=name, password=PASSWORD)
    page.page.wait_for_selector("dialog", state="detached")
    page.page.click("[aria-label=You]")
    check("you, in")
    page.page.click("text=Settings")
    page.page.wait_for_selector("text=Profile")
    check("settings")


def test_signing_in_by_keyboard(society, visit, video, name):
    register(society, name)
    page = visit(society, video).wait_live()
    keyboard = page.page.keyboard
    page.page.focus("#message")
    keyboard.type("by keyboard")
    keyboard.press("Enter")
    page.page.wait_for_selector("[name=username]:focus")
    keyboard.type(name)
    keyboard.press("Tab")
    keyboard.type(PASSWORD)
    keyboard.press("Enter")
    page.wait_text("by keyboard")
    assert page.evaluate("document.activeElement.id") == "message"


# --- The product

def test_make_up_starts_a_world_with_accounts(binaries, tmp_path):
    """`Orchestrator up --demo`: everybody may watch, who writes has an account, and people do."""
    port = free_port()
    folder = tempfile.mkdtemp(prefix="chorus-up-")
    os.chmod(folder, 0o755)
    with open(tmp_path / "up.log", "wb") as log:
        product = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "--", binaries / "Orchestrator", "up", "--demo", "--port", str(port),
             "--folder", folder], stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: product.poll() is not None or get(f"{url}/health").status == 200, "it is up", 60)
        history = wait_until(lambda: get(f"{url}/history?videoid=harbour").json.get("comments"), "somebody writes", 20)
        assert history[0]["userid"] in ("anna", "ben", "chloe")
        body = {"userid": "anna", "videoid": "harbour", "comment": "not me"}
        assert request("POST", f"{url}/comment", body).status == 401
        user = {"username": "rosa", "email": "rosa@example.org", "password": PASSWORD}
        token = request("POST", f"{url}/api/users/register", user).json["access_token"]
        assert request("POST", f"{url}/comment", body, bearer(token)).status == 403
        own = {"videoid": "harbour", "comment": "me"}
        answers = [request("POST", f"{url}/comment", own, bearer(token)) for _ in range(12)]
        assert answers[0].status == 201 and answers[-1].status == 429
        assert int(answers[-1].headers["Retry-After"]) >= 1
    finally:
        product.send_signal(signal.SIGINT)
        code = product.wait(30)
        shutil.rmtree(folder)
    assert code == 0, (tmp_path / "up.log").read_text()
