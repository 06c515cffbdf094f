import assert from "node:assert/strict";
import test from "node:test";
import { Announcer, Sampler } from "../../../web/app/core/legible.js";
import { cleaned, figure, isId, mentions, position } from "../../../web/app/core/common.js";
import { Latencies, OpenLoop } from "../../../web/app/core/load.js";
import { forAll } from "./random.mjs";

test("above 8 a second 8 are shown, spread over it; below all; one's own always", () => {
  for (const rate of [1, 7, 8, 9, 20, 143, 400]) {
    const sampler = new Sampler();
    const shown = [];
    for (let now = 0; now < 20_000; now += 1_000 / rate) if (sampler.take(10_000 + now, false)) shown.push(now);
    const steady = shown.filter((now) => now >= 10_000);
    assert.ok(Math.abs(steady.length / 10 - Math.min(rate, 8)) <= 0.3, `${rate}: ${steady.length / 10}`);
    const said = sampler.rate(10_000 + 20_000);
    assert.ok(Math.abs(said.rate - rate) <= 1 && said.shown <= 9 && said.isSampled === rate > 8, JSON.stringify(said));
    for (let own = 0; own < 30; own += 1) assert.equal(sampler.take(30_000, true), true);
  }
});

test("what was missed is shown after a connect, and then it is sampled again", () => {
  const sampler = new Sampler();
  sampler.connected(1_000);
  let shown = 0;
  for (let count = 0; count < 300; count += 1) shown += sampler.take(1_100, false);
  assert.equal(shown, 100);
  const later = new Sampler();
  later.connected(1_000);
  shown = 0;
  for (let count = 0; count < 300; count += 1) shown += later.take(9_000, false);
  assert.equal(shown, 8);
});

test("at most one sentence in four seconds, which counts all of them", () => {
  forAll(200, (random) => {
    const announcer = new Announcer();
    announcer.mode = random.pick(["all", "summary"]);
    let said = [];
    let heard = 0;
    for (let now = 0; now < 60_000; now += 1 + random.below(900)) {
      if (random.next() < 0.7) {
        heard += 1;
        announcer.heard({ userid: "ana", text: `word ${heard}`, isMention: random.next() < 0.05 });
      }
      const sentence = announcer.say(now);
      if (sentence) said.push({ now, sentence });
    }
    for (let index = 1; index < said.length; index += 1) assert.ok(said[index].now - said[index - 1].now >= 4_000);
    assert.ok(said.length > 5);
  });
  const announcer = new Announcer();
  for (let count = 1; count <= 12; count += 1) announcer.heard({ userid: "Ana", text: `no. ${count}`, isMention: false });
  assert.equal(announcer.say(0), "12 comments; Ana: no. 12");
  announcer.heard({ userid: "Bo", text: "hi", isMention: false });
  assert.equal(announcer.say(3_999), null);
  assert.equal(announcer.say(4_000), "Bo: hi");
  announcer.mode = "off";
  announcer.heard({ userid: "Bo", text: "hi", isMention: true });
  assert.equal(announcer.say(9_000), null);
});

test("a mention outlives what came after it", () => {
  const announcer = new Announcer();
  announcer.heard({ userid: "bo", text: "@me hello", isMention: true });
  announcer.heard({ userid: "cy", text: "noise", isMention: false });
  assert.equal(announcer.say(0), "2 comments; bo: @me hello");
});

test("ids, positions, mentions and figures", () => {
  assert.ok(isId("a.B_9-:") && !isId("") && !isId("a b") && !isId("é") && !isId("x".repeat(129)));
  assert.deepEqual(position("17.k3f9"), { offset: 17, epoch: "k3f9" });
  assert.deepEqual([position("0.0"), position("x"), position(null)], [null, null, null]);
  assert.ok(mentions("hey @Ana!", "ana") && mentions("@ana", "ana") && !mentions("@anabel", "ana") && !mentions("ana", "ana"));
  assert.equal(cleaned(" a\r\nb\u0007\u0085 "), "a\nb");
  assert.deepEqual([0, 1204, 99_999, 123_400, 200_000, 999_960, 12_345_678].map(figure),
    ["0", "1,204", "99,999", "123.4k", "200k", "1m", "12.3m"]);
});

test("an open loop keeps its rate, and says what it dropped", () => {
  const loop = new OpenLoop(0);
  let started = 0;
  for (let now = 50; now <= 10_000; now += 50) {
    const count = loop.due(now, 20);
    started += count;
    for (let each = 0; each < count; each += 1) loop.ended(true);
  }
  assert.ok(Math.abs(started - 200) <= 1 && loop.dropped === 0 && loop.acknowledged === started);
  assert.equal(loop.due(110_000, 20), 32, "no more than 32 are under way");
  assert.ok(loop.dropped > 1_900);
});

test("percentiles by nearest rank", () => {
  const latencies = new Latencies();
  assert.equal(latencies.percentile(0.5), null);
  for (let value = 1; value <= 100; value += 1) {
    latencies.sent(`k${value}`, 0);
    latencies.seen(`k${value}`, value);
    latencies.seen(`k${value}`, 9_999);
  }
  assert.deepEqual([latencies.percentile(0.5), latencies.percentile(0.99)], [50, 99]);
});
