import assert from "node:assert/strict";
import test from "node:test";
import { Draft, PICTURES_MAX, POST_MAX } from "../../../web/app/core/draft.js";
import { Pages } from "../../../web/app/core/pages.js";
import { Timeline } from "../../../web/app/core/timeline.js";
import { forAll } from "./random.mjs";

const post = (number) => ({ id: `p${number}` });

test("pages: a list that moves while it is read has every post once, in order", () => {
  forAll(300, ({ next }) => {
    let served = Array.from({ length: 30 }, (_, index) => post(100 - index));
    let newest = 100;
    const pages = new Pages();
    let asked = 0;
    while (pages.phase !== "done" && asked < 200) {
      asked += 1;
      const request = pages.ask();
      // A second press while it is asked changes nothing.
      assert.equal(pages.ask(), null);
      if (next() < 0.2) {
        assert.deepEqual(pages.answered(request, null), []);
        assert.equal(pages.phase, "failed");
        continue;
      }
      if (next() < 0.5) served = [post(newest += 1), ...served];
      // By number of place, so that what comes in front moves what was shown to the next page.
      const from = Number(request.after ?? 0);
      const items = served.slice(from, from + 5);
      pages.answered(request, { items, next: from + 5 < served.length ? String(from + 5) : undefined });
    }
    const ids = pages.items.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    for (let number = 71; number <= 100; number += 1) assert.ok(ids.includes(`p${number}`), `p${number}`);
  });
});

test("pages: an answer to what was asked before is not taken", () => {
  const pages = new Pages();
  const old = pages.ask();
  pages.again();
  const request = pages.ask();
  assert.deepEqual(pages.answered(old, { items: [post(1)], next: "x" }), []);
  assert.equal(pages.phase, "asking");
  assert.equal(pages.answered(request, { items: [post(2)] }).length, 1);
  assert.equal(pages.phase, "done");
  assert.deepEqual(pages.items, [post(2)]);
});

const JPEG = { type: "image/jpeg", size: 1_000 };

test("draft: what cannot be published cannot be pressed", () => {
  const draft = new Draft();
  assert.equal(draft.canPublish, false);
  draft.text = " \n ";
  assert.equal(draft.canPublish, false);
  draft.text = "a".repeat(POST_MAX);
  assert.equal(draft.canPublish, true);
  draft.text += "b";
  assert.equal(draft.canPublish, false);
  // A character of two code units is one.
  draft.text = "😀".repeat(POST_MAX);
  assert.equal(draft.canPublish, true);
});

test("draft: pictures by the rules, and none that is on its way", () => {
  const draft = new Draft();
  assert.match(draft.add({ type: "image/svg+xml", size: 10 }), /JPEG/);
  assert.match(draft.add({ type: "image/png", size: 10 * 1024 * 1024 + 1 }), /10 MiB/);
  const pictures = Array.from({ length: PICTURES_MAX }, () => draft.add(JPEG));
  assert.match(draft.add(JPEG), /At most/);
  assert.equal(draft.canPublish, false);
  draft.progress(pictures[0].key, 0.7);
  draft.progress(pictures[0].key, 0.4);
  assert.equal(pictures[0].share, 0.7);
  pictures.forEach(({ key }, index) => draft.ended(key, { media_id: `m${index}` }));
  assert.deepEqual(draft.post.media_ids, ["m0", "m1", "m2", "m3"]);
  assert.equal(draft.canPublish, true);
});

test("draft: a picture that was taken away or failed is in no post", () => {
  const draft = new Draft();
  const [gone, failed] = [draft.add(JPEG), draft.add(JPEG)];
  draft.remove(gone.key);
  draft.ended(gone.key, { media_id: "late" });
  draft.ended(failed.key, null, "Too large.");
  draft.ended(failed.key, { media_id: "again" });
  assert.equal(failed.problem, "Too large.");
  assert.equal(draft.canPublish, false);
  draft.remove(failed.key);
  draft.text = "Words";
  assert.deepEqual(draft.post, { content: "Words", media_ids: [] });
});

test("timeline: the highest revision is shown, in whatever order comments and changes come", () => {
  forAll(500, ({ pick, shuffled }) => {
    const timeline = new Timeline();
    const row = (revision) => ({
      kind: "comment", id: "c1", userid: "u", text: `says ${revision}`, revision, offset: 1, epoch: "e",
    });
    const comes = pick([
      () => timeline.add(row(undefined)), () => timeline.add(row(2)), () => timeline.begin([row(2)], true),
    ]);
    const events = [
      comes, () => timeline.edit("c1", row(2)), () => timeline.edit("c1", row(3)), () => timeline.edit("c1", row(3)),
    ];
    for (const happen of shuffled(events)) happen();
    assert.deepEqual(timeline.rows.map(({ text }) => text), ["says 3"]);
  });
});

test("timeline: a removed comment stays removed when it is changed", () => {
  const timeline = new Timeline();
  timeline.add({ kind: "comment", id: "c1", text: "one", offset: 1, epoch: "e" });
  timeline.remove("c1");
  timeline.edit("c1", { text: "two", revision: 2 });
  assert.deepEqual(timeline.rows, [{ kind: "removed", id: "c1" }]);
});
