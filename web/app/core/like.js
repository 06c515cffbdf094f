import { backoff } from "./backoff.js";

const TRY_FOR = 60_000;

/**
 * One photo's heart: what the server said last, and what the person wants. The largest version wins, however answers
 * and events come. Shown is the server's count, with the person's own change as long as it is not answered.
 */
export class Like {
  #random;
  #liked = false;
  #count = 0;
  #version = -1;
  #wanted = null;
  #isAsking = false;
  #held = null;
  #attempt = 0;
  #since = 0;

  /** When `timer(now)` is due, or null. */
  deadline = null;

  constructor(random = Math.random) {
    this.#random = random;
  }

  get liked() {
    return this.#wanted ?? this.#liked;
  }

  get count() {
    const change = this.#wanted === null || this.#wanted === this.#liked ? 0 : this.#wanted ? 1 : -1;
    return Math.max(0, this.#count + change);
  }

  get isKnown() {
    return this.#version >= 0;
  }

  get isPending() {
    return this.#wanted !== null;
  }

  /** A state event, or an answer to a question. While a like is under way its own event cannot be told apart: it waits. */
  learned({ count, version, liked }) {
    if (liked !== undefined && !this.isPending) this.#liked = liked;
    if (this.#isAsking) {
      if (!this.#held || version > this.#held.version) this.#held = { count, version };
    } else this.#take(count, version);
  }

  /** The person pressed the heart: whether to ask now for `liked`. */
  press(now) {
    this.#wanted = !this.liked;
    this.#since = now;
    return this.#ask();
  }

  /** The request's answer: `{liked, count, version}`, or `{status, retryAfter}` of a refusal. Whether to ask again now. */
  answered(answer, now) {
    this.#isAsking = false;
    this.#release();
    if (answer.version !== undefined) {
      this.#liked = answer.liked;
      this.#take(answer.count, answer.version);
      this.#attempt = 0;
      if (this.#wanted === this.#liked) this.#wanted = null;
      return this.#ask();
    }
    const isFinal = answer.status >= 400 && answer.status < 500 && answer.status !== 429;
    if (isFinal || now - this.#since > TRY_FOR) {
      this.#wanted = null;
      this.#attempt = 0;
      return false;
    }
    this.#attempt += 1;
    this.deadline = now + Math.max(answer.retryAfter ?? 0, backoff(this.#attempt, this.#random));
    return false;
  }

  /** Whether to ask now. */
  timer(now) {
    if (this.deadline === null || now < this.deadline) return false;
    this.deadline = null;
    return this.#ask();
  }

  #ask() {
    if (this.#isAsking || this.deadline !== null || this.#wanted === null) return false;
    if (this.#wanted === this.#liked && this.#attempt === 0) {
      this.#wanted = null;
      return false;
    }
    this.#isAsking = true;
    return true;
  }

  #take(count, version) {
    if (version <= this.#version) return;
    this.#count = count;
    this.#version = version;
  }

  #release() {
    if (this.#held) this.#take(this.#held.count, this.#held.version);
    this.#held = null;
  }
}
