import { figure, moment } from "../core/format.js";
import { hash } from "../core/ids.js";
import { h } from "./dom.js";

const HUES = 8;
const PHASES = { sending: "sending", waiting: "sending", stored: "will appear", failed: "not sent" };

/** Rows as elements: makes those that are new, and changes those whose row is another object. */
export class Rows {
  #log;
  #shown = new Map();

  constructor(log) {
    this.#log = log;
  }

  element(id) {
    return this.#shown.get(id)?.element ?? null;
  }

  idAt(index) {
    return this.#log.children[index]?.dataset.id ?? null;
  }

  render(rows) {
    const wanted = new Set(rows.map((row) => row.id));
    for (const [id, { element }] of this.#shown) {
      if (wanted.has(id)) continue;
      element.remove();
      this.#shown.delete(id);
    }
    let next = this.#log.firstElementChild;
    for (const row of rows) {
      const element = this.#elementOf(row);
      if (element === next) next = next.nextElementSibling;
      else this.#log.insertBefore(element, next);
    }
  }

  #elementOf(row) {
    const shown = this.#shown.get(row.id);
    if (!shown) {
      const element = h("div", { "data-id": row.id, tabindex: "-1" });
      fill(element, row);
      this.#shown.set(row.id, { element, row });
      return element;
    }
    if (shown.row !== row) {
      // What was read does not jump when it shrinks.
      if (row.kind === "removed") shown.element.style.minHeight = `${shown.element.offsetHeight}px`;
      fill(shown.element, row);
      shown.row = row;
    }
    return shown.element;
  }
}

function fill(element, row) {
  element.className = `row ${row.kind}`;
  if (row.kind === "comment") {
    element.classList.toggle("own", row.isOwn);
    element.classList.toggle("mention", row.isMention);
    element.classList.toggle("kept", row.isKept === true);
    element.dataset.phase = row.phase ?? "sent";
    const note = PHASES[row.phase];
    element.replaceChildren(
      ...(note ? [h("span", { class: "phase figure" }, note)] : []),
      h("b", { class: `name hue-${hash(row.userid) % HUES}` }, row.userid),
      " ",
      ...(row.answers ? [h("span", { class: "answers quiet" }, `to ${row.answers} `)] : []),
      h("span", { class: "text", dir: "auto" }, row.text),
      ...(row.revision > 1 ? [h("span", { class: "quiet" }, " (edited)")] : []));
  } else if (row.kind === "removed") {
    element.replaceChildren(h("span", { class: "quiet" }, "This comment was removed"));
  } else if (row.kind === "old") {
    element.replaceChildren(
      h("span", { class: "quiet" }, `Kept on this device at ${moment(row.time)}`));
  } else {
    const missing = row.count ? `Load ${figure(row.count)}` : "Load what is missing";
    const text = row.after === null ? "Earlier comments" : missing;
    element.replaceChildren(h("button", { class: "load", type: "button", "data-gap": row.id }, text));
  }
}
