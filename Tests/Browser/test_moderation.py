"""Reports and moderation in Chromium."""
import pytest
from axe_playwright_python.sync_playwright import Axe
from processes import get, request, run, wait_until
from test_accounts import bearer
from test_app import all_targets
from test_posts import api, at, names, people, posts, wait_post, write  # noqa: F401: fixtures


@pytest.fixture
def moderator(society, people, names):
    """One of the accounts, made a moderator before it signs in."""
    run(["psql", "--no-psqlrc", "-qc", f"UPDATE users SET role = 'moderator' WHERE user_id = '{names[2]}'", society.postgres.url])
    yield names[2]
    answer = request("POST", f"{society.gateway.url}/api/users/login", {"username": names[2], "password": "correct horse"})
    api(society, "PUT", "/api/moderation/words", answer.json["access_token"], {"words": []})


def report(page, reason):
    """Fills the form that a button opened."""
    page.page.wait_for_selector(".panel [name=reason]")
    page.page.fill("[name=reason]", reason)
    page.page.press("[name=reason]", "Enter")
    page.page.wait_for_selector("text=A moderator looks at it")
    page.page.keyboard.press("Escape")


def listed(page, text):
    """The entry of what was reported, on the moderators' page."""
    return page.page.wait_for_selector(f".hit:has-text('{text}')")


def test_what_is_reported_is_removed(society, visit, people, names, moderator):
    ana, ben, _ = names
    post = write(society, people[ana], f"<img src=x onerror=alert(1)> of {ana}")
    page = at(society, visit, ben, f"/posts/{post}")
    page.page.click(".post-more >> text=Report")
    report(page, f"not nice, {ana}")
    mine = at(society, visit, moderator, "/moderation")
    entry = listed(mine, f"of {ana}")
    assert "post, one report" in entry.inner_text()
    assert f"{ben}: not nice, {ana}" in entry.inner_text()
    assert entry.query_selector("img") is None, "what people write is text"
    entry.query_selector("text=Remove").click()
    entry.wait_for_selector("text=Done: remove.")
    wait_until(lambda: get(f"{society.gateway.url}/api/posts/{post}").status == 404, "the post is gone")
    mine.page.reload()
    mine.page.wait_for_selector(".hit, .list-end .title")
    assert f"of {ana}" not in mine.page.inner_text("main"), "nothing is left to do"
    mine.assert_quiet()
    page.assert_quiet()


def test_a_comment_and_a_person_are_reported(society, visit, people, names, moderator):
    ana, ben, _ = names
    post = write(society, people[ana], f"talk with {ana}")
    comment = api(society, "POST", f"/api/posts/{post}/comments", people[ana], {"content": f"rude {ana}"})["comment"]["id"]
    page = at(society, visit, ben, f"/posts/{post}").wait_live()
    page.wait_text(f"rude {ana}")
    page.page.click(".row.comment")
    page.page.click(".actions >> text=Report")
    report(page, "rude")
    page.page.goto(f"{society.gateway.url}/people/{ana}")
    page.page.click(".person >> text=Report")
    report(page, f"always rude, {ana}")
    mine = at(society, visit, moderator, "/moderation")
    entry = listed(mine, f"rude {ana}")
    entry.query_selector("text=Hold").click()
    entry.wait_for_selector("text=Done: hold.")
    found = request("GET", f"{society.gateway.url}/api/comments/{comment}", None, bearer(people[ben]))
    assert found.json["comment"]["removed"] is True and f"rude {ana}" not in str(found.json), "others see where it was"
    person = listed(mine, f"always rude, {ana}")
    assert "user, one report" in person.inner_text()
    # Others see nothing of a limited author; the author does.
    person.query_selector("text=Limit the author").click()
    person.wait_for_selector("text=Done: limit.")
    assert request("GET", f"{society.gateway.url}/api/posts/{post}", None, bearer(people[ben])).status == 404
    assert request("GET", f"{society.gateway.url}/api/posts/{post}", None, bearer(people[ana])).status == 200
    mine.assert_quiet()


def test_words_hold_and_refuse(society, visit, people, names, moderator):
    ana, ben, _ = names
    hold, refuse = f"hold{ana[-8:]}", f"refuse{ana[-8:]}"
    mine = at(society, visit, moderator, "/moderation")
    mine.page.fill(".writing textarea", f"{hold}\n{refuse} refuse")
    mine.page.click(".writing >> text=Save")
    mine.page.wait_for_selector("text=Saved.")
    post = write(society, people[ana], f"a {hold} b")
    assert request("GET", f"{society.gateway.url}/api/posts/{post}", None, bearer(people[ben])).status == 404, "it is held"
    page = at(society, visit, ana, "/feed")
    page.page.fill(".writing textarea", f"a {refuse} b")
    page.page.click("text=Publish")
    page.page.wait_for_selector(".writing .problem:not(:empty)")
    assert page.page.input_value(".writing textarea") == f"a {refuse} b", "what was written is not lost"
    mine.page.reload()
    mine.page.wait_for_selector(".writing textarea")
    expected = f"{hold} hold\n{refuse} refuse"
    wait_until(lambda: mine.page.input_value(".writing textarea") == expected, "the words are shown again")
    mine.assert_quiet()


def test_the_page_is_for_moderators(society, visit, people, names):
    page = at(society, visit, names[0], "/moderation")
    page.page.wait_for_selector("text=This account is none")
    assert page.page.query_selector(".hit") is None
    answer = request("GET", f"{society.gateway.url}/api/moderation/reports", None, bearer(people[names[0]]))
    assert answer.status == 403


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("size", [(390, 844), (1440, 900)], ids=["phone", "desktop"])
def test_axe_finds_nothing(society, visit, people, names, moderator, theme, size):
    ana, ben, _ = names
    post = write(society, people[ana], f"reported, {ana}")
    look = {"viewport": dict(zip(["width", "height"], size)), "color_scheme": theme}

    def check(page, state):
        page.wait_for("!document.getAnimations().some((one) => one.effect.getTiming().iterations === 1)", "it is drawn")
        results = Axe().run(page.page)
        assert results.violations_count == 0, f"{state}: {results.generate_report()}"
        assert all_targets(page) == [], state
    page = at(society, visit, ben, f"/posts/{post}", **look)
    wait_post(page, f"reported, {ana}")
    page.page.click(".post-more >> text=Report")
    page.page.wait_for_selector("[name=reason]")
    check(page, "the report's form")
    page.page.fill("[name=reason]", "why")
    page.page.press("[name=reason]", "Enter")
    page.page.wait_for_selector("text=A moderator looks at it")
    check(page, "reported")
    mine = at(society, visit, moderator, "/moderation", **look)
    listed(mine, f"reported, {ana}")
    check(mine, "moderation")
