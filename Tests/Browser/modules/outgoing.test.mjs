import assert from "node:assert/strict";
import test from "node:test";
import { newKey } from "../../../web/app/core/common.js";
import { Outgoing } from "../../../web/app/core/optimistic.js";
import { forAll } from "./random.mjs";

test("a key is what Idempotency-Key allows", () => {
  const keys = Array.from({ length: 500 }, () => newKey());
  assert.equal(new Set(keys).size, 500);
  for (const key of keys) assert.match(key, /^[A-Za-z0-9_-]{16,64}$/);
});

test("sending, will appear, and failed", () => {
  const stored = new Outgoing("k", "hi", 0);
  stored.answered({ status: 202 }, 1);
  assert.equal(stored.phase, "stored");
  stored.seen();
  assert.equal(stored.phase, "sent");
  const refused = new Outgoing("k", "hi", 0);
  refused.answered({ status: 409, error: "taken" }, 1);
  assert.deepEqual([refused.phase, refused.reason], ["failed", "taken"]);
  assert.equal(refused.again(5), true);
  assert.equal(refused.phase, "sending");
});

test("whatever is lost, every attempt has one key, and it ends", () => {
  forAll(1_000, (random) => {
    const server = new Set();
    const outgoing = new Outgoing("one-key-for-all-of-it", "hi", 0, random.next);
    let now = 0;
    for (let attempt = 1; outgoing.phase === "sending"; attempt += 1) {
      assert.ok(attempt < 60, "it goes on for ever");
      server.add(outgoing.key);
      const status = random.pick([0, 0, 502, 503, 504, 429, 201, 202]);
      outgoing.answered({ status, retryAfter: random.pick([0, 1_000]) }, now);
      if (random.next() < 0.05) outgoing.seen();
      if (outgoing.phase !== "waiting") break;
      assert.equal(outgoing.timer(outgoing.deadline - 1), false);
      now = outgoing.deadline;
      assert.equal(outgoing.timer(now), true);
    }
    assert.equal(server.size, 1);
    assert.ok(["sent", "stored", "failed"].includes(outgoing.phase));
    if (outgoing.phase === "failed") assert.ok(now > 60_000 - 15_000);
  });
});
