"""Posts, people and pictures in Chromium."""
import struct
import time
import uuid
import zlib

import pytest
from axe_playwright_python.sync_playwright import Axe
from processes import get, request, wait_until
from test_accounts import PASSWORD, bearer, fill, register
from test_app import all_targets


def png(width, height, color):
    """A picture of one colour."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = b"".join(b"\0" + bytes(color) * width for _ in range(height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def picture(name="dusk.png", color=(200, 90, 40), size=(640, 400)):
    return {"name": name, "mimeType": "image/png", "buffer": png(*size, color)}


@pytest.fixture
def names():
    tail = uuid.uuid4().hex[:8]
    return [f"{name}_{tail}" for name in ("ana", "ben", "cleo")]


@pytest.fixture
def people(society, names):
    """Three accounts: their tokens by name."""
    return {name: register(society, name) for name in names}


def api(society, method, path, token, body=None):
    answer = request(method, society.gateway.url + path, body, bearer(token))
    assert answer.status in (200, 201), answer
    return answer.json


def write(society, token, text, **more):
    return api(society, "POST", "/api/posts", token, {"content": text, **more})["post"]["id"]


def at(society, visit, name, path, **options):
    """A page of somebody who is signed in."""
    page = visit(society, path="/settings", **options)
    page.page.wait_for_selector("[name=username]")
    fill(page, username=name, password=PASSWORD)
    page.page.wait_for_selector("text=Signed in as")
    page.page.goto(society.gateway.url + path)
    return page


def posts(page):
    return page.page.eval_on_selector_all(".post .post-text", "all => all.map((one) => one.textContent)")


def wait_post(page, text):
    wait_until(lambda: text in posts(page), lambda: f"'{text}' among {posts(page)[:5]}")


def likes(page, post):
    return page.page.inner_text(f".post[data-id='{post}'] .heart .figure")


# --- Writing

def test_a_post_with_pictures(society, visit, people, names):
    page = at(society, visit, names[0], "/feed")
    text = f"<img src=x onerror=alert(1)> & {names[0]}"
    page.page.fill(".writing textarea", text)
    page.page.set_input_files("[type=file]", [picture(), picture("night.png", (10, 20, 90))])
    page.page.wait_for_selector(".draft[data-phase=ready] >> nth=1")
    assert page.page.eval_on_selector_all(".draft img", "all => all.every((one) => one.naturalWidth > 0)")
    # One is taken away again.
    page.page.click(".draft >> nth=0 >> [aria-label='Take the picture away']")
    page.page.click("text=Publish")
    page.page.click(".tabs >> text=Everybody")
    wait_post(page, text)
    assert page.page.query_selector(".post-text img") is None
    page.wait_for("document.querySelector('.pictures img')?.naturalWidth > 0", "the picture is shown")
    post = page.page.query_selector(".post")
    assert len(post.query_selector_all(".pictures img")) == 1
    assert "/media/" in post.query_selector(".pictures img").get_attribute("src")
    # What was written is gone from the form, and from the device.
    assert page.page.input_value(".writing textarea") == ""
    page.page.reload()
    assert page.page.input_value(".writing textarea") == ""
    page.assert_quiet()


def test_what_is_being_written_stays(society, visit, people, names):
    page = at(society, visit, names[0], "/feed")
    page.page.fill(".writing textarea", "half a sent")
    page.page.reload()
    page.page.wait_for_selector(".writing")
    assert page.page.input_value(".writing textarea") == "half a sent"


def test_an_upload_is_seen_and_taken_back(society, visit, people, names):
    page = at(society, visit, names[0], "/feed")
    page.page.route("**/api/media", lambda route: None)
    with page.page.expect_request("**/api/media"):
        page.page.set_input_files("[type=file]", [picture()])
    assert page.page.get_attribute(".draft", "data-phase") == "sending"
    page.page.fill(".writing textarea", "words")
    assert page.page.is_disabled("text=Publish"), "a picture is on its way"
    page.page.click("[aria-label='Take the picture away']")
    assert not page.page.is_disabled("text=Publish")
    page.page.unroute("**/api/media")
    page.page.set_input_files("[type=file]", [{"name": "a.png", "mimeType": "image/png", "buffer": b"<html>no</html>"}])
    page.page.wait_for_selector(".draft[data-phase=failed] .problem:not(:empty)")
    assert page.page.is_disabled("text=Publish")
    page.page.set_input_files("[type=file]", [{"name": "a.svg", "mimeType": "image/svg+xml", "buffer": b"<svg/>"}])
    assert "JPEG" in page.page.inner_text(".writing > .problem")


# --- Reading

def test_the_list_grows_and_its_likes_are_live(society, visit, people, names):
    ana, ben, _ = names
    written = [write(society, people[ana], f"number {number} of {ana}") for number in range(45)]
    page = at(society, visit, ben, f"/people/{ana}")
    wait_post(page, f"number 44 of {ana}")
    assert len(posts(page)) < 45
    page.page.click(f".post[data-id='{written[-1]}'] .heart")
    wait_until(lambda: get(f"{society.gateway.url}/v1/likes/{written[-1]}/users").json.get("users"), "a like")
    assert likes(page, written[-1]) == "1"
    # Another one likes two of those that are seen: one stream tells of both.
    streams = lambda: society.access_log.count("GET /connect?") - before
    before = society.access_log.count("GET /connect?")
    for post in written[-2:]:
        api(society, "POST", "/like", people[names[2]], {"photoid": post})
    wait_until(lambda: (likes(page, written[-1]), likes(page, written[-2])) == ("2", "1"), "live likes")
    assert streams() <= 1

    def end():
        page.page.evaluate("document.querySelector('main').scrollTo(0, 1e9)")
        return len(posts(page)) == 45
    wait_until(end, lambda: f"all posts, are {len(posts(page))}")
    assert posts(page) == [f"number {number} of {ana}" for number in reversed(range(45))]
    # What is seen now is live too.
    page.page.evaluate(f"document.querySelector(\"[data-id='{written[0]}']\").scrollIntoView()")
    api(society, "POST", "/like", people[names[2]], {"photoid": written[0]})
    wait_until(lambda: likes(page, written[0]) == "1", "likes of the oldest")
    page.assert_quiet()


def test_follow_and_block(society, visit, people, names):
    ana, ben, _ = names
    write(society, people[ana], f"for followers of {ana}", visibility="followers")
    page = at(society, visit, ben, f"/people/{ana}")
    page.page.wait_for_selector("text=Nothing yet that you may see")
    page.page.click(".person >> text=Follow")
    page.page.wait_for_selector(".person >> text=Following")
    page.page.reload()
    wait_post(page, f"for followers of {ana}")
    page.page.click(".person >> text=Block")
    page.page.wait_for_selector(".person >> text=Unblock")
    wait_until(lambda: posts(page) == [], "nothing is seen of who is blocked")
    # Who is blocked does not find the profile.
    other = at(society, visit, ana, f"/people/{ben}")
    other.page.wait_for_selector("text=There is nobody of this name")
    page.assert_quiet()


def test_a_post_is_changed_and_removed_by_its_author_only(society, visit, people, names):
    ana, ben, _ = names
    post = write(society, people[ana], "before")
    other = at(society, visit, ben, f"/posts/{post}")
    wait_post(other, "before")
    assert not other.page.query_selector(".post-more >> text=Remove")
    page = at(society, visit, ana, f"/posts/{post}")
    page.page.click(".post-more >> text=Edit")
    page.page.fill(".one-post textarea", "after")
    page.page.click("text=Save")
    wait_post(page, "after")
    # Somebody else, or another page, changed it meanwhile.
    page.page.click(".post-more >> text=Edit")
    api(society, "PATCH", f"/api/posts/{post}", people[ana], {"content": "elsewhere", "revision": 2})
    page.page.fill(".one-post textarea", "too late")
    page.page.click("text=Save")
    page.page.wait_for_selector(".one-post .problem:not(:empty)")
    assert page.page.input_value(".one-post textarea") == "too late", "what was written is not lost"
    page.page.click("text=Leave it")
    page.page.click(".post-more >> text=Remove")
    assert get(f"{society.gateway.url}/api/posts/{post}").status == 200, "asked once more"
    page.page.click("text=Remove for good")
    page.page.wait_for_url("**/feed")
    other.page.reload()
    other.page.wait_for_selector("text=There is no such post")


def test_comments_of_a_post_are_live_answered_and_changed(society, visit, people, names):
    ana, ben, _ = names
    post = write(society, people[ana], f"talk about {ana}")
    page = at(society, visit, ana, f"/posts/{post}").wait_live()
    other = at(society, visit, ben, f"/posts/{post}").wait_live()
    page.say("the first")
    other.wait_text("the first")
    other.page.click(".row.comment >> text=the first")
    other.page.click(".actions >> text=Reply")
    other.page.type("#message", "an answer")
    other.page.press("#message", "Enter")
    page.wait_text(f"@{ana} an answer")
    assert page.page.inner_text(".row.comment:last-child .answers").strip() == f"to {ana}"
    page.page.click(".row.own")
    page.page.click(".actions >> text=Edit")
    assert page.page.input_value("#message") == "the first"
    page.say("the first, mended")
    for one in (page, other):
        one.wait_text("the first, mended")
        assert "the first" not in one.texts and "(edited)" in one.page.inner_text(".row.comment:first-child")
    # Only one's own can be changed.
    other.page.click(".row.comment >> text=mended")
    assert not other.page.query_selector(".actions >> text=Edit")
    page.page.click(".row.own")
    page.page.click(".actions >> text=Remove")
    other.page.wait_for_selector(".row.removed")
    # Who comes later finds it so too.
    other.page.reload()
    other.wait_text(f"@{ana} an answer")
    assert "the first, mended" not in other.texts
    page.assert_quiet()


def test_without_an_answer_the_list_says_so_and_tries_again(society, visit, people, names):
    write(society, people[names[0]], f"still here, {names[0]}")
    page = visit(society, path="/")
    page.page.route("**/api/posts*", lambda route: route.abort())
    page.page.goto(society.gateway.url + "/feed")
    page.page.wait_for_selector("text=Nobody answers")
    page.page.unroute("**/api/posts*")
    page.page.click("text=Try again")
    wait_post(page, f"still here, {names[0]}")


# --- For everybody

@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("size", [(390, 844), (1440, 900)], ids=["phone", "desktop"])
def test_axe_finds_nothing(society, visit, people, names, theme, size):
    ana = names[0]
    post = write(society, people[ana], "one for all")
    page = at(society, visit, ana, "/feed", viewport=dict(zip(["width", "height"], size)), color_scheme=theme)

    def check(state):
        page.wait_for("!document.getAnimations().some((one) => one.effect.getTiming().iterations === 1)", "it is drawn")
        results = Axe().run(page.page)
        assert results.violations_count == 0, f"{state}: {results.generate_report()}"
        assert all_targets(page) == [], state
    page.page.click(".tabs >> text=Everybody")
    wait_post(page, "one for all")
    page.page.set_input_files("[type=file]", [picture()])
    page.page.wait_for_selector(".draft[data-phase=ready]")
    check("feed")
    for path, there in [(f"/posts/{post}", ".post"), (f"/people/{ana}", ".post"), ("/search", "[type=search]"),
                        ("/settings", "text=Your data")]:
        page.page.goto(society.gateway.url + path)
        page.page.wait_for_selector(there)
        time.sleep(0.3)
        check(path)


def test_by_keyboard_alone(society, visit, people, names):
    ana, ben, _ = names
    post = write(society, people[ana], f"by keys, {ana}")
    page = at(society, visit, ben, f"/people/{ana}")
    wait_post(page, f"by keys, {ana}")
    press = page.page.keyboard.press
    focused = lambda: page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent")

    def to(start):
        for _ in range(30):
            press("Tab")
            if focused().startswith(start):
                return
        raise AssertionError(f"no {start} by Tab")
    to("Follow")
    press("Enter")
    page.page.wait_for_selector(".person >> text=Following")
    to("Like")
    press("Enter")
    wait_until(lambda: likes(page, post) == "1", "liked")
    to("Comments")
    press("Enter")
    page.page.wait_for_url(f"**/posts/{post}")
