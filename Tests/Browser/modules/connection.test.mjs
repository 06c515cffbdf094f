import assert from "node:assert/strict";
import test from "node:test";
import { Connection } from "../../../web/app/core/connection.js";
import { forAll, generator } from "./random.mjs";

/** Drives a connection and keeps what the world would: which stream is open, and since when. */
class World {
  now = 1_000_000;
  open = null;
  opened = [];
  renewals = 0;

  constructor(random = generator(1)) {
    this.connection = new Connection(random.next);
  }

  send(event) {
    for (const action of this.connection.on(event, this.now)) {
      if (action.do === "renew") this.renewals += 1;
      else if (action.do === "close") {
        assert.notEqual(this.open, null, "closed what was not open");
        this.open = null;
      } else {
        assert.equal(this.open, null, "two streams at once");
        this.open = action.stream;
        this.opened.push({ ...action, at: this.now });
      }
    }
    return this;
  }

  stream(event) {
    return this.send({ ...event, stream: this.open });
  }

  /** Until the next deadline at most. */
  pass(milliseconds) {
    const due = this.connection.deadline;
    this.now = due === null ? this.now + milliseconds : Math.min(this.now + milliseconds, Math.max(due, this.now));
    if (due !== null && this.now >= due) this.send({ type: "timer" });
    return this;
  }

  live(position = "1.a") {
    return this.send({ type: "want" }).stream({ type: "connected", position });
  }
}

test("a new attempt has the last position, and begins at the base", () => {
  const world = new World().live("17.k3f9");
  world.stream({ type: "position", position: "18.k3f9" }).stream({ type: "ended" });
  assert.equal(world.connection.status, "reconnecting");
  world.pass(60_000);
  assert.deepEqual(world.opened.map(({ position }) => position), [null, "18.k3f9"]);
  assert.ok(world.opened[1].at - world.opened[0].at <= 250, "the first attempt comes at once");
});

test("three refusals, then live: one connection, each wait longer and jittered", () => {
  const waits = new Set();
  forAll(50, (random) => {
    const world = new World(random).send({ type: "want" });
    for (let refusal = 1; refusal <= 3; refusal += 1) {
      world.stream({ type: "refused", status: 503, retryAfter: 0 }).pass(60_000);
      const [before, after] = world.opened.slice(-2);
      const wait = after.at - before.at;
      assert.ok(wait >= 125 * 2 ** (refusal - 1) - 1 && wait <= 250 * 2 ** (refusal - 1) + 1, `wait ${refusal}: ${wait}`);
      waits.add(Math.round(wait));
    }
    world.stream({ type: "connected", position: "0.0" });
    assert.equal(world.connection.status, "live");
  });
  assert.ok(waits.size > 60);
});

test("Retry-After and retry are kept to", () => {
  const world = new World().live();
  world.stream({ type: "refused", status: 503, retryAfter: 4_000 });
  const wait = world.connection.deadline - world.now;
  assert.ok(wait >= 4_000 && wait <= 5_000);
  world.pass(10_000).stream({ type: "reconnect", retry: 2_500 });
  assert.ok(world.connection.deadline - world.now >= 2_500);
});

test("silence is the end of a stream, and bytes are not silence", () => {
  const world = new World().live();
  for (let heartbeat = 0; heartbeat < 144; heartbeat += 1) world.pass(25_000).stream({ type: "alive" });
  assert.equal(world.opened.length, 1, "an idle hour");
  world.pass(60_000);
  assert.equal(world.connection.phase, "waiting");
});

test("hidden for a minute it is closed, and opens when it is seen", () => {
  const world = new World().live().send({ type: "hidden" }).pass(30_000).stream({ type: "alive" }).pass(30_000);
  assert.equal(world.open, null);
  assert.equal(world.connection.status, "paused");
  world.send({ type: "visible" });
  assert.notEqual(world.open, null);
});

test("a refusal for good is not repeated", () => {
  const world = new World().send({ type: "want" }).stream({ type: "refused", status: 400 });
  assert.equal(world.connection.status, "failed");
  assert.equal(world.connection.deadline, null);
});

