import { byName } from "./core/link.js";
import { cells, cellStart, decoded, SubscriptionMap } from "./core/map.js";
import { ramp } from "./core/ramp.js";

/**
 * Holds the map and paints it, beside the page. Pictures: `live`, and `a` and `b` for kept moments. A stave is 24 px: a
 * bar for each cell, as high and as bright as the part of its channels that the Reader is subscribed to.
 */
const STAVE = 24;
const TIMES_MAX = 600;

const live = new SubscriptionMap();
const kept = {};
const pictures = {};
/** The request for the whole map that is under way; what changes meanwhile waits. */
let asking = null;
let waiting = [];
let colours = ramp(false);
let line = 0;
let ground = 0;
let isDue = false;
const times = [];

class Picture {
  from = 0;
  /** Channels that are shown; 0: all. */
  count = 0;
  slots = [];
  /** The means that the pixels show; `null`: none of them. */
  painted = null;

  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
  }

  size({ width, ratio, slots }) {
    this.place = { width, ratio };
    this.width = Math.max(1, Math.floor(width * ratio));
    this.stave = Math.round(STAVE * ratio);
    this.slots = slots;
    this.painted = null;
    const height = Math.max(1, this.stave * slots.length);
    if (this.canvas.width === this.width && this.canvas.height === height) return;
    this.canvas.width = this.width;
    this.canvas.height = height;
    this.image = this.context.createImageData(this.width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  /** The channels that are shown, and all of them. */
  shown(map) {
    const all = map.channels();
    const count = Math.min(this.count || all.length, all.length);
    this.from = Math.max(0, Math.min(this.from, all.length - count));
    return { channels: all.subarray(this.from, this.from + count), all };
  }

  paint(map) {
    if (!this.image) return null;
    const { channels, all } = this.shown(map);
    const { means, across } = cells(map, this.slots, channels, this.width);
    if (this.painted?.length !== means.length) {
      this.painted = new Float32Array(means.length);
      this.pixels.fill(ground);
      this.slots.forEach((_, row) => {
        this.pixels.fill(line, this.#base(row) * this.width, (this.#base(row) + 1) * this.width);
      });
    }
    // Most of them are as they were.
    for (let at = 0; at < means.length; at += 1) {
      if (means[at] !== this.painted[at]) this.#bar(Math.floor(at / across), at % across, across, means[at]);
    }
    this.painted = means;
    this.context.putImageData(this.image, 0, 0);
    return { across, channels: channels.length, all: all.length, from: this.from };
  }

  /** The line of pixels on which a Reader's bars stand. */
  #base(row) {
    return (row + 1) * this.stave - 1;
  }

  #bar(row, cell, across, mean) {
    const { pixels, stave, width } = this;
    const height = mean > 0 ? Math.max(2, Math.round(mean * (stave - 3))) : 0;
    const colour = colours[Math.max(1, Math.round(mean * (colours.length - 1)))];
    const left = cellStart(cell, across, width);
    // A hair between two notes where there is room for one.
    const next = cellStart(cell + 1, across, width);
    const right = next - left > 4 ? next - 1 : next;
    // A pixel is written faster than a stretch of one pixel is filled.
    for (let up = 1; up < stave; up += 1) {
      const start = (this.#base(row) - up) * width;
      for (let x = start + left; x < start + right; x += 1) pixels[x] = up <= height ? colour : ground;
    }
  }
}

/** In the order of the staves. */
function ownSlots() {
  const rows = live.rows.flatMap((row, slot) => (row?.reader ? [{ slot, id: row.reader }] : []));
  return rows.sort((one, other) => byName(one.id, other.id)).map(({ slot }) => slot);
}

function due() {
  // The first one does not wait for the page's first frame, so that it is in it.
  if (!times.length && live.version >= 0) {
    paint();
    return;
  }
  if (isDue) return;
  isDue = true;
  // One picture a frame, however many changes come; a worker of a hidden page has no frames.
  (self.requestAnimationFrame ?? ((paint) => setTimeout(paint, 16)))(() => {
    isDue = false;
    paint();
  });
}

function paint() {
  for (const [name, picture] of Object.entries(pictures)) {
    const map = name === "live" ? live : kept[name];
    if (!map) continue;
    const start = performance.now();
    const drawn = picture.paint(map);
    if (!drawn) continue;
    if (name === "live") {
      times.push(performance.now() - start);
      if (times.length > TIMES_MAX) times.shift();
    }
    postMessage({ type: "drawn", name, ...drawn, version: map.version, at: performance.timeOrigin + performance.now() });
  }
}

const take = {
  canvas({ name, canvas }) {
    pictures[name] = new Picture(canvas);
  },
  size({ name, slots, ...size }) {
    pictures[name]?.size({ ...size, slots: slots.length || name !== "live" ? slots : ownSlots() });
    due();
  },
  theme({ isLight, colours: [back, hairline] }) {
    colours = ramp(isLight);
    const pixel = ([red, green, blue]) => new Uint32Array(new Uint8Array([red, green, blue, 255]).buffer)[0];
    [ground, line] = [pixel(back), pixel(hairline)];
    for (const picture of Object.values(pictures)) picture.painted = null;
    due();
  },
  view({ from, count }) {
    for (const picture of Object.values(pictures)) [picture.from, picture.count] = [from, count];
    due();
  },
  /** The whole map, from StatsAPI. The page's own thread has enough to do. */
  async ask() {
    take.reset();
    const asked = asking = new AbortController();
    for (let wait = 500; !asked.signal.aborted; wait = Math.min(8_000, wait * 2)) {
      try {
        const response = await fetch("/statistics/map", { cache: "no-store", signal: asked.signal });
        if (!response.ok) throw new Error(String(response.status));
        const { head, bytes } = SubscriptionMap.parse(await response.arrayBuffer());
        asked.signal.throwIfAborted();
        loaded(head, bytes);
        return postMessage({ type: "loaded", head });
      } catch {
        await new Promise((resolve) => { setTimeout(resolve, wait); });
      }
    }
    return undefined;
  },
  recorded({ head, rows }) {
    loaded(head, decoded(rows));
  },
  change({ version, change }) {
    if (live.version < 0) waiting.push({ version, change });
    else if (live.apply(version, decoded(change))) due();
    else postMessage({ type: "lost" });
  },
  reset() {
    asking?.abort();
    live.version = -1;
    live.rows = [];
    waiting = [];
    due();
  },
  /** `from`: a moment that was kept before, else what is there now. */
  keep({ name, from }) {
    kept[name] = from ? kept[from] ?? live.copy() : live.copy();
    due();
  },
  drop({ name }) {
    delete kept[name];
  },
  /** What is at a cell of the live picture, or where a column is. */
  read({ id, cell, column }) {
    const picture = pictures.live;
    const { channels, all } = picture.shown(live);
    const across = Math.min(picture.width, channels.length);
    if (column !== undefined) {
      const index = all.indexOf(column);
      return postMessage({ type: "read", id, index, all: all.length });
    }
    if (across === 0) return postMessage({ type: "read", id, across });
    const at = Math.max(0, Math.min(across - 1, cell));
    const [start, end] = [cellStart(at, across, channels.length), cellStart(at + 1, across, channels.length)];
    const part = channels.subarray(start, end);
    const { means } = cells(live, picture.slots, part, 1);
    return postMessage({
      type: "read", id, across, cell: at, first: picture.from + start, count: end - start, all: all.length,
      column: part[0], means: [...means],
    });
  },
  /** For tests: the numbers of the picture, and what painting took. */
  cells({ id, width }) {
    const { channels } = pictures.live.shown(live);
    const { means, across } = cells(live, pictures.live.slots, channels, width);
    postMessage({
      type: "read", id, across, means: [...means], columns: [...channels], slots: pictures.live.slots,
      version: live.version, times: [...times],
    });
  },
};

function loaded(head, bytes) {
  live.load(head, bytes);
  // The page does not know yet who they are.
  const { place, slots } = pictures.live ?? {};
  if (place && !slots.length) pictures.live.size({ ...place, slots: ownSlots() });
  const late = waiting;
  waiting = [];
  for (const { version, change } of late) take.change({ version, change });
  due();
}

self.onmessage = ({ data }) => take[data.type](data);
