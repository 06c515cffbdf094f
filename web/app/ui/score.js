import { hash } from "../core/common.js";

/** Lightness, chroma and hue of the ramp, dark to light; the same as in the dashboard's map. */
const RAMP = [[0.22, 0.03, 285], [0.38, 0.11, 300], [0.55, 0.17, 350], [0.7, 0.16, 400], [0.86, 0.14, 445]];
const STAVES = 9;
const PLACES = STAVES * 2;
const BEATS = 64;
const VOICES = 4;
const GLOW = 900;
const GLOW_STEP = 60;
const LIT_MAX = 32;
const LESS_MOTION = matchMedia("(prefers-reduced-motion: reduce)");

/**
 * The picture of an id, where a photo will be once there are media. What happens in the stream lights up a note for a
 * moment, on a canvas above.
 */
export class Score {
  #canvas;
  #glow;
  #bottom;
  #beats;
  #id = "";
  #notes = [];
  #lit = new Map();
  #colours = {};
  #timer = 0;

  /** `glow` is the canvas above, `bottom` are CSS pixels below the staves that stay free, `beats` how much is shown. */
  constructor(canvas, { glow = null, bottom = 0, beats = BEATS } = {}) {
    this.#canvas = canvas;
    this.#glow = glow;
    this.#bottom = bottom;
    this.#beats = beats;
    // After the frame: text is painted first.
    new ResizeObserver(() => setTimeout(() => this.#draw())).observe(canvas);
    matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => this.#draw());
  }

  show(id) {
    this.#id = id;
    this.#draw();
  }

  /** Lights the note that belongs to a text; `kind` is other, own or like. */
  light(text, kind) {
    if (!this.#notes.length || document.hidden || this.#lit.size >= LIT_MAX) return;
    if (LESS_MOTION.matches) return;
    this.#lit.set(hash(text) % this.#notes.length, { kind, since: performance.now() });
    this.#timer ||= setTimeout(() => this.#fade(), 0);
  }

  #fade() {
    const now = performance.now();
    const context = this.#glow.getContext("2d");
    context.clearRect(0, 0, this.#glow.width, this.#glow.height);
    for (const [index, { kind, since }] of this.#lit) {
      const note = this.#notes[index];
      if (now - since > GLOW) this.#lit.delete(index);
      else {
        context.globalAlpha = 1 - (now - since) / GLOW;
        context.fillStyle = this.#colours[kind];
        context.fillRect(note.x - 2, note.y - 2, note.length + 4, note.height + 4);
      }
    }
    this.#timer = this.#lit.size ? setTimeout(() => this.#fade(), GLOW_STEP) : 0;
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    if (!this.#id || width === 0 || height === 0) return;
    const context = sized(this.#canvas, width, height);
    if (this.#glow) sized(this.#glow, width, height);
    const style = getComputedStyle(this.#canvas);
    const colour = (name) => style.getPropertyValue(name);
    this.#colours = { own: colour("--amber"), like: colour("--coral"), other: colour("--text") };
    this.#lit.clear();
    this.#notes = placed(notesOf(this.#id, this.#beats), width / this.#beats, height - this.#bottom);
    context.fillStyle = colour("--hairline");
    for (const y of staves(height - this.#bottom)) context.fillRect(0, Math.round(y), width, 1);
    const isLight = matchMedia("(prefers-color-scheme: light)").matches;
    for (const { x, y, length, height: thick, tone } of this.#notes) {
      context.fillStyle = ramp(isLight ? 1 - tone : tone);
      context.fillRect(x, y, length, thick);
    }
  }
}

/** The context of an empty canvas, in CSS pixels. */
function sized(canvas, width, height) {
  const scale = Math.min(devicePixelRatio, 2);
  canvas.width = width * scale;
  canvas.height = height * scale;
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  return context;
}

function staves(height) {
  return Array.from({ length: STAVES }, (_, index) => ((index + 1) * height) / (STAVES + 1));
}

/** Voices that walk over the staves, each with its own pace: `{beat, beats, place, tone}`, none upon another. */
function notesOf(id, beats) {
  const random = randomFrom(hash(id));
  const taken = new Set();
  const notes = [];
  for (let voice = 0; voice < VOICES; voice += 1) {
    let place = Math.floor(((voice + random()) / VOICES) * PLACES);
    const pace = 1 + Math.floor(random() * 2);
    const rest = 0.1 + random() * 0.35;
    for (let beat = -Math.floor(random() * 3); beat < beats;) {
      const long = pace * (random() < 0.25 ? 2 : 1);
      const cells = Array.from({ length: long }, (_, index) => `${beat + index} ${place}`);
      if (random() > rest && !cells.some((cell) => taken.has(cell))) {
        for (const cell of cells) taken.add(cell);
        const tone = clamped(place / (PLACES - 1) + (random() - 0.5) * 0.35, 1);
        notes.push({ beat, beats: long, place, tone: 0.15 + 0.85 * tone });
      }
      beat += long;
      place = clamped(place + Math.round((random() - 0.5) * 4), PLACES - 1);
    }
  }
  return notes;
}

/** The same in CSS pixels. */
function placed(notes, beat, height) {
  const step = height / (STAVES + 1) / 2;
  const thick = Math.max(2, Math.min(14, Math.round(step * 0.64)));
  const space = beat > 4 ? 2 : 0.5;
  return notes.map((note) => ({
    x: note.beat * beat, length: note.beats * beat - space,
    y: Math.round(height - (note.place + 1.5) * step - thick / 2), height: thick, tone: note.tone,
  }));
}

function clamped(value, most) {
  return Math.min(most, Math.max(0, value));
}

function ramp(tone) {
  const at = tone * (RAMP.length - 1);
  const index = Math.min(RAMP.length - 2, Math.floor(at));
  const part = at - index;
  const [l, c, h] = RAMP[index].map((value, axis) => value + (RAMP[index + 1][axis] - value) * part);
  return `oklch(${l.toFixed(3)} ${c.toFixed(3)} ${(h % 360).toFixed(1)})`;
}

function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
}
