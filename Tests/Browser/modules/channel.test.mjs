import assert from "node:assert/strict";
import test from "node:test";
import { Channel } from "../../../web/app/live/channel.js";

const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

/** A channel on a stream that the test writes, with a page that notes what it is told. */
function opened(t) {
  let writer;
  t.mock.method(globalThis, "fetch", async (url, { signal }) => {
    const { readable, writable } = new TransformStream();
    writer = writable.getWriter();
    signal.addEventListener("abort", () => writer.abort().catch(() => {}));
    return new Response(readable);
  });
  const channel = new Channel("/connect?videoid=v");
  const told = [];
  const wish = { photos: [], position: null, isVisible: true, isOnline: true };
  const page = {};
  channel.follow(page, wish, (message) => told.push({ ...message, at: performance.now() }));
  t.after(() => channel.leave(page));
  const send = (event, data, id) => writer.write(new TextEncoder().encode(`event: ${event}\ndata: ${JSON.stringify(data)}\nid: ${id}\n\n`));
  return { channel, told, wish, send };
}

const idsOf = (told) => told.flatMap(({ events }) => events ?? []).filter(({ event }) => event === "message").map(({ value }) => value.id);

test("one that comes alone is told at once, many are told together, and nothing is left out", async (t) => {
  const { told, send } = opened(t);
  await pause(5);
  await send("message", { type: "connected" }, "1.e");
  await pause(5);
  const before = performance.now();
  await send("message", { id: "c0" }, "2.e");
  await pause(10);
  assert.deepEqual(idsOf(told), ["c0"]);
  assert.ok(told.at(-1).at - before < 30);
  for (let number = 1; number <= 200; number += 1) {
    await send("message", { id: `c${number}` }, `${2 + number}.e`);
    if (number % 10 === 0) await pause(1);
  }
  await pause(100);
  assert.deepEqual(idsOf(told), Array.from({ length: 201 }, (_, number) => `c${number}`));
  const messages = told.filter(({ events }) => events).length;
  assert.ok(messages < 40, `${messages} messages`);
});

test("a page that comes later is told what others were told before it, and what waits comes first", async (t) => {
  const { channel, told, wish, send } = opened(t);
  await pause(5);
  await send("message", { type: "connected" }, "1.e");
  await send("message", { id: "a" }, "2.e");
  await send("message", { id: "b" }, "3.e");
  await pause(5);
  const later = [];
  const page = {};
  channel.follow(page, wish, (message) => later.push(message));
  t.after(() => channel.leave(page));
  // Its position is that of b, which was told to the first one before.
  assert.equal(later[0].position, "3.e");
  assert.deepEqual(idsOf(told), ["a", "b"]);
  await pause(60);
  assert.deepEqual(idsOf(later), []);
});

test("what happened before a change of status is told before it", async (t) => {
  const { channel, told, send } = opened(t);
  await pause(5);
  await send("message", { type: "connected" }, "1.e");
  await send("message", { id: "a" }, "2.e");
  await send("message", { id: "b" }, "3.e");
  await pause(5);
  channel.network(false);
  assert.deepEqual(idsOf(told), ["a", "b"]);
  assert.equal(told.at(-1).status, "offline");
});