test("other photos: the same stream is opened anew at the same place", () => {
  const world = new World().live("5.a").send({ type: "again" });
  assert.deepEqual(world.opened.map(({ position }) => position), [null, "5.a"]);
});

test("whatever happens: one stream, never without a way on, and live in the end", () => {
  forAll(2_000, (random) => {
    const world = new World(random).send({ type: "want" });
    const seen = { online: true, hidden: null, wanted: true };
    for (let step = 0; step < 120; step += 1) {
      const stale = world.open === null ? 0 : world.open - random.below(2);
      const event = random.pick([
        { type: "online" }, { type: "offline" }, { type: "hidden" }, { type: "visible" }, { type: "want" }, { type: "again" },
        { type: "unwant" }, { type: "alive", stream: stale }, { type: "connected", position: `${step}.a`, stream: stale },
        { type: "position", position: `${step}.a`, stream: stale }, { type: "ended", stream: stale },
        { type: "reconnect", retry: random.below(4_000), stream: stale },
        { type: "reconnect", reason: "token_expired", stream: stale }, { type: "refused", status: 401, stream: stale },
        { type: "renewed", isRenewed: random.below(3) > 0 },
        { type: "refused", status: 503, retryAfter: random.below(3_000), stream: stale }, { type: "pass" }, { type: "pass" }]);
      const { phase } = world.connection;
      if (event.type === "pass") world.pass(random.below(40_000));
      else {
        // A fetch that ended or was refused is no longer open in the world.
        if (["ended", "refused"].includes(event.type) && stale === world.open && world.open !== null) {
          world.stream(event);
        } else world.send(event);
      }
      if (event.type === "online" || event.type === "offline") seen.online = event.type === "online";
      if (event.type === "want" || event.type === "unwant") seen.wanted = event.type === "want";
      if (event.type === "visible") seen.hidden = null;
      if (event.type === "hidden") seen.hidden ??= world.now;
      const after = world.connection.phase;
      assert.equal(world.open !== null, after === "opening" || after === "live", `${phase} → ${after} by ${event.type}`);
      if (!seen.online || !seen.wanted) assert.equal(world.open, null, `open by ${event.type}`);
      if (world.open !== null || after === "waiting" || after === "expired") assert.notEqual(world.connection.deadline, null);
    }
    world.send({ type: "online" }).send({ type: "visible" }).send({ type: "want" });
    for (let attempt = 0; attempt < 3 && world.open === null; attempt += 1) world.pass(31_000);
    assert.notEqual(world.open, null);
    world.stream({ type: "connected", position: "999.a" });
    assert.equal(world.connection.status, "live");
  });
});

test("a token that ended is renewed, and the place is kept", () => {
  for (const end of [{ type: "reconnect", reason: "token_expired", retry: 10 }, { type: "refused", status: 401 }]) {
    const world = new World().live("17.k3f9");
    world.stream({ type: "position", position: "18.k3f9" });
    world.renewals = 0;
    world.stream(end);
    assert.deepEqual([world.connection.phase, world.connection.status, world.renewals], ["expired", "reconnecting", 1]);
    world.send({ type: "renewed", isRenewed: true });
    assert.deepEqual(world.opened.map(({ position }) => position), [null, "18.k3f9"]);
    world.stream({ type: "connected", position: "20.k3f9" });
    assert.equal(world.connection.status, "live");
  }
});

test("a page that does not answer is asked again; without a token it is over; a token that does not help is the last", () => {
  const silent = new World().live();
  silent.stream({ type: "reconnect", reason: "token_expired" });
  for (let time = 0; time < 3; time += 1) silent.pass(60_000);
  assert.equal(silent.renewals, 4);
  silent.send({ type: "renewed", isRenewed: false });
  assert.equal(silent.connection.status, "failed");

  const useless = new World().live();
  useless.stream({ type: "refused", status: 401 }).send({ type: "renewed", isRenewed: true });
  useless.stream({ type: "refused", status: 401 });
  assert.deepEqual([useless.renewals, useless.connection.status], [1, "failed"]);
});
