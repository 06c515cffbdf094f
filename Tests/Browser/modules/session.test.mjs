import assert from "node:assert/strict";
import test from "node:test";
import { sentence, Session } from "../../../web/app/core/session.js";
import { forAll, generator } from "./random.mjs";

const LIFE = 900_000;

/** Some pages of one browser, what they keep together, and the service: it knows the last token it gave. */
class Browser {
  now = 1_000_000;
  kept = null;
  asked = [];

  constructor(pages, random = generator(1)) {
    this.random = random;
    this.pages = Array.from({ length: pages }, () => new Session(random.next));
    this.holder = null;
    this.queue = [];
  }

  send(page, event) {
    for (const action of page.on(event, this.now)) {
      if (action.do === "keep") this.#keep(page, action.kept);
      else this.queue.push({ page, since: page.kept.since });
    }
    return this;
  }

  signIn(userid = "ana") {
    return this.send(this.pages[0], { type: "signedIn", userid, life: LIFE });
  }

  /** The lock goes to the next that waits; `answer` is the service's. */
  serve(answer) {
    const next = this.queue.shift();
    if (!next) return null;
    const { page, since } = next;
    if (this.kept?.since !== since) this.send(page, { type: "kept", kept: this.kept });
    else {
      this.asked.push(this.now);
      this.send(page, answer);
    }
    return page;
  }

  timers() {
    for (const page of this.pages) if (page.deadline !== null && this.now >= page.deadline) this.send(page, { type: "timer" });
  }

  #keep(by, kept) {
    this.kept = kept;
    for (const page of this.pages) if (page !== by) this.send(page, { type: "kept", kept });
  }
}

test("a token is renewed before it ends, and once for all pages", () => {
  const browser = new Browser(5).signIn();
  assert.deepEqual(browser.pages.map((page) => page.userid), Array(5).fill("ana"));
  const due = browser.pages[0].deadline;
  assert.equal(due, browser.now + LIFE - 120_000);
  browser.now = due;
  browser.timers();
  assert.equal(browser.queue.length, 5);
  while (browser.serve({ type: "renewed", life: LIFE }));
  assert.equal(browser.asked.length, 1);
  for (const page of browser.pages) {
    assert.equal(page.phase, "in");
    assert.equal(page.kept.until, due + LIFE);
  }
});

test("a short token is renewed after four fifths of it", () => {
  const session = new Session();
  session.on({ type: "signedIn", userid: "ana", life: 30_000 }, 0);
  assert.equal(session.deadline, 24_000);
  assert.deepEqual(session.on({ type: "timer" }, 23_999), []);
  assert.deepEqual(session.on({ type: "timer" }, 24_000), [{ do: "renew" }]);
});

test("a refusal of what was sent before the token of now renews nothing", () => {
  const session = new Session();
  session.on({ type: "signedIn", userid: "ana", life: LIFE }, 1_000);
  assert.deepEqual(session.on({ type: "unauthorized", sent: 999 }, 2_000), []);
  assert.deepEqual(session.on({ type: "unauthorized", sent: 1_500 }, 2_000), [{ do: "renew" }]);
  assert.deepEqual(session.on({ type: "unauthorized", sent: 1_600 }, 2_000), [], "one is under way");
});

test("a refusal ends it and says why; what was only in the way is tried again later each time", () => {
  const session = new Session(() => 0.5);
  session.on({ type: "signedIn", userid: "ana", life: LIFE }, 0);
  let wait = 0;
  let now = session.deadline;
  for (let attempt = 0; attempt < 4; attempt += 1) {
    assert.deepEqual(session.on({ type: "timer" }, now), [{ do: "renew" }]);
    session.on({ type: "refused", status: attempt % 2 ? 503 : 0, retryAfter: 0 }, now);
    assert.equal(session.userid, "ana");
    assert.ok(session.deadline - now > wait);
    wait = session.deadline - now;
    now = session.deadline;
  }
  session.on({ type: "timer" }, now);
  session.on({ type: "refused", status: 429, retryAfter: 40_000 }, now);
  assert.ok(session.deadline >= now + 40_000);
  session.on({ type: "timer" }, session.deadline);
  const [{ kept }] = session.on({ type: "refused", status: 403, code: "account_suspended" }, now);
  assert.deepEqual([kept, session.userid, session.deadline, session.reason], [null, null, null, "account_suspended"]);
});

test("whatever happens in whatever order: pages agree, nobody is signed in twice, no page waits for nothing", () => {
  forAll(300, (random) => {
    const browser = new Browser(1 + random.below(4), random);
    for (let step = 0; step < 120; step += 1) {
      browser.now += random.below(200_000);
      const page = random.pick(browser.pages);
      const act = random.below(8);
      if (act === 0) browser.send(page, { type: "signedIn", userid: random.pick(["ana", "ben"]), life: LIFE });
      else if (act === 1 && random.below(4) === 0) browser.send(page, { type: "signedOut" });
      else if (act === 2) browser.send(page, { type: "unauthorized", sent: browser.now - random.below(300_000) });
      else if (act === 3) browser.timers();
      else {
        browser.serve(random.pick([
          { type: "renewed", life: LIFE }, { type: "renewed", life: LIFE }, { type: "refused", status: 0, retryAfter: 0 },
          { type: "refused", status: 401, code: "invalid_refresh_token" }]));
      }
      for (const each of browser.pages) {
        assert.equal(each.userid, browser.kept?.userid ?? null, "pages agree with what is kept");
        assert.equal(each.phase === "out", each.userid === null);
        const isAsking = browser.queue.some((one) => one.page === each);
        assert.ok(each.phase !== "renewing" || isAsking, "it waits for an answer that will come");
        assert.ok(each.phase !== "in" || each.deadline !== null, "it will be renewed");
      }
    }
  });
});

test("refusals are said in words", () => {
  const cases = [
    [{ status: 0 }, "Nobody answers. Is there a network?"],
    [{ status: 401, code: "invalid_credentials", error: "x" }, "The name or the password is wrong."],
    [{ status: 409, code: "username_taken" }, "Somebody has this name already. Take another one."],
    [{ status: 429, code: "rate_limited", retryAfter: 1_000 }, "Too many attempts. Try again in 1 second."],
    [{ status: 429, code: "rate_limited", retryAfter: 3_600_000 }, "Too many attempts. Try again in 60 minutes."],
    [{ status: 400, code: "invalid_user", error: "password must be 8 to 256 bytes" },
      "Password must be 8 to 256 bytes."],
    [{ status: 500 }, "That did not work."],
  ];
  for (const [answer, words] of cases) assert.equal(sentence(answer), words);
});
