/**
 * A list that is read page by page, each from the place where the one before ended. Phases: `idle` there may be more; `asking`;
 * `failed`; `done`. What was listed already is left out: a post may move between two pages.
 */
export class Pages {
  items = [];
  phase = "idle";
  #next;
  #key;
  #generation = 0;

  constructor(key = (item) => item.id) {
    this.#key = key;
  }

  /** The place to ask from, or undefined for the beginning; null when nothing is to be asked now. */
  ask() {
    if (this.phase === "asking" || this.phase === "done") return null;
    this.phase = "asking";
    return { after: this.#next, generation: this.#generation };
  }

  /** The answer to `ask`: `{items, next}`, or nothing when there was none. The items that are new. */
  answered({ generation }, page) {
    if (generation !== this.#generation) return [];
    if (!page) {
      this.phase = "failed";
      return [];
    }
    const known = new Set(this.items.map(this.#key));
    const isNew = (item) => !known.has(this.#key(item)) && known.add(this.#key(item));
    const added = page.items.filter(isNew);
    this.items.push(...added);
    this.#next = page.next;
    this.phase = page.next ? "idle" : "done";
    return added;
  }

  /** From the beginning; an answer that is on its way is not taken. */
  again() {
    this.items = [];
    this.phase = "idle";
    this.#next = undefined;
    this.#generation += 1;
  }
}
