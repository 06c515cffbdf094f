import assert from "node:assert/strict";
import test from "node:test";
import { EventStreamParser } from "../../../web/app/core/sse.js";
import { forAll } from "./random.mjs";

const all = (text) => new EventStreamParser().push(text);

test("fields, comments and ids as the standard has them", () => {
  assert.deepEqual(all("\uFEFFid: 1.a\ndata: x\n\n:\n\ndata\ndata:  y\n\n"), [
    { event: "message", data: "x", id: "1.a" }, { event: "message", data: "\n y", id: "1.a" }]);
  assert.deepEqual(all("retry: 1500\nevent: reconnect\ndata: {}\n\n"), [{ event: "reconnect", data: "{}", id: "", retry: 1500 }]);
  assert.deepEqual(all("retry: 1e3\nid: a\0b\nunknown: x\ndata: y\n\n"), [{ event: "message", data: "y", id: "" }]);
  assert.deepEqual(all("event: lost\n\ndata: z\n\n"), [{ event: "message", data: "z", id: "" }], "an event without data is none");
  assert.deepEqual(all("data: not finished\n"), []);
});

test("pieces of any size and every line break give the same events", () => {
  const lines = ["data: a", "data:b", ":", "id: 7.k", "event: likes", "", "retry: 5", "data: \u{1F49B} é", "", ""];
  forAll(2_000, (random) => {
    const chosen = Array.from({ length: 1 + random.below(14) }, () => random.pick(lines));
    const ends = random.pick(["\n", "\r\n", "\r"]);
    const whole = chosen.map((line) => line + ends).join("");
    const parser = new EventStreamParser();
    const events = [];
    for (let at = 0; at < whole.length;) {
      const size = 1 + random.below(6);
      events.push(...parser.push(whole.slice(at, at + size)));
      at += size;
    }
    assert.deepEqual(events, all(chosen.map((line) => `${line}\n`).join("")));
  });
});
