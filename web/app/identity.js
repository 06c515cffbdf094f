import { isId } from "./core/ids.js";

const NAME = "chorus.name";
const GUEST = "chorus.guest";
export const NAME_MAX = 32;

/**
 * Who this person is: a name that they chose, kept on this device, or a guest. Everything asks here, so that signing in
 * can take this place. Tells `change`.
 */
class Identity extends EventTarget {
  constructor() {
    super();
    addEventListener("storage", ({ key }) => key === NAME && this.#changed());
  }

  get isNamed() {
    return this.#name !== null;
  }

  get userid() {
    return this.#name ?? this.#guest;
  }

  /** Why a name cannot be used, or null. */
  problem(name) {
    if (name === "") return "A name is needed.";
    if (name.length > NAME_MAX) return `At most ${NAME_MAX} characters.`;
    return isId(name) ? null : "No spaces and no other signs.";
  }

  /** Whether there is a name in the end: the person is asked for it when there is none. */
  async named() {
    return this.isNamed || (await import("./ui/naming.js")).askName();
  }

  choose(name) {
    localStorage.setItem(NAME, name);
    this.#changed();
  }

  get #name() {
    const name = localStorage.getItem(NAME);
    return name !== null && this.problem(name) === null ? name : null;
  }

  get #guest() {
    const kept = localStorage.getItem(GUEST);
    if (kept && isId(kept)) return kept;
    const made = `guest-${Math.random().toString(36).slice(2, 8)}`;
    localStorage.setItem(GUEST, made);
    return made;
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

export const identity = new Identity();
