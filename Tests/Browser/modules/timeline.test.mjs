import assert from "node:assert/strict";
import test from "node:test";
import { FOLLOWED_MAX, ROWS_MAX, Timeline } from "../../../web/app/core/timeline.js";
import { forAll } from "./random.mjs";

const comment = (offset, more = {}) => ({ kind: "comment", id: `c${offset}`, userid: "u", text: `${offset}`, offset, epoch: "a", ...more });
const ids = (timeline) => timeline.rows.map((row) => row.id);
const offsets = (timeline) => timeline.rows.filter((row) => row.offset).map((row) => row.offset);

/** A page of a service that has comments 1 to `last`, newest first. */
function page(last, before, limit) {
  const from = before === null ? last : Number(before.slice(1)) - 1;
  const comments = [];
  for (let offset = from; offset > 0 && comments.length < limit; offset -= 1) comments.push(comment(offset));
  return { comments, hasMore: comments.length > 0 && comments.at(-1).offset > 1 };
}

test("the history joins with what came meanwhile", () => {
  const timeline = new Timeline();
  timeline.add(comment(9));
  timeline.add({ kind: "comment", id: "mine", isOwn: true, phase: "sending" });
  timeline.begin([9, 8, 7].map((offset) => comment(offset)), false);
  assert.deepEqual(ids(timeline), ["gap-1", "c7", "c8", "c9", "mine"]);
});

test("one's own row becomes the comment that came, in its place", () => {
  const timeline = new Timeline();
  timeline.add({ kind: "comment", id: "key", phase: "sending" });
  timeline.add(comment(1));
  timeline.add(comment(2, { id: "key" }));
  assert.deepEqual(timeline.rows.map(({ id, phase }) => [id, phase]), [["key", undefined], ["c1", undefined]]);
});

test("what was removed stays away, in every copy", () => {
  const timeline = new Timeline();
  timeline.add(comment(1));
  timeline.remove("c1");
  timeline.remove("c5");
  timeline.add(comment(5));
  timeline.begin([comment(5), comment(1)], true);
  assert.deepEqual(timeline.rows, [{ kind: "removed", id: "c1" }]);
  assert.deepEqual(timeline.keepable(), []);
});

test("a gap is loaded from its newer end until the last comment before it", () => {
  const timeline = new Timeline();
  for (let offset = 1; offset <= 10; offset += 1) timeline.add(comment(offset));
  timeline.miss(100);
  timeline.add(comment(111));
  const gap = timeline.rows[10];
  assert.deepEqual([gap.kind, gap.count], ["gap", 100]);
  for (let round = 0; round < 3 && timeline.rows.some((row) => row.kind === "gap"); round += 1) {
    const { comments, hasMore } = page(111, timeline.below(gap.id), 50);
    timeline.fill(gap.id, comments, hasMore);
  }
  assert.deepEqual(offsets(timeline), Array.from({ length: 111 }, (_, index) => index + 1));
});

test("kept rows go when the network is back", () => {
  const timeline = new Timeline();
  timeline.beginOld([comment(1), comment(2)], "2026-01-01T00:00:00.000Z");
  assert.deepEqual(ids(timeline), ["c1", "c2", "old"]);
  timeline.begin([comment(2)], true);
  assert.deepEqual(ids(timeline), ["c2"]);
});

test("while one follows, the oldest go, many at once, and can be loaded again", () => {
  const timeline = new Timeline();
  let times = 0;
  for (let offset = 1; offset <= 1_000; offset += 1) {
    timeline.add(comment(offset));
    const { length } = timeline.rows;
    timeline.trim(length - 1, length, FOLLOWED_MAX);
    assert.ok(timeline.rows.length <= FOLLOWED_MAX && offsets(timeline).at(-1) === offset);
    if (timeline.rows.length < length) {
      times += 1;
      assert.ok(timeline.rows.length >= FOLLOWED_MAX - 50);
    }
  }
  assert.ok(times < 20, `${times} times`);
  const [gap, oldest] = timeline.rows;
  assert.deepEqual([gap.kind, gap.after], ["gap", null]);
  const { comments, hasMore } = page(1_000, timeline.below(gap.id), 50);
  timeline.fill(gap.id, comments, hasMore);
  assert.ok(offsets(timeline).includes(oldest.offset - 1));
});

test("whatever happens: at most 300, each once, in order, and nothing that is seen goes", () => {
  forAll(60, (random) => {
    const timeline = new Timeline();
    let last = 60;
    const first = page(last, null, 50);
    timeline.begin(first.comments, first.hasMore);
    const removed = new Set();
    let seen = null;
    for (let step = 0; step < 600; step += 1) {
      const move = random.below(20);
      if (move === 0) {
        const gone = `c${1 + random.below(last)}`;
        removed.add(gone);
        timeline.remove(gone);
      } else if (move === 1) {
        last += 5 + random.below(30);
        timeline.miss(5);
      } else if (move === 2) {
        const gap = timeline.rows.find((row) => row.kind === "gap");
        if (gap) {
          const { comments, hasMore } = page(last, timeline.below(gap.id), 50);
          timeline.fill(gap.id, comments, hasMore);
        }
      } else if (move === 3) {
        const at = random.below(timeline.rows.length);
        seen = random.next() < 0.3 ? null : timeline.rows.slice(at, at + 12).map((row) => row.id);
        if (!seen) timeline.release();
      } else {
        last += 1;
        const held = seen ? timeline.rows.findIndex((row) => row.id === seen[0]) : Infinity;
        timeline.add(comment(last), timeline.canGrow(held));
      }
      const places = seen?.map((id) => timeline.rows.findIndex((row) => row.id === id)).filter((at) => at >= 0);
      if (places?.length) {
        const kept = places.map((at) => timeline.rows[at].id).filter((id) => id.startsWith("c"));
        timeline.trim(Math.min(...places), Math.max(...places));
        for (const id of kept) assert.ok(timeline.rows.some((row) => row.id === id), `${id} was seen and went`);
      } else {
        timeline.trim(timeline.rows.length - 1, timeline.rows.length);
      }
      assert.ok(timeline.rows.length <= ROWS_MAX, `${timeline.rows.length} rows`);
      assert.ok(timeline.newest <= 50);
      assert.equal(new Set(ids(timeline)).size, timeline.rows.length);
      const shown = offsets(timeline);
      assert.deepEqual(shown, [...shown].sort((one, other) => one - other));
      for (const row of timeline.rows) assert.ok(row.kind !== "comment" || !removed.has(row.id));
    }
  });
});
