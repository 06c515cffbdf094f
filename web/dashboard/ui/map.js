import { cellOf, cellStart } from "../core/map.js";
import { worker } from "../early.js";
import { h } from "/app/ui/dom.js";
import { figure } from "/app/core/common.js";

const NEAR = 24;

/** The map of all Readers and channels: staves, a cursor, a readout. The picture is painted by a worker. */
export class MapView extends EventTarget {
  #worker = worker;
  #asked = new Map();
  #number = 0;
  #rows = [];
  #drawn = { across: 0, channels: 0, all: 0, from: 0 };
  #cell = 0;
  #view = { from: 0, count: 0 };
  #isPainted;
  #names;
  #stage;
  #canvas;
  #cursor;
  #readout;
  #legend;

  /** Resolves when the first channels are seen. */
  painted = new Promise((resolve) => { this.#isPainted = resolve; });

  constructor() {
    super();
    this.#canvas = h("canvas", { class: "map-canvas", "aria-hidden": "true" });
    this.#cursor = h("div", { class: "map-cursor", hidden: true });
    this.#names = h("ol", { class: "map-names figure", "aria-hidden": "true" });
    this.#stage = h("div", {
      class: "map-stage", tabindex: "0", role: "slider", "aria-label": "Cursor of the map",
      "aria-valuemin": "0", "aria-valuemax": "0", "aria-valuenow": "0", "aria-valuetext": "no channels",
      onkeydown: (event) => this.#pressed(event),
      onpointermove: (event) => this.#pointed(event),
      onpointerdown: (event) => this.#pointed(event),
      ondblclick: () => this.zoomTo(1),
    }, this.#canvas, this.#cursor);
    this.#readout = h("p", { class: "map-readout figure" }, "\u00a0");
    this.#legend = h("p", { class: "map-legend quiet" });
    const button = (text, label, onclick) => h("button", { class: "action", type: "button", "aria-label": label, onclick }, text);
    this.element = h("section", { class: "map", "aria-label": "Map of Readers and channels" },
      h("div", { class: "map-frame" }, this.#names, this.#stage),
      h("div", { class: "map-bar" }, this.#readout,
        h("div", { class: "map-buttons" },
          button("−", "Show more channels", () => this.zoom(4)), button("+", "Show fewer channels", () => this.zoom(1 / 4)),
          button("One", "Show the channel at the cursor", () => this.zoomTo(1)),
          button("All", "Show all channels", () => this.view(0, 0)))),
      this.#legend);
    this.#worker.onmessage = ({ data }) => this.#told(data);
    const canvas = this.#canvas.transferControlToOffscreen();
    this.#worker.postMessage({ type: "canvas", name: "live", canvas }, [canvas]);
    new ResizeObserver(() => this.resize()).observe(this.#stage);
    for (const query of ["(prefers-color-scheme: light)", "(resolution: 1dppx)"]) {
      matchMedia(query).addEventListener("change", () => {
        this.#theme();
        this.resize();
      });
    }
    queueMicrotask(() => this.#theme());
  }

  // --- What comes from the feed

  /** Readers in the order of the staves: `{id, slot, share}`. */
  setReaders(readers) {
    const rows = readers.filter(({ slot }) => slot !== null && slot !== undefined);
    const isSame = rows.length === this.#rows.length
      && rows.every(({ id, slot }, at) => this.#rows[at].id === id && this.#rows[at].slot === slot);
    this.#rows = rows;
    if (!isSame) {
      this.#names.replaceChildren(...rows.map(({ id }) => h("li", { title: id }, h("span", {}, id))));
      this.resize();
    }
  }

  post(message, transfer = []) {
    this.#worker.postMessage(message, transfer);
  }

  /** A canvas for a kept moment. Returns what sizes it, with the slots of that moment. */
  addPicture(name, canvas) {
    const off = canvas.transferControlToOffscreen();
    this.post({ type: "canvas", name, canvas: off }, [off]);
    let shown = [];
    const size = (slots = shown) => {
      shown = slots;
      this.post({ type: "size", name, width: canvas.parentElement.clientWidth, ratio: devicePixelRatio, slots });
    };
    new ResizeObserver(() => size()).observe(canvas.parentElement);
    return size;
  }

  get slots() {
    return this.#rows.map(({ slot }) => slot);
  }

  // --- Where one looks

  get place() {
    return this.#view.count ? `${this.#view.from}-${this.#view.count}` : "";
  }

  /** `count` channels from `from` on; 0 are all. */
  view(from, count) {
    const all = this.#drawn.all || Infinity;
    const shown = count >= all ? 0 : count;
    this.#view = { from: shown ? Math.max(0, Math.min(from, all - shown)) : 0, count: shown };
    this.post({ type: "view", ...this.#view });
    this.dispatchEvent(new Event("view"));
  }

  zoom(factor) {
    const { channels } = this.#drawn;
    const count = Math.max(NEAR, Math.round(channels * factor));
    this.view(Math.round(this.#channel - count / 2), count);
  }

  /** Few channels around the cursor, so that each is a note of its own. */
  zoomTo() {
    this.view(Math.round(this.#channel - NEAR / 2), NEAR);
  }

  /** Moves the cursor to a channel by its column, and shows it from near. */
  async show(column) {
    const { index } = await this.#ask({ type: "read", column });
    if (index < 0) return false;
    this.view(index - NEAR / 2, NEAR);
    await new Promise((resolve) => { this.addEventListener("drawn", resolve, { once: true }); });
    this.#move(cellOf(index - this.#drawn.from, this.#drawn.across, this.#drawn.channels));
    return true;
  }

  /** The channel at the cursor, among all that have a subscription. */
  get #channel() {
    const { across, channels, from } = this.#drawn;
    return across ? from + cellStart(this.#cell, across, channels) : 0;
  }

  #pointed(event) {
    const { left, width } = this.#stage.getBoundingClientRect();
    const { across } = this.#drawn;
    if (across) this.#move(Math.floor(((event.clientX - left) / width) * across));
  }

  #pressed(event) {
    const { across } = this.#drawn;
    const far = event.shiftKey ? 10 : 1;
    const to = {
      ArrowLeft: this.#cell - far, ArrowRight: this.#cell + far, ArrowDown: this.#cell - far, ArrowUp: this.#cell + far,
      PageDown: this.#cell - 100, PageUp: this.#cell + 100, Home: 0, End: across - 1,
    }[event.key];
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (to !== undefined) this.#move(to);
    else if (event.key === "+") this.zoom(1 / 4);
    else if (event.key === "-") this.zoom(4);
    else if (event.key === "0") this.view(0, 0);
    else if (event.key === "Enter") this.zoomTo();
    else return;
    event.preventDefault();
  }

  #move(cell) {
    const { across } = this.#drawn;
    if (!across) return;
    this.#cell = Math.max(0, Math.min(across - 1, cell));
    this.#cursor.hidden = false;
    const [left, right] = [this.#cell / across, (this.#cell + 1) / across];
    this.#cursor.style.left = `${100 * left}%`;
    this.#cursor.style.width = `max(1px, ${100 * (right - left)}%)`;
    this.#read();
  }

  async #read() {
    const at = await this.#ask({ type: "read", cell: this.#cell });
    if (!at.across || at.cell !== this.#cell) return;
    const subscribed = this.#rows.filter((_, row) => at.means[row] > 0).map(({ id }) => id);
    const mean = at.means.reduce((sum, value) => sum + value, 0) / (at.means.length || 1);
    let text;
    if (at.count === 1) {
      const name = await this.#nameOf(at.column);
      text = `${name?.name ?? "a channel"} · ${figure(name?.viewers ?? 0)} viewers · ${subscribed.length} of ${at.means.length} Readers: ${subscribed.join(", ")}`;
      this.dispatchEvent(new CustomEvent("channel", { detail: name }));
    } else {
      text = `channels ${figure(at.first + 1)}–${figure(at.first + at.count)} of ${figure(at.all)} · on ${(100 * mean).toFixed(1)}% of the Readers`;
      this.dispatchEvent(new CustomEvent("channel", { detail: null }));
    }
    this.#readout.textContent = text;
    this.#stage.setAttribute("aria-valuemax", String(at.across - 1));
    this.#stage.setAttribute("aria-valuenow", String(at.cell));
    this.#stage.setAttribute("aria-valuetext", text);
  }

  /** Asked for when the cursor rests: names of 90,000 channels are not kept here. */
  #resting = null;
  #known = { column: -1, name: null, at: 0 };

  #nameOf(column) {
    const now = Date.now();
    if (this.#known.column === column && now - this.#known.at < 2_000) return this.#known.name;
    this.#resting?.(null);
    return new Promise((resolve) => {
      this.#resting = resolve;
      setTimeout(async () => {
        if (this.#resting !== resolve) return;
        try {
          const response = await fetch(`/statistics/channels?columns=${column}`);
          const [name] = response.ok ? (await response.json()).channels : [];
          this.#known = { column, name: name ?? null, at: Date.now() };
        } catch {
          this.#known = { column, name: null, at: Date.now() };
        }
        resolve(this.#known.name);
      }, 120);
    });
  }

  // --- The worker

  #ask(question) {
    this.#number += 1;
    const id = this.#number;
    return new Promise((resolve) => {
      this.#asked.set(id, resolve);
      this.post({ ...question, id });
    });
  }

  /** What the picture is made from, for tests. */
  inspect(width) {
    return this.#ask({ type: "cells", width });
  }

  #told(data) {
    if (data.type === "read") {
      this.#asked.get(data.id)?.(data);
      this.#asked.delete(data.id);
    } else if (data.type === "loaded") {
      this.dispatchEvent(new CustomEvent("loaded", { detail: data.head }));
    } else if (data.type === "lost") {
      this.dispatchEvent(new Event("lost"));
    } else if (data.type === "drawn" && data.name === "live") {
      this.#drawn = data;
      if (this.#isPainted && data.channels) {
        performance.mark("map-painted", { startTime: data.at - performance.timeOrigin });
        this.#isPainted();
        this.#isPainted = null;
      }
      this.#explain();
      if (!this.#cursor.hidden) this.#move(this.#cell);
      this.dispatchEvent(new Event("drawn"));
    }
  }

  #explain() {
    const { across, channels, all } = this.#drawn;
    const per = across ? channels / across : 0;
    const each = per > 1 ? `${per.toFixed(per < 10 ? 1 : 0)} channels` : "one channel";
    const part = channels < all ? `${figure(channels)} of ${figure(all)} channels are shown. ` : "";
    const text = all === 0 ? "" : `${part}A bar is ${each}, as high and bright as the part that the Reader is subscribed to.`;
    if (this.#legend.textContent !== text) this.#legend.textContent = text;
  }

  /** Tells the worker how large the picture is: when it may have changed, and as soon as it is part of the page. */
  resize() {
    const ratio = devicePixelRatio;
    this.#stage.style.height = `${24 * Math.max(1, this.#rows.length)}px`;
    this.post({ type: "size", name: "live", width: this.#stage.clientWidth, ratio, slots: this.slots });
  }

  #theme() {
    const style = getComputedStyle(document.documentElement);
    const rgb = (name) => /^#(..)(..)(..)$/.exec(style.getPropertyValue(name).trim()).slice(1).map((part) => parseInt(part, 16));
    this.post({
      type: "theme", isLight: matchMedia("(prefers-color-scheme: light)").matches,
      colours: [rgb("--ground"), rgb("--hairline")],
    });
  }
}
