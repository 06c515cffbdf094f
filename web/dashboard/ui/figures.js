import { figure } from "/app/core/common.js";
import { h } from "/app/ui/dom.js";

const number = (value, digits = 1) => (value === null || value === undefined ? "–" : value.toFixed(digits));
const whole = (value) => (value === null || value === undefined ? "–" : figure(Math.round(value)));
const seconds = (value) => (value === null || value === undefined ? "–"
  : value < 0.0995 ? `${(1000 * value).toFixed(value < 0.00995 ? 1 : 0)} ms` : `${value.toFixed(value < 9.95 ? 1 : 0)} s`);

/** Name, what it shows of a state and the last point of the series, and what it says in full. */
const MAIN = [
  ["copies", ({ state }) => number(state.amplification), "Deliveries of Redis for one comment: subscriptions by channels"],
  ["weighted", ({ state }) => number(state.weightedAmplification), "The same, each channel by its comments: what Redis pays"],
  ["wasted", ({ state }) => (state.wastedShare === null || state.wastedShare === undefined ? "–" : `${Math.round(100 * state.wastedShare)}%`),
    "Part of the deliveries that one Reader a channel would save"],
  ["deliveries/s", ({ point }) => whole(point.deliveries), "Messages from Redis to all Readers, a second"],
];

const MORE = [
  ["comments/s", ({ point }) => whole(point.published)],
  ["events/s to viewers", ({ point }) => whole(point.events)],
  ["connections", ({ state }) => figure(state.connections)],
  ["channels", ({ state }) => figure(state.channels)],
  ["subscriptions", ({ state }) => figure(state.subscriptions)],
  ["of them extra", ({ state }) => figure(state.extraSubscriptions)],
];

const LATENCY = [
  ["p50", ({ state }) => seconds(state.latency?.p50)],
  ["p99", ({ state }) => seconds(state.latency?.p99)],
  ["p99.9", ({ state }) => seconds(state.latency?.p999)],
  ["count", ({ state }) => (state.latency ? figure(state.latency.count) : "–")],
];

const LIKES = [
  ["likes changed", ({ state }) => (state.likes ? figure(state.likes.changed) : "–")],
  ["stored", ({ state }) => (state.likes ? figure(state.likes.recorded) : "–")],
  ["wait for the database", ({ state }) => (state.likes ? whole(state.likes.backlog) : "–")],
  ["write-behind lag", ({ state }) => (state.likes ? seconds(state.likes.lagSeconds) : "–")],
];

/** A list of names and figures that is made once, and in which only what changed is written. */
class List {
  #cells;

  constructor(entries, className) {
    this.#cells = entries.map(([, show]) => ({ show, element: h("dd", { class: "figure" }, "–") }));
    this.element = h("dl", { class: className }, ...entries.map(([name, , says], index) =>
      h("div", { title: says }, h("dt", {}, name), this.#cells[index].element)));
  }

  draw(context) {
    for (const { show, element } of this.#cells) {
      const text = show(context);
      if (element.textContent !== text) element.textContent = text;
    }
  }
}

/** The four figures under the verdict. */
export class MainFigures extends List {
  constructor() {
    super(MAIN, "main-figures");
  }
}

/** Everything else that is one number, and what was refused. */
export class MoreFigures {
  #lists = [new List(MORE, "figures"), new List(LATENCY, "figures"), new List(LIKES, "figures")];
  #clock = h("p", { class: "quiet" });
  #refusals = h("dl", { class: "figures" });
  #shown = "";

  constructor() {
    const [traffic, latency, likes] = this.#lists;
    const part = (title, ...content) => h("section", { "aria-label": title }, h("h2", { class: "label" }, title), ...content);
    this.element = h("div", { class: "more-figures" },
      part("Traffic", traffic.element),
      part("Comment to socket", latency.element, this.#clock),
      part("Likes", likes.element),
      part("Refusals and disconnects", this.#refusals));
  }

  draw(context) {
    for (const list of this.#lists) list.draw(context);
    const { state } = context;
    const clock = state.latency ? `Last ${state.latency.seconds} s. ${state.latency.clock}.` : "No Reader reports times.";
    if (this.#clock.textContent !== clock) this.#clock.textContent = clock;
    this.#drawRefusals(state);
  }

  #drawRefusals(state) {
    const sums = new Map();
    const add = (of, counts) => {
      for (const [code, count] of Object.entries(counts)) {
        if (count > 0) sums.set(`${of} ${code}`, (sums.get(`${of} ${code}`) ?? 0) + count);
      }
    };
    add("comment", state.refusals);
    if (state.likes) add("like", state.likes.refusals);
    for (const reader of state.readers) {
      add("connect", reader.refusals);
      add("ended", reader.disconnects);
    }
    const rows = [...sums].sort(([, one], [, other]) => other - one).slice(0, 12);
    const text = JSON.stringify(rows);
    if (text === this.#shown) return;
    this.#shown = text;
    this.#refusals.replaceChildren(...(rows.length
      ? rows.map(([code, count]) => h("div", {}, h("dt", {}, code.replaceAll("_", " ")), h("dd", { class: "figure" }, figure(count))))
      : [h("div", {}, h("dt", {}, "none"), h("dd", { class: "figure" }, "0"))]));
  }
}
