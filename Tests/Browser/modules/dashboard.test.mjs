import assert from "node:assert/strict";
import test from "node:test";
import { byName, formatLink, parseLink, sorted } from "../../../web/dashboard/core/link.js";
import { cellOf, cells, cellStart, decoded, SubscriptionMap } from "../../../web/dashboard/core/map.js";
import { colour, oklch, ramp } from "../../../web/dashboard/core/ramp.js";
import { parseRecording, Replay } from "../../../web/dashboard/core/recording.js";
import { LastSteady, Series } from "../../../web/dashboard/core/series.js";
import { advice, placementOf, residual, verdict } from "../../../web/dashboard/core/verdict.js";
import { forAll } from "./random.mjs";

function varint(value) {
  const bytes = [];
  for (; value > 127; value >>= 7) bytes.push((value & 127) | 128);
  return [...bytes, value];
}

/** A map document as StatsAPI writes it. */
function documentOf(head, rows) {
  const text = new TextEncoder().encode(JSON.stringify(head));
  const bytes = new Uint8Array(4 + text.length + rows.length * head.rowBytes);
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, 4);
  rows.forEach((row, index) => bytes.set(row, 4 + text.length + index * head.rowBytes));
  return bytes.buffer;
}

function reader(id, more = {}) {
  return {
    id, placement: "random", slot: 0, channels: 0, extra: 0, connections: 0, connectionsTotal: 0, received: 0, sent: 0,
    notRedirected: 0, refusals: {}, disconnects: {}, secondsSinceReport: 0, ...more,
  };
}

function state(more = {}) {
  const readers = more.readers ?? Array.from({ length: 14 }, (_, index) => reader(`r${index}`));
  return {
    time: "2026-01-01T00:00:00.000Z", session: "s", channels: 100, subscriptions: 1126, extraSubscriptions: 0,
    meanShare: 0.804, predictedShare: 0.8, predictedDeviation: 0.01, amplification: 11.256, wastedShare: 0.911,
    connections: 0, published: 0, received: 0, hottest: [], curve: [], refusals: {}, readersTotal: readers.length, ...more, readers,
  };
}

test("a map and its changes lead to what is", () => {
  forAll(60, (random) => {
    const map = new SubscriptionMap();
    const width = 1 + random.below(40);
    const rows = [0, 2, 5].map(() => Uint8Array.from({ length: width }, () => random.below(256)));
    const head = { session: "s", version: 7, rowBytes: width, rows: [0, 2, 5].map((slot) => ({ slot, reader: `r${slot}` })) };
    const parsed = SubscriptionMap.parse(documentOf(head, rows));
    map.load(parsed.head, parsed.bytes);
    assert.equal(map.apply(7, new Uint8Array([1, 2, 3])), true, "what is here already is passed over");
    assert.equal(map.apply(9, new Uint8Array(0)), false, "what does not continue is refused");
    const wanted = rows.map((row) => {
      const longer = new Uint8Array(width + random.below(300));
      longer.set(row);
      for (let each = random.below(20); each > 0; each -= 1) longer[random.below(longer.length)] = random.below(256);
      return longer;
    });
    const change = [];
    [0, 2, 5].forEach((slot, index) => {
      change.push(slot);
      let last = 0;
      wanted[index].forEach((byte, at) => {
        const before = rows[index][at] ?? 0;
        if (byte === before) return;
        change.push(...varint(at - last), 1, byte ^ before);
        last = at + 1;
      });
      change.push(0, 0);
    });
    assert.equal(map.apply(8, Uint8Array.from(change)), true);
    [0, 2, 5].forEach((slot, index) => {
      for (let column = 0; column < wanted[index].length * 8; column += 1) {
        assert.equal(map.has(slot, column), ((wanted[index][column >> 3] >> (column & 7)) & 1) === 1);
      }
    });
    const any = new Set(map.channels());
    const raw = new Set();
    for (const row of wanted) row.forEach((byte, at) => { for (let bit = 0; bit < 8; bit += 1) if (byte & (1 << bit)) raw.add(at * 8 + bit); });
    assert.deepEqual([...any].sort((a, b) => a - b), [...raw].sort((a, b) => a - b));
  });
});

