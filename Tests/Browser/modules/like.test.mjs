import assert from "node:assert/strict";
import test from "node:test";
import { Like } from "../../../web/app/core/optimistic.js";
import { forAll } from "./random.mjs";

test("a press is painted at once, and once", () => {
  const like = new Like();
  like.learned({ count: 5, version: 1, liked: false });
  assert.equal(like.press(0), true);
  assert.deepEqual([like.liked, like.count], [true, 6]);
  // Its own event, before its answer.
  like.learned({ count: 6, version: 2 });
  assert.equal(like.count, 6);
  assert.equal(like.answered({ liked: true, count: 6, version: 2 }, 10), false);
  assert.deepEqual([like.liked, like.count, like.isPending], [true, 6, false]);
});

test("503 and no answer are tried again, a refusal for good is taken back", () => {
  const like = new Like(() => 1);
  like.learned({ count: 5, version: 1, liked: false });
  like.press(0);
  for (const status of [503, 0, 429]) {
    assert.equal(like.answered({ status, retryAfter: 1_000 }, 0), false);
    assert.equal(like.count, 6);
    assert.ok(like.deadline >= 1_000);
    assert.equal(like.timer(like.deadline - 1), false);
    assert.equal(like.timer(like.deadline), true);
  }
  like.answered({ status: 400 }, 0);
  assert.deepEqual([like.liked, like.count], [false, 5]);
});

test("never negative", () => {
  const like = new Like();
  like.learned({ count: 0, version: 1, liked: true });
  like.press(0);
  assert.equal(like.count, 0);
});

test("the largest version wins in every order of answers and events; what was pressed last is what is asked last", () => {
  forAll(1_000, (random) => {
    const like = new Like(random.next);
    // The server's history: each change has a version. Mine are among them.
    const server = { liked: false, count: random.below(4), version: 1 };
    const states = [{ ...server }];
    const answers = [];
    let now = 0;
    let wanted = false;
    let isAsked = false;
    const ask = (should) => {
      if (!should) return;
      assert.equal(isAsked, false, "two requests at once");
      isAsked = true;
      const isLost = random.next() < 0.2;
      if (!isLost || random.next() < 0.5) {
        if (server.liked !== like.liked) {
          server.liked = like.liked;
          server.count += like.liked ? 1 : -1;
          server.version += 1 + random.below(3);
          states.push({ ...server });
        }
      }
      answers.push(isLost ? { status: random.pick([0, 503]) } : { ...server });
    };
    const answer = () => {
      if (!answers.length) return;
      isAsked = false;
      ask(like.answered(answers.shift(), now));
    };
    for (let step = 0; step < 40; step += 1) {
      now += random.below(500);
      const move = random.below(5);
      if (move === 0) {
        wanted = !like.liked;
        ask(like.press(now));
        assert.equal(like.liked, wanted);
      } else if (move === 1) answer();
      else if (move === 2) {
        const { count, version } = random.pick(states);
        like.learned({ count, version });
      } else if (move === 3) {
        server.count += 1;
        server.version += 1;
        states.push({ ...server });
      } else if (like.deadline !== null) ask(like.timer(like.deadline));
      assert.ok(like.count >= 0);
    }
    for (let round = 0; round < 100 && (answers.length || like.deadline !== null); round += 1) {
      answer();
      if (like.deadline !== null) ask(like.timer(like.deadline));
    }
    for (const { count, version } of random.shuffled(states)) like.learned({ count, version });
    assert.deepEqual([like.count, like.liked, like.isPending], [server.count, wanted, false]);
    assert.equal(server.liked, wanted);
  });
});
