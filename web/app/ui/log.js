import { figure, hash, moment } from "../core/common.js";
import { h } from "./dom.js";

const NEAR_END = 48;
const HUES = 8;
/** Text whose letters fit into their line. Combining marks, which pile up, belong to no script of these. */
const FLAT = /^[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Common}]*$/u;
const PHASES = { sending: "sending", waiting: "sending", stored: "will appear", failed: "not sent" };

/**
 * Whether the reader follows the end of a scrolled element, or holds a place further up. Changes run inside `keep`, so
 * that nothing moves under the reader.
 */
export class Follow {
  isFollowing = true;
  #scroller;
  #onChange;
  #top = 0;

  constructor(scroller, onChange) {
    this.#scroller = scroller;
    this.#onChange = onChange;
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.isFollowing && this.toEnd()).observe(scroller);
  }

  toEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#top = this.#scroller.scrollTop;
    this.#set(true);
  }

  /** The rows that can be seen, as indices of the scroller's children: `{first, last}`. */
  visible() {
    const { children } = this.#scroller;
    const top = this.#scroller.scrollTop;
    const first = firstBelow(children, top);
    let last = first;
    while (last + 1 < children.length && children[last + 1].offsetTop < top + this.#scroller.clientHeight) last += 1;
    return { first, last };
  }

  /** Runs a change of the children and keeps the end, or else the first row that stays where it was. */
  keep(change) {
    // The reader may have scrolled, and the event is still on its way.
    if (this.#scroller.scrollTop !== this.#top) this.#scrolled();
    if (this.isFollowing) {
      change();
      this.#scroller.scrollTop = this.#scroller.scrollHeight;
      this.#top = this.#scroller.scrollTop;
      return;
    }
    const { first, last } = this.visible();
    const before = [...this.#scroller.children].slice(first, last + 1).map((row) => [row, row.offsetTop]);
    change();
    // A gap stays at the edge that it is loaded from, so it is the last that holds a place.
    const there = before.filter(([row]) => row.isConnected);
    const anchor = there.find(([row]) => !row.matches(".gap")) ?? there[0];
    if (anchor && anchor[0].offsetTop !== anchor[1]) this.#scroller.scrollTop += anchor[0].offsetTop - anchor[1];
    this.#top = this.#scroller.scrollTop;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    this.#top = scrollTop;
    this.#set(scrollHeight - scrollTop - clientHeight <= NEAR_END);
  }

  #set(isFollowing) {
    if (isFollowing === this.isFollowing) return;
    this.isFollowing = isFollowing;
    this.#onChange(isFollowing);
  }
}

/** The first child that reaches below `top`. */
function firstBelow(children, top) {
  let low = 0;
  let high = Math.max(0, children.length - 1);
  while (low < high) {
    const middle = (low + high) >> 1;
    if (children[middle].offsetTop + children[middle].offsetHeight > top) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Rows as elements: makes those that are new, and changes those whose row is another object. */
export class Rows {
  #log;
  #shown = new Map();
  /** What stands there from the start does not arrive. */
  #isBegun = false;

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
    this.#isBegun = rows.length > 0;
  }

  #elementOf(row) {
    const shown = this.#shown.get(row.id);
    if (!shown) {
      const element = h("div", { "data-id": row.id, tabindex: "-1" });
      fill(element, row);
      if (this.#isBegun && !this.#log.classList.contains("busy")) element.classList.add("arriving");
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
    element.classList.toggle("cut", !FLAT.test(row.text));
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