test("every cell is the mean of its channels, and each channel is in one cell", () => {
  forAll(40, (random) => {
    const map = new SubscriptionMap();
    const columns = 8 * (1 + random.below(400));
    map.rows = [0, 1, 2].map((slot) => ({ reader: `r${slot}`, bits: Uint8Array.from({ length: columns / 8 }, () => random.below(256)) }));
    const channels = map.channels();
    const width = 1 + random.below(1_400);
    const { means, across } = cells(map, [2, 0], channels, width);
    let seen = 0;
    for (let cell = 0; cell < across; cell += 1) {
      const part = channels.subarray(cellStart(cell, across, channels.length), cellStart(cell + 1, across, channels.length));
      seen += part.length;
      [2, 0].forEach((slot, row) => {
        const mean = part.reduce((sum, column) => sum + (map.has(slot, column) ? 1 : 0), 0) / part.length;
        assert.ok(Math.abs(means[row * across + cell] - mean) < 1e-6);
      });
    }
    assert.equal(seen, channels.length);
    const index = random.below(channels.length);
    const cell = cellOf(index, across, channels.length);
    assert.ok(cellStart(cell, across, channels.length) <= index && index < cellStart(cell + 1, across, channels.length));
  });
});

test("90,000 channels and 14 Readers are 157,500 bytes, and their cells take milliseconds", () => {
  const map = new SubscriptionMap();
  map.rows = Array.from({ length: 14 }, (_, slot) => ({ reader: `r${slot}`, bits: Uint8Array.from({ length: 11_250 }, () => Math.random() * 256) }));
  assert.ok(map.rows.reduce((sum, { bits }) => sum + bits.length, 0) <= 180_000);
  const slots = map.rows.map((_, slot) => slot);
  cells(map, slots, map.channels(), 1_400);
  const start = performance.now();
  cells(map, slots, map.channels(), 1_400);
  assert.ok(performance.now() - start < 100, `${performance.now() - start} ms`);
});

const luminance = ([red, green, blue]) => {
  const linear = [red, green, blue].map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
};

test("the ramp is monotone in lightness, and one subscription of 64 stands off the ground", () => {
  for (const isLight of [false, true]) {
    const values = Array.from({ length: 256 }, (_, step) => luminance(colour(step / 255, isLight)));
    // Against the furthest one so far, since colours are rounded to whole numbers.
    values.reduce((furthest, value, step) => {
      assert.ok(isLight ? value <= furthest + 2e-3 : value >= furthest - 2e-3, `${isLight} ${step}`);
      return isLight ? Math.min(furthest, value) : Math.max(furthest, value);
    });
    const ground = luminance(isLight ? [0xfa, 0xf6, 0xef] : [0x0e, 0x0e, 0x19]);
    const single = luminance(colour(1 / 64, isLight));
    const contrast = (Math.max(ground, single) + 0.05) / (Math.min(ground, single) + 0.05);
    assert.ok(contrast > 1.35, `${isLight}: ${contrast}`);
  }
  assert.deepEqual(oklch(1, 0, 0), [255, 255, 255]);
  assert.deepEqual(oklch(0, 0, 0), [0, 0, 0]);
  assert.deepEqual(oklch(0.62796, 0.25768, 29.234), [255, 0, 0]);
  assert.equal(ramp(false).length, 256);
});

test("the verdict is one sentence of the numbers", () => {
  assert.equal(verdict(state()),
    "A channel reaches 80.4% of the Readers. One would do: 11.3 copies of each comment, 91% wasted.");
  assert.equal(verdict(state({ meanShare: 1 / 14, amplification: 1, wastedShare: 0 })),
    "A channel reaches 7.1% of the Readers. One copy of each comment, nothing wasted.");
  assert.equal(verdict(state({ channels: 0 })), "Nobody watches anything yet.");
  assert.equal(verdict(state({ readers: [] })), "No Reader reports.");
  assert.match(advice(state()), /at random, just as the formula says. Set PLACEMENT=overflow/);
  assert.match(advice(state({ meanShare: 0.9 })), /at random\. Set/);
  const readers = [reader("a", { placement: "overflow" }), reader("b", { placement: "overflow" })];
  assert.match(advice(state({ readers, amplification: 1.05 })), /Placement holds/);
  assert.equal(placementOf(state({ readers: [...readers, reader("c")] })), null);
});

test("a residual and its 95% interval", () => {
  const rest = residual(state());
  assert.ok(Math.abs(rest.value - 0.004) < 1e-12 && Math.abs(rest.half - 0.0196) < 1e-12);
  assert.equal(residual(state({ predictedShare: null })), null);
});

test("rates count what Readers did since the state before, and no Reader that began anew", () => {
  const series = new Series();
  const at = (second, received, more = {}) => series.add(state({
    time: new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString(), published: second * 5,
    readers: [reader("a", { received: received[0], sent: received[0] * 2 }), reader("b", { received: received[1] })], ...more }));
  assert.equal(at(0, [100, 50]).point.deliveries, null);
  const { point } = at(2, [160, 10]);
  assert.deepEqual([point.deliveries, point.events, point.published], [30, 60, 5]);
  assert.equal(at(3, [0, 10], { session: "another" }).point.deliveries, null);
});

