import { moment } from "/app/core/common.js";
import { h } from "/app/ui/dom.js";
import { verdict } from "../core/verdict.js";
import { MainFigures } from "./figures.js";

const LAST = "last";

/** Two kept moments side by side, each with its picture of the map. */
export class Moments extends EventTarget {
  kept = {};
  #map;
  #sides = {};
  #last = null;

  constructor(map) {
    super();
    this.#map = map;
    for (const name of ["a", "b"]) this.#sides[name] = this.#makeSide(name);
    this.element = h("section", { class: "moments", hidden: true, "aria-label": "Two moments" },
      ...Object.values(this.#sides).map(({ element }) => element));
  }

  #makeSide(name) {
    const canvas = h("canvas", { "aria-hidden": "true" });
    const time = h("h2", { class: "label" });
    const sentence = h("p", { class: "title" });
    const figures = new MainFigures();
    const element = h("div", { class: "moment", hidden: true },
      h("div", { class: "moment-bar" }, time,
        h("button", { class: "action", type: "button", "aria-label": `Drop moment ${name.toUpperCase()}`, onclick: () => this.drop(name) }, "Drop")),
      sentence, figures.element, h("div", { class: "moment-picture" }, canvas));
    return { element, time, sentence, figures, size: this.#map.addPicture(name, canvas) };
  }

  /** A moment that may become A: it is not shown until then. */
  remember(state, point) {
    this.#last = { state, point, slots: this.#map.slots };
    this.#map.post({ type: "keep", name: LAST });
  }

  /** Shows the moment that was remembered. */
  keepLast(name) {
    if (this.#last) this.keep(name, this.#last.state, this.#last.point, LAST, this.#last.slots);
  }

  forget() {
    this.#last = null;
  }

  /** Keeps what is there now: a state, the last point of the series, and the map. */
  keep(name, state, point, from = undefined, slots = this.#map.slots) {
    this.kept[name] = state.time;
    this.#map.post({ type: "keep", name, from });
    const { element, time, sentence, figures, size } = this.#sides[name];
    time.textContent = `${name.toUpperCase()} · ${moment(state.time)}`;
    sentence.textContent = verdict(state);
    figures.draw({ state, point });
    element.hidden = false;
    this.element.hidden = false;
    size(slots);
    this.dispatchEvent(new Event("change"));
  }

  drop(name) {
    delete this.kept[name];
    this.#map.post({ type: "drop", name });
    this.#sides[name].element.hidden = true;
    this.element.hidden = !this.kept.a && !this.kept.b;
    this.dispatchEvent(new Event("change"));
  }
}