test("what is kept is bounded, and a change of placement is marked once", () => {
  const series = new Series();
  const marks = [];
  for (let second = 0; second < 20_000; second += 1) {
    const placement = second < 9_000 ? "random" : second < 9_010 && second % 2 ? "random" : "overflow";
    const readers = [reader("a", { placement: second < 9_000 ? "random" : "overflow" }), reader("b", { placement })];
    const { mark } = series.add(state({ time: new Date(1.7e12 + second * 1000).toISOString(), readers }));
    if (mark) marks.push(mark);
  }
  assert.ok(series.points.length <= 1_800);
  assert.deepEqual(marks.map(({ from, to }) => [from, to]), [["random", "overflow"]]);
  assert.deepEqual(series.marks, marks);
  const times = series.points.map(({ time }) => time);
  times.forEach((time, index) => { if (index) assert.ok(time > times[index - 1]); });
});

test("the moment before a change is the last steady one, not that of Readers that stop", () => {
  const steady = new LastSteady();
  const at = (second, subscriptions, placement = "random") => steady.takes(state({
    time: new Date(1.7e12 + second * 1000).toISOString(), subscriptions, readers: [reader("a", { placement })] }));
  assert.deepEqual([at(0, 100), at(1, 200), at(3, 1000), at(6, 1010)], [true, false, true, true]);
  for (let second = 9; second < 20; second += 1) assert.equal(at(second, 1010 - 60 * (second - 7)), false);
  assert.equal(at(21, 0), false);
  assert.equal(at(22, 80, "overflow"), true, "another placement is another matter");
  const falling = new LastSteady();
  const fall = (second, subscriptions) => falling.takes(state({ time: new Date(1.7e12 + second * 1000).toISOString(), subscriptions, readers: [reader("a")] }));
  fall(0, 1000);
  assert.deepEqual([fall(10, 500), fall(30, 500), fall(41, 500)], [false, false, true], "what stays is the new normal");
});

test("a recording is played forwards, and anew when it goes back", () => {
  const lines = [JSON.stringify({ event: "map", data: { head: {}, rows: "" } })];
  for (let second = 0; second < 10; second += 1) {
    lines.push(JSON.stringify({ event: "map", data: { version: second, change: "" } }));
    lines.push(JSON.stringify({ event: "state", data: state({ time: new Date(1.7e12 + second * 1000).toISOString() }) }));
  }
  const { events, broken } = parseRecording(`${lines.join("\n")}\n{"event":"state","da`);
  assert.deepEqual([events.length, broken], [21, 1]);
  const replay = new Replay(events);
  assert.equal(replay.duration, 9_000);
  const first = replay.to(2_500);
  assert.deepEqual([first.isAnew, first.events.filter(({ event }) => event === "state").length], [false, 3]);
  assert.equal(replay.to(3_000).events.filter(({ event }) => event === "state").length, 1);
  const back = replay.to(1_000);
  assert.deepEqual([back.isAnew, back.events.filter(({ event }) => event === "state").length], [true, 2]);
  replay.to(99_000);
  assert.ok(replay.isAtEnd);
});

test("permalinks are read as they are written, and lead nowhere else", () => {
  const link = { channel: "video:a.b-1", reader: "r 1", sort: "-connections", zoom: "10-24", a: "2026-01-01T00:00:00.000Z", replay: "/reports/x/feed.ndjson" };
  assert.deepEqual(parseLink(formatLink(link)), link);
  assert.equal(formatLink({ channel: "", sort: undefined }), "");
  for (const replay of ["//evil/x", "https://evil/x", "/a/../b", "javascript:1"]) {
    assert.deepEqual(parseLink(`#replay=${encodeURIComponent(replay)}`), {});
  }
  assert.deepEqual(parseLink("#zoom=a-b&sort=id&else=1"), { sort: "id" });
});

test("rows are sorted, ties by name", () => {
  const rows = [reader("b", { connections: 3 }), reader("c", { connections: 3 }), reader("a", { connections: 9 })];
  assert.deepEqual(sorted(rows, "-connections").map(({ id }) => id), ["a", "b", "c"]);
  assert.deepEqual(sorted(rows, "connections").map(({ id }) => id), ["b", "c", "a"]);
  assert.deepEqual(sorted(rows, "id").map(({ id }) => id), ["a", "b", "c"]);
});

test("names are sorted as people count", () => {
  assert.deepEqual(["reader-10", "reader-2", "a", "reader-1"].sort(byName), ["a", "reader-1", "reader-2", "reader-10"]);
  assert.deepEqual(sorted([reader("r10"), reader("r9")], "-id").map(({ id }) => id), ["r10", "r9"]);
});

test("base64 is read", () => {
  assert.deepEqual([...decoded("AP+A")], [0, 255, 128]);
});
